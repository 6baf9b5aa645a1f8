"""What the search section shows: every trial with what sets it apart, its losses and how far it came."""

from __future__ import annotations

import math
from types import SimpleNamespace

from ..summaries import SearchSummary, SearchTrial
from .numbers import Numbers, decimals_for
from .run import Run
from .strings import words


def search(run: Run, language: str) -> SimpleNamespace | None:
    """Everything that the section needs; None where nothing was searched."""
    if run.search is None:
        return None
    n, t, found = Numbers(language), words(language), run.search
    trials = sorted(found.trials, key=lambda trial: _place(found, trial))
    losses = [loss for trial in trials for loss in trial.losses if loss is not None]
    return SimpleNamespace(
        trials=[SimpleNamespace(trial=trial, won=trial.id == found.winner, result=_result(found, trial, n, t)) for trial in trials],
        fields=list(dict.fromkeys(field for trial in trials for field in trial.values)),
        recipes=len({trial.recipe for trial in trials}) > 1,
        seeds=len({trial.seed for trial in trials}) > 1,
        shares=[rung.share for rung in found.rungs[: found.compared]],
        decimals=decimals_for(*losses),
        spent=spent(found),
    )


def spent(found: SearchSummary) -> float:
    """Steps of the whole search, the winner's last ones included, in whole trainings."""
    total, before = 0.0, 0.0
    for number, rung in enumerate(found.rungs[: found.compared]):
        total += sum(len(trial.losses) > number for trial in found.trials) * (rung.share - before)
        before = rung.share
    return total + 1 - before


def _place(found: SearchSummary, trial: SearchTrial) -> tuple[bool, int, float, str]:
    """For sorting: the winner, then those that came farthest, then the lower loss."""
    last = trial.losses[-1] if trial.losses else None
    return trial.id != found.winner, -len(trial.losses), math.inf if last is None else last, trial.id


def _result(found: SearchSummary, trial: SearchTrial, n: Numbers, t: SimpleNamespace) -> str:
    if trial.id == found.winner:
        return t.winner
    share = n.percent(found.rungs[len(trial.losses) - 1].share, 0)
    return (t.failed_at if trial.losses[-1] is None else t.left_at).format(share=share)
