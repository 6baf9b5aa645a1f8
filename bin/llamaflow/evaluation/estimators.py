"""Metrics as functions of sums over examples, so that a resample costs one matrix product and no text is scored again.

Every estimator takes some columns of ``examples.SCHEMA``; a row where one of them is null does not count for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..metrics.corpus import bleu_score, chrf_score


@dataclass(frozen=True)
class Estimator:
    """One metric of a set of examples: combine(sums over examples).

    columns: what it reads. combine: (..., k) sums -> (...) values; nan where nothing is defined. better: the direction that is
    an improvement; "one": the nearer to 1 the better. positive: above 0 by nature, so its interval is made on the log scale. flags: each
    example adds 0 or 1, which needs care with few examples (see ``statistics``). limits: the values that there can be.
    """

    metric: str
    columns: tuple[str, ...]
    combine: Callable[[np.ndarray], np.ndarray]
    better: Literal["higher", "lower", "one"] = "higher"
    positive: bool = False
    flags: bool = False
    limits: tuple[float, float] = (0.0, np.inf)

    def parts(self, rows: pa.Table) -> np.ndarray:
        """What each row adds, (rows, k), float64, of rows where no column is null. Raises ValueError for lists of unequal length."""
        if self.columns[0].endswith("_counts"):
            return _lists(rows[self.columns[0]])
        numbers = [rows[name].to_numpy().astype(np.float64) for name in self.columns]
        return np.stack(numbers if len(numbers) > 1 else [numbers[0], np.ones(len(rows))], axis=1)

    def scored(self, rows: pa.Table) -> np.ndarray:
        """Which rows count, (rows,) of bool."""
        return np.logical_and.reduce([pc.is_valid(rows[name]).to_numpy() for name in self.columns])

    def improved(self, reference: float, candidate: float) -> bool:
        """Whether the candidate's number is the better one."""
        if self.better == "one":
            return abs(np.log(max(candidate, 1e-300))) < abs(np.log(max(reference, 1e-300)))
        return candidate > reference if self.better == "higher" else candidate < reference


def mean(sums: np.ndarray) -> np.ndarray:
    """(..., 2): total and number of examples."""
    return _ratio(sums[..., 0], sums[..., 1])


def perplexity(sums: np.ndarray) -> np.ndarray:
    """(..., 2): nats and tokens; exp of the nats per token."""
    with np.errstate(over="ignore"):  # infinite for a broken model
        return np.exp(_ratio(sums[..., 0], sums[..., 1]))


def bits_per_byte(sums: np.ndarray) -> np.ndarray:
    """(..., 2): nats and bytes."""
    return _ratio(sums[..., 0], sums[..., 1]) / np.log(2)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return numerator / denominator


def _lists(column: pa.ChunkedArray) -> np.ndarray:
    """A column of lists of one length as a matrix."""
    lists = column.combine_chunks()
    lengths = np.unique(pc.list_value_length(lists).to_numpy())
    if len(lengths) > 1:
        raise ValueError("lists of unequal length")
    return pc.list_flatten(lists).to_numpy().reshape(len(lists), int(lengths[0]) if len(lengths) else 0)


# In the order of METRICS. Of distinct-n and of speed there is no paired interval: neither is a function of sums over examples.
ESTIMATORS: dict[str, Estimator] = {
    one.metric: one
    for one in (
        Estimator("perplexity", ("nats", "tokens"), perplexity, "lower", positive=True),
        Estimator("bits_per_byte", ("nats", "bytes"), bits_per_byte, "lower", positive=True),
        Estimator("prompt_gain", ("prompt_gain",), mean, limits=(-np.inf, np.inf)),
        *(Estimator(name, (name,), mean, limits=(0, 1)) for name in ("rouge1", "rouge2", "rougeL", "rougeLsum")),
        Estimator("bleu", ("bleu_counts",), bleu_score, limits=(0, 100)),
        Estimator("chrf", ("chrf_counts",), chrf_score, limits=(0, 100)),
        Estimator("bertscore_f1", ("bertscore_f1",), mean, limits=(-1, 1)),  # rescaled by a baseline it can be below 0
        Estimator("exact_match", ("exact_match",), mean, flags=True, limits=(0, 1)),
        Estimator("token_f1", ("token_f1",), mean, limits=(0, 1)),
        Estimator("accuracy", ("correct",), mean, flags=True, limits=(0, 1)),
        Estimator("refusal_rate", ("refused",), mean, "lower", flags=True, limits=(0, 1)),
        Estimator("finished_share", ("finished",), mean, flags=True, limits=(0, 1)),
        Estimator("repetition", ("repetition",), mean, "lower", limits=(0, 1)),
        Estimator("length_ratio", ("prediction_words", "reference_words"), mean, "one", positive=True),
        Estimator("robustness_loss", ("clean_loss",), mean, "lower", limits=(-1, 1)),
    )
}
