"""Gate rule files: read and checked with line numbers, and decided on numbers. Nothing here reads a step's summary."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from .errors import BadInputError, LlamaFlowError, ManyProblems
from .metrics import METRICS
from .summaries import FinetuneSummary, MetricValue, RuleResult

# condition key -> (what it compares with, words for people)
CONDITIONS: dict[str, tuple[Literal["base", "absolute"], str]] = {
    "at_most_ratio": ("base", "at most {number} × base"),
    "at_least_ratio": ("base", "at least {number} × base"),
    "at_most_delta": ("base", "at most base {signed}"),
    "at_least_delta": ("base", "at least base {signed}"),
    "at_most": ("absolute", "at most {number}"),
    "at_least": ("absolute", "at least {number}"),
}
FILE_KEYS = ("name", "description", "rules")
RULE_KEYS = ("name", "metric", "compare", *CONDITIONS, "severity", "message")
FINETUNE_METRICS = tuple(
    f"finetune.{name}"
    for name, field in FinetuneSummary.model_fields.items()
    if field.annotation in (int, float, float | None) and name != "seed"
)


@dataclass(frozen=True)
class Rule:
    """One condition on one metric. line is where it stands in the rule file."""

    name: str
    metric: str
    compare: Literal["base", "absolute"]
    condition: str
    number: float
    severity: Literal["block", "warn"] = "block"
    message: str = ""
    line: int = 0

    @property
    def words(self) -> str:
        """For people: 'perplexity at most 0.98 × base'."""
        signed = f"{'−' if self.number < 0 else '+'} {abs(self.number):g}"
        return f"{metric_name(self.metric)} {CONDITIONS[self.condition][1].format(number=f'{self.number:g}', signed=signed)}"


@dataclass(frozen=True)
class RuleFile:
    """A named list of rules."""

    name: str
    rules: list[Rule]


@dataclass(frozen=True)
class Decision:
    """A rule's result; undecided when there was nothing (comparable) to decide on."""

    result: RuleResult
    undecided: bool = False


def metric_name(metric: str) -> str:
    """How people call a metric: 'ROUGE-L', 'validation loss (finetune)'."""
    if metric.startswith("finetune."):
        return f"{metric.removeprefix('finetune.').replace('_', ' ')} (finetune)"
    return METRICS.get(metric, metric)


def decide(rule: Rule, candidate: Mapping[str, MetricValue], base: Mapping[str, MetricValue]) -> Decision:
    """Apply one rule. A number that is not finite fails it; one that is missing or not comparable leaves it undecided."""
    ours, theirs = candidate.get(rule.metric), base.get(rule.metric) if rule.compare == "base" else None
    name = metric_name(rule.metric)
    if ours is None:
        return _result(rule, ours, theirs, None, False, f"{name} of the candidate was not measured", undecided=True)
    if rule.compare == "absolute":
        return _compare(rule, ours, None, rule.number)
    if theirs is None:
        return _result(rule, ours, theirs, None, False, f"{name} of the base model was not measured", undecided=True)
    differing = sorted(key for key in ours.settings.keys() | theirs.settings.keys() if ours.settings.get(key) != theirs.settings.get(key))
    if differing:
        reason = f"{name} of base and candidate cannot be compared: they were measured with a different {' and '.join(differing)}"
        return _result(rule, ours, theirs, None, False, reason, undecided=True)
    threshold = theirs.value * rule.number if rule.condition.endswith("ratio") else theirs.value + rule.number
    return _compare(rule, ours, theirs, threshold)


