"""Which records a training leaves out or learns again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamaflow.records import Message, Record
from llamaflow.training.repeats import with_replay, without_repeats


def record(number: int, answer: str) -> Record:
    messages = [Message(role="user", content=f"question {number}"), Message(role="assistant", content=answer)]
    return Record(id=f"{number:032x}", messages=messages, lang="en")


def test_a_code_in_many_answers_is_learned_so_often_and_no_more():
    records = [record(n, f"Take ticket number {n} and say ZX-4471-Q at the door of hall {n}.") for n in range(20)]
    kept = list(without_repeats(records, 0, 3))
    assert [one.id for one in kept] == [one.id for one in records[:3]]
    assert len(list(without_repeats(records, 0, 0))) == 20


def test_a_code_in_questions_counts_for_nothing():
    records = [
        record(n, "The door is open.").model_copy(update={"messages": [Message(role="user", content="ZX-4471-Q?")]}) for n in range(9)
    ]
    assert len(list(without_repeats(records, 0, 1))) == 9


def test_similar_records_count_as_one():
    text = "we are open from nine to six on weekdays and from ten to two on saturdays, closed on sundays and holidays"
    records = [record(n, text) for n in range(5)] + [record(9, "a wholly different answer about parcels that never came to the door")]
    assert len(list(without_repeats(records, 0.6, 0))) == 2


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 4))
def test_order_is_kept_and_nothing_is_invented(answers, most):
    records = [record(n, answer) for n, answer in enumerate(answers)]
    kept = [one.id for one in without_repeats(records, 0, most)]
    assert kept == [one.id for one in records if one.id in set(kept)]


@given(st.integers(1, 60), st.floats(0.01, 0.5), st.integers(0, 100))
def test_replay_makes_up_its_share_as_far_as_there_is_some(count, share, many):
    records, replay = [record(n, "x") for n in range(count)], [record(1000 + n, "y") for n in range(many)]
    mixed = list(with_replay(records, replay, share))
    again = len(mixed) - count
    assert mixed[:count] == records
    assert again == min(many, round(count * share / (1 - share)))
