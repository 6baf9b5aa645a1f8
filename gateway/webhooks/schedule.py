"""When a delivery is tried again: pure."""

from __future__ import annotations

import datetime as dt
import random
from email.utils import parsedate_to_datetime

BASE_S = 0.5
CAP_S = {"webhook": 3600.0, "resume": 30.0}  # n8n restarts in less than a minute, and a run's result waits for it
RESUME_PATIENCE = 7  # times longer than a webhook: a flow that was never resumed is a run that someone lost sight of
MAX_RETRY_AFTER_S = 86_400.0


def backoff(attempts: int, kind: str, chance: random.Random) -> float:
    """Seconds until the next attempt after ``attempts`` failed ones: exponential with full jitter, so that receivers are not hit in waves.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return chance.uniform(0, min(CAP_S[kind], BASE_S * 2 ** min(attempts - 1, 30)))


def retry_after(value: str | None, time: dt.datetime) -> float:
    """Seconds that the header Retry-After asks for, as seconds or as a date (RFC 9110); 0 where it is missing or makes no sense."""
    if not value:
        return 0.0
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if date.tzinfo is None:  # "-0000": UTC without a known place
        date = date.replace(tzinfo=dt.UTC)
    return min(max((date - time).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def give_up_at(created: dt.datetime, kind: str, retry_hours: float) -> dt.datetime:
    """A delivery that fails after this is dead; it can still be replayed."""
    return created + dt.timedelta(hours=retry_hours * (RESUME_PATIENCE if kind == "resume" else 1))


def next_attempt(
    attempts: int, kind: str, asked_s: float, time: dt.datetime, give_up: dt.datetime, chance: random.Random
) -> dt.datetime | None:
    """None: given up. asked_s: Retry-After; it never makes an attempt earlier, nor moves it beyond the last chance."""
    if time >= give_up:
        return None
    return min(time + dt.timedelta(seconds=max(backoff(attempts, kind, chance), asked_s)), give_up)
