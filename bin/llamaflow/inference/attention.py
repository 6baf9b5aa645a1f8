"""Attention over packed rows for a model that is not trained: what a token may look at is a plan, not a mask.

A plan is handed through transformers' forward to every layer. All sequences of a forward lie in one row, so that the
linear layers, which are most of the work, see one large matrix whatever the sequences' lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from ..packing import Segments

NAME = "llamaflow_inference"


class Plan(Protocol):
    def attend(self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
        """query [heads, tokens, size], key and value [kv heads, tokens, size] -> [tokens, heads, size]."""


class Separate:
    """Sequences one behind the other, each attending to itself. lengths sum to the row's tokens."""

    def __init__(self, lengths: Sequence[int], way: Callable):
        self.segments, self.way = Segments(lengths), way

    def attend(self, layer, query, key, value, scale):
        inputs = (tensor[None] for tensor in (query, key, value))
        return self.way(None, *inputs, None, scaling=scale, segments=self.segments)[0][0]


@dataclass
class Prompt:
    """Tokens that many continuations follow. start: where it lies in this row; kept: its keys and values by layer, from an earlier row."""

    length: int
    start: int | None = None
    keep: bool = False
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def states(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.start is None:
            return self.kept[layer]
        part = slice(self.start, self.start + self.length)
        if self.keep and layer not in self.kept:
            self.kept[layer] = key[:, part].clone(), value[:, part].clone()
        return key[:, part], value[:, part]


class Block:
    """Some continuations of one prompt: each sees the prompt and its own tokens, never another continuation."""

    def __init__(self, prompt: Prompt, start: int, lengths: Sequence[int], device: torch.device):
        self.prompt, self.part = prompt, slice(start, start + sum(lengths))
        branch = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        size = len(branch)
        own = (branch[:, None] == branch[None, :]) & torch.ones((size, size), dtype=torch.bool).tril()
        self.closed = torch.cat([torch.zeros((size, prompt.length), dtype=torch.bool), ~own], dim=1).to(device)

    def attend(self, layer, query, key, value, scale):
        heads, groups, size = query.shape[0], key.shape[0], query.shape[2]
        before = self.prompt.states(layer, key, value)
        keys, values = (torch.cat([old, new[:, self.part]], dim=1) for old, new in zip(before, (key, value), strict=True))
        # The query heads of one kv head go through one product: nothing is repeated.
        scores = torch.bmm(query[:, self.part].reshape(groups, -1, size), keys.transpose(1, 2)).view(heads, -1, keys.shape[1])
        weights = scores.masked_fill_(self.closed, float("-inf")).mul_(scale).softmax(-1)
        return torch.bmm(weights.view(groups, -1, keys.shape[1]), values).view(heads, -1, size).transpose(0, 1)


class Branches:
    """A row of whole prompts followed by blocks of continuations, in the order of their places."""

    def __init__(self, prompts: Sequence[Prompt], blocks: Sequence[Block], way: Callable):
        self.prompts, self.blocks = prompts, blocks
        self.end = sum(prompt.length for prompt in prompts)
        self.whole = Separate([prompt.length for prompt in prompts], way)

    def attend(self, layer, query, key, value, scale):
        parts = [self.whole.attend(layer, *(one[:, : self.end] for one in (query, key, value)), scale)] if self.prompts else []
        parts += [block.attend(layer, query, key, value, scale) for block in self.blocks]
        for prompt in self.prompts:
            if prompt.keep and layer not in prompt.kept:  # none of its continuations is in this row
                prompt.states(layer, key, value)
        return torch.cat(parts)


def _attend(module, query, key, value, attention_mask, scaling=None, plan: Plan | None = None, **_kwargs):
    """transformers' attention interface: query [1, heads, tokens, size], key and value [1, kv heads, tokens, size]."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return plan.attend(module.layer_idx, query[0], key[0], value[0], scale)[None].contiguous(), None


@contextmanager
def planned_attention(causal: Any) -> Iterator[None]:
    """Within it the model attends by the plan that its forward is given, and behind it as before."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, lambda *_args, **_kwargs: None)
    before = causal.config._attn_implementation
    causal.set_attn_implementation(NAME)
    try:
        yield
    finally:
        causal.set_attn_implementation(before)
