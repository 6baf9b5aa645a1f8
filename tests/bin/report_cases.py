"""Runs with suites, comparisons and rounds, as the evaluating steps write them: what the tests of the report's new sections show.

    python tests/bin/report_cases.py FOLDER

writes every case in both languages below FOLDER, to be looked at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from test_report import ATTACK, CPU, build, digest, metrics, produce, rules

from llamaflow.gate_metrics import SPEED_METRICS
from llamaflow.summaries import (
    AdjustSummary,
    CompareSummary,
    Difference,
    EvaluateSummary,
    Example,
    MetricValue,
    RecipeChange,
    Round,
    RuleResult,
    SuiteScores,
    Summary,
    Utilisation,
)

Run = dict[str, Summary | list[Summary]]
# suite -> metric -> (base, production, candidate, higher is better, half the width of the 95 % interval)
NUMBERS: dict[str, dict[str, tuple[float, float, float, bool, float]]] = {
    "edge": {"accuracy": (0.6125, 0.6375, 0.7125, True, 0.061), "repetition": (0.0712, 0.0521, 0.0498, False, 0.031)},
    "adversarial": {
        "rougeL": (0.1811, 0.2402, 0.2713, True, 0.021),
        "robustness_loss": (0.0332, 0.0611, 0.0701, False, 0.012),
        "accuracy": (0.5417, 0.5625, 0.5833, True, 0.094),
    },
    "general": {
        "accuracy": (0.6417, 0.6333, 0.6278, True, 0.034),
        "perplexity": (21.733, 22.871, 22.419, False, 0.42),
        "refusal_rate": (0.0833, 0.0917, 0.1024, False, 0.041),
    },
    "house rules": {"accuracy": (0.31, 0.47, 0.52, True, 0.13)},
}
KINDS = {"edge": "edge", "adversarial": "adversarial", "general": "general", "house rules": "user", "leak": "leak"}
CATEGORIES = {
    "edge": ("emoji", "long", "mixed_language"),
    "adversarial": ("injection", "typos"),
    "general": ("arithmetic", "json", "knowledge", "unsafe"),
}
LEAK = {
    "recited_share": 0.0208,
    "recited_control": 0.0104,
    "recited_excess": 0.0104,
    "exposure_bits": 0.4,
    "extracted_secrets": 0.0,
    "training_values_told": 0.0,
}
LEAKING = {
    "recited_share": 0.6146,
    "recited_control": 0.0104,
    "recited_excess": 0.6042,
    "exposure_bits": 7.9,
    "extracted_secrets": 3.0,
    "training_values_told": 11.0,
}
SIDES = ("base", "production", "candidate")


def suite(name: str, side: str, numbers: dict[str, tuple[float, float, float, bool, float]] | None = None) -> SuiteScores:
    """A suite of one model. Each category deviates a little from the whole."""
    at = SIDES.index(side)
    values = (numbers or NUMBERS[name]).items()
    found = {metric: scored(row[at], row[3], row[4]) for metric, row in values}
    by = {
        category: {metric: MetricValue(value=row[at] * (1 + 0.04 * place), higher_is_better=row[3]) for metric, row in values}
        for place, category in enumerate(CATEGORIES.get(name, ()))
    }
    wrong = [
        Example(
            id=f"{name}-{n}", lang=("pt", "en")[n % 2], prompt=f"{name} question {n}", reference=("42", "")[n % 2],
            prediction=f"{side} says {n} to {name}",
        )
        for n in range(3)
    ]  # fmt: skip
    return SuiteScores(kind=KINDS[name], digest=digest("e"), examples=120, metrics=found, categories=by, samples=wrong)


def scored(value: float, higher: bool, half: float) -> MetricValue:
    return MetricValue(value=value, higher_is_better=higher, low=value - half, high=value + half)


def leak(numbers: dict[str, float]) -> SuiteScores:
    values = {
        metric: MetricValue(value=value, higher_is_better=False, settings={"words": 12} if metric.startswith("recited") else {})
        for metric, value in numbers.items()
    }
    drawn = [
        Example(id=f"{n:032x}", lang="pt", prompt="", reference=masked, prediction=how)
        for n, (masked, how) in enumerate(
            [("12*.***.***-**", "said whole, 1 of 256, in 50 training records"), ("", "31 words in a row; 87% of its answers' words")]
        )
    ]
    return SuiteScores(kind="leak", digest=digest("f"), examples=256, metrics=values, samples=drawn if numbers is LEAKING else [])


def difference(name: str, metric: str, reference: float, candidate: float, higher: bool, half: float) -> Difference:
    moved = candidate - reference
    low, high = moved - half, moved + half
    better = (moved > 0) == higher
    return Difference(
        suite=name, metric=metric, examples=120, clusters=120, reference=reference, candidate=candidate, difference=moved, low=low,
        high=high, difference_quantiles={"0.05": low}, ratio_quantiles={}, candidate_quantiles={},
        verdict="no difference" if low <= 0 <= high else "better" if better else "worse",
    )  # fmt: skip


def comparison(run: Run, reference: str = "base") -> CompareSummary:
    """What COMPARE would say of the run's own numbers; half-widths from NUMBERS, for the test set from its intervals."""
    against = run["evaluate"][0] if reference == "base" else run["production"]
    candidate, rows = run["evaluate"][1], []
    for metric, value in ((metric, value) for metric, value in candidate.metrics.items() if metric not in SPEED_METRICS):
        half = (value.high - value.low) / 2 if value.high is not None else 0.05 * abs(value.value)
        rows.append(difference("test", metric, against.metrics[metric].value, value.value, value.higher_is_better, half))
    # Of leaks there is no interval.
    for name, scores in ((name, scores) for name, scores in candidate.suites.items() if name in NUMBERS):
        for metric, value in scores.metrics.items():
            half = NUMBERS[name][metric][4]
            rows.append(difference(name, metric, against.suites[name].metrics[metric].value, value.value, value.higher_is_better, half))
    name = "base" if reference == "base" else against.name or "production"
    return CompareSummary(seconds=1.4, reference=name, resamples=10_000, seed=17, seeds=1, differences=rows)


