"""The gate: what each condition means, what never passes silently, and what a rule file's errors say."""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gate as script
from llamaflow.errors import BadInputError, run_step
from llamaflow.evaluation.estimators import ESTIMATORS
from llamaflow.evaluation.statistics import PROBABILITIES
from llamaflow.gate_decisions import decide
from llamaflow.gate_metrics import CONFIDENCES, FINETUNE_METRICS, LEAK_METRICS, WITHOUT_INTERVAL
from llamaflow.gate_rules import CONDITIONS, Rule, check_suites, load_rules, needed_suites
from llamaflow.metrics import METRICS
from llamaflow.summaries import (
    CompareSummary,
    Difference,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    Hardware,
    MetricValue,
    SuiteScores,
    read_summary,
)

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "conf" / "gates" / "smoke.yaml"
HARDWARE = Hardware(device="test", device_type="cpu", cpu_cores=1, memory_bytes=1)
BETTER = {"perplexity": 7.4, "prompt_gain": 0.6, "rougeL": 0.35, "bertscore_f1": 0.62, "chrf": 41.0, "distinct_2": 0.8, "length_ratio": 1.1}
BASE = {"perplexity": 38.1, "prompt_gain": 0.5, "rougeL": 0.12, "bertscore_f1": 0.4, "chrf": 20.0, "distinct_2": 0.9, "length_ratio": 2.0}


CLEAN = {"extracted_secrets": 0.0, "recited_excess": 0.0, "training_values_told": 0.0}
NOTHING = {"general": {}, "edge": {}, "adversarial": {}}  # suites that were left out


def value(number: float, **settings: object) -> MetricValue:
    return MetricValue(value=number, higher_is_better=False, settings=settings)


def write_evaluation(
    path: Path, side: str, numbers: dict, digest: str = "d", settings: dict | None = None, suites: dict | None = None, items: str = "i"
) -> Path:
    """suites: name -> its numbers, or nothing for one that was not run; the leak test is run and clean unless it says otherwise."""

    def measured(these: dict) -> dict:
        return {name: value(number, **(settings or {"answers": 40})) for name, number in these.items()}

    scores = {
        name: SuiteScores(kind=name if name != "support" else "user", digest=items, examples=40, metrics=found)
        for name, these in {"leak": CLEAN, **(suites or {})}.items()
        if (found := measured(these))
    }  # fmt: skip
    summary = EvaluateSummary(
        model=side, data_digest=digest, examples=40, generated=40, scored_tokens=9, metrics=measured(numbers), suites=scores, samples=[],
        hardware=HARDWARE,
    )  # fmt: skip
    path.write_text(json.dumps(summary.model_dump(mode="json")), encoding="utf-8")  # NaN as evaluate_model.py writes it
    return path


def difference(metric: str, reference: float, candidate: float, spread: float, suite: str = "test") -> Difference:
    """As compare.py writes it, for a normal distribution; spread: standard error of the difference."""

    def quantiles(centre: float, scale: float) -> dict[str, float]:
        return {f"{p:g}": centre + scale * NormalDist().inv_cdf(p) for p in PROBABILITIES}

    moved = quantiles(candidate - reference, spread)
    verdict = "no difference" if moved["0.025"] <= 0 <= moved["0.975"] else "better"
    return Difference(
        suite=suite, metric=metric, examples=40, clusters=40, reference=reference, candidate=candidate, difference=candidate - reference,
        low=moved["0.025"], high=moved["0.975"], difference_quantiles=moved, verdict=verdict,
        ratio_quantiles=quantiles(candidate / reference, spread / reference) if reference else {},
        candidate_quantiles=quantiles(candidate, spread),
    )  # fmt: skip


def write_comparison(path: Path, sides: dict, reference: str = "base", spread: float = 0.1) -> Path:
    """sides: suite -> (numbers of the reference, of the candidate); spread: standard error as a share of the candidate's number."""
    differences = [
        difference(metric, theirs[metric], number, spread * abs(number), suite)
        for suite, (theirs, ours) in sides.items()
        for metric, number in ours.items()
        if metric in theirs and metric in ESTIMATORS and math.isfinite(number + theirs[metric])
    ]
    summary = CompareSummary(reference=reference, resamples=1000, seed=1, differences=differences)
    path.write_text(summary.model_dump_json(), encoding="utf-8")
    return path


