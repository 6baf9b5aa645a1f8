# ruff: noqa: E501 -- lines of logs as Nextflow writes them
"""Log, trace and console as Nextflow 24.10 really wrote them, read piece by piece, rotated, cut off, broken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.progress.console import error_sentences
from gateway.progress.detail import newest_detail
from gateway.progress.follow import Follower, tail
from gateway.progress.log import Aborted, Cached, Ended, Goodbye, Native, fact, process_of, round_of
from gateway.progress.trace import read_trace
from gateway.progress.tracker import Tracker

LOG = """\
Nov-26 14:24:50.300 [main] DEBUG nextflow.Session - Session UUID: 49ea06eb-a9e0-46e4-8975-55d992e3ec56
Nov-26 14:24:50.498 [main] DEBUG nextflow.Session - Work-dir: /tmp/a b/work [ext2/ext3]
Nov-26 14:24:59.398 [main] DEBUG nextflow.processor.TaskProcessor - Starting process > LLAMAFLOW:PREFLIGHT
Nov-26 14:24:59.922 [Task submitter] INFO  nextflow.Session - [13/607e20] Cached process > LLAMAFLOW:PREFLIGHT (test)
Nov-26 14:25:12.936 [Task submitter] INFO  nextflow.Session - [52/0b4fa7] Submitted process > LLAMAFLOW:FETCH_BASE (/check/work/main/tests/data/tiny-llama)
Nov-26 14:25:14.641 [Task monitor] DEBUG n.processor.TaskPollingMonitor - Task completed > TaskHandler[id: 2; name: LLAMAFLOW:FETCH_BASE (/check/work/main/tests/data/tiny-llama); status: COMPLETED; exit: 0; error: -; workDir: /tmp/a/work/52/0b4fa7e4c56c02cfa5039c62bb8692]
Nov-26 14:25:51.265 [Task submitter] INFO  nextflow.Session - [a6/b9d811] Submitted process > LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)
Nov-26 14:26:10.481 [Task monitor] DEBUG n.processor.TaskPollingMonitor - Task completed > TaskHandler[id: 8; name: LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test); status: COMPLETED; exit: 143; error: -; workDir: /tmp/a/work/a6/b9d811f1e99f340aa553812c43b4ce]
Nov-26 14:26:10.490 [TaskFinalizer-8] DEBUG nextflow.processor.TaskProcessor - Handling unexpected condition for
  task: name=LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test); work-dir=/tmp/a/work/a6/b9d811f1e99f340aa553812c43b4ce
