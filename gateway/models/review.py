"""A person's word on a run whose gate could not decide: approved, its adapter becomes a version and goes into production; or rejected."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ..context import Gateway
from ..runs.problems import NotFound, Refused
from ..runs.transitions import lock
from ..store.tables import Run, now
from . import promotions
from .registry import ModelRegistry, Version

UNDECIDED = "needs_review"


def review(gateway: Gateway, run_id: str, *, decision: str, reviewer: str, reason: str, key_id: str) -> dict[str, Any]:
    """The review as it is kept in the run's outputs: {decision, reviewer, reason, time, version?}.

    The same decision again gives the first one. Raises NotFound, Refused (409) for another decision or a run that is not undecided.
    """
    said = {"decision": decision, "reviewer": reviewer, "reason": reason, "time": now().isoformat(timespec="seconds")}
    known = _noted(gateway, run_id, said)
    if decision == "approve":
        # Copying an adapter takes a while: no transaction waits for it. After a crash the same call again goes on here.
        if "version" not in known:
            known = _noted(gateway, run_id, known | {"version": _accepted(gateway, run_id, known).name})
        _promote_once(gateway, known, key_id)
    return known


def _noted(gateway: Gateway, run_id: str, said: dict[str, Any]) -> dict[str, Any]:
    """Keep a decision, or add to the same one; returns what is kept."""
    with gateway.store.write() as session:
        run = lock(session, run_id)
        if run is None:
            raise NotFound
        outputs = run.outputs or {}
        known = outputs.get("review", {})
        if known and known["decision"] != said["decision"]:
            raise Refused(409, f"this run was reviewed before: {known['decision']}")
        if not known and run.verdict != UNDECIDED:
            raise Refused(409, "only a run whose verdict is needs_review can be reviewed")
        kept = said | known
        if kept != known:
            run.outputs = outputs | {"review": kept}
            run.version += 1
    return kept


def _accepted(gateway: Gateway, run_id: str, said: dict[str, Any]) -> Version:
    with gateway.store.read() as session:
        outputs = session.scalar(select(Run.outputs).where(Run.id == run_id)) or {}
    registry = ModelRegistry(gateway.settings.registry_folder)
    experiment = registry.experiment(str(outputs.get("registered", "")))
    if experiment is None:
        raise Refused(409, "the adapter of this run is not in the registry any more")
    if experiment.withdrawn:
        raise Refused(409, "the adapter of this run is withdrawn")
    return registry.accept(experiment, said)


def _promote_once(gateway: Gateway, known: dict[str, Any], key_id: str) -> None:
    """Not again when it has been in production before: somebody may have rolled it back since."""
    if not any(one["version"] == known["version"] for one in promotions.history(gateway)):
        promotions.promote(gateway, known["version"], key_id=key_id, reason=known["reason"])