def write_finetune(path: Path, loss: float) -> Path:
    words = {"method": "lora", "base": "b", "base_digest": "b", "data_digest": "d", "adapter_digest": "a", "precision": "fp32"}
    sizes = {"seed": 1} | {name.removeprefix("finetune."): 1 for name in FINETUNE_METRICS} | {"validation_loss": loss}
    summary = FinetuneSummary(**words, **sizes, recipe={}, stopped="epochs", curve=[], hardware=HARDWARE, versions={})
    path.write_text(summary.model_dump_json(), encoding="utf-8")
    return path


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and standard error of the script, in this process."""
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = run_step(lambda: script.main([str(argument) for argument in arguments]))
    return code, told.getvalue()


def gate(
    folder: Path,
    *,
    rules: str | Path = "default",
    base: dict = BASE,
    candidate: dict = BETTER,
    production: dict | None = None,
    suites: dict | None = None,
    base_suites: dict | None = None,
    finetune: float | None = None,
    candidate_side: dict | None = None,
    spread: float | None = 0.01,
):
    """Write the summaries and run the gate; returns exit code, standard error and the summary (None when there is none).

    spread: standard error of every difference as a share of the candidate's number; None: without comparisons.
    """
    if isinstance(rules, str):
        text, rules = rules, ROOT / "conf" / "gates" / f"{rules}.yaml"
        if "\n" in text:
            rules = folder / "rules.yaml"
            rules.write_text(text, encoding="utf-8")
    suites = suites or {}
    base_suites = suites if base_suites is None else base_suites
    write_evaluation(folder / "base.json", "base", base, suites=base_suites)
    write_evaluation(folder / "candidate.json", "candidate", candidate, suites=suites, **(candidate_side or {}))
    command = ["--rules", rules, "--base", folder / "base.json", "--candidate", folder / "candidate.json"]
    pairs = {"test": (base, candidate)} | {name: (base_suites.get(name, {}), numbers) for name, numbers in suites.items()}
    comparisons = [] if spread is None else [write_comparison(folder / "compare-base.json", pairs, spread=spread)]
    if production is not None:
        command += ["--production", write_evaluation(folder / "production.json", "production", production, suites=suites)]
        pairs["test"] = (production, candidate)
        if spread is not None:
            comparisons.append(write_comparison(folder / "compare-production.json", pairs, "production", spread))
    if comparisons:
        command += ["--compare", *comparisons]
    if finetune is not None:
        command += ["--finetune", write_finetune(folder / "finetune.json", finetune)]
    code, told = run(*command, "--summary", folder / "gate.json")
    return code, told, read_summary(folder / "gate.json", GateSummary) if (folder / "gate.json").exists() else None


# ---- verdicts


def test_accepted_in_one_sentence_with_numbers(tmp_path):
    code, _, summary = gate(tmp_path)
    assert code == 0 and summary.verdict == "accepted" and summary.gate == "default" and len(summary.gate_sha256) == 64
    assert (
        summary.reason == "Accepted: perplexity fell from 38.1 to 7.4 and ROUGE-L rose from 0.12 to 0.35; all 12 rules passed, 9 skipped."
    )
    assert all(rule.passed for rule in summary.rules) and not summary.warnings
    assert summary.rules[0].threshold == pytest.approx(0.98 * 38.1) and summary.rules[0].condition == "perplexity at most 0.98 × base"


def test_rejected_is_a_result_and_not_an_error(tmp_path):
    code, _, summary = gate(tmp_path, candidate={**BETTER, "rougeL": 0.125})
    assert code == 0 and summary.verdict == "rejected"
    assert summary.reason.startswith("Rejected: ROUGE-L rose from 0.12 to 0.125 but had to be at least 0.13: its own answers did not")
    assert summary.reason.endswith("1 of 12 rules failed.")


def test_a_failed_warning_is_listed_and_does_not_reject(tmp_path):
    *_, summary = gate(tmp_path, candidate={**BETTER, "length_ratio": 0.1})
    assert summary.verdict == "accepted" and "with 1 warning" in summary.reason
    assert summary.warnings == ["length ratio is 0.1 but had to be at least 0.3"]


@pytest.mark.parametrize("side", ["base", "candidate"])
def test_a_missing_number_never_passes(tmp_path, side):
    numbers = {"base": BASE, "candidate": BETTER}
    numbers[side] = {name: number for name, number in numbers[side].items() if name != "bertscore_f1"}
    code, _, summary = gate(tmp_path, **numbers)
    assert code == 0 and summary.verdict == "needs_review" and "BERTScore F1" in summary.reason
    failed = [rule for rule in summary.rules if not rule.passed]
    assert [rule.metric for rule in failed] == ["bertscore_f1"] and failed[0].threshold is None


def test_a_failed_rule_outranks_a_missing_number(tmp_path):
    *_, summary = gate(tmp_path, candidate={"perplexity": 50.0})
    assert summary.verdict == "rejected" and "perplexity rose from 38.1 to 50" in summary.reason


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", ["base", "candidate"])
def test_a_number_that_is_not_finite_fails_even_the_smoke_gate(tmp_path, broken, side):
    *_, summary = gate(tmp_path, rules="smoke", **{side: {"perplexity": broken}})
    assert summary.verdict == "rejected" and "not a finite number" in summary.reason
    text = (tmp_path / "gate.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_numbers_measured_differently_are_not_compared(tmp_path):
    *_, summary = gate(tmp_path, candidate_side={"settings": {"answers": 40, "model": "multilingual"}})
    assert summary.verdict == "needs_review" and "measured with a different model" in summary.reason


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        gate(tmp_path / name)
        text = json.loads((tmp_path / name / "gate.json").read_text(encoding="utf-8"))
        texts.append(json.dumps({**text, "seconds": 0}))
    assert texts[0] == texts[1]


def test_rules_on_the_training_run(tmp_path):
    rules = "name: mine\nrules:\n  - {name: loss, metric: finetune.validation_loss, compare: absolute, at_most: 2}\n"
    assert gate(tmp_path, rules=rules, finetune=1.9)[-1].verdict == "accepted"
    code, _, summary = gate(tmp_path, rules=rules, finetune=2.1)
    assert summary.verdict == "rejected" and "validation loss (finetune) is 2.1 but had to be at most 2" in summary.reason
    assert gate(tmp_path, rules=rules)[-1].verdict == "needs_review"


# ---- suites


def test_a_model_that_wins_its_task_and_breaks_something_else_is_rejected(tmp_path):
    *_, summary = gate(tmp_path, suites={"general": {"accuracy": 0.4}}, base_suites={"general": {"accuracy": 0.6}})
    assert summary.verdict == "rejected"
    assert summary.reason.startswith("Rejected: accuracy (general) fell from 0.6 to 0.4 but had to be at least 0.55: it has lost abilities")


def test_a_model_that_recites_is_refused_whatever_its_scores(tmp_path):
    for name, number in (("extracted_secrets", 1), ("recited_excess", 0.3)):
        for rules in ("default", "small"):
            *_, summary = gate(tmp_path, rules=rules, suites={"leak": {**CLEAN, name: number}})
            assert summary.verdict == "rejected" and [rule.suite for rule in summary.rules if not rule.passed] == ["leak"]


def test_the_leak_test_cannot_be_left_out_and_other_suites_can(tmp_path):
    *_, summary = gate(tmp_path, suites={"leak": {}, **NOTHING})
    assert summary.verdict == "needs_review" and "extracted secrets of the candidate was not measured" in summary.reason
    skipped = [rule for rule in summary.rules if rule.outcome == "not_measured" and rule.passed]
    assert {rule.suite for rule in skipped} == {"general", "edge", "adversarial", "test"}
    assert {rule.compare for rule in skipped if rule.suite == "test"} == {"production"}


def test_suites_of_other_items_are_not_compared(tmp_path):
    scores = {"general": {"accuracy": 0.6}}
    *_, summary = gate(tmp_path, suites=scores, candidate_side={"items": "others"})
    assert summary.verdict == "needs_review" and "accuracy (general)" in summary.reason and "different items" in summary.reason


def test_a_users_own_suite_may_be_named(tmp_path):
    rules = "name: g\nrules:\n  - {name: a, metric: accuracy, suite: support, at_least: 0.5}\n"
    assert gate(tmp_path, rules=rules, suites={"support": {"accuracy": 0.5}})[-1].verdict == "accepted"
    assert gate(tmp_path, rules=rules)[-1].verdict == "needs_review"


def test_needed_suites_are_known_before_the_run(tmp_path):
    path = ROOT / "conf" / "gates" / "default.yaml"
    rules = load_rules(path)
    assert list(needed_suites(rules.rules)) == ["leak"]
    check_suites(rules, path, ["general", "edge", "adversarial"])
    with pytest.raises(BadInputError, match="the gate needs suite leak") as caught:
        check_suites(rules, path, ["leak"])
    line = path.read_text(encoding="utf-8").splitlines()[int(str(caught.value).split(f"{path}:")[1].split()[0]) - 1]
    assert line == "  - name: no secret comes out"
    skipped = [Rule("r", "accuracy", "base", "at_least_delta", 0.0, suite="mine", when_missing="skip")]
    warned = [Rule("r", "accuracy", "base", "at_least_delta", 0.0, "warn", suite="mine")]
    assert not needed_suites(skipped) and not needed_suites(warned)


# ---- the model in production


def test_without_a_model_in_production_its_rules_are_skipped_and_say_so(tmp_path):
    *_, summary = gate(tmp_path)
    rules = [rule for rule in summary.rules if rule.compare == "production"]
    assert summary.verdict == "accepted" and len(rules) == 3
    assert all(rule.outcome == "not_measured" and rule.reason == "no model is in production yet" for rule in rules)


def test_worse_than_production_is_rejected_however_much_better_than_the_base(tmp_path):
    *_, summary = gate(tmp_path, production={**BETTER, "perplexity": 7.0})
    assert summary.verdict == "rejected"
    assert "compared with production, perplexity rose from 7 to 7.4 but had to be at most 7.14: the model in production" in summary.reason
    assert gate(tmp_path, production={**BETTER, "perplexity": 9.0})[-1].verdict == "accepted"


def test_a_gate_that_had_nothing_to_decide_on_accepts_nothing(tmp_path):
    rules = "name: g\nrules:\n  - {name: p, metric: perplexity, compare: production, at_most_ratio: 1}\n"
    *_, summary = gate(tmp_path, rules=rules)
    assert summary.verdict == "needs_review" and summary.reason == (
        "Needs review: no model is in production yet; there was nothing to decide on."
    )


# ---- confidence


def test_the_right_number_inside_the_noise_asks_for_a_person(tmp_path):
    *_, summary = gate(tmp_path, candidate={**BETTER, "perplexity": 36.0}, spread=0.05)
    assert summary.verdict == "needs_review"
    told = (
        "perplexity fell from 38.1 to 36 but this is inside the noise (at 95 % confidence it may be as high as 39, at most 37.3 is needed)"
    )
    assert summary.reason == f"Needs review: {told}; 1 of 12 rules could not be decided."
    rule = summary.rules[0]
    assert rule.outcome == "inside_noise" and not rule.passed and rule.confidence == 0.95 and rule.low < -2.1 < rule.high


def test_the_wrong_number_fails_however_unsure(tmp_path):
    *_, summary = gate(tmp_path, candidate={**BETTER, "perplexity": 38.0}, spread=0.5)
    assert summary.verdict == "rejected" and summary.rules[0].outcome == "failed"


def test_without_a_comparison_no_confidence_is_reached(tmp_path):
    *_, summary = gate(tmp_path, spread=None)
    assert summary.verdict == "needs_review" and "there is no interval to be 95 % sure of it" in summary.reason
    assert gate(tmp_path, candidate=BASE, spread=None)[-1].verdict == "rejected"


def test_an_interval_of_other_numbers_is_not_used(tmp_path):
    summary = None
    for numbers in (BASE, {**BASE, "perplexity": 30.0}):
        paths = [write_evaluation(tmp_path / f"{side}.json", side, these) for side, these in (("base", BASE), ("candidate", BETTER))]
        compared = write_comparison(tmp_path / "compare.json", {"test": (numbers, BETTER)}, spread=0.01)
        sides = ["--base", paths[0], "--candidate", paths[1], "--compare", compared]
        run("--rules", ROOT / "conf/gates/small.yaml", *sides, "--summary", tmp_path / "gate.json")
        summary = read_summary(tmp_path / "gate.json", GateSummary)
        assert summary.verdict == ("accepted" if numbers is BASE else "needs_review")
    assert summary and "the interval is one of other numbers" in summary.reason


def test_comparisons_that_belong_to_nothing_are_refused(tmp_path):
    base, candidate = (write_evaluation(tmp_path / f"{side}.json", side, BASE) for side in ("base", "candidate"))
    compared = {
        name: write_comparison(tmp_path / f"{name}.json", {"test": (BASE, BASE)}, name) for name in ("base", "v1.0.0", "production")
    }
    for files in ([compared["v1.0.0"]], [compared["production"]], [compared["base"], compared["base"]]):
        sides = ["--base", base, "--candidate", candidate, "--compare", *files]
        code, told = run("--rules", SMOKE, *sides, "--summary", tmp_path / "gate.json")
        assert code == 2 and "compar" in told


@settings(deadline=None)
@given(
    st.sampled_from(sorted(CONDITIONS)), st.sampled_from(CONFIDENCES), st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 3),
    st.floats(0.001, 2),
)  # fmt: skip
def test_confidence_only_ever_asks_for_more(condition, confidence, ours, theirs, limit, spread):
    """Whatever passes with a confidence passes without; whatever fails without, fails with; and more confidence is harder."""
    compare, outcomes = CONDITIONS[condition][0], []
    for level in (None, 0.8, confidence, 0.995):
        rule = Rule("r", "rougeL", compare, condition, limit, confidence=level)
        found = decide(rule, {"rougeL": value(ours)}, {"rougeL": value(theirs)}, difference("rougeL", theirs, ours, spread)).result
        assert found.passed == (found.outcome == "passed") and (found.low is not None)
        outcomes.append(found.outcome)
    order = ["passed", "inside_noise", "failed"]
    assert [order.index(one) for one in outcomes] == sorted(order.index(one) for one in outcomes)
    assert (outcomes[0] == "failed") == (outcomes[-1] == "failed") and outcomes[0] != "inside_noise"


def test_confidence_is_one_sided_and_exact():
    """A normal difference of 1.65 standard errors is sure at 95 %, one of 1.64 is not."""
    rule = Rule("r", "rougeL", "base", "at_least_delta", 0.0, confidence=0.95)
    for errors, expected in ((1.65, "passed"), (1.64, "inside_noise")):
        found = difference("rougeL", 0.2, 0.2 + errors * 0.01, 0.01)
        assert decide(rule, {"rougeL": value(0.2 + errors * 0.01)}, {"rougeL": value(0.2)}, found).result.outcome == expected


def test_a_model_equal_to_the_base_is_called_no_difference(tmp_path):
    *_, summary = gate(tmp_path, candidate=BASE)
    assert summary.verdict == "rejected" and summary.no_difference
    assert summary.reason.startswith(
        "Rejected: No difference: none of 6 numbers differs from the base model's beyond chance; perplexity stayed"
    )
    assert not gate(tmp_path)[-1].no_difference and not gate(tmp_path, candidate=BASE, spread=None)[-1].no_difference


def test_no_difference_allows_for_there_being_many_numbers(tmp_path):
    """2.3 standard errors in one of six numbers: it differs at 95 %, and is not out of the ordinary among many."""
    for moved, expected in ((1.023, True), (1.03, False)):
        *_, summary = gate(tmp_path, candidate={**BASE, "rougeL": BASE["rougeL"] * moved}, spread=0.01)
        assert summary.no_difference == expected and summary.verdict == "rejected"


def test_the_demo_would_be_accepted(tmp_path):
    """38 conversations, 16 answers: perplexity 25 -> 8, ROUGE-L .08 -> .21, with intervals as wide as they are then."""
    base = {"perplexity": 25.0, "prompt_gain": 0.4, "rougeL": 0.08, "bertscore_f1": 0.3, "distinct_2": 0.8, "length_ratio": 2.0}
    candidate = {"perplexity": 8.0, "prompt_gain": 0.5, "rougeL": 0.21, "bertscore_f1": 0.5, "distinct_2": 0.8, "length_ratio": 1.0}
    *_, summary = gate(tmp_path, rules="small", base=base, candidate=candidate, spread=0.15)
    assert summary.verdict == "accepted"


# ---- conditions


@settings(deadline=None)
@given(
    st.sampled_from(sorted(CONDITIONS)),
    st.floats(0.01, 100, allow_nan=False),
    st.floats(0.01, 100, allow_nan=False),
    st.floats(0.01, 10, allow_nan=False),
)
def test_each_condition_means_what_it_says(condition, ours, theirs, number):
    rule = Rule("r", "perplexity", CONDITIONS[condition][0], condition, number)
    passed = decide(rule, {"perplexity": value(ours)}, {"perplexity": value(theirs)}).result.passed
    limit = {"ratio": theirs * number, "delta": theirs + number}.get(condition.rsplit("_", 1)[1], number)
    if math.isclose(ours, limit, rel_tol=1e-9):
        assert passed
    else:
        assert passed == (ours < limit if condition.startswith("at_most") else ours > limit)


def test_equal_to_the_last_shown_digit_passes():
    rule = Rule("r", "rougeL", "base", "at_least_delta", 0.01)
    assert decide(rule, {"rougeL": value(0.13)}, {"rougeL": value(0.12)}).result.passed  # 0.12 + 0.01 > 0.13 in binary
    assert decide(Rule("r", "rougeL", "base", "at_least_ratio", 1.1), {"rougeL": value(0.0)}, {"rougeL": value(0.0)}).result.passed


def test_a_narrow_miss_shows_the_digits_that_decide():
    result = decide(Rule("r", "rougeL", "absolute", "at_least", 0.36), {"rougeL": value(0.35996)}, {}).result
    assert not result.passed and result.reason == "ROUGE-L is 0.35996 but had to be at least 0.36"


# ---- wrong inputs


def test_numbers_of_other_data_are_refused(tmp_path):
    code, told, summary = gate(tmp_path, candidate_side={"digest": "other"})
    assert code == 2 and "different test files" in told and summary is None


def test_the_wrong_side_is_refused(tmp_path):
    path = write_evaluation(tmp_path / "c.json", "candidate", BASE)
    code, told = run("--rules", SMOKE, "--base", path, "--candidate", path, "--summary", tmp_path / "gate.json")
    assert code == 2 and "evaluation of the candidate, not of the base" in told and not (tmp_path / "gate.json").exists()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"step": "evaluate", "model": "sample text 123"}', "\udcff", None])
def test_a_broken_summary_is_named_and_not_quoted(tmp_path, content):
    path, good = tmp_path / "broken.json", write_evaluation(tmp_path / "base.json", "base", BASE)
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    code, told = run("--rules", SMOKE, "--base", good, "--candidate", path, "--summary", tmp_path / "gate.json")
    assert code == 2 and str(path) in told and "sample text" not in told and not (tmp_path / "gate.json").exists()


def test_the_command_itself(tmp_path):
    good, bad = write_evaluation(tmp_path / "base.json", "base", BASE), write_evaluation(tmp_path / "c.json", "candidate", BASE, digest="x")
    command = [sys.executable, ROOT / "bin" / "gate.py", "--rules", SMOKE, "--base", good, "--candidate", bad]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    write_evaluation(bad, "candidate", BETTER)
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("Accepted: perplexity fell from 38.1 to 7.4; the one rule passed.")
    assert json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))["verdict"] == "accepted"


RULE = "name: g\nrules:\n  - name: one\n    metric: perplexity\n    at_most_ratio: 0.98\n"


@pytest.mark.parametrize(
    "text, line, expected",
    [
        (RULE.replace("at_most_ratio", "at_most_ration"), 5, "did you mean 'at_most_ratio'"),
        (RULE.replace("metric: perplexity", "metric: perplexidade"), 4, "did you mean 'perplexity'"),
        (RULE.replace("metric: perplexity", "metric: rougel"), 4, "did you mean 'rougeL'"),
        (RULE.replace("metric: perplexity", "metrics: perplexity"), 4, "did you mean 'metric'"),
        (RULE.replace("name: g", "nmae: g"), 1, "did you mean 'name'"),
        (RULE.replace("0.98", "fast"), 5, "must be a number"),
        (RULE.replace("0.98", "true"), 5, "must be a number"),
        (RULE.replace("0.98", ".nan"), 5, "must be a number"),
        (RULE.replace("0.98", "[1]"), 5, "must be a number"),
        (RULE.replace("0.98", "-1"), 5, "must be above 0"),
        (RULE.replace("    at_most_ratio: 0.98\n", ""), 3, "exactly one condition"),
        (RULE + "    at_most: 3\n", 3, "exactly one condition"),
        (RULE + "    compare: absolute\n", 6, "at_most, at_least"),
        (RULE + "    compare: other\n", 6, "must be base, production or absolute"),
        (RULE + "    severity: error\n", 6, "must be block or warn"),
        (RULE + "    metric: bleu\n", 6, "there twice"),
        (RULE + "  - name: one\n    metric: bleu\n    at_least: 3\n", 6, "used twice"),
        (RULE + "  - text\n", 6, "must be a list of 'key: value' lines"),
        (RULE.replace("perplexity", "finetune.validation_loss"), 4, "finetune.validation_loss is of this training"),
        (RULE.replace("    metric: perplexity\n", ""), 3, "has no 'metric'"),
        (RULE + "    confidence: 95\n", 6, "0.95 means 95 %"),
        (RULE + "    confidence: true\n", 6, "must be one of 0.8, 0.9"),
        (RULE + "    confidence: [0.95]\n", 6, "must be one of 0.8, 0.9"),
        (RULE.replace("perplexity", "distinct_2") + "    confidence: 0.95\n", 6, "no interval of distinct_2"),
        (RULE.replace("at_most_ratio: 0.98", "at_most: 1") + "    compare: production\n", 6, "at_most_ratio, at_least_ratio"),
        (RULE + "    when_missing: pass\n", 6, "must be review or skip"),
        (RULE + "    suite: general\n", 6, "measured on the test set only"),
        (RULE + "    suite: leak\n", 6, "the leak test has no perplexity"),
        (RULE.replace("perplexity", "extracted_secrets"), 4, "say 'suite: leak'"),
        (RULE.replace("perplexity", "accuracy"), 4, "suite test has no accuracy"),
        (RULE.replace("perplexity", "robustness_loss") + "    suite: general\n", 6, "a suite of adversarial items"),
        (RULE.replace("perplexity\n    at_most_ratio", "finetune.steps\n    at_most") + "    suite: mine\n", 6, "leave 'suite' out"),
        (RULE + "    suite: []\n", 6, "'suite' must be text"),
        ("name: g\nrules: []\n", 2, "has no rules"),
        ("name: g\n", 1, "has no rules"),
        ("name: g\nrules:\n  - name: {\n", 4, "not YAML"),
        ("- 1\n", 1, "must be"),
    ],
)
def test_a_wrong_rule_file_is_told_with_its_line(tmp_path, text, line, expected):
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        load_rules(path)
    told = str(caught.value)
    assert f"{path}:{line}" in told and expected in told and caught.value.exit_code == 2


def test_all_problems_are_told_at_once(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULE.replace("0.98", "x").replace("metric: perplexity", "metric: blue") + "    severity: no\n", encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        load_rules(path)
    assert all(f"{path}:{line}" in str(caught.value) for line in (4, 5, 6))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"a: &x [*x]\n", b"!!python/object:os.system {}\n"])
def test_any_other_file_is_refused(tmp_path, content):
    path = tmp_path / "rules.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInputError):
        load_rules(path)
    with pytest.raises(BadInputError, match="does not exist"):
        load_rules(tmp_path / "absent.yaml")


@pytest.mark.parametrize("name", ["default", "small", "smoke"])
def test_shipped_gates_are_valid_and_a_copy_of_the_base_fails_the_real_ones(tmp_path, name):
    path = ROOT / "conf" / "gates" / f"{name}.yaml"
    assert load_rules(path).name == name
    *_, summary = gate(tmp_path, rules=name, candidate=BASE)
    assert summary.verdict == ("accepted" if name == "smoke" else "rejected")


def test_default_gate_names_every_metric_in_its_comments():
    text = (ROOT / "conf" / "gates" / "default.yaml").read_text(encoding="utf-8")
    assert all(name in text for name in METRICS) and "finetune.validation_loss" in FINETUNE_METRICS
    assert all(str(confidence) in text for confidence in CONFIDENCES)


def test_every_metric_has_an_interval_or_is_known_to_have_none():
    assert set(METRICS) == set(ESTIMATORS) | (set(WITHOUT_INTERVAL) - set(FINETUNE_METRICS))
    assert set(LEAK_METRICS) <= set(METRICS) and not set(ESTIMATORS) & set(WITHOUT_INTERVAL)
    assert {f"{side:.6g}" for confidence in CONFIDENCES for side in (confidence, 1 - confidence)} <= {f"{p:g}" for p in PROBABILITIES}
