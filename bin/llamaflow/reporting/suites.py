"""What the section on suites shows: one table a suite, its categories, wrong answers, and all differences in one picture."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from ..summaries import SuiteScores
from .forest import Effect, forest
from .metrics import metric_table, reach
from .names import LANGUAGES, name, suite_name
from .numbers import Numbers, decimals_for
from .run import SPEED, Run, change
from .strings import words
from .suites_strings import KINDS

MAX_SAMPLES = 5
# Columns of the table by category: more of them cannot be read.
MAX_COLUMNS = 4
FOREMOST = ("accuracy", "robustness_loss", "rougeL", "refusal_rate", "perplexity", "bertscore_f1", "exact_match", "token_f1")
# What a difference is drawn in. Shares are drawn times 100, as BLEU and chrF are reported.
SHARES = frozenset(
    ("rouge1", "rouge2", "rougeL", "rougeLsum", "bertscore_f1", "exact_match", "token_f1", "distinct_1", "distinct_2", "accuracy")
    + ("robustness_loss", "refusal_rate", "finished_share", "repetition")
)
HUNDREDS = frozenset(("bleu", "chrf"))
RELATIVE = frozenset(("perplexity", "bits_per_byte"))


def suites(run: Run, language: str) -> SimpleNamespace | None:
    """Everything that the section needs; None where there is neither a suite nor a comparison."""
    n, t = Numbers(language), words(language)
    shown = [suite_card(run, suite, n, language) for suite in run.suites]
    plots = [plot for plot in (points_plot(run, n, t, language), relative_plot(run, n, t, language)) if plot]
    return SimpleNamespace(cards=shown, plots=plots, lead=lead(run, n, t)) if shown or plots else None


def lead(run: Run, n: Numbers, t: SimpleNamespace) -> str:
    """How many differences from the base are beyond chance; '' where nobody compared."""
    if run.compare_base is None:
        return ""
    rows = [row for row in run.compare_base.differences if row.metric not in SPEED and row.suite != "leak"]
    found = Counter(row.verdict for row in rows)
    return t.suites_counted.format(
        count=n.count(len(rows)), better=n.count(found["better"]), worse=n.count(found["worse"]), same=n.count(found["no difference"])
    )


def suite_card(run: Run, suite: str, n: Numbers, language: str) -> SimpleNamespace:
    """One suite. mixed: the models answered different items, so that their numbers do not compare."""
    scores = {side.model: side.suites[suite] for side in run.sides if suite in side.suites}
    newest = scores.get("candidate") or next(iter(scores.values()))
    metrics = [metric for metric in run.measured(suite) if metric not in SPEED]
    answers, base = newest.samples, {sample.id: sample.prediction for sample in scores["base"].samples} if "base" in scores else {}
    return SimpleNamespace(
        key=suite,
        title=suite_name(suite, newest.kind, language),
        about=KINDS[newest.kind][LANGUAGES.index(language)],
        items=newest.examples,
        table=metric_table(run, suite, metrics, n),
        categories=categories(scores, metrics),
        samples=[SimpleNamespace(sample=sample, base=base.get(sample.id), candidate=sample.prediction) for sample in answers[:MAX_SAMPLES]],
        whose="candidate" if "candidate" in scores else "base",
        mixed=len({side.digest for side in scores.values()}) > 1,
    )


def categories(scores: dict[str, SuiteScores], metrics: list[str]) -> SimpleNamespace | None:
    """The suite's main metrics by category; None where it has fewer than two."""
    keys = sorted({category for side in scores.values() for category in side.categories})
    measured = {metric for side in scores.values() for values in side.categories.values() for metric in values}
    rank = {metric: number for number, metric in enumerate(FOREMOST)}
    ordered = sorted((metric for metric in metrics if metric in measured), key=lambda metric: rank.get(metric, len(rank)))
    columns = ordered[:MAX_COLUMNS]
    if len(keys) < 2 or not columns:
        return None

    def at(model: str, category: str, metric: str) -> float | None:
        found = scores[model].categories.get(category, {}).get(metric) if model in scores else None
        return found.value if found else None

    everything = {metric: [at(model, key, metric) for model in scores for key in keys] for metric in columns}
    decimals = {metric: decimals_for(*values) for metric, values in everything.items()}
    rows = [
        SimpleNamespace(
            key=key,
            cells=[
                SimpleNamespace(metric=metric, decimals=decimals[metric], sides={model: at(model, key, metric) for model in scores})
                for metric in columns
            ],
        )
        for key in keys
    ]
    return SimpleNamespace(rows=rows, columns=columns, models=[model for model in ("base", "production") if model in scores])


