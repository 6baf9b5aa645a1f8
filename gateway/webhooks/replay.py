"""Sending again: dead letters, or everything from a position on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import String, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..store.tables import Delivery, Event, Run, Webhook, now
from .fanout import owners_of_runs

AT_ONCE = 10_000  # events; the answer says where to go on


class Finished(ValueError):
    """A resume URL that has been called is not called again: it could resume a later step of the flow."""


def replay_dead(session: Session, webhook: Webhook, deliveries: Sequence[int] | None = None) -> int:
    """Dead letters of a webhook (all, or those numbered) are pending again, with all their time before them; how many those are."""
    _revive(session, webhook)
    dead = update(Delivery).where(Delivery.webhook_id == webhook.id, Delivery.status == "dead")
    if deliveries is not None:
        dead = dead.where(Delivery.number.in_(deliveries))
    return session.execute(dead.values(**_fresh()).execution_options(synchronize_session=False)).rowcount


def replay_from(session: Session, webhook: Webhook, after: int) -> tuple[int, int | None]:
    """Send the events numbered above ``after`` again, also what was delivered; how many, and where to go on if there are more.

    Only events that the webhook's owner may read and that it subscribes to. What is pending stays as it is.
    """
    _revive(session, webhook)
    readers = owners_of_runs(session, {webhook.key_id}).get(webhook.key_id)
    if readers is None and webhook.kind != "resume":
        return 0, None
    wanted = select(Event.number, Event.run_id).join(Run, Run.id == Event.run_id).where(Event.number > after)
    if readers is not True:
        wanted = wanted.where(Run.key_id == webhook.key_id)
    if webhook.run_id:
        wanted = wanted.where(Event.run_id == webhook.run_id)
    if webhook.event_types:
        wanted = wanted.where(Event.type.in_(webhook.event_types))
    last = session.scalar(select(func.max(wanted.order_by(Event.number).limit(AT_ONCE).subquery().c.number)))
    if last is None:
        return 0, None
    time = now()
    values = literal("pending", String), literal(0), literal(time, Delivery.next_at.type), literal(time, Delivery.created_at.type)
    rows = wanted.where(Event.number <= last).with_only_columns(literal(webhook.id, String), Event.number, Event.run_id, *values)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    columns = ["webhook_id", "event_number", "run_id", "status", "attempts", "next_at", "created_at"]
    statement = insert(Delivery).from_select(columns, rows.order_by(Event.number))
    unique = ["webhook_id", "event_number"]
    again = statement.on_conflict_do_update(index_elements=unique, set_=_fresh(), where=Delivery.status != "pending")
    count = len(session.scalars(again.returning(Delivery.number)).all())  # PostgreSQL does not say how many
    more = session.scalar(wanted.where(Event.number > last).with_only_columns(Event.number).limit(1))
    return count, last if more else None


def _revive(session: Session, webhook: Webhook) -> None:
    if webhook.kind == "resume" and not webhook.active:
        raise Finished("this resume URL has been called: it is not called again")
    webhook.active = True  # after a 410: its owner says that it wants events again
    session.flush()


def _fresh() -> dict:
    time = now()
    return {"status": "pending", "attempts": 0, "next_at": time, "created_at": time, "claimed_until": None, "ended_at": None}
