"""What the gate section shows: every rule with its number, interval, confidence and outcome, and what a person should look at."""

from __future__ import annotations

import math
from types import SimpleNamespace

from ..summaries import RuleResult
from .names import suite_name
from .numbers import Numbers
from .reason import condition, measure, outcome, remark
from .run import Run, decimals_of
from .strings import words

# Badge of each outcome; a blocking rule that failed is bad, a warning one is not.
TONES = {"passed": "good", "failed": "bad", "inside_noise": "warn", "not_measured": "warn", "skipped": "plain"}


def gate(run: Run, language: str) -> SimpleNamespace:
    """Everything that the section needs."""
    rows = [rule_row(run, rule, language) for rule in run.gate.rules]
    return SimpleNamespace(
        rows=rows,
        suites=any(rule.suite != "test" for rule in run.gate.rules),
        intervals=any(row.interval for row in rows),
        same=run.gate.no_difference,
        look=look(run, language) if run.verdict == "needs_review" else [],
        outcomes=[key for key in ("inside_noise", "not_measured", "skipped") if any(row.outcome == key for row in rows)],
    )


def rule_row(run: Run, rule: RuleResult, language: str) -> SimpleNamespace:
    """One rule. Its numbers have equal decimals."""
    n, t = Numbers(language), words(language)
    found = outcome(rule)
    decimals = decimals_of(rule.metric, rule.candidate, rule.reference, rule.threshold)
    kind = next((side.suites[rule.suite].kind for side in run.sides if rule.suite in side.suites), "")
    return SimpleNamespace(
        rule=rule,
        condition=condition(rule, language),
        remark=remark(rule, language),
        suite=suite_name(rule.suite, kind, language),
        outcome=found,
        word={"passed": t.passes, "failed": t.fail}.get(found) or getattr(t, found),
        tone="warn" if found == "failed" and rule.severity == "warn" else TONES[found],
        decimals=decimals,
        against={"base": t.base, "production": t.production, "absolute": ""}[rule.compare],
        interval=interval(rule, n, t, decimals),
        interval_of=t.of_number if rule.compare == "absolute" else t.of_difference,
        confidence=""
        if found in ("skipped", "not_measured")
        else t.at_confidence.format(confidence=n.percent(rule.confidence, 0))
        if rule.confidence is not None
        else t.number_alone,
    )


def interval(rule: RuleResult, n: Numbers, t: SimpleNamespace, decimals: int) -> str:
    """The 95 % interval as GATE has it: of a difference with signs; '' where there is none."""
    if rule.low is None or rule.high is None or not (math.isfinite(rule.low) and math.isfinite(rule.high)):
        return ""
    signed = rule.compare != "absolute"
    return t.between.format(low=n.value(rule.low, decimals, signed=signed), high=n.value(rule.high, decimals, signed=signed))


def look(run: Run, language: str) -> list[str]:
    """What a person should look at before deciding: one sentence for each rule that could not be decided."""
    n, t = Numbers(language), words(language)
    found = []
    for rule in run.gate.rules:
        kind = outcome(rule)
        if kind not in ("inside_noise", "not_measured"):
            continue
        decimals = decimals_of(rule.metric, rule.candidate, rule.reference, rule.threshold)
        bounds = interval(rule, n, t, decimals)
        text = t.look_missing if kind == "not_measured" else t.look_noise if bounds else t.look_noise_plain
        because = remark(rule, language)
        because = f" {because[:1].upper()}{because[1:]}." if because else ""
        found.append(text.format(rule=rule.name, metric=measure(rule, language), interval=bounds) + because)
    return found
