#!/usr/bin/env python3
"""Decide whether the candidate is good enough: compare its numbers with the base model's under a rule file.

    gate.py --base base/evaluate.json --candidate candidate/evaluate.json --finetune finetune.json \\
        --rules conf/gates/default.yaml --summary gate.json

A rejected model is a result: the exit code is 0 and gate.json says why.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, write_json
from llamaflow.gate_rules import FINETUNE_METRICS, Decision, decide, load_rules
from llamaflow.summaries import EvaluateSummary, FinetuneSummary, GateSummary, MetricValue, Summary, read_summary

AnySummary = TypeVar("AnySummary", bound=Summary)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = parser.add_argument_group("numbers")
    numbers.add_argument("--base", type=Path, required=True, help="evaluate.json of the base model")
    numbers.add_argument("--candidate", type=Path, required=True, help="evaluate.json of the fine-tuned model")
    numbers.add_argument("--finetune", type=Path, help="finetune.json, for rules on finetune.<field>")
    rules = parser.add_argument_group("rules")
    rules.add_argument("--rules", type=Path, required=True, help="a file as in conf/gates")
    output = parser.add_argument_group("output")
    output.add_argument("--summary", type=Path, default=Path("gate.json"))
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Read the summaries and the rules, decide each rule, write the verdict."""
    args = parse(argv)
    started = time.monotonic()
    gate = load_rules(args.rules)
    base, candidate = load(args.base, EvaluateSummary), load(args.candidate, EvaluateSummary)
    finetune = load(args.finetune, FinetuneSummary) if args.finetune else None
    for summary, side, path in ((base, "base", args.base), (candidate, "candidate", args.candidate)):
        if summary.model != side:
            what = f"this is the evaluation of the {summary.model}, not of the {side}"
            raise BadInputError(what, where=str(path), fix=f"give it as --{summary.model}")
    if base.data_digest != candidate.data_digest:
        raise BadInputError(
            "base and candidate were scored on different test files, so their numbers cannot be compared",
            where=str(args.candidate), why=f"its data_digest is not that of {args.base}", fix="evaluate both on the same test file",
        )  # fmt: skip

    numbers = {**candidate.metrics, **training_numbers(finetune)}
    decisions = [decide(rule, numbers, base.metrics) for rule in gate.rules]
    verdict, reason, warnings = judge(decisions)
    summary = GateSummary(
        seconds=round(time.monotonic() - started, 3), warnings=warnings, verdict=verdict, reason=reason, gate=gate.name,
        gate_sha256=sha256_file(args.rules), rules=[decision.result for decision in decisions],
    )  # fmt: skip
    write_json(args.summary, summary)
    print(reason)
    for warning in warnings:
        print(f"warning: {warning}")


def load(path: Path, kind: type[AnySummary]) -> AnySummary:
    """Read a summary; BadInputError where it is absent or of another kind."""
    step = kind.model_fields["step"].default
    try:
        return read_summary(path, kind)
    except FileNotFoundError:
        raise BadInputError(f"the {step} summary does not exist", where=str(path), fix=f"give the step's {step}.json") from None
    except (ValidationError, UnicodeDecodeError) as error:
        # Only names of fields and kinds of faults: a summary holds sample texts.
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "type": "not UTF-8 text"}
        why = f"{first['type']} at '{'.'.join(map(str, first['loc'])) or 'the top'}'"
        fix = f"give the {step}.json of this version of the pipeline"
        raise BadInputError(f"this is no {step} summary", where=str(path), why=why, fix=fix) from None


def training_numbers(finetune: FinetuneSummary | None) -> dict[str, MetricValue]:
    """The numbers of a training run that rules may name as finetune.<field>."""
    if finetune is None:
        return {}
    values = {name: getattr(finetune, name.removeprefix("finetune.")) for name in FINETUNE_METRICS}
    return {name: MetricValue(value=value, higher_is_better=False) for name, value in values.items() if value is not None}


def judge(decisions: list[Decision]) -> tuple[str, str, list[str]]:
    """Verdict, one sentence for a manager, and what to warn about.

    Any failed block rule rejects; else any undecided one asks for a person; a warn rule never changes the verdict.
    """
    blocking = [decision for decision in decisions if decision.result.severity == "block"]
    failed = [decision.result for decision in blocking if not decision.result.passed and not decision.undecided]
    open_ = [decision.result for decision in blocking if decision.undecided]
    warnings = [decision.result.reason for decision in decisions if decision.result.severity == "warn" and not decision.result.passed]
    total, passed = len(decisions), sum(decision.result.passed for decision in decisions)
    if failed:
        return "rejected", f"Rejected: {failed[0].reason}; {count(len(failed), total)} failed.", warnings
    if open_:
        return "needs_review", f"Needs review: {open_[0].reason}; {count(len(open_), total)} could not be decided.", warnings
    # The first rules of a file are the ones that matter most to its author; one clause a metric.
    clauses = {decision.result.metric: decision.result.reason for decision in reversed(decisions) if decision.result.passed}
    told = " and ".join(list(reversed(clauses.values()))[:2])
    ending = f"all {total} rules passed" if total > 1 else "the one rule passed"
    if warnings:
        ending = f"{passed} of {total} rules passed, with {len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    return "accepted", f"Accepted: {told}; {ending}." if told else f"Accepted: {ending}.", warnings


def count(part: int, total: int) -> str:
    return f"{part} of {total} rules" if total > 1 else "the one rule"


if __name__ == "__main__":
    sys.exit(run_step(main))
