"""A run's numbers for its page, out of the summaries that it published: scores beside the base model, the gate's rules, drift. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST = 40  # rows
FIRST = ("perplexity", "rougeL", "bertscore_f1", "chrf", "exact_match", "token_f1", "refusal_rate")
SPEED = ("_ms", "_per_second", "_gib")


@dataclass(frozen=True)
class Score:
    """A metric of the candidate beside other models. verdict: better, worse, no difference, or "" where it was not compared."""

    suite: str
    name: str
    candidate: float | None
    base: float | None
    production: float | None
    verdict: str


@dataclass(frozen=True)
class Rule:
    """A rule of the gate and what came of it."""

    name: str
    condition: str
    candidate: float | None
    threshold: float | None
    outcome: str  # passed, failed, inside_noise, not_measured
    blocks: bool


@dataclass(frozen=True)
class Feature:
    """Something that drift was looked for in."""

    side: str
    name: str
    effect: float | None
    p_adjusted: float | None
    drifted: bool
    direction: str


def scores(summaries: Mapping[str, Any]) -> list[Score]:
    """Of the test set and of each suite; what people look at first comes first, how fast it was last."""
    models = {name: _metrics(summaries.get(f"evaluate-{name}")) for name in ("candidate", "base", "production")}
    verdicts = {
        (_text(one, "suite"), _text(one, "metric")): _text(one, "verdict") for one in _list(summaries.get("compare-base"), "differences")
    }
    return [
        Score(*key, value, models["base"].get(key), models["production"].get(key), verdicts.get(key, ""))
        for key, value in sorted(models["candidate"].items(), key=lambda item: _place(*item[0]))[:MOST]
    ]


def rules(summaries: Mapping[str, Any]) -> list[Rule]:
    """Of the gate."""
    return [
        Rule(
            _text(one, "name"), _text(one, "condition"), _number(one, "candidate"), _number(one, "threshold"), _text(one, "outcome"),
            one.get("severity") == "block",
        )
        for one in _list(summaries.get("gate"), "rules")[:MOST]
    ]  # fmt: skip


def features(summaries: Mapping[str, Any]) -> list[Feature]:
    """Of a drift run: those that drifted first, then by effect."""
    found = [
        Feature(
            _text(one, "side"), _text(one, "name"), _number(one, "effect"), _number(one, "p_adjusted"), one.get("drifted") is True,
            _text(one, "direction"),
        )
        for one in _list(summaries.get("drift"), "features")
    ]  # fmt: skip
    return sorted(found, key=lambda one: (not one.drifted, -(one.effect or 0)))[:MOST]


def facts(summaries: Mapping[str, Any]) -> dict[str, Any]:
    """Single numbers, by the key of their name among the texts; only those that are there."""
    prepare, split, tune = (summaries.get(name) or {} for name in ("prepare", "split", "finetune"))
    found = {
        "records_in": prepare.get("records_in"), "train": split.get("train"), "validation": split.get("validation"),
        "test": split.get("test"),
        "training_seconds": tune.get("training_seconds"), "tokens_per_second": tune.get("tokens_per_second"),
        "validation_loss": tune.get("validation_loss"), "peak_memory_bytes": tune.get("peak_memory_bytes"),
        "device": (tune.get("hardware") or {}).get("device"),
    }  # fmt: skip
    return {name: value for name, value in found.items() if isinstance(value, str | int | float) and value not in ("", 0)}


def _place(suite: str, name: str) -> tuple[int, int]:
    """Where a metric stands; sorting keeps the order of those with the same place."""
    known = FIRST.index(name) if name in FIRST else len(FIRST)
    return (2 if name.endswith(SPEED) else 1 if suite != "test" else 0), known


def _metrics(evaluation: Any) -> dict[tuple[str, str], float]:
    """By suite and name."""
    if not isinstance(evaluation, Mapping):
        return {}
    found = {("test", name): one for name, one in (evaluation.get("metrics") or {}).items()}
    for suite, one in (evaluation.get("suites") or {}).items():
        found |= {(suite, name): value for name, value in (one.get("metrics") or {}).items()}
    return {key: one["value"] for key, one in found.items() if isinstance(one, Mapping) and isinstance(one.get("value"), int | float)}


def _list(summary: Any, name: str) -> list[Mapping[str, Any]]:
    values = summary.get(name) if isinstance(summary, Mapping) else None
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []


def _text(one: Mapping[str, Any], name: str) -> str:
    return str(one.get(name) or "")


def _number(one: Mapping[str, Any], name: str) -> float | None:
    value = one.get(name)
    return value if isinstance(value, int | float) else None
