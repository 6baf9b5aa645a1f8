"""From events to deliveries: each event that comes out of the queue becomes one row for every webhook that wants it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ..store.tables import Delivery, Event, Key, Outbox, Run, Webhook, now

ROWS_AT_ONCE = 500  # an INSERT has so many at most: databases limit its parameters


def fan_out(session: Session, events: Iterable[dict[str, Any]]) -> int:
    """Write the deliveries of these CloudEvents and delete their outbox rows, in one transaction; how many were written.

    The outbox row is what says that an event has still to be fanned out, so an event that comes twice does nothing. Earlier events of the
    same run that are still in the outbox (another consumer has them, or died with them) go first: rows of one run arise in its order.
    """
    last: dict[str, int] = {}
    for event in events:
        last[event["subject"]] = max(event["number"], last.get(event["subject"], 0))
    if not last:
        return 0
    waiting = session.execute(
        select(Outbox.event_number, Outbox.run_id)
        .where(Outbox.run_id.in_(last), Outbox.event_number <= max(last.values()))
        .order_by(Outbox.event_number)
        .with_for_update()  # PostgreSQL: the second of two consumers waits here and then finds nothing
    )
    numbers = [number for number, run_id in waiting if number <= last[run_id]]
    if not numbers:
        return 0
    rows = _deliveries(session, numbers)
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for start in range(0, len(rows), ROWS_AT_ONCE):
        session.execute(insert(Delivery).values(rows[start : start + ROWS_AT_ONCE]).on_conflict_do_nothing())
    session.execute(delete(Outbox).where(Outbox.event_number.in_(numbers)))
    return len(rows)


def _deliveries(session: Session, numbers: list[int]) -> list[dict[str, Any]]:
    events = session.execute(
        select(Event.number, Event.run_id, Event.type, Run.key_id)
        .join(Run, Run.id == Event.run_id)
        .where(Event.number.in_(numbers))
        .order_by(Event.number)
    ).all()
    webhooks = session.execute(_active().where((Webhook.run_id == None) | Webhook.run_id.in_({event.run_id for event in events}))).all()  # noqa: E711
    readers = owners_of_runs(session, {webhook.key_id for webhook in webhooks})
    time = now()
    return [
        {
            "webhook_id": webhook.id, "event_number": event.number, "run_id": event.run_id, "status": "pending", "attempts": 0,
            "next_at": time, "created_at": time,
        }
        for event in events
        for webhook in webhooks
        if wants(webhook, event) and (webhook.kind == "resume" or readers.get(webhook.key_id) in (True, event.key_id))
    ]  # fmt: skip


def _active() -> Select:
    columns = (Webhook.id, Webhook.kind, Webhook.key_id, Webhook.run_id, Webhook.event_types)
    # PostgreSQL: nobody deletes one of them until its deliveries are written.
    return select(*columns).where(Webhook.active).order_by(Webhook.id).with_for_update(read=True, key_share=True, of=Webhook)


def wants(webhook: Any, event: Any) -> bool:
    return webhook.run_id in (None, event.run_id) and (not webhook.event_types or event.type in webhook.event_types)


def owners_of_runs(session: Session, owners: set[str]) -> dict[str, bool | str]:
    """What the owners of webhooks may read now: True for all runs, their own id for their own runs; missing where no key is good any more.

    An owner is the first of a line of keys, each the successor of the one before.
    """
    time = now()
    keys = session.execute(
        select(Key.owner_id, Key.scopes).where(
            Key.owner_id.in_(owners), Key.revoked_at == None, (Key.expires_at == None) | (Key.expires_at > time)  # noqa: E711
        )
    )  # fmt: skip
    readers: dict[str, bool | str] = {}
    for owner, scopes in keys:
        if "admin" in scopes:
            readers[owner] = True
        elif "runs:read" in scopes:
            readers.setdefault(owner, owner)
    return readers
