"""Subscriptions: who wants which events where."""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ..context import Gateway
from ..queue.cloudevents import CONTENT_TYPE
from ..runs.events import TYPES
from ..store.tables import Delivery, Webhook, now
from . import signing
from .guard import RefusedTarget, check_target, parse_target

__all__ = ["MAX_PER_KEY", "RefusedTarget", "TooMany", "check_target", "delete_webhook", "rotate", "secret_of", "subscribe"]

MAX_PER_KEY = 200


class TooMany(ValueError):
    """This key has as many webhooks as it may have."""


def subscribe(
    session: Session,
    gateway: Gateway,
    *,
    key_id: str,
    url: str,
    kind: str = "webhook",
    event_types: Sequence[str] = (),
    run_id: str | None = None,
    content_type: str = CONTENT_TYPE,
) -> Webhook:
    """A new webhook in the caller's transaction, its URL and secret encrypted (`secret_of` tells the secret once).

    kind: "webhook" for signed CloudEvents, "resume" for n8n's resume URL of one run, called once and unsigned. event_types: empty for all.
    Raises RefusedTarget for a URL that may not be called, ValueError for an unknown event type, TooMany. Names are not looked up here:
    call check_target() before the transaction.
    """
    target = parse_target(gateway.settings, url)
    if unknown := sorted(set(event_types) - set(TYPES)):
        raise ValueError(f"there are no events of the type {unknown[0][:64]}")
    if kind == "webhook":
        mine = session.scalar(select(func.count()).select_from(Webhook).where(Webhook.key_id == key_id, Webhook.kind == "webhook"))
        if mine >= MAX_PER_KEY:
            raise TooMany(f"a key has at most {MAX_PER_KEY} webhooks: delete one first")
    secrets = [signing.new_secret()] if kind == "webhook" else []
    webhook = Webhook(
        id="wh_" + random.token_hex(10), kind=kind, key_id=key_id, url=gateway.secrets.seal(url), host=target.name[:255],
        secret=signing.seal(gateway.secrets, secrets), event_types=list(event_types), run_id=run_id,
        content_type="application/json" if kind == "resume" else content_type,
    )  # fmt: skip
    session.add(webhook)
    session.flush()
    return webhook


def secret_of(gateway: Gateway, webhook: Webhook) -> str:
    """The current secret, to be shown when it is new and never again."""
    return signing.unseal(gateway.secrets, webhook.secret)[0].text


def rotate(session: Session, gateway: Gateway, webhook: Webhook, overlap_s: float) -> str:
    """A new secret; the old one signs beside it for ``overlap_s`` seconds. webhook: locked in this transaction."""
    secrets = signing.rotated(signing.unseal(gateway.secrets, webhook.secret), overlap_s, now())
    webhook.secret = signing.seal(gateway.secrets, secrets)
    session.flush()
    return secrets[0].text


def delete_webhook(session: Session, webhook: Webhook) -> None:
    """With its deliveries, the pending ones too. webhook: locked in this transaction, or a delivery could be added meanwhile."""
    session.execute(delete(Delivery).where(Delivery.webhook_id == webhook.id))
    session.execute(delete(Webhook).where(Webhook.id == webhook.id))
