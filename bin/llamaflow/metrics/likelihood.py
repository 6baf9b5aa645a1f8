"""How well a model expects the reference answers: perplexity and bits per byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..chat import Encoded
from ..summaries import MetricValue
from .base import LocalMetric, library
from .bootstrap import described, interval, ratio_interval

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
        used = {
            "library": library("torch").split("+")[0], "log-softmax": "fp32", "scored tokens": int(count.sum()), **(settings or {}),
            "interval": described(self.seed),
        }  # fmt: skip
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

    Conversations lie packed in rows of about batch_size * 128 tokens and do not see each other: in fp32 a score is that of the
    conversation alone to 1e-5, whatever the batch size. The longest come first, so that a lack of memory shows at once. Logits are
    made for labelled positions only, some at a time, and their log-softmax is taken in fp32. pad_id is not used: nothing is padded.
    done(conversations, {"perplexity": so far}).
    """
    from ..inference import scoring

    return scoring.conversation_nats(model, encoded, batch_size, done)


def continuation_nats(
    model: PreTrainedModel, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], pad_id: int, batch_size: int = 16,
    done: Callable[[int, dict], None] | None = None,
) -> list[float]:  # fmt: skip
    """Negative log-likelihood in nats of each continuation given its prompt, summed over its tokens, in the order given.

    pairs: (prompt token ids, continuation token ids). A prompt that several pairs share is computed once, and its continuations
    lie behind it in the same row without seeing each other (a tree mask, as in Miao et al. 2024, https://arxiv.org/abs/2305.09781);
    rows hold about batch_size * 128 tokens. An empty continuation costs 0 nats. pad_id is not used: nothing is padded.
    done(pairs, {}). Raises ValueError for an empty prompt.
    """
    from ..inference import scoring

    return scoring.continuation_nats(model, pairs, batch_size, done)
