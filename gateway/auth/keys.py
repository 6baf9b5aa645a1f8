"""The text of an API key, lf_<prefix>_<secret>: made, taken apart, compared. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

SCOPES = ("runs:read", "runs:write", "models:promote", "datasets", "admin")
_NOBODY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()  # what an unknown prefix is compared with: the same work


class Parts(NamedTuple):
    """prefix is public and recognises the key, secret is 256 random bits."""

    prefix: str
    secret: str


def make() -> Parts:
    return Parts(secrets.token_hex(5), secrets.token_urlsafe(32))


def text(parts: Parts) -> str:
    return f"lf_{parts.prefix}_{parts.secret}"


def parse(key: str) -> Parts | None:
    """None: not the text of a key."""
    if len(key) > 200 or not key.isascii():
        return None
    mark, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    return Parts(prefix, secret) if mark == "lf" and prefix and secret and len(prefix) <= 16 else None


def digest(secret: str) -> str:
    """SHA-256 suffices: there is nothing to guess in 256 random bits, and it costs a call next to nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored: str | None) -> bool:
    """Constant time, and the same work where there is no such key (stored None)."""
    return hmac.compare_digest(digest(secret), stored or _NOBODY) and stored is not None
