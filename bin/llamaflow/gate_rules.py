"""Gate rule files: read and checked with line numbers. ``gate_decisions`` applies them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from .errors import BadInputError, LlamaFlowError, ManyProblems
from .gate_metrics import CONFIDENCES, FINETUNE_METRICS, WITHOUT_INTERVAL, metric_name, suite_problem
from .metrics import METRICS

# condition key -> (what it compares with unless the rule says production, words for people)
CONDITIONS: dict[str, tuple[Literal["base", "absolute"], str]] = {
    "at_most_ratio": ("base", "at most {number} × {reference}"),
    "at_least_ratio": ("base", "at least {number} × {reference}"),
    "at_most_delta": ("base", "at most {reference} {signed}"),
    "at_least_delta": ("base", "at least {reference} {signed}"),
    "at_most": ("absolute", "at most {number}"),
    "at_least": ("absolute", "at least {number}"),
}
COMPARES = {"base": ("base", "production"), "absolute": ("absolute",)}
FILE_KEYS = ("name", "description", "rules")
RULE_KEYS = ("name", "metric", "suite", "compare", *CONDITIONS, "confidence", "severity", "when_missing", "message")


@dataclass(frozen=True)
class Rule:
    """One condition on one metric of one suite. line is where it stands in the rule file.

    confidence: one-sided; None: the number alone decides. when_missing: what becomes of the rule when nothing was measured that it
    could decide on: a person looks (review), or it is skipped. A rule on production is always skipped before there is such a model.
    """

    name: str
    metric: str
    compare: Literal["base", "production", "absolute"]
    condition: str
    number: float
    severity: Literal["block", "warn"] = "block"
    message: str = ""
    line: int = 0
    suite: str = "test"
    confidence: float | None = None
    when_missing: Literal["review", "skip"] = "review"

    @property
    def words(self) -> str:
        """For people: 'perplexity at most 0.98 × base'."""
        signed = f"{'−' if self.number < 0 else '+'} {abs(self.number):g}"
        told = CONDITIONS[self.condition][1].format(number=f"{self.number:g}", signed=signed, reference=self.compare)
        return f"{metric_name(self.metric, self.suite)} {told}"


@dataclass(frozen=True)
class RuleFile:
    """A named list of rules."""

    name: str
    rules: list[Rule]


def needed_suites(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Suites beside the test set without which the verdict cannot be "accepted", each with the first rule that needs it."""
    needed: dict[str, Rule] = {}
    for rule in rules:
        if rule.severity == "block" and rule.when_missing == "review" and rule.suite != "test":
            needed.setdefault(rule.suite, rule)
    return needed


def check_suites(gate: RuleFile, path: Path | str, off: Iterable[str]) -> None:
    """Raises BadInputError (ManyProblems) when the gate needs suites that the run does not have (off)."""
    fix = "turn it on, give the rule 'when_missing: skip', or use another gate"
    problems: list[LlamaFlowError] = [
        BadInputError(f"the gate needs suite {suite}, which this run leaves out", where=f"{path}:{rule.line}", fix=fix)
        for suite, rule in needed_suites(gate.rules).items()
        if suite in set(off)
    ]
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)


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
        when_missing = self.choice(keys, "when_missing", ("review", "skip")) or "review"
        suite = self.text(keys, "suite", node, "this rule", required=False) or "test"
        if metric and metric in (*METRICS, *FINETUNE_METRICS) and (problem := suite_problem(metric, suite)):
            self.problem(keys.get("suite", keys["metric"]), problem[0], fix=problem[1])
        conditions = [key for key in CONDITIONS if key in keys]
        if len(conditions) != 1:
            what = f"a rule has exactly one condition, this one has {' and '.join(conditions) or 'none'}"
            self.problem(node, what, fix=f"keep one of {', '.join(CONDITIONS)}")
            return None
        condition, (meant, _) = conditions[0], CONDITIONS[conditions[0]]
        compare = self.choice(keys, "compare", ("base", "production", "absolute")) or meant
        if compare not in COMPARES[meant]:
            fitting = ", ".join(key for key, (kind, _) in CONDITIONS.items() if compare in COMPARES[kind])
            what = f"{condition} is no condition for 'compare: {compare}'"
            self.problem(keys["compare"], what, fix=f"say 'compare: {' or '.join(COMPARES[meant])}', or use {fitting}")
        if meant == "base" and metric in FINETUNE_METRICS:
            what = f"{metric} is of this training, no other model has it"
            self.problem(keys["metric"], what, fix="use at_most or at_least with 'compare: absolute'")
        limit = self.limit(keys[condition], condition)
        confidence = self.confidence(keys, metric or "")
        message = self.text(keys, "message", node, "this rule", required=False) or ""
        if len(self.problems) > known or limit is None:
            return None
        return Rule(
            name or "",
            metric or "",
            compare,
            condition,
            limit,
            severity,
            message,
            node.start_mark.line + 1,
            suite,
            confidence,
            when_missing,
        )

    def confidence(self, keys: Mapping[str, yaml.Node], metric: str) -> float | None:
        node = keys.get("confidence")
        if node is None:
            return None
        value = yaml.SafeLoader("").construct_object(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, bool) or value not in CONFIDENCES:
            self.problem(node, f"'confidence' must be one of {', '.join(map(str, CONFIDENCES))}", fix="0.95 means 95 %, on one side")
            return None
        if metric in WITHOUT_INTERVAL:
            self.problem(node, f"there is no interval of {metric} to be confident of", fix="leave 'confidence' out")
        return float(value)

    def limit(self, node: yaml.Node, condition: str) -> float | None:
        value = yaml.SafeLoader("").construct_object(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            example = "0.98" if condition.endswith("ratio") else "0.01"
            self.problem(node, f"{condition} must be a number", fix=f"for example '{condition}: {example}'")
            return None
        if condition.endswith("ratio") and value <= 0:
            self.problem(node, f"{condition} must be above 0", fix="1 means equal to the other model")
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
            self.problem(node, f"'{key}' must be {', '.join(allowed[:-1])} or {allowed[-1]}")
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
