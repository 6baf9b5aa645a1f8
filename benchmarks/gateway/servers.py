"""Real servers of one measurement: PostgreSQL and Redis by tests/rigs, `llamaflow serve`, `llamaflow worker`, in folders of their own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, text

from gateway.auth.lifecycle import create_key
from gateway.context import Gateway, open_gateway
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RIGS = ROOT / "tests" / "rigs"
STAND_IN = Path(__file__).with_name("nextflow")
DATABASES = ("sqlite", "postgresql")
START_S, STOP_S = 60, 30


class CannotRun(Exception):
    """This host lacks something; the message is for people."""


class Broken(Exception):
    """A server that this host can run did not start: a failure, never a reason to skip."""


@dataclass(frozen=True)
class Rig:
    """Where the servers of a database are; both None for SQLite, whose queue lives in the process."""

    postgres: str | None = None
    redis: str | None = None
    pids: tuple[int, ...] = ()


@contextlib.contextmanager
def rig(database: str) -> Iterator[Rig]:
    """PostgreSQL and Redis, durable as in production: what is measured includes their writing to disk. Raises CannotRun, Broken."""
    if database == "sqlite":
        yield Rig()
        return
    with contextlib.ExitStack() as stack:
        urls, pids = [], []
        for name in ("postgres", "redis"):
            folder = tempfile.mkdtemp(prefix=f"llamaflow-bench-{name}-", dir="/tmp")  # the user postgres must reach it
            stack.callback(subprocess.run, [RIGS / name / "down", folder], timeout=60)
            up = subprocess.run([RIGS / name / "up", "--durable", folder], capture_output=True, text=True, timeout=300)
            if up.returncode:
                raise (CannotRun if up.returncode == 77 else Broken)(up.stderr.strip() or f"{name} does not start")
            urls.append(up.stdout.strip())
            pids.append(int(Path(folder, "pid").read_text()))
        yield Rig(*urls, tuple(pids))


@dataclass
class Process:
    """One process of the gateway. It is the leader of no other: what a worker launches lives on when it is killed."""

    name: str
    popen: subprocess.Popen
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def kill(self) -> None:
        """SIGKILL, this process alone."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            print(f"{self.name} does not stop: killed", flush=True)
            self.kill()

    def last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-2000:]


@dataclass
class Site:
    """A gateway with a fresh home and a fresh database. settings: LLAMAFLOW_<NAME> of its processes; values are JSON where need be."""

    database: str
    home: Path
    environment: dict[str, str]
    gateway: Gateway  # the benchmark's own door to the same database
    port: int
    rig: Rig
    processes: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stop_file(self) -> Path:
        return self.home.parent / "stop"

    def key(self, name: str, *scopes: str, **columns: Any) -> str:
        """A new API key, by default an admin's."""
        with self.gateway.store.write() as session:
            return create_key(session, name=name, scopes=list(scopes) or ["admin"], **columns).text

    def serve(self, **settings: Any) -> Process:
        """`llamaflow serve`, answering. Raises Broken."""
        process = self._start("serve", settings)
        until = time.monotonic() + START_S
        while time.monotonic() < until and process.popen.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.url}/readyz", timeout=5)
                return process
            time.sleep(0.1)
        raise Broken(f"llamaflow serve does not answer: {process.last_words()}")

    def worker(self, **settings: Any) -> Process:
        """`llamaflow worker`."""
        return self._start("worker", settings)

    def _start(self, command: str, settings: dict[str, Any]) -> Process:
        log = self.home.parent / f"{command}-{len(self.processes)}.log"
        environment = self.environment | {f"LLAMAFLOW_{name.upper()}": _text(value) for name, value in settings.items()}
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [ROOT / "gateway" / "llamaflow", command],
                cwd=self.home.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        process = Process(f"llamaflow {command} ({popen.pid})", popen, log)
        self.processes.append(process)
        return process


@contextlib.contextmanager
def site(database: str, rig: Rig, name: str, **settings: Any) -> Iterator[Site]:
    """A fresh gateway that listens nowhere yet. At the end its processes are stopped and its folder is removed."""
    folder = Path(tempfile.mkdtemp(prefix=f"llamaflow-bench-{name}-"))
    home, port = folder / "home", free_port()
    chosen: dict[str, Any] = {"home": home, "port": port, "nextflow": str(STAND_IN), "project": ROOT} | settings
    if rig.postgres:
        chosen["database_url"] = _fresh_database(rig.postgres, name)
        chosen["redis_url"] = f"{rig.redis.rpartition('/')[0]}/{sum(map(ord, name)) % 16}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_")}
    environment |= {f"LLAMAFLOW_{name.upper()}": _text(value) for name, value in chosen.items()}
    environment |= {"LLAMAFLOW_PYTHON": sys.executable, "NXF_STANDIN_STOP": str(folder / "stop"), "PYTHONUNBUFFERED": "1"}
    opened = None
    try:
        opened = open_gateway(Settings(_env_file=None, **chosen))
        one = Site(database, home, environment, opened, port, rig)
        try:
            yield one
        finally:
            (folder / "stop").touch()
            for process in one.processes:
                process.stop()
            _wait_for_stand_ins(one.stop_file)
    finally:
        if opened:
            opened.close()
        if os.environ.get("BENCH_KEEP"):
            print(f"kept: {folder}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Below the kernel's range for outgoing connections (32768 up): no client takes it between here and the server's start."""
    while True:
        port = random.randrange(20_000, 28_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _fresh_database(url: str, name: str) -> str:
    database = f"bench_{name}_{time.time_ns()}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {database} TEMPLATE template0"))
    server.dispose()
    return f"{url.rpartition('/')[0]}/{database}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)


def _wait_for_stand_ins(stop_file: Path) -> None:
    """Those that run see the stop file within a second or two; none may be left behind."""
    until = time.monotonic() + 10
    while (mine := stand_ins(stop_file)) and time.monotonic() < until:
        time.sleep(0.2)
    for one in mine:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()  # psutil makes sure that the number is still the same process's


def stand_ins(stop_file: Path) -> list[psutil.Process]:
    """Processes that were launched for this site: they carry its stop file in their environment, which no other process does."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("NXF_STANDIN_STOP") == str(stop_file):
                found.append(one)
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes and their living children."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(pid)
            for one in (top, *top.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = one.cpu_times()
                    total += times.user + times.system
    return total


def machine_cpu_seconds() -> float:
    """That all cores together were busy since the machine's start."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice
