"""Circuit breakers, one for each target (host:port), shared by all dispatchers.

After some failures in a row a target is left alone for a while, then one delivery tries it (half-open): when that succeeds, the others
follow.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..settings import Settings
from ..store.tables import Breaker, now


def after(failures: int, results: Iterable[bool], limit: int) -> tuple[int, bool]:
    """Pure: failures in a row after these results (True: the target failed), and whether they reach the limit: the breaker opens."""
    opens = False
    for failed in results:
        failures = failures + 1 if failed else 0
        opens = failed and failures >= limit
    return failures, opens


def states(session: Session) -> tuple[set[str], set[str]]:
    """Targets that are left alone now, and those that one delivery may try."""
    rows = session.execute(select(Breaker.target, Breaker.open_until).where(Breaker.open_until != None)).all()  # noqa: E711
    time = now()
    closed_to_all = {row.target for row in rows if row.open_until > time}
    return closed_to_all, {row.target for row in rows} - closed_to_all


def take_probe(session: Session, settings: Settings, target: str) -> bool:
    """Whether this caller is the one that tries a half-open target; for the others it is open again meanwhile."""
    time = now()
    taken = session.execute(
        update(Breaker).where(Breaker.target == target, Breaker.open_until <= time).values(open_until=time + _pause(settings))
    )
    return taken.rowcount == 1


def note(session: Session, settings: Settings, results: dict[str, list[bool]]) -> set[str]:
    """Count results by target (True: the target failed); the targets that are left alone from now on."""
    if not results:
        return set()
    known = {
        row.target: row
        for row in session.scalars(select(Breaker).where(Breaker.target.in_(results)).order_by(Breaker.target).with_for_update())
    }
    opened = set()
    for target in sorted(results):
        before = known[target].failures if target in known else 0
        failures, opens = after(before, results[target], settings.breaker_failures)
        if target not in known and failures == 0:
            continue
        row = {"failures": failures, "open_until": now() + _pause(settings) if opens else None}
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(insert(Breaker).values(target=target, **row).on_conflict_do_update(index_elements=["target"], set_=row))
        if opens:
            opened.add(target)
    return opened


def _pause(settings: Settings) -> dt.timedelta:
    return dt.timedelta(seconds=settings.breaker_open_s)
