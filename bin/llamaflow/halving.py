"""Successive halving: after each rung the better trials stay in the race.

All trials train a small share of their steps, the better ones go on from where they stopped, the winner trains to its end.
Source: Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .errors import LlamaFlowError
from .summaries import FinetuneSummary, SearchSummary, SearchTrial


def select(search: SearchSummary, results: Mapping[str, FinetuneSummary]) -> SearchSummary:
    """The search after its next rung: losses written down, the best kept.

    results: trial id -> its summary; a trial of the rung without one has failed. The lowest validation loss wins, equals by id;
    diverged and failed trials are never kept. Raises LlamaFlowError where no trial is left.
    """
    number = search.compared
    rung = search.rungs[number]
    losses = {trial.id: _loss(results.get(trial.id)) for trial in search.trials if trial.kept}
    ranked = sorted((loss, name) for name, loss in losses.items() if loss is not None)
    if not ranked:
        raise LlamaFlowError(
            f"search {search.name}: no trial is left at rung {number + 1}", where=", ".join(losses),
            why="every one diverged or failed", fix="search lower learning rates; the tasks' own messages say more",
        )  # fmt: skip
    kept = [name for _, name in ranked[: rung.keep]]
    trials = [_after(trial, losses[trial.id], trial.id in kept, results.get(trial.id)) if trial.kept else trial for trial in search.trials]
    winner = kept[0] if len(kept) == 1 else ""
    seconds = search.seconds + sum(result.seconds for result in results.values())
    return search.model_copy(update={"trials": trials, "compared": number + 1, "winner": winner, "seconds": seconds})


def _loss(result: FinetuneSummary | None) -> float | None:
    """The loss that counts; None for a trial that failed or diverged."""
    usable = result is not None and result.stopped != "diverged" and math.isfinite(result.validation_loss)
    return result.validation_loss if usable else None


def _after(trial: SearchTrial, loss: float | None, kept: bool, result: FinetuneSummary | None) -> SearchTrial:
    reached = {"steps": result.steps, "tokens_seen": result.tokens_seen} if result else {}
    return trial.model_copy(update={"losses": [*trial.losses, loss], "kept": kept, **reached})
