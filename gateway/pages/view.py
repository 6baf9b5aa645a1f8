"""A run as the templates take it."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runs.outputs import FILES, read_json, summaries
from ..runs.states import ACTIVE, State
from ..store.tables import Run, now
from . import flow, metrics
from .listing import ended

PRIORITIES = ("interactive", "normal", "batch")
TONES = {
    "accepted": "good", "no_drift": "good", "rejected": "bad", "needs_review": "warn", "drift": "warn",
    "RUNNING": "live", "INITIALIZING": "live", "CANCELING": "warn", "PREEMPTED": "warn", "QUEUED": "idle", "COMPLETE": "good",
    "EXECUTOR_ERROR": "bad", "SYSTEM_ERROR": "bad", "CANCELED": "idle",
}  # fmt: skip
LABELS = ("error", "at", "why", "fix")
ROUND_VERDICTS = ("accepted", "rejected", "needs_review")


@dataclass(frozen=True)
class View:
    """run: as in the database; the rest is derived from it, lazily where files are read."""

    run: Run

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def name(self) -> str:
        """What its submitter called it."""
        return str(self.run.workflow_params.get("run_name") or "") or ("drift" if self.mode == "drift" else "llamaflow")

    @property
    def mode(self) -> str:
        return "drift" if self.run.workflow_params.get("mode") == "drift" else "train"

    @property
    def ended(self) -> bool:
        return ended(self.run)

    @property
    def state(self) -> str:
        return self.run.state

    @property
    def tone(self) -> str:
        """good, bad, warn, live or idle: of the verdict where there is one."""
        return TONES.get(self.run.verdict or self.run.state, "idle")

    @property
    def going(self) -> bool:
        return State(self.run.state) in ACTIVE

    @property
    def silent(self) -> bool:
        return self.going and self.run.silent_since is not None

    @property
    def reason(self) -> str:
        """One sentence about how it ended."""
        if self.run.verdict:
            return without_verdict(self.run.verdict, str(self.run.outputs.get("reason") or ""))
        return (self.run.error or "").strip() if self.ended else ""

    @property
    def told(self) -> list[tuple[str, str]]:
        """The reason as (label, sentence): labels are those that the pipeline's errors have (error, at, why, fix), or ""."""
        lines = [line.strip().partition(": ") for line in self.reason.split("\n") if line.strip()]
        return [(label, text) if label in LABELS else ("", f"{label}{colon}{text}") for label, colon, text in lines][:12]

    @property
    def priority(self) -> str:
        return PRIORITIES[self.run.priority] if 0 <= self.run.priority < len(PRIORITIES) else "normal"

    @functools.cached_property
    def phases(self) -> list[flow.Phase]:
        return flow.picture(self.run.progress, self.run.workflow_params, State(self.run.state))

    @property
    def now(self) -> list[tuple[flow.Phase, flow.Step]]:
        """What runs, or was running when it stopped."""
        return [(phase, step) for phase in self.phases for step in phase.steps if step.state in ("running", "failed", "stopped")]

    @property
    def seconds(self) -> float | None:
        """From its start to its end, or to now."""
        if self.run.started_at is None:
            return None
        return ((self.run.ended_at or now()) - self.run.started_at).total_seconds()

    @property
    def since(self) -> dt.datetime | None:
        """Since when the clock on the page runs; None: it stands."""
        return None if self.ended else self.run.started_at

    @functools.cached_property
    def summaries(self) -> dict[str, Any]:
        return summaries(Path(self.run.outdir))

    @property
    def scores(self) -> list[metrics.Score]:
        return metrics.scores(self.summaries)

    @property
    def rules(self) -> list[metrics.Rule]:
        return metrics.rules(self.summaries)

    @property
    def features(self) -> list[metrics.Feature]:
        return metrics.features(self.summaries)

    @property
    def facts(self) -> dict[str, Any]:
        return metrics.facts(self.summaries)

    def round(self, number: int) -> dict[str, str]:
        """verdict and reason of a round whose gate has spoken."""
        gate = read_json(Path(self.run.outdir) / "rounds" / str(number) / "gate.json")
        verdict = gate.get("verdict")
        return {"verdict": verdict, "reason": without_verdict(verdict, str(gate.get("reason") or ""))} if verdict in ROUND_VERDICTS else {}

    @functools.cached_property
    def reports(self) -> list[str]:
        """Names of the HTML files that it published."""
        outdir = Path(self.run.outdir)
        return [name for name, path in FILES.items() if path.endswith(".html") and (outdir / path).is_file()]


def without_verdict(verdict: str, reason: str) -> str:
    """The gate's sentence without the verdict at its head: that stands beside it anyway, in the reader's language."""
    said = verdict.replace("_", " ").capitalize() + ": "
    return reason[len(said) :][:1].upper() + reason[len(said) + 1 :] if reason.startswith(said) else reason
