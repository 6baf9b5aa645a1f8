"""The measures against their definitions, written out character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.anonymize.measures import Counts, Label, Tally, covered, overlap, strict

TYPES = st.sampled_from(["PERSON", "LOCATION", "CPF"])
SPANS = st.lists(st.builds(lambda start, size, kind: Label(start, start + size, kind), st.integers(0, 40), st.integers(1, 12), TYPES))


def characters(span: Label) -> set[int]:
    return set(range(span.start, span.end))


@given(SPANS, SPANS)
def test_overlap_is_a_common_character_of_the_same_type(labels, predictions):
    def touched(one, others):
        return any(one.type == other.type and characters(one) & characters(other) for other in others)

    counts = overlap(labels, predictions)
    assert counts.right == sum(touched(one, labels) for one in predictions)
    assert counts.found == sum(touched(one, predictions) for one in labels)
    assert (counts.predicted, counts.labelled) == (len(predictions), len(labels))


@given(SPANS)
def test_a_perfect_system_is_perfect(labels):
    for measure in (strict, overlap):
        counts = measure(labels, labels)
        assert (counts.precision, counts.recall, counts.f1) == ((1.0, 1.0, 1.0) if labels else (0.0, 0.0, 0.0))


@given(SPANS, SPANS)
def test_what_is_strictly_right_overlaps(labels, predictions):
    hard, soft = strict(labels, predictions), overlap(set(labels), set(predictions))
    assert hard.right <= soft.right and hard.found <= soft.found


@given(SPANS, SPANS, st.randoms())
def test_order_does_not_matter(labels, predictions, random):
    before = overlap(labels, predictions), strict(labels, predictions), covered(labels, predictions)
    random.shuffle(labels)
    random.shuffle(predictions)
    assert before == (overlap(labels, predictions), strict(labels, predictions), covered(labels, predictions))


@given(SPANS, SPANS)
def test_covered_characters_are_labelled_ones_under_any_type(labels, predictions):
    marked = set().union(*map(characters, labels))
    assert covered(labels, predictions) == (len(marked & set().union(*map(characters, predictions))), len(marked))


def test_one_long_prediction_finds_two_labels_but_is_one_prediction():
    counts = overlap([Label(0, 5, "PERSON"), Label(6, 9, "PERSON")], [Label(0, 9, "PERSON"), Label(20, 22, "PERSON")])
    assert counts == Counts(right=1, predicted=2, found=2, labelled=2)
    assert counts.precision == 0.5 and counts.recall == 1.0


def test_touching_ends_do_not_overlap():
    assert overlap([Label(0, 5, "PERSON")], [Label(5, 9, "PERSON")]).right == 0


def test_a_type_left_out_is_neither_right_nor_wrong_yet_covers_characters():
    tally = Tally({"PERSON": "PERSON"}.get, {"PERSON": "PERSON"}.get)
    tally.add([Label(0, 4, "PERSON"), Label(5, 9, "TITLE")], [Label(0, 2, "ORGANIZATION"), Label(20, 30, "AGE")])
    assert tally.overlap == Counts(labelled=1)
    assert (tally.characters_covered, tally.characters) == (2, 4)


def test_types_with_one_common_name_are_one_type():
    tally = Tally({"GPE": "LOCATION"}.get, {"CEP": "LOCATION", "ADDRESS": "LOCATION"}.get)
    tally.add([Label(0, 30, "GPE")], [Label(0, 10, "ADDRESS"), Label(12, 20, "CEP")])
    assert tally.overlap == Counts(right=2, predicted=2, found=1, labelled=1)
    assert tally.strict.right == 0
    assert tally.character_recall == pytest.approx(18 / 30)
