"""COMPARE as a command, what the gate makes of it over many simulated runs, and blind pairs."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import compare as script
import gate
from benchmarks.statistics.coverage import table
from llamaflow.errors import run_step
from llamaflow.evaluation.blind_pairs import COLUMNS, harmless, score_pairs, sign_test
from llamaflow.evaluation.estimators import ESTIMATORS
from llamaflow.evaluation.statistics import compare_suite
from llamaflow.gate_decisions import Evidence
from llamaflow.gate_rules import load_rules
from llamaflow.summaries import CompareSummary, EvaluateSummary, Hardware, MetricValue, SuiteScores, read_summary

ROOT = Path(__file__).parents[2]
HARDWARE = Hardware(device="test", device_type="cpu", cpu_cores=1, memory_bytes=1)


def run(*arguments: object) -> tuple[int, str, str]:
    """Exit code, output and standard error of the script, in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as told:
        code = run_step(lambda: script.main([str(argument) for argument in arguments]))
    return code, out.getvalue(), told.getvalue()


def model(seed: int, better: float = 0.0, size: int = 60) -> pa.Table:
    """Answers of a model to a test set that depends on nothing else; better: share by which its loss is lower and its answers closer."""
    task, own = np.random.default_rng(1), np.random.default_rng([seed, 2])
    hard, tokens = task.beta(2, 2, size), task.integers(10, 60, size)
    answers = [f"answer {own.integers(1000)}" for _ in range(size)]
    nats = tokens * (1 + 2 * hard + own.normal(0, 0.2, size)) * (1 - better)
    rouge = np.clip(own.beta(2, 5, size) + better, 0, 1)
    prompts = [f"prompt {number}" for number in range(size)]
    return table({"nats": nats, "tokens": tokens, "rougeL": rouge, "prompt": prompts, "prediction": answers})


def write(path: Path, rows: pa.Table) -> Path:
    pq.write_table(rows, path)
    return path


# ---- the gate's comparison


def test_the_candidate_against_the_base(tmp_path):
    base, candidate = write(tmp_path / "a.parquet", model(1)), write(tmp_path / "b.parquet", model(2, 0.3))
    arguments = ("--reference", f"base={base}", "--candidate", candidate, "--resamples", 1000)
    code, out, _ = run(*arguments, "--summary", tmp_path / "compare.json")
    summary = read_summary(tmp_path / "compare.json", CompareSummary)
    assert code == 0 and summary.reference == "base" and summary.candidate == "candidate" and summary.seeds == 1
    assert [(one.metric, one.verdict) for one in summary.differences] == [("perplexity", "better"), ("rougeL", "better")]
    assert out == "candidate against base: 2 better, 0 worse, 0 no difference (2 numbers of 1 suites)\n"
    texts = [(tmp_path / "compare.json").read_text(encoding="utf-8")]
    run(*arguments, "--summary", tmp_path / "compare.json")
    texts.append((tmp_path / "compare.json").read_text(encoding="utf-8"))
    assert len({json.dumps({**json.loads(text), "seconds": 0}) for text in texts}) == 1


def test_seeds_of_one_recipe(tmp_path):
    base = write(tmp_path / "a.parquet", model(1))
    seeds = [write(tmp_path / f"{seed}.parquet", model(seed, 0.3)) for seed in (2, 3, 4)]
    run("--reference", f"base={base}", "--candidate", *seeds, "--resamples", 1000, "--summary", tmp_path / "compare.json")
    summary = read_summary(tmp_path / "compare.json", CompareSummary)
    assert summary.seeds == 3 and summary.candidate == "candidate" and summary.differences[0].verdict == "better"


def test_the_leak_test_is_not_compared_and_few_examples_are_named(tmp_path):
    def with_suites(rows: pa.Table, given_away: int) -> pa.Table:
        # One that gives away more has more rows, and a record may hold two values.
        leak = pa.concat_tables([rows, rows.slice(0, 5)]).slice(0, given_away)
        leak = leak.set_column(0, "suite", pa.array(["leak"] * len(leak)))
        few = rows.slice(0, 3).set_column(0, "suite", pa.array(["edge"] * 3))
        return pa.concat_tables([rows, leak, few])

    paths = [write(tmp_path / f"{seed}.parquet", with_suites(model(seed), given_away)) for seed, given_away in ((1, 20), (2, 65))]
    code, out, err = run("--reference", f"base={paths[0]}", "--candidate", paths[1], "--resamples", 1000, "--summary", tmp_path / "c.json")
    assert code == 0, err
    summary = read_summary(tmp_path / "c.json", CompareSummary)
    assert {one.suite for one in summary.differences} == {"test"}
    assert summary.warnings == ["suite edge has too few examples, or none with numbers of both models, for an interval"]
    assert "warning: suite edge" in out


