"""What the metrics have in common: no file is written, text pairs as input, one way to report a mean."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from typing import Any

import datasets
import evaluate
import numpy as np

from ..summaries import MetricValue
from .bootstrap import mean_interval


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


def mean_value(scores: np.ndarray, seed: int, settings: dict[str, Any], unit: str = "") -> MetricValue:
    """Mean of per-example scores, higher is better, with its 95 % bootstrap interval."""
    low, high = mean_interval(scores, seed)
    return MetricValue(value=float(np.mean(scores)), low=low, high=high, higher_is_better=True, unit=unit, settings=settings)


def library(name: str) -> str:
    """'name version' of an installed package, for a metric's settings."""
    return f"{name} {version(name)}"
