"""Words, short answers, shape, speed and intervals; the reference implementations are in test_metrics_references.py."""

from __future__ import annotations

import math
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.metrics import METRICS
from llamaflow.metrics.base import LocalMetric
from llamaflow.metrics.bootstrap import interval, mean_interval, ratio_interval
from llamaflow.metrics.likelihood import Likelihood
from llamaflow.metrics.rouge import Rouge
from llamaflow.metrics.sacre import Sacre
from llamaflow.metrics.shape import Shape, repetition
from llamaflow.metrics.speed import Speed
from llamaflow.metrics.squad import Squad, answer_words, token_f1
from llamaflow.metrics.texts import Texts
from llamaflow.metrics.words import WordTokenizer, without_accents, words
from llamaflow.reporting.names import NAMES

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


def test_accents_are_folded_and_other_alphabets_stay():
    assert without_accents("Ação, à noite: coração; Ångström 9º") == "Acao, a noite: coracao; Angstrom 9º"
    assert without_accents("가 が") == "가 が"  # marks that are no accents
    assert words(without_accents("não")) == ["nao"]


def test_stems_bring_the_forms_of_a_word_together():
    portuguese, english = WordTokenizer("snowball-portuguese").tokenize, WordTokenizer("porter").tokenize
    assert portuguese("Intimação") == portuguese("intimações") and portuguese("prazo") == portuguese("prazos")
    assert english("running cats") == ["run", "cat"] and portuguese("uma") != portuguese("umas")
    assert WordTokenizer().tokenize("Prazos úteis") == ["prazos", "úteis"]


# ---- exact match, token F1, shape, speed


def test_exact_match_ignores_case_punctuation_and_articles_only():
    values = compute(Squad(), ["O prazo é de dez dias!", "dez dias", "dez"], ["prazo é de DEZ dias", "quinze dias", ""])
    assert values["exact_match"].value == pytest.approx(1 / 3)
    assert values["token_f1"].value == pytest.approx((1 + 0.5 + 0) / 3)


def test_short_answers_are_compared_as_people_mean_them():
    same = [("€ 1.234,56", "1.234,56"), ("§ 3º", "3º"), ("“úteis”", "úteis"), ("u\u0301teis", "úteis"), ("STRASSE", "straße")]
    assert all(answer_words(left) == answer_words(right) for left, right in same)
    different = [("👍", "👎"), ("nao", "não"), ("as cats", "cats")]
    assert all(answer_words(left, "en") != answer_words(right, "en") for left, right in different)
    assert answer_words("Não às 10", accents="folded") == ["nao", "10"]  # 'às' is then the article 'as'
    assert answer_words("o a the") == [] and answer_words("o a the", "none") == ["o", "a", "the"]


@given(st.text(alphabet="ab çé.", max_size=30), st.text(alphabet="ab çé.", max_size=30))
def test_token_f1_is_symmetric_and_one_only_for_equal_bags(left, right):
    guess, gold = answer_words(left), answer_words(right)
    score = token_f1(guess, gold)
    assert 0 <= score <= 1 and score == token_f1(gold, guess)
    assert (score == 1) == (sorted(guess) == sorted(gold))


def test_distinct_and_length_ratio():
    values = compute(Shape(), ["sim sim sim sim", "a b"], ["um dois", "três"])
    assert values["distinct_1"].value == 3 / 6
    assert values["distinct_2"].value == 2 / 4  # (sim, sim) three times and (a, b)
    assert values["length_ratio"].value == 6 / 3
    assert set(compute(Shape(), ["", ""], ["", ""])) == {"distinct_1", "distinct_2", "repetition"}


def test_repetition_counts_what_an_answer_says_again():
    assert repetition(words("o prazo é de dez dias")) == repetition([]) == repetition(["sim"] * 4) == 0
    assert repetition(["sim"] * 8) == 4 / 5
    assert repetition(list("abcdabcd")) == 1 / 5  # of abcd, bcda, cdab, dabc, abcd only the last was there before
    value = compute(Shape(), ["x y z w x y z w", "outra resposta"], ["", ""])["repetition"]
    assert value.value == pytest.approx(1 / 10) and not value.higher_is_better and value.settings["words in a row"] == 4


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_saying_all_of_it_twice_is_repetition(answer):
    one_word_thrice = len(answer) == 3 and len(set(answer)) == 1
    assert 0 <= repetition(answer) < 1 and (repetition(answer * 2) > 0) == (len(answer) > 3 or one_word_thrice)


def test_speed_tells_first_tokens_from_later_ones():
    values = Speed().compute(seconds=[1.0, 0.1, 0.3, 2.0, 0.2], first=[True, False, False, True, False], total_seconds=2.5)
    assert values["time_to_first_token_ms"].value == values["time_to_first_token_p50_ms"].value == pytest.approx(1500)
    assert values["time_to_first_token_p95_ms"].value == pytest.approx(1950)
    assert values["latency_p50_ms"].value == pytest.approx(200) and values["latency_p95_ms"].value == pytest.approx(290)
    assert values["generation_tokens_per_second"].value == pytest.approx(2)
    assert set(values) <= set(METRICS)


def test_speed_of_answers_of_one_token_and_of_none():
    one = Speed().compute(seconds=[0.5], first=[True], total_seconds=0.5, settings={"device": "cpu"})
    first = {"time_to_first_token_ms", "time_to_first_token_p50_ms", "time_to_first_token_p95_ms"}
    assert set(one) == first | {"generation_tokens_per_second"}
    assert all(value.settings["device"] == "cpu" for value in one.values())
    assert Speed().compute(seconds=[], first=[], total_seconds=0.0) == {}


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


def test_interval_draws_clusters_whole():
    values = np.array([1.0, 1, 0, 0, 1])
    clusters = ["a", "a", "b", "b", None]
    low, high = mean_interval(values, 0, clusters)
    assert (low, high) == ratio_interval(np.array([2.0, 0, 1]), np.array([2, 2, 1]), 0)
    assert mean_interval(values, 0) == mean_interval(values, 0, [""] * 5) == mean_interval(values, 0, list("vwxyz"))


def test_ratio_resamples_both_numbers_of_an_example_together():
    numbers = np.arange(1, 40, dtype=float)
    low, high = ratio_interval(3 * numbers, numbers, seed=0)
    assert low == pytest.approx(3) and high == pytest.approx(3)
    with pytest.raises(ValueError, match="no example"):
        interval(np.zeros((0, 1)), lambda totals: totals[:, 0], seed=0)


# ---- names


def test_every_metric_is_explained_and_named_in_both_languages():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in text] == []
    assert set(METRICS) <= set(NAMES)


# ---- as evaluate.Metric


@pytest.mark.parametrize("kind", [Rouge, Sacre, Squad, Shape, Texts])
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
