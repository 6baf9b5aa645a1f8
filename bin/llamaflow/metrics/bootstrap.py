"""Percentile bootstrap over examples (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000
# Bounds the matrix of resampled counts (rows x examples), so that a large test set needs no more memory than a small one.
_CELLS = 4_000_000


def interval(
    sums: np.ndarray, combine: Callable[[np.ndarray], np.ndarray], seed: int, resamples: int = RESAMPLES, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a number that is a function of sums over examples.

    sums: (examples, k), what each example adds; combine: (resamples, k) -> (resamples,). A mean, a ratio of totals
    and a perplexity are all of this kind, so one matrix product does all resamples. Raises ValueError without examples.
    """
    sums = np.asarray(sums, dtype=np.float64)
    if sums.ndim == 1:
        sums = sums[:, None]
    count = len(sums)
    if not count:
        raise ValueError("no example to resample")
    generator = np.random.default_rng(seed)
    rows = max(1, _CELLS // count)
    chances, values = np.full(count, 1 / count), []
    for start in range(0, resamples, rows):
        # How often each example is drawn in a resample of the same size.
        counts = generator.multinomial(count, chances, size=min(rows, resamples - start))
        values.append(combine(counts @ sums))
    tail = 50 * (1 - confidence)
    with np.errstate(invalid="ignore"):  # a broken model's infinities stay what they are
        low, high = np.percentile(np.concatenate(values), [tail, 100 - tail])
    return float(low), float(high)


def mean_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """Interval of the mean of one value per example, (examples,)."""
    values = np.asarray(values, dtype=np.float64)
    return interval(values, lambda totals: totals[:, 0] / len(values), seed)


def ratio_interval(numerators: np.ndarray, denominators: np.ndarray, seed: int) -> tuple[float, float]:
    """Interval of sum(numerators) / sum(denominators); an example's two numbers stay together."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return interval(np.stack([numerators, denominators], axis=1), lambda totals: totals[:, 0] / totals[:, 1], seed)
