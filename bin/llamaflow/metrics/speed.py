"""How fast a model answers. These numbers belong to the machine they were measured on."""

from __future__ import annotations

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric
from .bootstrap import mean_interval


class Speed(LocalMetric):
    """Times of batched greedy generation with a KV cache, from the seconds of each token.

    seconds: how long an answer's token took, from the batch's start for a first token and from the token before it
    for another; first: whether it is a first token. A batch gives its tokens together, so all its answers wait the same.
    """

    description = "time to first token, latency per token and generation throughput"
    inputs = {"seconds": "float64", "first": "bool"}

    def _compute(
        self, seconds: list[float], first: list[bool], total_seconds: float, settings: dict | None = None
    ) -> dict[str, MetricValue]:
        times, firsts, used = np.asarray(seconds) * 1000, np.asarray(first, dtype=bool), settings or {}
        opening, later = times[firsts], times[~firsts]
        low, high = mean_interval(opening, self.seed)
        values = {
            "time_to_first_token_ms": MetricValue(
                value=float(np.mean(opening)), low=low, high=high, higher_is_better=False, unit="ms", settings={"aggregate": "mean", **used}
            ),
            "generation_tokens_per_second": MetricValue(
                value=len(times) / total_seconds, higher_is_better=True, unit="tokens/s", settings={"prompt reading": "included", **used}
            ),
        }
        for quantile in (50, 95) if len(later) else ():
            value = float(np.percentile(later, quantile))
            values[f"latency_p{quantile}_ms"] = MetricValue(value=value, higher_is_better=False, unit="ms/token", settings=used)
        return values
