"""One optimizer step, one validation, one state: what the loop of bin/finetune.py is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import NamedTuple

import torch
from torch import distributed

from ..chat import IGNORED, Encoded
from ..packing import collate, shared_prefix
from ..recipe import Recipe
from . import loss
from .adapter import MasterWeights
from .attention import can_share_prefix
from .data import Batches, step_seed
from .lanes import Lanes
from .neftune import Neftune
from .optimizer import build_optimizer, learning_rate_factor, load_optimizer_state, optimizer_state
from .out_of_memory import is_out_of_memory, release, smaller
from .sharding import out_of_memory_together


class Outcome(NamedTuple):
    """A step, over all processes. nats (a sum) and gradient_norm are still on the device: reading them waits for it."""

    nats: torch.Tensor
    gradient_norm: torch.Tensor
    learning_rate: float
    tokens: int
    supervised: int
    slots: int


class Engine:
    """An adapted model with all that its training changes.

    rows, validation_rows: packed examples. process, processes: this one's number among those that train together; each takes
    every processes-th row of a step, and gradients are summed. steps: that the learning rate's schedule spans. compiled: whether
    torch.compile is to fuse the loss, as it does the layers.
    """

    def __init__(
        self, model, recipe: Recipe, rows: list, validation_rows: list, pad_id: int, seed: int, device: str, steps: int,
        process: int = 0, processes: int = 1, compiled: bool = False,
    ):  # fmt: skip
        self.model, self.recipe, self.rows, self.validation_rows = model, recipe, rows, validation_rows
        self.pad_id, self.seed, self.device, self.steps = pad_id, seed, device, steps
        self.process, self.processes = process, processes
        self.lanes = Lanes(model, recipe, device, compiled)
        self._shares_prefix = can_share_prefix(model, recipe, device)
        self._in_lanes = False  # who ran the last pass
        self._nats = partial(loss.supervised_nats, nats_and_gradient=loss.compiled() if compiled else loss.in_place, lanes=self.lanes.count)
        self.batches = Batches(len(rows), recipe.batch_size, seed)
        # Under FSDP a forward pass gathers weights from every process: one that has run out of rows runs passes with nothing to learn.
        self.together = recipe.sharding == "fsdp" and processes > 1
        first = rows[0][0]
        self._blank = [replace(first, labels=[IGNORED] * len(first.labels))]
        self.micro_batch_size = max(1, recipe.micro_batch_size)
        self.halved = 0  # times that memory ran out
        self.weights = MasterWeights(model)
        self.optimizer = build_optimizer(self.weights, recipe)
        self._rates = [group["lr"] for group in self.optimizer.param_groups]
        self.neftune = Neftune(model, recipe.neftune_alpha, seed) if recipe.neftune_alpha else None
        self.best = self.weights.snapshot()

    def validation_loss(self, done: Callable[[], object] = lambda: None) -> float:
        """Nats per supervised token over the validation set, the same whatever the number of processes."""
        self.model.eval()
        rows, nats = self._share(self.validation_rows), torch.zeros((), dtype=torch.float64)
        for measured in self.lanes.each(self._measured, rows):
            nats += measured
            done()
        tokens = sum(example.supervised for row in rows for example in row)
        sums = torch.stack([nats, torch.tensor(float(tokens), dtype=torch.float64)])
        total, count = self._summed(sums.to(self.device)).tolist()
        return total / count

    def train_step(self, step: int, rate_scale: float = 1.0) -> Outcome:
        """Optimizer step number ``step`` (0-based), the same whatever the micro-batch: when memory runs out that is halved."""
        self.model.train()
        while True:
            try:
                nats = self._gradients(step)
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.together:  # the others wait in the middle of a pass
                    raise out_of_memory_together(self.micro_batch_size, self.recipe.gradient_checkpointing) from None
                self.micro_batch_size = smaller(self.micro_batch_size, self.recipe.gradient_checkpointing)
            self.halved += 1
            release()  # outside of the handler, whose traceback holds on to what was computed
            print(f"out of memory: going on with micro-batches of {self.micro_batch_size} rows, the effective batch stays", flush=True)
        examples = [example for row in self.batches[step] for example in self.rows[row]]
        supervised = sum(example.supervised for example in examples)
        self._summed(self.weights.flat_gradients())
        self._summed(nats)
        self.weights.scale_gradients(1 / supervised)
        norm = torch.nn.utils.clip_grad_norm_(self.weights.masters, self.recipe.max_grad_norm)
        factor = rate_scale * learning_rate_factor(step, self.steps, self.recipe)
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = factor * rate
        self.optimizer.step()
        self.weights.publish()
        tokens, slots = sum(len(example.input_ids) for example in examples), len(self.batches[step]) * self.recipe.pack_length
        return Outcome(nats, norm, factor * self.recipe.learning_rate, tokens, supervised, slots)

    def agreed(self, wish: bool) -> bool:
        """Whether any of the processes wishes it: all have to stop after the same step."""
        return bool(self._summed(torch.tensor(float(wish), device=self.device)).item())

    def _gradients(self, step: int) -> torch.Tensor:
        """Add up the gradients of this process's rows of a step; returns their nats. Sums, not means: 1x8 rows give what 8x1 give."""
        seed = step_seed(self.seed, step, self.process)
        torch.manual_seed(seed)
        if self.neftune:
            self.neftune.reseed(seed)
        self.weights.zero_gradients()
        nats = torch.zeros((), device=self.device)
        parts, whole = self._passes(self._share([self.rows[row] for row in self.batches[step]]))
        if parts:
            self._go_on(in_lanes=True)
        for learned, gradients in self.lanes.each(self._learned, parts):
            self.weights.add_gradients(gradients)
            nats += learned
        if whole:
            self._go_on(in_lanes=False)
        for examples in whole:
            learned = self._nats_of(examples)
            learned.backward()
            nats += learned.detach().to(self.device)
        return nats

    def _passes(self, rows: list) -> tuple[list[list[Encoded]], list[list[Encoded]]]:
        """The examples of some rows as they go through the model together: in lanes, and on all threads."""
        size = self.micro_batch_size
        work = [list(chain.from_iterable(rows[start : start + size])) for start in range(0, len(rows), size)]
        return self.lanes.share(work, self._prefix_of)

    def _prefix_of(self, examples: list[Encoded]) -> int:
        return shared_prefix(examples) if self._shares_prefix else 0

    def computed_share(self) -> float:
        """Share of the training set's tokens that go through the model: what a pass's examples begin with alike does so once."""
        passes = list(chain.from_iterable(self._passes(self.rows)))
        once = sum(self._prefix_of(examples) * (len(examples) - 1) for examples in passes)
        return 1 - once / sum(len(example.input_ids) for examples in passes for example in examples)

    def _go_on(self, in_lanes: bool) -> None:
        """Threads have heaps of their own: what others have freed in theirs would be held beside what these take."""
        if in_lanes != self._in_lanes:
            release()
        self._in_lanes = in_lanes

    def _learned(self, examples: list[Encoded]) -> tuple[torch.Tensor, tuple[torch.Tensor | None, ...]]:
        """Nats of some examples and their gradients; runs in a lane."""
        nats = self._nats_of(examples)
        return nats.detach(), self.weights.gradients_of(nats)

    def _measured(self, examples: list[Encoded]) -> torch.Tensor:
        """Nats of some examples without a gradient, on the CPU; may run in a lane, which has a grad mode of its own."""
        with torch.no_grad():
            return self._nats_of(examples).double().cpu()

    def _nats_of(self, examples: list[Encoded]) -> torch.Tensor:
        return self._nats(self.model, collate([examples], self.pad_id, self.device, self._prefix_of(examples)))

    def _share(self, rows: list) -> list:
        """This process's part of some rows; as many as any other's where passes go together."""
        mine = rows[self.process :: self.processes]
        missing = math.ceil(len(rows) / self.processes) - len(mine)
        return mine + [self._blank] * missing if self.together else mine

    def keep_best(self) -> None:
        """Remember the present weights as those that come out."""
        self.best = self.weights.snapshot()

    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor that a training which goes on from here needs, as 'weights/…', 'best/…' and 'optimizer/…'; no copies."""
        moments = optimizer_state(self.optimizer, self.weights)
        parts = {"weights": dict(self.weights.named_masters()), "best": self.best, "optimizer": moments}
        return {f"{part}/{name}": value.detach() for part, values in parts.items() for name, value in values.items()}

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Go on from a state(); the tensors are copied. Raises ValueError when it is another adapter's."""
        parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "best": {}, "optimizer": {}}
        for name, value in tensors.items():
            part, name = name.split("/", 1)
            parts[part][name] = value.detach().clone()
        self.weights.restore(parts["weights"])
        self.best = {name: value.to(self.weights.masters[0].device) for name, value in parts["best"].items()}
        load_optimizer_state(self.optimizer, self.weights, parts["optimizer"])

    def _summed(self, values: torch.Tensor) -> torch.Tensor:
        if self.processes > 1:
            distributed.all_reduce(values)
        return values
