"""How long a run takes and how much memory it needs: by what was measured, or honestly unknown.

For a run whose PREFLIGHT is through, its own preflight.json tells the training's memory and minutes. For the whole duration only
earlier runs of the same kind speak: same base model, mode, profile and training parameters, best of all the same input, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select

from ..context import Gateway
from ..store.tables import Run, now
from . import outputs, parameters
from .states import FINAL, State

LOOKED_AT = 200  # newest complete runs
# What decides how much there is to compute, beside the input's size.
KIND = ("mode", "base_model", "gpus", "quantization", "gate")
WORK = (
    "recipe", "search", "epochs", "max_steps", "max_length", "batch_size", "max_rounds", "max_generated", "max_new_tokens", "suites",
    "leak_test", "max_test_examples", "max_suite_examples", "max_adversarial",
)  # fmt: skip


def estimate(gateway: Gateway, asked: Mapping[str, Any], run: Any = None) -> dict[str, Any]:
    """basis: how much the numbers rest on: same_work, same_base, preflight or unknown.

    asked: {workflow_params, engine_parameters, input_bytes} as a run's request keeps them. run: where there is one, with outdir, state,
    started_at, ended_at. seconds: {low, likely, high} of a whole run; memory_gib: of the training; remaining_s: of a run at work.
    """
    told: dict[str, Any] = {
        "basis": "unknown",
        "seconds": None,
        "memory_gib": None,
        "runs": 0,
        "why": "no earlier run of this kind is known here",
    }
    same_kind = [one for one in _earlier(gateway) if _of(gateway, one.request, KIND) == _of(gateway, asked, KIND)]
    same_work = [one for one in same_kind if _of(gateway, one.request, WORK) == _of(gateway, asked, WORK)]
    if similar := same_work or same_kind:
        seconds = [number for one in similar for number in _seconds(one, asked.get("input_bytes"))]
        memory = [peak / 2**30 for one in similar if (peak := (one.outputs or {}).get("numbers", {}).get("peak_memory_bytes"))]
        told |= {
            "basis": "same_work" if same_work else "same_base", "runs": len(similar),
            "seconds": {"low": round(min(seconds)), "likely": round(median(seconds)), "high": round(max(seconds))},
            "memory_gib": round(max(memory), 2) if memory else None,
            "why": f"earlier runs with the same base model and {'the same' if same_work else 'other'} training parameters; "
            "low and high span 'as long as then' and 'in proportion to the input'",
        }  # fmt: skip
    preflight = outputs.summary(Path(run.outdir), "preflight").get("estimates") if run is not None else None
    if preflight:
        told["preflight"] = preflight
        told["memory_gib"] = told["memory_gib"] or _rounded(preflight.get("training_memory_gib"))
        if told["basis"] == "unknown":
            told |= {
                "basis": "preflight",
                "why": "the run's own PREFLIGHT: training and evaluation of one round, without preparation and rounds",
            }
            minutes = [preflight.get(name) for name in ("training_minutes", "evaluation_minutes")]
            if all(isinstance(one, int | float) for one in minutes):
                told["seconds"] = {"low": round(60 * sum(minutes)), "likely": None, "high": None}
    return told | _remaining(run, told["seconds"]) if run is not None else told


def _earlier(gateway: Gateway) -> list[Any]:
    """Complete runs, newest first, of all callers: only numbers of them are told."""
    columns = (Run.request, Run.outputs, Run.started_at, Run.ended_at, Run.launches)
    query = select(*columns).where(Run.state == State.COMPLETE.value, Run.started_at.is_not(None), Run.launches == 1)
    with gateway.store.read() as session:
        return session.execute(query.order_by(Run.created_at.desc()).limit(LOOKED_AT)).all()


def _of(gateway: Gateway, request: Mapping[str, Any], names: tuple[str, ...]) -> tuple:
    """What runs are compared by, defaults filled in."""
    params, engine = request.get("workflow_params") or {}, request.get("engine_parameters") or {}
    properties = parameters.schema_of(gateway.settings).properties
    profiles = sorted(one.strip() for one in str(engine.get("profile", "")).split(",") if one.strip())
    values = [params.get(name, properties.get(name, {}).get("default")) for name in names]
    return bool(engine.get("stub")), tuple(profiles), tuple(map(str, values))


def _seconds(earlier: Any, input_bytes: int | None) -> list[float]:
    """The duration then, and in proportion to the input, where both sizes are known."""
    then = (earlier.ended_at - earlier.started_at).total_seconds()
    size = (earlier.request or {}).get("input_bytes")
    return [then, then * input_bytes / size] if size and input_bytes and size != input_bytes else [then]


def _remaining(run: Any, seconds: dict[str, Any] | None) -> dict[str, Any]:
    """elapsed_s, remaining_s (None where nothing likely is known) and seconds of a run; of one at work they are never below elapsed_s."""
    if run.started_at is None:
        return {"elapsed_s": None, "remaining_s": None}
    over = State(run.state) in FINAL and run.ended_at is not None
    elapsed = max(0, round(((run.ended_at if over else now()) - run.started_at).total_seconds()))
    if over or seconds is None:
        return {"elapsed_s": elapsed, "remaining_s": 0 if over else None}
    raised = {name: None if number is None else max(number, elapsed) for name, number in seconds.items()}
    return {"elapsed_s": elapsed, "remaining_s": None if raised["likely"] is None else raised["likely"] - elapsed, "seconds": raised}


def _rounded(number: Any) -> float | None:
    return round(number, 2) if isinstance(number, int | float) else None
