"""Small inline SVG charts. Colours come from the page's CSS classes, so they follow light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]
DENSE = 120


@dataclass(frozen=True)
class Series:
    """One line: its name, its CSS class, its (x, y) points in order of x, and whether the points are marked."""

    name: str
    css: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis: its title and how a tick is written, called with the tick and the distance between ticks."""

    title: str
    write: Callable[[float, float], str]


def finite(points: Sequence[tuple[float, float | None]]) -> list[Point]:
    """The points that can be drawn: those whose y is a finite number."""
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


def decimate(points: Sequence[Point], limit: int = 400) -> list[Point]:
    """At most ``limit`` points that keep both ends and the lowest and highest of every stretch, so no spike disappears."""
    if len(points) <= limit:
        return list(points)
    inner, stretches = points[1:-1], (limit - 2) // 2
    kept = [points[0]]
    for number in range(stretches):
        stretch = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        kept += sorted({min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])})
    return [*kept, points[-1]]


def ticks(low: float, high: float, about: int, whole: bool = False) -> tuple[list[float], float]:
    """Round ticks (1, 2 or 5 times a power of ten apart) that enclose low..high, and their distance."""
    size = max(abs(low), abs(high))
    if high - low <= max(size, 1e-290) * 1e-9:  # as good as one point: ticks so close would be the same numbers
        margin = size * 0.1 if size > 1e-290 else 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    step = max(step, 1.0) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)], step


def line_chart(
    series: Sequence[Series], x: Axis, y: Axis, *, width: int, height: int, label: str, mark: tuple[float, float, str] | None = None
) -> Markup:
    """Lines over a light grid; mark is (x, y, text) of one point to point out. Empty Markup without any point.

    label is read out by screen readers in place of the drawing.
    """
    points = [point for line in series for point in line.points]
    if not points:
        return Markup("")
    every_x = [point[0] for point in points] + ([mark[0]] if mark else [])
    every_y = [point[1] for point in points] + ([mark[1]] if mark else [])
    small = height < 200
    x_ticks, x_step = ticks(min(every_x), max(every_x), width // 95, whole=True)
    y_ticks, y_step = ticks(min(every_y), max(every_y), height // 48)
    x_low, x_high = min(every_x), max(every_x)
    if x_low == x_high:
        x_low, x_high = x_ticks[0], x_ticks[-1]
    y_texts = [y.write(tick, y_step) for tick in y_ticks]
    left, right = 12 + 7 * max(map(len, y_texts)), width - 16
    top, bottom = 30, height - (24 if small else 44)

    def at(point: Point) -> tuple[str, str]:
        across = left + (point[0] - x_low) / (x_high - x_low) * (right - left)
        down = bottom - (point[1] - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (bottom - top)
        return f"{across:.1f}", f"{down:.1f}"

    parts = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    parts.append(f'<text class="axis-title" x="0" y="12">{escape(y.title)}</text>')
    for tick, text in zip(y_ticks, y_texts, strict=True):
        down = at((x_low, tick))[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{down}" y2="{down}"/>')
        parts.append(f'<text class="tick" x="{left - 8}" y="{float(down) + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for tick in (tick for tick in x_ticks if x_low <= tick <= x_high):
        across = at((tick, y_ticks[0]))[0]
        parts.append(f'<text class="tick" x="{across}" y="{bottom + 18}" text-anchor="middle">{escape(x.write(tick, x_step))}</text>')
    if not small:
        parts.append(f'<text class="axis-title" x="{right}" y="{height - 6}" text-anchor="end">{escape(x.title)}</text>')
    if mark:
        across, down = at((mark[0], mark[1]))
        parts.append(f'<line class="mark" x1="{across}" x2="{across}" y1="{top}" y2="{bottom}"/>')
    for line in series:
        shown = [at(point) for point in decimate(line.points)]
        if len(shown) > 1:
            # Dashes of a crowded line would run into each other.
            css = f"{line.css} dense" if len(shown) > DENSE else line.css
            parts.append(f'<polyline class="line {css}" points="{" ".join(",".join(place) for place in shown)}"/>')
        if (line.dots and len(shown) <= 60) or len(shown) == 1:
            for place, point in zip(shown, line.points, strict=True):
                hint = f"{line.name}, {x.title.lower()} {x.write(point[0], 1)}: {y.write(point[1], y_step / 1000)}"
                circle = f'<circle class="dot {line.css}" cx="{place[0]}" cy="{place[1]}" r="3.5">'
                parts.append(f"{circle}<title>{escape(hint)}</title></circle>")
    if mark:
        # The text goes to the side with more room.
        shift, anchor = (-8, "end") if float(across) > (left + right) / 2 else (8, "start")
        place = f'x="{float(across) + shift:.1f}" y="{top + 10}" text-anchor="{anchor}"'
        parts.append(f'<circle class="ring" cx="{across}" cy="{down}" r="7"/>')
        parts.append(f'<text class="mark-text" {place}>{escape(mark[2])}</text>')
    return Markup("".join([*parts, "</svg>"]))


def bar(share: float, lost: float = 0.0) -> Markup:
    """A horizontal bar for a table cell, ``share`` of its width filled and ``lost`` after it in a quiet colour.

    The numbers stand beside it, so it is hidden from screen readers.
    """
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    width = max(100 * share, 0.6) if share > 0 else 0.0
    return Markup(
        f'<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>'
        f'<rect class="lost" x="{width:.2f}" width="{100 * min(lost, 1 - share):.2f}" height="10"/>'
        f'<rect class="fill" width="{width:.2f}" height="10"/></svg>'
    )


def stacked(shares: Sequence[tuple[float, str]]) -> Markup:
    """One bar made of parts, each (share of the whole, CSS class)."""
    parts, start = [], 0.0
    for share, css in shares:
        parts.append(f'<rect class="{escape(css)}" x="{100 * start:.2f}" width="{max(100 * share - 0.3, 0):.2f}" height="10"/>')
        start += share
    return Markup(f'<svg class="bar tall" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>')


def ranges(base: tuple[float, float | None, float | None], candidate: tuple[float, float | None, float | None]) -> Markup:
    """Two values with their intervals (value, low, high) on one scale: base hollow above, candidate filled below."""
    numbers = [number for triple in (base, candidate) for number in triple if number is not None and math.isfinite(number)]
    if not (math.isfinite(base[0]) and math.isfinite(candidate[0])) or max(numbers) == min(numbers):
        return Markup("")
    low, spread = min(numbers), max(numbers) - min(numbers)

    def at(number: float) -> str:
        return f"{6 + 108 * (number - low) / spread:.1f}"

    parts = []
    for (value, start, end), css, down in ((base, "base", 8), (candidate, "candidate", 20)):
        if start is not None and end is not None and math.isfinite(start) and math.isfinite(end):
            parts.append(f'<line class="reach {css}" x1="{at(start)}" x2="{at(end)}" y1="{down}" y2="{down}"/>')
        parts.append(f'<circle class="spot {css}" cx="{at(value)}" cy="{down}" r="4"/>')
    return Markup(f'<svg class="ranges" viewBox="0 0 120 28" aria-hidden="true">{"".join(parts)}</svg>')
