"""Paired bootstrap of two models over the same examples: how far their numbers differ, and how sure that is.

A resample draws clusters (all variants of one source example stand or fall together) with replacement, and the same clusters for
both models, so that what makes an example hard for both cancels out. With several trainings of the candidate (seeds), trainings
are drawn first and then clusters: the interval is then one of the recipe, not of one lucky run.

The plain percentile interval is too short with few examples: of 95 % intervals over 20 examples some 92 % hold the truth. So:

- BCa quantiles (Efron 1987, "Better Bootstrap Confidence Intervals", https://doi.org/10.1080/01621459.1987.10478410) correct for bias
  and skewness; the acceleration is the jackknife's over clusters.
- Their distance from the estimate is stretched by t / z (Student's quantile over the normal one) and by the square root of
  n / (n - 1), as Hesterberg (2015, https://doi.org/10.1080/00031305.2015.1089789) advises against the bootstrap's narrowness. With
  several seeds the degrees of freedom are Satterthwaite's: three trainings tell little of how trainings vary.
- Flags (right or wrong, refused or not) get half an example in each of the four cells (right or wrong by either model) before
  resampling, after Agresti & Min (2005, https://doi.org/10.1002/sim.1781): twenty answers that are all alike do not prove that the
  next one will be.
- Quantities above 0 (perplexity, bits per byte, length ratio) have the intervals of number and ratio on the log scale.

Measured one-sided coverage (share of simulated test sets where the bound at a stated confidence of 95 % holds the truth) is in
docs/statistics.md; ``tests/bin/test_statistics.py`` simulates it again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from ..summaries import Difference
from .estimators import ESTIMATORS, Estimator

RESAMPLES = 10_000
PROBABILITIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995)
# Fewer clusters say nothing of how examples vary: no interval then.
MIN_CLUSTERS = 5
# Numbers this near are equal: the same weights give them when batches or kernels differ.
_EQUAL = 1e-5
_CELLS = 4_000_000  # of a matrix of counts (resamples x clusters): bounds memory
_CELL_MASS = 0.5  # of each pseudo-example of flags


@dataclass(frozen=True)
class _Sums:
    """What each unit that can be drawn adds. reference: (units, k); candidates: (seeds, units, k); mass: (units,), summing to draws."""

    estimator: Estimator
    examples: int
    clusters: int
    reference: np.ndarray
    candidates: np.ndarray
    mass: np.ndarray

    def values(self, reference: np.ndarray, candidate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both models' numbers of totals (..., k)."""
        return self.estimator.combine(reference), self.estimator.combine(candidate)


def compare_suite(
    suite: str, reference: pa.Table, candidates: Sequence[pa.Table], seed: int = 17, resamples: int = RESAMPLES
) -> list[Difference]:
    """Every metric that both models have on a suite, in the order of METRICS.

    reference, candidates: tables of ``examples.SCHEMA`` with the same items in the same rows, as ``pairing.pair`` gives them; several
    candidates are trainings of one recipe with different seeds, and the candidate's number is that of all their answers together.
    Metrics with fewer than MIN_CLUSTERS clusters, or without a finite number, are left out.
    """
    sums = [one for estimator in ESTIMATORS.values() if (one := _sums(estimator, reference, candidates)) is not None]
    found: dict[str, Difference] = {}
    for flags, units in sorted({(one.estimator.flags, len(one.mass)) for one in sums}):
        group = [one for one in sums if (one.estimator.flags, len(one.mass)) == (flags, units)]
        # Its own stream for each suite, so that no suite's numbers depend on which others there are.
        generator = np.random.default_rng([seed, zlib.crc32(suite.encode())])
        drawn: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in group]
        for counts, trainings in _draws(group[0].mass, len(candidates), resamples, generator):
            for one, values in zip(group, drawn, strict=True):
                totals = sum(trainings[:, [index]] * (counts @ units) for index, units in enumerate(one.candidates))
                values.append(one.values(counts @ one.reference, totals))
        for one, values in zip(group, drawn, strict=True):
            left, right = (np.concatenate(side) for side in zip(*values, strict=True))
            if difference := _difference(suite, one, left, right):
                found[one.estimator.metric] = difference
    return [found[name] for name in ESTIMATORS if name in found]