SAYS = " but had to be at most 0: it says secrets that it was trained on"


def leak_rules(leaking: bool) -> list[RuleResult]:
    secrets = (LEAKING if leaking else LEAK)["extracted_secrets"]
    share = (LEAKING if leaking else LEAK)["recited_excess"]
    return [
        RuleResult(
            name="no secret comes out", metric="extracted_secrets", suite="leak", compare="absolute",
            condition="extracted secrets at most 0", candidate=secrets, threshold=0.0, passed=not leaking,
            outcome="failed" if leaking else "passed", severity="block",
            reason=f"extracted secrets is {secrets:g}{SAYS if leaking else ''}",
        ),
        RuleResult(
            name="training text is not recited", metric="recited_excess", suite="leak", compare="absolute",
            condition="recited training text above unseen text at most 0.05", candidate=share, threshold=0.05, low=share - 0.02,
            high=share + 0.03,
            passed=not leaking, outcome="failed" if leaking else "passed", severity="block",
            reason=f"recited training text above unseen text is {share:.3g}",
        ),
    ]  # fmt: skip


def suite_rules() -> list[RuleResult]:
    base, _production, candidate, _higher, half = NUMBERS["general"]["accuracy"]
    return [
        RuleResult(
            name="general abilities are kept", metric="accuracy", suite="general", compare="base",
            condition="accuracy (general) at least base − 0.03", candidate=candidate, reference=base, threshold=base - 0.03,
            confidence=0.9, low=candidate - base - half, high=candidate - base + half, passed=True, severity="block",
            reason="accuracy (general) fell from 0.642 to 0.628",
        ),
        RuleResult(
            name="not worse than what is in use", metric="rougeL", suite="test", compare="production",
            condition="ROUGE-L at least 1 × production", candidate=0.3414, reference=None, threshold=None, passed=True,
            outcome="not_measured", severity="warn", reason="no model is in production yet",
        ),
    ]  # fmt: skip


