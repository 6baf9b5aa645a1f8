#!/usr/bin/env python3
"""Decide whether the candidate is good enough: compare its numbers with other models' under a rule file.

    gate.py --base evaluate-base.json --candidate evaluate-candidate.json --finetune finetune.json \\
        --production evaluate-production.json --compare compare-base.json compare-production.json \\
        --rules conf/gates/default.yaml --summary gate.json

Without --production, rules on the model in production are skipped; without --compare, rules that name a confidence are undecided.
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
from llamaflow.gate_decisions import Decision, Evidence
from llamaflow.gate_rules import load_rules
from llamaflow.summaries import CompareSummary, EvaluateSummary, FinetuneSummary, GateSummary, Summary, read_summary

AnySummary = TypeVar("AnySummary", bound=Summary)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = parser.add_argument_group("numbers")
    numbers.add_argument("--base", type=Path, required=True, help="evaluate.json of the base model")
    numbers.add_argument("--candidate", type=Path, required=True, help="evaluate.json of the fine-tuned model")
    numbers.add_argument("--production", type=Path, help="evaluate.json of the model now in production, where there is one")
    numbers.add_argument("--finetune", type=Path, help="finetune.json, for rules on finetune.<field>")
    numbers.add_argument("--compare", type=Path, nargs="+", default=[], help="compare.json against base and against production")
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
    evidence = gather(args)
    decisions = [evidence.decide(rule) for rule in gate.rules]
    verdict, reason, warnings = judge(decisions, evidence.no_difference)
    summary = GateSummary(
        seconds=round(time.monotonic() - started, 3), warnings=warnings, verdict=verdict, reason=reason, gate=gate.name,
        gate_sha256=sha256_file(args.rules), no_difference=evidence.no_difference > 0, rules=[decision.result for decision in decisions],
    )  # fmt: skip
    write_json(args.summary, summary)
    print(reason)
    for warning in warnings:
        print(f"warning: {warning}")


def gather(args: argparse.Namespace) -> Evidence:
    """All numbers, each from the side that it is said to be of; BadInputError where they do not belong together."""
    sides = {"base": args.base, "candidate": args.candidate, "production": args.production}
    models = {side: load(path, EvaluateSummary) for side, path in sides.items() if path}
    for side, summary in models.items():
        if summary.model != side:
            what = f"this is the evaluation of the {summary.model}, not of the {side}"
            raise BadInputError(what, where=str(sides[side]), fix=f"give it as --{summary.model}")
    base, candidate, production = models["base"], models["candidate"], models.get("production")
    if base.data_digest != candidate.data_digest:
        raise BadInputError(
            "base and candidate were scored on different test files, so their numbers cannot be compared",
            where=str(args.candidate), why=f"its data_digest is not that of {args.base}", fix="evaluate both on the same test file",
        )  # fmt: skip
    comparisons: dict[str, CompareSummary] = {}
    for path in args.compare:
        summary = load(path, CompareSummary)
        # A version's name stands for the model in production where it is that one.
        side = "production" if production and summary.reference == production.name else summary.reference
        if side not in ("base", "production") or side in comparisons or (side == "production" and not production):
            told = f"this is a comparison with {summary.reference}" if side not in comparisons else f"two comparisons with {side}"
            raise BadInputError(told, where=str(path), fix="give one with base and, together with --production, one with that model")
        comparisons[side] = summary
    finetune = load(args.finetune, FinetuneSummary) if args.finetune else None
    return Evidence(candidate=candidate, base=base, production=production, finetune=finetune, comparisons=comparisons)


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


def judge(decisions: list[Decision], no_difference: int = 0) -> tuple[str, str, list[str]]:
    """Verdict, one sentence for a manager, and what to warn about.

    Any failed block rule rejects; else any undecided one asks for a person; a warn rule never changes the verdict, and neither does a
    skipped one. no_difference: numbers compared with the base model's when none of them differs, which a refusal then says first.
    """
    asked = [decision for decision in decisions if not decision.skipped]
    blocking = [decision for decision in asked if decision.result.severity == "block"]
    failed = [decision.result for decision in blocking if not decision.result.passed and not decision.undecided]
    open_ = [decision.result for decision in blocking if decision.undecided]
    warnings = [decision.result.reason for decision in asked if decision.result.severity == "warn" and not decision.result.passed]
    total, passed = len(asked), sum(decision.result.passed for decision in asked)
    same = f"No difference: none of {no_difference} numbers differs from the base model's beyond chance; " if no_difference else ""
    if failed:
        return "rejected", f"Rejected: {same}{failed[0].reason}; {count(len(failed), total)} failed.", warnings
    if open_:
        return "needs_review", f"Needs review: {same}{open_[0].reason}; {count(len(open_), total)} could not be decided.", warnings
    if not asked:
        told = decisions[0].result.reason
        return "needs_review", f"Needs review: {told}; there was nothing to decide on.", warnings
    # The first rules of a file are the ones that matter most to its author; one clause a metric.
    clauses = {
        (decision.result.suite, decision.result.metric): decision.result.reason for decision in reversed(asked) if decision.result.passed
    }
    told = " and ".join(list(reversed(clauses.values()))[:2])
    ending = f"all {total} rules passed" if total > 1 else "the one rule passed"
    if warnings:
        ending = f"{passed} of {total} rules passed, with {len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    if skipped := len(decisions) - total:
        ending += f", {skipped} skipped"
    return "accepted", f"Accepted: {told}; {ending}." if told else f"Accepted: {ending}.", warnings


def count(part: int, total: int) -> str:
    return f"{part} of {total} rules" if total > 1 else "the one rule"


if __name__ == "__main__":
    sys.exit(run_step(main))
