"""The status page's login: a cookie that carries the API key, sealed by the gateway's secret key.

Script cannot read the cookie (httpOnly), other sites cannot make a browser send it (SameSite=Strict), and each call checks the key in it
anew: a revoked key ends its sessions at once, and no session has to be kept in the database. The alternative, the key in
sessionStorage, would hand it to any script that gets into a page.
"""

from __future__ import annotations

import json
import time
from http.cookies import CookieError, SimpleCookie

from ..secrets import SecretBox, UnreadableSecret

COOKIE = "llamaflow_session"
HOURS = 12
# SameSite looks at the site, not the port: what else runs on this host could make a browser send the cookie, but cannot set this header.
PAGE_HEADER = "x-llamaflow-page"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def seal(secrets: SecretBox, key: str) -> str:
    """The cookie's value."""
    return secrets.seal(json.dumps({"session": key, "until": int(time.time()) + HOURS * 3600})).decode("ascii")


def key_of(secrets: SecretBox, value: str) -> str | None:
    """The API key in a cookie's value; None where it is not one of ours or too old."""
    if not value or len(value) > 2000:
        return None
    try:
        content = json.loads(secrets.open(value.encode("ascii", "replace")))
        return content["session"] if content["until"] > time.time() else None
    except (UnreadableSecret, ValueError, KeyError, TypeError):
        return None


def key_of_call(secrets: SecretBox, method: str, headers: dict[bytes, bytes]) -> str | None:
    """The API key of a call by its cookie. headers: of ASGI. None: no session, or one that must not change anything."""
    cookie = headers.get(b"cookie")
    if not cookie or COOKIE.encode() not in cookie:
        return None
    if method not in SAFE_METHODS and headers.get(PAGE_HEADER.encode()) != b"1":
        return None
    try:
        morsel = SimpleCookie(cookie.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return key_of(secrets, morsel.value) if morsel else None
