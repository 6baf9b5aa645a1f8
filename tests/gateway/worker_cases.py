"""What the worker's tests share: runs in the database, workers as threads and as processes, and waiting for what must come."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from gateway.context import Gateway
from gateway.launchers.processes import RUN
from gateway.runs.states import State, Trigger
from gateway.runs.transitions import lock, move
from gateway.store.tables import Event, Run, now
from gateway.worker.worker import Worker

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FAKE = str(HERE / "fake_nextflow")
QUICK = {"nextflow": FAKE, "poll_s": 0.05, "heartbeat_s": 0.2, "lease_s": 2, "backoff_s": 0.05, "cancel_grace_s": 3, "max_runs": 4}


CREATED: list[str] = []
WORKERS: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test that fails in the middle leaves no processes either. Import it to use it."""
    yield
    for worker in WORKERS:
        worker.kill()
        worker.wait(30)
    WORKERS.clear()
    for run_id in CREATED:
        kill_all_of(run_id)
    CREATED.clear()


def add_run(gateway: Gateway, steps: list | None = None, **columns: Any) -> str:
    """A queued run of the fake Nextflow; returns its id."""
    run_id = str(uuid.uuid4())
    CREATED.append(run_id)
    folder = gateway.settings.home.resolve() / "runs" / run_id
    given = {
        "id": run_id, "state": State.QUEUED.value, "key_id": "key", "request_id": "request-1", "workflow_url": "llamaflow",
        "workflow_params": {"fake": steps or [], "outdir": str(folder / "results")}, "engine_parameters": {"profile": "test"},
        "resources": {"runs": 1}, "folder": str(folder), "outdir": str(folder / "results"), "queued_at": now(),
    }  # fmt: skip
    with gateway.store.write() as session:
        session.add(Run(**{**given, **columns}))
    return run_id


def the_run(gateway: Gateway, run_id: str) -> Run:
    with gateway.store.read() as session:
        return session.get(Run, run_id)


def event_types(gateway: Gateway, run_id: str) -> list[str]:
    """Without the prefix and without progress, in order."""
    with gateway.store.read() as session:
        found = session.execute(select(Event.type).where(Event.run_id == run_id).order_by(Event.sequence)).scalars()
        return [kind.rpartition(".")[2] for kind in found if not kind.endswith(".progress")]


def cancel(gateway: Gateway, run_id: str) -> None:
    with gateway.store.write() as session:
        move(session, lock(session, run_id), Trigger.CANCEL)


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 60) -> Any:
    """The condition's first true value; fails after a time that only a broken machine needs."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout_s} s for {what}")


def wait_for_state(gateway: Gateway, run_id: str, *states: State, timeout_s: float = 60) -> Run:
    try:
        return wait_for(lambda: (run := the_run(gateway, run_id)).state in states and run, f"{states}", timeout_s)
    except AssertionError as error:
        run = the_run(gateway, run_id)
        raise AssertionError(
            f"{error}: it is {run.state}, {run.error}, losses {run.losses}, events {event_types(gateway, run_id)}"
        ) from None


@contextlib.contextmanager
def working(gateway: Gateway, worker_id: str | None = None) -> Iterator[Worker]:
    """A worker in a thread."""
    stop, worker = threading.Event(), Worker(gateway, worker_id)
    thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join(30)


def start_worker(gateway: Gateway, **settings: Any) -> subprocess.Popen:
    """A worker process on the same database, with the gateway's settings and these."""
    given = {
        name: value for name in type(gateway.settings).model_fields if (value := getattr(gateway.settings, name)) is not None
    } | settings
    given.pop("secret_key", None)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_")}
    for name, value in given.items():
        reveal = getattr(value, "get_secret_value", None)
        text = reveal() if reveal else json.dumps(value) if isinstance(value, (list, dict, bool)) else str(value)
        environment[f"LLAMAFLOW_{name.upper()}"] = text
    environment["PYTHONPATH"] = str(ROOT)
    WORKERS.append(subprocess.Popen([sys.executable, str(HERE / "worker_process.py")], env=environment, start_new_session=True))
    return WORKERS[-1]


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def processes_of(run_id: str) -> list[psutil.Process]:
    """All that a run has going on this machine."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(RUN) == run_id:
                found.append(process)
    return found


def kill_all_of(run_id: str) -> None:
    """Wrapper, Nextflow, tasks: as a machine does that dies."""
    for process in processes_of(run_id):
        with contextlib.suppress(psutil.Error):
            process.kill()


def nextflow_of(run_id: str) -> psutil.Process:
    """The process of the fake or real Nextflow itself: the wrapper's child."""

    def look() -> psutil.Process | None:
        for process in processes_of(run_id):
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "-params-file" in words and words[0] != "/bin/sh":
                    return process
        return None

    return wait_for(look, "Nextflow")


def executed(gateway: Gateway, run_id: str) -> list[str]:
    """Each real execution of a task, by its name."""
    path = Path(the_run(gateway, run_id).folder) / "executed.txt"
    return path.read_text().splitlines() if path.exists() else []


def let_go(gateway: Gateway, run_id: str) -> None:
    """Tasks that are "held" end, and later ones do not wait."""
    (Path(the_run(gateway, run_id).folder) / "let_go").touch()
