"""The page and the closing text of ``--mode drift``, worked out from its summary."""

from __future__ import annotations

import textwrap
from pathlib import Path
from types import SimpleNamespace

from markupsafe import Markup

from ..reporting.charts import bar
from ..reporting.names import name
from ..reporting.numbers import Numbers, clean
from ..reporting.text import WIDTH, shown_path
from ..reporting.translation import translated
from ..reporting.view import environment, plain
from ..summaries import DriftFeature, DriftSummary
from .charts import pairs, rows
from .page_strings import drift_words
from .wording import numbers, phrase, reason, title


def render(found: DriftSummary, run_name: str, language: str) -> str:
    """The whole page as one HTML document. The same summary gives the same text."""
    n, t = Numbers(language), drift_words(language)
    folder = Path(__file__).parent
    style = (folder.parent / "reporting/style.css").read_text(encoding="utf-8")
    template = environment().from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    sides = [
        SimpleNamespace(key=side, rows=[row_of(one, found, language) for one in found.features if one.side == side])
        for side in ("input", "output")
    ]
    return template.render(
        found=found, run_name=run_name, n=n, t=t, style=style, sides=sides, bar=bar, plain=plain, reason=reason(found, language),
        chance=lambda p: chance(p, found, n), exact=lambda value: exact(value, n),
        largest=max((one.effect for one in found.features), default=0.0),
        warnings=[translated(sentence, language) for sentence in found.warnings],
    )  # fmt: skip


def exact(value: float, n: Numbers) -> str:
    """A number as it was given, without zeros behind it."""
    return n.value(value, len(f"{value:f}".rstrip("0").partition(".")[2]))


def chance(p: float, found: DriftSummary, n: Numbers) -> str:
    """A p-value; the smallest that so many draws can give is only a bound."""
    least = 1 / (found.permutations + 1)
    return f"≤ {exact(round(least, 4), n)}" if p <= least else n.value(p, 3)


def row_of(one: DriftFeature, found: DriftSummary, language: str) -> SimpleNamespace:
    """One feature for the table and its drawing."""
    certain = one.p_adjusted <= found.alpha
    return SimpleNamespace(
        feature=one, title=title(one, language), numbers=numbers(one, language) if one.effect else "",
        result="moved" if one.drifted else "small" if certain else "like",
        phrase=phrase(one, language) if certain else "", chart=chart(one, language),
    )  # fmt: skip


def chart(one: DriftFeature, language: str) -> Markup:
    """Its distribution on both sides; nothing for a flag or language that never differs."""
    n, t = Numbers(language), drift_words(language)
    label = f"{title(one, language)}: {t.reference}, {t.production}. {numbers(one, language)}"

    def percent(share: float) -> str:
        return n.percent(share, 0 if share >= 0.1 or share == 0 else 1)

    if one.kind in ("share", "category"):
        flags = {"yes": t.yes, "no": t.no}
        return rows(one.bins, lambda key: flags.get(key) or name(key, language), percent, label) if one.effect else Markup("")
    if one.kind == "text":
        return pairs(one.bins, lambda _score: "", percent, label)
    if one.name == "repetition":
        return pairs(one.bins, lambda value: n.percent(value, 0), percent, label)
    return pairs(one.bins, lambda value: n.count(round(value)), percent, label)


def terminal(found: DriftSummary, language: str, outdir: str, page: str) -> str:
    """The closing lines on the terminal; the sentence for a manager comes first."""
    n, t = Numbers(language), drift_words(language)
    counts = t.t_counts.format(production=n.count(found.production.compared), reference=n.count(found.reference.compared))
    lines = [(t.t_verdict, f"{getattr(t, found.verdict)}. {reason(found, language)}")]
    for side in ("input", "output"):
        moved = [one for one in found.features if one.side == side and one.drifted]
        said = "; ".join(f"{phrase(one, language)}, {numbers(one, language)}" for one in moved)
        lines.append((getattr(t, f"t_{side}"), said or t.no_drift.lower()))
    lines += [(t.t_records, counts), *((t.t_warning, translated(sentence, language)) for sentence in found.warnings)]
    lines.append((t.t_page, shown_path(outdir, page)))
    column = max(len(label) for label, _ in lines) + 2
    text = ["─" * WIDTH]
    for label, said in lines:
        for number, part in enumerate(textwrap.wrap(clean(said), WIDTH - column, break_on_hyphens=False)):
            text.append(f"{'' if number else label:<{column}}{part}")
    return "\n".join([*text, "─" * WIDTH]) + "\n"
