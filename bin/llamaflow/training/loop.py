"""The training loop: steps, validation, the way back when the loss explodes, checkpoints, and an orderly stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

from ..progress import Progress
from ..recipe import Recipe
from ..summaries import CurvePoint
from .checkpoint import Checkpoints
from .divergence import SLOWER, Watch
from .engine import Engine
from .preemption import Preempted, Preemption
from .run_state import RunState


@dataclass(frozen=True)
class Plan:
    """How long to train and where to look. steps: of the whole training; last_step: where this part of it ends."""

    steps: int
    last_step: int
    steps_per_epoch: int
    evaluate_at: frozenset[int]
    early_stopping: int
    log_every: int
    checkpoint_seconds: float

    @classmethod
    def of(cls, recipe: Recipe, rows: int, stop_at: float = 1.0, log_every: int = 5, checkpoint_seconds: float = 600.0) -> Plan:
        """The plan for so many packed rows; stop_at is the share of the steps after which to stop."""
        per_epoch = math.ceil(rows / recipe.batch_size)
        steps = recipe.max_steps or max(1, math.ceil(recipe.epochs * per_epoch))
        evaluate_at = frozenset(max(1, round(steps * i / recipe.evaluations)) for i in range(1, recipe.evaluations + 1))
        last = max(1, math.ceil(stop_at * steps))
        return cls(steps, last, per_epoch, evaluate_at, recipe.early_stopping, log_every, checkpoint_seconds)


def train(
    engine: Engine, run: RunState, plan: Plan, checkpoints: Checkpoints, preemption: Preemption, log: Callable[[CurvePoint, float], object]
) -> RunState:  # fmt: skip
    """Train up to the plan's last step; returns where the training then stands. The engine remembers the best weights.

    log(point, tokens a second) is called for each point of the curve. A device is only waited for where a number is
    needed: every log_every steps and at evaluations; on a CPU after each step. Raises Preempted, with a checkpoint, when told to stop.
    """
    watch = Watch(run.curve[0].validation_loss)
    good = deepcopy((run, engine.state()))  # where a training that explodes is taken back to
    nats, supervised, saved, validation_seconds = 0.0, 0, time.monotonic(), 0.0
    with Progress("finetune", plan.steps, "step", done=run.step) as progress:
        while run.step < plan.last_step and not run.stopped:
            tick = time.perf_counter()
            outcome = engine.train_step(run.step, run.rate_scale)
            run.count(outcome.tokens, outcome.supervised, outcome.slots)
            nats, supervised = nats + outcome.nats, supervised + outcome.supervised
            due, logged = run.step in plan.evaluate_at, run.step % plan.log_every == 0 or run.step == 1
            read = due or logged or engine.device == "cpu" or run.step == plan.last_step
            if read:
                nats, norm = float(nats), float(outcome.gradient_norm)
            run.training_seconds += time.perf_counter() - tick
            if not read:
                progress.update()
                continue

            loss = nats / supervised
            diverged = watch.diverged(loss, norm)
            tick = time.perf_counter()
            measured = engine.validation_loss() if due and not diverged else None
            validation_seconds = max(validation_seconds, time.perf_counter() - tick)
            if diverged or (measured is not None and not math.isfinite(measured)):
                if run.rolled_back_at:
                    run.stopped = "diverged"
                    break
                before, (run, state) = run, deepcopy(good)
                engine.restore(state)
                run.rate_scale, run.rolled_back_at = SLOWER, [before.step]
                print(f"the loss exploded at step {before.step}: back to step {run.step} with {SLOWER:g} of the learning rate", flush=True)
                progress.update(run.step - before.step + 1)
                watch.forget()
                nats, supervised = 0.0, 0
                continue

            run.since = (run.since[0] + nats, run.since[1] + supervised)
            nats, supervised = 0.0, 0
            if measured is not None and run.measured(measured):
                engine.keep_best()
            if due or logged:
                point = run.point(
                    epoch=run.step / plan.steps_per_epoch, train_loss=run.since[0] / run.since[1], validation_loss=measured,
                    learning_rate=outcome.learning_rate, grad_norm=norm,
                )  # fmt: skip
                run.since = (0.0, 0)
                log(point, run.tokens_per_second)
            if plan.early_stopping and run.waited >= plan.early_stopping:
                run.stopped = "early_stopping"
            if due:
                good = deepcopy((run, engine.state()))
            told = {} if measured is None else {"validation_loss": measured}
            progress.update(loss=loss, tokens_per_s=round(run.tokens_per_second), **told)

            ahead = 1 if engine.device == "cpu" else plan.log_every  # steps until this is asked again
            near = preemption.near_limit(ahead * run.training_seconds / run.step + validation_seconds, checkpoints.seconds)
            stopping = engine.agreed(bool(preemption.requested) or near) and run.step < plan.last_step and not run.stopped
            if stopping or time.monotonic() - saved >= plan.checkpoint_seconds:
                run.out_of_memory, engine.halved, saved = run.out_of_memory + engine.halved, 0, time.monotonic()
                written = checkpoints.save(run.step, engine.state(), run.model_dump())
                if stopping:
                    written = engine.agreed(written)  # nobody ends before the one that writes is done
                    reason = preemption.requested or "another process was told to stop"
                    raise Preempted(reason, run.step, (checkpoints.latest or checkpoints.folder) if written else None)
    run.out_of_memory, engine.halved = run.out_of_memory + engine.halved, 0
    return run
