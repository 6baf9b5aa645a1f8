"""Which deliveries are sent next, by whom: claims with a lease, so that dispatchers share the work and a dead one's share comes back."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Row, Select, exists, func, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from ..context import Gateway
from ..queue.cloudevents import cloud_event
from ..secrets import UnreadableSecret
from ..settings import Settings
from ..store.tables import Delivery, Event, Webhook, now
from . import breaker, signing
from .parcels import Lane, Parcel

LANE_LENGTH = 20  # deliveries of one run that are claimed together
LEASE_S = 15.0  # what a dispatcher that died had claimed is free after it; one that lives renews its claims


def anything_due(session: Session, full: Collection[str]) -> bool:
    """Whether a claim would find something (or a half-open target waits for its probe); without locking anything."""
    left_alone, _ = breaker.states(session)
    return session.execute(_heads([*full, *left_alone]).limit(1)).first() is not None


def renew(session: Session, numbers: Sequence[int]) -> None:
    """For deliveries that are still being sent."""
    _hold(session, numbers)


def claim(session: Session, settings: Settings, free: int, busy: Mapping[str, int], per_target: int) -> dict[tuple[str, str], list[int]]:
    """Claim up to ``free`` lanes for the lease: (webhook, run) -> numbers of its next deliveries in order.

    busy: lanes under way by target; no target gets more than ``per_target``, so that a slow one leaves the rest to others.
    """
    left_alone, half_open = breaker.states(session)
    places = {target: per_target - count for target, count in busy.items()}
    full = {target for target, count in places.items() if count <= 0}
    heads = [probe for target in sorted(half_open - full) if (probe := _probe(session, settings, target))]
    probes = {(head.webhook_id, head.run_id) for head in heads}
    closed = left_alone | half_open | full
    while (wanted := free - len(heads)) > 0:
        found = session.execute(_claimable(_heads(closed), wanted)).all()
        for head in found:
            left = places.get(head.host, per_target)
            if left > 0:
                heads.append(head)
                places[head.host] = left - 1
            else:
                closed.add(head.host)  # what it has too much of may have hidden others: look again without it
        if len(found) < wanted:
            break
        _hold(session, [head.number for head in heads])
    return _lanes(session, heads, probes)


def _probe(session: Session, settings: Settings, target: str) -> Row | None:
    """The one delivery that tries a half-open target, if there is one and no other dispatcher is at it."""
    head = session.execute(_claimable(_heads(()).where(Webhook.host == target), 1)).first()
    return head if head and breaker.take_probe(session, settings, target) else None


def _heads(closed: Collection[str]) -> Select:
    """Due deliveries that no earlier one of the same run waits before."""
    time = now()
    earlier = aliased(Delivery)
    first = ~exists().where(
        earlier.webhook_id == Delivery.webhook_id, earlier.run_id == Delivery.run_id, earlier.status == "pending",
        earlier.event_number < Delivery.event_number,
    )  # fmt: skip
    return (
        select(Delivery.number, Delivery.webhook_id, Delivery.run_id, Webhook.host)
        .join(Webhook, Webhook.id == Delivery.webhook_id)
        .where(Delivery.status == "pending", Delivery.next_at <= time, _unclaimed(time), Webhook.active, Webhook.host.not_in(closed), first)
    )


def _unclaimed(time: dt.datetime):
    return or_(Delivery.claimed_until == None, Delivery.claimed_until <= time)  # noqa: E711


def _claimable(heads: Select, count: int) -> Select:
    return heads.order_by(Delivery.next_at, Delivery.number).limit(count).with_for_update(skip_locked=True, of=Delivery)


def _hold(session: Session, numbers: Sequence[int]) -> None:
    until = now() + dt.timedelta(seconds=LEASE_S)
    session.execute(update(Delivery).where(Delivery.number.in_(numbers), Delivery.status == "pending").values(claimed_until=until))


def _lanes(session: Session, heads: list, probes: set[tuple[str, str]]) -> dict[tuple[str, str], list[int]]:
    if not heads:
        return {}
    place = func.row_number().over(partition_by=(Delivery.webhook_id, Delivery.run_id), order_by=Delivery.event_number).label("place")
    pending = (
        select(Delivery.number, Delivery.webhook_id, Delivery.run_id, place)
        .where(
            tuple_(Delivery.webhook_id, Delivery.run_id).in_([(head.webhook_id, head.run_id) for head in heads]),
            Delivery.status == "pending",
        )
        .subquery()
    )
    lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in session.execute(select(pending).where(pending.c.place <= LANE_LENGTH).order_by(pending.c.place)):
        lane = (row.webhook_id, row.run_id)
        if lane not in probes or not lanes[lane]:  # a half-open target is tried with a single one
            lanes[lane].append(row.number)
    _hold(session, [number for numbers in lanes.values() for number in numbers])
    return dict(lanes)


def load(session: Session, gateway: Gateway, lanes: Mapping[tuple[str, str], list[int]], claimed: float) -> list[Lane]:
    """What was claimed, ready to be sent. claimed: time.monotonic() before the claim."""
    if not lanes:
        return []
    webhooks = {row.id: row for row in session.scalars(select(Webhook).where(Webhook.id.in_({webhook_id for webhook_id, _ in lanes})))}
    numbers = [number for lane in lanes.values() for number in lane]
    rows = session.execute(
        select(Delivery.number, Delivery.attempts, Delivery.created_at, Event)
        .join(Event, Event.number == Delivery.event_number)
        .where(Delivery.number.in_(numbers))
    )
    parcels = {row.number: Parcel(row.number, row.attempts, row.created_at, cloud_event(gateway.settings, row.Event)) for row in rows}
    until = claimed + LEASE_S
    return [
        _lane(gateway, webhooks[webhook_id], [parcels[number] for number in lane if number in parcels], until)
        for (webhook_id, _), lane in lanes.items()
        if webhook_id in webhooks  # else it was deleted meanwhile
    ]


def _lane(gateway: Gateway, webhook: Webhook, parcels: list[Parcel], until: float) -> Lane:
    lane = Lane(webhook.id, webhook.kind, webhook.host, "", webhook.content_type, (), tuple(parcels), until)
    try:
        url, secrets = gateway.secrets.open(webhook.url), signing.unseal(gateway.secrets, webhook.secret)
    except UnreadableSecret:
        return replace(lane, problem="its URL or secret was encrypted under another LLAMAFLOW_SECRET_KEY")
    return replace(lane, url=url, secrets=tuple(secrets))
