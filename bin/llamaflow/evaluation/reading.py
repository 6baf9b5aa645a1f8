"""What a program reads in a written answer: numbers in both notations, JSON, list items, words, phrases, loops."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from decimal import Decimal
from typing import Any

# Digits with separators; a blank parts thousands only where groups of three follow.
_NUMBER = re.compile(
    r"(?<![^\W_])(?<!\d[.,:/])(?P<sign>(?<![\d)\]])[-−–])?(?:(?:R\$|US\$|[$€£])\s?(?P<inner>[-−])?)?"
    r"(?P<body>\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*)"
)
_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_TAGGED = re.compile(r"<(tool_call|function_call)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_MARKER = re.compile(r"^([ \t]*)(?:[-*+•‣–—]|\(?\d{1,3}[.)º]|\(?[a-zA-Z][.)])[ \t]+\S")
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_EDGES = " \t\r\n.,;:!?\"'“”‘’«»`*_()[]"
LOOP_TIMES, LOOP_WORDS, LOOP_LENGTH = 4, 12, 60


def folded(text: str, *, case: bool = False, accents: bool = False) -> str:
    """The text with blanks as one space, no invisible characters, and, unless they count, no case and no accents."""
    text = unicodedata.normalize("NFC" if accents else "NFKD", text)
    text = "".join(char for char in text if unicodedata.category(char) not in (("Cf",) if accents else ("Cf", "Mn")))
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return " ".join((text if case else text.casefold()).split())


def bare(text: str, *, case: bool = False, accents: bool = False) -> str:
    """Folded, without the punctuation, quotes and emphasis around it."""
    return folded(text, case=case, accents=accents).strip(_EDGES)


def holds(text: str, phrase: str, *, case: bool = False, accents: bool = False, inside_words: bool = False) -> bool:
    """Whether a phrase stands in a text: as whole words, or anywhere with inside_words."""
    text, phrase = (folded(one, case=case, accents=accents) for one in (text, phrase))
    if inside_words or not phrase:
        return phrase in text
    left, right = (r"(?<!\w)" if phrase[0].isalnum() else ""), (r"(?!\w)" if phrase[-1].isalnum() else "")
    return re.search(left + re.escape(phrase) + right, text) is not None


def words(text: str) -> list[str]:
    """Words and numbers; 'guarda-chuva', "don't" and '3.5' are one each."""
    return _WORD.findall(text)


def last_number(text: str) -> set[Decimal]:
    """All readings of the last number: '1.234' is 1234 as Portuguese writes it and 1.234 as English does. Empty without a number.

    What is no number in either notation (a date with dots, a version) has no reading.
    """
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return set()
    found = numbers[-1]
    sign = -1 if found["sign"] or found["inner"] else 1
    return {sign * value for value in _readings(found["body"])}


def _readings(body: str) -> set[Decimal]:
    body = re.sub(r"\s", "", body)
    values = set()
    for thousands, point in ((".", ","), (",", ".")):
        whole, _, fraction = body.partition(point)
        groups = whole.split(thousands)
        grouped = len(groups) == 1 or (1 <= len(groups[0]) <= 3 and groups[0] != "0" and all(len(group) == 3 for group in groups[1:]))
        if grouped and not set(fraction) & {".", ","}:
            values.add(Decimal(f"{''.join(groups)}.{fraction or 0}"))
    return values


def json_value(answer: str) -> Any:
    """The JSON value that an answer is: bare, or in its first code fence, or in tool call tags. Raises ValueError when it is none.

    Prose before and after a fence is allowed; prose around bare JSON is not, for no program could read that.
    """
    text = answer.strip()
    if found := _TAGGED.search(text) or _FENCE.search(text + "\n"):
        text = found[2].strip()
    try:
        return json.loads(text, parse_constant=_not_json)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def without_code(text: str) -> str:
    """The text without its code fences."""
    return _FENCE.sub("", text + "\n")


def list_items(text: str) -> int:
    """Items of the outermost list: marked lines of the least indentation; without any mark, lines that do not announce a list."""
    marks = [len(found[1].expandtabs(4)) for line in text.splitlines() if (found := _MARKER.match(line))]
    if marks:
        return sum(mark <= min(marks) + 1 for mark in marks)
    return sum(bool(line.strip()) and not line.rstrip().endswith(":") for line in text.splitlines())


def loops(text: str) -> bool:
    """Whether an answer goes round in circles.

    Up to 60 words come four times or more in a row and make 12 words together; or half of the lines (8 or more) are one line;
    or a stretch of up to 20 characters comes 25 times in a row.
    """
    said = [word.casefold() for word in text.split()]
    for length in range(1, min(LOOP_LENGTH, len(said) // LOOP_TIMES) + 1):
        run = 0
        for place in range(len(said) - length):
            run = run + 1 if said[place] == said[place + length] else 0
            times = run // length + 1
            if times >= LOOP_TIMES and times * length >= LOOP_WORDS:
                return True
    lines = [line.strip() for line in text.splitlines() if words(line)]
    if len(lines) >= 8 and Counter(lines).most_common(1)[0][1] * 2 >= len(lines):
        return True
    return re.search(r"(\S.{0,19}?)\1{24}", text, re.DOTALL) is not None
