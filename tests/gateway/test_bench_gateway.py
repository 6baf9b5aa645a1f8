"""benchmarks/gateway: its counts notice what is broken, and the whole of it runs in small."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from benchmarks.gateway.drain import examine
from benchmarks.gateway.receiver import Receiver
from benchmarks.gateway.run import worst
from benchmarks.gateway.servers import STAND_IN, stand_ins
from benchmarks.gateway.tally import Note, count_events, count_runs, percentile, percentile_of_time
from gateway.runs.states import State, Trigger
from gateway.runs.transitions import move
from gateway.store.tables import Run

ROOT = Path(__file__).parents[2]
ONCE = ["start 11", "end 11"]


def test_runs_that_went_well_are_neither_lost_nor_doubled():
    counted = count_runs("ab", dict.fromkeys("ab", "COMPLETE"), {"a": ONCE, "b": ONCE}, {"a": 1, "b": 1})
    assert counted == ([], [])


@pytest.mark.parametrize(
    ("state", "marks", "completions"),
    [
        ("QUEUED", [], 0),
        ("RUNNING", ONCE, 0),
        ("SYSTEM_ERROR", ONCE, 0),
        ("COMPLETE", [], 1),  # nothing was ever launched
        ("COMPLETE", ["start 11"], 1),  # it died in the middle
        ("COMPLETE", ["start 11", "end 12"], 1),
        ("COMPLETE", ONCE, 0),  # nobody was told
        (None, [], 0),  # its row is gone
    ],
)
def test_a_lost_run_is_noticed(state, marks, completions):
    states = {"good": "COMPLETE"} | ({"bad": state} if state else {})
    assert count_runs(["good", "bad"], states, {"good": ONCE, "bad": marks}, {"good": 1, "bad": completions}).lost == ["bad"]


@pytest.mark.parametrize(
    ("marks", "completions"),
    [
        (["start 11", "start 12", "end 11", "end 12"], 1),
        (["start 11", "start 12", "end 12"], 1),  # the first one was cut off
        (["start 11", "start 11", "end 11"], 1),
        (ONCE, 2),
    ],
)
def test_a_doubled_run_is_noticed(marks, completions):
    counted = count_runs(
        ["good", "bad"], dict.fromkeys(("good", "bad"), "COMPLETE"), {"good": ONCE, "bad": marks}, {"good": 1, "bad": completions}
    )
    assert counted == ([], ["bad"])


def test_the_database_and_launch_folders_of_real_runs_are_read(gateway, tmp_path):
    ids = ["good", "lost", "twice"]
    for run_id in ids:
        folder = gateway.settings.home / "runs" / run_id
        folder.mkdir(parents=True)
        (folder / "params.json").write_text("{}")
        command = [STAND_IN, "-log", folder / "log", "run", ".", "-params-file", folder / "params.json"]
        for _ in range({"good": 1, "lost": 0, "twice": 2}[run_id]):
            subprocess.run(command, cwd=folder, check=True, timeout=20)
        with gateway.store.write() as session:
            run = Run(
                id=run_id, state=State.RUNNING.value, key_id="k", workflow_url="llamaflow", folder=str(folder), outdir=f"{folder}/results"
            )
            session.add(run)
            session.flush()
            move(session, run, Trigger.FINISHED)
    found = examine(gateway.store, gateway.settings.home, ids)
    assert found["runs_lost"] == 1 and found["runs_duplicated"] == 1 and found["launches"] == 3 and found["unasked"] == 0
    assert examine(gateway.store, gateway.settings.home, ["good"]) | {"unasked": 2} == found | {
        "runs_lost": 0, "runs_duplicated": 0, "launches": 1, "unasked": 2
    }  # fmt: skip


def test_only_processes_of_this_site_are_taken_for_its_own(tmp_path):
    """Another one that merely names its folder is somebody else's."""
    (tmp_path / "params.json").write_text("{}")
    command = [STAND_IN, "-log", tmp_path / "log", "run", ".", "-params-file", tmp_path / "params.json"]
    mine, other = tmp_path / "stop", tmp_path / "other"
    one = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"NXF_STANDIN_S": "60", "NXF_STANDIN_STOP": str(mine)})
    stranger = subprocess.Popen(["sleep", "60"], cwd=tmp_path, env=os.environ | {"NXF_STANDIN_STOP": str(other), "ABOUT": str(mine)})
    try:
        pids = {process.pid for process in stand_ins(mine)}
    finally:
        stranger.kill()
        mine.touch()
        stranger.wait()
        one.wait(timeout=20)
    assert one.pid in pids and stranger.pid not in pids and os.getpid() not in pids


