"""Distributions as a few bars, for drawing, and the stability index of each kind of feature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..summaries import DriftBin
from .psi import psi, psi_of_numbers

BARS = 16
SKEWED = 6.0  # largest / median from which on bars get wider to the right


def psi_of(kind: str, reference: np.ndarray, production: np.ndarray, names: Sequence[str]) -> float:
    """PSI of numbers and scores over the reference's quantiles, of categories over those that occur; 0 without records."""
    if not len(reference) or not len(production):
        return 0.0
    if kind in ("number", "text"):
        return psi_of_numbers(reference, production)
    counts = np.stack([np.bincount(side.astype(int), minlength=len(names)) for side in (reference, production)])
    return psi(*counts[:, counts.sum(axis=0) > 0])


def bins_of(kind: str, reference: np.ndarray, production: np.ndarray, names: Sequence[str]) -> list[DriftBin]:
    """Shares of both sides: a bar for each name, or some 16 between the values that all but 1 % of the records lie in."""
    sides = reference, production
    if not len(reference) or not len(production):
        return []
    if kind in ("share", "category"):
        shares = [np.bincount(side.astype(int), minlength=len(names)) / len(side) for side in sides]
        rows = zip(names, *shares, strict=True)
        return [DriftBin(name=name, reference=round(left, 6), production=round(right, 6)) for name, left, right in rows if left + right > 0]
    edges = edges_between(np.concatenate(sides), whole=kind == "number")
    places = [np.clip(np.searchsorted(edges, side, "right") - 1, 0, len(edges) - 2) for side in sides]
    shares = [np.bincount(place, minlength=len(edges) - 1) / len(place) for place in places]
    rows = zip(edges[:-1], edges[1:], *shares, strict=True)
    return [DriftBin(low=low, high=high, reference=round(left, 6), production=round(right, 6)) for low, high, left, right in rows]


def edges_between(values: np.ndarray, whole: bool) -> list[float]:
    """Ends of bars; values beyond the first and last belong to these. whole: at integers where the values are integers."""
    low, middle, high = np.quantile(values, [0.005, 0.5, 0.995], method="inverted_cdf")
    if high <= low:
        return [float(low), float(low) + 1]
    if whole and low >= 0 and high > SKEWED * max(middle, 1):
        edges = (np.linspace(np.sqrt(low), np.sqrt(high), BARS + 1)) ** 2
    else:
        edges = np.linspace(low, high, BARS + 1)
    if whole and (values == np.round(values)).all():
        edges = np.unique(np.floor(edges))
        if edges[-1] - edges[-2] <= 1:  # a bar for each integer, the last one too
            edges = np.append(edges, high + 1)
    return [round(float(edge), 6) for edge in edges]