[99/999999] Submitted process > NOT_A_LOG_LINE
Nov-26 14:26:10.513 [Task submitter] INFO  nextflow.Session - [08/78774c] Re-submitted process > LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)
"""  # noqa: E501


def tracked(text: str) -> Tracker:
    tracker = Tracker()
    for line in text.splitlines():
        tracker.add(fact(line))
    return tracker


def test_a_real_log_becomes_progress():
    tracker = tracked(LOG)
    assert tracker.session_id == "49ea06eb-a9e0-46e4-8975-55d992e3ec56" and tracker.work_folder == "/tmp/a b/work"
    assert not tracker.said_goodbye and tracker.aborted_by is None
    counts = {"done": 0, "running": 1, "failed": 1, "cached": 0}
    assert tracker.progress() == {
        "PREFLIGHT": {"done": 1, "running": 0, "failed": 0, "cached": 1},
        "FETCH_BASE": {"done": 1, "running": 0, "failed": 0, "cached": 0},
        "FINETUNE": counts | {"rounds": {"1": counts}},
    }
    assert list(tracker.progress()) == ["PREFLIGHT", "FETCH_BASE", "FINETUNE"]  # as they came
    assert tracker.running == {"08/78774c": "LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)"}


HEAD = "Nov-26 11:20:02.606 [main] DEBUG x.Y - "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (HEAD + "Session aborted -- Cause: SIGTERM", Aborted("SIGTERM")),
        (HEAD + "Session aborted -- Cause: Process `LLAMAFLOW:PREPARE (test)` terminated with an error exit status (2)", None),
        (HEAD + "> Execution complete -- Goodbye", Goodbye()),
        (HEAD + "[0c/fe8c6c] Stored process > STORED (1)", Cached("0c/fe8c6c", "STORED (1)")),
        (HEAD + "[SLURM] submitted process A:B (x) > jobId: 4711; workDir: /w/ab/cdef0123", Native("ab/cdef01", "SLURM", "4711")),
        (
            HEAD
            + "Task completed > TaskHandler[jobId: 4711; id: 3; name: A:B (x); status: COMPLETED; exit: 0; error: -; workDir: /w/ab/cdef0123 "
            "started: 1732620000000; exited: 2026-11-26T14:25:00Z; ]",
            Ended("ab/cdef01", "A:B (x)", 0),
        ),
        (
            HEAD
            + "Task completed > TaskHandler[id: 3; name: A (x; y); status: COMPLETED; exit: -; error: nextflow.E: a; b; workDir: /w/ab/cdef0123]",
            Ended("ab/cdef01", "A (x; y)", None),
        ),
        ("  [0c/fe8c6c] Submitted process > IN_A_MESSAGE", None),
        (HEAD + "Session UUID: not-a-uuid", None),
        ("", None),
    ],
)
def test_single_lines(line, expected):
    assert fact(line) == expected


def test_names():
    assert process_of("LLAMAFLOW:ROUNDS:ROUND_2:EVALUATE (candidate 2)") == "EVALUATE" and process_of("REPORT") == "REPORT"
    assert process_of("A:FETCH (/path:with/colons (and brackets))") == "FETCH"
    assert round_of("LLAMAFLOW:ROUNDS:ROUND_2:EVALUATE (candidate)") == "2"
    assert round_of("LLAMAFLOW:EVALUATE (:ROUND_3:)") is None


def test_jobs_of_a_scheduler_are_known_while_they_run():
    lines = [f"[{letter}a/000000] Submitted process > A ({letter})" for letter in "ab"]
    lines += [
        f"[SLURM] submitted process A ({letter}) > jobId: {job}; workDir: /w/{letter}a/00000000" for letter, job in (("a", 1), ("b", 2))
    ]
    lines += [
        "Task completed > TaskHandler[jobId: 1; id: 1; name: A (a); status: COMPLETED; exit: 0; error: -; workDir: /w/aa/00000000 started: 1]"
    ]
    assert tracked("\n".join(HEAD + line for line in lines)).jobs_left == {"slurm": ["2"]}


def test_an_end_that_is_logged_before_its_start_counts():
    lines = LOG.splitlines()
    start, end = lines[4], lines[5]
    assert tracked("\n".join([end, start])).progress()["FETCH_BASE"]["done"] == 1


@given(st.lists(st.integers(0, len(LOG)), max_size=12))
def test_the_same_lines_come_out_however_the_file_grows(tmp_path_factory, cuts):
    path = tmp_path_factory.mktemp("log") / "log"
    follower, lines = Follower(path), []
    assert follower.read() == []
    edges = [0, *sorted(cuts), len(LOG)]
    with path.open("ab", buffering=0) as file:
        for begin, end in zip(edges, edges[1:], strict=False):
            file.write(LOG[begin:end].encode())
            lines += follower.read()
    assert lines == LOG.splitlines()
    follower.close()


def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(tmp_path):
    path = tmp_path / "log"
    path.write_text("one\ntwo\nhalf")
    follower = Follower(path)
    assert follower.read() == ["one", "two"]
    with path.open("a") as file:
        file.write(" a line\nthree\n")
        os.rename(path, tmp_path / "log.1")
        path.write_text("four\n")
        file.write("last words")
    assert follower.read() == ["half a line", "three"]
    assert follower.read() == ["last words", "four"]
    assert follower.read() == []
    follower.close()


def test_a_log_that_was_cut_off_is_read_from_its_start(tmp_path):
    path = tmp_path / "log"
    path.write_text("a long first line\nsecond\n")
    follower = Follower(path)
    assert len(follower.read()) == 2
    path.write_text("new\n")  # the same file, shorter
    assert follower.read() == ["new"]
    follower.close()


def test_broken_text_and_endless_lines_do_no_harm(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"caf\xc3\xa9 \xff\r\n" + b"x" * (5 * 1024 * 1024))
    follower = Follower(path)
    assert follower.read() == ["café �"]
    assert follower.read() == []
    assert len(follower._rest) <= 1024 * 1024
    follower.close()


TRACE = "task_id\thash\tname\tstatus\texit\n1\t39/e61a55\tLLAMAFLOW:PREFLIGHT (test)\tCACHED\t0\n8\ta6/b9d811\tLLAMAFLOW:FINETUNE\tFAILED\t143\n9\t08/7877"


def test_trace_rows_by_column_without_half_a_line():
    rows = read_trace(TRACE)
    assert [row["status"] for row in rows] == ["CACHED", "FAILED"] and rows[1]["exit"] == "143"
    assert read_trace("") == [] and read_trace("task_id\tha") == [] and read_trace("a\tb\n1\n") == []


CONSOLE = """\
[bc/3ec04a] Submitted process > LLAMAFLOW:PREPARE (test)
ERROR ~ Error executing process > 'LLAMAFLOW:PREPARE (test)'

