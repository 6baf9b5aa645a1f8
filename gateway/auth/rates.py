"""How often: a bucket for each caller that fills steadily and holds ten seconds' worth. Of this process, in memory."""

from __future__ import annotations

import time
from collections import OrderedDict

KEPT = 50_000
GUESSES_PER_MINUTE = 60  # wrong keys of an address; more are answered 429
BURST_S = 10.0


class Rates:
    """Leaky buckets by name, as a time of their being empty (GCRA): two numbers each."""

    def __init__(self) -> None:
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, per_minute: int, now: float | None = None) -> float:
        """One call of ``name``: 0 where it may, else the seconds after which it may. now: monotonic seconds."""
        if per_minute <= 0:
            return 60.0
        now = time.monotonic() if now is None else now
        each = 60.0 / per_minute
        empty_at = max(self._empty_at.get(name, 0.0), now) + each
        over = empty_at - now - max(BURST_S, each)
        if over > 1e-9:
            return over
        self._empty_at[name] = empty_at
        self._empty_at.move_to_end(name)
        if len(self._empty_at) > KEPT:
            self._empty_at.popitem(last=False)
        return 0.0
