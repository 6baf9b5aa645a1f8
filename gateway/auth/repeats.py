"""Refusals of unknown callers and of too many calls: the first of a minute get an audit row each, the rest one row with their number."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from typing import Any

EACH = 100  # rows of one kind of refusal by one caller in a window; whoever floods the gateway must not fill its database
WINDOW_S = 60.0


class Repeats:
    """Used by one thread."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, list[Any]] = {}  # kind: [end of the window, how many, the last row held back or None]

    def passes(self, row: dict[str, Any], at: float | None = None) -> bool:
        """Whether the row is to be written as it is. at: monotonic seconds."""
        at = time.monotonic() if at is None else at
        if row["outcome"] != "refused" or (row["key_id"] is not None and row["status_code"] != 429):
            return True  # what a known key is refused for stays apart: its rate bounds it
        kind = (row["key_id"], row["address"], row["action"], row["status_code"])
        entry = self._seen.get(kind)
        if entry is None or (entry[0] <= at and entry[2] is None):
            entry = self._seen[kind] = [at + WINDOW_S, 0, None]
        entry[1] += 1
        if entry[1] <= EACH:
            return True
        entry[2] = row
        return False

    def summaries(self, at: float | None = None, *, all_of_them: bool = False) -> Iterator[dict[str, Any]]:
        """Rows that stand for those held back in windows that are over; each is given once."""
        at = time.monotonic() if at is None else at
        for kind in [kind for kind, entry in self._seen.items() if all_of_them or entry[0] <= at]:
            _, count, row = self._seen.pop(kind)
            if row is not None:
                yield row | {"detail": row["detail"] | {"repeated": count - EACH}}
