"""Keys and values of a batch whose rows come and go: allocated once, written in place, never concatenated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..hardware import memory_bytes
from .attention import Block, Prompt, Separate


class SlotCache:
    """For each layer keys and values [slots, kv heads, capacity, size]. A row of the batch owns one slot from its prompt to its end.

    Rows in use are slots 0 to n - 1, so that a batch is a view of the cache and not a copy.
    """

    def __init__(self, slots: int, capacity: int):
        self.slots, self.capacity = slots, capacity
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def layer(self, index: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of a layer; the first call's key and value [kv heads, tokens, size] say what they look like."""
        if index not in self._layers:
            self._layers[index] = tuple(one.new_zeros((self.slots, one.shape[0], self.capacity, one.shape[2])) for one in (key, value))
        return self._layers[index]

    def move(self, source: int, target: int, length: int) -> None:
        """Put the first length tokens of one slot into another."""
        for tensors in self._layers.values():
            for one in tensors:
                one[target, :, :length] = one[source, :, :length]

    def resize(self, slots: int, capacity: int, used: int, length: int) -> None:
        """Another shape for the same batch of used rows, none longer than length; one layer after the other, so that memory stays flat."""
        self.slots, self.capacity = slots, capacity
        for index, tensors in self._layers.items():
            new = []
            for one in tensors:
                new.append(one.new_zeros((slots, one.shape[1], capacity, one.shape[3])))
                new[-1][:used, :, :length] = one[:used, :, :length]
            self._layers[index] = tuple(new)


class Step:
    """One forward of a batch: count tokens for each row in use, then whole prompts of rows that begin.

    starts: tokens that each row in use has in the cache (rows are slots 0 to n - 1); prompts: (slot, tokens to cache, tokens) in the
    order of the row, those that are not cached last; prefix: what all prompts begin with, computed before and not part of the row.
    """

    def __init__(
        self, cache: SlotCache, starts: Sequence[int], count: int, prompts: Sequence[tuple[int, int, int]], prefix: Prompt | None,
        way: Callable, device: torch.device,
    ):  # fmt: skip
        self.cache, self.rows, self.count, self.prompts, self.prefix = cache, len(starts), count, prompts, prefix
        self.tokens = self.rows * count
        if starts:
            places = torch.tensor(starts)[:, None] + torch.arange(count)
            self.reach = int(places.max()) + 1
            self.closed = (torch.arange(self.reach) > places[:, :, None])[:, None, None].to(device)
            self.slots = torch.arange(self.rows).repeat_interleave(count).to(device)
            self.places = places.flatten().to(device)
        self.blocks, self.whole, start = [], None, self.tokens
        if prefix:
            for _, _, length in prompts:
                self.blocks.append(Block(prefix, start, [length], device))
                start += length
        elif prompts:
            self.whole = Separate([length for _, _, length in prompts], way)

    def attend(self, layer, query, key, value, scale):
        keys, values = self.cache.layer(layer, key, value)
        parts = [self._continue(query, key, value, keys, values, scale)] if self.rows else []
        if self.whole:
            parts.append(self.whole.attend(layer, *(one[:, self.tokens :] for one in (query, key, value)), scale))
        parts += [block.attend(layer, query, key, value, scale) for block in self.blocks]
        start, before = self.tokens, self.prefix.length if self.prefix else 0
        for slot, cached_length, length in self.prompts:
            # After _continue: what it writes for a slot that only begins is overwritten here.
            for cached, new, place in ((keys, key, 0), (values, value, 1)):
                if before:
                    cached[slot, :, :before] = self.prefix.kept[layer][place]
                cached[slot, :, before : before + cached_length] = new[:, start : start + cached_length]
            start += length
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _continue(self, query, key, value, keys, values, scale):
        rows, count, (heads, _, size), groups = self.rows, self.count, query.shape, key.shape[0]
        keys[self.slots, :, self.places] = key[:, : self.tokens].transpose(0, 1)
        values[self.slots, :, self.places] = value[:, : self.tokens].transpose(0, 1)
        # The query heads of one kv head go through one product: nothing is repeated.
        q = query[:, : self.tokens].reshape(groups, -1, rows, count, size).permute(2, 0, 1, 3, 4).reshape(rows * groups, -1, size)
        keys, values = (one[:rows, :, : self.reach].flatten(0, 1) for one in (keys, values))
        scores = torch.bmm(q, keys.transpose(1, 2)).view(rows, groups, -1, count, self.reach)
        weights = scores.masked_fill_(self.closed, float("-inf")).mul_(scale).softmax(-1)
        output = torch.bmm(weights.view(rows * groups, -1, self.reach), values)
        return output.view(rows, groups, -1, count, values.shape[-1]).permute(0, 3, 1, 2, 4).reshape(self.tokens, heads, -1)


def affordable_tokens(causal: Any, device: torch.device) -> int:
    """Tokens whose keys and values may be kept: a quarter of a CPU's memory, half of what a GPU has left."""
    config, itemsize = causal.config.get_text_config(), next(causal.parameters()).element_size()
    itemsize = max(itemsize, 2)  # quantized weights: keys and values are not
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    room = torch.cuda.mem_get_info(device)[0] // 2 if device.type == "cuda" else memory_bytes() // 4
    return room // (2 * config.num_hidden_layers * heads * size * itemsize)
