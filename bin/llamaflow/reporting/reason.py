"""The gate's decision in the language of the report. GATE writes English; other languages are told from its numbers."""

from __future__ import annotations

import re
from types import SimpleNamespace

from ..summaries import RuleResult
from .names import name, suite_name
from .numbers import Numbers
from .run import COUNTS, Run
from .sentences import decimal_comma, message
from .strings import words


def reason(run: Run, language: str) -> str:
    """The sentence under the verdict; the word of the verdict itself stands above it and is not repeated."""
    if language == "en":
        told = re.sub(r"^(Accepted|Rejected|Needs review): +", "", run.gate.reason)
        return told[:1].upper() + told[1:]
    n, t = Numbers(language), words(language)
    rules = run.gate.rules
    asked = [rule for rule in rules if outcome(rule) != "skipped"]
    ending = t.rules_held.format(passed=n.count(sum(rule.passed for rule in asked)), total=n.count(len(asked)))
    blocking = [rule for rule in rules if not rule.passed and rule.severity == "block"]
    failed = [rule for rule in blocking if outcome(rule) == "failed"]
    noisy = [rule for rule in blocking if outcome(rule) == "inside_noise"]
    if run.verdict == "accepted" and rules:
        moved = {
            (rule.suite, rule.metric): moves(rule, language)
            for rule in rules
            if rule.passed and rule.candidate is not None and rule.reference is not None
        }
        told = f" {t.and_} ".join(list(moved.values())[:2])
    elif run.verdict == "rejected" and failed:
        whole = 0 if failed[0].metric in COUNTS else None
        value = n.value(failed[0].candidate, whole)
        told = t.reason_failed.format(metric=measure(failed[0], language), value=value, limit=limit(failed[0], n, t, whole))
    elif noisy:
        confidence = n.percent(noisy[0].confidence, 0) if noisy[0].confidence is not None else ""
        told = (t.reason_noise if confidence else t.reason_noise_plain).format(metric=measure(noisy[0], language), confidence=confidence)
    elif run.verdict == "needs_review" and blocking:
        told = t.reason_open.format(rule=blocking[0].name)
    else:
        return run.gate.reason
    if run.gate.no_difference and run.verdict != "accepted":
        told = f"{t.reason_same}; {told}"
    return f"{told}; {ending}." if told else f"{ending[:1].upper()}{ending[1:]}."


def outcome(rule: RuleResult) -> str:
    """'passed', 'failed', 'inside_noise', 'not_measured' or 'skipped'; also of a result whose writer knew only passed and threshold."""
    if rule.passed and rule.outcome == "not_measured":
        return "skipped"
    if rule.passed or rule.outcome != "passed":
        return rule.outcome
    return "not_measured" if rule.threshold is None else "failed"


def is_upper(rule: RuleResult) -> bool | None:
    """True for a limit from above, False for one from below, None when the condition does not tell."""
    found = re.search(r" at (most|least) ", rule.condition)
    return found and found[1] == "most"


def limit(rule: RuleResult, n: Numbers, t: SimpleNamespace, decimals: int | None = None) -> str:
    """'at most 0.2186'."""
    word = {True: t.at_most, False: t.at_least, None: t.limit}[is_upper(rule)]
    return f"{word} {n.value(rule.threshold, decimals)}"


def measure(rule: RuleResult, language: str) -> str:
    """The metric of a rule, with its suite where the metric alone does not tell: 'Right answers (General abilities)'."""
    metric = name(rule.metric, language)
    return metric if rule.suite in ("test", "leak") else f"{metric} ({suite_name(rule.suite, '', language)})"


def moves(rule: RuleResult, language: str) -> str:
    """'perplexity fell from 18.42 to 11.20'."""
    n, t = Numbers(language), words(language)
    verb = t.stayed if rule.candidate == rule.reference else t.fell if rule.candidate < rule.reference else t.rose
    return verb.format(metric=measure(rule, language), base=n.value(rule.reference), candidate=n.value(rule.candidate))


def remark(rule: RuleResult, language: str) -> str:
    """What the result says beside its numbers; in other languages than GATE's the message of the rule file, or why it is open."""
    if language == "en":
        return rule.reason
    found = outcome(rule)
    return message(rule.reason.partition(": ")[2], language) if found in ("passed", "failed") else obstacle(rule, found, language)


def obstacle(rule: RuleResult, found: str, language: str) -> str:
    """Why a rule could not be decided, from its numbers and the form of GATE's sentence."""
    n, t = Numbers(language), words(language)
    if found == "inside_noise":
        parts = re.search(r"at ([\d.]+) % confidence it may be as (?:high|low) as (\S+), at (?:most|least) \S+ is needed", rule.reason)
        may = t.may_be_high if is_upper(rule) else t.may_be_low
        return may.format(confidence=decimal_comma(parts[1]), bound=decimal_comma(parts[2]), limit=limit(rule, n, t)) if parts else ""
    if "no model is in production" in rule.reason:
        return t.no_production
    if rule.candidate is None:
        return t.candidate_not_measured
    if rule.compare != "absolute" and rule.reference is None:
        return t.base_not_measured if rule.compare == "base" else t.production_not_measured
    if "different items" in rule.reason:
        return t.other_items
    return t.other_settings if "measured with a different" in rule.reason else t.no_interval


def condition(rule: RuleResult, language: str) -> str:
    """A rule's condition: as GATE words it in English, else from its parts where they are known."""
    found = re.search(r" at (most|least) (.+)$", rule.condition)
    if language == "en" or not found:
        return rule.condition
    t = words(language)
    bound = re.sub(r"\bproduction\b", t.production_short, decimal_comma(found[2]))
    return f"{name(rule.metric, language)} {t.at_most if found[1] == 'most' else t.at_least} {bound}"
