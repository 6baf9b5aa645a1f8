"""How far a running task is inside: its newest `{"progress": ...}` line, as bin/llamaflow/progress.py prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .follow import tail

TAIL = 4096  # bytes of a task's output that are looked at
NUMBERS = (int, float)


def newest_detail(work: Path, hash: str) -> dict[str, Any] | None:
    """Of the task with that hash below the work folder; None: it said nothing yet, or its folder is not to be seen from here."""
    first, rest = hash.split("/", 1)
    for folder in (work / first).glob(f"{rest}*"):
        for line in reversed(tail(folder / ".command.out", TAIL).splitlines()):
            if detail := _parse(line):
                return detail
    return None


def _parse(line: str) -> dict[str, Any] | None:
    """Numbers and short words only: what a task prints goes no further unchecked."""
    if not line.startswith('{"progress"'):
        return None
    try:
        value = json.loads(line)
    except ValueError:  # half a line, which the task is writing
        return None
    kept = {name: entry for name, entry in value.items() if isinstance(entry, NUMBERS) or name in ("progress", "unit")}
    return kept if all(isinstance(kept.get(name, ""), (str, *NUMBERS)) and len(str(kept.get(name, ""))) <= 40 for name in kept) else None