def journal(*events: tuple[str, int]) -> list[Note]:
    """Calls that all went well."""
    return [Note(what, f"{run}{sequence}", run, sequence) for run, sequence in events for what in ("arrived", "taken", "accepted")]


GOOD = journal(("a", 1), ("b", 1), ("a", 2), ("b", 2))
EXPECTED = {"a": 2, "b": 2}


def test_events_that_came_in_order_and_once_are_all_well():
    assert count_events(EXPECTED, GOOD) == ([], 0, 0, 0, 0, 0)


@pytest.mark.parametrize("gone", range(4))
def test_a_lost_event_is_noticed(gone):
    assert len(count_events(EXPECTED, GOOD[: 3 * gone] + GOOD[3 * gone + 3 :]).lost) == 1


def test_an_event_that_was_never_accepted_is_lost_though_it_arrived():
    calls = [note for note in GOOD if not (note.what == "accepted" and note.id == "b2")]
    assert count_events(EXPECTED, calls).lost == [("b", 2)]


def test_an_event_before_its_time_is_noticed():
    assert count_events({"a": 2}, journal(("a", 2), ("a", 1))).out_of_order == 1
    overtaken = [Note("arrived", "a1", "a", 1), *journal(("a", 2)), Note("taken", "a1", "a", 1), Note("accepted", "a1", "a", 1)]
    assert count_events({"a": 2}, overtaken).out_of_order == 1
    assert count_events({"a": 1, "b": 1}, journal(("b", 1), ("a", 1))).out_of_order == 0  # runs do not wait for each other


def test_duplicates_are_told_by_the_id():
    again = Note("arrived", "a1", "a", 1)
    counted = count_events({"a": 1}, [again, Note("taken", "a1", "a", 1), again, *journal(("a", 1))])
    assert (counted.duplicates, counted.needless, counted.lost) == (2, 0, [])
    counted = count_events({"a": 1}, [*journal(("a", 1)), again])
    assert (counted.duplicates, counted.needless) == (1, 1)
    assert count_events({"a": 1}, [Note("arrived", "x", "a", 1), *journal(("a", 1))]).wrong_ids == 1
    assert count_events({"a": 2}, [*journal(("a", 1)), Note("arrived", "a1", "a", 2)]).wrong_ids == 1
    assert count_events({"a": 1}, journal(("a", 2), ("z", 1))).strangers == 2


def send(receiver: Receiver, run: str, sequence: int, secret: str = "") -> httpx.Response | None:
    """A call as the gateway makes it; None: the receiver cut it off or said nothing."""
    body = json.dumps({"id": f"{run}{sequence}", "subject": run, "sequence": sequence})
    time, name = dt.datetime.now(dt.UTC), f"{run}{sequence}"
    headers = {
        "webhook-id": name, "webhook-timestamp": str(int(time.timestamp())), "content-type": "application/cloudevents+json",
        "webhook-signature": Webhook(secret or receiver.secret).sign(name, time, body),
    }  # fmt: skip
    try:
        return httpx.post(receiver.url, content=body, headers=headers, timeout=0.5, trust_env=False)
    except httpx.TransportError:
        return None


