"""Tasks of the Language Model Evaluation Harness: what its results become, and errors that name the task."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from llamaflow.errors import BadInputError
from llamaflow.evaluation.harness import check_tasks, run_tasks, scores_of

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
INSTALLED = importlib.util.find_spec("lm_eval") is not None
needs_harness = pytest.mark.skipif(not INSTALLED, reason="lm_eval is not installed: its tasks cannot be run here")
# The shape that lm_eval 0.4.13 returns.
FOUND = {
    "results": {
        "pair": {"alias": "pair", "sample_len": 3, "acc,none": 0.5, "acc_stderr,none": 0.25},
        "one": {"alias": " - one", "sample_len": 2, "acc,none": 1.0, "acc_stderr,none": "N/A", "perplexity,none": 7.5},
        "two": {"alias": " - two", "sample_len": 1, "acc,none": 0.0, "exact_match,strict-match": 0.0},
    },
    "higher_is_better": {"pair": {"acc": True}, "one": {"acc": True, "perplexity": False}, "two": {}},
    "versions": {"one": 1.0, "two": 2.0},
    "n-shot": {"one": 0, "two": 5},
    "samples": {
        "two": [{"doc_hash": "c", "prompt_hash": "c", "target_hash": "c"}],
        "one": [{"doc_hash": name, "prompt_hash": name, "target_hash": name} for name in "ab"],
    },
}


def test_results_become_scores() -> None:
    scores = scores_of("pair", FOUND, {"library": "lm_eval 0.4.13"})
    assert (scores.kind, scores.examples) == ("lm_eval", 3)
    assert scores.metrics["accuracy"].value == 0.5
    assert (scores.metrics["accuracy"].low, scores.metrics["accuracy"].high) == (pytest.approx(0.01), pytest.approx(0.99))
    assert set(scores.categories) == {"one", "two"}
    assert scores.categories["one"]["accuracy"].low is None
    assert not scores.categories["one"]["perplexity"].higher_is_better
    assert set(scores.categories["two"]) == {"accuracy", "exact_match_strict-match"}
    assert scores.categories["two"]["accuracy"].settings["few-shot examples"] == 5


def test_the_digest_is_over_what_was_asked() -> None:
    other = json.loads(json.dumps(FOUND))
    assert scores_of("pair", other, {}).digest == scores_of("pair", FOUND, {}).digest
    other["samples"]["two"][0]["prompt_hash"] = "d"
    assert scores_of("pair", other, {}).digest != scores_of("pair", FOUND, {}).digest


@pytest.mark.skipif(INSTALLED, reason="lm_eval is installed here")
def test_without_the_package_the_remedy_is_told() -> None:
    with pytest.raises(BadInputError, match="uv pip install lm_eval"):
        check_tasks(["hellaswag"])


def task(folder: Path, name: str, data: Path) -> None:
    text = (
        f"task: {name}\ndataset_path: json\ndataset_kwargs: {{data_files: {data}}}\ntest_split: train\noutput_type: multiple_choice\n"
        'doc_to_text: "{{q}}"\ndoc_to_choice: "{{c}}"\ndoc_to_target: "{{a}}"\nmetric_list: [{metric: acc}]\nmetadata: {version: 1.0}\n'
    )
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@needs_harness
def test_a_local_task_runs_and_lost_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from llamaflow.models import load_model, load_tokenizer

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = [{"q": "The capital of France is", "c": ["Paris", "Rome"], "a": 0}, {"q": "Grass is", "c": ["blue", "green"], "a": 1}]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task(tmp_path, "lf_local", tmp_path / "data.jsonl")
    task(tmp_path, "lf_lost", tmp_path / "nowhere.jsonl")
    model, tokenizer = load_model(TINY, precision="fp32", device="cpu"), load_tokenizer(TINY)
    scores = run_tasks(["lf_local"], model, tokenizer, include=tmp_path)["lf_local"]
    assert scores.examples == 2
    assert scores.metrics["accuracy"].value in (0.0, 0.5, 1.0)
    with pytest.raises(BadInputError, match="'lf_lost' cannot be loaded"):
        run_tasks(["lf_lost"], model, tokenizer, include=tmp_path)
    with pytest.raises(BadInputError, match="did you mean lf_local"):
        run_tasks(["lf_locl"], model, tokenizer, include=tmp_path)
