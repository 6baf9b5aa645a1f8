"""The evaluation benchmark on a tiny model: both sides answer the same, and the figures are of what ran."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.evaluate import data, run
from llamaflow.errors import BadInputError
from llamaflow.files import write_json
from llamaflow.models import load_model, load_tokenizer
from llamaflow.summaries import BaseModelSummary

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """What the benchmark keeps between runs, with the tiny model for the real one; larger weights, so that it says something."""
    folder = tmp_path_factory.mktemp("cache")
    model = load_model(TINY, precision="fp32", device="cpu")
    for parameter in model.parameters():
        parameter.data *= 6 if parameter.dim() == 2 else 1
    model.save_pretrained(folder / "base")
    load_tokenizer(TINY).save_pretrained(folder / "base")
    summary = BaseModelSummary(
        name="tiny", source="tiny", architecture="LlamaForCausalLM", parameters=139584, context_length=2048, vocabulary=1024, dtype="bf16",
        bytes=1, digest="0" * 64,
    )  # fmt: skip
    write_json(folder / "base.json", summary)
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Path:
    """A folder with data in the public sets' forms; some of each are too long."""
    folder = tmp_path_factory.mktemp("rows")
    alpaca = [{"instruction": f"Count to {n}", "input": "", "output": "and one more " * (3 + 900 * (n % 5 == 4))} for n in range(20)]
    (folder / "alpaca-en-999.json").write_text(json.dumps(alpaca))
    questions = [{"question": f"Qual é o prazo {n}?", "answers": [{"text": f"{n} dias úteis"}]} for n in range(20)]
    faquad = {"data": [{"title": "", "paragraphs": [{"context": "o prazo é de dez dias.", "qas": questions}]}]}
    (folder / "faquad-train.json").write_text(json.dumps(faquad), encoding="utf-8")
    return folder


def test_examples_are_half_of_each_set_and_fit(rows):
    chosen = data.choose(rows, 9, load_tokenizer(TINY), 200)
    assert [record.lang for record in chosen] == ["en"] * 5 + ["pt"] * 4 and len({record.id for record in chosen}) == 9
    assert chosen[-1].messages[0].content.startswith("o prazo é de dez dias.\n\nQual")
    assert all("more and one more and one more and one more" not in record.text for record in chosen)
    with pytest.raises(BadInputError, match="16 examples fit, 30 are needed"):
        data.choose(rows, 60, load_tokenizer(TINY), 200)


def test_missing_data_is_named(rows, tmp_path):
    with pytest.raises(BadInputError, match="cannot be read") as caught:
        data.faquad(tmp_path / "faquad-train.json")
    assert "DATA=FOLDER" in str(caught.value)


def test_both_sides_agree_and_the_last_line_is_json(cache, rows, capsys):
    run.main(["--data", str(rows), "--cache", str(cache), "--examples", "8", "--max-new-tokens", "5", "--only", "plain"])
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert figures["identical_outputs"] == figures["examples"] == 8 and figures["metric_difference"] < 1e-5
    assert figures["precision"] == "fp32" and set(figures["peak_memory_gb"]) == {"2", "8"}
    assert figures["vs_plain"] == pytest.approx(figures["seconds"]["plain"] / figures["seconds"]["llamaflow"], rel=0.1)
    assert any(line.split()[:2] == ["plain", "fp32"] for line in lines)
