"""How far apart the two sides are in one thing, for the true sides and for drawn ones: every distance is a share from 0 to 1.

Numbers: the largest gap between the cumulative shares (Kolmogorov-Smirnov D). Categories and flags: half the sum of the
differences of the shares (total variation). Texts: a classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv:1610.06545);
each record is scored by a ridge classifier that was fitted without it, and the distance is 2 AUC - 1, how much more often than
by chance the production record of a pair is recognized. If a share of production is of a kind that the reference lacks and all
the rest is alike, each of them is at most about that share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

BLOCK = 128
DEGREES = 30.0  # effective degrees of freedom of the classifier


class Distance(Protocol):
    """A distance over the records for which a feature is known."""

    def statistics(self, labels: np.ndarray) -> np.ndarray:
        """(draws,) distances for the labels (rows, draws) float32, 1 for production."""


@dataclass
class Feature:
    """One thing compared: ``distance`` over the records ``known`` (None: all), shown by ``values`` (one a known record).

    values: numbers; category numbers, named by ``names``; of texts nothing: their scores depend on the sides.
    """

    side: Literal["input", "output"]
    name: str
    kind: Literal["number", "share", "category", "text"]
    distance: Distance
    values: np.ndarray = field(default_factory=lambda: np.zeros(0))
    known: np.ndarray | None = None
    names: list[str] = field(default_factory=list)

    def distances(self, labels: np.ndarray) -> np.ndarray:
        """(draws,) for labels (records, draws) int8. A draw without any known record on one side is 0 apart."""
        labels = labels if self.known is None else labels[self.known]
        result = np.zeros(labels.shape[1])
        for start in range(0, labels.shape[1], BLOCK):
            block = labels[:, start : start + BLOCK].astype(np.float32)
            count = block.sum(axis=0)
            both = (count > 0) & (count < len(block))
            if both.any():
                result[start : start + BLOCK][both] = self.distance.statistics(block[:, both])
        return result


class Numbers:
    """Kolmogorov-Smirnov D of values (n,)."""

    def __init__(self, values: np.ndarray):
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of each run of equal values

    def statistics(self, labels: np.ndarray) -> np.ndarray:
        starts = np.concatenate([[0], self._last[:-1] + 1])
        production = np.add.reduceat(labels[self._order], starts, axis=0).cumsum(axis=0)
        seen = (self._last + 1)[:, None]
        count = labels.sum(axis=0)
        return np.abs(production / count - (seen - production) / (len(labels) - count)).max(axis=0)


class Categories:
    """Total variation of category numbers (n,) from 0. Of flags 0 and 1: the difference of the two shares."""

    def __init__(self, values: np.ndarray):
        self._members = [np.flatnonzero(values == value) for value in range(int(values.max(initial=0)) + 1)]

    def statistics(self, labels: np.ndarray) -> np.ndarray:
        production = np.stack([labels[members].sum(axis=0) for members in self._members])
        sizes, count = np.array([len(members) for members in self._members])[:, None], labels.sum(axis=0)
        return np.abs(production / count - (sizes - production) / (len(labels) - count)).sum(axis=0) / 2


class Texts:
    """Classifier two-sample test on vectors (n, d): ridge regression on the sides, each record scored without itself and its group.

    Leave-one-out needs one factorization for all records and all draws, because the fit is linear in the sides:
    with P the smoother matrix, a group's scores are y - (I - P_gg)^-1 (y - Py)_g. Sides are centred, and there is no other
    intercept: it would move against each record's own side.
    """

    def __init__(self, vectors: np.ndarray, groups: np.ndarray):
        centred = vectors - vectors.mean(axis=0)
        scale, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
        kept = scale > 1e-9 * max(scale.max(initial=0.0), 1e-30)
        scale, axes = scale[kept], axes[:, kept]
        penalty = penalty_for(scale, min(DEGREES, len(vectors) / 4))
        # P = B B^T
        self._basis = (centred @ (axes / np.sqrt(scale + penalty))).astype(np.float32)
        members = np.argsort(groups, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(groups[members]) != 0, True)) + 1
        self._groups = [group for group in np.split(members, ends[:-1]) if len(group) > 1]

    def scores(self, labels: np.ndarray) -> np.ndarray:
        """(n, draws): how much each record looks like production, judged from the others."""
        sides = labels - labels.mean(axis=0)
        fitted = self._basis @ (self._basis.T @ sides)
        own = (self._basis * self._basis).sum(axis=1)[:, None]
        scores = (fitted - own * sides) / np.maximum(1 - own, 1e-6)
        for group in self._groups:
            basis, wrong = self._basis[group], sides[group] - fitted[group]
            if len(group) <= basis.shape[1]:
                error = np.linalg.solve(np.eye(len(group)) * (1 + 1e-6) - basis @ basis.T, wrong)
            else:  # the same by Woodbury, where the group is larger than the vectors
                error = wrong + basis @ np.linalg.solve(np.eye(basis.shape[1]) * (1 + 1e-6) - basis.T @ basis, basis.T @ wrong)
            scores[group] = sides[group] - error
        return scores

    def statistics(self, labels: np.ndarray) -> np.ndarray:
        if not self._basis.shape[1]:  # all texts alike: no score above another
            return np.zeros(labels.shape[1])
        scores = np.ascontiguousarray(self.scores(labels).T)
        order = np.argsort(scores, axis=1)
        placed = np.take_along_axis(np.ascontiguousarray(labels.T), order, axis=1)
        count = placed.sum(axis=1, dtype=np.float64)
        ranks = placed @ np.arange(1, len(labels) + 1, dtype=np.float64)
        auc = (ranks - count * (count + 1) / 2) / (count * (len(labels) - count))
        return np.maximum(2 * auc - 1, 0)


def penalty_for(scale: np.ndarray, degrees: float) -> float:
    """The ridge penalty with which the fit on a matrix of these squared singular values has so many effective degrees of freedom."""
    low, high = 1e-9, 1e9
    total = float(scale.sum()) or 1.0
    for _ in range(80):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if (scale / (scale + middle * total)).sum() > degrees else (low, middle)
    return float(low * total)
