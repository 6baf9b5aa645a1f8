"""Once a minute: what was never sent because its target was left alone or its key was revoked ends, and old rows go."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from ..settings import Settings
from ..store.tables import Delivery, Webhook, now
from . import schedule
from .fanout import owners_of_runs

KEEP_DELIVERED_DAYS = 30
ROWS_AT_ONCE = 2000  # transactions stay short
NO_KEY = "not sent: the keys of its owner are revoked or expired"
TOO_LATE = "given up: the target could not be reached in time"


def tidy(session: Session, settings: Settings) -> tuple[int, int]:
    """How many deliveries were given up and how many old ones deleted. Run again while either is ROWS_AT_ONCE."""
    time = now()
    given_up = 0
    for kind in ("webhook", "resume"):
        # An hour after the last attempt should have been: whoever is about to make it goes first.
        before = time - (schedule.give_up_at(time, kind, settings.webhook_retry_hours) - time) - dt.timedelta(hours=1)
        late = (
            select(Delivery.number)
            .join(Webhook, Webhook.id == Delivery.webhook_id)
            .where(
                Delivery.status == "pending", Webhook.kind == kind, Delivery.created_at < before,
                or_(Delivery.claimed_until == None, Delivery.claimed_until <= time),  # noqa: E711
            )
            .limit(ROWS_AT_ONCE)
        )  # fmt: skip
        ended = update(Delivery).where(Delivery.number.in_(late)).values(status="dead", last_error=TOO_LATE, ended_at=time)
        given_up += session.execute(ended.execution_options(synchronize_session=False)).rowcount
    given_up += _end_without_key(session)
    old = select(Delivery.number).where(Delivery.status == "delivered", Delivery.ended_at < time - dt.timedelta(days=KEEP_DELIVERED_DAYS))
    deleted = session.execute(
        delete(Delivery).where(Delivery.number.in_(old.limit(ROWS_AT_ONCE))).execution_options(synchronize_session=False)
    ).rowcount
    return given_up, deleted


def _end_without_key(session: Session) -> int:
    """What was fanned out before its owner lost the right to read it."""
    waiting = (
        select(Webhook.key_id)
        .join(Delivery, Delivery.webhook_id == Webhook.id)
        .where(Delivery.status == "pending", Webhook.kind == "webhook")
    )
    owners = set(session.scalars(waiting.distinct()))
    lost = owners - owners_of_runs(session, owners).keys()
    if not lost:
        return 0
    theirs = (
        select(Delivery.number)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(Delivery.status == "pending", Webhook.kind == "webhook", Webhook.key_id.in_(lost))
        .limit(ROWS_AT_ONCE)
    )
    ended = update(Delivery).where(Delivery.number.in_(theirs)).values(status="dead", last_error=NO_KEY, ended_at=now())
    return session.execute(ended.execution_options(synchronize_session=False)).rowcount
