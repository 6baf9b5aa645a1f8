"""One exact test of many features: the sides of the records are drawn anew, once for all features at the same time.

Without drift the sides are exchangeable, so the true assignment is one draw among equals, and the chance that it stands out as
much as a share alpha of them is at most alpha, whatever the features are and however they depend on each other. The features are
put on one scale by their p-values, and the smallest one decides (min-P of Westfall and Young 1993, step-down for single
features). p-values of permutations end at 1 / draws, where many features would tie; tails are therefore continued as
exponentials (after Knijnenburg et al. 2009, doi:10.1093/bioinformatics/btp211). Every draw is treated like the true one, so
that this touches the power and never the level.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

TAIL = 0.1
TOLERANCE = 1e-6  # between equal values that were summed in another order


class Decision(NamedTuple):
    """p: of all features together; alone, adjusted: (features,) p-values by themselves and corrected for all of them.

    detectable: (features,) the smallest statistic that would have been significant at alpha; nan where it is not known.
    """

    p: float
    alone: np.ndarray
    adjusted: np.ndarray
    detectable: np.ndarray


def draw_labels(production: np.ndarray, groups: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(records, 1 + draws) int8: 1 where a record counts as production; column 0 is the truth.

    production: (records,) bool; groups: (records,) numbers from 0. Records of one group, which are all of one side, stay together.
    """
    sides = np.zeros(groups.max() + 1, np.int8)
    sides[groups] = production
    random = np.random.default_rng(seed)
    labels = np.empty((len(groups), 1 + draws), np.int8)
    labels[:, 0] = production
    for draw in range(1, draws + 1):
        labels[:, draw] = random.permutation(sides)[groups]
    return labels


def surprise(statistics: np.ndarray) -> np.ndarray:
    """-log p of each value among all of its row, (features, draws); larger statistics are the more surprising ones.

    Up to the tail p is the share of values at least as large; beyond, an exponential with the tail's mean excess.
    """
    features, draws = statistics.shape
    result = np.zeros_like(statistics, np.float64)
    for row, out in zip(statistics, result, strict=True):
        ordered = np.sort(row)
        at_least = draws - np.searchsorted(ordered, row - TOLERANCE, "left")
        out[:] = -np.log(at_least / draws)
        start = ordered[int(draws * (1 - TAIL))]
        excess = ordered[ordered > start + TOLERANCE] - start
        if len(excess) >= TAIL * draws / 2:  # else too few different values for a tail
            beyond = row > start + TOLERANCE
            out[beyond] = -np.log(len(excess) / draws) + (row[beyond] - start) / excess.mean()
    return result


def decide(statistics: np.ndarray, alpha: float) -> Decision:
    """The test. statistics: (features, 1 + draws), column 0 of the true sides, larger means farther apart."""
    features, draws = statistics.shape
    scores = surprise(statistics)
    order = np.argsort(-scores[:, 0], kind="stable")
    adjusted, largest = np.ones(features), 0.0
    # Step down: the k-th feature competes with those that are no more surprising than itself.
    rest = np.maximum.accumulate(scores[order[::-1]], axis=0)[::-1]
    for place, feature in enumerate(order):
        at_least = np.count_nonzero(rest[place] >= rest[place, 0] - TOLERANCE)
        largest = max(largest, at_least / draws)
        adjusted[feature] = largest
    alone = (statistics >= statistics[:, :1] - TOLERANCE).mean(axis=1)
    return Decision(float(adjusted[order[0]]), alone, adjusted, _detectable(statistics, scores, alpha))


def _detectable(statistics: np.ndarray, scores: np.ndarray, alpha: float) -> np.ndarray:
    """The statistic at which each feature reaches the score that all features together exceed in a share alpha of the draws."""
    drawn = scores[:, 1:]
    needed = np.quantile(drawn.max(axis=0), 1 - alpha, method="higher")
    result = np.full(len(statistics), np.nan)
    for number, (row, score) in enumerate(zip(statistics[:, 1:], drawn, strict=True)):
        enough = score >= needed
        if enough.any():
            result[number] = row[enough].min()
        elif row.std() > 0:
            # Beyond every draw: a straight line through the tail, in which the score is linear.
            low, high = np.quantile(row, [1 - TAIL, 1.0], method="higher")
            at_low, at_high = score[row >= low].min(), score.max()
            result[number] = high + (needed - at_high) * (high - low) / (at_high - at_low) if at_high > at_low else np.nan
    return result
