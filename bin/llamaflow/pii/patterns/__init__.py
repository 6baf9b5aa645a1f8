"""Identifiers that have a form, by family: one small file each, behind cheap tests of whether it can match at all.

Every pattern is anchored at a digit, a mark or a word and bounded, so a text is read in linear time.
"""

from __future__ import annotations

import re

from ..spans import Folded, Span
from . import brazil, dates, money, papers, phones, secrets, streets, web
from .labels import Found, Reading, behind_labels

__all__ = ["identifiers"]

_DIGIT = re.compile(r"[0-9]")
_DOT_LETTER = re.compile(r"\.[a-z]")
_MARKS = (":", "=", "@", "/", "-----")
_WORDS = (
    "senha",
    "passw",
    "login",
    "usuari",
    "user",
    "nick",
    "insta",
    "telegram",
    "pwd",
    "bearer",
    "token",
    "arroba",
    " dot ",
    "twitter",
    "day",
    "-feira",
)


def identifiers(text: Folded, lang: str) -> list[Span]:
    """All spans that have a form, overlapping ones included. lang 'pt' and 'en' only change national phone forms."""
    low, found = text.low, list[Found]()
    digits = _DIGIT.search(low) is not None
    if not digits and not _DOT_LETTER.search(low) and not any(mark in low for mark in _MARKS) and not any(word in low for word in _WORDS):
        return []
    reading = Reading(text, lang)
    if "@" in low or "arroba" in low or "(at)" in low or "[at]" in low or " dot " in low:
        found += web.emails(reading)
    if "." in low and ("/" in low or _DOT_LETTER.search(low)):
        found += web.addresses(reading)
    found += web.users(reading)
    found += secrets.secrets(reading)
    if "::" in low or low.count(":") >= 5 or (digits and (low.count(".") >= 2 or low.count(":") >= 2 or low.count("-") >= 5)):
        found += web.machines(reading)
    if "day" in low or "-feira" in low:
        found += dates.weekdays(reading)
    if digits:
        for family in (
            behind_labels,
            brazil.documents,
            brazil.identity,
            brazil.places_and_plates,
            brazil.pix,
            money.cards,
            money.ibans,
            money.accounts,
            papers.social_security,
            papers.papers,
            papers.postal_codes,
            dates.dates,
            dates.ages,
            streets.streets,
        ):
            found += family(reading)
        found += [_balanced(low, *one) for one in phones.phones(reading)]
    return [text.span(*one) for one in _settled(found)]


def _settled(found: list[Found]) -> list[Found]:
    """Without numbers that only a check digit or a phone's form speaks for, where a label or a longer number says otherwise.

    One CNH in ten passes as a CPF; "CNH 621…" is a CNH.
    """
    numbers = [one for one in found if one[3].endswith((".label", ".check", ".form"))]
    if not numbers or len(found) < 2:
        return found

    def overruled(one: Found) -> bool:
        start, end, kind, rule = one
        if not rule.endswith(".check") and kind != "PHONE" or rule in ("phone.label", "phone.plus"):
            return False
        return any(
            other[2] != kind and other[0] < end and start < other[1] and (other[3].endswith(".label") or other[1] - other[0] > end - start)
            for other in numbers
        )

    return [one for one in found if not overruled(one)]


def _balanced(low: str, start: int, end: int, kind: str, rule: str) -> Found:
    """A span without a bracket whose partner is outside."""
    part = low[start:end]
    if part.endswith(")") and part.count("(") < part.count(")"):
        end -= 1
    elif part.startswith("(") and part.count(")") < part.count("("):
        start += 1
    return start, end, kind, rule
