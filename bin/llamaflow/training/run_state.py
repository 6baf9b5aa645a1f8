"""Where a training stands: what its summary needs, and what a checkpoint keeps beside the tensors."""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel, ConfigDict, Field

from ..recipe import Recipe
from ..summaries import CurvePoint

# Values that change how fast a step is or how much memory it takes, not what it learns.
_NO_MATTER = {"micro_batch_size", "gradient_checkpointing", "compile", "sharding"}


class RunState(BaseModel):
    """Counters of a training after ``step`` optimizer steps."""

    model_config = ConfigDict(extra="forbid")

    step: int = 0
    tokens_seen: int = 0
    supervised_tokens: int = 0
    slots: int = Field(0, description="tokens that the rows so far had room for")
    training_seconds: float = 0.0
    curve: list[CurvePoint] = Field(default_factory=list)
    since: tuple[float, int] = Field((0.0, 0), description="nats and supervised tokens since the last point of the curve")
    best_loss: float = float("inf")
    best_step: int = 0
    waited: int = Field(0, description="evaluations since the best one")
    stopped: str = Field("", description="why no further step is wanted; empty: go on")
    rate_scale: float = 1.0
    rolled_back_at: list[int] = Field(default_factory=list)
    resumed_at: list[int] = Field(default_factory=list)
    out_of_memory: int = 0
    tracking: tuple[str, str] = Field(("", ""), description="MLflow's address and the run there")

    def count(self, tokens: int, supervised: int, slots: int) -> None:
        """Take in one more optimizer step."""
        self.step += 1
        self.tokens_seen += tokens
        self.supervised_tokens += supervised
        self.slots += slots

    def point(self, **values) -> CurvePoint:
        """A new point of the curve, for the present step."""
        self.curve.append(CurvePoint(step=self.step, tokens=self.tokens_seen, **values))
        return self.curve[-1]

    def measured(self, loss: float) -> bool:
        """Take in a validation loss; True when it is the best so far."""
        better = loss < self.best_loss
        self.waited = 0 if better else self.waited + 1
        if better:
            self.best_loss, self.best_step = loss, self.step
        return better

    def tracked(self, uri: str) -> str | None:
        """The MLflow run to go on with, when it lies at the same address."""
        return self.tracking[1] or None if uri and self.tracking[0] == uri else None

    @property
    def tokens_per_second(self) -> float:
        """Real tokens of the examples per second of training."""
        return self.tokens_seen / self.training_seconds if self.training_seconds else 0.0


def trajectory_key(recipe: Recipe, seed: int, **digests: str) -> str:
    """Digest of all that decides what a training learns: a state is only taken up under the same key."""
    values = {name: value for name, value in recipe.model_dump().items() if name not in _NO_MATTER}
    text = json.dumps({"format": 1, "recipe": values, "seed": seed, **digests}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
