"""Which waiting run is next: a pure choice, and the query for those to choose from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from ..runs.states import ACTIVE, WAITING, State
from ..store.tables import Run

FIRST = -1  # before interactive ones
OVERDUE = 4  # times settings.ageing_s
FEW, MOST = 64, 10_000  # candidates looked at, best first: mostly the first ones fit


@dataclass(frozen=True)
class Candidate:
    """A waiting run. rank: its priority after ageing, lower is sooner; active: runs of its key that are going on now."""

    id: str
    version: int
    key_id: str
    rank: int
    active: int
    queued_at: dt.datetime
    resources: Mapping[str, Any]


def waiting(session: Session, now: dt.datetime, ageing_s: float, most: int = FEW) -> list[Candidate]:
    """Runs that may start now, best first. Ageing: one priority up for each ageing_s; after four of them before all others.

    A run that was lost or preempted goes on before new ones: what it had may not be kept for ever.
    """
    step = dt.timedelta(seconds=ageing_s)
    rank = case(
        (or_(Run.queued_at <= now - OVERDUE * step, Run.losses > 0, Run.state == State.PREEMPTED), FIRST),
        (Run.queued_at <= now - 2 * step, 0),
        (and_(Run.queued_at <= now - step, Run.priority > 0), Run.priority - 1),
        else_=Run.priority,
    ).label("rank")
    active = select(Run.key_id, func.count().label("count")).where(Run.state.in_(ACTIVE)).group_by(Run.key_id).subquery()
    count = func.coalesce(active.c.count, 0).label("active")
    rows = session.execute(
        select(Run.id, Run.version, Run.key_id, rank, count, Run.queued_at, Run.resources)
        .outerjoin(active, active.c.key_id == Run.key_id)
        .where(Run.state.in_(WAITING), or_(Run.not_before.is_(None), Run.not_before <= now))
        .order_by(rank, count, Run.queued_at, Run.id)
        .limit(most)
    )
    return [Candidate(*row) for row in rows]


def choose(
    candidates: Iterable[Candidate], free: Mapping[str, float], limits: Mapping[str, float], taken: Mapping[str, int]
) -> Candidate | None:
    """The next one that fits into what is free; within a rank the key with the fewest active runs first, then the oldest.

    limits: of this worker when nothing runs. taken: runs by key that this worker took since the candidates were read.
    A run of rank FIRST that would fit an empty worker is waited for: smaller ones do not pass it for ever.
    """

    def order(one: Candidate) -> tuple:
        share = 0 if one.rank <= FIRST else one.active + taken.get(one.key_id, 0)
        return one.rank, share, one.queued_at, one.id

    for one in sorted(candidates, key=order):
        if fits(one.resources, free):
            return one
        if one.rank <= FIRST and fits(one.resources, limits):
            return None
    return None


def fits(resources: Mapping[str, Any], free: Mapping[str, float]) -> bool:
    """Units that this worker does not count do not matter."""
    return all(amount <= free[unit] for unit, amount in needs(resources).items() if unit in free)


def needs(resources: Mapping[str, Any]) -> dict[str, float]:
    """Units of a run; each takes at least a place."""
    return {"runs": 1} | {unit: float(amount) for unit, amount in resources.items() if amount}
