"""Tables of numbers: base, production and candidate of one suite side by side, with how sure each difference is."""

from __future__ import annotations

import math
from types import SimpleNamespace

from .charts import ranges
from .numbers import Numbers
from .run import CONTROLS, SPEED, Change, Run, change, decimals_of, from_production


def metric_table(run: Run, suite: str, metrics: list[str], n: Numbers) -> SimpleNamespace:
    """Rows of a suite's metrics. production: whether any has a number of the model in use; compared: whether COMPARE gave an interval."""
    rows = [metric_row(run, suite, metric, n) for metric in metrics]
    return SimpleNamespace(
        rows=rows,
        production=any(row.production.base for row in rows),
        compared=any(row.change.paired or row.production.paired for row in rows),
        pictured=any(row.ranges for row in rows),
        intervals=any(side.low is not None for row in rows for side in (row.change.base, row.change.candidate) if side),
    )


def metric_row(run: Run, suite: str, metric: str, n: Numbers) -> SimpleNamespace:
    """One metric: its changes from base and production, with equal decimals, and settings shown once where the sides agree."""
    both, used = change(run, metric, suite), from_production(run, metric, suite)
    sides = [side for side in (both.base, both.candidate) if side]
    shown = [*sides, *([used.base] if used.base else [])]
    decimals = decimals_of(metric, *(side.value for side in shown))
    # Differences far below the shown decimals would read as zero.
    if both.difference and abs(both.difference) < 0.5 * 10**-decimals:
        decimals = None
    keys = sorted({key for side in sides for key in side.settings})
    pictured = both.known and not used.base and ranges(*((side.value, side.low, side.high) for side in (both.base, both.candidate)))
    return SimpleNamespace(
        metric=metric,
        change=both,
        production=used,
        unit=shown[0].unit,
        higher=shown[0].higher_is_better,
        decimals=decimals,
        difference=n.value(both.difference, decimals, signed=True),
        # Many times a tiny base says nothing.
        relative=n.percent(both.relative, signed=True) if both.relative is not None and abs(both.relative) < 10 else "",
        control=metric in CONTROLS,
        reach=reach(both, n, decimals),
        from_production=n.value(used.difference, decimals, signed=True) if used.known else "",
        production_reach=reach(used, n, decimals),
        ranges=pictured or "",
        settings=[(key, [side.settings.get(key) for side in sides]) for key in keys],
    )


def reach(both: Change, n: Numbers, decimals: int | None) -> SimpleNamespace | None:
    """The 95 % interval of the difference as COMPARE found it; None where it did not look."""
    if both.paired is None or not all(map(math.isfinite, (both.paired.low, both.paired.high))):
        return None
    if decimals == 0 and not (both.paired.low.is_integer() and both.paired.high.is_integer()):
        decimals = 2
    return SimpleNamespace(low=n.value(both.paired.low, decimals, signed=True), high=n.value(both.paired.high, decimals, signed=True))


def speed_table(run: Run, n: Numbers) -> SimpleNamespace | None:
    """How fast the models answered; None where nobody took the time. machines: devices that differ, so that numbers do not compare."""
    metrics = [metric for metric in SPEED if metric in run.measured("test")]
    if not metrics:
        return None
    table = metric_table(run, "test", metrics, n)
    table.machines = list(dict.fromkeys(side.hardware.device for side in run.sides))
    table.cached = [side.model for side in run.sides if side.cached]
    return table
