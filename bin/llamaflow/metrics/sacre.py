"""BLEU (Papineni et al. 2002) and chrF (Popović 2015) by sacrebleu, whose signature says all that is needed to repeat them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..summaries import MetricValue
from .base import Columns, TextMetric, library
from .bootstrap import described, interval
from .corpus import bleu_score, chrf_score

SCORES = {"bleu": bleu_score, "chrf": chrf_score}


class Sacre(TextMetric):
    """Corpus scores, 0..100, from sacrebleu's own per-example statistics (columns bleu_counts, chrf_counts).

    The intervals resample those; sacrebleu's ``n_bootstrap`` is not used because in 2.6 it fails (TypeError) as soon as
    one resample scores 0.
    """

    description = "corpus BLEU and chrF"

    def __init__(self, seed: int = 17):
        super().__init__(seed=seed)
        from sacrebleu.metrics import BLEU, CHRF

        self.metrics = {"bleu": BLEU(), "chrf": CHRF()}
        for metric in self.metrics.values():
            metric.num_refs = 1  # sacrebleu learns it from the references, and the signature tells it

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        rows = [row for row, reference in enumerate(references) if reference is not None]
        columns: Columns = {}
        for name, metric in self.metrics.items():
            column = columns[f"{name}_counts"] = [None] * len(predictions)
            if rows:
                counts = metric._extract_corpus_statistics([predictions[row] for row in rows], [[references[row] for row in rows]])
                for row, one in zip(rows, counts, strict=True):
                    column[row] = [float(count) for count in one]
        return columns

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        values = {}
        for name, metric in self.metrics.items():
            rows = [row for row, one in enumerate(columns.get(f"{name}_counts", ())) if one is not None]
            if not rows:
                continue
            counts = np.array([columns[f"{name}_counts"][row] for row in rows], dtype=np.float64)
            clusters = [columns["cluster"][row] for row in rows] if "cluster" in columns else None
            low, high = interval(counts, SCORES[name], self.seed, clusters=clusters)
            used = {
                "library": library("sacrebleu"), "signature": str(metric.get_signature()), **(settings or {}),
                "interval": described(self.seed),
            }  # fmt: skip
            score = float(SCORES[name](counts.sum(axis=0, keepdims=True))[0])
            values[name] = MetricValue(value=score, low=low, high=high, higher_is_better=True, unit="0..100", settings=used)
        return values
