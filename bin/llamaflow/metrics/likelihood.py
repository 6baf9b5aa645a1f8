"""How well a model expects the reference answers: perplexity and bits per byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chat import IGNORED, Encoded
from ..summaries import MetricValue
from .base import LocalMetric, library
from .bootstrap import interval, ratio_interval

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

# Logits of one piece hold at most this many fp32 numbers (256 MB), whatever the vocabulary.
_LOGITS = 1 << 26


class Likelihood(LocalMetric):
    """perplexity: exp of the mean nats per supervised token over the whole test set (not a mean of perplexities).

    bits_per_byte: nats / ln 2 / UTF-8 bytes of the supervised text; comparable between tokenizers. Inputs are one
    number per conversation: its nats, supervised tokens and bytes. The tokens that end a turn count as tokens and
    have no bytes.
    """

    description = "perplexity and bits per byte from per-conversation log-likelihoods"
    inputs = {"nats": "float64", "tokens": "int64", "text_bytes": "int64"}

    def _compute(self, nats: list[float], tokens: list[int], text_bytes: list[int], settings: dict | None = None) -> dict[str, MetricValue]:
        loss, count, size = (np.asarray(column, dtype=np.float64) for column in (nats, tokens, text_bytes))
        used = {"library": library("torch").split("+")[0], "log-softmax": "fp32", "scored tokens": int(count.sum()), **(settings or {})}
        with np.errstate(over="ignore"):  # a broken model's infinity is a result that the gate rejects
            low, high = interval(np.stack([loss, count], 1), lambda totals: np.exp(totals[:, 0] / totals[:, 1]), self.seed)
            value = float(np.exp(loss.sum() / count.sum()))
        values = {"perplexity": MetricValue(value=value, low=low, high=high, higher_is_better=False, unit="per token", settings=used)}
        if size.sum():
            low, high = (bound / np.log(2) for bound in ratio_interval(loss, size, self.seed))
            value = float(loss.sum() / np.log(2) / size.sum())
            values["bits_per_byte"] = MetricValue(value=value, low=low, high=high, higher_is_better=False, unit="bits/byte", settings=used)
        return values


def conversation_nats(
    model: PreTrainedModel, encoded: Sequence[Encoded], pad_id: int, batch_size: int, done: Callable[[int, dict], None] | None = None
) -> list[float]:
    """Negative log-likelihood of each conversation's supervised tokens, in nats, in the order given.

    Batches go from long to short, so that padding is little and a lack of memory shows at once. Logits are made for
    labelled positions only and their log-softmax is taken in fp32. done(conversations, {"perplexity": so far}).
    """
    import torch

    order = sorted(range(len(encoded)), key=lambda index: (-len(encoded[index].input_ids), index))
    nats, total, tokens = [0.0] * len(encoded), 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            for index, value in zip(batch, _batch_nats(model, [encoded[index] for index in batch], pad_id), strict=True):
                nats[index] = value
                total, tokens = total + value, tokens + encoded[index].supervised
            if done:
                done(len(batch), {"perplexity": float(np.exp(min(total / max(tokens, 1), 700.0)))})
    return nats


def _batch_nats(model: PreTrainedModel, batch: list[Encoded], pad_id: int) -> list[float]:
    import torch

    device = next(model.parameters()).device
    width = max(len(one.input_ids) for one in batch)
    ids = torch.full((len(batch), width), pad_id)
    labels = torch.full_like(ids, IGNORED)
    for row, one in enumerate(batch):
        length = len(one.input_ids)
        ids[row, :length], labels[row, :length] = torch.tensor(one.input_ids), torch.tensor(one.labels)
    ids, targets = ids.to(device), labels[:, 1:].to(device)
    chosen = targets != IGNORED  # position t predicts token t + 1
    rows = chosen.nonzero()[:, 0]
    losses = _losses(model, ids, chosen, targets[chosen])
    return torch.zeros(len(batch), dtype=torch.float64).index_add_(0, rows.cpu(), losses.double().cpu()).tolist()


def _losses(model: PreTrainedModel, ids: torch.Tensor, chosen: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Nats of each chosen position, (chosen,), fp32.

    Padding stands on the right, where no token of a causal model looks: without a mask the fast attention is used.
    """
    import torch
    from torch.nn.functional import cross_entropy

    causal: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # LoRA layers sit inside the base model
    if _changes_logits(causal.config):
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1][chosen]
        return cross_entropy(logits.float(), targets, reduction="none")
    hidden = causal.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state[:, :-1][chosen]
    head = causal.get_output_embeddings()
    piece = max(1, _LOGITS // causal.config.get_text_config().vocab_size)
    parts = [
        cross_entropy(head(hidden[start : start + piece]).float(), targets[start : start + piece], reduction="none")
        for start in range(0, len(targets), piece)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, device=ids.device)


def _changes_logits(config: Any) -> bool:
    """Whether the architecture scales or caps what its output layer gives (Cohere, Gemma 2, Granite): then its own forward must run."""
    names = ("logit_scale", "logits_scaling", "final_logit_softcapping", "output_multiplier_scale", "lm_head_multiplier")
    return any(getattr(config, name, None) not in (None, 1, 1.0) for name in names)
