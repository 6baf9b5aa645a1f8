"""The second look: other, simpler eyes on the output. It shares no pattern with the detectors that it checks.

What it finds is a leak: an address outside example.com, digits with right check digits of a CPF, CNPJ or card, an
IPv4 address outside the documentation blocks, or a value that detection saw in the record and that still stands in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from llamaflow.records import Record

from .anonymizer import SEAL
from .lexicon import is_common
from .spans import fold

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"]@((?:[^\s@.,;:<>()\[\]\"'/?#]{1,63}\.){1,6}[A-Za-z]{2,24})\b")
_RUN = re.compile(r"(?<![0-9])[0-9]{11,19}(?![0-9])")
_GROUPED = re.compile(
    r"(?<![0-9])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9])|(?<![0-9])[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?![0-9])"
)
_LONG_KEY = re.compile(r"(?<![0-9])(?:[0-9]{4}[ .-]){6,20}[0-9]{1,4}(?![0-9])")
_QUAD = re.compile(r"(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\w)(?!\.[0-9])")
_FREE_QUADS = ("192.0.2.", "198.51.100.", "203.0.113.", "127.", "0.", "255.")
_VERSION = re.compile(r"(?:vers[aã]o|version|\bver|\bv|build|release|firmware)\W{0,4}$", re.I)
_SAINT = re.compile(r"\b(?:s[aã]o|santa|santo|san|saint)\s+(?=\w)", re.I)


def strings(record: Record) -> Iterator[str]:
    """Every string and number that a record holds, keys included; not its id and not its seal."""
    yield record.source
    yield from _told(record)


def _told(record: Record) -> Iterator[str]:
    """The same without the file's name, which is read apart from what the record tells."""
    for message in record.messages:
        yield message.content
    yield from _nested({name: value for name, value in record.meta.items() if name != SEAL})


def _nested(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _nested(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nested(item)
    elif isinstance(value, str) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        yield str(value)


_WORDS = re.compile(r"\w+")
_TAG = re.compile(r"\[[A-Z_]+:[0-9a-f]{16}\]")


def visible(text: str) -> str:
    """A text as a reader takes it: compatible forms as plain ones, nothing that does not show; the tags of hash policies are no text."""
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
        text = "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in text)
    return _TAG.sub("#", text) if "[" in text else text


def _modulo(digits: list[int], weights: Iterable[int]) -> int:
    rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 11
    return 0 if rest < 2 else 11 - rest


def number_kind(digits: str) -> str:
    """What check digits make of a run of digits: CPF, CNPJ, CREDIT_CARD or ''."""
    values = [int(char) for char in digits]
    if len(set(values)) == 1:
        return ""
    if len(values) == 11:
        first = _modulo(values, range(10, 1, -1))
        second = _modulo(values, range(11, 1, -1))
        return "CPF" if (first, second) == (values[9], values[10]) else ""
    if len(values) == 14:
        weights = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
        if (_modulo(values, weights), _modulo(values, [6, *weights])) == (values[12], values[13]):
            return "CNPJ"
    if (
        len(values) == 16
        and (values[0] == 4 or digits[:2] in ("51", "52", "53", "54", "55"))
        or len(values) == 15
        and digits[:2] in ("34", "37")
    ):
        total = 0
        for place, value in enumerate(reversed(values)):
            doubled = value * 2 if place % 2 else value
            total += doubled - 9 if doubled > 9 else doubled
        return "" if total % 10 else "CREDIT_CARD"
    return ""


def pattern_leaks(record: Record, kept: frozenset[str] = frozenset()) -> Counter[str]:
    """Leaks that show by themselves, by type. kept: types that the policy leaves in on purpose."""
    leaks: Counter[str] = Counter()
    for text in map(visible, strings(record)):
        if "@" in text:
            leaks["EMAIL"] += sum(match[1].lower() != "example.com" for match in _ADDRESS.finditer(text))
        numbers = _LONG_KEY.sub("#", text)
        for pattern in (_RUN, _GROUPED):
            for match in pattern.finditer(numbers):
                kind = number_kind(re.sub(r"[^0-9]", "", match[0]))
                if kind:
                    leaks[kind] += 1
        for match in _QUAD.finditer(text):
            address = all(int(part) < 256 for part in match[0].split(".")) and not match[0].startswith(_FREE_QUADS)
            if address and not _VERSION.search(text[max(0, match.start() - 44) : match.start()]):
                leaks["IP_ADDRESS"] += 1
    return Counter({kind: count for kind, count in leaks.items() if count and kind not in kept})


def surviving(record: Record, originals: Iterable[tuple[str, str]], kept: Iterable[str] = ()) -> Counter[str]:
    """How many of the (type, value) found in the input still stand in the output, by type; values under four characters do not count.

    Case does not matter, but for a one-word name that is an ordinary word too ("Rosa"): it must be spelt as it was.
    "Paulo" in "São Paulo" is a place, as is a name within one of the values that were kept.
    """
    leaks: Counter[str] = Counter()
    originals = list(originals)
    whole = _SAINT.sub("saint_", "\n".join(_told(record)))
    named = {word for _kind, value in originals for word in _WORDS.findall(value.lower())}
    longer = sorted({value for value in kept if not named.isdisjoint(_WORDS.findall(value.lower()))}, key=len, reverse=True)
    if longer:
        whole = re.sub(r"(?<!\w)(?:" + "|".join(map(re.escape, longer)) + r")(?!\w)", "#", whole)
    low = whole.lower()
    # A value stands as words of its own where all of its words do: one look into a set for most of them.
    words, all_words = set(_WORDS.findall(low)), set(_WORDS.findall(whole))
    for kind, value in originals:
        value = value.strip()
        if len(value) < 4:
            continue
        spelt = kind == "PERSON" and " " not in value and is_common(fold(value).low)
        if not (all_words.issuperset(_WORDS.findall(value)) if spelt else words.issuperset(_WORDS.findall(value.lower()))):
            value = re.sub(r"[^0-9]", "", value)
            if kind in ("PERSON", "EMAIL", "URL") or len(value) < 8 or value not in words:
                continue
        if re.search(r"(?<!\w)" + re.escape(value) + r"(?!\w)", whole, 0 if spelt else re.I):
            leaks[kind] += 1
    return leaks
