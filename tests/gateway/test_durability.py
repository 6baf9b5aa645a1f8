"""Databases, queue and dispatchers that die under load: every committed event arrives, each run in order.

Real PostgreSQL and Redis with all their durability, dispatchers as processes, crashes by signals that leave no time to tidy up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import pytest
from receivers import Receiver, make_events, make_many_events, make_owner, make_run, make_webhook
from served import eventually
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.context import open_gateway
from gateway.store.tables import Delivery, Event, Outbox

pytestmark = pytest.mark.rig
RIGS = Path(__file__).parents[1] / "rigs"
ROOT = Path(__file__).parents[2]


class Server:
    """One of tests/rigs that can be crashed and started again on the same data and port."""

    def __init__(self, name: str, crash: signal.Signals, *options: str):
        self.name, self._crash, self._options = name, crash, options
        self.folder = tempfile.mkdtemp(dir="/tmp", prefix=f"llamaflow-{name}-")
        self.url = self.up()

    def up(self) -> str:
        done = subprocess.run([RIGS / self.name / "up", *self._options, self.folder], capture_output=True, text=True, timeout=180)
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def crash(self) -> None:
        pid = int(Path(self.folder, "pid").read_text())
        os.kill(pid, self._crash)
        eventually(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())

    def down(self) -> None:
        subprocess.run([RIGS / self.name / "down", self.folder], check=True, timeout=60)


@pytest.fixture
def server():
    """server(name, signal, *options) -> a Server that is taken down in the end."""
    servers = []

    def start(*given) -> Server:
        servers.append(Server(*given))
        return servers[-1]

    yield start
    for one in servers:
        one.down()


@pytest.fixture
def dispatchers(make_settings):
    """dispatchers(**settings) -> a new dispatcher process; all are killed in the end."""
    processes = []

    def start(**given: str) -> subprocess.Popen:
        environment = {f"LLAMAFLOW_{name.upper()}": value for name, value in given.items()}
        command = [sys.executable, str(Path(__file__).with_name("dispatcher_process.py"))]
        whole = {**os.environ, **environment, "PYTHONPATH": str(ROOT)}
        with Path(given["home"], "dispatchers.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, env=whole)
        processes.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


class Writer(threading.Thread):
    """Writes events of some runs, one transaction each, until stopped; what was committed for sure is in ``ids``."""

    def __init__(self, gateway, runs: list[str]):
        super().__init__(daemon=True)
        self._gateway, self._runs, self.stop = gateway, runs, threading.Event()
        self.ids: list[str] = []

    def run(self) -> None:
        count = 0
        while not self.stop.is_set():
            try:
                self.ids += make_events(self._gateway, self._runs[count % len(self._runs)])
                count += 1
            except SQLAlchemyError:
                time.sleep(0.1)  # as callers do: the database is away, try again
            time.sleep(0.005)


def settled(gateway) -> bool:
    try:
        with gateway.store.read() as session:
            waiting = session.scalar(select(func.count()).select_from(Outbox))
            return not waiting and set(session.scalars(select(Delivery.status).distinct())) == {"delivered"}
    except SQLAlchemyError:
        return False


def more_calls(receiver: Receiver, count: int) -> None:
    known = len(receiver.calls)
    eventually(lambda: len(receiver.calls) > known + count, 60)


def check(gateway, receiver: Receiver, committed: list[str]) -> None:
    """Everything arrived; each run's events for the first time in order (a repeat may come late, at least once)."""
    bodies = [json.loads(call.body) for call in receiver.calls]
    with gateway.store.read() as session:
        stored = set(session.scalars(select(Event.id)))
    assert stored >= set(committed)
    assert {body["id"] for body in bodies} == stored
    firsts = defaultdict(dict)
    for body in bodies:
        firsts[body["subject"]].setdefault(body["sequence"])
    assert all(list(sequences) == list(range(1, len(sequences) + 1)) for sequences in firsts.values())


def test_postgresql_redis_and_dispatchers_crash_under_load(server, dispatchers, make_settings, tmp_path, capsys):
    postgres, redis = server("postgres", signal.SIGQUIT, "--durable"), server("redis", signal.SIGKILL, "--durable")
    where = {"home": str(tmp_path), "database_url": postgres.url, "redis_url": redis.url, "webhook_private": "true"}
    gateway = open_gateway(make_settings(**where))
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(10)]
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url)
        first, second = dispatchers(**where), dispatchers(**where)
        writer = Writer(gateway, runs)
        writer.start()
        recovered = {}

        def goes_on(what: str) -> None:
            """Until an event that is committed from now on has arrived."""
            start, known = time.monotonic(), len(writer.ids)
            eventually(lambda: len(writer.ids) > known + 1, 60)
            new = writer.ids[known + 1]
            eventually(lambda: any(call.headers["webhook-id"] == new for call in receiver.calls[-3000:]), 60)
            recovered[what] = round(time.monotonic() - start, 1)

        goes_on("start")
        for crashed in (redis, postgres):
            crashed.crash()
            time.sleep(1)
            crashed.up()
            goes_on(crashed.name)
        redis.crash()
        postgres.crash()
        time.sleep(2)
        postgres.up()
        redis.up()
        goes_on("both")
        first.kill()
        goes_on("a dispatcher")
        dispatchers(**where)
        second.kill()
        goes_on("the other")
        writer.stop.set()
        writer.join(30)
        eventually(lambda: settled(gateway), 120)  # claims of the killed ones first have to run out
        check(gateway, receiver, writer.ids)
    with capsys.disabled():
        print(f"\n  seconds until new events arrived again: {recovered}; {len(writer.ids)} events, {len(receiver.calls)} calls")
    gateway.close()


def test_a_redis_that_keeps_nothing_costs_no_delivery(server, dispatchers, make_settings, tmp_path):
    """Killed and empty again, with events in its stream that nobody has read: the outbox still has them."""
    redis = server("redis", signal.SIGKILL)
    where = {"home": str(tmp_path), "redis_url": redis.url, "webhook_private": "true"}
    gateway = open_gateway(make_settings(**where))
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(5)]
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url)
        dispatchers(**where)
        writer = Writer(gateway, runs)
        writer.start()
        for _ in range(3):
            more_calls(receiver, 20)
            redis.crash()
            redis.up()
        writer.stop.set()
        writer.join(30)
        eventually(lambda: settled(gateway), 60)
        check(gateway, receiver, writer.ids)
    gateway.close()


def test_dispatchers_killed_on_sqlite_and_a_queue_in_the_process(dispatchers, make_settings, tmp_path):
    where = {"home": str(tmp_path), "webhook_private": "true"}
    gateway = open_gateway(make_settings(**where))
    make_owner(gateway)
    runs = [make_run(gateway) for _ in range(10)]
    with Receiver() as receiver:
        make_webhook(gateway, receiver.url)
        ids = make_many_events(gateway, runs, 60)
        for _ in range(3):
            process = dispatchers(**where)
            more_calls(receiver, 30)
            process.kill()
        dispatchers(**where)
        eventually(lambda: settled(gateway), 120)
        check(gateway, receiver, ids)
    gateway.close()


def test_a_dispatcher_ends_soon_after_sigterm(dispatchers, make_settings, tmp_path):
    open_gateway(make_settings(home=tmp_path)).close()
    process = dispatchers(home=str(tmp_path))
    process.terminate()
    assert process.wait(60) == 0
