"""Runs as JSON: column selects, no row objects, and lists by pages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select

from ..context import Gateway
from ..store.tables import Run, utc_text
from .listing import page_size, position, time_of, token
from .problems import NotFound, Refused
from .requests import PRIORITIES
from .states import FINAL, State

NAMES = {number: name for name, number in PRIORITIES.items()}
COLUMNS = (
    Run.id, Run.key_id, Run.state, Run.verdict, Run.outputs, Run.progress, Run.usage, Run.heartbeat_at, Run.silent_since, Run.error,
    Run.exit_code, Run.request, Run.engine_parameters, Run.priority, Run.tags, Run.created_at, Run.queued_at, Run.started_at, Run.ended_at,
    Run.launches, Run.losses,
)  # fmt: skip
LINKS = ("events", "log", "progress", "heartbeat", "estimate", "cancel", "resume", "retry", "tasks", "summaries")
RUN_ID = re.compile(r"[A-Za-z0-9-]{1,36}")


def iso(time: dt.datetime | None) -> str | None:
    return None if time is None else utc_text(time)


def run_view(row: Row | Run) -> dict[str, Any]:
    """A run as /api/v1 shows it. row: of COLUMNS, or the object."""
    base = f"/api/v1/runs/{row.id}"
    links = {name: f"{base}/{name}" for name in LINKS} | {name: f"{base}/files/{name}" for name in (row.outputs or {}).get("files", ())}
    progress, request, engine = row.progress or {}, row.request or {}, row.engine_parameters or {}
    return {
        "run_id": row.id, "state": row.state, "verdict": row.verdict, "outputs": row.outputs or {}, "progress": progress,
        "percent": percent(row.state, progress), "usage": row.usage or {}, "heartbeat_at": iso(row.heartbeat_at),
        "silent_since": iso(row.silent_since), "error": row.error, "exit_code": row.exit_code, "params": request.get("workflow_params", {}),
        "profile": engine.get("profile", ""), "stub": engine.get("stub", False), "priority": NAMES.get(row.priority, "normal"),
        "tags": row.tags or {}, "created_at": iso(row.created_at), "queued_at": iso(row.queued_at), "started_at": iso(row.started_at),
        "ended_at": iso(row.ended_at), "launches": row.launches, "losses": row.losses, "retry_of": request.get("retry_of"),
        "links": {"self": base, **links},
    }  # fmt: skip


def percent(state: str, progress: dict[str, Any]) -> int | None:
    """Of the tasks that are known of; None until every process says how many it will have. 100 is only what has ended well."""
    if state == State.COMPLETE:
        return 100
    totals = [one.get("total") for one in progress.values() if isinstance(one, dict)]
    if not totals or not all(totals):
        return None
    return min(99, int(100 * sum(one.get("done", 0) for one in progress.values()) / sum(totals)))


def find(gateway: Gateway, run_id: str, caller: Any, columns: Sequence[Any] = COLUMNS) -> Row:
    """A run's columns (Run.key_id among them). caller: has may_see(). Raises NotFound, for what may not be seen, too."""
    if not RUN_ID.fullmatch(run_id):
        raise NotFound
    with gateway.store.read() as session:
        row = session.execute(select(*columns).where(Run.id == run_id)).first()
    if row is None or not caller.may_see(row):
        raise NotFound
    return row


def seen_by(query: Select, caller: Any) -> Select:
    """Only what the caller may see."""
    return query if caller.admin else query.where(Run.key_id == caller.key_id)


def page(
    gateway: Gateway, caller: Any, columns: Sequence[Any], size: int | None, page_token: str | None, *where: Any
) -> tuple[list[Row], str]:
    """Runs, newest first, and the token of the next page ('' at the end). columns: Run.id and Run.created_at among them."""
    count = page_size(size)
    query = seen_by(select(*columns), caller).where(*where).order_by(Run.created_at.desc(), Run.id.desc()).limit(count + 1)
    if page_token:
        created, run_id = position(page_token, str, str)
        time = time_of(created)
        query = query.where(Run.created_at <= time).where((Run.created_at < time) | (Run.id < run_id))
    with gateway.store.read() as session:
        rows = session.execute(query).all()
    more = len(rows) > count
    rows = rows[:count]
    return rows, token(rows[-1].created_at.isoformat(), rows[-1].id) if more else ""


def filters(*, state: Sequence[str] = (), verdict: Sequence[str] = (), tag: Sequence[str] = (), silent: bool | None = None) -> list[Any]:
    """Conditions of a list. tag: name:value. Raises Refused (400)."""
    where: list[Any] = []
    if unknown := [one for one in state if one not in State.__members__]:
        raise Refused(400, f"{len(unknown)} of the states asked for are none: they are {', '.join(State)}")
    if state:
        where.append(Run.state.in_(state))
    if verdict:
        where.append(Run.verdict.in_(verdict))
    if silent is not None:
        where.append(Run.silent_since.is_not(None) if silent else Run.silent_since.is_(None))
    for one in tag:
        name, colon, value = one.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
            raise Refused(400, "tag has to be name:value, the name of letters, digits and _.-")
        where.append(Run.tags[name].as_string() == value)
    return where


def list_runs(gateway: Gateway, caller: Any, *, size: int | None = None, page_token: str | None = None, **asked: Any) -> dict[str, Any]:
    """A page of runs. asked: as for filters()."""
    rows, following = page(gateway, caller, COLUMNS, size, page_token, *filters(**asked))
    return {"runs": [run_view(row) for row in rows], "next_page_token": following}


def counts(gateway: Gateway, caller: Any) -> dict[str, int]:
    """Runs that the caller may see by state, those of no run included."""
    with gateway.store.read() as session:
        found = dict(session.execute(seen_by(select(Run.state, func.count()), caller).group_by(Run.state)).all())
    return {state.value: found.get(state.value, 0) for state in State}


def ended(state: str) -> bool:
    return State(state) in FINAL
