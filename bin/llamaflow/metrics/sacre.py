"""BLEU (Papineni et al. 2002) and chrF (Popović 2015) by sacrebleu, whose signature says all that is needed to repeat them."""

from __future__ import annotations

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric, library
from .bootstrap import interval


class Sacre(LocalMetric):
    """Corpus scores, 0..100.

    The intervals resample sacrebleu's own per-example statistics; its ``n_bootstrap`` is not used because in 2.6 it
    fails (TypeError) as soon as one resample scores 0.
    """

    description = "corpus BLEU and chrF"

    def _compute(self, predictions: list[str], references: list[str], settings: dict | None = None) -> dict[str, MetricValue]:
        from sacrebleu.metrics import BLEU, CHRF

        values = {}
        for name, metric in {"bleu": BLEU(), "chrf": CHRF()}.items():
            score = metric.corpus_score(predictions, [references]).score
            counts = np.array(metric._extract_corpus_statistics(predictions, [references]))

            def scores(sums: np.ndarray, metric: BLEU | CHRF = metric) -> np.ndarray:
                return np.array([metric._compute_score_from_stats(row.tolist()).score for row in sums])

            low, high = interval(counts, scores, self.seed)
            used = {"library": library("sacrebleu"), "signature": str(metric.get_signature()), **(settings or {})}
            values[name] = MetricValue(value=score, low=low, high=high, higher_is_better=True, unit="0..100", settings=used)
        return values
