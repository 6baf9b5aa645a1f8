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
from .charts import Axis, Series, bar, finite, line_chart, stacked
from .data import funnel, length_rows, set_rows, strata
from .doubts import warnings
from .gate import gate
from .leak import leak
from .metrics import metric_table, speed_table
from .names import category_name, name
from .numbers import Numbers, clean
from .privacy import privacy
from .reason import reason
from .resources import resources
from .rounds import rounds
from .run import Run, ranked
from .search import search
from .strings import words
from .suites import suites

# A page with more rows than this is not read; the counts above it still hold all.
MAX_ROWS = 50
OPEN_EXAMPLES = 3
SECTIONS = (
    "metrics", "suites", "gate", "rounds", "training", "search", "data", "privacy", "leak", "examples", "lineage", "resources", "warnings",
)  # fmt: skip


def render(run: Run, language: str, audit: str = "", masks: str = "") -> str:
    """The whole page as one HTML document. The same run gives the same text.

    audit, masks: where audit folder and mask report lie as seen from the page; '' for no link.
    """
    n, t = Numbers(language), words(language)
    style = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    page = environment().get_template("template.html.j2")
    parts = {
        "suites": suites(run, language),
        "gate": gate(run, language),
        "rounds": rounds(run, language),
        "search": search(run, language),
        "leak": leak(run, language),
    }
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
        category=lambda key: category_name(key, language),
        metrics=metric_table(run, "test", run.metric_names, n),
        speed=speed_table(run, n),
        paired_note=paired_note(run, n, t),
        used=used(run, t),
        cached=cached(run, language),
        sections=[(key, section_title(key, parts, t)) for key in SECTIONS if parts.get(key, True)],
        used_machine=resources(run, language),
        **parts,
        audit=audit,
        masks=masks,
        privacy=privacy(run, language),
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


def section_title(key: str, parts: dict[str, Any], t: SimpleNamespace) -> str:
    """A section's title in the navigation."""
    return t.differences if key == "suites" and not parts[key].cards else getattr(t, key)


def used(run: Run, t: SimpleNamespace) -> str:
    """What the model in use is called, by its version where that is known."""
    version = (run.production.name if run.production else "") or (run.compare_production.reference if run.compare_production else "")
    return t.production_named.format(name=version) if version not in ("", "production") else t.production


def cached(run: Run, language: str) -> str:
    """The models whose numbers come from an earlier run, for a sentence."""
    t = words(language)
    called = {"base": t.cached_base, "production": t.cached_production, "candidate": t.cached_candidate}
    return f" {t.and_} ".join(called[side.model] for side in run.sides if side.cached)


def paired_note(run: Run, n: Numbers, t: SimpleNamespace) -> str:
    """How COMPARE came to its intervals."""
    compared = run.compare_base or run.compare_production
    if compared is None:
        return ""
    seeds = f" {t.paired_seeds.format(count=n.count(compared.seeds))}" if compared.seeds > 1 else ""
    return t.paired_note.format(resamples=n.count(compared.resamples)) + seeds


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
        kept = any(getattr(part, "cached", False) for part in parts)
        rows.append(SimpleNamespace(step=step, seconds=seconds, tasks=len(parts), hardware=hardware, cached=kept))
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
