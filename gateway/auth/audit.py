"""The audit: a row for each call that changed something or was refused, written by one thread in groups."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import insert

from ..store.database import Store
from ..store.outage import is_outage
from ..store.tables import Audit, now
from .repeats import Repeats

GROUP = 500
WAIT_S = 1.0
PATIENCE_S = 5.0
OUTAGE_S = 300.0  # rows wait for a database that is away
FULL = 20_000  # rows waiting; while the database is away more refusals are only logged

log = structlog.get_logger("gateway.audit")
Row = dict[str, Any]


class AuditLog:
    """add() returns at once; written() is awaited where the answer says that something was done."""

    def __init__(self, store: Store):
        self._store = store
        self._waiting: queue.Queue[tuple[Row, asyncio.Future | None] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Everything added so far is written first."""
        if self._thread:
            self._stopping = True
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def add(self, row: Row) -> None:
        if self._waiting.qsize() >= FULL:
            log.error("audit is full", **{key: row[key] for key in ("action", "outcome", "key_id", "address")})
            return
        self._waiting.put((row, None))

    async def written(self, row: Row) -> None:
        """Returns when the row is in the database, or could not be written (the log says so)."""
        done: asyncio.Future = asyncio.get_running_loop().create_future()
        self._waiting.put((row, done))
        if self._thread is None:
            self._write([one for one in self._next() if one is not None])
        with contextlib.suppress(TimeoutError):  # the database is away: the row waits, the caller need not
            await asyncio.wait_for(asyncio.shield(done), PATIENCE_S)

    def _run(self) -> None:
        repeats = Repeats()
        ended = False
        while not ended:
            group: list[tuple[Row, asyncio.Future | None]] = []
            for one in self._next():
                if one is None:
                    ended = True
                elif one[1] is not None or repeats.passes(one[0]):
                    group.append(one)
            self._write(group + [(row, None) for row in repeats.summaries(all_of_them=ended)])

    def _next(self) -> list[tuple[Row, asyncio.Future | None] | None]:
        """What waits, at most a group; waits itself for a second."""
        found = []
        try:
            found.append(self._waiting.get(timeout=WAIT_S))
            while len(found) < GROUP and found[-1] is not None:
                found.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return found

    def _write(self, group: list[tuple[Row, asyncio.Future | None]]) -> None:
        rows = [row for row, _ in group]
        try:
            self._insert(rows)
        except Exception as error:  # an audit that cannot be written must be seen, not stop the gateway
            if is_outage(error) or len(rows) == 1:
                log.error("audit not written", error=type(error).__name__, rows=rows)
            else:  # one that cannot be stored must not take the others with it
                for one in group:
                    self._write([(one[0], None)])
        for _, done in group:
            if done is not None:
                _finish(done)

    def _insert(self, rows: list[Row]) -> None:
        """Waits for a database that is away."""
        last = time.monotonic() + OUTAGE_S
        while rows:
            try:
                with self._store.write() as session:
                    session.execute(insert(Audit), rows)
                return
            except Exception as error:
                if not is_outage(error) or self._stopping or time.monotonic() > last:
                    raise
            time.sleep(0.2)


def _finish(done: asyncio.Future) -> None:
    loop = done.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: done.done() or done.set_result(None))


def row(*, action: str, outcome: str, key_id: str | None = None, target: str = "", status_code: int | None = None, request_id: str = "",
        address: str = "", detail: Mapping[str, Any] | None = None) -> Row:  # fmt: skip
    return {
        "time": now(), "action": _storable(action, 64), "outcome": outcome, "key_id": key_id, "target": _storable(target, 200),
        "status_code": status_code, "request_id": _storable(request_id, 64),
        "address": _storable(address, 64), "detail": dict(detail or {}),
    }  # fmt: skip


def _storable(text: str, most: int) -> str:
    """PostgreSQL takes no NUL, and a list for people no line ends."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "?", text[:most])
