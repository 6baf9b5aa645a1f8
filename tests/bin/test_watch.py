"""watch.py passes Nextflow's lines, exit code and signals through, and shows what tasks say of themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import watch

SCRIPT = Path(watch.__file__)


def script(folder: Path, text: str) -> Path:
    path = folder / "nextflow"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(folder: Path, *command: object, **environment: str) -> subprocess.CompletedProcess:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NXF_")} | {"COLUMNS": "60"} | environment
    words = [sys.executable, str(SCRIPT), *map(str, command)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8", env=variables, timeout=60, check=False)


def task(
    work: str, progress: str = '{"progress": "finetune", "done": 12, "total": 24, "unit": "step", "eta_s": 100.0, "loss": 1.93}'
) -> str:
    """Shell lines that do what Nextflow and one of its tasks would do; the task ends after the first look at it."""
    folder = f"{work}/ab/123456789abcdef"
    return f"""
        mkdir -p {folder}
        echo 'reading' > {folder}/.command.out
        echo '{progress}' >> {folder}/.command.out
        echo '[ab/123456] Submitted process > LLAMAFLOW:TRAINING:FINETUNE (lora)'
        sleep 1.2
        printf 0 > {folder}/.exitcode
        echo 'done'
    """


@pytest.mark.parametrize("code", [0, 1, 2, 3, 143])
def test_lines_and_exit_code_pass_through(tmp_path: Path, code: int) -> None:
    done = run(tmp_path, script(tmp_path, f"echo out; echo err >&2; exit {code}"))
    assert done.returncode == code
    assert done.stdout == "out\nerr\n"


def test_a_child_killed_by_a_signal_is_told_as_a_shell_would(tmp_path: Path) -> None:
    assert run(tmp_path, script(tmp_path, "kill -KILL $$")).returncode == 137


def test_lines_are_not_changed(tmp_path: Path) -> None:
    lines = [
        "[00/aaaaaa] Submitted process > A:FIRE:B (:smile: [bold]x[/bold] [/] \\[red])",
        "  indented, " + "long " * 60 + "end  ",
        "https://example.org/a?b=[c] 'quoted' \\n 100% ação … 日本",
        "",
        "last",
    ]
    (tmp_path / "lines").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run(tmp_path, "cat", "lines").stdout.split("\n") == [*lines, ""]


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"\xff\xfe broken\nafter\n")
    done = run(tmp_path, "cat", "lines")
    assert done.returncode == 0 and done.stdout.endswith("after\n")


@pytest.mark.parametrize(
    ("work", "arguments", "environment"),
    [
        ("work", [], {}),
        ("elsewhere", ["-w", "elsewhere"], {}),
        ("elsewhere", ["-work-dir", "elsewhere", "--input", "x"], {}),
        ("elsewhere", [], {"NXF_WORK": "elsewhere"}),
        ("elsewhere", ["-w", "elsewhere"], {"NXF_WORK": "work"}),
    ],
)
def test_what_a_task_says_is_shown(tmp_path: Path, work: str, arguments: list[str], environment: dict[str, str]) -> None:
    done = run(tmp_path, script(tmp_path, task(work)), "run", ".", *arguments, **environment)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "[ab/123456] Submitted process > LLAMAFLOW:TRAINING:FINETUNE (lora)",
        "  … FINETUNE (lora): 12/24 step  loss 1.93  1:40 left",
        "done",
    ]


@pytest.mark.parametrize(
    "progress",
    ["", '{"progress": "finetune", "done": 1', '{"progress": 5}', '{"progress": "x", "done": 1, "eta_s": "soon"}', '{"progress"'],
)
def test_a_half_written_or_foreign_line_is_no_progress_and_no_crash(tmp_path: Path, progress: str) -> None:
    done = run(tmp_path, script(tmp_path, task("work", progress)))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def test_the_newest_whole_line_is_taken_also_from_the_end_of_a_long_file(tmp_path: Path) -> None:
    lines = [json.dumps({"progress": "x", "done": n, "total": 9999, "unit": "é"}, ensure_ascii=False) for n in range(2000)]
    (tmp_path / ".command.out").write_text("\n".join([*lines, "something else", lines[-1][:20]]), encoding="utf-8")
    assert watch.Task("x", tmp_path, 0.0).progress() == "1999/9999 é"
    assert watch.Task("x", tmp_path / "gone", 0.0).progress() == ""


@given(
    st.dictionaries(
        st.sampled_from(["total", "unit", "elapsed_s", "eta_s", "loss", "faixa"]), st.none() | st.integers(0, 10**6) | st.floats(0, 1e6)
    ),
    st.integers(0, 10**9),
)
def test_every_progress_line_can_be_said_in_words(values: dict, done: int) -> None:
    said = watch.describe({"progress": "x", "done": done} | values)
    assert said.startswith(str(done)) and "\n" not in said
    assert ("left" in said) == bool(values.get("eta_s"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_nextflow_and_its_exit_code_comes_back(tmp_path: Path, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    command = script(tmp_path, f"trap 'echo got {name}; exit 42' {name}\necho ready\nwhile :; do sleep 0.1; done")
    # CI may have started us with signals ignored, and children inherit that.
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(command)],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (rest, process.returncode) == (f"got {name}\n", 42)


def test_a_command_that_does_not_exist_is_told_without_a_trace(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path / "no-nextflow")
    assert done.returncode == 127
    assert "no-nextflow cannot be run" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["-h"], 0), (["--help"], 0)])
def test_help(arguments: list[str], code: int, capsys: pytest.CaptureFixture) -> None:
    assert watch.main(arguments) == code
    assert "watch.py nextflow run" in capsys.readouterr().out


def test_a_work_folder_option_without_its_value_is_nextflows_to_refuse(tmp_path: Path) -> None:
    assert run(tmp_path, script(tmp_path, "echo missing value; exit 1"), "-w").stdout == "missing value\n"


def test_a_terminal_gets_a_live_view_and_all_lines(tmp_path: Path) -> None:
    import pty

    command = script(tmp_path, task("work"))
    terminal, other = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(command)], cwd=tmp_path, stdout=other, stderr=other, env=environment)
    os.close(other)
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux: the other side closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(terminal)
    assert process.wait(timeout=30) == 0
    text = shown.decode()
    assert (
        "Submitted process > LLAMAFLOW:TRAINING:FINETUNE (lora)" in text and "12/24 step  loss 1.93  1:40 left" in text and "done" in text
    )
