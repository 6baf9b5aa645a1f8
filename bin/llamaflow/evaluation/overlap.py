"""Items of a suite that the training set has seen: their scores would say nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ..contamination import Overlaps
from ..errors import BadInputError, LlamaFlowError, ManyProblems
from ..records import Message, Record, content_id
from .items import Item, Suite
from .reading import folded

# Equal prompts of fewer words ("Bom dia!") are chance, not overlap.
LEAST_WORDS = 3


def overlapping(suite: Suite, train_records: Iterable[Record]) -> list[str]:
    """Ids of the items that training records meet, in the suite's order; the records are read once, as a stream.

    Equal: the prompt, or prompt and reference, once case, accents, blanks and system turns are left out. Or 13 words in a row in
    common, prompt and reference together; runs that more than ten training records hold are stock phrases and do not count.
    """
    owners: defaultdict[str, set[int]] = defaultdict(set)
    runs = Overlaps()
    for number, item in enumerate(suite.items):
        for key in _keys(_whole(item)):
            owners[key].add(number)
        runs.add_test(number, "\n".join(message.content for message in _whole(item) if message.role != "system"))
    runs.freeze()
    met: set[int] = set()
    for number, record in enumerate(train_records):
        for key in _keys(record.messages):
            met |= owners.get(key, set())
        runs.add_training(number, "\n".join(message.content for message in record.messages if message.role != "system"))
    met |= runs.found_tests()
    return [item.id for number, item in enumerate(suite.items) if number in met]


def require_apart(suites: Iterable[Suite], train_records: Iterable[Record]) -> None:
    """Raise BadInputError, with ids, when training records meet items of a suite: its numbers would be those of memory.

    train_records are gone through once for each suite.
    """
    problems: list[LlamaFlowError] = []
    for suite in suites:
        if met := overlapping(suite, train_records):
            named = ", ".join(met[:20]) + (f" and {len(met) - 20} more" if len(met) > 20 else "")
            problems.append(
                BadInputError(
                    f"{len(met)} of {len(suite.items)} items of the suite '{suite.name}' are in the training data", where=suite.name,
                    why=f"ids: {named}", fix="take them out of the suite, or their records out of the training data",
                )
            )  # fmt: skip
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)


def _whole(item: Item) -> list[Message]:
    answer = item.reference if item.reference is not None else item.choices[item.answer] if item.answer is not None else None
    return item.messages + ([Message(role="assistant", content=answer)] if answer is not None else [])


def _keys(messages: list[Message]) -> list[str]:
    """Digests of the prompts before each assistant turn, and of the whole."""
    turns = [Message(role=message.role, content=folded(message.content)) for message in messages if message.role != "system"]
    ends = [place for place, turn in enumerate(turns) if turn.role == "assistant"] + [len(turns)]
    return [content_id(turns[:end]) for end in ends if sum(len(turn.content.split()) for turn in turns[:end]) >= LEAST_WORDS]
