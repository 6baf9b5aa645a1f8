"""Tasks of a run, from the trace files of all its launches."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

from ..progress.trace import read_trace

LARGEST = 64 * 2**20  # bytes of a trace
TASK_ID = re.compile(r"[A-Za-z0-9]{2}-[A-Za-z0-9]{6}")


def tasks(folder: Path) -> list[dict[str, Any]]:
    """Ended tasks in the order in which they first ended; a task that a resumed run took from the cache is told once.

    start, end: UTC; memory: peak, bytes; seconds: in the task itself. None where Nextflow does not know.
    """
    found: dict[str, dict[str, Any]] = {}
    launches = [int(path.parent.name) for path in (folder / "launches").glob("*/trace.txt") if path.parent.name.isdigit()]
    for launch in sorted(launches):
        path = folder / "launches" / str(launch) / "trace.txt"
        for row in read_trace(_text(path)):
            task_id = row.get("hash", "").replace("/", "-")
            if TASK_ID.fullmatch(task_id) and (task_id not in found or row.get("status") != "CACHED"):
                found[task_id] = _task(task_id, row, launch)
    return list(found.values())


def _task(task_id: str, row: dict[str, str], launch: int) -> dict[str, Any]:
    process = row.get("process", row.get("name", "")).rpartition(":")[2]
    realtime = _number(row.get("realtime"))
    return {
        "id": task_id, "name": row.get("name", process), "process": process, "status": row.get("status", ""),
        "attempt": _number(row.get("attempt")), "exit": _number(row.get("exit")), "start": _time(row.get("start") or row.get("submit")),
        "end": _time(row.get("complete")), "seconds": None if realtime is None else realtime / 1000, "memory": _number(row.get("peak_rss")),
        "launch": launch,
    }  # fmt: skip


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None


def _time(text: str | None) -> dt.datetime | None:
    number = _number(text)
    try:
        return dt.datetime.fromtimestamp(number / 1000, dt.UTC) if number else None
    except (ValueError, OverflowError, OSError):
        return None
