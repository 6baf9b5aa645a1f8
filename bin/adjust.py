#!/usr/bin/env python3
"""After a verdict: end, or say what the next round of training changes, and why.

    adjust.py --gate gate.json --finetune finetune.json --candidate evaluate-candidate.json [--earlier adjust.json] \\
        --max-rounds 2 --recipe next.yaml --summary adjust.json

Writes the next round's whole recipe only when one is to follow.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import yaml

from llamaflow.adjustment import adjusted, best, helped
from llamaflow.diagnosis import diagnose
from llamaflow.errors import BadInputError, run_step
from llamaflow.files import whole_file, write_json
from llamaflow.summaries import AdjustSummary, EvaluateSummary, FinetuneSummary, GateSummary, RecipeChange, Round, read_summary


def main(argv: list[str] | None = None) -> None:
    """Diagnose the round, decide whether another one follows, write the story so far."""
    started = time.monotonic()
    args = parse(argv)
    gate, finetune = read_summary(args.gate, GateSummary), read_summary(args.finetune, FinetuneSummary)
    candidate = read_summary(args.candidate, EvaluateSummary)
    earlier = read_summary(args.earlier, AdjustSummary).rounds if args.earlier else []
    if args.max_rounds < 1:
        raise BadInputError(f"--max-rounds is {args.max_rounds}", fix="give 1 or more")

    findings = diagnose(finetune, candidate, gate)
    rounds = [*earlier, round_of(len(earlier) + 1, gate, finetune, candidate, findings)]
    recipe, changes = adjusted(finetune, findings)
    stopped = why_it_ends(rounds, args.max_rounds, recipe.model_dump(), changes)
    if not stopped:
        rounds[-1].changes = changes
        with whole_file(args.recipe) as stream:
            yaml.safe_dump(recipe.model_dump(), stream, sort_keys=False)
    chosen = best(rounds)
    write_json(args.summary, AdjustSummary(
        seconds=round(time.monotonic() - started, 3), rounds=rounds, max_rounds=args.max_rounds, next=not stopped,
        chosen=chosen, stopped=stopped,
    ))  # fmt: skip
    for finding in findings:
        print(f"{finding.code}: {finding.sentence}")
    for change in changes if not stopped else []:
        print(f"next round: {change.name} {change.before} -> {change.after}: {change.reason}")
    ending = f"no other round ({stopped.replace('_', ' ')}), the model of round {chosen} goes on" if stopped else "another round follows"
    print(f"round {len(rounds)}: {gate.verdict}; {ending}")


def round_of(number: int, gate: GateSummary, finetune: FinetuneSummary, candidate: EvaluateSummary, findings: list) -> Round:
    """The record of a round."""
    judged = {f"{rule.suite}.{rule.metric}": rule.candidate for rule in gate.rules if rule.candidate is not None}
    return Round(
        number=number, verdict=gate.verdict, reason=gate.reason, recipe=finetune.recipe, seed=finetune.seed,
        validation_loss=finetune.validation_loss, metrics=judged,
        failed=[rule.name for rule in gate.rules if rule.severity == "block" and not rule.passed],
        diagnosis=[finding.code for finding in findings], findings=[finding.sentence for finding in findings],
    )  # fmt: skip


def why_it_ends(rounds: list[Round], max_rounds: int, recipe: dict, changes: list[RecipeChange]) -> str:
    """AdjustSummary.stopped; '' when another round follows."""
    verdict = rounds[-1].verdict
    if verdict != "rejected":
        return verdict
    if len(rounds) >= max_rounds:
        return "rounds_used_up"
    if not helped(rounds):
        return "did_not_help"
    return "nothing_to_change" if not changes or any(recipe == one.recipe for one in rounds) else ""


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    inputs = parser.add_argument_group("summaries of the round")
    inputs.add_argument("--gate", type=Path, required=True)
    inputs.add_argument("--finetune", type=Path, required=True)
    inputs.add_argument("--candidate", type=Path, required=True, help="evaluate.json of its model")
    inputs.add_argument("--earlier", type=Path, help="adjust.json of the round before")
    limits = parser.add_argument_group("limits")
    limits.add_argument("--max-rounds", type=int, default=2, help="trainings at most")
    output = parser.add_argument_group("output")
    output.add_argument("--recipe", type=Path, required=True, help="the next round's recipe, written when one follows")
    output.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