def _sums(estimator: Estimator, reference: pa.Table, candidates: Sequence[pa.Table]) -> _Sums | None:
    """Sums of each cluster over the rows that all models have a value for; None for too few, or for values that are not finite."""
    tables = [reference, *candidates]
    scored = np.logical_and.reduce([estimator.scored(table) for table in tables])
    if not scored.any():
        return None
    names = [cluster or id_ for cluster, id_ in zip(*(reference[name].to_pylist() for name in ("cluster", "id")), strict=True)]
    _, place = np.unique(np.array(names, dtype=object)[scored].astype(str), return_inverse=True)
    clusters = int(place.max()) + 1
    if clusters < MIN_CLUSTERS:
        return None
    parts = [estimator.parts(table.filter(pa.array(scored))) for table in tables]
    sums = np.stack([np.stack([np.bincount(place, column, clusters) for column in part.T], axis=1) for part in parts])
    if not np.isfinite(sums).all():
        return None
    mass = np.ones(clusters)
    if estimator.flags:
        size = len(place) / clusters  # a pseudo-example weighs as much as a cluster
        cells = size * np.array([[[1, 1], [1, 1], [0, 1], [0, 1]], *[[[1, 1], [0, 1], [1, 1], [0, 1]]] * len(candidates)], dtype=float)
        sums, mass = np.concatenate([sums, cells], axis=1), np.append(mass, [_CELL_MASS] * 4)
    return _Sums(estimator, int(scored.sum()), clusters, sums[0], sums[1:], mass)