def test_other_test_data_is_refused(tmp_path):
    base, candidate = write(tmp_path / "a.parquet", model(1)), write(tmp_path / "b.parquet", model(2, size=58))
    code, _, told = run("--reference", f"base={base}", "--candidate", candidate, "--summary", tmp_path / "c.json")
    assert code == 2 and "2 items only in base" in told and "prompt 5" not in told and not (tmp_path / "c.json").exists()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), "nothing to compare"),
        (("--reference", "base=x"), "--reference without --candidate"),
        (("--reference", "x.parquet", "--candidate", "y"), "NAME=FILE"),
        (("--reference", "base=absent.parquet", "--candidate", "y"), "does not exist"),
        (("--reference", "base=x", "--candidate", "y", "--resamples", "10"), "--resamples is 10"),
        (("--versions", "v1.0.0", "v1.1.0"), "--versions without --registry"),
        (("--models", "a=x"), "two or more different models"),
        (("--models", "a=x", "a=y"), "two or more different models"),
        (("--models", "../a=x", "b=y"), "NAME=FILE"),
        (("--models", "a=x", "b=y", "--score-pairs", "s.csv"), "several things"),
        (("--models", "a=x", "b=y", "--blind-pairs", "s.csv"), "without --key"),
        (("--models", "a=x", "b=y", "--blind-pairs", "s.csv", "--key", "s.csv"), "the same file"),
        (("--models", "a=x", "b=y", "c=z", "--summary", "c.json"), "give --output"),
        (("--score-pairs", "s.csv", "--key", "absent.json"), "the key does not exist"),
        (("--registry", ".", "--versions", "v1.0.0", "../../etc"), "there is no version"),
    ],
)
def test_what_cannot_work_is_told(arguments, expected):
    code, _, told = run(*arguments)
    assert code == 2 and expected in told and "Traceback" not in told


def test_files_of_another_kind_are_refused(tmp_path):
    good, other = write(tmp_path / "a.parquet", model(1)), tmp_path / "b.parquet"
    for content in (b"text", b"", b"PAR1PAR1"):
        other.write_bytes(content)
        assert run("--reference", f"base={good}", "--candidate", other)[0] == 2
    write(other, model(1).drop_columns(["nats"]))
    code, _, told = run("--reference", f"base={good}", "--candidate", other)
    assert code == 2 and "columns missing: nats" in told


# ---- versions, for people


def registry(folder: Path, **versions: pa.Table | None) -> Path:
    for name, rows in versions.items():
        entry = folder / "models" / "fine-tuned" / name.replace("_", ".")
        entry.mkdir(parents=True)
        if rows is not None:
            write(entry / "examples.parquet", rows)
    return folder


def test_versions_of_the_registry_pair_by_pair_and_as_a_matrix(tmp_path):
    root = registry(tmp_path / "registry", v1_0_0=model(1), v1_1_0=model(2, 0.3), v2_0_0=model(3, 0.3), v3_0_0=None)
    names = ("v1.0.0", "v1.1.0", "v2.0.0")
    code, out, _ = run("--registry", root, "--versions", *names, "--output", tmp_path / "out", "--resamples", 1000)
    assert code == 0 and "v1.1.0 against v1.0.0" in out and "2 / 0 / 0" in out and "0 / 2 / 0" in out and "0 / 0 / 2" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "compare-v1.0.0-v1.1.0.json", "compare-v1.0.0-v2.0.0.json", "compare-v1.1.0-v2.0.0.json",
    ]  # fmt: skip
    assert read_summary(tmp_path / "out" / "compare-v1.0.0-v1.1.0.json", CompareSummary).candidate == "v1.1.0"
    code, _, told = run("--registry", root, "--versions", "v1.0.0", "v3.0.0")
    assert code == 2 and "without its examples" in told and "evaluate_model.py" in told
    code, _, told = run("--registry", root, "--versions", "v1.0.0", "v9.0.0")
    assert code == 2 and "v1.0.0, v1.1.0, v2.0.0" in told


# ---- what the gate makes of it, over many runs


