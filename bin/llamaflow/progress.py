"""Progress of long work: a live bar on a terminal, JSON lines otherwise."""

from __future__ import annotations

import json
import math
import sys
import time
from typing import Any


class Progress:
    """Context manager that reports ``done`` of ``total`` of a step.

    On a terminal it draws one bar; elsewhere (a Nextflow task, CI) it prints at most one JSON line per
    ``every`` seconds on standard output: ``{"progress": step, "done": 4, "total": 10, "eta_s": 12, …}``.
    total None means the amount is not known beforehand. Values given to ``update`` are shown beside the bar;
    they must not be personal.
    """

    def __init__(self, step: str, total: int | None, unit: str = "", every: float = 2.0, done: int = 0):
        self.step, self.total, self.unit, self.every = step, total, unit, every
        self.done, self.values, self._bar = done, {}, None
        self._before = done  # by an earlier attempt: no time of this one went there
        self._start = self._last = time.monotonic()

    def __enter__(self) -> Progress:
        if sys.stdout.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[values]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns)
            self._task = self._bar.add_task(self.step, total=self.total, completed=self.done, values="")
            self._bar.start()
        return self

    def update(self, advance: int = 1, **values: Any) -> None:
        """Count ``advance`` more as done and remember values (loss, tokens/s …) to show."""
        self.done += advance
        self.values.update(values)
        now = time.monotonic()
        if self._bar:
            shown = " ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.values.items()
            )
            self._bar.update(self._task, completed=self.done, values=shown)
        elif now - self._last >= self.every:
            self._last = now
            self._print(now)

    def __exit__(self, *_exception: object) -> None:
        if self._bar:
            self._bar.stop()
        else:
            self._print(time.monotonic())

    def _print(self, now: float) -> None:
        elapsed = now - self._start
        line: dict[str, Any] = {
            "progress": self.step,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "elapsed_s": round(elapsed, 1),
        }
        if self.total and 0 < self.done < self.total:
            line["eta_s"] = round(elapsed / max(1, self.done - self._before) * (self.total - self.done), 1)
        for name, value in self.values.items():  # JSON has no NaN and no infinity
            line[name] = value if not isinstance(value, float) else round(value, 5) if math.isfinite(value) else None
        print(json.dumps(line), flush=True)
