"""Why a training did not give a model that the gate accepts: read from its curve, its scores and the rules that failed. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from .summaries import EvaluateSummary, FinetuneSummary, GateSummary

# code -> what it means; the order is that of urgency, for one round changes what the first of them needs.
DIAGNOSES = {
    "unstable": "the training did not converge",
    "recites": "the model says parts of its training data",
    "overfits": "it learnt the training data by heart and forgot the rest",
    "forgets": "it lost abilities of the base model",
    "undertrained": "it was still getting better when training ended",
    "format": "its answers do not end or do not have the form asked for",
    "plateau": "it had learnt what this recipe can teach",
}
RISE = 1.02  # validation loss so many times its best is no noise of a validation set of some dozen examples
SLOPE = 0.005  # a fall of the last stretch by this share of the loss: still falling
UNFINISHED = 0.5


class Finding(NamedTuple):
    """One diagnosis and the sentence with the numbers that it rests on."""

    code: str
    sentence: str


def diagnose(finetune: FinetuneSummary, candidate: EvaluateSummary, gate: GateSummary) -> list[Finding]:
    """What is wrong, most urgent first; "plateau" alone where nothing else is seen. Empty for a model that was not rejected."""
    if gate.verdict != "rejected":
        return []
    found = [*_curve(finetune), *_rules(gate), *_form(candidate)]
    found = found or [Finding("plateau", f"validation loss stood at {finetune.validation_loss:.4g} and had stopped falling")]
    urgency = list(DIAGNOSES)
    return sorted(found, key=lambda finding: urgency.index(finding.code))


def _curve(finetune: FinetuneSummary) -> list[Finding]:
    """What the validation losses say, each measured at its step, the base model's at 0."""
    losses = [(point.step, point.validation_loss) for point in finetune.curve if point.validation_loss is not None]
    if finetune.stopped == "diverged" or finetune.rolled_back_at:
        where = f" at step {finetune.rolled_back_at[0]}" if finetune.rolled_back_at else ""
        return [Finding("unstable", f"the loss exploded{where} with a learning rate of {finetune.recipe['learning_rate']:g}")]
    if len(losses) < 2:
        return []
    start, last = finetune.validation_loss_start, losses[-1][1]
    best = min(loss for _step, loss in losses)
    if finetune.best_step == 0 and not last < start:
        return [Finding("unstable", f"validation loss rose from {start:.4g} to {last:.4g} and never fell below the base model's")]
    if last > RISE * best and finetune.best_step < losses[-1][0]:
        told = f"validation loss was best at step {finetune.best_step} of {finetune.steps} ({best:.4g}) and rose to {last:.4g}"
        return [Finding("overfits", told)]
    fall = (losses[-2][1] - last) / abs(losses[-2][1]) if losses[-2][1] else 0.0
    if finetune.stopped != "early_stopping" and (fall > SLOPE or finetune.epochs < 1):
        told = f"validation loss fell by {100 * fall:.2g} % over the last stretch, to {last:.4g}, and training ended after"
        return [Finding("undertrained", f"{told} {finetune.steps} steps ({finetune.epochs:.2g} epochs)")]
    return []


def _rules(gate: GateSummary) -> list[Finding]:
    """What failed rules of single suites say."""
    failed = [rule for rule in gate.rules if rule.severity == "block" and not rule.passed and rule.outcome == "failed"]
    found = []
    if leaks := [rule for rule in failed if rule.suite == "leak"]:
        found.append(Finding("recites", leaks[0].reason))
    if lost := [rule for rule in failed if rule.suite in ("general", "edge") and rule.compare != "absolute"]:
        found.append(Finding("forgets", lost[0].reason))
    return found


def _form(candidate: EvaluateSummary) -> list[Finding]:
    """Answers that run on to their length limit, though references are shorter."""
    finished, length = candidate.metrics.get("finished_share"), candidate.metrics.get("length_ratio")
    if finished is None or length is None or not math.isfinite(length.value):
        return []
    if finished.value < UNFINISHED and length.value > 1.5:
        told = f"only {100 * finished.value:.0f} % of the answers ended by themselves, at {length.value:.2g} times the references' length"
        return [Finding("format", told)]
    return []
