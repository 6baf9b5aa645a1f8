"""What dispatchers pass around: deliveries on their way, and what became of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from .answers import Answer, Meaning
from .signing import Secret


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery to be sent."""

    number: int
    attempts: int  # before this one
    created_at: dt.datetime
    event: dict[str, Any]  # the CloudEvent


@dataclass(frozen=True, slots=True)
class Lane:
    """The next deliveries of one run to one webhook: whoever has claimed them sends one after the other and stops at the first failure."""

    webhook_id: str
    kind: str
    target: str  # host:port
    url: str
    content_type: str
    secrets: tuple[Secret, ...]
    parcels: tuple[Parcel, ...]
    until: float  # time.monotonic() at which the claim is over, unless it is renewed
    problem: str | None = None  # why it cannot be sent at all


@dataclass(frozen=True, slots=True)
class Outcome:
    """answer None: it was not sent after all and is free again."""

    parcel: Parcel
    webhook_id: str
    kind: str
    target: str
    answer: Answer | None = None
    meaning: Meaning | None = None
