"""How fast a model answers. These numbers belong to the machine they were measured on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..summaries import MetricValue
from .base import LocalMetric
from .bootstrap import described, mean_interval


class Speed(LocalMetric):
    """Times of batched greedy generation with a KV cache, from the seconds of each token.

    seconds: how long an answer's token took, from the batch's start for a first token and from the token before it
    for another; first: whether it is a first token. A batch gives its tokens together, so all its answers wait the same.
    Quantiles interpolate linearly; they and the throughput have no interval, because a token's time depends on its neighbours'.
    """

    description = "time to first token, latency per token and generation throughput"
    inputs = {"seconds": "float64", "first": "bool"}

    def _compute(
        self, seconds: list[float], first: list[bool], total_seconds: float, settings: dict | None = None
    ) -> dict[str, MetricValue]:
        times, firsts, used = np.asarray(seconds, dtype=np.float64) * 1000, np.asarray(first, dtype=bool), settings or {}
        opening, later, values = times[firsts], times[~firsts], {}
        if len(opening):
            low, high = mean_interval(opening, self.seed)
            mean = {"aggregate": "mean", **used, "interval": described(self.seed)}
            values["time_to_first_token_ms"] = _cost(np.mean(opening), "ms", mean, low=low, high=high)
        if total_seconds > 0:
            reading = {"prompt reading": "included", **used}
            rate = MetricValue(value=len(times) / total_seconds, higher_is_better=True, unit="tokens/s", settings=reading)
            values["generation_tokens_per_second"] = rate
        for name, unit, some in (("time_to_first_token", "ms", opening), ("latency", "ms/token", later)):
            for quantile in (50, 95) if len(some) else ():
                own = {"aggregate": f"{quantile}th percentile", **used}
                values[f"{name}_p{quantile}_ms"] = _cost(np.percentile(some, quantile), unit, own)
        return values


def _cost(value: float, unit: str, settings: dict[str, Any], **bounds: float) -> MetricValue:
    return MetricValue(value=float(value), higher_is_better=False, unit=unit, settings=settings, **bounds)
