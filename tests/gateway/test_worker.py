"""The worker's everyday: a run from queue to end, what it writes meanwhile, what becomes of each exit code, and cancelation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from worker_cases import (  # noqa: F401
    QUICK,
    add_run,
    cancel,
    event_types,
    executed,
    let_go,
    nextflow_of,
    nothing_left_behind,
    processes_of,
    the_run,
    wait_for,
    wait_for_state,
    working,
)

from gateway.context import open_gateway
from gateway.runs.states import FINAL, State
from gateway.store.tables import Run, Worker


@pytest.fixture
def settings(make_settings):
    return make_settings(**QUICK)


PREPARE, TUNE = "LLAMAFLOW:PREPARE (test)", "LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)"


def test_a_run_goes_from_the_queue_to_its_verdict(gateway):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["task", TUNE, 0.3, 0]])
    summaries = Path(the_run(gateway, run_id).outdir) / "summaries"
    summaries.mkdir(parents=True)
    (summaries / "gate.json").write_text('{"verdict": "rejected", "reason": "worse than its base"}')
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.exit_code, run.verdict, run.error) == (State.COMPLETE, 0, "rejected", None)
    assert run.outputs["reason"] == "worse than its base"
    assert event_types(gateway, run_id) == ["started", "completed"]
    assert (run.launches, run.losses, run.claimed_by) == (1, 0, None)
    assert run.started_at <= run.heartbeat_at <= run.ended_at
    counts = {"done": 1, "running": 0, "failed": 0, "cached": 0}
    assert run.progress == {"PREPARE": counts, "FINETUNE": counts | {"rounds": {"1": counts}}}
    assert executed(gateway, run_id) == [PREPARE, TUNE]


def test_progress_heartbeat_and_use_are_told_while_it_runs(gateway):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["task", TUNE, 30, 0]])
    with working(gateway):
        wait_for(lambda: the_run(gateway, run_id).progress.get("FINETUNE", {}).get("running") == 1, "progress")
        run = wait_for(
            lambda: (run := the_run(gateway, run_id)).usage.get("cpu_percent") is not None and run.usage.get("tasks") and run, "use"
        )
        assert run.state == State.RUNNING and run.session_id
        assert run.usage["processes"] == 3 and run.usage["rss_bytes"] > 1_000_000  # wrapper, Nextflow, the task
        first = run.heartbeat_at
        wait_for(lambda: the_run(gateway, run_id).heartbeat_at > first, "another heartbeat")
        cancel(gateway, run_id)
        wait_for_state(gateway, run_id, State.CANCELED)


@pytest.mark.parametrize(
    ("steps", "code", "error"),
    [
        (
            [["print", "LlamaFlow stopped; -resume goes on where it was.\nerror: no records\nat: in.jsonl:1\nfix: give some"], ["exit", 2]],
            2,
            "error: no records\nat: in.jsonl:1\nfix: give some",
        ),
        (
            [["print", "ERROR ~ --input x.jsonl does not exist\nSee --help.\n\n -- Check '.nextflow.log' file"], ["exit", 2]],
            2,
            "--input x.jsonl does not exist",
        ),
        ([["exit", 3]], 3, "failed closed"),
        ([["crash", 1]], 1, "exit code 1 (an error)"),
        ([["exit", 143]], 143, "exit code 143"),  # a task that was preempted too often: the pipeline's own, not tried again by us
        ([["exit", 137]], 137, "exit code 137"),
    ],
)
def test_what_the_pipeline_says_no_with_is_the_runs_error(gateway, steps, code, error):
    run_id = add_run(gateway, steps)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.exit_code, run.losses) == (State.EXECUTOR_ERROR, code, 0)
    assert error in run.error
    assert event_types(gateway, run_id) == ["started", "failed"]


@pytest.mark.parametrize("code", [130, 143])
def test_a_preempted_run_goes_on_where_it_was(gateway, code):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["crash once", code], ["task", TUNE, 0, 0]])
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches, run.losses) == (State.COMPLETE, 2, 1)
    assert event_types(gateway, run_id) == ["started", "preempted", "started", "completed"]
    assert executed(gateway, run_id) == [PREPARE, TUNE] and run.progress["PREPARE"]["cached"] == 1


def test_a_signal_to_nextflow_is_a_preemption_whatever_its_exit_code(gateway):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["task", TUNE, "held", 0]])
    with working(gateway):
        wait_for(lambda: TUNE in executed(gateway, run_id), "the second task")
        nextflow_of(run_id).terminate()
        wait_for(lambda: "preempted" in event_types(gateway, run_id), "the preemption")
        let_go(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 2)
    assert event_types(gateway, run_id) == ["started", "preempted", "started", "completed"]
    assert executed(gateway, run_id) == [PREPARE, TUNE, TUNE]


def test_what_is_lost_again_and_again_is_given_up(make_settings):
    opened = open_gateway(make_settings(**QUICK, max_losses=2))
    run_id = add_run(opened, [["task", PREPARE, 0, 0], ["crash", 137]])
    with working(opened):
        run = wait_for_state(opened, run_id, *FINAL)
    assert (run.state, run.launches, run.losses, run.exit_code) == (State.SYSTEM_ERROR, 3, 2, 137)
    assert "3 launches" in run.error and "signal 9" in run.error
    assert event_types(opened, run_id) == ["started", "lost", "started", "lost", "started", "failed"]
    assert executed(opened, run_id) == [PREPARE]  # later launches found it cached
    opened.close()


def test_a_nextflow_that_is_not_there_is_said(make_settings):
    opened = open_gateway(make_settings(**QUICK | {"nextflow": "no-such-nextflow"}))
    run_id = add_run(opened)
    with working(opened):
        run = wait_for_state(opened, run_id, *FINAL)
    assert run.state == State.SYSTEM_ERROR and "no-such-nextflow cannot be run" in run.error
    opened.close()


def test_a_folder_that_cannot_be_written_is_tried_again_and_then_given_up(make_settings, tmp_path):
    opened = open_gateway(make_settings(**QUICK, max_losses=1))
    (tmp_path / "file").write_text("no folder")
    run_id = add_run(opened, folder=str(tmp_path / "file" / "run"))
    with working(opened):
        run = wait_for_state(opened, run_id, *FINAL)
    assert run.state == State.SYSTEM_ERROR and "folder cannot be written" in run.error and run.losses == 1
    opened.close()


def test_canceling_asks_politely_and_leaves_nothing(gateway):
    run_id = add_run(gateway, [["task", TUNE, 60, 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
        cancel(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL)
    assert run.state == State.CANCELED and run.exit_code == 143
    assert event_types(gateway, run_id) == ["started", "canceling", "canceled"]
    assert not processes_of(run_id)
    assert "Session aborted -- Cause: SIGTERM" in (Path(run.folder) / ".nextflow.log").read_text()  # it was Nextflow that was asked


def test_canceling_kills_what_does_not_listen(make_settings):
    opened = open_gateway(make_settings(**QUICK | {"cancel_grace_s": 0.3}))
    run_id = add_run(opened, [["ignore TERM"], ["task", TUNE, 60, 0]])
    with working(opened):
        wait_for(lambda: executed(opened, run_id), "the task")
        cancel(opened, run_id)
        run = wait_for_state(opened, run_id, *FINAL)
        assert run.state == State.CANCELED
        assert not processes_of(run_id)
    opened.close()


def test_a_run_that_was_done_before_it_felt_the_signal_is_complete(gateway):
    run_id = add_run(gateway, [["ignore TERM"], ["task", TUNE, 0.5, 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
        cancel(gateway, run_id)
        assert wait_for_state(gateway, run_id, *FINAL).state == State.COMPLETE


def test_a_stopped_nextflow_is_silent_and_then_recovers(make_settings):
    opened = open_gateway(make_settings(**QUICK, silent_after_s=1.5))
    run_id = add_run(opened, [["task", PREPARE, "held", 0], ["task", TUNE, 1, 0]])
    with working(opened):
        process = nextflow_of(run_id)
        process.suspend()
        run = wait_for(lambda: (run := the_run(opened, run_id)).silent_since and run, "silence")
        assert run.state == State.RUNNING
        process.resume()
        let_go(opened, run_id)
        run = wait_for_state(opened, run_id, *FINAL)
    assert run.state == State.COMPLETE and run.silent_since is None
    assert event_types(opened, run_id) == ["started", "silent", "recovered", "completed"]
    opened.close()


def test_nextflow_sees_the_ids_and_no_secret(gateway, monkeypatch):
    for name in (
        "LLAMAFLOW_DATABASE_URL",
        "LLAMAFLOW_SECRET_KEY",
        "LLAMAFLOW_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "LLAMAFLOW_KEY",
    ):
        monkeypatch.setenv(name, "do-not-tell")
    monkeypatch.setenv("NXF_OPTS", "-Xmx1g")
    run_id = add_run(gateway, [["environment"]], request_id="req'1\n")
    with working(gateway):
        wait_for_state(gateway, run_id, State.COMPLETE)
    folder = Path(the_run(gateway, run_id).folder)
    seen = json.loads((folder / "environment.json").read_text())
    assert "do-not-tell" not in seen.values()
    assert seen["LLAMAFLOW_RUN_ID"] == run_id and seen["LLAMAFLOW_REQUEST_ID"] == "req_1_" and seen["NXF_OPTS"] == "-Xmx1g" and seen["PATH"]
    config = (folder / "launches/1/run.config").read_text()
    assert f"LLAMAFLOW_RUN_ID = '{run_id}'" in config and "LLAMAFLOW_REQUEST_ID = 'req_1_'" in config


def test_the_launcher_outlives_a_worker_that_is_told_to_stop(gateway):
    run_id = add_run(gateway, [["task", TUNE, "held", 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
    run = the_run(gateway, run_id)
    assert run.state == State.RUNNING and nextflow_of(run_id).is_running()
    assert os.getsid(run.launcher["pid"]) == run.launcher["pid"] != os.getsid(0)  # a session of its own
    with gateway.store.read() as session:
        assert session.query(Worker).count() == 0  # it has said goodbye
    let_go(gateway, run_id)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 1) and executed(gateway, run_id) == [TUNE]


def test_a_finished_run_that_is_resumed_passes_its_session(gateway):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["exit", 1]])
    with working(gateway):
        first = wait_for_state(gateway, run_id, State.EXECUTOR_ERROR)
        with gateway.store.write() as session:
            from gateway.runs.states import Trigger
            from gateway.runs.transitions import lock, move

            row = lock(session, run_id)
            move(session, row, Trigger.RESUME)
            row.workflow_params = {**row.workflow_params, "fake": [["task", PREPARE, 0, 0]]}
        run = wait_for_state(gateway, run_id, State.COMPLETE)
    assert run.session_id == first.session_id and run.launches == 2 and executed(gateway, run_id) == [PREPARE]


def test_limits_of_runs_and_gpus_are_kept(make_settings):
    opened = open_gateway(make_settings(**QUICK | {"max_runs": 3, "max_gpus": 1}))
    runs = [add_run(opened, [["task", TUNE, 0.3, 0]], resources={"runs": 1, "gpus": gpus}) for gpus in (1, 1, 0, 0, 1)]
    together: list[tuple[int, int]] = []

    def all_done() -> bool:
        with opened.store.read() as session:
            rows = list(session.query(Run))
        active = [run for run in rows if run.state in (State.INITIALIZING, State.RUNNING)]
        together.append((len(active), sum(run.resources["gpus"] for run in active)))
        return all(run.state == State.COMPLETE for run in rows)

    with working(opened):
        wait_for(all_done, "all runs")
    assert max(count for count, _ in together) == 3 and max(gpus for _, gpus in together) == 1
    assert all(executed(opened, run_id) == [TUNE] for run_id in runs)
    opened.close()
