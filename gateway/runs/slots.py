"""How many streams a caller may hold open: each costs a connection and asks the database now and then."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from .problems import Refused

MOST = 100  # of one key's owner in one process


class Slots:
    """One for an event loop."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def check(self, key_id: str) -> None:
        """Raises Refused (429) when all are taken."""
        if self._taken[key_id] >= MOST:
            raise Refused(429, f"this key has {MOST} streams open already: close one, or look by pages")

    async def held(self, key_id: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The stream, counted while it is read. A stream whose client went before it began is never counted."""
        self._taken[key_id] += 1
        try:
            async for piece in stream:
                yield piece
        finally:
            self._taken[key_id] -= 1
            if not self._taken[key_id]:
                del self._taken[key_id]
