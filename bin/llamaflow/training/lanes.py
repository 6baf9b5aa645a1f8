"""Threads that train side by side on a CPU: each takes examples of its own through the one model, on its own part of the cores.

A product that all cores share ends with the slowest of them, thousands of times in a step, and everything between two products
runs on one core. Lanes wait for each other once, at the end of the step. Gradients are sums, so who computed which does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from ..chat import Encoded
from ..packing import spread
from ..recipe import Recipe
from .attention import attention_dropout

# Tokens below which a matrix product of one lane is a slow one.
LANE_TOKENS = 256
# How much longer than the mean the longest part of a micro-batch may be: what lanes gain over threads that share each product.
SLACK = 1.1

Item, Result = TypeVar("Item"), TypeVar("Result")


class Lanes:
    """As many threads as suit a recipe's micro-batches here; count is 1 where none should run beside another."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe, device: str, compiled: bool = False):
        threads = torch.get_num_threads()
        most = max(1, recipe.micro_batch_size) * recipe.pack_length // LANE_TOKENS if can_share(model, recipe, device, compiled) else 1
        self.count = max(lanes for lanes in range(1, threads + 1) if threads % lanes == 0 and lanes <= max(1, most))
        self._pool = ThreadPoolExecutor(self.count, "lane", torch.set_num_threads, (threads // self.count,)) if self.count > 1 else None

    def share(
        self, micro_batches: list[list[Encoded]], prefix_of: Callable[[list[Encoded]], int] = lambda _: 0
    ) -> tuple[list[list[Encoded]], list[list[Encoded]]]:
        """The examples of some micro-batches as parts for ``each``, the longest first; and the micro-batches that are left to all threads.

        These are what does not split evenly, a single long example above all. All lanes together hold what one micro-batch takes.
        prefix_of: tokens that some examples take once.
        """
        if self._pool is None:
            return [], micro_batches
        parts, whole = [], []
        for examples in micro_batches:
            prefix = prefix_of(examples)
            lengths = [len(example.input_ids) - prefix for example in examples]
            split = spread(lengths, self.count)
            loads = [prefix + sum(lengths[i] for i in part) for part in split]
            if max(loads) * self.count <= SLACK * (sum(lengths) + prefix):
                parts += [[examples[i] for i in part] for part in split if part]
            else:
                whole.append(examples)
        return sorted(parts, key=lambda part: -sum(len(example.input_ids) for example in part)), whole

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
    if recipe.is_random or attention_dropout(model):
        return False
    kinds = " ".join(str(getattr(module, "rope_type", "")) for module in model.modules())
    return "dynamic" not in kinds and "longrope" not in kinds  # their frequencies follow the longest input so far
