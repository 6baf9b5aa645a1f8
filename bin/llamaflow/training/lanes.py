"""Threads that train side by side on a CPU: each takes examples of its own through the one model, on its own part of the cores.

A product that all cores share ends with the slowest of them, thousands of times in a step, and everything between two products
runs on one core. Lanes wait for each other once, at the end of the step. Gradients are sums, so who computed which does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import chain
from typing import TypeVar

import torch

from ..chat import Encoded
from ..packing import spread
from ..recipe import Recipe

# Tokens below which a matrix product of one lane is a slow one.
LANE_TOKENS = 256
# How much longer than their mean the longest lane may take, and how much more at a time all may hold than one micro-batch.
SLACK = 1.1

Item, Result = TypeVar("Item"), TypeVar("Result")


class Lanes:
    """As many threads as suit a recipe's micro-batches here; count is 1 where none should run beside another."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe, device: str, compiled: bool = False):
        threads = torch.get_num_threads()
        most = max(1, recipe.micro_batch_size) * recipe.pack_length // LANE_TOKENS if can_share(model, recipe, device, compiled) else 1
        self.count = max(lanes for lanes in range(1, threads + 1) if threads % lanes == 0 and lanes <= max(1, most))
        self._pool = ThreadPoolExecutor(self.count, "lane", torch.set_num_threads, (threads // self.count,)) if self.count > 1 else None

    def parts(self, micro_batches: list[list[Encoded]]) -> list[list[Encoded]]:
        """The examples of some micro-batches as parts for ``each``, the longest first; none where lanes do not pay.

        They do where all lanes take as long, and hold no more at a time than one micro-batch.
        """
        if self._pool is None:
            return []
        split = [[examples[i] for i in part] for examples in micro_batches for part in spread(_lengths(examples), self.count) if part]
        sizes = [sum(_lengths(part)) for part in split]
        order = sorted(range(len(split)), key=lambda i: (-sizes[i], i))
        loads = [sum(sizes[i] for i in lane) for lane in spread(sizes, self.count)]
        even = max(loads) * self.count <= SLACK * sum(loads)
        small = sum(sizes[i] for i in order[: self.count]) <= SLACK * max(sum(_lengths(examples)) for examples in micro_batches)
        return [split[i] for i in order] if even and small else []

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of items in their order, computed side by side; an exception is raised when no lane runs any more."""
        if self._pool is None:
            yield from map(function, items)
            return
        futures = [self._pool.submit(function, item) for item in items]
        try:
            while futures:
                yield futures.pop(0).result()  # and is not kept
        finally:
            for future in futures:
                future.cancel()
            wait(futures)


def can_share(model: torch.nn.Module, recipe: Recipe, device: str, compiled: bool) -> bool:
    """Whether several threads may go through the model at once, and gain by it.

    Not where random numbers are drawn, which would depend on who comes first, where a module remembers its last input, or where
    each would unpack the 4-bit weights for itself.
    """
    if device != "cpu" or compiled or recipe.sharding == "fsdp" or recipe.quantization != "none":
        return False
    if recipe.lora_dropout or recipe.neftune_alpha or getattr(model.config.get_text_config(), "attention_dropout", 0):
        return False
    kinds = " ".join(str(getattr(module, "rope_type", "")) for module in model.modules())
    return "dynamic" not in kinds and "longrope" not in kinds  # their frequencies follow the longest input so far


def micro_batches(rows: list[list[Encoded]], size: int) -> list[list[Encoded]]:
    """The examples of so many rows at a time."""
    return [list(chain.from_iterable(rows[start : start + size])) for start in range(0, len(rows), size)]


def _lengths(examples: Iterable[Encoded]) -> list[int]:
    return [len(example.input_ids) for example in examples]
