"""BLEU and chrF as functions of sums over examples: sacrebleu's formulas for many resamples in one step.

sacrebleu computes one score from one list of counts; a bootstrap of each suite and category needs thousands.
Both take (..., k) and give (...), 0..100, and are the same functions as sacrebleu's defaults (tested).
"""

from __future__ import annotations

import numpy as np

BLEU_ORDER, CHRF_BETA = 4, 2


def bleu_score(sums: np.ndarray) -> np.ndarray:
    """BLEU with exponential smoothing (Chen & Cherry 2014, method 3). sums: answer length, reference length, 4 hits, 4 totals."""
    sums = np.asarray(sums, dtype=np.float64)
    answer, reference = sums[..., 0], sums[..., 1]
    hits, totals = sums[..., 2 : 2 + BLEU_ORDER], sums[..., 2 + BLEU_ORDER :]
    none = hits == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Each order without a hit counts as half of the one before it, a half for the first.
        precisions = np.where(none, 0.5 ** np.cumsum(none, axis=-1), hits) / totals
        brevity = np.where(answer < reference, np.exp(1 - reference / answer), 1.0)
        scores = 100 * brevity * np.exp(np.log(precisions).mean(axis=-1))
    return np.where(none.all(axis=-1) | (totals == 0).any(axis=-1), 0.0, scores)


def chrf_score(sums: np.ndarray) -> np.ndarray:
    """chrF of character n-grams up to 6. sums: for each n the answer's n-grams, the reference's, and those in common."""
    sums = np.asarray(sums, dtype=np.float64)
    answer, reference, hits = (sums[..., start::3] for start in range(3))
    used = (answer > 0) & (reference > 0)  # an order that one side is too short for says nothing
    orders = np.maximum(used.sum(axis=-1), 1)
    precision = np.where(used, hits / np.maximum(answer, 1), 0).sum(axis=-1) / orders
    recall = np.where(used, hits / np.maximum(reference, 1), 0).sum(axis=-1) / orders
    weight = CHRF_BETA**2
    bottom = weight * precision + recall
    return np.where(bottom > 0, 100 * (1 + weight) * precision * recall / np.where(bottom > 0, bottom, 1), 0.0)
