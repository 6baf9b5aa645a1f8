"""The worker with the real Nextflow and the real pipeline, `-profile test -stub`: to its verdict, and killed in every way on the way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from worker_cases import (  # noqa: F401
    QUICK,
    ROOT,
    add_run,
    cancel,
    event_types,
    kill,
    kill_all_of,
    nextflow_of,
    nothing_left_behind,
    processes_of,
    start_worker,
    the_run,
    wait_for,
    wait_for_state,
    working,
)

from gateway.context import open_gateway
from gateway.progress.trace import read_trace
from gateway.runs.states import FINAL, State
from gateway.settings import Settings

pytestmark = [pytest.mark.rig, pytest.mark.timeout(1500)]
LONG_S = 600  # six seconds on an idle machine


@pytest.fixture(scope="session")
def nextflow() -> str:
    found = subprocess.run([ROOT / "tests/rigs/nextflow/up"], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture
def settings(make_settings, nextflow):
    return make_settings(**QUICK | {"nextflow": nextflow, "cancel_grace_s": 60, "poll_s": 0.2, "lease_s": 5})


def stub_run(gateway, **columns) -> str:
    run_id = add_run(gateway, engine_parameters={"profile": "test", "stub": True}, **columns)
    folder = the_run(gateway, run_id).folder
    with gateway.store.write() as session:
        run = session.get(type(the_run(gateway, run_id)), run_id)
        run.workflow_params = {"outdir": f"{folder}/results", "registry": f"{gateway.settings.home.resolve()}/registry"} | columns.get(
            "workflow_params", {}
        )
    return run_id


def trace_rows(gateway, run_id: str) -> list[dict[str, str]]:
    """Of all launches."""
    folder = Path(the_run(gateway, run_id).folder) / "launches"
    return [row for path in sorted(folder.glob("*/trace.txt")) for row in read_trace(path.read_text())]


def completed(gateway, run_id: str) -> Counter:
    """How often each task really ran to its end."""
    return Counter(row["name"] for row in trace_rows(gateway, run_id) if row["status"] == "COMPLETED")


def results(gateway, run_id: str) -> set[str]:
    outdir = Path(the_run(gateway, run_id).outdir)
    return {str(path.relative_to(outdir)) for path in outdir.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, nextflow) -> tuple[set[str], set[str]]:
    """What a run gives that nobody disturbs: names of its files and of its tasks."""
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    gateway = open_gateway(Settings(_env_file=None, home=home, **QUICK | {"nextflow": nextflow}))
    run_id = stub_run(gateway)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert run.state == State.COMPLETE, run.error
    yield results(gateway, run_id), set(completed(gateway, run_id))
    gateway.close()


def test_a_run_reaches_its_end_and_leaves_what_others_read(gateway):
    run_id = stub_run(gateway)
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert (run.state, run.exit_code, run.launches) == (State.COMPLETE, 0, 1), run.error
    assert event_types(gateway, run_id) == ["started", "completed"]
    assert run.progress["PREPARE"]["done"] == 1 and run.progress["FINETUNE"]["rounds"]["1"]["done"] >= 1 and run.session_id
    rows = trace_rows(gateway, run_id)
    assert {"task_id", "process", "workdir", "attempt", "%cpu"} <= rows[0].keys() and rows[0]["submit"].isdigit()
    script = (Path(rows[0]["workdir"]) / ".command.run").read_text()
    assert f'export LLAMAFLOW_RUN_ID="{run_id}"' in script and 'export LLAMAFLOW_REQUEST_ID="request-1"' in script
    assert (Path(run.folder) / ".nextflow.log").resolve().is_file() and (Path(run.folder) / "console.log").read_text()


def test_bad_input_is_said_as_the_pipeline_said_it(gateway):
    run_id = stub_run(gateway, workflow_params={"input": "/no/such/file.jsonl"})
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert (run.state, run.exit_code) == (State.EXECUTOR_ERROR, 2)
    assert run.error == "--input /no/such/file.jsonl does not exist"


@pytest.mark.parametrize("victims", ["worker", "nextflow", "wrapper", "worker and nextflow", "all"])
def test_killed_in_the_middle_it_ends_with_the_same_result(gateway, undisturbed, victims):
    files, tasks = undisturbed
    run_id = stub_run(gateway)
    worker = start_worker(gateway)
    wait_for(lambda: the_run(gateway, run_id).progress.get("PREPARE", {}).get("done"), "the middle", LONG_S)
    if "worker" in victims or victims == "all":
        kill(worker)
        worker = None
    if victims == "wrapper":
        os.kill(the_run(gateway, run_id).launcher["pid"], signal.SIGKILL)
    if "nextflow" in victims:
        nextflow_of(run_id).kill()
    if victims == "all":
        kill_all_of(run_id)
    worker = worker or start_worker(gateway)
    try:
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    finally:
        worker.terminate()
        worker.wait(30)
    assert run.state == State.COMPLETE, run.error
    assert results(gateway, run_id) == files and not processes_of(run_id)
    assert set(completed(gateway, run_id)) <= tasks
    ends = event_types(gateway, run_id)
    assert ends.count("completed") == 1
    if victims == "worker":
        assert (
            ends == ["started", "completed"]
            and set(completed(gateway, run_id).values()) == {1}
            and set(completed(gateway, run_id)) == tasks
        )
    else:
        assert ends == ["started", "lost", "started", "completed"] and run.launches == 2
        assert any(row["status"] == "CACHED" for row in trace_rows(gateway, run_id))


def test_a_signal_to_nextflow_is_a_preemption(gateway):
    """Told to stop it ends with 1 and says goodbye: only its log tells."""
    run_id = stub_run(gateway)
    with working(gateway):
        wait_for(lambda: the_run(gateway, run_id).progress.get("PREPARE", {}).get("done"), "the middle", LONG_S)
        nextflow_of(run_id).terminate()
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert run.state == State.COMPLETE and event_types(gateway, run_id) == ["started", "preempted", "started", "completed"]


def test_a_cancelation_is_nextflows_own_and_a_resume_goes_on(gateway):
    run_id = stub_run(gateway)
    with working(gateway):
        wait_for(lambda: the_run(gateway, run_id).progress.get("PREPARE", {}).get("done"), "the middle", LONG_S)
        cancel(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
        assert run.state == State.CANCELED and not processes_of(run_id)
        assert "Session aborted -- Cause: SIGTERM" in (Path(run.folder) / ".nextflow.log").read_text()
        from gateway.runs.states import Trigger
        from gateway.runs.transitions import lock, move

        with gateway.store.write() as session:
            move(session, lock(session, run_id), Trigger.RESUME)
        run = wait_for_state(gateway, run_id, State.COMPLETE, timeout_s=LONG_S)
    assert run.launches == 2 and run.progress["PREPARE"]["cached"] == 1
