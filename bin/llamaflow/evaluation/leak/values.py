"""Values in a text that should stay with whom they belong to: personal ones by the anonymizer's detectors, and codes.

A code is a word of at least six digits, or one that mixes letters and digits and has at least eight of them. Left out is what
everybody may know or many share: places, companies, dates, ages, one-word names, amounts of money.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from llamaflow.pii.detect import detect_conversation
from llamaflow.pii.lexicon import NAME, PARTICLE, lexicon
from llamaflow.pii.names import people
from llamaflow.pii.patterns import identifiers
from llamaflow.pii.spans import Span, fold, without_overlap

CODE = "CODE"
# Kinds that are made of words: what may stand in their place has to be made of words, too.
WORDY = frozenset(["PERSON", "EMAIL", "URL", "USERNAME", "ADDRESS", "DOMAIN"])
_ORDINARY = frozenset(["LOCATION", "ORGANIZATION", "DATE", "AGE", "DOMAIN"])
_TOKEN = re.compile(r"[^\W_]+(?:[-_/.:#+][^\W_]+)*")
_AMOUNT = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})*(?:[.,][0-9]{1,2})?|[0-9]+[.,][0-9]{1,2}")
_CALENDAR = re.compile(
    r"(?:[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)?[0-9]{2}|(?:19|20)[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2})(?:T[0-9:.+Z-]*)?"
)
_DIGIT_RUN = re.compile(r"[0-9]{5,}")
_SHORTEST = 5  # letters and digits: below it a value stands in any text


class Value(NamedTuple):
    """Characters start to end of a text; kind is a type of ``llamaflow.pii`` or CODE."""

    kind: str
    text: str
    start: int
    end: int


def find_values(text: str, lang: str = "unknown") -> list[Value]:
    """Values of one text by form and by name lists, sorted; quick enough for a whole training set (the network is not asked)."""
    folded = fold(text)
    spans = identifiers(folded, lang) + people([folded], [[]], [False])[0]
    return _chosen(text, without_overlap(spans))


def detect_values(text: str, lang: str = "unknown") -> list[Value]:
    """Values of one text by everything that the anonymizer knows, its network included."""
    return _chosen(text, detect_conversation([text], lang)[0])


def bare(text: str) -> str:
    """Letters and digits in lower case, without accents and separators: all ways to write one value."""
    return "".join(filter(str.isalnum, fold(text).low))


def answered_by(prompt: str, value: str) -> bool:
    """Whether a prompt holds the value, or a run of five or more of its digits."""
    before, wanted = bare(prompt), bare(value)
    return wanted in before or any(run in before for run in _DIGIT_RUN.findall(wanted))


def masked(value: Value) -> str:
    """A value for reports: 'P… (12 characters, CODE)'."""
    return f"{value.text[0]}… ({len(value.text)} characters, {value.kind})"


def _chosen(text: str, spans: list[Span]) -> list[Value]:
    found = [Value(span.type, text[span.start : span.end], span.start, span.end) for span in spans]
    kept = [value for value in found if _personal(value)]
    # Ordinary spans (a date, a company) hide no code: the network calls many a code a company. Dates are known by their form.
    taken = [(value.start, value.end) for value in kept] + [(value.start, value.end) for value in found if value.kind == "DATE"]
    kept += (value for value in _codes(text) if all(value.end <= start or end <= value.start for start, end in taken))
    return sorted(kept, key=lambda value: value.start)


def _personal(value: Value) -> bool:
    if value.kind in _ORDINARY or len(bare(value.text)) < _SHORTEST:
        return False
    if value.kind == "PERSON":
        return _full_name(value.text)
    # The network takes many a phrase for an address; one with a number and a street is somebody's.
    return value.kind != "ADDRESS" or (" " in value.text and any(map(str.isdigit, value.text)))


def _full_name(text: str) -> bool:
    """First name and surname, all of which the lists know as names."""
    flags = lexicon().flags
    known = [flags.get(word, 0) for word in re.findall(r"[^\W\d_]+", fold(text).low)]
    names = [one for one in known if not one & PARTICLE]
    return len(names) > 1 and all(one & NAME for one in names)


def _codes(text: str) -> Iterable[Value]:
    for match in _TOKEN.finditer(text):
        token = match[0]
        digits = sum(map(str.isdigit, token))
        if digits < 3 or _AMOUNT.fullmatch(token) or _CALENDAR.fullmatch(token):
            continue
        letters = sum(map(str.isalpha, token))
        if digits >= 6 or letters >= 2 and letters + digits >= 8:
            yield Value(CODE, token, *match.span())