SECRET, OTHER = "whsec_" + "QUFB" * 8, "whsec_" + "QkJC" * 8


def test_the_receiver_sees_a_lost_event_and_a_bad_signature():
    with Receiver(failing=0, silence_s=1) as receiver:
        receiver.secret = SECRET
        assert send(receiver, "a", 1).status_code == 204
        assert send(receiver, "a", 2, OTHER).status_code == 400
        assert send(receiver, "a", 3).status_code == 204
        assert send(receiver, "a", 1).status_code == 204
        counted = count_events({"a": 3}, receiver.journal)
    assert counted.lost == [("a", 2)] and counted.out_of_order == 1 and counted.duplicates == 1 and receiver.bad_signatures == 1


def test_the_receiver_fails_in_every_way_and_only_then():
    with Receiver(failing=1, silence_s=0.6, seed=3) as receiver:
        receiver.secret = SECRET
        answers = [send(receiver, "a", 1) for _ in range(25)]
        outcomes, counted = set(receiver.outcomes), count_events({"a": 1}, receiver.journal)
        receiver.failing = 0
        assert send(receiver, "a", 1).status_code == 204
    assert {answer.status_code for answer in answers if answer} == {500, 502, 503, 429} and None in answers
    assert outcomes == {"500", "502", "503", "429", "cut", "cut after work", "silent", "silent after work"}
    assert counted.lost == [("a", 1)] and counted.duplicates > 0


def test_percentiles():
    hundred = [float(number) for number in range(1, 101)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.99), percentile(hundred, 1)) == (50, 99, 100)
    assert percentile([], 0.99) == percentile_of_time([], 0.99) == 0
    assert percentile_of_time([1.0] * 100, 0.99) == 1


def test_a_stall_does_not_hide_among_quick_calls():
    """Twenty calls of 60,000 hang for ten seconds: none in a hundred, but a thirtieth of all the waiting there was."""
    quick, stalls = [0.1] * 60_000, [10.0] * 20
    assert percentile(sorted(quick + stalls), 0.99) == 0.1
    assert percentile_of_time(sorted(quick + stalls), 0.99) == 10


def test_the_last_line_tells_the_worst_of_both():
    well = {"events_lost": 0, "events_out_of_order": 0, "bad_signatures": 0}
    found = {
        "sqlite": {"status": {"p99_time_ms": 90.0, "errors": 3}, "events": well},
        "postgresql": {"status": {"p99_time_ms": 120.0, "errors": 0}, "events": well | {"events_lost": 2, "bad_signatures": 1}},
    }
    drained = {"runs_lost": None, "runs_duplicated": None}
    assert worst(found) == {"status_p99_ms": 120.0, "errors": 3} | drained | well | {"events_lost": 2, "bad_signatures": 1}


@pytest.mark.rig
@pytest.mark.timeout(280)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_benchmark_in_small(database):
    command = [sys.executable, ROOT / "benchmarks/gateway/run.py", "--databases", database]
    command += ["--seconds", "2", "--clients", "10", "--runs", "30", "--events", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=270, env=os.environ | {"LLAMAFLOW_PORT": "1"})
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    nothing = {"errors": 0, "runs_lost": 0, "runs_duplicated": 0, "events_lost": 0, "events_out_of_order": 0, "bad_signatures": 0}
    assert {name: found[name] for name in nothing} == nothing
    status, drain, events = (found[database][part] for part in ("status", "drain", "events"))
    assert status["calls"] >= 10 and 0 < status["p50_ms"] <= status["p99_ms"] <= status["p99_time_ms"] <= status["max_ms"]
    assert drain["launches"] == 30 and drain["killed"] == 2 and drain["unasked"] == 0 and drain["tracebacks"] == 0
    assert events["calls"] >= 60 and events["failed_calls"] > 0 and events["deliveries"] == {"delivered": 60} and events["tracebacks"] == 0
