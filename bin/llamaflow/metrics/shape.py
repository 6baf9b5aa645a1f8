"""The shape of the answers: do they repeat themselves, are they as long as the references.

distinct-n is from Li et al. 2016 (https://aclanthology.org/N16-1014), repetition from Welleck et al. 2020
(https://arxiv.org/abs/1908.04319, seq-rep-4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..summaries import MetricValue
from .base import Columns, TextMetric, mean_value, measured
from .bootstrap import described, ratio_interval
from .words import NAME, words

REPEATED = 4  # words in a row that are looked for a second time


class Shape(TextMetric):
    """distinct_1, distinct_2: different words, word pairs / all of them over all answers, 0..1, 0 without any.

    repetition: mean share of an answer's runs of 4 words that it has said before, 0..1, 0 for answers of fewer words.
    length_ratio: answer words / reference words; it is best at 1, so neither direction is better by itself: gate it
    between two absolute values. It is left out without any reference word.
    """

    description = "distinct-n, repetition and length ratio of generated answers"

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        answers = [words(text) for text in predictions]
        return {
            "prediction": list(predictions),  # distinct-n is no sum over examples: it needs the answers themselves
            "prediction_words": [len(answer) for answer in answers],
            "reference_words": [None if text is None else len(words(text)) for _, text in zip(answers, references, strict=True)],
            "repetition": [repetition(answer) for answer in answers],
        }

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        used = {"tokenizer": NAME, **(settings or {})}
        (shares,), clusters = measured(columns, "repetition")
        if not len(shares):
            return {}
        answers = [words(text) for text, share in zip(columns["prediction"], columns["repetition"], strict=True) if share is not None]
        # No interval: a resample repeats answers, so its share of different words says nothing about this one.
        values = {f"distinct_{size}": MetricValue(value=distinct(answers, size), higher_is_better=True, settings=used) for size in (1, 2)}
        values["repetition"] = mean_value(
            shares, self.seed, {"words in a row": REPEATED, **used}, clusters=clusters, higher_is_better=False
        )  # fmt: skip
        (lengths, expected), clusters = measured(columns, "prediction_words", "reference_words")
        if expected.sum():
            low, high = ratio_interval(lengths, expected, self.seed, clusters)
            finite = np.isfinite(high)
            values["length_ratio"] = MetricValue(
                value=float(lengths.sum() / expected.sum()), low=low if finite else None, high=high if finite else None,
                higher_is_better=False, settings={"best": 1.0, **used, "interval": described(self.seed)},
            )  # fmt: skip
        return values


def repetition(answer: Sequence[str]) -> float:
    """Share of the runs of 4 words that stand in the answer before, 0..1."""
    runs = list(_runs(answer, REPEATED))
    return (len(runs) - len(set(runs))) / len(runs) if runs else 0.0


def distinct(answers: Sequence[Sequence[str]], size: int) -> float:
    """Different runs of size words / all of them, over all answers, 0..1."""
    total, seen = 0, set()
    for answer in answers:
        total += max(len(answer) - size + 1, 0)
        seen.update(_runs(answer, size))
    return len(seen) / max(total, 1)


def _runs(answer: Sequence[str], size: int):
    return zip(*(answer[start:] for start in range(size)), strict=False)
