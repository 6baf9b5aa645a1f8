"""Steps and tokens of whatever training runs in this process, by one rule for all contestants.

A step ends where torch's optimizer ends its update; the clock runs from the end of the first step to the end of the last, so that
loading, compiling and warming up are no speed. Runs in each contestant's own environment: only torch and transformers are there.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Stopwatch:
    """Counts from the moment it is made. ``see(n)``: n real tokens go through the model in the step at hand."""

    def __init__(self):
        import torch
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self._cuda = torch.cuda.is_available()
        self._started = time.perf_counter()
        self._ends: list[Any] = []  # perf_counter, or on a GPU events, which wait for nothing
        self.tokens: list[Any] = [0]  # by step; the last one is not yet over
        self._hook = register_optimizer_step_post_hook(self._end_step)

    def _end_step(self, *_hook: object) -> None:
        if self._cuda:
            import torch

            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._ends.append(event)
        else:
            self._ends.append(time.perf_counter())
        self.tokens.append(0)
        print(json.dumps({"bench_step": len(self._ends), "elapsed_s": round(time.perf_counter() - self._started, 2)}), flush=True)

    def see(self, tokens: Any) -> None:
        """Add real tokens to the step at hand: a number, or a tensor that is read only at the end."""
        self.tokens[-1] = self.tokens[-1] + tokens

    def watch_trainer(self) -> None:
        """Count what transformers' Trainer, and so TRL and LLaMA-Factory, hands to its training step."""
        from transformers import Trainer

        plain = Trainer.training_step

        def training_step(trainer, model, inputs, *rest, **more):
            self.see(real_tokens(inputs))
            return plain(trainer, model, inputs, *rest, **more)

        Trainer.training_step = training_step

    def result(self, tokens: int | None = None, first_tokens: int | None = None) -> dict[str, float]:
        """Figures of the run, which is over. tokens and first_tokens (those of the first step) where the training counts itself."""
        self._hook.remove()
        if len(self._ends) < 2:
            raise SystemExit(f"{len(self._ends)} optimizer steps: speed needs two or more, raise --tokens")
        counted = [int(one) for one in self.tokens]
        tokens = sum(counted) if tokens is None else tokens
        first_tokens = counted[0] if first_tokens is None else first_tokens
        figures = {"steps": len(self._ends), "tokens": tokens, "timed_tokens": tokens - first_tokens}
        if not self._cuda:
            return figures | {"timed_seconds": self._ends[-1] - self._ends[0], "first_step_at": self._ends[0] - self._started}
        import torch

        torch.cuda.synchronize()
        return figures | {
            "timed_seconds": self._ends[0].elapsed_time(self._ends[-1]) / 1000,
            "first_step_at": None,
            "cuda_peak_bytes": torch.cuda.max_memory_allocated(),
        }


def real_tokens(inputs: dict[str, Any]) -> Any:
    """Tokens of a batch that are no padding (a tensor or a number): attended ones; all where no mask says otherwise.

    A mask of rank 4 is one over pairs (False or a large negative number where closed); a token is real where it attends to itself.
    """
    mask = inputs.get("attention_mask")
    if mask is None:
        return inputs["input_ids"].numel()
    if mask.dim() == 4:
        own = mask.diagonal(dim1=-2, dim2=-1)
        return ((own == 0) if own.is_floating_point() else own).sum()
    return (mask != 0).sum()


def read_job(path: str) -> dict[str, Any]:
    """What the benchmark asks of a runner."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def conversations(path: str) -> list[list[dict[str, str]]]:
    """The turns of each record of a canonical JSONL file."""
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line)["messages"] for line in stream]


def write_result(job: dict[str, Any], figures: dict[str, Any], libraries: list[str]) -> None:
    """Hand the figures back, with the versions of the libraries that made them."""
    from importlib.metadata import version

    figures = figures | {"versions": {name: version(name) for name in libraries}}
    Path(job["result"]).write_text(json.dumps(figures), encoding="utf-8")
