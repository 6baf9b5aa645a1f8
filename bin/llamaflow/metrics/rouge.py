"""ROUGE-1, -2, -L and -Lsum (Lin 2004, https://aclanthology.org/W04-1013) by rouge-score, with words of any script."""

from __future__ import annotations

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric, library, mean_value
from .words import NAME, WordTokenizer

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class Rouge(LocalMetric):
    """Mean F-measure over examples, 0..1. rougeLsum takes each line as a sentence."""

    description = "ROUGE F-measures with a Unicode-aware tokenizer"

    def _compute(self, predictions: list[str], references: list[str], settings: dict | None = None) -> dict[str, MetricValue]:
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(KINDS, tokenizer=WordTokenizer())
        scored = [scorer.score(reference, prediction) for prediction, reference in zip(predictions, references, strict=True)]
        used = {"library": library("rouge-score"), "tokenizer": NAME, "stemmer": False, "aggregate": "mean F-measure", **(settings or {})}
        return {kind: mean_value(np.array([one[kind].fmeasure for one in scored]), self.seed, used) for kind in KINDS}
