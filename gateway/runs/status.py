"""One run, for callers who poll: all who ask at the same time share one query, and each answer is built once.

A read begins after the question came, so an answer is never older than its question: no cache, nothing to invalidate.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Text, cast, select
from starlette.concurrency import run_in_threadpool

from ..store.database import Store
from ..store.tables import Run
from .views import COLUMNS, iso, run_view

MOST = 500  # runs of one query


@dataclass(frozen=True, slots=True)
class Status:
    """key_id: whose run it is. wes, full: JSON as /ga4gh/wes/v1 and /api/v1 answer it."""

    key_id: str
    wes: bytes
    full: bytes


@dataclass(frozen=True, slots=True)
class View:
    """key_id: whose run it is. body: JSON of all there is to it (views.run_view)."""

    key_id: str
    body: bytes


T = TypeVar("T")


class RunReader(Generic[T]):
    """One for an event loop and a kind of answer. read_many: of these runs those that are there, by id; it is called in a thread."""

    def __init__(self, store: Store, read_many: Callable[[Store, list[str]], dict[str, T]]):
        self._store, self._read_many = store, read_many
        self._asked: dict[str, list[asyncio.Future[T | None]]] = {}
        self._task: asyncio.Task | None = None

    async def read(self, run_id: str) -> T | None:
        """None: there is no such run."""
        answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault(run_id, []).append(answer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answer())
        return await answer

    async def _answer(self) -> None:
        while self._asked:
            names = list(self._asked)[:MOST]
            batch = {name: self._asked.pop(name) for name in names}
            try:
                found = await run_in_threadpool(self._read_many, self._store, names)
            except BaseException as error:
                for waiting in batch.values():
                    for future in waiting:
                        if not future.done():
                            future.set_exception(error)
                if not isinstance(error, Exception):
                    raise
                continue
            for name, waiting in batch.items():
                for future in waiting:
                    if not future.done():  # its caller may have gone
                        future.set_result(found.get(name))


# JSON columns as text: they go into the answer as they are.
QUERY = select(
    Run.id, Run.key_id, Run.state, Run.verdict, Run.exit_code, Run.error, Run.heartbeat_at, Run.silent_since, Run.started_at, Run.ended_at,
    Run.launches, Run.losses, cast(Run.progress, Text).label("progress"),
)  # fmt: skip


def read_statuses(store: Store, run_ids: list[str]) -> dict[str, Status]:
    """Those that are there, by id."""
    with store.read() as session:
        rows = session.execute(QUERY.where(Run.id.in_(run_ids))).all()
    return {row.id: _status(row) for row in rows}


def _status(row) -> Status:
    # State and id are ours: nothing in them needs escaping.
    head = f'{{"run_id":"{row.id}","state":"{row.state}"'
    rest = {
        "verdict": row.verdict, "exit_code": row.exit_code, "error": row.error, "heartbeat_at": iso(row.heartbeat_at),
        "silent_since": iso(row.silent_since), "started_at": iso(row.started_at), "ended_at": iso(row.ended_at), "launches": row.launches,
        "losses": row.losses,
    }  # fmt: skip
    full = f'{head},"progress":{row.progress or "{}"},{json.dumps(rest, separators=(",", ":"))[1:]}'
    return Status(row.key_id, (head + "}").encode(), full.encode())


def read_views(store: Store, run_ids: list[str]) -> dict[str, View]:
    """Those that are there, by id."""
    with store.read() as session:
        rows = session.execute(select(*COLUMNS).where(Run.id.in_(run_ids))).all()
    return {
        row.id: View(row.key_id, json.dumps(run_view(row), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
        for row in rows
    }
