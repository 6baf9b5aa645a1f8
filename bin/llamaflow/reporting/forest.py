"""A forest plot: one line for each difference with its interval, all on one scale with 'no difference' in the middle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from .charts import ticks
from .numbers import clean

ROW, HEAD, FOOT, GROUP = 26, 8, 44, 28
# Beyond this many times the largest difference an interval is cut off with an arrow: one wild line must not flatten all others.
REACH = 3.0
LEAST = 1e-9


@dataclass(frozen=True)
class Effect:
    """A difference and its interval, turned so that more is better; told: the numbers as the table has them.

    judgement is 'better', 'worse' or 'same': each has a shape of its own, so that nobody needs the colours.
    """

    group: str
    name: str
    center: float
    low: float
    high: float
    judgement: str
    told: str

    @property
    def drawable(self) -> bool:
        return all(map(math.isfinite, (self.center, self.low, self.high)))


def forest(
    effects: Sequence[Effect], *, title: str, worse: str, better: str, write: Callable[[float, float], str], label: str, wide: bool
) -> Markup:
    """The plot, better to the right; empty Markup without a line to draw. wide: names beside the lines instead of above them.

    label is read out by screen readers in place of the drawing; the table beside it has every number.
    """
    effects = [effect for effect in effects if effect.drawable]
    if not effects:
        return Markup("")
    width, row = (720, ROW) if wide else (360, 2 * ROW - 8)
    left, right = (222, width - 196) if wide else (10, width - 10)
    most = REACH * max(abs(effect.center) for effect in effects)
    ends = [abs(end) for effect in effects for end in (effect.low, effect.high)]
    span = max(min(max(ends), most) if most else max(ends), *(abs(effect.center) for effect in effects))
    span = span if span > LEAST else 1.0  # nothing to see
    marks, step = ticks(-span, span, 6 if wide else 4)
    middle, scale = (left + right) / 2, (right - left) / 2 / marks[-1]

    def at(number: float) -> float:
        return middle + number * scale

    parts, down, group = [], float(HEAD), None
    for effect in effects:
        if effect.group != group:
            group = effect.group
            parts.append(f'<text class="forest-group" x="0" y="{down + 15:.1f}">{_text(group, 40)}</text>')
            down += GROUP - 4
        line = down + (row / 2 if wide else row - 12)
        name_at, told_at = (line + 4, line + 4) if wide else (down + 15, down + 15)
        parts.append(f'<text class="forest-name" x="{14 if wide else 0}" y="{name_at:.1f}">{_text(effect.name, 30 if wide else 26)}</text>')
        parts.append(f'<text class="forest-told" x="{width}" y="{told_at:.1f}" text-anchor="end">{_text(effect.told, 34)}</text>')
        parts += _line(effect, line, at, marks[-1])
        down += row
    bottom = down + 4
    frame = [f'<line class="forest-zero" x1="{middle:.1f}" x2="{middle:.1f}" y1="{HEAD}" y2="{bottom:.1f}"/>']
    for tick in marks:
        # Sizes on both sides: which one is good is written below, and a fall may be the better one.
        frame.append(f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{HEAD}" y2="{bottom:.1f}"/>')
        where = f'x="{at(tick):.1f}" y="{bottom + 16:.1f}" text-anchor="middle"'
        frame.append(f'<text class="tick" {where}>{escape(write(abs(tick), step))}</text>')
    for across, text, anchor in ((left, f"← {worse}", "start"), (middle, title, "middle"), (right, f"{better} →", "end")):
        parts.append(f'<text class="axis-title" x="{across:.1f}" y="{bottom + 34:.1f}" text-anchor="{anchor}">{escape(text)}</text>')
    head = f'<svg class="chart forest" viewBox="0 0 {width} {bottom + FOOT - 4:.0f}" role="img" aria-label="{escape(clean(label))}">'
    return Markup("".join([head, *frame, *parts, "</svg>"]))


def _line(effect: Effect, down: float, at: Callable[[float], float], edge: float) -> list[str]:
    """Interval and point. An end beyond the frame is an arrow."""
    low, high = (min(max(end, -edge), edge) for end in (effect.low, effect.high))
    parts = [f'<line class="forest-reach {effect.judgement}" x1="{at(low):.1f}" x2="{at(high):.1f}" y1="{down:.1f}" y2="{down:.1f}"/>']
    for end, shown, side in ((effect.low, low, 1), (effect.high, high, -1)):
        across = at(shown)
        tip = f"{across + 6 * side:.1f},{down - 4:.1f} {across:.1f},{down:.1f} {across + 6 * side:.1f},{down + 4:.1f}"
        cap = f"{across:.1f},{down - 4:.1f} {across:.1f},{down + 4:.1f}"
        parts.append(f'<polyline class="forest-reach {effect.judgement}" points="{cap if shown == end else tip}"/>')
    across = at(effect.center)
    corners = {
        "better": ((-5, 5), (-5, -5), (6, 0)),
        "worse": ((5, 5), (5, -5), (-6, 0)),
    }.get(effect.judgement)
    if corners:
        places = " ".join(f"{across + x:.1f},{down + y:.1f}" for x, y in corners)
        parts.append(f'<polygon class="forest-point {effect.judgement}" points="{places}"/>')
    else:
        parts.append(f'<circle class="forest-point {effect.judgement}" cx="{across:.1f}" cy="{down:.1f}" r="4.5"/>')
    return parts


def _text(text: str, room: int) -> Markup:
    """At most so many characters, cleaned and escaped."""
    text = " ".join(clean(text).split())
    return escape(text if len(text) <= room else text[: room - 1] + "…")
