"""What the page shows, worked out from the summaries: metrics, charts, examples, times. No markup but the charts."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..summaries import Example
from .charts import Axis, Series, bar, finite, line_chart, ranges, stacked
from .data import funnel, length_rows, set_rows, strata
from .doubts import warnings
from .names import name
from .numbers import Numbers, clean, decimals_for
from .privacy import privacy
from .reason import condition, reason, remark, undecided
from .run import Run, change, ranked
from .search import search
from .strings import words

# A page with more rows than this is not read; the counts above it still hold all.
MAX_ROWS = 50
OPEN_EXAMPLES = 3


def render(run: Run, language: str, audit: str = "", masks: str = "") -> str:
    """The whole page as one HTML document. The same run gives the same text.

    audit, masks: where audit folder and mask report lie as seen from the page; '' for no link.
    """
    n, t = Numbers(language), words(language)
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    page = environment().get_template("template.html.j2")
    return page.render(
        run=run,
        n=n,
        t=t,
        style=style,
        name=lambda key: name(key, language),
        bar=bar,
        stacked=stacked,
        plain=plain,
        without_password=without_password,
        metrics=metric_rows(run, n),
        audit=audit,
        masks=masks,
        privacy=privacy(run, language),
        search=search(run, language),
        funnel=funnel(run, t),
        lengths=length_rows(run, language),
        strata=strata(run)[:MAX_ROWS],
        sets=set_rows(run),
        charts=curves(run, n, t),
        curve_rows=curve_rows(run),
        examples=examples(run),
        times=times(run),
        warnings=warnings(run, language),
        digests=digests(run, t),
        rejects=ranked([run.prepare.rejected_by_reason]),
        reason=reason(run, language),
        condition=lambda rule: condition(rule, language),
        undecided=undecided,
        remark=lambda rule: remark(rule, language),
        max_rows=MAX_ROWS,
        open_examples=OPEN_EXAMPLES,
    )


@cache
def environment() -> Environment:
    """The template engine: everything is escaped, and a name that is not given is an error instead of an empty place."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Everything from a summary passes here before it is escaped.
        finalize=lambda value: clean(value) if type(value) is str else value,
    )


def plain(value: Any) -> str:
    """A setting as it would be typed: never rounded, never localized."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def without_password(address: str) -> str:
    """An address without the user and password that it may carry."""
    return re.sub(r"(?<=://)[^/\s]*@", "", address)


def metric_rows(run: Run, n: Numbers) -> list[SimpleNamespace]:
    """One row a metric: the change, its numbers with equal decimals, and settings shown once where both sides agree."""
    rows = []
    for metric in run.metric_names:
        both = change(run, metric)
        sides = [side for side in (both.base, both.candidate) if side]
        decimals = decimals_for(*(side.value for side in sides))
        # Differences far below the shown decimals would read as zero.
        if both.difference and abs(both.difference) < 0.5 * 10**-decimals:
            decimals = None
        keys = sorted({key for side in sides for key in side.settings})
        pictured = both.known and ranges(*((side.value, side.low, side.high) for side in (both.base, both.candidate)))
        rows.append(
            SimpleNamespace(
                metric=metric,
                change=both,
                unit=sides[0].unit,
                higher=sides[0].higher_is_better,
                decimals=decimals,
                difference=n.value(both.difference, decimals, signed=True),
                relative=n.percent(both.relative, signed=True) if both.relative is not None else "",
                ranges=pictured or "",
                settings=[(key, [side.settings.get(key) for side in sides]) for key in keys],
            )
        )
    return rows


def curves(run: Run, n: Numbers, t: SimpleNamespace) -> SimpleNamespace:
    """Loss (wide and narrow), learning rate and gradient norm against the optimizer step."""
    tune = run.finetune
    validation = finite([(point.step, point.validation_loss) for point in tune.curve])
    # The loss before the first step is not an optimizer step, so the curve lacks it.
    if not any(step == 0 for step, _loss in validation):
        validation = finite([(0, tune.validation_loss_start)]) + validation
    series = [
        Series(t.train_loss, "train", finite([(point.step, point.train_loss) for point in tune.curve])),
        Series(t.validation_loss, "validation", validation, dots=True),
    ]
    at_best = dict(validation).get(tune.best_step, tune.validation_loss)
    mark = (tune.best_step, at_best, f"{t.best}: {n.count(tune.best_step)}") if math.isfinite(at_best) else None
    step = Axis(t.step_axis, lambda tick, _step: n.count(round(tick)))
    label = t.curve_summary.format(
        start=n.value(tune.validation_loss_start),
        end=n.value(tune.validation_loss),
        steps=n.count(tune.steps),
        best=n.count(tune.best_step),
    )
    drawn = bool(tune.curve)
    loss = {
        size: line_chart(series, step, Axis(t.loss_axis, n.tick), width=width, height=height, label=label, mark=mark) if drawn else ""
        for size, width, height in (("wide", 720, 320), ("narrow", 360, 260))
    }
    small = {}
    for key in ("learning_rate", "grad_norm"):
        line = Series(getattr(t, key), key, finite([(point.step, getattr(point, key)) for point in tune.curve]))
        small[key] = line_chart([line], step, Axis(line.name, n.tick), width=300, height=140, label=f"{line.name}, {t.step_axis.lower()}")
    return SimpleNamespace(loss=loss, small=small, label=label)


def curve_rows(run: Run) -> list[Any]:
    """About thirty points of the curve: those with a validation loss, else an even choice."""
    points = run.finetune.curve
    chosen = [point for point in points if point.validation_loss is not None] or points
    return chosen if len(chosen) <= 30 else [chosen[round(number * (len(chosen) - 1) / 29)] for number in range(30)]


def examples(run: Run) -> list[SimpleNamespace]:
    """The samples of both models matched by id, in the order of the base; an answer that is missing is None."""
    base, candidate = ({sample.id: sample for sample in side.samples} for side in (run.base, run.candidate))

    def answer(side: dict[str, Example], key: str) -> str | None:
        return side[key].prediction if key in side else None

    order = dict.fromkeys([*base, *candidate])
    return [
        SimpleNamespace(sample=base.get(key) or candidate[key], base=answer(base, key), candidate=answer(candidate, key)) for key in order
    ]


def times(run: Run) -> list[SimpleNamespace]:
    """Seconds of every step, the device where it is known and how many tasks were added up."""
    rows = []
    for step, parts in run.steps:
        seconds = sum(part.seconds for part in parts)
        hardware = getattr(parts[0], "hardware", None) if parts else None
        rows.append(SimpleNamespace(step=step, seconds=seconds, tasks=len(parts), hardware=hardware))
    longest = max((row.seconds for row in rows), default=0.0) or 1.0
    for row in rows:
        row.share = row.seconds / longest
    return rows


def digests(run: Run, t: SimpleNamespace) -> list[tuple[str, str]]:
    """Every digest with what it is of."""
    tune = run.finetune
    rows = [
        (t.base_digest, run.base_model.digest),
        (t.trained_from, tune.base_digest if tune.base_digest != run.base_model.digest else ""),
        (t.prepared_digest, run.prepare.data_digest),
        (t.split_digest, run.split.data_digest),
        (t.training_digest, tune.data_digest),
        (t.evaluation_digest, run.candidate.data_digest),
        (t.adapter_digest, tune.adapter_digest),
        *((t.policy_digest, digest) for digest in sorted({shard.policy_sha256 for shard in run.anonymize})),
        (t.gate_digest, run.gate.gate_sha256),
    ]
    return [(label, digest) for label, digest in rows if digest]
