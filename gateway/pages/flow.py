"""A run's progress as a picture: phases of the flow, their steps, what each step is doing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..runs.states import FINAL, State

ROUND = ("REPLAY", "FINETUNE", "EVALUATE", "COMPARE", "GATE", "ADJUST")
OPTIONAL = frozenset({"REPLAY", "COMPARE", "ADJUST"})  # drawn once they are there: not each run has them
DATA = ("PREFLIGHT", "PREPARE", "ANONYMIZE", "SPLIT")
BASE = ("FETCH_BASE", "EVALUATE")
SEARCH = ("PLAN_SEARCH", "TRIAL", "SELECT_TRIALS")
RELEASE = ("REGISTER", "EXPORT", "REPORT")
REFERENCE, PRODUCTION, DRIFT = ("PREPARE_REFERENCE", "ANONYMIZE_REFERENCE"), ("PREPARE_PRODUCTION", "ANONYMIZE_PRODUCTION"), ("DRIFT",)
KINDS = ("done", "running", "failed", "cached")


@dataclass
class Step:
    """One process in one phase. total: 0 where nobody knows yet how many tasks it will have."""

    process: str
    done: int = 0
    running: int = 0
    failed: int = 0
    cached: int = 0
    total: int = 0
    detail: dict[str, Any] = field(default_factory=dict)
    ended: bool = False  # the run is over: what is not done will not be
    fatal: bool = False  # its failure ended the run

    @property
    def state(self) -> str:
        """running, failed, done, cached, stopped (it ran when the run ended) or waiting."""
        if self.running:
            return "stopped" if self.ended else "running"
        if self.fatal or (self.failed and not self.done):
            return "failed"
        if self.done:
            return "cached" if self.cached == self.done else "done"
        return "skipped" if self.ended else "waiting"

    @property
    def tasks(self) -> int:
        """Tasks that are known of; a failed attempt that was tried again is none."""
        return max(self.total, self.done + self.running + self.fatal, 1)

    @property
    def share(self) -> float | None:
        """How much of it is done, 0..1; None where it is not told."""
        if self.state in ("done", "cached"):
            return 1.0
        done, total = self.detail.get("done"), self.detail.get("total")
        if self.tasks == 1 and isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
            return max(0.0, min(1.0, done / total))
        return min(1.0, self.done / self.tasks) if self.tasks > 1 else None


@dataclass
class Phase:
    """A row of the picture. number: of a round, else 0."""

    key: str
    steps: list[Step]
    number: int = 0

    @property
    def state(self) -> str:
        """The one word for all its steps, the most urgent first."""
        states = [step.state for step in self.steps]
        for state in ("running", "stopped", "failed"):
            if state in states:
                return state
        if all(state in ("done", "cached") for state in states):
            return "done"
        if any(state in ("done", "cached") for state in states):
            return "skipped" if "skipped" in states else "running"
        return "skipped" if "skipped" in states else "waiting"


def picture(progress: Mapping[str, Mapping[str, Any]], params: Mapping[str, Any], state: State) -> list[Phase]:
    """All phases in order, what has not begun included; of a run that ended well only what was needed.

    progress: of the run, by process in order of first sight; params: its workflow_params.
    """
    ended = state in FINAL
    known = {name: _clean(entry) for name, entry in progress.items()}
    if params.get("mode") == "drift":
        plan = [("reference", REFERENCE), ("production", PRODUCTION), ("drift", DRIFT)]
    else:
        plan = [("data", DATA), ("base", BASE)]
        if params.get("search") or any(name in known for name in SEARCH):
            plan.append(("search", SEARCH))
    phases = [Phase(key, [_step(known, name, key, ended) for name in names]) for key, names in plan]
    if params.get("mode") != "drift":
        phases += _rounds(known, ended)
        release = [name for name in RELEASE if name != "EXPORT" or name in known or params.get("export")]
        phases.append(Phase("release", [_step(known, name, "release", ended) for name in release]))
    drawn = {step.process for phase in phases for step in phase.steps}
    others = [name for name in known if name not in drawn]
    if others:
        phases.append(Phase("other", [_step(known, name, "other", ended) for name in others]))
    failed = [name for name, entry in known.items() if entry["failed"]]
    if state == State.EXECUTOR_ERROR and failed:
        suspects = [step for phase in phases for step in phase.steps if step.failed and step.process == failed[-1]]
        for step in suspects[-1:]:
            step.fatal = True
    if state == State.COMPLETE:
        for phase in phases:
            phase.steps = [step for step in phase.steps if step.state != "skipped"]
    return [phase for phase in phases if phase.steps]


def _rounds(known: Mapping[str, dict[str, Any]], ended: bool) -> list[Phase]:
    numbers = sorted({int(number) for name in ROUND for number in known.get(name, EMPTY)["rounds"]})
    phases = []
    for number in numbers or [1]:
        steps = []
        for name in ROUND:
            entry = known.get(name, EMPTY)
            counts = entry["rounds"].get(str(number))
            if counts is None and name in OPTIONAL:
                continue
            detail = entry["detail"] if counts and counts["running"] else {}
            steps.append(_counted(name, (counts or EMPTY) | {"detail": detail}, ended))
        phases.append(Phase("round", steps, number))
    return phases


def _step(known: Mapping[str, dict[str, Any]], name: str, phase: str, ended: bool) -> Step:
    entry = dict(known.get(name, EMPTY))
    if phase == "base" and entry["rounds"]:  # EVALUATE counts rounds, too: what is left over is the base model's, and production's
        for kind in KINDS:
            entry[kind] = max(0, entry[kind] - sum(counts[kind] for counts in entry["rounds"].values()))
        entry["total"] = 0
        if any(counts["running"] for counts in entry["rounds"].values()):
            entry["detail"] = {}
    return _counted(name, entry, ended)


def _counted(name: str, counts: Mapping[str, Any], ended: bool) -> Step:
    return Step(name, **{kind: counts[kind] for kind in (*KINDS, "total")}, detail=counts["detail"], ended=ended)


def _clean(entry: Any) -> dict[str, Any]:
    """All counts as numbers of 0 or more, rounds by their number, detail as a dict: whatever stands in the database."""
    entry = entry if isinstance(entry, Mapping) else {}
    rounds, detail = entry.get("rounds"), entry.get("detail")
    counts: dict[str, Any] = {kind: max(0, entry[kind]) if isinstance(entry.get(kind), int) else 0 for kind in (*KINDS, "total")}
    counts["rounds"] = (
        {str(number): _clean(one) for number, one in rounds.items() if str(number).isdecimal()} if isinstance(rounds, Mapping) else {}
    )
    counts["detail"] = dict(detail) if isinstance(detail, Mapping) else {}
    return counts


EMPTY = _clean(None)
