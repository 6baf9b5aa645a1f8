"""Gate rules applied to numbers: passed, failed, inside the noise, or nothing to decide on. Nothing here reads a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .gate_metrics import FINETUNE_METRICS, change, metric_name, number
from .gate_rules import Rule
from .summaries import CompareSummary, Difference, EvaluateSummary, FinetuneSummary, MetricValue, RuleResult

WHOSE = {"base": "the base model", "production": "the model in production"}
# An interval is only used for the number that it was made for; examples hold rounded values.
_SAME_NUMBER = 1e-3


@dataclass(frozen=True)
class Decision:
    """A rule's result; undecided: nothing (comparable) to decide on, or nothing sure; skipped: the same, and nobody has to look."""

    result: RuleResult
    undecided: bool = False
    skipped: bool = False


@dataclass(frozen=True)
class Evidence:
    """All that was measured. comparisons: reference ("base", "production") -> the candidate compared with it on the same examples."""

    candidate: EvaluateSummary
    base: EvaluateSummary
    production: EvaluateSummary | None = None
    finetune: FinetuneSummary | None = None
    comparisons: Mapping[str, CompareSummary] = field(default_factory=dict)

    def decide(self, rule: Rule) -> Decision:
        """Apply one rule to its suite's numbers."""
        ours = self.candidate.of(rule.suite) if not rule.metric.startswith("finetune.") else training_numbers(self.finetune)
        if rule.compare == "absolute":
            return decide(rule, ours, {}, *self._difference(rule))
        if rule.compare == "production" and self.production is None:
            return _undecided(rule, ours.get(rule.metric), None, "no model is in production yet", skip=True)
        other = self.production if rule.compare == "production" and self.production else self.base
        items, their_items = (_digests(side).get(rule.suite) for side in (self.candidate, other))
        if items and their_items and items != their_items:
            told = f"{metric_name(rule.metric, rule.suite)} of {WHOSE[rule.compare]} and of the candidate cannot be compared"
            told += ": they were measured on different items"
            return _undecided(rule, ours.get(rule.metric), other.of(rule.suite).get(rule.metric), told)
        return decide(rule, ours, other.of(rule.suite), *self._difference(rule))

    def _difference(self, rule: Rule) -> tuple[Difference | None, int]:
        """The interval that the rule rests on, and of how many trainings it is."""
        # The candidate's own quantiles stand in every comparison.
        names = (rule.compare,) if rule.compare != "absolute" else ("base", "production")
        for summary in (self.comparisons[name] for name in names if name in self.comparisons):
            for one in summary.differences:
                if (one.suite, one.metric) == (rule.suite, rule.metric):
                    return one, summary.seeds
        return None, 1

    @property
    def no_difference(self) -> int:
        """Numbers that were compared with the base model's when none of them differs beyond noise, else 0.

        At 99 %, not the 95 % of a single verdict: among dozens of numbers of equal models some differ at 95 % by chance.
        """
        found = self.comparisons["base"].differences if "base" in self.comparisons else []
        differs = [one for one in found if not one.difference_quantiles["0.005"] <= 0 <= one.difference_quantiles["0.995"]]
        return len(found) if all(one.verdict == "no difference" for one in differs) else 0


def _digests(summary: EvaluateSummary) -> dict[str, str]:
    return {"test": summary.data_digest, **{name: suite.digest for name, suite in summary.suites.items()}}


def training_numbers(finetune: FinetuneSummary | None) -> dict[str, MetricValue]:
    """The numbers of a training run that rules may name as finetune.<field>."""
    if finetune is None:
        return {}
    values = {name: getattr(finetune, name.removeprefix("finetune.")) for name in FINETUNE_METRICS}
    return {name: MetricValue(value=value, higher_is_better=False) for name, value in values.items() if value is not None}


def decide(
    rule: Rule,
    candidate: Mapping[str, MetricValue],
    reference: Mapping[str, MetricValue],
    difference: Difference | None = None,
    seeds: int = 1,
) -> Decision:
    """Apply one rule to the numbers of its suite. A number that is not finite fails it; one that is missing or not comparable leaves it
    undecided, and so does a number on the right side whose interval (difference, of so many trainings) is not: that is inside the noise.
    """
    ours, theirs = candidate.get(rule.metric), reference.get(rule.metric) if rule.compare != "absolute" else None
    name, skip = metric_name(rule.metric, rule.suite), rule.when_missing == "skip"
    if ours is None:
        return _undecided(rule, ours, theirs, f"{name} of the candidate was not measured", skip=skip)
    if rule.compare == "absolute":
        return _compare(rule, ours, None, rule.number, difference, seeds)
    whose = WHOSE[rule.compare]
    if theirs is None:
        return _undecided(rule, ours, theirs, f"{name} of {whose} was not measured", skip=skip)
    differing = sorted(key for key in ours.settings.keys() | theirs.settings.keys() if ours.settings.get(key) != theirs.settings.get(key))
    if differing:
        both = "base and candidate" if rule.compare == "base" else "production and candidate"
        told = f"{name} of {both} cannot be compared: they were measured with a different {' and '.join(differing)}"
        return _undecided(rule, ours, theirs, told)
    threshold = theirs.value * rule.number if rule.condition.endswith("ratio") else theirs.value + rule.number
    return _compare(rule, ours, theirs, threshold, difference, seeds)


