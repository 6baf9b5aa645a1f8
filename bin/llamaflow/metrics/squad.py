"""Exact match and token F1 as in SQuAD (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250), for Portuguese and English."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric, mean_value
from .words import NAME, words

ARTICLES = frozenset({"a", "an", "the", "o", "os", "as", "um", "uma", "uns", "umas"})


def answer_words(text: str) -> list[str]:
    """Words without articles: SQuAD's normalization, with Portuguese articles beside the English ones."""
    return [word for word in words(text) if word not in ARTICLES]


def token_f1(prediction: str, reference: str) -> float:
    """Harmonic mean of precision and recall over the bags of words, 0..1; without words on a side: 1 if both have none."""
    guess, gold = answer_words(prediction), answer_words(reference)
    if not guess or not gold:
        return float(guess == gold)
    common = sum((Counter(guess) & Counter(gold)).values())
    return 2 * common / (len(guess) + len(gold))


class Squad(LocalMetric):
    """Share of answers whose words are exactly the reference's, and mean token F1; both 0..1."""

    description = "exact match and token F1 over words, case, punctuation and articles ignored"

    def _compute(self, predictions: list[str], references: list[str], settings: dict | None = None) -> dict[str, MetricValue]:
        pairs = list(zip(predictions, references, strict=True))
        exact = np.array([float(answer_words(prediction) == answer_words(reference)) for prediction, reference in pairs])
        overlap = np.array([token_f1(*pair) for pair in pairs])
        used = {"tokenizer": NAME, "ignored words": " ".join(sorted(ARTICLES)), **(settings or {})}
        return {"exact_match": mean_value(exact, self.seed, used), "token_f1": mean_value(overlap, self.seed, used)}
