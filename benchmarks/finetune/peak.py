"""What the machine could do at most: its matrix product, measured between the contestants, and what a training needs of it."""

from __future__ import annotations

from pathlib import Path

from llamaflow.base_model import Source
from llamaflow.estimate import Workload, matmul_flops_per_second, needed_flops, shape_of
from llamaflow.hardware import pick_dtype
from llamaflow.models import set_threads
from llamaflow.recipe import Recipe

from .contest import Run

SIZES = {"cpu": 1024, "cuda": 8192}


class MatmulPeak:
    """The best of all measurements: a busy moment of the machine must not make a share look better."""

    def __init__(self, device: str):
        self.device, self.best = device, 0.0

    def measure(self) -> None:
        """Measure once more, on all cores."""
        set_threads()
        self.best = max(self.best, matmul_flops_per_second(self.device, pick_dtype("auto", self.device), SIZES.get(self.device, 1024)))

    def share(self, run: Run, base: Path, work: Workload, rank: int) -> float:
        """Operations that the run's tokens need, a second, of the best; work: any amount of the data that they are of.

        For all alike what it takes to learn the answers: padding, labels on the questions and recomputing are no need. Tokens that
        were not computed because others are the same do not count.
        """
        recipe = Recipe(lora_rank=rank)
        work = (work * (run.timed_tokens / work.tokens)).computing(run.computed_share)
        needed = needed_flops(shape_of(Source(str(base), base.name, base)), recipe, work)
        return needed / run.seconds / self.best
