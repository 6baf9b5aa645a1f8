"""Batched greedy generation: left padding, KV cache, and the time of every token."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .chat import IGNORED, encode
from .records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class Generated:
    """Answers in the order of the prompts, without their stop token, and the seconds that tokens took.

    token_seconds and token_first have one entry per generated token (stop tokens included), see ``metrics.speed``.
    """

    answers: list[list[int]]
    finished: list[bool]
    token_seconds: list[float] = field(default_factory=list)
    token_first: list[bool] = field(default_factory=list)
    seconds: float = 0.0


def generate_greedy(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: set[int],
    pad_id: int,
    max_new_tokens: int,
    batch_size: int,
    done: Callable[[int, dict], None] | None = None,
) -> Generated:
    """Continue each prompt with its most likely tokens until a stop token or max_new_tokens.

    Prompts of like length go together; an answer that has ended leaves its batch, so the rest gets faster. Rows do not
    see each other: in fp32 the batch size does not change an answer (in bf16 rounding may decide near ties otherwise).
    done(answers, {"tokens_per_second": so far}). Raises ValueError for an empty prompt or a limit below 1.
    """
    import torch

    if max_new_tokens < 1 or batch_size < 1 or not all(prompts):
        raise ValueError("every prompt needs a token, and max_new_tokens and batch_size must be at least 1")
    result = Generated([[] for _ in prompts], [False] * len(prompts))
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    with torch.inference_mode():
        if order:  # the first call loads kernels: that is not the model's latency
            _padded_forward(model, [prompts[order[-1]]], pad_id)
        for start in range(0, len(order), batch_size):
            began = time.perf_counter()
            batch = order[start : start + batch_size]
            _continue_batch(model, prompts, batch, result, stop_ids, pad_id, max_new_tokens)
            result.seconds += time.perf_counter() - began
            if done:
                done(len(batch), {"tokens_per_second": len(result.token_seconds) / result.seconds})
    return result


def _padded_forward(model: PreTrainedModel, prompts: Sequence[Sequence[int]], pad_id: int):
    """Model output and attention mask of prompts padded on the left, so that all end at the same place."""
    import torch

    device, width = next(model.parameters()).device, max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), width), pad_id)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :], mask[row, width - len(prompt) :] = torch.tensor(list(prompt)), 1
    # A prompt's own first token has position 0, however much padding stands before it.
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    mask = mask.to(device)
    output = model(input_ids=ids.to(device), attention_mask=mask, position_ids=positions.to(device), use_cache=True, logits_to_keep=1)
    return output, mask


def _continue_batch(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    alive: list[int],
    result: Generated,
    stop_ids: set[int],
    pad_id: int,
    limit: int,
) -> None:
    import torch

    last = time.perf_counter()
    output, mask = _padded_forward(model, [prompts[index] for index in alive], pad_id)
    for step in range(limit):
        tokens = output.logits[:, -1].argmax(-1)
        chosen = tokens.tolist()  # waits for the device, so the clock below is honest
        now = time.perf_counter()
        result.token_seconds += [now - last] * len(alive)
        result.token_first += [step == 0] * len(alive)
        last, kept = now, []
        for row, (index, token) in enumerate(zip(alive, chosen, strict=True)):
            if token in stop_ids:
                result.finished[index] = True
            else:
                result.answers[index].append(token)
                kept.append(row)
        if not kept or step == limit - 1:
            return
        cache = output.past_key_values
        if len(kept) < len(alive):
            rows = torch.tensor(kept, device=mask.device)
            cache.batch_select_indices(rows)
            mask, tokens, alive = mask[rows], tokens[rows], [alive[row] for row in kept]
        mask = torch.cat([mask, mask.new_ones((len(alive), 1))], dim=1)
        positions = mask.sum(-1, keepdim=True) - 1
        output = model(
            input_ids=tokens[:, None], attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )


def stop_token_ids(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> set[int]:
    """Tokens that end an answer: EOS of tokenizer and generation config, and the one that ends a turn in the chat template."""
    configured = model.generation_config.eos_token_id if model.generation_config is not None else None
    stops = {tokenizer.eos_token_id} | set(configured if isinstance(configured, list) else [configured])
    turn = encode(tokenizer, [Message(role="user", content="a"), Message(role="assistant", content="b")], max_length=1 << 20)
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    stops |= {label for label in turn.labels if label != IGNORED and label in special}
    return {token for token in stops if token is not None}
