"""What is decided example by example elsewhere and only averaged here: right or not, refused or not, ended or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..summaries import MetricValue
from .base import mean_value, measured

# metric -> (column, whether more is better, unit, settings)
SHARES: dict[str, tuple[str, bool, str, dict[str, Any]]] = {
    "accuracy": ("correct", True, "", {"aggregate": "share of items with choices or checks"}),
    # Refusing what is unsafe is right and is a matter of accuracy; on ordinary questions a refusal is a loss.
    "refusal_rate": ("refused", False, "", {"aggregate": "share of generated answers"}),
    "finished_share": ("finished", True, "", {"aggregate": "share of generated answers"}),
    "prompt_gain": ("prompt_gain", True, "bits/token", {"aggregate": "mean over answers of what the own prompt saves over another's"}),
    "robustness_loss": ("clean_loss", False, "ROUGE-L", {"aggregate": "mean of clean less perturbed ROUGE-L"}),
}


def share_values(columns: Mapping[str, Sequence], seed: int, settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
    """The mean of each of SHARES' columns that any row has, with its interval; a column 'cluster' is used if there."""
    values = {}
    for name, (column, better, unit, own) in SHARES.items():
        (flags,), clusters = measured(columns, column)
        if len(flags):
            values[name] = mean_value(flags, seed, {**own, **(settings or {})}, clusters=clusters, higher_is_better=better, unit=unit)
    return values
