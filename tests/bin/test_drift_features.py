"""Each distance against its definition, and the index, bins, vectors and signals behind the features."""

from __future__ import annotations

import numpy as np
import pytest

from llamaflow.drift.bins import bins_of, psi_of
from llamaflow.drift.features import Categories, Feature, Numbers, Texts, penalty_for
from llamaflow.drift.ngrams import PLACES, count_ngrams, directions
from llamaflow.drift.psi import band, bins_for, psi, psi_of_numbers
from llamaflow.drift.signals import measure, repetition
from llamaflow.records import Message, Record

LABELS = np.random.default_rng(0).integers(0, 2, (60, 9)).astype(np.float32)


@pytest.mark.parametrize("values", [np.random.default_rng(1).normal(size=60), np.random.default_rng(2).integers(0, 4, 60).astype(float)])
def test_numbers_are_kolmogorov_and_smirnovs_distance(values: np.ndarray):
    found = Numbers(values).statistics(LABELS)
    for column, label in enumerate(LABELS.T.astype(bool)):
        gaps = [abs((values[label] <= at).mean() - (values[~label] <= at).mean()) for at in values]
        assert found[column] == pytest.approx(max(gaps), abs=1e-6)


def test_categories_are_half_the_sum_of_differences():
    values = np.random.default_rng(3).integers(0, 4, 60)
    found = Categories(values).statistics(LABELS)
    for column, label in enumerate(LABELS.T.astype(bool)):
        expected = sum(abs((values[label] == one).mean() - (values[~label] == one).mean()) for one in range(4)) / 2
        assert found[column] == pytest.approx(expected, abs=1e-6)


def test_scores_are_those_of_a_classifier_fitted_without_the_record_and_its_group():
    random = np.random.default_rng(4)
    vectors = random.normal(size=(60, 5)) @ random.normal(size=(5, 5))
    groups = np.repeat(np.arange(24), [1] * 20 + [2, 9, 19, 10])  # one of them larger than the vectors are long
    labels = LABELS[np.searchsorted(np.arange(24), groups)]
    texts = Texts(vectors, groups)
    found = texts.scores(labels)
    centred = vectors - vectors.mean(axis=0)
    penalty = penalty_for(np.linalg.eigvalsh(centred.T @ centred), 15)
    sides = labels - labels.mean(axis=0)
    for group in range(24):
        inside, others = groups == group, groups != group
        gram = centred[others].T @ centred[others] + penalty * np.eye(5)
        expected = centred[inside] @ np.linalg.solve(gram, centred[others].T @ sides[others])
        assert found[inside] == pytest.approx(expected, abs=1e-3)


def test_text_distance_is_how_much_more_often_than_chance_a_pair_is_told_apart():
    random = np.random.default_rng(5)
    texts = Texts(random.normal(size=(60, 3)), np.arange(60))
    scores, found = texts.scores(LABELS), texts.statistics(LABELS)
    for column, label in enumerate(LABELS.T.astype(bool)):
        pairs = np.sign(scores[label, column][:, None] - scores[~label, column][None])
        assert found[column] == pytest.approx(max(pairs.mean(), 0), abs=1e-6)


def test_vectors_without_any_difference_are_no_distance():
    assert (Texts(np.zeros((60, 3)), np.arange(60)).scores(LABELS) == 0).all()


def test_a_draw_in_which_a_side_has_no_known_record_is_no_distance():
    feature = Feature("input", "words", "number", Numbers(np.array([1.0, 2.0])), np.array([1.0, 2.0]), known=np.array([0, 3]))
    labels = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1], [1, 0, 0]], np.int8)
    assert feature.distances(labels).tolist() == [0.0, 1.0, 0.0]


def test_penalty_gives_the_degrees_of_freedom_asked_for():
    scale = np.geomspace(1e-3, 1e3, 40)
    penalty = penalty_for(scale, 12)
    assert (scale / (scale + penalty)).sum() == pytest.approx(12, abs=0.01)


