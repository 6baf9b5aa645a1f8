"""The shape of the answers: do they repeat themselves (distinct-2, Li et al. 2016, N16-1014), are they as long as the references."""

from __future__ import annotations

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric
from .bootstrap import ratio_interval
from .words import NAME, words


class Shape(LocalMetric):
    """distinct_2: different word pairs / word pairs over all answers, 0..1; length_ratio: answer words / reference words.

    Without any pair distinct_2 is 0; without any reference word length_ratio is left out. length_ratio is best at 1,
    so neither direction is better by itself: gate it between two absolute values.
    """

    description = "distinct-2 and length ratio of generated answers"

    def _compute(self, predictions: list[str], references: list[str], settings: dict | None = None) -> dict[str, MetricValue]:
        answers, golds = [words(text) for text in predictions], [words(text) for text in references]
        pairs = [pair for answer in answers for pair in zip(answer, answer[1:], strict=False)]
        used = {"tokenizer": NAME, **(settings or {})}
        # No interval: a resample repeats answers, so its share of different pairs says nothing about this one.
        values = {"distinct_2": MetricValue(value=len(set(pairs)) / max(len(pairs), 1), higher_is_better=True, settings=used)}
        lengths, expected = np.array([len(answer) for answer in answers]), np.array([len(gold) for gold in golds])
        if expected.sum():
            low, high = ratio_interval(lengths, expected, self.seed)
            finite = np.isfinite(high)
            values["length_ratio"] = MetricValue(
                value=float(lengths.sum() / expected.sum()), low=low if finite else None, high=high if finite else None,
                higher_is_better=False, settings={"best": 1.0, **used},
            )  # fmt: skip
        return values