def simulate(draw: np.random.Generator, size: int, ratio: float, gain: float) -> tuple[pa.Table, pa.Table]:
    """A test set and two models' answers. ratio: true perplexity of the candidate / of the base; gain: true rise of ROUGE-L."""
    hard, tokens = draw.gamma(4, 0.5, size), draw.integers(10, 120, size)
    losses = hard + 0.5 + draw.normal(0, 0.15, size), hard + 0.5 + np.log(ratio) + draw.normal(0, 0.15, size)
    ease = draw.beta(2, 2, size)
    sides = []
    for loss, more in zip(losses, (0.0, gain), strict=True):
        rouge = np.clip(0.3 * ease + draw.normal(0.1, 0.08, size) + more, 0, 1)
        meaning = np.clip(0.5 * ease + draw.normal(0.2, 0.08, size) + more, -1, 1)
        asked = 0.5 + draw.normal(0, 0.1, size) + more  # bits a token that the question saves
        sides.append(table({"nats": loss * tokens, "tokens": tokens, "rougeL": rouge, "bertscore_f1": meaning, "prompt_gain": asked}))
    return sides[0], sides[1]


def evaluation(side: str, rows: pa.Table) -> EvaluateSummary:
    numbers = {}
    for name, estimator in ESTIMATORS.items():
        if (scored := estimator.scored(rows)).any():
            total = estimator.parts(rows.filter(pa.array(scored))).sum(0)
            numbers[name] = MetricValue(value=float(estimator.combine(total)), higher_is_better=False)
    clean = {name: MetricValue(value=0, higher_is_better=False) for name in ("extracted_secrets", "recited_excess", "training_values_told")}
    leak = SuiteScores(kind="leak", digest="l", examples=9, metrics=clean)
    return EvaluateSummary(
        model=side, data_digest="d", examples=len(rows), generated=len(rows), scored_tokens=1, metrics=numbers, suites={"leak": leak},
        samples=[], hardware=HARDWARE,
    )  # fmt: skip


def verdicts(runs: int, size: int, ratio: float, gain: float, rules: str = "default") -> list[str]:
    """Verdicts of the real comparison and the real gate on simulated test sets."""
    gate_rules = load_rules(ROOT / "conf" / "gates" / f"{rules}.yaml").rules
    found = []
    for number in range(runs):
        base, candidate = simulate(np.random.default_rng([number, size]), size, ratio, gain)
        differences = compare_suite("test", base, [candidate], number, 1000)
        compared = CompareSummary(reference="base", resamples=1000, seed=number, differences=differences)
        evidence = Evidence(evaluation("candidate", candidate), evaluation("base", base), comparisons={"base": compared})
        found.append(gate.judge([evidence.decide(rule) for rule in gate_rules], evidence.no_difference)[0])
    return found


def test_equal_models_are_accepted_no_more_often_than_stated():
    """The default gate states 95 %: of 200 comparisons of equal models at most 10 may be accepted."""
    found = verdicts(200, 60, ratio=1.0, gain=0.0)
    assert found.count("accepted") <= 10 and found.count("rejected") > 150


def test_models_at_the_very_limit_are_accepted_no_more_often_than_stated():
    """The hardest null: everything else is better, and the true perplexity is the limit itself. Of 200, 10 are expected at most;
    more than 18 would be there by chance once in 200 times."""
    found = verdicts(200, 60, ratio=0.98, gain=0.2)
    assert 0 < found.count("accepted") <= 18


def test_a_real_improvement_is_accepted():
    assert verdicts(20, 60, ratio=0.75, gain=0.1).count("accepted") >= 18
    assert verdicts(20, 38, ratio=0.4, gain=0.1, rules="small").count("accepted") == 20


def test_a_worse_model_is_rejected():
    assert set(verdicts(10, 60, ratio=1.1, gain=-0.1)) == {"rejected"}


# ---- blind pairs


def make_pairs(folder: Path, count: int = 10, seed: int = 17) -> tuple[list[list[str]], dict]:
    paths = [write(folder / f"{name}.parquet", model(number)) for number, name in enumerate("ab", 1)]
    sides = [f"{path.stem}={path}" for path in paths]
    files = ("--blind-pairs", folder / "pairs.csv", "--key", folder / "key.json")
    assert run("--models", *sides, *files, "--pairs", count, "--seed", seed)[0] == 0
    with (folder / "pairs.csv").open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream)), json.loads((folder / "key.json").read_text(encoding="utf-8"))


def fill(folder: Path, rows: list[list[str]], votes: list[str], name: str = "filled.csv", delimiter: str = ",", encoding: str = "utf-8"):
    with (folder / name).open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([rows[0], *(row[:4] + [vote] for row, vote in zip(rows[1:], votes, strict=True))])
    return folder / name


