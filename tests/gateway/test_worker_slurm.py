"""Runs whose tasks are jobs of a real Slurm: a cancelation and a killed Nextflow leave none of them behind."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import pytest
from worker_cases import (  # noqa: F401
    QUICK,
    ROOT,
    add_run,
    cancel,
    event_types,
    nextflow_of,
    nothing_left_behind,
    processes_of,
    the_run,
    wait_for,
    wait_for_state,
    working,
)

from gateway.runs.states import FINAL, State

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]
LONG_S = 400

MAIN = """
process FIRST {
    output: path 'done'
    script: 'touch done'
}
process LONG {
    input: path one
    script: "sleep ${params.seconds}"
}
workflow { LONG(FIRST()) }
"""
CONFIG = """
params.seconds = 600
profiles { slurm { process { executor = 'slurm'; queue = 'cpu' } } }
executor { pollInterval = '1 sec'; queueStatInterval = '2 sec'; exitReadTimeout = '20 sec' }
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    folder = tempfile.mkdtemp(prefix="lf-slurm-", dir="/tmp")  # a short path: it holds Unix sockets
    up = subprocess.run([ROOT / "tests/rigs/slurm/up", folder], capture_output=True, text=True)
    if up.returncode == 77:
        pytest.skip(up.stderr.strip())
    assert up.returncode == 0, up.stderr
    yield dict(re.findall(r"export (\w+)='?([^'\n]+)'?", up.stdout))
    subprocess.run([ROOT / "tests/rigs/slurm/down", folder], check=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(make_settings, tmp_path, slurm, monkeypatch):
    for name, value in slurm.items():
        monkeypatch.setenv(name, value)
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.nf").write_text(MAIN)
    (project / "nextflow.config").write_text(CONFIG)
    nextflow = subprocess.run([ROOT / "tests/rigs/nextflow/up"], capture_output=True, text=True, timeout=300, check=True).stdout.strip()
    return make_settings(**QUICK | {"nextflow": nextflow, "project": project, "poll_s": 0.2, "cancel_grace_s": 60})


def jobs() -> list[str]:
    """Names of jobs that wait or run."""
    command = ["squeue", "--noheader", "--format=%j", "--states=PENDING,RUNNING,CONFIGURING"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def long_job_runs() -> bool:
    return any("LONG" in name for name in jobs())


def test_canceling_cancels_the_jobs(gateway):
    run_id = add_run(gateway, engine_parameters={"profile": "slurm"}, workflow_params={})
    with working(gateway):
        wait_for(long_job_runs, "the job", LONG_S)
        cancel(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert run.state == State.CANCELED and not processes_of(run_id)
    wait_for(lambda: not jobs(), "an empty queue", LONG_S)


def test_jobs_of_a_killed_nextflow_are_canceled_before_it_goes_on(gateway):
    run_id = add_run(gateway, engine_parameters={"profile": "slurm"}, workflow_params={})
    with working(gateway):
        wait_for(long_job_runs, "the job", LONG_S)
        wait_for(lambda: the_run(gateway, run_id).progress.get("LONG", {}).get("running"), "its line in the log", LONG_S)
        with gateway.store.write() as session:
            session.get(type(the_run(gateway, run_id)), run_id).workflow_params = {"seconds": 1}
        nextflow_of(run_id).kill()
        run = wait_for_state(gateway, run_id, *FINAL, timeout_s=LONG_S)
    assert (run.state, run.launches) == (State.COMPLETE, 2), run.error
    assert event_types(gateway, run_id) == ["started", "lost", "started", "completed"] and run.progress["FIRST"]["cached"] == 1
    assert not jobs()  # the first LONG would still sleep
