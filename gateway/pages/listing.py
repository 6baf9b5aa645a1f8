"""Which runs the list shows: filters, counts, and those that need a person."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from ..auth.access import Caller
from ..runs.states import ACTIVE, FINAL, WAITING, State
from ..store.tables import Key, Run, now

GROUPS: dict[str, frozenset[State]] = {
    "all": frozenset(State),
    "going": ACTIVE,
    "waiting": WAITING,
    "done": frozenset({State.COMPLETE}),
    "failed": frozenset({State.EXECUTOR_ERROR, State.SYSTEM_ERROR}),
    "canceled": frozenset({State.CANCELED}),
}
VERDICTS = ("accepted", "rejected", "needs_review", "drift", "no_drift")
PAGE = 50
ATTENTION = 6  # lines
FAILED_FOR, REVIEW_FOR = dt.timedelta(days=1), dt.timedelta(days=14)


@dataclass(frozen=True)
class Filters:
    """As the address says them; whatever else stands there is ignored."""

    show: str = "all"
    verdict: str = ""
    text: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        show, verdict, page = query.get("show", ""), query.get("verdict", ""), query.get("page", "")
        return cls(
            show if show in GROUPS else "all",
            verdict if verdict in VERDICTS else "",
            query.get("q", "").strip()[:100],
            min(int(page), 100_000) if page.isascii() and page.isdigit() and page != "0" else 1,
        )

    def query(self, **changes: Any) -> dict[str, Any]:
        """The address's query with some values changed; what is as always is left out."""
        values = {"show": self.show, "verdict": self.verdict, "q": self.text, "page": 1} | changes
        usual = {"show": "all", "verdict": "", "q": "", "page": 1}
        return {name: value for name, value in values.items() if value != usual[name]}


@dataclass(frozen=True)
class Listing:
    """A page of runs. counts: of the groups, of all runs that the caller may see. total: that the filters let through."""

    runs: list[Run]
    total: int
    counts: dict[str, int]
    attention: list[tuple[str, Run]]  # why: silent, failed, needs_review
    owners: dict[str, str]  # key_id -> name, for an admin


def find(session: Session, caller: Caller, filters: Filters) -> Listing:
    """Newest first."""
    mine = _mine(caller)
    wanted = and_(mine, *_conditions(filters))
    runs = session.scalars(
        select(Run).where(wanted).order_by(Run.created_at.desc(), Run.id).limit(PAGE).offset((filters.page - 1) * PAGE)
    ).all()
    total = session.scalar(select(func.count()).select_from(Run).where(wanted)) or 0
    by_state = dict(session.execute(select(Run.state, func.count()).where(mine).group_by(Run.state)).all())
    counts = {name: sum(by_state.get(state.value, 0) for state in states) for name, states in GROUPS.items()}
    return Listing(list(runs), total, counts, attention(session, mine), owners(session, caller))


def attention(session: Session, mine: ColumnElement[bool]) -> list[tuple[str, Run]]:
    """What somebody should look at, the most urgent first."""
    time = now()
    silent = and_(Run.state.in_(ACTIVE), Run.silent_since.is_not(None))
    failed = and_(Run.state.in_(GROUPS["failed"]), Run.ended_at > time - FAILED_FOR)
    review = and_(Run.verdict == "needs_review", Run.ended_at > time - REVIEW_FOR, Run.outputs["review"]["decision"].as_string().is_(None))
    found: list[tuple[str, Run]] = []
    for why, condition in (("silent", silent), ("needs_review", review), ("failed", failed)):
        rows = session.scalars(select(Run).where(mine, condition).order_by(Run.created_at.desc()).limit(ATTENTION)).all()
        found += [(why, run) for run in rows]
    return found[:ATTENTION]


def owners(session: Session, caller: Caller) -> dict[str, str]:
    """Names of the keys that runs belong to; only an admin sees others' runs."""
    return dict(session.execute(select(Key.id, Key.name).where(Key.id == Key.owner_id)).all()) if caller.admin else {}


def visible(session: Session, caller: Caller, run_id: str) -> Run | None:
    """The run, or None where there is none that the caller may see."""
    run = session.get(Run, run_id)
    return run if run is not None and caller.may_see(run) else None


def ended(run: Run) -> bool:
    return State(run.state) in FINAL


def _mine(caller: Caller) -> ColumnElement[bool]:
    return Run.id.is_not(None) if caller.admin else Run.key_id == caller.key_id


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.show != "all":
        conditions.append(Run.state.in_([state.value for state in GROUPS[filters.show]]))
    if filters.verdict:
        conditions.append(Run.verdict == filters.verdict)
    if filters.text:
        stored = json.dumps(filters.text)[1:-1]  # JSON columns hold letters beyond ASCII as escapes
        conditions.append(
            or_(
                Run.id.istartswith(filters.text, autoescape=True),
                Run.workflow_params["run_name"].as_string().icontains(filters.text, autoescape=True),
                cast(Run.tags, String).icontains(stored, autoescape=True),
            )
        )
    return conditions
