"""Percentiles of lengths."""

from __future__ import annotations

import numpy as np

from .summaries import Lengths


def describe(values: np.ndarray) -> Lengths:
    """Nearest-rank percentiles of lengths, shape (n,); all 0 for none."""
    if not len(values):
        return Lengths(records=0, mean=0, p5=0, p50=0, p95=0, p99=0, longest=0)
    p5, p50, p95, p99 = np.percentile(values, [5, 50, 95, 99], method="inverted_cdf").tolist()
    return Lengths(records=len(values), mean=round(float(values.mean()), 1), p5=p5, p50=p50, p95=p95, p99=p99, longest=int(values.max()))
