"""Where personal data lies in a text, and the folded view of a text that detectors read."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple


class Span(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) of a text are of ``type``; ``rule`` says which rule found them."""

    start: int
    end: int
    type: str
    rule: str


# A type earlier in this list wins where two spans overlap: what a check digit or an @ proves comes first.
ENTITY_TYPES = (
    "SECRET",
    "EMAIL",
    "URL",
    "PIX_KEY",
    "IBAN",
    "CASE_NUMBER",
    "CNPJ",
    "CPF",
    "CREDIT_CARD",
    "CNS",
    "PIS",
    "VOTER_ID",
    "CNH",
    "RENAVAM",
    "SSN",
    "DRIVER_LICENSE",
    "PASSPORT",
    "MAC_ADDRESS",
    "IP_ADDRESS",
    "BIRTH_DATE",
    "RG",
    "BANK_ACCOUNT",
    "PHONE",
    "CEP",
    "PLATE",
    "USERNAME",
    "AGE",
    "ADDRESS",
    "DOMAIN",
    "PERSON",
    "LOCATION",
    "ORGANIZATION",
    "DATE",
)
PRIORITY = {name: rank for rank, name in enumerate(ENTITY_TYPES)}


def without_overlap(spans: Iterable[Span]) -> list[Span]:
    """Sorted spans of which none overlaps another; by PRIORITY, then the longer one."""
    taken: list[Span] = []
    for span in sorted(spans, key=lambda s: (PRIORITY[s.type], s.start - s.end, s.start, s.rule == "again", s.rule)):
        place = bisect(taken, span)
        if (place == 0 or taken[place - 1].end <= span.start) and (place == len(taken) or span.end <= taken[place].start):
            taken.insert(place, span)
    return taken


# Letters of Cyrillic, Greek and rarer Latin that are drawn like common ones: what an eye reads as a name or as "CPF" is one.
_LOOKS_LIKE = str.maketrans(
    "аеорсухіјѕһԁԛԝӏкАВЕКМНОРСТХУІЈЅ" + "αονρικυχτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "ıɑɡ",
    "aeopcyxijshdqwlkABEKMHOPCTXYIJS" + "aovpikuxtABEZHIKMNOPTYX" + "iag",
)


def _plain(char: str) -> str:
    """One character as detectors read it: a single character, or '' for what does not show."""
    category = unicodedata.category(char)
    if category in ("Mn", "Cf", "Me"):
        return ""
    if char in "\n\r\t":
        return char
    if category in ("Zs", "Cc", "Zl", "Zp"):
        return "\n" if category in ("Zl", "Zp") else " "
    if category == "Pd" or char == "\u2212":
        return "-"
    if char in "\u2018\u2019\u02bc":
        return "'"
    if char in "\u2024\uff0e\uff61":
        return "."
    if category == "Nd":
        return str(unicodedata.digit(char))
    base = unicodedata.normalize("NFKD", char)
    base = "".join(c for c in base if not unicodedata.combining(c))
    return (base if len(base) == 1 else char).translate(_LOOKS_LIKE)


@lru_cache(maxsize=8192)
def _plain_cached(char: str) -> str:
    return _plain(char)


class Folded(NamedTuple):
    """A text without accents, invisible characters and typographic variants.

    plain keeps case; low is lower-case and of the same length. offsets[i] is where plain[i] stands in the text
    (None: at i), with one more entry for the end.
    """

    plain: str
    low: str
    offsets: list[int] | None

    def span(self, start: int, end: int, kind: str, rule: str) -> Span:
        """A span of the folded text as one of the text that was folded."""
        if self.offsets is None:
            return Span(start, end, kind, rule)
        return Span(self.offsets[start], self.offsets[end], kind, rule)


_ASCII_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def fold(text: str) -> Folded:
    """The folded view of a text; any Unicode is accepted."""
    if text.isascii():
        plain = _ASCII_CONTROL.sub(" ", text) if _ASCII_CONTROL.search(text) else text
        return Folded(plain, plain.lower(), None)
    parts = [char if char < "\x7f" and char >= " " else _plain_cached(char) for char in text]
    plain = "".join(parts)
    offsets = None
    if len(plain) != len(text):
        offsets = [place for place, part in enumerate(parts) if part]
        offsets.append(len(text))
    low = plain.lower()
    if len(low) != len(plain):
        # A few letters grow when lowered; what is kept is one character for one.
        low = "".join(lowered if len(lowered := char.lower()) == 1 else char for char in plain)
    return Folded(plain, low, offsets)


def digits_of(text: str) -> str:
    """The decimal digits of a text, as 0-9."""
    return "".join(str(unicodedata.digit(char)) for char in text if char.isdecimal())
