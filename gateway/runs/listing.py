"""Pages of rows by a key that only grows: a page never shifts under a reader, and a token holds nothing secret."""

from __future__ import annotations

import base64
import datetime as dt
import json

from .problems import Refused

DEFAULT_SIZE, LARGEST_SIZE = 50, 500


def page_size(asked: int | None) -> int:
    """Rows of a page. Raises Refused (400)."""
    if asked is None:
        return DEFAULT_SIZE
    if asked < 1:
        raise Refused(400, "page_size has to be at least 1")
    return min(asked, LARGEST_SIZE)


def token(*position: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def position(text: str, *kinds: type) -> list:
    """What a token holds. Raises Refused (400)."""
    try:
        found = json.loads(base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if (
            isinstance(found, list)
            and [type(one) for one in found] == list(kinds)
            and all(abs(one) < 2**62 for one in found if isinstance(one, int))
        ):
            return found
    except (ValueError, RecursionError):
        pass
    raise Refused(400, "page_token is not one of ours: leave it out to begin anew")


def time_of(text: str) -> dt.datetime:
    """A time of a token. Raises Refused (400)."""
    try:
        time = dt.datetime.fromisoformat(text)
        return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise Refused(400, "page_token is not one of ours: leave it out to begin anew") from None
