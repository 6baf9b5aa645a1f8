"""All text metrics together: rows and summary agree, any text is taken, and order does not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.evaluation.examples import SCHEMA, read_examples, write_examples
from llamaflow.metrics import METRICS
from llamaflow.metrics.corpus import bleu_score, chrf_score
from llamaflow.metrics.shares import share_values
from llamaflow.metrics.texts import Texts, score_texts

PREDICTIONS = ["A ação foi julgada improcedente.", "O prazo é de dez dias úteis,\ncontados da intimação.", "", "The cat sat on the mat."]
REFERENCES = ["Ação julgada improcedente.", "O prazo é de quinze dias úteis.\nConta-se da intimação.", "Não.", "The cat is on the mat."]
MEANS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "exact_match", "token_f1", "repetition")
TEXTS = Texts()
WILD = st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), min_size=1, max_size=6)


def test_columns_are_the_files_and_metrics_are_known():
    columns, metrics, _ = score_texts(PREDICTIONS, REFERENCES, bertscore=("", 6))
    assert set(columns) <= set(SCHEMA.names) and {len(column) for column in columns.values()} == {4}
    assert set(metrics) <= set(METRICS)
    assert {*MEANS, "bleu", "chrf", "bertscore_f1", "distinct_1", "distinct_2", "length_ratio"} == set(metrics)


def test_rows_of_the_file_give_the_summary(tmp_path):
    columns, metrics, summarize_rows = score_texts(PREDICTIONS, REFERENCES, settings={"answers": 4})
    write_examples(tmp_path / "examples.parquet", ({name: column[row] for name, column in columns.items()} for row in range(4)))
    table = read_examples(tmp_path / "examples.parquet").to_pydict()
    assert summarize_rows(table, range(4), {"answers": 4}) == metrics
    for name in MEANS:
        assert metrics[name].value == pytest.approx(np.mean(table[name]), abs=1e-12)
    assert metrics["bleu"].value == bleu_score(np.sum(table["bleu_counts"], axis=0)[None])[0]
    assert metrics["chrf"].value == chrf_score(np.sum(table["chrf_counts"], axis=0)[None])[0]
    assert metrics["length_ratio"].value == sum(table["prediction_words"]) / sum(table["reference_words"])


def test_a_subset_of_rows_is_scored_as_if_it_were_alone():
    columns, _, summarize_rows = score_texts(PREDICTIONS, REFERENCES)
    alone = score_texts(PREDICTIONS[1:3], REFERENCES[1:3], settings={"suite": "edge"}).metrics
    assert summarize_rows(columns, [1, 2], {"suite": "edge"}) == alone
    assert all(value.settings["suite"] == "edge" for value in alone.values())


def test_metrics_come_from_each_columns_own_rows():
    columns, _, summarize_rows = score_texts(["sim sim sim sim sim", "não"], [None, "não"])
    assert columns["rouge1"] == [None, 1] and columns["bleu_counts"][0] is None and columns["repetition"] == [0.5, 0]
    columns |= {"correct": [1.0, None], "refused": [0.0, 1.0], "finished": [True, False], "clean_loss": [None, 0.25]}
    values = summarize_rows(columns, [0, 1])
    assert values["rouge1"].value == 1 and values["length_ratio"].value == 1 and values["repetition"].value == 0.25
    assert [values[name].value for name in ("accuracy", "refusal_rate", "finished_share", "robustness_loss")] == [1, 0.5, 0.5, 0.25]
    assert not values["refusal_rate"].higher_is_better and not values["robustness_loss"].higher_is_better
    without = summarize_rows(columns, [0])
    assert "rouge1" not in without and "bleu" not in without and "length_ratio" not in without and without["accuracy"].value == 1
    assert summarize_rows(columns, []) == {}


def test_choice_items_without_an_answer_do_not_dilute_the_texts():
    columns = {"correct": [1.0, 0.0, None], "repetition": [None, None, 0.0], "prediction": [None, "b", "a a"]}
    values = Texts().values(columns)
    assert set(values) == {"accuracy", "repetition", "distinct_1", "distinct_2"} and values["distinct_1"].value == 0.5


def test_variants_of_one_source_widen_the_interval():
    flags = [1.0, 0.0] * 20
    own = share_values({"correct": [flag for flag in flags for _ in range(5)]}, 17)["accuracy"]
    shared = share_values(
        {"correct": [flag for flag in flags for _ in range(5)], "cluster": [str(i) for i in range(40) for _ in range(5)]}, 17
    )["accuracy"]
    plain = share_values({"correct": flags, "cluster": [""] * 40}, 17)["accuracy"]
    assert shared.value == own.value and (shared.low, shared.high) == (plain.low, plain.high)
    assert shared.high - shared.low > 1.8 * (own.high - own.low)


@settings(max_examples=60, deadline=None)
@given(WILD)
def test_any_text_is_scored_within_bounds(pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    columns = TEXTS.examples(predictions, references)
    values = TEXTS.values(columns)
    for name in MEANS:
        assert all(0 <= score <= 1 for score in columns[name]) and 0 <= values[name].value <= 1
        assert 0 <= values[name].low <= values[name].high <= 1
    assert all(0 <= values[name].value <= 100 + 1e-9 for name in ("bleu", "chrf"))
    assert all(0 <= values[f"distinct_{size}"].value <= 1 for size in (1, 2))
    assert all(np.isfinite(value.value) for value in values.values())


@settings(max_examples=40, deadline=None)
@given(WILD, st.randoms(use_true_random=False))
def test_order_of_examples_changes_no_value(pairs, chance):
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    values, others = (TEXTS.values(TEXTS.examples(*map(list, zip(*some, strict=True)))) for some in (pairs, shuffled))
    assert {name: value.value for name, value in values.items()} == pytest.approx({name: one.value for name, one in others.items()})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_the_reference_itself_has_the_best_score(references):
    columns = TEXTS.examples(references, references)
    assert columns["exact_match"] == columns["token_f1"] == [1.0] * len(references)
    for kind, words in (("rouge1", 1), ("rouge2", 2), ("rougeL", 1)):
        assert columns[kind] == [float(count >= words) for count in columns["prediction_words"]]


def test_settings_name_all_that_a_repetition_needs():
    plain = score_texts(PREDICTIONS, REFERENCES).metrics
    other = score_texts(
        PREDICTIONS, REFERENCES, stemmer="snowball-portuguese", articles="pt", accents="folded", seed=3, settings={"decoding": "greedy"}
    ).metrics
    assert "nltk" in other["rouge1"].settings["stemmer"] and plain["rouge1"].settings["stemmer"] == "none"
    assert other["token_f1"].settings["accents"] == "folded" and "the" not in other["token_f1"].settings["ignored words"]
    for name, value in other.items():
        assert value.settings["decoding"] == "greedy"
        assert (value.low is None) == name.startswith("distinct") and (value.low is None or "seed 3" in value.settings["interval"])
        assert any(key in value.settings for key in ("tokenizer", "signature"))
    # Only what was asked for differs: the gate compares numbers whose settings are equal.
    assert plain["bleu"].settings | {"interval": "", "decoding": ""} == other["bleu"].settings | {"interval": "", "decoding": ""}


@pytest.mark.parametrize("options", [{"stemmer": "rslp"}, {"accents": "dropped"}, {"articles": "de"}])
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="choose one of"):
        score_texts(PREDICTIONS, REFERENCES, **options)


def test_no_answers_have_no_metrics():
    columns, metrics, summarize_rows = score_texts([], [], bertscore=("", 6))
    assert metrics == {} and not any(columns.values()) and summarize_rows(columns, []) == {}
    assert score_texts(["a b"], [None], bertscore=("", 6)).metrics.keys() == {"distinct_1", "distinct_2", "repetition"}


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError):
        score_texts(PREDICTIONS, REFERENCES[:2])
