"""Webhooks and deliveries as the API shows them: never a URL's path or query (a resume URL carries a signature), never a secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..store.tables import Breaker, Delivery, Event, Webhook, now


def webhook_views(session: Session, webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    ids = [webhook.id for webhook in webhooks]
    undelivered = select(Delivery.webhook_id, Delivery.status, func.count()).where(
        Delivery.webhook_id.in_(ids), Delivery.status != "delivered"
    )
    for webhook_id, status, count in session.execute(undelivered.group_by(Delivery.webhook_id, Delivery.status)):
        counts[webhook_id][status] = count
    targets = {webhook.host for webhook in webhooks}
    paused = dict(
        session.execute(select(Breaker.target, Breaker.open_until).where(Breaker.target.in_(targets), Breaker.open_until > now())).all()
    )
    return [
        {
            "webhook_id": webhook.id, "kind": webhook.kind, "target": webhook.host, "event_types": webhook.event_types,
            "run_id": webhook.run_id, "content_type": webhook.content_type, "active": webhook.active, "created_at": webhook.created_at,
            "pending": counts[webhook.id].get("pending", 0), "dead": counts[webhook.id].get("dead", 0),
            "paused_until": paused.get(webhook.host),
        }
        for webhook in webhooks
    ]  # fmt: skip


def delivery_page(session: Session, owner: str | None, before: int | None, size: int, **filters: Any) -> tuple[list[dict[str, Any]], str]:
    """Deliveries, newest first, and the token of the next page ('' at the end). owner None: of all. filters: None where not asked for.

    status, webhook_id, run_id: of Delivery; event_type: of the event.
    """
    query = (
        select(Delivery, Event.id, Event.type, Event.sequence)
        .join(Event, Event.number == Delivery.event_number)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .order_by(Delivery.number.desc())
        .limit(size + 1)
    )
    columns = {"status": Delivery.status, "webhook_id": Delivery.webhook_id, "run_id": Delivery.run_id, "event_type": Event.type}
    for name, value in filters.items():
        if value is not None:
            query = query.where(columns[name] == value)
    if owner is not None:
        query = query.where(Webhook.key_id == owner)
    if before is not None:
        query = query.where(Delivery.number < before)
    rows = session.execute(query).all()
    shown = [_delivery_view(*row) for row in rows[:size]]
    return shown, str(shown[-1]["delivery_id"]) if len(rows) > size else ""


def _delivery_view(delivery: Delivery, event_id: str, event_type: str, sequence: int) -> dict[str, Any]:
    return {
        "delivery_id": delivery.number, "webhook_id": delivery.webhook_id, "run_id": delivery.run_id, "event_id": event_id,
        "event_type": event_type, "event_number": delivery.event_number, "sequence": sequence, "status": delivery.status,
        "attempts": delivery.attempts, "next_at": delivery.next_at if delivery.status == "pending" else None,
        "last_status": delivery.last_status, "last_error": delivery.last_error, "created_at": delivery.created_at,
        "ended_at": delivery.ended_at,
    }  # fmt: skip
