"""Events as a stream that can be taken up again by the number of the last one.

Numbers are given out before their transactions commit, so a later one may be seen first. The head is the number up to which every
event is there: a gap holds it back until it is filled, or so old that its transaction was rolled back.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from ..context import Gateway
from ..queue.cloudevents import cloud_event
from ..store.database import Store
from ..store.tables import Event, Run, now
from .states import FINAL, State
from .views import seen_by

HOLD_S = 5  # no transaction of ours takes longer
POLL_S = 0.3
BEAT_S = 15  # between two comments to a client that hears nothing: proxies close silent connections
STREAM_S = 900  # then a client comes again, with its key and the number of its last event
BATCH = 500
EVENT_COLUMNS = (Event.number, Event.id, Event.run_id, Event.sequence, Event.type, Event.data, Event.time)


def events_after(
    gateway: Gateway,
    caller: Any,
    after: int,
    *,
    run_id: str | None = None,
    types: Sequence[str] = (),
    until: int | None = None,
    limit: int = BATCH,
) -> list[dict[str, Any]]:
    """CloudEvents that the caller may see with a number above ``after`` (and at most ``until``), in order."""
    query = select(*EVENT_COLUMNS).where(Event.number > after).order_by(Event.number).limit(limit)
    if run_id is not None:
        query = query.where(Event.run_id == run_id)
    elif not caller.admin:
        query = seen_by(query.join(Run, Run.id == Event.run_id), caller)
    if types:
        query = query.where(Event.type.in_(types))
    if until is not None:
        query = query.where(Event.number <= until)
    with gateway.store.read() as session:
        rows = session.execute(query).all()
    return [cloud_event(gateway.settings, row) for row in rows]


def head_after(store: Store, head: int | None) -> int:
    """The head as it is now; head: as it was, None at the start."""
    old = now() - dt.timedelta(seconds=HOLD_S)
    with store.read() as session:
        if head is None:
            head = session.scalar(select(func.max(Event.number)).where(Event.time < old)) or 0
        rows = session.execute(select(Event.number, Event.time).where(Event.number > head).order_by(Event.number).limit(2000)).all()
    for number, written in rows:
        if number > head + 1 and written > old:
            break
        head = number
    return head


class Feed:
    """Wakes the streams of a process when there is something new: one poll for all of them. One for an event loop."""

    def __init__(self, store: Store):
        self._store = store
        self._head: int | None = None
        self._task: asyncio.Task | None = None
        self._listeners = 0
        self.news = asyncio.Event()  # set, and replaced, when the head moves: take it before reading, wait for it afterwards

    async def head(self) -> int:
        """Asks the database."""
        found = await run_in_threadpool(head_after, self._store, self._head)
        if self._head is None or found > self._head:
            self._head = found
            news, self.news = self.news, asyncio.Event()
            news.set()
        return self._head

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While anyone listens, the database is polled."""
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self._listeners -= 1

    async def _poll(self) -> None:
        while self._listeners:
            with contextlib.suppress(Exception):  # the database may be away for a while; streams that ask it themselves will say so
                await self.head()
            await asyncio.sleep(POLL_S)


async def stream(
    gateway: Gateway, feed: Feed, caller: Any, after: int, stop: threading.Event, *, run_id: str | None = None,
    types: Sequence[str] = (), until_end: bool = False,
) -> AsyncIterator[bytes]:  # fmt: skip
    """Server-Sent Events: id is the number, data a CloudEvent; without an event name, so that every client's onmessage gets them.

    stop: the gateway is going down. until_end: close when the run has ended and everything is told.
    """
    over, quiet = time.monotonic() + STREAM_S, 0
    with feed.listening():
        yield b"retry: 2000\n\n"
        while time.monotonic() < over and not stop.is_set():
            news = feed.news
            # Events of one run become visible in the order of their numbers: its row was locked for each.
            head = None if run_id else await feed.head()
            ended = until_end and run_id is not None and await run_in_threadpool(_ended, gateway, run_id)
            found = await run_in_threadpool(events_after, gateway, caller, after, run_id=run_id, types=types, until=head)
            for event in found:
                after = event["number"]
                yield f"id: {after}\ndata: {json.dumps(event, separators=(',', ':'))}\n\n".encode()
            if len(found) == BATCH:
                continue
            if ended:
                return
            while not news.is_set() and not stop.is_set() and time.monotonic() < over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), 1)
                quiet = 0 if news.is_set() else quiet + 1
                if quiet == BEAT_S:
                    quiet = 0
                    yield b": beat\n\n"


def _ended(gateway: Gateway, run_id: str) -> bool:
    with gateway.store.read() as session:
        return State(session.scalar(select(Run.state).where(Run.id == run_id))) in FINAL
