"""A real `llamaflow serve` in a process of its own, for tests that go through HTTP, signals and logs."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


class Served:
    """url, key (the first admin's), home, log (a file), process."""

    def __init__(self, home: Path, port: int, process: subprocess.Popen, scheme: str = "http"):
        self.home, self.port, self.process = home, port, process
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.output, self.log = home / "stdout.txt", home / "stderr.txt"

    @property
    def key(self) -> str:
        return self.output.read_text().split("shown this once: ")[1].split()[0]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """With the first admin's key, or another one; key="" sends none."""
        key = self.key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **options)

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def make_key(self, *scopes: str, **fields: Any) -> dict[str, Any]:
        with self.client() as client:
            answer = client.post("/api/v1/keys", json={"name": "test", "scopes": list(scopes), **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def audit(self, **query: Any) -> list[dict[str, Any]]:
        """Rows, newest first."""
        with self.client() as client:
            return client.get("/api/v1/audit", params={"limit": 1000, **query}).json()["audit"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def secret_of(key: str) -> str:
    """The secret part of lf_<prefix>_<secret>; underscores may be in it."""
    return key.split("_", 2)[2]


def free_port() -> int:
    """Below the kernel's range for outgoing connections (32768 up): no client takes it between here and the server's start."""
    while True:
        port = random.randrange(20_000, 28_000)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def environment(home: Path, **settings: Any) -> dict[str, str]:
    """Without the developer's own settings; lists and such as JSON."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_")}
    for name, value in {"home": home, **settings}.items():
        kept[f"LLAMAFLOW_{name.upper()}"] = str(value) if isinstance(value, (str, Path)) else json.dumps(value)
    return kept


@contextlib.contextmanager
def served(home: Path, *, port: int | None = None, ready_s: float = 60, **settings: Any) -> Iterator[Served]:
    """Started, ready, and ended with the test. Without a worker, unless embedded_worker=True."""
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    env = environment(home, port=port, **({"embedded_worker": False} | settings))
    with open(home / "stdout.txt", "a") as output, open(home / "stderr.txt", "a") as log:
        process = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve"], cwd=ROOT, env=env, stdout=output, stderr=log)
    one = Served(home, port, process, "https" if settings.get("tls_certificate") else "http")
    try:
        wait_ready(one, ready_s)
        yield one
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_ready(one: Served, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert one.process.poll() is None, f"serve ended with {one.process.returncode}: {one.log.read_text()[-2000:]}"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{one.url}/healthz", verify=False, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"not ready after {seconds} s: {one.log.read_text()[-2000:]}")


def eventually(condition, seconds: float = 20, every: float = 0.05) -> Any:
    """What condition() answers once it is true; fails when it never is."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(every)


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """What work() answers in so many threads that begin together."""
    found, ready = [], threading.Barrier(count)

    def one() -> None:
        ready.wait()
        found.append(work())

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
