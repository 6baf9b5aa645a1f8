"""For handlers: `Depends(requires("runs:read"))` gives the Caller, `Depends(audited("runs.submit"))` names the call in the audit."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from ..errors import ApiError
from ..middleware.call import Call, the_call
from .keyring import Identity, Refused
from .keys import SCOPES
from .rates import GUESSES_PER_MINUTE

if TYPE_CHECKING:
    from ..store.tables import Run


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. key_id: the line of keys (Key.owner_id), owner of what it makes; used_key_id: the very key."""

    key_id: str
    used_key_id: str
    name: str
    scopes: frozenset[str]
    request_id: str
    address: str

    @property
    def admin(self) -> bool:
        return "admin" in self.scopes

    def has(self, scope: str) -> bool:
        return scope in self.scopes or self.admin

    def may_see(self, run: Run) -> bool:
        """Its own runs, or all for an admin. What may not be seen is answered 404."""
        return self.admin or run.key_id == self.key_id


def requires(*scopes: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: a valid key that has one of ``scopes`` (none named: any valid key). 401 without a key, 403 without a scope."""
    if unknown := set(scopes) - set(SCOPES):
        raise ValueError(f"unknown scopes: {unknown}")

    async def caller(request: Request) -> Caller:
        call = the_call(request)
        if call.identity is None:
            status, msg = call.refusal or (401, "send an API key: Authorization: Bearer lf_... or X-API-Key")
            raise ApiError(status, msg, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
        one = call.identity
        if scopes and "admin" not in one.scopes and not one.scopes.intersection(scopes):
            raise ApiError(403, f"this key lacks the scope {' or '.join(scopes)}")
        return _caller(one, call)

    return caller


async def authenticate(request: Request, key: str) -> Caller:
    """Whose key this text is, for a login form. Raises ApiError 401."""
    call = the_call(request)
    try:
        identity = await request.app.state.keyring.identify(key)
    except Refused as refused:
        if wait := request.app.state.failures.take(call.address, GUESSES_PER_MINUTE):
            raise ApiError(429, "too many wrong keys: slow down", {"Retry-After": str(math.ceil(wait))}) from None
        raise ApiError(401, str(refused)) from None
    call.identity = identity  # the audit tells whose login it was
    return _caller(identity, call)


def caller_or_none(request: Request) -> Caller | None:
    """The caller where a key (or the page's session) was given and is good: for pages that send people to the login otherwise."""
    call = the_call(request)
    return None if call.identity is None else _caller(call.identity, call)


def _caller(one: Identity, call: Call) -> Caller:
    return Caller(one.owner_id, one.key_id, one.name, one.scopes, call.request_id, call.address)


def audited(action: str) -> Callable[[Request], Awaitable[None]]:
    """A dependency: the name of this call in the audit. Changing and refused calls without it are named by their route."""

    async def name(request: Request) -> None:
        the_call(request).action = action

    return name


def note(request: Request, target: str = "", **detail: object) -> None:
    """Adds to this call's audit row: what it was about (an id) and details; nothing personal, no secret. Target of a new run: its id."""
    call = the_call(request)
    call.target = target or call.target
    call.detail.update(detail)