def test_pairs_are_blind_random_in_order_and_the_same_for_a_seed(tmp_path):
    rows, key = make_pairs(tmp_path, 40)
    assert tuple(rows[0]) == COLUMNS and len(rows) == 41 and len(key["pairs"]) == 40
    answers = {
        name: dict(zip(model(i)["id"].to_pylist(), model(i)["prediction"].to_pylist(), strict=True)) for i, name in ((1, "a"), (2, "b"))
    }
    for row, pair in zip(rows[1:], key["pairs"], strict=True):
        assert row[2] == answers[pair["answer_1"]][pair["id"]] and row[3] == answers[pair["answer_2"]][pair["id"]]
        assert {pair["answer_1"], pair["answer_2"]} == {"a", "b"}
    assert 8 < sum(pair["answer_1"] == "a" for pair in key["pairs"]) < 32
    assert make_pairs(tmp_path, 40) == (rows, key) and make_pairs(tmp_path, 40, seed=18) != (rows, key)


def test_what_people_prefer_is_counted(tmp_path):
    rows, key = make_pairs(tmp_path)
    votes = ["1" if pair["answer_1"] == "b" else "2" for pair in key["pairs"][:8]] + ["0", ""]
    for delimiter, encoding in ((",", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-8")):
        filled = fill(tmp_path, rows, votes, delimiter=delimiter, encoding=encoding)
        result = score_pairs([filled], tmp_path / "key.json")
        assert result.models == ("a", "b") and result.wins == (0, 8) and result.equal == 1 and result.unjudged == 1
        assert result.p_value == pytest.approx(2 / 2**8) and result.agreement is None
    code, out, _ = run("--score-pairs", filled, "--key", tmp_path / "key.json", "--summary", tmp_path / "counted.json")
    assert code == 0 and out.startswith("b is preferred in 8 of 8 pairs (100%; 95 % interval 68% to 100%), 1 equal, 1 not judged")
    assert json.loads((tmp_path / "counted.json").read_text(encoding="utf-8"))["wins"] == [0, 8]


def test_several_people_count_once_for_each_pair(tmp_path):
    rows, key = make_pairs(tmp_path, 4)
    right = ["1" if pair["answer_1"] == "b" else "2" for pair in key["pairs"]]
    other = ["2" if vote == "1" else "1" for vote in right]
    sheets = [fill(tmp_path, rows, votes, f"{name}.csv") for name, votes in (("x", right), ("y", right), ("z", [*right[:3], other[3]]))]
    result = score_pairs(sheets, tmp_path / "key.json")
    assert result.wins == (0, 4) and result.agreement == 0.75


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda rows: [rows[0], [*rows[1][:4], "A"]], "is not 1, 2 or 0"),
        (lambda rows: [rows[0], ["99", *rows[1][1:4], "1"]], "no pair in the key"),
        (lambda rows: [rows[0], [*rows[1][:4], "1"], [*rows[1][:4], "2"]], "there twice"),
        (lambda rows: [["x"], ["1"]], "no sheet of blind pairs"),
        (lambda rows: [], "no sheet of blind pairs"),
    ],
)
def test_a_sheet_that_was_changed_is_refused_with_its_line(tmp_path, change, expected):
    rows, _ = make_pairs(tmp_path)
    with (tmp_path / "filled.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(change(rows))
    code, _, told = run("--score-pairs", tmp_path / "filled.csv", "--key", tmp_path / "key.json")
    assert code == 2 and expected in told and f"{tmp_path / 'filled.csv'}:" in told
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    assert run("--score-pairs", tmp_path / "filled.csv", "--key", tmp_path / "key.json")[0] == 2


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("=+-@＝＋－＠ab1 \t\r\n;\"'|()\x00\ufeff\u200b"), max_size=30))
def test_no_cell_begins_a_formula_in_a_spreadsheet(text):
    shown = harmless(text)
    assert not shown.lstrip(" \t\r\n\ufeff\u200b").startswith(tuple("=+-@＝＋－＠"))
    for part in shown.replace("\r", "\n").replace("\t", "\n").replace(";", "\n").split("\n"):
        assert not part.lstrip(" \ufeff\u200b").startswith(tuple("=@＝＠"))
    assert [char for char in shown if char != "'"] == [char for char in text if char not in "'\x00"]


def test_lists_stay_readable_and_commands_do_not_run():
    assert harmless("Buy:\n- milk\n- bread") == "Buy:\n- milk\n- bread"
    assert harmless("=HYPERLINK(1)") == "'=HYPERLINK(1)" and harmless("a;=1+1") == "a;'=1+1" and harmless("a\n-cmd|x") == "a\n'-cmd|x"


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_exact(first, second):
    trials = first + second
    assert sign_test(first, second) == pytest.approx(binomtest(first, trials).pvalue if trials else 1.0, rel=1e-9)
