"""Detection as a whole: what has a form, then names, then every other place where a found value stands again."""

from __future__ import annotations

from collections.abc import Iterator

from .names import people
from .patterns import identifiers
from .spans import Folded, Span, digits_of, fold, without_overlap

# Types whose digits alone are as personal as the formatted number.
_BARE_AGAIN = frozenset(["CPF", "CNPJ", "CREDIT_CARD", "PHONE", "RG", "CEP"])


def detect(text: str, lang: str = "unknown") -> list[Span]:
    """Personal data of one text: sorted spans that do not overlap. lang is pt, en, mixed or unknown."""
    return detect_conversation([text], lang)[0]


def detect_conversation(texts: list[str], lang: str = "unknown") -> list[list[Span]]:
    """Personal data of all texts of one conversation: what one of them proves is found in the others too."""
    folded = [fold(text) for text in texts]
    found = [identifiers(text, lang) for text in folded]
    values: dict[str, str] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            value = text[span.start : span.end]
            values[fold(value).low] = span.type
            bare = digits_of(value)
            if len(bare) >= 8 and span.type in _BARE_AGAIN:
                values[bare] = span.type
    for value, kind in values.items():
        for text, spans in zip(folded, found, strict=True):
            spans.extend(_again(text, value, kind))
    for spans, persons in zip(found, people(folded), strict=True):
        spans.extend(persons)
    return [without_overlap(spans) for spans in found]


def _again(text: Folded, value: str, kind: str) -> Iterator[Span]:
    """Every place where a folded value stands in a text, as a word of its own."""
    at = text.low.find(value) if value else -1
    while at >= 0:
        end = at + len(value)
        if not (text.low[at - 1 : at].isalnum() and value[0].isalnum()) and not (text.low[end : end + 1].isalnum() and value[-1].isalnum()):
            yield text.span(at, end, kind, "again")
        at = text.low.find(value, end)
