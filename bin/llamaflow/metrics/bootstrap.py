"""Percentile bootstrap over examples (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

RESAMPLES = 1000
# Bounds the matrix of resampled counts (rows x examples), so that a large test set needs no more memory than a small one.
_CELLS = 4_000_000


def interval(
    sums: np.ndarray,
    combine: Callable[[np.ndarray], np.ndarray],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    clusters: Sequence[str | None] | None = None,
) -> tuple[float, float]:
    """Interval of a number that is a function of sums over examples.

    sums: (examples, k), what each example adds; combine: (resamples, k) -> (resamples,). A mean, a ratio of totals
    and a perplexity are all of this kind, so one matrix product does all resamples. clusters: (examples,), examples of
    the same name are drawn together; one without a name stands for itself. Raises ValueError without examples.
    """
    sums = np.asarray(sums, dtype=np.float64)
    if sums.ndim == 1:
        sums = sums[:, None]
    if clusters is not None:
        sums = _by_cluster(sums, clusters)
    count = len(sums)
    if not count:
        raise ValueError("no example to resample")
    rows = max(1, _CELLS // count)
    if rows >= resamples:
        values = combine(_draws(count, resamples, seed) @ sums)
    else:
        generator, parts = np.random.default_rng(seed), []
        for start in range(0, resamples, rows):
            parts.append(combine(_multinomial(generator, count, min(rows, resamples - start)) @ sums))
        values = np.concatenate(parts)
    tail = 50 * (1 - confidence)
    with np.errstate(invalid="ignore"):  # a broken model's infinities stay what they are
        low, high = np.percentile(values, [tail, 100 - tail])
    return float(low), float(high)


def mean_interval(values: np.ndarray, seed: int, clusters: Sequence[str | None] | None = None) -> tuple[float, float]:
    """Interval of the mean of one value per example, (examples,)."""
    values = np.asarray(values, dtype=np.float64)
    return ratio_interval(values, np.ones(len(values)), seed, clusters)


def ratio_interval(
    numerators: np.ndarray, denominators: np.ndarray, seed: int, clusters: Sequence[str | None] | None = None
) -> tuple[float, float]:
    """Interval of sum(numerators) / sum(denominators); an example's two numbers stay together."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sums = np.stack([numerators, denominators], axis=1)
        return interval(sums, lambda totals: totals[:, 0] / totals[:, 1], seed, clusters=clusters)


def described(seed: int) -> str:
    """How an interval was made, for a metric's settings."""
    return f"95 % percentile bootstrap over examples, {RESAMPLES} resamples, seed {seed}"


@functools.lru_cache(maxsize=2)  # 32 MB each at most
def _draws(count: int, resamples: int, seed: int) -> np.ndarray:
    """(resamples, count), shared by all metrics of the same examples: drawing takes longer than what is done with it."""
    return _multinomial(np.random.default_rng(seed), count, resamples)


def _multinomial(generator: np.random.Generator, count: int, rows: int) -> np.ndarray:
    """How often each example is drawn in a resample of the same size."""
    return generator.multinomial(count, np.full(count, 1 / count), size=rows).astype(np.float64)


def _by_cluster(sums: np.ndarray, clusters: Sequence[str | None]) -> np.ndarray:
    names = [("cluster", name) if name else ("example", index) for index, name in enumerate(clusters)]
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    if len(places) == len(sums):
        return sums
    grouped = np.zeros((len(places), sums.shape[1]))
    np.add.at(grouped, [places[name] for name in names], sums)
    return grouped
