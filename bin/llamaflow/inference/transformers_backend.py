"""transformers' own ``generate`` in batches of prompts padded on the left: for architectures that cannot be packed, and to compare with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..generation import Generated


def generate(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], stop_ids: set[int], pad_id: int, limit: int, batch_size: int,
    result: Generated, done: Callable[[int, dict], None] | None,
) -> None:  # fmt: skip
    """Fill result. A batch goes on until its last answer has ended; an answer's tokens are those up to its own end."""
    from transformers import GenerationConfig, StoppingCriteriaList

    device = next(model.parameters()).device
    # The model folder's own defaults (sampling, penalties) are no part of a greedy evaluation.
    config = GenerationConfig(
        do_sample=False, num_beams=1, repetition_penalty=1.0, no_repeat_ngram_size=0, max_new_tokens=limit, eos_token_id=sorted(stop_ids),
        pad_token_id=pad_id, use_cache=True, top_k=50, top_p=1.0, temperature=1.0,
    )  # fmt: skip
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        width = max(len(prompts[index]) for index in batch)
        ids = torch.full((len(batch), width), pad_id)
        mask = torch.zeros_like(ids)
        for row, index in enumerate(batch):
            ids[row, width - len(prompts[index]) :], mask[row, width - len(prompts[index]) :] = torch.tensor(list(prompts[index])), 1
        clock = _Clock()
        with torch.inference_mode():
            output = model.generate(
                input_ids=ids.to(device), attention_mask=mask.to(device), generation_config=config,
                stopping_criteria=StoppingCriteriaList([clock]),
            )  # fmt: skip
        result.seconds += time.perf_counter() - clock.began
        for index, tokens in zip(batch, output[:, width:].tolist(), strict=True):
            end = next((place for place, token in enumerate(tokens) if token in stop_ids), len(tokens))
            result.answers[index], result.finished[index] = tokens[:end], end < len(tokens)
            made = end + result.finished[index]
            result.token_seconds += clock.seconds[:made]
            result.token_first += [place == 0 for place in range(made)]
        if done:
            done(len(batch), {"tokens_per_second": len(result.token_seconds) / result.seconds})


class _Clock:
    """A stopping criterion that stops nothing: ``generate`` asks it behind every token."""

    def __init__(self):
        self.began = self._last = time.perf_counter()
        self.seconds: list[float] = []

    def __call__(self, input_ids: torch.Tensor, scores: object, **_kwargs: object) -> torch.Tensor:
        ended = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        input_ids[-1, -1].item()  # waits for the device, so the clock is honest
        now = time.perf_counter()
        self.seconds.append(now - self._last)
        self._last = now
        return ended
