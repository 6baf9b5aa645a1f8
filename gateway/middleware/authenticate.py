"""Whose key a call carries, before its body is read: nobody without a key makes the gateway receive or parse anything."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth import session
from ..auth.keyring import Identity, Keyring, Refused
from ..auth.rates import GUESSES_PER_MINUTE, Rates
from ..auth.usage import Uses
from ..context import Gateway
from .answers import header, refuse
from .call import KEY, Call
from .proxies import PLAIN

PROTECTED = ("/api/", "/ga4gh/")  # a call below these without a good key is refused before its body is read
RECHECK_S = 1.0
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class _KeyEnded(Exception):
    pass


class Authenticate:
    """Fills Call.identity or Call.refusal. Routes that need a key say so by requires()."""

    def __init__(self, app: ASGIApp, gateway: Gateway, keyring: Keyring, uses: Uses, failures: Rates):
        self._app, self._gateway, self._keyring, self._uses = app, gateway, keyring, uses
        self._rates, self._failures = Rates(), failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call: Call = scope[KEY]
        if scope.get(PLAIN):
            await refuse(send, 403, "come over TLS or by the trusted proxy", unread=receive)
            return
        changing = scope["method"] not in SAFE
        wait = await self._identify(scope, call)
        if wait:
            call.refusal = (429, "too many calls: slow down")
            await refuse(send, 429, call.refusal[1], {"Retry-After": str(math.ceil(wait))}, unread=receive if changing else None)
        elif call.identity is None and changing and scope["path"].startswith(PROTECTED):
            status, msg = call.refusal or (401, "send an API key: Authorization: Bearer lf_... or X-API-Key")
            await refuse(send, status, msg, {"WWW-Authenticate": "Bearer"}, unread=receive)
        else:
            await self._while_good(scope, receive, send, call.identity)

    async def _while_good(self, scope: Scope, receive: Receive, send: Send, identity: Identity | None) -> None:
        """A stream ends when its key is revoked or expires, not when it would have ended anyway."""
        if identity is None:
            await self._app(scope, receive, send)
            return
        looked_at = time.monotonic()

        async def checked(message: Message) -> None:
            nonlocal looked_at
            if message["type"] == "http.response.body" and message.get("more_body") and time.monotonic() > looked_at + RECHECK_S:
                looked_at = time.monotonic()
                if not await self._keyring.still_good(identity):
                    raise _KeyEnded
            await send(message)

        try:
            await self._app(scope, receive, checked)
        except _KeyEnded:
            await send({"type": "http.response.body", "body": b""})

    async def _identify(self, scope: Scope, call: Call) -> float:
        """Seconds to wait where the key or the address has called too often, else 0."""
        key = key_of(scope) or self._cookie(scope)
        if not key:
            return 0
        try:
            identity = await self._keyring.identify(key)
        except Refused as refused:
            call.refusal = (401, str(refused))
            return self._failures.take(call.address, GUESSES_PER_MINUTE)
        call.identity = identity
        self._uses.count(identity.key_id)
        return self._rates.take(identity.owner_id, identity.rate_per_minute or self._gateway.settings.rate_per_minute)

    def _cookie(self, scope: Scope) -> str | None:
        """The status page's session."""
        if header(scope, b"cookie") is None:
            return None
        return session.key_of_call(self._gateway.secrets, scope["method"], dict(scope["headers"]))


def key_of(scope: Mapping[str, Any]) -> str | None:
    authorization = header(scope, b"authorization")
    if authorization is not None:
        kind, _, key = authorization.partition(" ")
        return key.strip() if kind.lower() == "bearer" else "not a bearer token"
    return header(scope, b"x-api-key")