Caused by:
  Process `LLAMAFLOW:PREPARE (test)` terminated with an error exit status (2)


Command error:
  Fulana de Tal, CPF 111.444.777-35
  error: too many duplicates
    at: same.jsonl

 -- Check '/x/.nextflow.log' file for details
"""


def test_the_steps_own_sentences_are_the_error():
    closing = "\nLlamaFlow stopped; -resume goes on where it was.\nerror: 1 record is left\nat: same.jsonl\nwhy: the rest are duplicates\nfix: give more\n"
    assert error_sentences(CONSOLE + closing) == "error: 1 record is left\nat: same.jsonl\nwhy: the rest are duplicates\nfix: give more"


def test_without_them_only_the_process_is_named_and_no_output_of_a_command():
    assert error_sentences(CONSOLE) == "Process `LLAMAFLOW:PREPARE (test)` terminated with an error exit status (2)"
    assert error_sentences(CONSOLE + "\nLlamaFlow stopped; -resume goes on where it was.\n\n") == error_sentences(CONSOLE)


BANNER = "N E X T F L O W  ~  version 24.10.0\nLaunching `/x/main.nf` [sad_picasso] DSL2 - revision: e969b659cf\n"


@pytest.mark.parametrize(
    "text",
    [
        BANNER + "--lora_rank abc: not a whole number\n--epochs -1: less than 0\nSee --help.\n",  # 24.10 with -ansi-log false
        "\x1b[31mERROR\x1b[0m ~ --lora_rank abc: not a whole number\n--epochs -1: less than 0\nSee --help.\n\n -- Check script 'main.nf' at line: 5\n",
    ],
)
def test_what_main_nf_refuses_with_is_the_error(text):
    assert error_sentences(text) == "--lora_rank abc: not a whole number\n--epochs -1: less than 0"


def test_what_nextflow_itself_refuses_with_is_the_error():
    text = (
        BANNER
        + "WARN: something\n[13/607e20] Submitted process > A\nUnknown configuration profile: 'tset'\n\nDid you mean one of these?\n    test\n\n"
    )
    assert error_sentences(text) == "Unknown configuration profile: 'tset'\nDid you mean one of these?\ntest"
    assert error_sentences(BANNER) == "" and error_sentences("") == ""


def test_a_report_of_a_task_without_a_cause_is_not_quoted():
    assert error_sentences(BANNER + CONSOLE.replace("terminated with an error exit status (2)", "did something new")) == ""


def test_a_running_task_tells_how_far_it_is(tmp_path):
    folder = tmp_path / "08" / "78774c00000000000000000000000000"
    folder.mkdir(parents=True)
    out = folder / ".command.out"
    assert newest_detail(tmp_path, "08/78774c") is None
    out.write_text(
        'start\n{"progress": "finetune", "done": 1, "total": 24}\n'
        '{"progress": "finetune", "done": 12, "total": 24, "unit": "step", "loss": 1.93, "text": "Fulana de Tal", "eta_s": 100}\n{"progress": "fine'
    )
    assert newest_detail(tmp_path, "08/78774c") == {
        "progress": "finetune",
        "done": 12,
        "total": 24,
        "unit": "step",
        "loss": 1.93,
        "eta_s": 100,
    }
    out.write_text('{"progress": {"a": 1}, "done": 1}\n')
    assert newest_detail(tmp_path, "08/78774c") is None
    assert newest_detail(tmp_path, "ff/000000") is None


def test_the_tail_of_a_file(tmp_path):
    (tmp_path / "file").write_text("0123456789")
    assert tail(tmp_path / "file", 4) == "6789" and tail(tmp_path / "file", 99) == "0123456789" and tail(Path("/nowhere"), 4) == ""