def _compare(rule: Rule, ours: MetricValue, theirs: MetricValue | None, threshold: float) -> Decision:
    name, most = metric_name(rule.metric), rule.condition.startswith("at_most")
    for value, whose in ((ours.value, "the candidate"), (theirs.value if theirs else 0.0, "the base model")):
        if not math.isfinite(value):
            return _result(rule, ours, theirs, threshold, False, f"{name} of {whose} is not a finite number ({value})")
    # 0.12 + 0.01 is not 0.13 to the last bit: equal numbers pass on both sides.
    equal = math.isclose(ours.value, threshold, rel_tol=1e-9, abs_tol=1e-12)
    passed = equal or (ours.value < threshold if most else ours.value > threshold)
    # A narrow miss must not read as "0.36 but had to be at least 0.36".
    digits = 3 if passed or number(ours.value) != number(threshold) else 6
    told = change(name, theirs.value, ours.value, digits) if theirs else f"{name} is {number(ours.value, digits)}"
    if not passed:
        told += f" but had to be at {'most' if most else 'least'} {number(threshold, digits)}"
    return _result(rule, ours, theirs, threshold, passed, told)


def _result(
    rule: Rule,
    ours: MetricValue | None,
    theirs: MetricValue | None,
    threshold: float | None,
    passed: bool,
    told: str,
    undecided: bool = False,
) -> Decision:
    def finite(value: float | None) -> float | None:
        return value if value is not None and math.isfinite(value) else None  # JSON knows no NaN

    result = RuleResult(
        name=rule.name, metric=rule.metric, compare=rule.compare, condition=rule.words, candidate=finite(ours.value if ours else None),
        reference=finite(theirs.value if theirs else None), threshold=finite(threshold), passed=passed, severity=rule.severity,
        reason=told if passed or not rule.message else f"{told}: {rule.message}",
    )  # fmt: skip
    return Decision(result, undecided)


def change(name: str, before: float, after: float, digits: int = 3) -> str:
    """'perplexity fell from 38.1 to 7.4'."""
    first, second = number(before, digits), number(after, digits)
    if first == second:
        return f"{name} stayed at {second}"
    return f"{name} {'rose' if after > before else 'fell'} from {first} to {second}"


