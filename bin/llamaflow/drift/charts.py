"""Two distributions side by side, as inline SVG: reference in grey, production in the accent colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from ..summaries import DriftBin

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 190, 44, 30, 12
BARS_LABELLED = 10


def pairs(bins: Sequence[DriftBin], write: Callable[[float], str], percent: Callable[[float], str], label: str) -> Markup:
    """Columns over the bins of a number or score; write labels an end of a bin. label is what a screen reader says."""
    if not bins:
        return Markup("")
    most = max(max(one.reference, one.production) for one in bins) or 1.0
    across, floor = (WIDTH - LEFT - 4) / len(bins), HEIGHT - BOTTOM
    parts = [f'<svg class="chart pairs" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for share in (0.0, most / 2, most):
        down = floor - share / most * (floor - TOP)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{down:.1f}" y2="{down:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{escape(percent(share))}</text>')
    for place, one in enumerate(bins):
        start = LEFT + 2 + place * across
        for side, value, shift in (("reference", one.reference, 0.06), ("production", one.production, 0.5)):
            high = value / most * (floor - TOP)
            place = f'x="{start + shift * across:.1f}" y="{floor - high:.1f}"'
            parts.append(f'<rect class="{side}" {place} width="{0.44 * across:.1f}" height="{high:.1f}"/>')
    for mark, value, anchor in _marks(bins):
        place = f'x="{LEFT + 2 + mark * across:.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}"'
        parts.append(f'<text class="tick" {place}>{escape(write(value))}</text>')
    return Markup("".join([*parts, "</svg>"]))


def _marks(bins: Sequence[DriftBin]) -> list[tuple[float, float, str]]:
    """(place in bins, value, text anchor): the ends and the middle, or under each bar its integer where bars stand for integers."""
    ends = [(one.low or 0.0, one.high or 0.0) for one in bins]
    if len(bins) <= BARS_LABELLED and all(low == round(low) and high == low + 1 for low, high in ends):
        return [(place + 0.5, low, "middle") for place, (low, _) in enumerate(ends)]
    half = len(bins) // 2
    return [(0, ends[0][0], "start"), (half, ends[half][0], "middle"), (len(bins), ends[-1][1], "end")]


def rows(bins: Sequence[DriftBin], name: Callable[[str], str], percent: Callable[[float], str], label: str) -> Markup:
    """Bars for named values: two under each name."""
    tall = 46
    parts = [f'<svg class="chart pairs" viewBox="0 0 {WIDTH} {tall * len(bins) + 4}" role="img" aria-label="{escape(label)}">']
    for place, one in enumerate(bins):
        top = place * tall
        parts.append(f'<text class="tick" x="0" y="{top + 26}">{escape(name(one.name))}</text>')
        for side, value, down in (("reference", one.reference, 6), ("production", one.production, 22)):
            wide = value * (WIDTH - 90 - 56)
            parts.append(f'<rect class="{side}" x="90" y="{top + down}" width="{max(wide, 0.5):.1f}" height="13"/>')
            parts.append(f'<text class="tick" x="{96 + wide:.1f}" y="{top + down + 11}">{escape(percent(value))}</text>')
    return Markup("".join([*parts, "</svg>"]))
