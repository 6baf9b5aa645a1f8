"""The gate's decision in the language of the report. GATE writes English; other languages are told from its numbers."""

from __future__ import annotations

import re

from ..summaries import RuleResult
from .names import name
from .numbers import Numbers
from .run import Run
from .strings import words


def reason(run: Run, language: str) -> str:
    """The sentence under the verdict; the word of the verdict itself stands above it and is not repeated."""
    if language == "en":
        told = re.sub(r"^(Accepted|Rejected|Needs review): +", "", run.gate.reason)
        return told[:1].upper() + told[1:]
    n, t = Numbers(language), words(language)
    rules = run.gate.rules
    ending = t.rules_held.format(passed=n.count(sum(rule.passed for rule in rules)), total=n.count(len(rules)))
    blocking = [rule for rule in rules if not rule.passed and rule.severity == "block"]
    failed = [rule for rule in blocking if not undecided(rule)]
    if run.verdict == "accepted" and rules:
        moved = {
            rule.metric: moves(rule, language)
            for rule in rules
            if rule.passed and rule.candidate is not None and rule.reference is not None
        }
        told = f" {t.and_} ".join(list(moved.values())[:2])
    elif run.verdict == "rejected" and failed:
        limit = {True: t.at_most, False: t.at_least, None: t.limit}[is_upper(failed[0])]
        value = n.value(failed[0].candidate)
        told = t.reason_failed.format(metric=name(failed[0].metric, language), value=value, limit=f"{limit} {n.value(failed[0].threshold)}")
    elif run.verdict == "needs_review" and blocking:
        told = t.reason_open.format(rule=blocking[0].name)
    else:
        return run.gate.reason
    return f"{told}; {ending}." if told else f"{ending[:1].upper()}{ending[1:]}."


def undecided(rule: RuleResult) -> bool:
    """Whether there was nothing to decide on: GATE then leaves the threshold out."""
    return not rule.passed and rule.threshold is None


def is_upper(rule: RuleResult) -> bool | None:
    """True for a limit from above, False for one from below, None when the condition does not tell."""
    found = re.search(r" at (most|least) ", rule.condition)
    return found and found[1] == "most"


def moves(rule: RuleResult, language: str) -> str:
    """'perplexity fell from 18.42 to 11.20'."""
    n, t = Numbers(language), words(language)
    verb = t.stayed if rule.candidate == rule.reference else t.fell if rule.candidate < rule.reference else t.rose
    return verb.format(metric=name(rule.metric, language), base=n.value(rule.reference), candidate=n.value(rule.candidate))


def remark(rule: RuleResult, language: str) -> str:
    """What the result says beside its numbers; in other languages than GATE's only the message of the rule file after the colon."""
    return rule.reason if language == "en" else rule.reason.partition(": ")[2]


def condition(rule: RuleResult, language: str) -> str:
    """A rule's condition: as GATE words it in English, else from its parts where they are known."""
    found = re.search(r" at (most|least) (.+)$", rule.condition)
    if language == "en" or not found:
        return rule.condition
    t = words(language)
    limit = re.sub(r"(?<=\d)\.(?=\d)", ",", found[2]) if language == "pt" else found[2]
    return f"{name(rule.metric, language)} {t.at_most if found[1] == 'most' else t.at_least} {limit}"