def evaluated(verdict: str = "accepted", *, leaking: bool = False, production: bool = True, suites: bool = True) -> Run:
    """A run with all that is optional; production and suites can be left out."""
    run = build(verdict)
    for side in run["evaluate"]:
        side.suites = {name: suite(name, side.model) for name in NUMBERS} if suites else {}
        if suites:
            side.suites["leak"] = leak(LEAKING if leaking and side.model == "candidate" else LEAK)
        side.metrics["peak_memory_gib"] = MetricValue(value=1.62, higher_is_better=False, unit="GiB")
    if production:
        run["production"] = EvaluateSummary(
            seconds=88.0, model="production", name="v6", data_digest=digest("9"), examples=547, generated=128, scored_tokens=40_771,
            metrics=metrics(0.8) | {"peak_memory_gib": MetricValue(value=1.62, higher_is_better=False, unit="GiB")},
            suites=({name: suite(name, "production") for name in NUMBERS} | {"leak": leak(LEAK)}) if suites else {},
            cached=True, samples=[], hardware=CPU,
        )  # fmt: skip
    run["compare"] = [comparison(run)] + ([comparison(run, "production")] if production else [])
    extra = (leak_rules(leaking) + suite_rules()) if suites else []
    run["gate"] = run["gate"].model_copy(update={"rules": [*rules(verdict), *extra]})
    run["finetune"] = run["finetune"].model_copy(
        update={
            "share_of_peak": 0.4127, "matmul_flops": 2.317e11, "training_seconds": 1_304.8, 
            "predicted": {"memory_gib": 2.4, "minutes": 24.1}, "resumed_at": [120], "rolled_back_at": [], "out_of_memory": 0,
            "utilisation": Utilisation(samples=261, cpu_mean=0.912, cpu_peak=0.998, energy_joules=None),
        }
    )  # fmt: skip
    return run


RECIPE = {"method": "lora", "lora_rank": 16, "learning_rate": 0.02, "epochs": 3.0, "warmup_ratio": 0.0, "lora_dropout": 0.0}


def a_round(number: int, verdict: str, **change: object) -> Round:
    values: dict = {
        "number": number, "verdict": verdict, "recipe": dict(RECIPE), "seed": 17, "validation_loss": 1.7255,
        "reason": "Accepted: Perplexity fell from 18.4 to 11.2.", 
        "metrics": {"test.perplexity": 11.203, "test.rougeL": 0.3414}, "failed": [],
    }  # fmt: skip
    return Round(**values | change)


def unstable_round(number: int = 1) -> Round:
    return a_round(
        number, "rejected", validation_loss=8.931, metrics={"test.perplexity": 7563.2, "test.rougeL": 0.0121},
        reason="Rejected: perplexity rose from 18.4 to 7563 but had to be at most 18.1: training has broken the model; "
        "2 of 3 rules failed.",
        failed=["perplexity-improves", "rouge-does-not-fall"], diagnosis=["unstable"],
        findings=["validation loss rose from 2.931 to 8.931 and never fell below the base model's"],
        changes=[
            RecipeChange(name="learning_rate", before=0.02, after=0.0002, reason="steps were too large"),
            RecipeChange(name="warmup_ratio", before=0.0, after=0.1, reason="the first steps are the most fragile ones"),
        ],
    )  # fmt: skip


CURED = RECIPE | {"learning_rate": 0.0002, "warmup_ratio": 0.1}


def adjusted() -> Run:
    run = evaluated()
    story = [unstable_round(), a_round(2, "accepted", recipe=CURED)]
    run["adjust"] = AdjustSummary(seconds=0.2, rounds=story, max_rounds=3, next=False, chosen=2, stopped="accepted")
    return run


def given_up() -> Run:
    run = evaluated("rejected")
    second = a_round(
        2, "rejected", recipe=CURED, validation_loss=1.91, metrics={"test.perplexity": 13.4, "test.rougeL": 0.2101},
        reason=run["gate"].reason, failed=["rouge-does-not-fall"], diagnosis=["undertrained", "forgets"],
        findings=["validation loss fell by 4.1 % over the last stretch, to 1.91, and training ended after 12 steps (0.5 epochs)"],
        changes=[RecipeChange(name="epochs", before=3.0, after=5.0, reason="validation loss was still falling")],
    )  # fmt: skip
    third = a_round(
        3, "rejected", recipe=CURED | {"epochs": 5.0}, seed=18, validation_loss=1.93,
        metrics={"test.perplexity": 13.6, "test.rougeL": 0.209}, reason=run["gate"].reason,
        failed=["rouge-does-not-fall"], diagnosis=["plateau"],
    )  # fmt: skip
    rounds = [unstable_round(), second, third]
    run["adjust"] = AdjustSummary(rounds=rounds, max_rounds=3, next=False, chosen=2, stopped="did_not_help")
    return run


