"""The gate: what each condition means, what never passes silently, and what a rule file's errors say."""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gate as script
from llamaflow.errors import BadInputError, run_step
from llamaflow.gate_rules import CONDITIONS, FINETUNE_METRICS, Rule, decide, load_rules
from llamaflow.metrics import METRICS
from llamaflow.summaries import EvaluateSummary, FinetuneSummary, GateSummary, Hardware, MetricValue, read_summary

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "conf" / "gates" / "smoke.yaml"
HARDWARE = Hardware(device="test", device_type="cpu", cpu_cores=1, memory_bytes=1)
BETTER = {"perplexity": 7.4, "rougeL": 0.35, "bertscore_f1": 0.62, "chrf": 41.0, "distinct_2": 0.8, "length_ratio": 1.1}
BASE = {"perplexity": 38.1, "rougeL": 0.12, "bertscore_f1": 0.4, "chrf": 20.0, "distinct_2": 0.9, "length_ratio": 2.0}


def value(number: float, **settings: object) -> MetricValue:
    return MetricValue(value=number, higher_is_better=False, settings=settings)


def write_evaluation(path: Path, side: str, numbers: dict, digest: str = "d", settings: dict | None = None) -> Path:
    metrics = {name: value(number, **(settings or {"answers": 40})) for name, number in numbers.items()}
    summary = EvaluateSummary(
        model=side, data_digest=digest, examples=40, generated=40, scored_tokens=9, metrics=metrics, samples=[], hardware=HARDWARE
    )
    path.write_text(json.dumps(summary.model_dump(mode="json")), encoding="utf-8")  # NaN as evaluate_model.py writes it
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


def gate(folder: Path, *, rules: str | Path = "default", base=BASE, candidate=BETTER, finetune: float | None = None, candidate_side=None):
    """Write the summaries and run the gate; returns exit code, standard error and the summary (None when there is none)."""
    if isinstance(rules, str):
        text, rules = rules, ROOT / "conf" / "gates" / f"{rules}.yaml"
        if "\n" in text:
            rules = folder / "rules.yaml"
            rules.write_text(text, encoding="utf-8")
    write_evaluation(folder / "base.json", "base", base)
    write_evaluation(folder / "candidate.json", "candidate", candidate, **(candidate_side or {}))
    command = ["--rules", rules, "--base", folder / "base.json", "--candidate", folder / "candidate.json"]
    if finetune is not None:
        command += ["--finetune", write_finetune(folder / "finetune.json", finetune)]
    code, told = run(*command, "--summary", folder / "gate.json")
    return code, told, read_summary(folder / "gate.json", GateSummary) if (folder / "gate.json").exists() else None


# ---- verdicts


def test_accepted_in_one_sentence_with_numbers(tmp_path):
    code, _, summary = gate(tmp_path)
    assert code == 0 and summary.verdict == "accepted" and summary.gate == "default" and len(summary.gate_sha256) == 64
    assert summary.reason == "Accepted: perplexity fell from 38.1 to 7.4 and ROUGE-L rose from 0.12 to 0.35; all 7 rules passed."
    assert all(rule.passed for rule in summary.rules) and not summary.warnings
    assert summary.rules[0].threshold == pytest.approx(0.98 * 38.1) and summary.rules[0].condition == "perplexity at most 0.98 × base"


def test_rejected_is_a_result_and_not_an_error(tmp_path):
    code, _, summary = gate(tmp_path, candidate={**BETTER, "rougeL": 0.125})
    assert code == 0 and summary.verdict == "rejected"
    assert summary.reason.startswith("Rejected: ROUGE-L rose from 0.12 to 0.125 but had to be at least 0.13: its own answers did not")
    assert summary.reason.endswith("1 of 7 rules failed.")


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


# ---- conditions


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
        (RULE + "    compare: other\n", 6, "must be base or absolute"),
        (RULE + "    severity: error\n", 6, "must be block or warn"),
        (RULE + "    metric: bleu\n", 6, "there twice"),
        (RULE + "  - name: one\n    metric: bleu\n    at_least: 3\n", 6, "used twice"),
        (RULE + "  - text\n", 6, "must be a list of 'key: value' lines"),
        (RULE.replace("perplexity", "finetune.validation_loss"), 4, "the base model has no finetune.validation_loss"),
        (RULE.replace("    metric: perplexity\n", ""), 3, "has no 'metric'"),
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
