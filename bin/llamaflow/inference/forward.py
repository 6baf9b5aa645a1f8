"""One packed row through a model, with logits only where they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from ..training.attention import fastest_way
from .attention import Plan, Separate, planned_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits of one piece hold at most this many fp32 numbers (64 MB), whatever the vocabulary.
LOGITS = 1 << 24
# What the numbers of two ways may differ by, as a share of the largest logit.
_ALIKE = {torch.float32: 1e-4, torch.float64: 1e-8}


def causal_model(model: PreTrainedModel) -> Any:
    """The model that LoRA layers sit inside, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def pieces(causal: Any, ids: torch.Tensor, positions: torch.Tensor, keep: torch.Tensor, plan: Plan | None) -> Iterator[torch.Tensor]:
    """fp32 logits [some of keep, vocabulary] of a row, piece by piece in the order of keep.

    ids, positions [tokens]; keep: places in the row. plan None: the model's own attention, causal over the whole row.
    """
    inputs = {"input_ids": ids[None], "position_ids": positions[None], "use_cache": False} | ({"plan": plan} if plan else {})
    rows = max(1, LOGITS // causal.config.get_text_config().vocab_size)
    if _changes_logits(causal.config):
        for piece in causal(**inputs, logits_to_keep=keep).logits[0].split(rows):
            yield piece.float()
        return
    hidden, head = causal.get_decoder()(**inputs).last_hidden_state[0], causal.get_output_embeddings()
    for piece in hidden[keep.to(hidden.device)].split(rows):
        yield head(piece).float()


def _changes_logits(config: Any) -> bool:
    """Whether the architecture scales or caps what its output layer gives (Cohere, Gemma 2, Granite): then its own forward must run."""
    names = ("logit_scale", "logits_scaling", "final_logit_softcapping", "output_multiplier_scale", "lm_head_multiplier")
    return any(getattr(config, name, None) not in (None, 1, 1.0) for name in names)


def can_pack(model: PreTrainedModel, longest: int) -> bool:
    """Whether packed rows give this model's own numbers, for sequences of up to so many tokens.

    Not where attention has a window shorter than that, or positions depend on the longest text. What else an architecture may do
    (states that run through the row, soft caps, sinks) shows in the logits of two random sequences, compared once for each model.
    """
    causal = causal_model(model)
    config = causal.config.get_text_config()
    windows = [getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None]
    windows.append(getattr(config, "attention_chunk_size", None))
    # These rotary angles depend on the longest text of a forward: beside a long one a short text would get others.
    rotary = str(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None))
    if any(window and longest > window for window in windows) or "longrope" in rotary or "dynamic" in rotary:
        return False
    if not hasattr(causal, "_llamaflow_packs"):
        causal._llamaflow_packs = _packs(causal)
    return causal._llamaflow_packs


def _packs(causal: Any) -> bool:
    device, size = next(causal.parameters()).device, causal.config.get_text_config().vocab_size
    draw = torch.Generator().manual_seed(0)
    texts = [torch.randint(size, (length,), generator=draw).to(device) for length in (11, 6)]
    places = [torch.arange(len(text), device=device) for text in texts]
    with torch.inference_mode():
        plain = torch.cat([piece for text, at in zip(texts, places, strict=True) for piece in pieces(causal, text, at, at, None)])
        try:
            with planned_attention(causal):
                plan = Separate([len(text) for text in texts], fastest_way(causal))
                every = torch.arange(len(plain), device=device)
                packed = torch.cat(list(pieces(causal, torch.cat(texts), torch.cat(places), every, plan)))
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError):
            return False
    bound = _ALIKE.get(next(causal.parameters()).dtype, 0.05) * plain.abs().max()
    return bool((plain - packed).abs().max() <= bound)
