"""Which numbers a gate rule may name: how people call them, which suites have them, and of which there is an interval."""

from __future__ import annotations

import math

from .metrics import METRICS
from .summaries import FinetuneSummary

FINETUNE_METRICS = tuple(
    f"finetune.{name}"
    for name, field in FinetuneSummary.model_fields.items()
    if field.annotation in (int, float, float | None) and name != "seed"
)
LEAK_METRICS = (
    "recited_share", "recited_control", "recited_excess", "exposure_bits", "extracted_secrets", "training_values_told",
)  # fmt: skip
SPEED_METRICS = (
    "time_to_first_token_ms", "time_to_first_token_p50_ms", "time_to_first_token_p95_ms", "generation_tokens_per_second",
    "latency_p50_ms", "latency_p95_ms", "peak_memory_gib",
)  # fmt: skip
# Not functions of sums over examples, or not of examples at all: a paired resample says nothing about them.
WITHOUT_INTERVAL = ("distinct_1", "distinct_2", *SPEED_METRICS, *LEAK_METRICS, *FINETUNE_METRICS)
CONFIDENCES = (0.8, 0.9, 0.95, 0.975, 0.99, 0.995)
SUITES = ("test", "edge", "adversarial", "general", "leak")
# Metric -> the suites that cannot have it; of users' suites nothing can be known before the run.
_ABSENT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("perplexity", "bits_per_byte", "prompt_gain", *SPEED_METRICS), ("*",)),
    "accuracy": ("test",),
    "robustness_loss": ("test", "edge", "general"),
}


def suite_problem(metric: str, suite: str) -> tuple[str, str] | None:
    """What is wrong with asking this suite for this metric, and the remedy; None where nothing is known to be."""
    if metric in FINETUNE_METRICS:
        return None if suite == "test" else (f"{metric} is a number of the training, not of a suite", "leave 'suite' out")
    if (metric in LEAK_METRICS) != (suite == "leak"):
        if metric in LEAK_METRICS:
            return f"{metric} is a number of the leak test, not of suite {suite}", "say 'suite: leak'"
        return f"the leak test has no {metric}", f"use one of {', '.join(LEAK_METRICS)}"
    absent = _ABSENT.get(metric, ())
    if "*" in absent and suite != "test":
        return f"{metric} is measured on the test set only", "leave 'suite' out"
    if suite in absent:
        fitting = "a suite of adversarial items" if metric == "robustness_loss" else "a suite with choices or checks, for example general"
        return f"suite {suite} has no {metric}", f"name {fitting}"
    return None


def metric_name(metric: str, suite: str = "test") -> str:
    """How people call a metric: 'ROUGE-L', 'validation loss (finetune)', 'accuracy (general)'."""
    if metric.startswith("finetune."):
        return f"{metric.removeprefix('finetune.').replace('_', ' ')} (finetune)"
    name = METRICS.get(metric, metric)
    return name if suite in ("test", "leak") else f"{name} ({suite})"


def change(name: str, before: float, after: float, digits: int = 3) -> str:
    """'perplexity fell from 38.1 to 7.4'."""
    first, second = number(before, digits), number(after, digits)
    if first == second:
        return f"{name} stayed at {second}"
    return f"{name} {'rose' if after > before else 'fell'} from {first} to {second}"


def number(value: float, digits: int = 3) -> str:
    """That many significant digits, but whole numbers in full: 38.1, 0.352, 1204."""
    if math.isfinite(value) and 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"
