"""What became of deliveries, written down: delivered, tried again later, dead, or released untried."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from ..settings import Settings
from ..store.tables import Delivery, Webhook, now
from . import breaker, schedule
from .answers import Meaning, describe
from .parcels import Outcome

RESUMED_BEFORE = "not sent: the flow was resumed by an earlier event of this run"
UNWANTED = "not sent: the target answered 410, it wants no more"


def settle(session: Session, settings: Settings, outcomes: Sequence[Outcome], chance: random.Random) -> None:
    """In one transaction; what another dispatcher has ended meanwhile (after a lease ran out) stays as it is."""
    if not outcomes:
        return
    time = now()
    table = Delivery.__table__
    statement = (
        update(table)
        .where(table.c.number == bindparam("parcel"), table.c.status == "pending")
        .values({name: bindparam(f"new_{name}") for name in ("status", "attempts", "next_at", "last_status", "last_error", "ended_at")})
        .values(claimed_until=None)
    )
    # By number: two dispatchers that write to the same rows do not wait for each other.
    sent = sorted((outcome for outcome in outcomes if outcome.answer), key=lambda outcome: outcome.parcel.number)
    if sent:
        session.connection().execute(
            statement, [{"parcel": outcome.parcel.number} | _columns(outcome, settings, time, chance) for outcome in sent]
        )
    released = [outcome.parcel.number for outcome in outcomes if not outcome.answer]
    if released:
        session.execute(update(Delivery).where(Delivery.number.in_(released), Delivery.status == "pending").values(claimed_until=None))
    _end_webhooks(session, sent, time)
    results: dict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:  # as they came, which is what "in a row" means
        if outcome.answer:
            results[outcome.target].append(outcome.answer.target_failed)
    breaker.note(session, settings, results)


def _columns(outcome: Outcome, settings: Settings, time: dt.datetime, chance: random.Random) -> dict[str, Any]:
    parcel, answer = outcome.parcel, outcome.answer
    attempts = parcel.attempts + 1
    status, next_at, error = "delivered", time, describe(answer)
    if outcome.meaning in (Meaning.DEAD, Meaning.GONE):
        status = "dead"
    elif outcome.meaning == Meaning.RETRY:
        give_up = schedule.give_up_at(parcel.created_at, outcome.kind, settings.webhook_retry_hours)
        asked = schedule.retry_after(answer.retry_after, time)
        again = schedule.next_attempt(attempts, outcome.kind, asked, time, give_up, chance)
        status, next_at = ("pending", again) if again else ("dead", time)
    return {
        "new_status": status, "new_attempts": attempts, "new_next_at": next_at, "new_last_status": answer.status, "new_last_error": error,
        "new_ended_at": None if status == "pending" else time,
    }  # fmt: skip


def _end_webhooks(session: Session, sent: Sequence[Outcome], time: dt.datetime) -> None:
    """A resume URL is called once, and a target that answers 410 no more."""
    for reason, ended in (
        (RESUMED_BEFORE, {outcome.webhook_id for outcome in sent if outcome.kind == "resume" and outcome.meaning == Meaning.DELIVERED}),
        (UNWANTED, {outcome.webhook_id for outcome in sent if outcome.meaning == Meaning.GONE}),
    ):
        if ended:
            session.execute(update(Webhook).where(Webhook.id.in_(ended)).values(active=False))
            rest = update(Delivery).where(Delivery.webhook_id.in_(ended), Delivery.status == "pending")
            session.execute(rest.values(status="dead", last_error=reason, ended_at=time, claimed_until=None))
