"""The leak test of one model: recitation, exposure and told values as one suite, with nothing secret in its numbers, samples and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from llamaflow.metrics.bootstrap import mean_interval
from llamaflow.pii.second_look import wilson
from llamaflow.records import Record
from llamaflow.summaries import MetricValue, SuiteScores

from .exposure import CHANCE_BITS, FALSE_DISCOVERIES, Exposure, Score, expose, extracted
from .forced import Before, said
from .holders import find_holders
from .probes import Probes
from .recitation import Recital, judge, prepare
from .rows import exposure_row, holder_rows, recital_row, samples, told_rows
from .told import Answer, Told, told_values
from .values import bare

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def leak_suite(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Probes,
    *,
    answers: Sequence[Answer] = (),
    train: Iterable[Record] = (),
    batch_size: int = 8,
    score: Score | None = None,
    before: Before | None = None,
    done: Callable[[int, dict], None] | None = None,
) -> tuple[SuiteScores, list[dict[str, Any]]]:
    """Scores of kind "leak" and one row for each thing asked, in the columns of ``evaluation.examples``.

    model: loaded, in eval mode; with an adapter it is also asked what it says without. answers: those of all suites; train: the training
    records, gone through once when there are answers and once more when a secret came out, so a list or an object that opens its
    file anew. score: ``metrics.likelihood.continuation_nats`` unless given. before: opens the model as it was before training, where
    the adapter cannot be switched off.
    done(probes, {}) counts up to ``total(probes)``. Raises TypeError when train is an iterator.
    """
    if iter(train) is train:
        raise TypeError("train is gone through more than once: give a list, or an object that opens its file anew")
    if score is None:
        from llamaflow.metrics.likelihood import continuation_nats as score
    pad = tokenizer.pad_token_id or 0
    prepared = [one for reading in probes.readings if (one := prepare(tokenizer, reading, probes))]
    hits = said(model, [one.shown for one in prepared], pad, batch_size, done)
    if done:
        done(len(probes.readings) - len(prepared), {})  # nothing to compare lies within the limits
    recitals = [judge(one, mine, probes.limits.words) for one, mine in zip(prepared, hits, strict=True)]
    exposures = expose(model, tokenizer, probes, pad, batch_size, score, done, before)
    out = extracted(exposures, probes.limits.contexts)
    told = told_values(answers, train, probes) if answers else []
    metrics = _recited(recitals, probes) | _exposed(exposures, out, probes) | _told(told, answers, probes)
    learned = set(map(id, out))
    rows = [*map(recital_row, recitals), *(exposure_row(one, id(one) in learned) for one in exposures), *told_rows(told)]
    rows += holder_rows(find_holders({bare(one.secret.value.text) for one in out}, train))
    scores = SuiteScores(
        kind="leak", digest=probes.digest, examples=len(recitals) + len(exposures), metrics=metrics, samples=samples(recitals, out, told)
    )
    return scores, rows


def total(probes: Probes) -> int:
    """Probes in all, for a progress bar."""
    return len(probes.readings) + len(probes.secrets)


def _recited(recitals: list[Recital], probes: Probes) -> dict[str, MetricValue]:
    """Shares of conversations, their difference, and 95 % intervals that do not shrink to nothing where nothing was recited."""
    trained, control = (
        np.array([float(one.longest > 0) for one in recitals if one.reading.trained is side], np.float64) for side in (True, False)
    )
    settings = {
        "decoding": "greedy, from every prefix", "words in a row": probes.limits.words,
        "stock phrase": f"in more than {probes.limits.stock} training records",
        "training conversations": len(trained), "held-out conversations": len(control), "interval": "Wilson, difference by Newcombe",
    }  # fmt: skip
    values: dict[str, MetricValue] = {}
    bounds = [wilson(int(side.sum()), len(side)) for side in (trained, control)]
    for name, side, (low, high) in zip(("recited_share", "recited_control"), (trained, control), bounds, strict=True):
        if len(side):
            values[name] = MetricValue(value=float(side.mean()), low=low, high=high, higher_is_better=False, settings=settings)
    if len(trained) and len(control):
        ours, theirs = float(trained.mean()), float(control.mean())
        low, high = _difference(ours, bounds[0], theirs, bounds[1])
        values["recited_excess"] = MetricValue(value=ours - theirs, low=low, high=high, higher_is_better=False, settings=settings)
    return values


def _exposed(exposures: list[Exposure], out: list[Exposure], probes: Probes) -> dict[str, MetricValue]:
    limits = probes.limits
    settings = {
        "alternatives": f"{limits.few}, of those that come first {limits.many}", "secrets": len(exposures), "contexts": limits.contexts,
        "bits of a secret": limits.least_bits, "bits without memory": round(float(CHANCE_BITS), 2), "public values": len(probes.public),
    }  # fmt: skip
    told = {**settings, "false discovery rate": FALSE_DISCOVERIES, "known before training": "left out where an adapter can be switched off"}
    values = {"extracted_secrets": MetricValue(value=len(out), higher_is_better=False, unit="secrets", settings=told)}
    if exposures:
        bits = np.array([one.bits for one in exposures])
        low, high = mean_interval(bits, probes.seed)
        value = float(bits.mean())
        values["exposure_bits"] = MetricValue(value=value, low=low, high=high, higher_is_better=False, unit="bits", settings=settings)
    return values


def _told(told: list[Told], answers: Sequence[Answer], probes: Probes) -> dict[str, MetricValue]:
    if not answers:
        return {}
    distinct = len({bare(one.value.text) for one in told})
    settings = {"answers": len(answers), "public values": len(probes.public)}
    return {"training_values_told": MetricValue(value=distinct, higher_is_better=False, unit="values", settings=settings)}


def _difference(ours: float, mine: tuple[float, float], theirs: float, its: tuple[float, float]) -> tuple[float, float]:
    """95 % interval of the difference of two independent shares from their Wilson intervals (Newcombe 1998, method 10)."""
    low = ours - theirs - ((ours - mine[0]) ** 2 + (its[1] - theirs) ** 2) ** 0.5
    high = ours - theirs + ((mine[1] - ours) ** 2 + (theirs - its[0]) ** 2) ** 0.5
    return low, high
