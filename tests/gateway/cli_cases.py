"""What the tests of `llamaflow` share: the real executable against a real gateway, and a connection that loses answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.context import Gateway
from gateway.runs.states import Trigger
from gateway.runs.transitions import lock, move

ROOT = Path(__file__).parents[2]
LLAMAFLOW = str(ROOT / "gateway" / "llamaflow")


class Cli:
    """llamaflow with an address and a key in its environment."""

    def __init__(self, url: str, key: str, **more: str):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_") and name != "PYTHONPATH"}
        self.env = kept | {"LLAMAFLOW_URL": url, "LLAMAFLOW_API_KEY": key, "NO_PROXY": "*"} | more

    def run(self, *argv: str, **options: Any) -> subprocess.CompletedProcess:
        """From a folder that is not the repository, as n8n would."""
        return subprocess.run([LLAMAFLOW, *argv], env=self.env, cwd="/", capture_output=True, text=True, timeout=60, **options)

    def start(self, *argv: str, **options: Any) -> subprocess.Popen:
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        return subprocess.Popen([LLAMAFLOW, *argv], env=self.env, cwd="/", **given)

    def answer(self, *argv: str, code: int = 0, **options: Any) -> dict[str, Any]:
        """The one JSON line of a command that ends with this code."""
        done = self.run(*argv, **options)
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        (line,) = done.stdout.splitlines()
        value = json.loads(line)
        assert (value["ok"], value["exit"]) == (code == 0, code)
        return value


def advance(gateway: Gateway, run_id: str, *triggers: Trigger, **columns: Any) -> None:
    """Move a run as a worker does; columns are set with the last move."""
    for number, trigger in enumerate(triggers, 1):
        with gateway.store.write() as session:
            move(session, lock(session, run_id), trigger, **(columns if number == len(triggers) else {}))


@contextmanager
def losing_answers(port: int, lost: int = 1, answer: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """A way to the gateway that passes calls on but drops the first ``lost`` answers; yields its URL and the calls that went through.

    answer: given instead of a gateway's.
    """
    calls: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stop = threading.Event()

    def carry() -> None:
        while not stop.is_set():
            with suppress(TimeoutError):
                client, _address = listener.accept()
                with client:
                    client.settimeout(10)
                    calls.append(_whole(client))
                    given = answer or asked(calls[-1])
                    if len(calls) > lost:
                        client.sendall(given)

    def asked(call: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as gateway:
            gateway.settimeout(10)
            gateway.sendall(call)
            return _whole(gateway)

    thread = threading.Thread(target=carry)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
    stop.set()
    thread.join()
    listener.close()


def _whole(connection: socket.socket) -> bytes:
    """One HTTP message with a Content-Length, or without a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        more = connection.recv(65536)
        data, missing = data + more, missing - len(more)
    return data
