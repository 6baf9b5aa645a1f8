"""Records that say again what others have said are left out of a training whose model recites: repetition is what is memorised.

Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", https://arxiv.org/abs/2107.06499.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from ..duplicates import NearDuplicates
from ..records import Record

# What looks like a code, a number or a key: six characters or more of letters and digits, with a digit among them.
CODE = re.compile(r"(?<!\w)(?=[\w@.+-]*\d)[\w@.+-]{5,}\w")


def with_replay(records: Iterable[Record], replay: Iterable[Record], share: float) -> Iterator[Record]:
    """The records, then as many of the replayed ones as make up that share of all; all of them where there are not enough."""
    count = 0
    for count, record in enumerate(records, 1):  # noqa: B007
        yield record
    yield from islice(replay, round(count * share / (1 - share)))


def without_repeats(records: Iterable[Record], similarity: float, most: int) -> Iterator[Record]:
    """The records that are to be learned, in their order.

    similarity: from which two texts count as one (see NearDuplicates), 0 for no such look. most: how many records may hold the
    same code or number in an answer, 0 for any number.
    """
    index = NearDuplicates(similarity) if similarity else None
    seen: Counter[str] = Counter()
    for record in records:
        codes = {code for turn in record.messages if turn.role == "assistant" for code in CODE.findall(turn.content)} if most else set()
        if any(seen[code] >= most for code in codes) or (index and index.add(record.text)):
            continue
        seen.update(codes)
        yield record
