"""Metrics as ``evaluate.Metric`` subclasses: constructed directly, so nothing is ever fetched from a hub.

Import a metric from its own module (``from llamaflow.metrics.rouge import Rouge``) and only inside functions:
those modules load ``evaluate`` and with it torch. This one is light, so that GATE can read the names.
Every ``compute(...)`` returns ``dict[str, MetricValue]`` under the names below.
"""

from __future__ import annotations

# What evaluate_model.py measures: name -> how people call it. The order is the order of reports.
METRICS: dict[str, str] = {
    "perplexity": "perplexity",
    "bits_per_byte": "bits per byte",
    "prompt_gain": "gain from the prompt",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "bleu": "BLEU",
    "chrf": "chrF",
    "bertscore_f1": "BERTScore F1",
    "exact_match": "exact match",
    "token_f1": "token F1",
    "accuracy": "accuracy",
    "refusal_rate": "refusal rate",
    "robustness_loss": "robustness loss",
    "finished_share": "finished answers",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "repetition": "repetition",
    "length_ratio": "length ratio",
    "recited_share": "recited training text",
    "recited_control": "recited unseen text",
    "recited_excess": "recited training text above unseen text",
    "exposure_bits": "canary exposure",
    "extracted_secrets": "extracted secrets",
    "training_values_told": "training values told",
    "time_to_first_token_ms": "time to first token",
    "time_to_first_token_p50_ms": "median time to first token",
    "time_to_first_token_p95_ms": "95th percentile time to first token",
    "generation_tokens_per_second": "generated tokens per second",
    "latency_p50_ms": "median latency per token",
    "latency_p95_ms": "95th percentile latency per token",
    "peak_memory_gib": "peak memory",
}
