"""What tests of queue and webhooks share: a real HTTP receiver on loopback, runs with events, a dispatcher beside the test."""

from __future__ import annotations

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from served import eventually
from sqlalchemy import select

from gateway.context import Gateway
from gateway.runs import events, transitions
from gateway.store.tables import Delivery, Event, Key, Outbox, Run, now
from gateway.webhooks.dispatcher import Dispatcher
from gateway.webhooks.subscriptions import subscribe

OWNER = "key_owner"


@dataclass
class Call:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


class Receiver:
    """An HTTP server in a thread. answer(call) -> status, or (status, headers, body); may sleep, the others are not held up by it."""

    def __init__(self, answer: Callable[[Call], Any] = lambda call: 200, port: int = 0, **config: Any):
        self.calls: list[Call] = []
        self.answer = answer
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(self._app, log_level="critical", lifespan="off", interface="asgi3", timeout_graceful_shutdown=1, **config)
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _app(self, scope: dict, receive: Callable, send: Callable) -> None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # the caller died in the middle of it
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["path"] + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        call = Call(path, {name.decode(): value.decode() for name, value in scope["headers"]}, body)
        self.calls.append(call)
        answer = self.answer(call)
        if hasattr(answer, "__await__"):
            answer = await answer
        status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
        await send({"type": "http.response.start", "status": status, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]})
        await send({"type": "http.response.body", "body": content})

    def __enter__(self) -> Receiver:
        self._thread.start()
        eventually(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


def make_owner(gateway: Gateway, owner: str = OWNER, scopes: tuple[str, ...] = ("runs:read",), **columns: Any) -> str:
    """A key's row, without which nothing is delivered."""
    with gateway.store.write() as session:
        session.add(
            Key(id=owner, name="test", prefix=uuid.uuid4().hex[:12], hash=uuid.uuid4().hex, scopes=list(scopes), owner_id=owner, **columns)
        )
    return owner


def make_run(gateway: Gateway, owner: str = OWNER, run_id: str | None = None) -> str:
    run = Run(id=run_id or str(uuid.uuid4()), state="RUNNING", key_id=owner, workflow_url="llamaflow", folder="/nowhere", outdir="/nowhere")
    with gateway.store.write() as session:
        session.add(run)
    return run.id


def make_events(gateway: Gateway, run_id: str, count: int = 1, kind: str = events.PROGRESS, **data: Any) -> list[str]:
    """Ids of new events of a run, made as runs/transitions.py makes them."""
    with gateway.store.write() as session:
        run = transitions.lock(session, run_id)
        return [transitions.record(session, run, kind, data).id for _ in range(count)]


def make_many_events(gateway: Gateway, run_ids: list[str], each: int) -> list[str]:
    """As many runs' events, interleaved; in bulk, for loads."""
    with gateway.store.write() as session:
        rows = [
            Event(id=str(uuid.uuid4()), run_id=run_id, sequence=sequence, type=events.PROGRESS, data={"run_id": run_id}, time=now())
            for sequence in range(1, each + 1)
            for run_id in run_ids
        ]
        session.add_all(rows)
        session.flush()
        session.add_all(Outbox(event_number=row.number, run_id=row.run_id) for row in rows)
        return [row.id for row in rows]


def make_webhook(gateway: Gateway, url: str, owner: str = OWNER, **options: Any) -> str:
    with gateway.store.write() as session:
        return subscribe(session, gateway, key_id=owner, url=url, **options).id


@contextmanager
def dispatching(gateway: Gateway, **options: Any) -> Iterator[threading.Event]:
    """A dispatcher at work; gives the event that stops it."""
    stop = threading.Event()
    thread = threading.Thread(target=Dispatcher(gateway, **options).run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def deliveries(gateway: Gateway, **columns) -> list[Delivery]:
    with gateway.store.read() as session:
        return list(session.scalars(select(Delivery).filter_by(**columns).order_by(Delivery.number)))


def statuses(gateway: Gateway, **columns) -> list[str]:
    return [delivery.status for delivery in deliveries(gateway, **columns)]


def all_are(gateway: Gateway, status: str, count: int):
    return lambda: statuses(gateway) == [status] * count


def bodies(receiver: Receiver) -> list[dict]:
    return [json.loads(call.body) for call in receiver.calls]


def outbox(gateway: Gateway) -> list[int]:
    with gateway.store.read() as session:
        return list(session.scalars(select(Outbox.event_number)))


def resume(gateway: Gateway, run_id: str, url: str) -> str:
    return make_webhook(gateway, url, kind="resume", event_types=events.ENDED, run_id=run_id)