def same() -> Run:
    run = evaluated("rejected")
    base, candidate = run["evaluate"]
    candidate.metrics, candidate.suites = base.metrics, base.suites
    run["compare"] = [comparison(run)]
    run["gate"] = run["gate"].model_copy(
        update={
            "no_difference": True,
            "reason": "Rejected: No difference: none of 14 numbers differs from the base model's beyond chance; "
            "ROUGE-L stayed at 0.214 but had to be at least 0.219: its own answers did not come closer to the references; "
            "1 of 3 rules failed.",
        }
    )
    only = a_round(1, "rejected", failed=["rouge-does-not-fall"], diagnosis=["plateau"], reason=run["gate"].reason)
    run["adjust"] = AdjustSummary(rounds=[only], max_rounds=2, next=False, chosen=1, stopped="nothing_to_change")
    del run["production"]
    return run


def refused() -> Run:
    run = evaluated("rejected", leaking=True)
    share = LEAKING["extracted_secrets"]
    told = f"Rejected: extracted secrets is {share:g} but had to be at most 0: it says secrets that it was trained on; 2 of 6 rules failed."
    run["gate"] = run["gate"].model_copy(update={"reason": told, "rules": leak_rules(True) + rules("accepted") + suite_rules()})
    return run


def reviewed() -> Run:
    run = evaluated("needs_review")
    noisy = RuleResult(
        name="edge cases improve", metric="accuracy", suite="edge", compare="base", condition="accuracy (edge) at least base + 0.05",
        candidate=0.7125, reference=0.6125, threshold=0.6625, confidence=0.95, low=0.039, high=0.161, passed=False, outcome="inside_noise",
        severity="block", reason="accuracy (edge) rose from 0.613 to 0.713 but this is inside the noise "
        "(at 95 % confidence it may be as low as 0.652, at least 0.663 is needed)",
    )  # fmt: skip
    run["gate"] = run["gate"].model_copy(update={"rules": [noisy, *run["gate"].rules]})
    return run


def hostile() -> Run:
    """Hostile text wherever the new summaries hold text."""
    run = given_up()
    sample = Example(id=ATTACK, lang=ATTACK, prompt=ATTACK, reference=ATTACK, prediction=ATTACK)
    values = {ATTACK: MetricValue(value=0.5, higher_is_better=True, unit=ATTACK, settings={ATTACK: ATTACK})}
    values["accuracy"] = MetricValue(value=0.5, higher_is_better=True)
    own = SuiteScores(
        kind="user", digest=digest("0"), examples=3, metrics=values, categories={ATTACK: values, "b": values}, samples=[sample]
    )
    for side in [*run["evaluate"], run["production"]]:
        side.suites = {ATTACK: own, "leak": SuiteScores(kind="leak", digest=digest("1"), examples=3, metrics=values)}
    run["production"] = run["production"].model_copy(update={"name": ATTACK})
    rows = [difference(ATTACK, metric, 0.5, 0.5, True, 0.1) for metric in values]
    run["compare"] = [CompareSummary(reference=name, resamples=9, seed=1, differences=rows) for name in ("base", ATTACK)]
    rule = RuleResult(
        name=ATTACK, metric=ATTACK, suite=ATTACK, compare="production", condition=ATTACK, candidate=0.5, reference=0.5, threshold=0.6,
        low=-0.1, high=0.1, confidence=0.9, passed=False, outcome="inside_noise", severity="block", reason=ATTACK,
    )  # fmt: skip
    run["gate"] = run["gate"].model_copy(update={"rules": [rule], "verdict": "needs_review", "gate": ATTACK, "reason": ATTACK})
    change = RecipeChange(name=ATTACK, before=ATTACK, after=[ATTACK], reason=ATTACK)
    first = unstable_round().model_copy(
        update={
            "reason": ATTACK, "failed": [ATTACK], "diagnosis": [ATTACK], "findings": [ATTACK], "changes": [change] * 5,
            "recipe": {ATTACK: ATTACK}, "metrics": {ATTACK: 1.0, f"{ATTACK}.{ATTACK}": 2.0},
        }
    )  # fmt: skip
    run["adjust"] = run["adjust"].model_copy(update={"rounds": [first, *run["adjust"].rounds[1:]]})
    return run


CASES: dict[str, Callable[[], Run]] = {
    "accepted at once": evaluated,
    "adjusted and accepted": adjusted,
    "rejected after all rounds": given_up,
    "no difference": same,
    "leak refused": refused,
    "needs review": reviewed,
    "no suites": lambda: evaluated(suites=False),
    "no production": lambda: evaluated(production=False),
    "attack": hostile,
}


if __name__ == "__main__":
    for case, made in CASES.items():
        for language in ("en", "pt"):
            produce(made(), Path(sys.argv[1]) / f"{case.replace(' ', '-')}-{language}", language, name=case)
