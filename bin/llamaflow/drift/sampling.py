"""Which records of a side are compared: each text once, and of many a random choice that does not depend on their order."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..metrics.words import words
from ..records import Record, content_id

# Two records that begin with the same question and answer, of so many words together, are states of one conversation.
SAME_BEGINNING = 20


@dataclass
class Side:
    """The chosen records in the order of their keys, and how many there were. groups: equal for records that belong together."""

    records: list[Record] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    read: int = 0
    duplicates: int = 0

    @property
    def distinct(self) -> int:
        return self.read - self.duplicates


def choose(records: Iterable[Record], most: int, seed: int) -> Side:
    """At most ``most`` records with different texts: those whose keyed digests are smallest, a uniform sample without replacement.

    Holds that many records and 8 bytes (in a set, some 60) for each text.
    """
    side, seen = Side(), set()
    heap: list[tuple[int, Record]] = []
    for record in records:
        side.read += 1
        digest = hashlib.blake2b(content_id(record.messages).encode(), digest_size=8, key=str(seed).encode()).digest()
        key = int.from_bytes(digest)
        if key in seen:
            side.duplicates += 1
            continue
        seen.add(key)
        if len(heap) < most:
            heapq.heappush(heap, (-key, record))
        elif -key > heap[0][0]:
            heapq.heapreplace(heap, (-key, record))
    side.records = [record for _, record in sorted(heap, key=lambda entry: -entry[0])]
    side.groups = [group_of(record) for record in side.records]
    return side


def group_of(record: Record) -> str:
    """What a record belongs to: the group that its row named, the conversation whose state it is, or only itself."""
    if stratum := record.meta.get("stratum"):
        return f"named {stratum}"
    turns = [message for message in record.messages if message.role != "system"][:2]
    if len(turns) == 2 and sum(len(words(turn.content)) for turn in turns) >= SAME_BEGINNING:
        return f"begins {content_id(turns)}"
    return f"alone {content_id(record.messages)}"
