"""Which training records hold a value, in whatever way its letters and digits are parted there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from llamaflow.pii.spans import fold
from llamaflow.records import Record

_TOKEN = re.compile(r"[^\W_]+")


def find_holders(wanted: Iterable[str], train: Iterable[Record], few: int | None = None) -> dict[str, list[str]]:
    """Bare form -> ids of the records that hold it as whole words, in the file's order; few: the first so many.

    Forms that nobody holds are left out. train is gone through once; the number of forms hardly changes the time.
    """
    wanted = set(wanted)
    beginnings = {form[:length] for form in wanted for length in range(1, len(form) + 1)}
    found: dict[str, list[str]] = {}
    for record in train if wanted else ():
        for form in sorted(_forms(record, wanted, beginnings)):
            places = found.setdefault(form, [])
            if few is None or len(places) < few:
                places.append(record.id)
    return found


def _forms(record: Record, wanted: set[str], beginnings: set[str]) -> set[str]:
    seen: set[str] = set()
    for message in record.messages:
        words = _TOKEN.findall(fold(message.content).low)
        for first, word in enumerate(words):
            form, last = word, first + 1
            while form in beginnings:
                if form in wanted:
                    seen.add(form)
                if last == len(words):
                    break
                form, last = form + words[last], last + 1
    return seen