def number(value: float, digits: int = 3) -> str:
    """That many significant digits, but whole numbers in full: 38.1, 0.352, 1204."""
    if math.isfinite(value) and 10**digits <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def load_rules(path: Path | str) -> RuleFile:
    """Read and check a rule file. Raises BadInputError (ManyProblems) with every problem's line."""
    path = Path(path)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise BadInputError("the gate's rule file does not exist", where=str(path), fix="see conf/gates for some") from None
    except UnicodeDecodeError:
        raise BadInputError("the gate's rule file is not UTF-8 text", where=str(path), fix="save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise BadInputError("the gate's rule file is not YAML", where=where, why=getattr(error, "problem", "") or "") from None
    return _Reader(path).read(root)


class _Reader:
    """Walks the YAML nodes, which know their lines, and collects problems instead of stopping at the first."""

    def __init__(self, path: Path):
        self.path, self.problems = path, []

    def read(self, root: yaml.Node | None) -> RuleFile:
        if root is None:
            raise BadInputError("the gate's rule file is empty", where=str(self.path), fix="give it a name and a list of rules")
        top = self.mapping(root, FILE_KEYS, "the rule file")
        name = self.text(top, "name", root, "the rule file") or ""
        listed = top.get("rules")
        if not isinstance(listed, yaml.SequenceNode) or not listed.value:
            fix = "list at least one under 'rules:'; a gate without rules would let everything pass"
            self.problem(listed or root, "the rule file has no rules", fix=fix)
            rules = []
        else:
            rules = [rule for node in listed.value if (rule := self.rule(node))]
        names: dict[str, int] = {}
        for rule in rules:
            if rule.name in names:
                why, fix = f"line {names[rule.name]} has the same", "give each rule its own name"
                self.problems.append(self.error(rule.line, f"the rule name '{rule.name}' is used twice", why=why, fix=fix))
            names.setdefault(rule.name, rule.line)
        if self.problems:
            raise self.problems[0] if len(self.problems) == 1 else ManyProblems(self.problems)
        return RuleFile(name, rules)

    def rule(self, node: yaml.Node) -> Rule | None:
        known = len(self.problems)
        keys = self.mapping(node, RULE_KEYS, "a rule")
        if not isinstance(node, yaml.MappingNode):
            return None
        name, metric = self.text(keys, "name", node, "this rule"), self.text(keys, "metric", node, "this rule")
        if metric and metric not in METRICS and metric not in FINETUNE_METRICS:
            self.problem(keys["metric"], f"there is no metric '{metric}'", fix=_nearest(metric, (*METRICS, *FINETUNE_METRICS)))
        severity = self.choice(keys, "severity", ("block", "warn")) or "block"
        conditions = [key for key in CONDITIONS if key in keys]
        if len(conditions) != 1:
            what = f"a rule has exactly one condition, this one has {' and '.join(conditions) or 'none'}"
            self.problem(node, what, fix=f"keep one of {', '.join(CONDITIONS)}")
            return None
        condition, (meant, _) = conditions[0], CONDITIONS[conditions[0]]
        compare = self.choice(keys, "compare", ("base", "absolute")) or meant
        if compare != meant:
            fitting = ", ".join(key for key, (kind, _) in CONDITIONS.items() if kind == compare)
            what = f"{condition} is no condition for 'compare: {compare}'"
            self.problem(keys["compare"], what, fix=f"say 'compare: {meant}', or use {fitting}")
        if meant == "base" and metric in FINETUNE_METRICS:
            self.problem(keys["metric"], f"the base model has no {metric}", fix="use at_most or at_least with 'compare: absolute'")
        limit = self.limit(keys[condition], condition)
        message = self.text(keys, "message", node, "this rule", required=False) or ""
        if len(self.problems) > known or limit is None:
            return None
        return Rule(name or "", metric or "", meant, condition, limit, severity, message, node.start_mark.line + 1)

    def limit(self, node: yaml.Node, condition: str) -> float | None:
        value = yaml.SafeLoader("").construct_object(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            example = "0.98" if condition.endswith("ratio") else "0.01"
            self.problem(node, f"{condition} must be a number", fix=f"for example '{condition}: {example}'")
            return None
        if condition.endswith("ratio") and value <= 0:
            self.problem(node, f"{condition} must be above 0", fix="1 means equal to the base model")
            return None
        return float(value)

    def mapping(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} must be a list of 'key: value' lines", fix=f"keys: {', '.join(known)}")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            word = str(key.value)
            if word not in known:
                self.problem(key, f"{what} has no key '{word}'", fix=_nearest(word, known))
            elif word in found:
                self.problem(key, f"the key '{word}' is there twice", fix="keep one of them")
            found.setdefault(word, value)
        return found

    def text(self, keys: Mapping[str, yaml.Node], key: str, owner: yaml.Node, what: str, required: bool = True) -> str | None:
        node = keys.get(key)
        if node is None:
            if required and isinstance(owner, yaml.MappingNode):
                self.problem(owner, f"{what} has no '{key}'", fix=f"add '{key}: …'")
            return None
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self.problem(node, f"'{key}' must be text")
            return None
        return node.value.strip()

    def choice(self, keys: Mapping[str, yaml.Node], key: str, allowed: tuple[str, ...]) -> Any:
        node = keys.get(key)
        if node is not None and node.value not in allowed:
            self.problem(node, f"'{key}' must be {' or '.join(allowed)}")
            return None
        return node.value if node is not None else None

    def problem(self, node: yaml.Node, what: str, why: str = "", fix: str = "") -> None:
        self.problems.append(self.error(node.start_mark.line + 1, what, why=why, fix=fix))

    def error(self, line: int, what: str, **told: str) -> LlamaFlowError:
        return BadInputError(what, where=f"{self.path}:{line}", **told)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    right = next((name for name in known if near and name.lower() == near[0]), None)
    return f"did you mean '{right}'?" if right else f"use one of {', '.join(known)}"
