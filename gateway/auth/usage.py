"""Last use and number of uses of keys, counted in memory and written in batches."""

from __future__ import annotations

import threading

from ..store.database import Store
from .lifecycle import add_uses


class Uses:
    """Counts; write() is called every second or so and at the end."""

    def __init__(self, store: Store):
        self._store = store
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def count(self, key_id: str, times: int = 1) -> None:
        with self._lock:
            self._counts[key_id] = self._counts.get(key_id, 0) + times

    def write(self) -> None:
        """One transaction for all; what cannot be written now is counted again next time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._store.write() as session:
                add_uses(session, counts)
        except Exception:
            for key_id, times in counts.items():
                self.count(key_id, times)
            raise
