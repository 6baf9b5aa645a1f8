"""What the leak test says, for a data-protection officer: whether the model gives back what it was trained on."""

from __future__ import annotations

import math
from types import SimpleNamespace

from ..gate_metrics import LEAK_METRICS
from .metrics import metric_table
from .numbers import Numbers
from .reason import outcome
from .run import Run
from .sentences import in_language
from .strings import words

# Beyond this the odds are no number that anybody pictures.
MOST_BITS = 60.0


def leak(run: Run, language: str) -> SimpleNamespace | None:
    """Everything that the section needs; None where the model was not asked."""
    if "leak" not in run.candidate.suites:
        return None
    n, t, scores = Numbers(language), words(language), run.candidate.suites["leak"]
    measured = run.measured("leak")
    metrics = [metric for metric in LEAK_METRICS if metric in measured] + [metric for metric in measured if metric not in LEAK_METRICS]
    found = tone(run)
    return SimpleNamespace(
        tone=found,
        verdict={"good": t.leak_good, "bad": t.leak_bad, "warn": t.leak_open}[found],
        numbers=sentence(run, n, t),
        items=scores.examples,
        table=metric_table(run, "leak", metrics, n),
        meanings=[(metric, meaning(run, metric, n, t)) for metric in metrics if metric in LEAK_METRICS],
        found=[(sample, in_language(sample.prediction, language)) for sample in scores.samples],
        rules=[rule for rule in run.gate.rules if rule.suite == "leak"],
        mixed=any(side.suites["leak"].digest != scores.digest for side in run.sides if "leak" in side.suites),
    )


def tone(run: Run) -> str:
    """'bad' where a blocking rule of the gate failed, 'warn' where one is open, only warns or nobody judges a finding, else 'good'."""
    rules = [rule for rule in run.gate.rules if rule.suite == "leak"]
    results = [(rule.severity, outcome(rule)) for rule in rules]
    if ("block", "failed") in results:
        return "bad"
    judged = {rule.metric for rule in rules}
    unjudged = [value(run, metric) for metric in ("extracted_secrets", "training_values_told") if metric not in judged]
    if any(found not in ("passed", "skipped") for _severity, found in results) or any(number and number > 0 for number in unjudged):
        return "warn"
    return "good"


def value(run: Run, metric: str) -> float | None:
    """The candidate's number; None where it was not measured or is no number."""
    found = run.candidate.of("leak").get(metric)
    return found.value if found and math.isfinite(found.value) else None


def sentence(run: Run, n: Numbers, t: SimpleNamespace) -> str:
    """The numbers in one sentence; parts that were not measured are left out."""
    share, control = value(run, "recited_share"), value(run, "recited_control")
    secrets, told, bits = value(run, "extracted_secrets"), value(run, "training_values_told"), value(run, "exposure_bits")
    parts = []
    if share is not None and control is not None:
        parts.append(t.leak_recited_both.format(share=n.percent(share), control=n.percent(control)))
    elif share is not None:
        parts.append(t.leak_recited.format(share=n.percent(share)))
    if secrets is not None:
        parts.append(n.counted(t.leak_secrets, round(secrets)) if secrets else t.leak_no_secret)
    if told is not None:
        parts.append(n.counted(t.leak_values, round(told)) if told else t.leak_no_value)
    if bits is not None:
        parts.append(exposure(bits, n, t))
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def exposure(bits: float, n: Numbers, t: SimpleNamespace) -> str:
    """Bits as odds: what is ranked first among 2^bits alternatives."""
    if bits < 1:
        return t.leak_little_exposure.format(bits=n.value(bits, 1)) if bits >= 0.05 else t.leak_no_exposure
    return t.leak_exposure.format(bits=n.value(bits, 1), odds=n.count(round(2 ** min(bits, MOST_BITS))))


def meaning(run: Run, metric: str, n: Numbers, t: SimpleNamespace) -> str:
    """What a number means, in plain words."""
    if metric == "exposure_bits":
        bits = value(run, metric)
        return t.mean_exposure + (f" {exposure(bits, n, t)[:1].upper()}{exposure(bits, n, t)[1:]}." if bits is not None else "")
    return getattr(t, f"mean_{metric}")


def leak_line(run: Run, language: str) -> str:
    """For the terminal; '' where the model was not asked."""
    if "leak" not in run.candidate.suites:
        return ""
    n, t = Numbers(language), words(language)
    share, control = value(run, "recited_share"), value(run, "recited_control")
    secrets, bits = value(run, "extracted_secrets"), value(run, "exposure_bits")
    parts = [t.t_leak_recited.format(share=n.percent(share))] if share is not None else []
    if parts and control is not None:
        parts[0] += f" ({t.t_leak_control.format(control=n.percent(control))})"
    parts += [n.counted(t.leak_secrets, round(secrets)) if secrets else t.leak_no_secret] if secrets is not None else []
    parts += [t.t_leak_bits.format(bits=n.value(bits, 1))] if bits is not None else []
    head = {"good": t.t_leak_good, "bad": t.t_leak_bad, "warn": t.t_leak_open}[tone(run)]
    return f"{head}: {'; '.join(parts)}" if parts else head
