"""PostgreSQL crashes under working workers: they wait for it, and no run is lost or started twice."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select
from worker_cases import HERE, QUICK, ROOT, add_run, nothing_left_behind, start_worker, wait_for  # noqa: F401

from gateway.context import open_gateway
from gateway.store.tables import Run

pytestmark = pytest.mark.rig
RIG = ROOT / "tests/rigs/postgres"


@pytest.fixture
def crashing():
    folder = tempfile.mkdtemp(dir="/tmp", prefix="llamaflow-postgres-")

    def up() -> str:
        done = subprocess.run([RIG / "up", "--durable", folder], capture_output=True, text=True, timeout=180)
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def crash() -> None:
        os.kill(int(Path(folder, "pid").read_text()), signal.SIGQUIT)

    yield up, crash
    subprocess.run([RIG / "down", folder], check=True, timeout=60)


def test_a_database_that_crashes_is_waited_for(make_settings, crashing):
    up, crash = crashing
    gateway = open_gateway(make_settings(**QUICK | {"nextflow": str(HERE / "tiny_nextflow"), "database_url": up(), "max_runs": 4}))
    runs = [add_run(gateway) for _ in range(120)]

    def finished() -> int:
        try:
            with gateway.store.read() as session:
                return session.execute(select(func.count()).where(Run.state == "COMPLETE")).scalar()
        except Exception:
            return 0

    workers = [start_worker(gateway) for _ in range(2)]
    wait_for(lambda: finished() > 20, "some runs", 120)
    crash()
    time.sleep(2)  # it is away, not a blink
    up()
    wait_for(lambda: finished() == len(runs), "all runs", 120)
    for worker in workers:
        worker.terminate()
        assert worker.wait(30) == 0
    with gateway.store.read() as session:
        rows = list(session.execute(select(Run)).scalars())
    assert all(run.losses == 0 for run in rows)
    assert all((Path(run.folder) / "executed.txt").read_text().count("\n") == 1 for run in rows)
    gateway.close()