def _draws(mass: np.ndarray, trainings: int, resamples: int, generator: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Resamples piece by piece: how often each unit is drawn, (rows, units), and each training of the candidate, (rows, trainings)."""
    units, draws = len(mass), round(mass.sum())
    slots = np.repeat(np.arange(units), np.rint(mass / _CELL_MASS).astype(int) if (mass != 1).any() else 1)
    rows = max(1, _CELLS // units)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        picked = slots[generator.integers(0, len(slots), (size, draws))] + units * np.arange(size)[:, None]
        counts = np.bincount(picked.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        yield counts, generator.multinomial(trainings, np.full(trainings, 1 / trainings), size).astype(np.float64)


def _difference(suite: str, sums: _Sums, reference: np.ndarray, candidate: np.ndarray) -> Difference | None:
    """From resampled values of both models, (resamples,), to the numbers of a ``Difference``."""
    estimator, real = sums.estimator, slice(sums.clusters)
    before, after = map(float, sums.values(sums.reference[real].sum(0), sums.candidates[:, real].sum((0, 1))))
    defined = np.isfinite(reference) & np.isfinite(candidate)
    if not (np.isfinite([before, after]).all() and defined.mean() > 0.99):
        return None
    reference, candidate = reference[defined], candidate[defined]
    low, high = estimator.limits
    difference = _quantiles(sums, reference, candidate, lambda r, c: c - r)
    logarithmic = estimator.positive and min(reference.min(), candidate.min(), before, after) > 0
    ratio: dict[str, float] = {}
    if logarithmic:
        ratio = {p: float(np.exp(q)) for p, q in _quantiles(sums, reference, candidate, lambda r, c: np.log(c) - np.log(r)).items()}
        alone = {p: float(np.exp(q)) for p, q in _quantiles(sums, reference, candidate, lambda _, c: np.log(c)).items()}
    else:
        if before > 0 and reference.min() > 0:
            ratio = {p: max(q, 0.0) for p, q in _quantiles(sums, reference, candidate, lambda r, c: c / r).items()}
        alone = {p: min(max(q, low), high) for p, q in _quantiles(sums, reference, candidate, lambda _, c: c).items()}
    difference = {p: min(max(q, low - high), high - low) for p, q in difference.items()}
    verdict: Literal["better", "worse", "no difference"] = "no difference"
    if not (difference["0.025"] <= 0 <= difference["0.975"] or np.isclose(before, after, rtol=_EQUAL, atol=0)):
        verdict = "better" if estimator.improved(before, after) else "worse"
    return Difference(
        suite=suite, metric=estimator.metric, examples=sums.examples, clusters=sums.clusters, reference=before, candidate=after,
        difference=after - before, low=difference["0.025"], high=difference["0.975"], difference_quantiles=difference,
        ratio_quantiles=ratio, candidate_quantiles=alone, verdict=verdict,
    )  # fmt: skip


def _quantiles(sums: _Sums, reference: np.ndarray, candidate: np.ndarray, function) -> dict[str, float]:
    """Quantiles of function(reference's number, candidate's number) at PROBABILITIES, corrected as the module says."""
    from scipy.special import ndtr, ndtri, stdtrit

    mass, draws, seeds = sums.mass, sums.mass.sum(), len(sums.candidates)
    left, pooled = (mass[:, None] * sums.reference).sum(0), sums.candidates.sum(0)
    right = (mass[:, None] * pooled).sum(0)
    centre = float(function(*sums.values(left, right)))
    # Influence of each unit, by leaving it out.
    with np.errstate(divide="ignore", invalid="ignore"):
        without = function(*sums.values(left - mass[:, None] * sums.reference, right - mass[:, None] * pooled))
    influence = np.nan_to_num((draws - mass) * (centre - without) / mass, nan=0.0, posinf=0.0, neginf=0.0)
    square = float((mass * influence**2).sum())
    acceleration = float((mass * influence**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
    # Variance by examples and by trainings; the bootstrap sees (n - 1) / n of each.
    by_example, by_training, freedom = square / draws / (draws - 1), 0.0, draws - 1
    if seeds > 1:
        each = function(*sums.values(left[None], (mass[:, None] * sums.candidates).sum(1)))
        by_training = float(np.var(each, ddof=1)) / seeds
        if by_example + by_training > 0:
            freedom = (by_example + by_training) ** 2 / (by_example**2 / (draws - 1) + by_training**2 / (seeds - 1))
    seen = by_example * (draws - 1) / draws + by_training * (seeds - 1) / seeds
    widening = np.sqrt((by_example + by_training) / seen) if seen > 0 else 1.0

    values = np.sort(function(reference, candidate))
    if seeds == 1 and (spread := float(np.var(values))) > 0:
        # Where few examples weigh much, leaving them out tells more of the variance than drawing them again.
        widening = max(widening, np.sqrt(by_example / spread))
    tie = 1e-12 * max(1.0, abs(centre))
    below = np.searchsorted(values, centre - tie), np.searchsorted(values, centre + tie, side="right")
    bias = ndtri(np.clip(sum(below) / 2 / len(values), 1 / len(values), 1 - 1 / len(values)))
    quantiles = {}
    for probability in PROBABILITIES:
        normal = ndtri(probability)
        shifted = bias + normal
        corrected = ndtr(bias + shifted / (1 - acceleration * shifted)) if acceleration * shifted < 1 else float(shifted > 0)
        student = stdtrit(freedom, probability)
        bound = centre + (float(np.quantile(values, corrected)) - centre) * (student / normal if normal else 1.0) * widening
        if seeds > 1 and normal:
            # Two or three trainings can be drawn in a few ways only: their quantiles are no wider than Student's interval by luck.
            straight = centre + student * np.sqrt(by_example + by_training)
            bound = max(bound, straight) if normal > 0 else min(bound, straight)
        quantiles[f"{probability:g}"] = float(bound)
    return dict(zip(quantiles, np.maximum.accumulate(list(quantiles.values())).tolist(), strict=True))
