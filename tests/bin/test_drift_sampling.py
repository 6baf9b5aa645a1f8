"""Which records are compared: no order, no repeats, a fair choice, and what belongs together."""

from __future__ import annotations

import random

from llamaflow.drift.sampling import choose
from llamaflow.records import Message, Record, content_id


def record(number: int, *turns: str, **meta: str) -> Record:
    roles = ["user", "assistant"] * 9
    messages = [Message(role=role, content=turn) for role, turn in zip(roles, turns or (f"question {number}", "yes"), strict=False)]
    return Record(id=f"{number:032x}", messages=messages, meta=meta)


def test_the_choice_does_not_depend_on_the_order_and_repeats_count_once():
    records = [record(number) for number in range(300)] + [record(1000 + number, f"question {number}", "yes") for number in range(50)]
    first = choose(records, 100, seed=1)
    random.Random(2).shuffle(records)
    again = choose(records, 100, seed=1)
    assert [content_id(one.messages) for one in first.records] == [content_id(one.messages) for one in again.records]
    assert (first.read, first.duplicates, first.distinct, len(first.records)) == (350, 50, 300, 100)
    other = choose(records, 100, seed=2)
    assert {one.messages[0].content for one in first.records} != {one.messages[0].content for one in other.records}


def test_every_record_has_the_same_chance():
    records = [record(number) for number in range(40)]
    counts = [0] * 40
    for seed in range(400):
        for one in choose(records, 10, seed).records:
            counts[int(one.messages[0].content.split()[1])] += 1
    assert min(counts) > 60 and max(counts) < 145  # 100 expected, 8.7 is a standard deviation


def test_states_of_one_conversation_and_named_groups_belong_together():
    long = "please tell me where my parcel with the three blue chairs is right now"
    answer = "It is on its way to you and will arrive on Friday before noon"
    side = choose([record(1, long, answer), record(2, long, answer, "thanks", "welcome"), record(3, long, "No idea")], 9, seed=1)
    groups = {tuple(one.messages[1].content.split()[:2]): [] for one in side.records}
    for one, group in zip(side.records, side.groups, strict=True):
        groups[tuple(one.messages[1].content.split()[:2])].append(group)
    assert len(set(groups["It", "is"])) == 1 and len(set(side.groups)) == 2
    assert len(set(choose([record(1, "Oi", "Olá!"), record(2, "Oi", "Olá!", "tudo bem", "sim")], 9, seed=1).groups)) == 2
    assert len(set(choose([record(number, stratum=f"s{number % 2}") for number in range(8)], 9, seed=1).groups)) == 2
