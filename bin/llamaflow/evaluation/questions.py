"""What is asked of a model: the test set's questions as items like any suite's, and a fair choice where there are too many."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from ..records import Message, Record
from .items import Item, Suite

Identified = TypeVar("Identified", Item, Record)


def choose(those: Sequence[Identified], limit: int, seed: int) -> list[Identified]:
    """At most limit of them (0: all), the same ones for every model, in their order."""
    if not limit or len(those) <= limit:
        return list(those)
    ranked = sorted(range(len(those)), key=lambda index: (hashlib.sha256(f"{seed}:{those[index].id}".encode()).digest(), index))
    return [those[index] for index in sorted(ranked[:limit])]


def spread(suite: Suite, limit: int, seed: int) -> Suite:
    """At most limit items of a suite (0: all), from its categories and languages in turn."""
    if not limit or len(suite.items) <= limit:
        return suite
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in suite.items:
        groups.setdefault((item.category, item.lang), []).append(item)
    shares = dict.fromkeys(groups, 0)
    while sum(shares.values()) < limit:
        for group in groups:
            if shares[group] < len(groups[group]) and sum(shares.values()) < limit:
                shares[group] += 1
    kept = {item.id for group, items in groups.items() if shares[group] for item in choose(items, shares[group], seed)}
    return Suite(suite.name, suite.kind, [item for item in suite.items if item.id in kept])


def test_questions(records: Sequence[Record]) -> list[Item]:
    """The records' last answers as references to the turns before them; a record without a question and an answer gives none."""
    items = []
    for record in records:
        if turns := to_last_answer(record.messages):
            items.append(Item(id=record.id, messages=turns[:-1], lang=record.lang, reference=turns[-1].content.strip()))
    return items


def to_last_answer(messages: list[Message]) -> list[Message]:
    """The turns up to the last assistant turn, which is the reference; empty when no question comes before it."""
    last = max((index for index, message in enumerate(messages) if message.role == "assistant"), default=0)
    return messages[: last + 1] if last > 0 else []