def _compare(
    rule: Rule, ours: MetricValue, theirs: MetricValue | None, threshold: float, difference: Difference | None, seeds: int
) -> Decision:
    name, most = metric_name(rule.metric, rule.suite), rule.condition.startswith("at_most")
    for value, whose in ((ours.value, "the candidate"), (theirs.value if theirs else 0.0, WHOSE.get(rule.compare, ""))):
        if not math.isfinite(value):
            return _result(rule, ours, theirs, threshold, f"{name} of {whose} is not a finite number ({value})", "failed", difference)
    passed = _holds(ours.value, threshold, most)
    # A narrow miss must not read as "0.36 but had to be at least 0.36".
    digits = 3 if passed or number(ours.value) != number(threshold) else 6
    told = change(name, theirs.value, ours.value, digits) if theirs else f"{name} is {number(ours.value, digits)}"
    if rule.compare == "production":
        told = f"compared with production, {told}"
    limit = f"at {'most' if most else 'least'} {number(threshold, digits)}"
    if not passed:
        return _result(rule, ours, theirs, threshold, f"{told} but had to be {limit}", "failed", difference)
    if rule.confidence is None:
        return _result(rule, ours, theirs, threshold, told, "passed", difference)
    bound, obstacle = _bound(rule, ours, theirs, difference, seeds)
    sure = f"{100 * rule.confidence:g} %"
    if bound is None:
        return _undecided(rule, ours, theirs, f"{told}, but {obstacle} to be {sure} sure of it")
    if _holds(bound, threshold, most):
        return _result(rule, ours, theirs, threshold, told, "passed", difference)
    digits = 3 if number(bound) != number(threshold) else 6
    could = f"it may be as {'high' if most else 'low'} as {number(bound, digits)}"
    limit = f"at {'most' if most else 'least'} {number(threshold, digits)}"
    told += f" but this is inside the noise (at {sure} confidence {could}, {limit} is needed)"
    return _result(rule, ours, theirs, threshold, told, "inside_noise", difference)


def _bound(
    rule: Rule, ours: MetricValue, theirs: MetricValue | None, difference: Difference | None, seeds: int
) -> tuple[float | None, str]:
    """The one-sided bound of the candidate's number at the rule's confidence, given the reference's; None and why there is none."""
    if difference is None:
        return None, "there is no interval"
    # With several trainings, the interval's candidate is all of them together.
    pairs = [(difference.reference, theirs)] if theirs else [(difference.candidate, ours)] if seeds == 1 else []
    if not all(math.isclose(mine, value.value, rel_tol=_SAME_NUMBER, abs_tol=1e-6) for mine, value in pairs):
        return None, "the interval is one of other numbers"
    confidence = rule.confidence or 0.5
    key = f"{confidence if rule.condition.startswith('at_most') else 1 - confidence:.6g}"
    if theirs is None:
        return difference.candidate_quantiles[key], ""
    if rule.condition.endswith("delta"):
        return theirs.value + difference.difference_quantiles[key], ""
    if not difference.ratio_quantiles:
        return None, f"{WHOSE[rule.compare]} has a number too near 0"
    return theirs.value * difference.ratio_quantiles[key], ""


def _holds(value: float, threshold: float, most: bool) -> bool:
    # 0.12 + 0.01 is not 0.13 to the last bit: equal numbers pass on both sides.
    return math.isclose(value, threshold, rel_tol=1e-9, abs_tol=1e-12) or (value < threshold if most else value > threshold)


def _undecided(rule: Rule, ours: MetricValue | None, theirs: MetricValue | None, told: str, skip: bool = False) -> Decision:
    decision = _result(rule, ours, theirs, None, told, "not_measured", None, passed=skip)
    return Decision(decision.result, undecided=not skip, skipped=skip)


def _result(
    rule: Rule,
    ours: MetricValue | None,
    theirs: MetricValue | None,
    threshold: float | None,
    told: str,
    outcome: Literal["passed", "failed", "inside_noise", "not_measured"],
    difference: Difference | None,
    passed: bool = False,
) -> Decision:
    def finite(value: float | None) -> float | None:
        return value if value is not None and math.isfinite(value) else None  # JSON knows no NaN

    passed = passed or outcome == "passed"
    low, high = (difference.low, difference.high) if difference and theirs else (None, None)
    if ours and rule.compare == "absolute":
        low, high = ours.low, ours.high
        if difference:
            low, high = difference.candidate_quantiles["0.025"], difference.candidate_quantiles["0.975"]
    result = RuleResult(
        name=rule.name, metric=rule.metric, suite=rule.suite, compare=rule.compare, condition=rule.words,
        candidate=finite(ours.value if ours else None), reference=finite(theirs.value if theirs else None), threshold=finite(threshold),
        confidence=rule.confidence, low=finite(low), high=finite(high), passed=passed, outcome=outcome, severity=rule.severity,
        reason=f"{told}: {rule.message}" if outcome == "failed" and rule.message else told,
    )  # fmt: skip
    return Decision(result, undecided=outcome == "inside_noise")
