"""What the metrics have in common: no file is written, text pairs as input, values that come from per-example columns."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import datasets
import evaluate
import numpy as np

from ..summaries import MetricValue
from .bootstrap import described, mean_interval

# Columns of ``evaluation.examples.SCHEMA``, all of one length; None where a row has no such number.
Columns = dict[str, list]


class LocalMetric(evaluate.Metric):
    """An ``evaluate.Metric`` that keeps its inputs in memory.

    The library's default writes predictions below the home folder, where they would outlive the task and which a
    container may not let it write. Subclasses set ``description`` and ``inputs`` and write ``_compute``.
    """

    description = ""
    inputs: dict[str, str] = {"predictions": "string", "references": "string"}

    def __init__(self, seed: int = 17, **options: Any):
        folder = os.path.join(tempfile.gettempdir(), f"llamaflow-metrics-{os.getuid()}")  # stays empty
        super().__init__(keep_in_memory=True, cache_dir=folder, seed=seed, **options)

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features({name: datasets.Value(kind) for name, kind in self.inputs.items()})
        return evaluate.MetricInfo(description=self.description, citation="", features=features)


class TextMetric(LocalMetric):
    """Answers against references, in two halves: what each example has, and what the examples come to.

    ``compute`` is one after the other, so a number in a summary and the rows that it rests on cannot disagree.
    """

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        """Columns of the per-example file, one entry for each pair; None where a reference is needed and there is none."""
        raise NotImplementedError

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        """Metrics of the rows given; one whose columns are absent or all None is left out. A column 'cluster' is used if there."""
        raise NotImplementedError

    def _compute(
        self, predictions: list[str], references: list[str | None], settings: Mapping[str, Any] | None = None
    ) -> dict[str, MetricValue]:
        return self.values(self.examples(predictions, references), settings)


def pairs(predictions: Sequence[str], references: Sequence[str | None]) -> Iterator[tuple[str, str] | None]:
    """Each answer with its reference, None for an answer without one. Raises ValueError for unequal lengths."""
    for prediction, reference in zip(predictions, references, strict=True):
        yield None if reference is None else (prediction, reference)


def measured(columns: Mapping[str, Sequence], *names: str) -> tuple[list[np.ndarray], list[str | None] | None]:
    """The named columns, fp64, of the rows that have all of them, and those rows' clusters."""
    if any(name not in columns for name in names):
        return [np.zeros(0)] * len(names), None
    rows = [row for row, cells in enumerate(zip(*(columns[name] for name in names), strict=True)) if None not in cells]
    clusters = [columns["cluster"][row] for row in rows] if "cluster" in columns else None
    return [np.array([columns[name][row] for row in rows], dtype=np.float64) for name in names], clusters


def mean_values(
    columns: Mapping[str, Sequence], used: Mapping[str, Mapping[str, Any]], seed: int, settings: Mapping[str, Any] | None
) -> dict[str, MetricValue]:
    """The mean of each column that used names (column -> its settings), higher is better, where any row has it."""
    values = {}
    for name, own in used.items():
        (scores,), clusters = measured(columns, name)
        if len(scores):
            values[name] = mean_value(scores, seed, {**own, **(settings or {})}, clusters=clusters)
    return values


def mean_value(
    scores: np.ndarray, seed: int, settings: Mapping[str, Any], *, clusters: Sequence[str | None] | None = None,
    higher_is_better: bool = True, unit: str = "",
) -> MetricValue:  # fmt: skip
    """Mean of per-example scores with its 95 % bootstrap interval."""
    low, high = mean_interval(scores, seed, clusters)
    return MetricValue(
        value=float(np.mean(scores)), low=low, high=high, higher_is_better=higher_is_better, unit=unit,
        settings={**settings, "interval": described(seed)},
    )  # fmt: skip


@functools.cache
def library(name: str) -> str:
    """'name version' of an installed package, for a metric's settings."""
    return f"{name} {version(name)}"
