"""One number by round: a dot for each with its value beside it, and the gate's limit as a dashed line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from .numbers import clean

# From this ratio on, equal steps stand for equal factors: a training that exploded must not flatten all others.
WIDE = 20.0
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 340, 170, 34, 306, 46, 132


def round_chart(
    points: Sequence[tuple[int, float]], write: Callable[[float], str], *, title: str, log_title: str, limit: float | None, said: str,
    label: str, name: Callable[[int], str], chosen: int,
) -> Markup:  # fmt: skip
    """points: (round, finite number) in order; write: how a number is written; said: the limit in words; name: a round's name.

    log_title stands in place of title where the scale is one of factors. label is read out by screen readers in place of the drawing.
    Empty Markup without a point.
    """
    if not points:
        return Markup("")
    values = [value for _round, value in points] + ([limit] if limit is not None else [])
    low, high = min(values), max(values)
    factors = low > 0 and high / low > WIDE
    scale = math.log10 if factors else float
    start, end = scale(low), scale(high)

    def down(value: float) -> float:
        return BOTTOM - (scale(value) - start) / (end - start) * (BOTTOM - TOP) if end > start else (TOP + BOTTOM) / 2

    def across(place: int) -> float:
        return LEFT + (RIGHT - LEFT) * place / (len(points) - 1) if len(points) > 1 else (LEFT + RIGHT) / 2

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(clean(label))}">']
    parts.append(f'<text class="forest-group" x="0" y="12">{escape(clean(log_title if factors else title))}</text>')
    if limit is not None:
        height = down(limit)
        parts.append(f'<line class="line needed" x1="0" x2="{WIDTH}" y1="{height:.1f}" y2="{height:.1f}"/>')
    places = [(across(number), down(value)) for number, (_round, value) in enumerate(points)]
    if len(places) > 1:
        parts.append(f'<polyline class="line validation" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>')
    for (number, value), (x, y) in zip(points, places, strict=True):
        parts.append(f'<circle class="dot validation" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
        if number == chosen:
            parts.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8"/>')
        parts.append(f'<text class="forest-name" x="{x:.1f}" y="{y - 13:.1f}" text-anchor="middle">{escape(write(value))}</text>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(name(number))}</text>')
    if limit is not None:
        # Below its line, in the middle between the first two rounds, where no dot and no number stands.
        x = (places[0][0] + places[1][0]) / 2 if len(places) > 1 else LEFT / 2
        parts.append(f'<text class="needed-text" x="{x:.1f}" y="{down(limit) + 14:.1f}" text-anchor="middle">{escape(said)}</text>')
    return Markup("".join([*parts, "</svg>"]))
