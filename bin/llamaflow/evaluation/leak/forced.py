"""What a model would say at every place of a text that is shown to it: one forward pass instead of a generation for each prefix.

Greedy decoding from a prefix gives the next m tokens of the text exactly when each of them is the most likely one after the true
tokens before it. So one pass answers, for every prefix length at once, what Carlini et al. 2022 (Quantifying Memorization) ask
by generating from prefixes of chosen lengths.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Opens the model as it was before training.
Before = Callable[[], contextlib.AbstractContextManager[Any]]
# Logits of one piece hold at most this many numbers, whatever the vocabulary.
_LOGITS = 1 << 25


class Shown(NamedTuple):
    """A text as tokens; asked: places (from 1) whose token is compared with what the model would say."""

    ids: list[int]
    asked: list[int]


def said(
    model: PreTrainedModel, texts: Sequence[Shown], pad_id: int, batch_size: int, done: Callable[[int, dict], None] | None = None
) -> list[np.ndarray]:
    """For each text, (len(asked),) bool: whether greedy decoding after the tokens before gives this very token.

    Batches go from long to short; padding stands on the right, where no token of a causal model looks. done(texts, {}).
    """
    import torch

    results = [np.zeros(0, bool)] * len(texts)
    order = sorted(range(len(texts)), key=lambda index: (-len(texts[index].ids), index))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            for index, hits in zip(batch, _batch(model, [texts[index] for index in batch], pad_id), strict=True):
                results[index] = hits
            if done:
                done(len(batch), {})
    return results


def _batch(model: PreTrainedModel, texts: list[Shown], pad_id: int) -> list[np.ndarray]:
    import torch

    device = next(model.parameters()).device
    ids = torch.full((len(texts), max(len(text.ids) for text in texts)), pad_id)
    for row, text in enumerate(texts):
        ids[row, : len(text.ids)] = torch.tensor(text.ids)
    rows = torch.tensor([row for row, text in enumerate(texts) for _ in text.asked], dtype=torch.long)
    places = torch.tensor([place for text in texts for place in text.asked], dtype=torch.long)
    causal: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # LoRA layers sit inside the base model
    hidden = causal.get_decoder()(input_ids=ids.to(device), use_cache=False).last_hidden_state
    chosen = hidden[rows.to(hidden.device), (places - 1).to(hidden.device)]
    head = causal.get_output_embeddings()
    piece = max(1, _LOGITS // causal.config.get_text_config().vocab_size)
    # Architectures that scale or cap their logits keep their order, so the most likely token is the same without it.
    best = [head(chosen[start : start + piece]).argmax(-1).cpu() for start in range(0, len(chosen), piece)]
    hits = (torch.cat(best) if best else torch.zeros(0, dtype=torch.long)) == ids[rows, places]
    return [part.numpy() for part in hits.split([len(text.asked) for text in texts])]


def before_training(model: Any) -> Before | None:
    """The model without its adapter, where that can be switched off; else None."""
    return (lambda: _without_adapter(model)) if hasattr(model, "disable_adapter") else None


@contextlib.contextmanager
def _without_adapter(model: Any) -> Iterator[Any]:
    with model.disable_adapter():
        yield model