def points_plot(run: Run, n: Numbers, t: SimpleNamespace, language: str) -> SimpleNamespace | None:
    """Differences of scores, in points of 100."""
    found = []
    for suite, metric, row in compared(run):
        if metric in SHARES | HUNDREDS:
            scale = 1.0 if metric in HUNDREDS else 100.0
            found.append(effect(run, suite, metric, (row.difference * scale, row.low * scale, row.high * scale), n, t, language))
    return drawn([item for item in found if item], t.plot_points, t.plot_points_axis, n, t)


def relative_plot(run: Run, n: Numbers, t: SimpleNamespace, language: str) -> SimpleNamespace | None:
    """Differences of perplexity and bits per byte, in percent of the base."""
    found = []
    for suite, metric, row in compared(run):
        if metric in RELATIVE and row.reference > 0:
            triple = tuple(100 * number / row.reference for number in (row.difference, row.low, row.high))
            found.append(effect(run, suite, metric, triple, n, t, language))
    return drawn([item for item in found if item], t.plot_percent, t.plot_percent_axis, n, t)


def compared(run: Run) -> list[tuple]:
    """(suite, metric, Difference) against the base, in the order of the tables."""
    every = [(suite, metric) for suite in ("test", *run.suites) for metric in run.measured(suite)]
    rows = [(suite, metric, run.paired(suite, metric)) for suite, metric in every]
    return [row for row in rows if row[2]]


def effect(run: Run, suite: str, metric: str, triple: tuple, n: Numbers, t: SimpleNamespace, language: str) -> Effect | None:
    """A line of the plot; None for a metric of which neither model has a number."""
    both = change(run, metric, suite)
    if not both.known or both.best is not None:
        return None
    center, low, high = triple if both.candidate.higher_is_better else (-triple[0], -triple[2], -triple[1])
    decimals = decimals_for(both.base.value, both.candidate.value)
    told = n.value(both.paired.difference, decimals, signed=True)
    if bounds := reach(both, n, decimals):
        told += f" ({t.between.format(low=bounds.low, high=bounds.high)})"
    kind = next((side.suites[suite].kind for side in run.sides if suite in side.suites), "")
    return Effect(suite_name(suite, kind, language), name(metric, language), center, low, high, both.judgement, told)


def drawn(effects: list[Effect], title: str, axis: str, n: Numbers, t: SimpleNamespace) -> SimpleNamespace | None:
    """A plot in two widths, with its title and the sentence that is read out in its place."""
    said = "; ".join(f"{item.group}, {item.name}: {item.told}, {getattr(t, item.judgement)}" for item in effects)
    sizes = {
        size: forest(effects, title=axis, worse=t.worse, better=t.better, write=n.tick, label=f"{title}. {said}", wide=size == "wide")
        for size in ("wide", "narrow")
    }
    return SimpleNamespace(title=title, **sizes) if sizes["wide"] else None


def suite_lines(run: Run, language: str) -> list[str]:
    """For the terminal: what became of each suite, in a few words with its foremost number."""
    n, t = Numbers(language), words(language)
    lines = []
    for suite in run.suites:
        metrics = [metric for metric in run.measured(suite) if metric not in SPEED]
        judged = [rule.metric for rule in run.gate.rules if rule.suite == suite and rule.metric in metrics]
        foremost = next((metric for metric in [*judged, *FOREMOST, *metrics] if metric in metrics and change(run, metric, suite).known), "")
        if not foremost:
            continue
        both = change(run, foremost, suite)
        decimals = decimals_for(both.base.value, both.candidate.value)
        kind = next(side.suites[suite].kind for side in run.sides if suite in side.suites)
        before, after = n.value(both.base.value, decimals), n.value(both.candidate.value, decimals)
        shown = f"{name(foremost, language)} {before} → {after}"
        if foremost == "accuracy":
            shown = t.right.format(before=n.percent(both.base.value), after=n.percent(both.candidate.value))
        said = kept_or_lost(both.judgement, t) if kind == "general" and both.paired else getattr(t, both.judgement)
        lines.append(f"{suite_name(suite, kind, language)}: {said} ({shown})")
    return lines


def kept_or_lost(judgement: str, t: SimpleNamespace) -> str:
    return {"same": t.kept_abilities, "better": t.kept_better, "worse": t.lost_abilities}.get(judgement, getattr(t, judgement))