def test_psi_is_the_sum_over_bins():
    # Half a record in each bin hardly matters here.
    assert psi(np.array([50_000, 50_000]), np.array([60_000, 40_000])) == pytest.approx(0.1 * np.log(1.2) + -0.1 * np.log(0.8), abs=1e-4)
    assert psi(np.array([10, 20]), np.array([100, 200])) < 0.01
    assert np.isfinite(psi(np.array([10, 0]), np.array([0, 10])))
    assert [band(value) for value in (0.09, 0.1, 0.24, 0.25, 9)] == ["stable", "moderate", "moderate", "large", "large"]


@pytest.mark.parametrize("count", [60, 100, 300, 2000])
def test_psi_of_two_samples_of_one_kind_is_stable(count: int):
    random = np.random.default_rng(count)
    values = [psi_of_numbers(random.lognormal(size=count), random.lognormal(size=count)) for _ in range(200)]
    assert np.mean(values) < 0.08 and bins_for(count, count) <= 10
    assert psi_of_numbers(random.normal(size=count), random.normal(1, size=count)) > 0.25


def test_psi_of_equal_values_and_of_none():
    same = np.ones(100)
    assert psi_of_numbers(same, same) == 0
    assert psi_of("number", np.zeros(0), same, []) == 0


@pytest.mark.parametrize(
    "values",
    [np.arange(1, 5).repeat(25), np.random.default_rng(6).lognormal(4, 1, 500).round(), np.full(50, 3.0), np.zeros(9), np.array([0, 1])],
)
def test_bars_hold_every_record_and_have_width(values: np.ndarray):
    bars = bins_of("number", values.astype(float), values[::-1].astype(float), [])
    assert sum(bar.reference for bar in bars) == pytest.approx(1, abs=1e-4) == sum(bar.production for bar in bars)
    assert all(bar.low < bar.high for bar in bars) and len(bars) <= 17


def test_each_small_integer_has_a_bar_of_its_own():
    values = np.array([1.0] * 10 + [2.0] * 5 + [4.0] * 5)
    bars = bins_of("number", values, values, [])
    assert [(bar.low, bar.reference) for bar in bars] == [(1, 0.5), (2, 0.25), (3, 0), (4, 0.25)]


def test_ngrams_are_the_same_for_all_spellings_and_bounded():
    assert (count_ngrams("A ação") == count_ngrams("a   AC\u0327A\u0303O!")).all()
    assert count_ngrams("").sum() == 0 and count_ngrams("ab").shape == (PLACES,)
    assert count_ngrams("x" * 5000).max() == 255
    assert (count_ngrams("\ud800 half") == count_ngrams("\ud800 half")).all()


def test_directions_part_two_topics():
    left = [f"o pedido {number} atrasou e a entrega não chegou" for number in range(30)]
    right = [f"a fatura {number} veio com juros e o boleto venceu" for number in range(30)]
    found = directions(np.stack([count_ngrams(text) for text in left + right]))
    assert found.shape[0] == 60 and found.shape[1] <= 59
    first = found[:, 0]
    assert (np.sign(first[:30]) == np.sign(first[0])).all() and (np.sign(first[30:]) == -np.sign(first[0])).all()


def test_repetition_is_the_share_of_runs_that_came_before():
    assert repetition(["a", "b", "c", "d"]) == 0 == repetition(["a"])
    assert repetition(["a"] * 12) == pytest.approx(0.9)


def record(*turns: str, **meta: object) -> Record:
    roles = ["user", "assistant"] * len(turns)
    messages = [Message(role=role, content=turn) for role, turn in zip(roles, turns, strict=False)]
    return Record(id="0" * 32, messages=messages, meta=meta)


def test_signals_of_a_record():
    asked, answered = "Onde está o meu pedido? Não chegou ainda.", "Your order is on its way and will be with you on Friday."
    found = measure(record(asked, answered))
    assert (found["input.words"], found["output.words"], found["input.turns"]) == (8, 13, 1)
    assert found["output.other_language"] == 1 and found["output.unfinished"] == 0
    assert measure(record(asked, asked))["output.other_language"] == 0
    assert np.isnan(measure(record("123", answered))["output.other_language"])
    assert (
        measure(record(asked, "```python\nx = 1"))["output.unfinished"]
        == 1
        == measure(record(asked, answered, cut_off=True))["output.unfinished"]
    )
    assert measure(record(asked, "a b", asked, "a b c d"))["output.words"] == 3
