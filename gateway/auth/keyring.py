"""Keys as they are needed on each call: read from the database some twice a second, so that revocation is felt within one."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import select

from ..store.database import Store
from ..store.tables import Key
from . import keys

FRESH_S = 0.5  # older than that it is read again, while callers still get the old one: nobody waits for the database
STALE_S = 0.9  # older than that they wait
READERS = 2  # threads of their own: slow handlers in the common ones must not keep callers out
KEPT = 10_000  # prefixes remembered, known and unknown ones


@dataclass(frozen=True, slots=True)
class Identity:
    """A key as a call needs it. owner_id: the first of its line, whose the runs are. expires_at, revoked_at: seconds since the epoch."""

    key_id: str
    owner_id: str
    name: str
    prefix: str
    hash: str
    scopes: frozenset[str]
    expires_at: float | None
    revoked_at: float | None
    rate_per_minute: int | None


class Refused(Exception):
    """Not let in; the text says why, without the key."""


class Keyring:
    """One for an event loop."""

    def __init__(self, store: Store):
        self._store = store
        self._known: OrderedDict[str, tuple[float, Identity | None]] = OrderedDict()
        self._loading: dict[str, asyncio.Future] = {}
        self._changes = 0
        self._threads = ThreadPoolExecutor(READERS, "keys")

    async def identify(self, key: str) -> Identity:
        """Whose key it is. Raises Refused."""
        parts = keys.parse(key)
        if parts is None:
            raise Refused("unknown key")
        identity = await self._recall(parts.prefix)
        if not keys.matches(parts.secret, identity.hash if identity else None):
            raise Refused("unknown key")
        if why := ended(identity):
            raise Refused(why)
        return identity

    async def still_good(self, identity: Identity) -> bool:
        """Of a key that was good some time ago."""
        found = await self._recall(identity.prefix)
        return found is not None and found.hash == identity.hash and not ended(found)

    def forget(self) -> None:
        """A key was changed in this process: read all of them anew."""
        self._changes += 1
        self._known.clear()
        self._loading.clear()

    async def _recall(self, prefix: str) -> Identity | None:
        entry = self._known.get(prefix)
        age = time.monotonic() - entry[0] if entry else STALE_S
        if entry and age < STALE_S:
            if age >= FRESH_S:
                self._load(prefix)
            return entry[1]
        return await asyncio.shield(self._load(prefix))

    def _load(self, prefix: str) -> asyncio.Future:
        """One read for all calls that need the same key."""
        loading = self._loading.get(prefix)
        if loading is None or loading.get_loop() is not asyncio.get_running_loop():
            loading = self._loading[prefix] = asyncio.ensure_future(self._read(prefix))
            loading.add_done_callback(lambda done: (self._loading.pop(prefix, None), done.cancelled() or done.exception()))
        return loading

    async def _read(self, prefix: str) -> Identity | None:
        asked = time.monotonic()
        changes = self._changes
        identity = await asyncio.get_running_loop().run_in_executor(self._threads, read_identity, self._store, prefix)
        if changes != self._changes:
            return identity  # read before forget(): good for who asked then, not to be kept
        self._known[prefix] = (asked, identity)
        self._known.move_to_end(prefix)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return identity


def ended(identity: Identity) -> str | None:
    """Why a key is no longer good."""
    if identity.revoked_at is not None:
        return "this key is revoked"
    if identity.expires_at is not None and identity.expires_at <= time.time():
        return "this key has expired"
    return None


def read_identity(store: Store, prefix: str) -> Identity | None:
    with store.read() as session:
        key = session.execute(select(Key).where(Key.prefix == prefix)).scalar_one_or_none()
    if key is None:
        return None
    return Identity(
        key.id, key.owner_id, key.name, key.prefix, key.hash, frozenset(key.scopes), key.expires_at.timestamp() if key.expires_at else None,
        key.revoked_at.timestamp() if key.revoked_at else None, key.rate_per_minute,
    )  # fmt: skip
