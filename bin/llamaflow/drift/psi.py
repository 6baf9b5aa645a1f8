"""The population stability index: sum of (production - reference) x ln(production / reference) over bins.

Bins hold equal shares of the reference. Without any drift the index is about (bins - 1)(1/n + 1/m) by chance alone (Yurdakul 2018,
"Statistical properties of the population stability index"): with ten bins and 100 records a side that is 0.18, more than the
usual threshold of 0.1. So small samples get fewer bins.
"""

from __future__ import annotations

import numpy as np

MOST_BINS, CHANCE = 10, 0.05
BANDS = ((0.1, "stable"), (0.25, "moderate"), (float("inf"), "large"))


def bins_for(reference: int, production: int) -> int:
    """So many bins that chance alone gives an index of at most 0.05, from 2 to 10."""
    return int(np.clip(1 + CHANCE / (1 / reference + 1 / production), 2, MOST_BINS))


def edges_of(reference: np.ndarray, production: np.ndarray) -> np.ndarray:
    """Inner edges between bins of like shares of the reference; fewer where many values are equal. A value on an edge is below it."""
    shares = np.arange(1, bins_for(len(reference), len(production))) / bins_for(len(reference), len(production))
    return np.unique(np.quantile(reference, shares, method="inverted_cdf"))


def psi(reference: np.ndarray, production: np.ndarray) -> float:
    """Of two vectors of counts over the same bins. Half a record is added to each bin, so an empty one does not make it infinite."""
    left = (reference + 0.5) / (reference.sum() + 0.5 * len(reference))
    right = (production + 0.5) / (production.sum() + 0.5 * len(production))
    return float(((right - left) * np.log(right / left)).sum())


def psi_of_numbers(reference: np.ndarray, production: np.ndarray) -> float:
    """Of two samples of a number."""
    edges = edges_of(reference, production)
    counts = [np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1) for values in (reference, production)]
    return psi(*counts)


def band(value: float) -> str:
    """stable (below 0.1), moderate (below 0.25) or large."""
    return next(name for limit, name in BANDS if value < limit)
