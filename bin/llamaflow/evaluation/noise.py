"""Changes of a text that leave its meaning: typos, case, accents dropped, odd characters. Pure functions of text and random numbers.

Numbers, code, addresses, placeholders and names stay as they are: whoever reads the text has to come to the same answer.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

# What is left alone: code, links, mail addresses, brackets and braces, and every word with a digit or a sign of code in it.
# All alternatives begin where a word does: from every letter of a long word they would search it anew.
KEPT = re.compile(
    r"(?<!\S)[^\s`{\[<]*(?:```.*?(?:```|\Z)|`[^`\n]+`|\{[^{}]*\}|\[[^\[\]\n]*\]|<[^<>\n]*>)\S*|"
    r"(?<!\S)\S*(?:[\d@_=\\/|{}<>\[\]()#$%^~+*]|www\.)\S*|^(?: {4}|\t)[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"(?<=[^\W\d_]) (?=[^\W\d_])")
_ROWS = ("qwertyuiop", "asdfghjklç", "zxcvbnm")
_LOOKS_LIKE = dict(zip("aceopxyijsACEOPXBHKMT", "асеорхуіјѕАСЕОРХВНКМТ", strict=True))  # Cyrillic
_INVISIBLE = ("\u200b", "\u200d", "\u2060", "\u00ad")
_BLANKS = ("  ", "\u00a0", "\u2009", " \u200b", "\t")


def _neighbours(lang: str) -> dict[str, str]:
    """Key -> the keys around it, on the Brazilian (ABNT2) or the American layout."""
    rows = _ROWS if lang == "pt" else tuple(row.replace("ç", "") for row in _ROWS)
    around: dict[str, str] = {}
    for height, row in enumerate(rows):
        for place, key in enumerate(row):
            beside = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            below = rows[height + 1][max(0, place - 1) : place + 1] if height < 2 else ""
            above = rows[height - 1][place : place + 2] if height else ""
            around[key] = beside + above + below
    return around


_KEYS = {lang: _neighbours(lang) for lang in ("pt", "en")}


def typos(text: str, draw: random.Random, lang: str = "en", share: float = 0.15) -> str:
    """Slips of the keyboard in a share of the longer words: a neighbouring key, two letters swapped, one missing or doubled.

    The first letter stays, and so do capitalized words inside a sentence, which are names.
    """
    places = [span for span in _words(text) if span[1] - span[0] >= 4 and not _may_be_name(text, *span)]
    for start, end in reversed(_some(places, share, draw)):
        text = text[:start] + _slip(text[start:end], draw, _KEYS["pt" if lang == "pt" else "en"]) + text[end:]
    return text


def other_case(text: str, draw: random.Random) -> str:
    """All in capitals or all in small letters, letter by letter so that nothing is lost that could not be written back."""
    change = draw.choice((str.upper, str.lower))
    return _outside_kept(text, lambda part: "".join(_recased(char, change) for char in part))


def without_accents(text: str) -> str:
    """Latin letters without their accents, as on a keyboard that has none. Other scripts need their marks and keep them."""
    return _outside_kept(text, lambda part: "".join(map(_unaccented, part)))


def odd_characters(text: str, draw: random.Random, share: float = 0.15) -> str:
    """Look-alike letters of another alphabet, invisible characters inside words, and blanks of other kinds between them."""
    for start, end in reversed(_some([span for span in _words(text) if span[1] - span[0] >= 3], share, draw)):
        word = text[start:end]
        alike = [place for place, char in enumerate(word) if char in _LOOKS_LIKE]
        if alike and draw.random() < 0.5:
            place = draw.choice(alike)
            word = word[:place] + _LOOKS_LIKE[word[place]] + word[place + 1 :]
        else:
            place = draw.randrange(1, len(word))
            word = word[:place] + draw.choice(_INVISIBLE) + word[place:]
        text = text[:start] + word + text[end:]
    for start, end in reversed(_some(_gaps(text), share, draw)):
        text = text[:start] + draw.choice(_BLANKS) + text[end:]
    return text


def _slip(word: str, draw: random.Random, keys: dict[str, str]) -> str:
    """One slip behind the first letter; the word always changes."""
    near = [place for place in range(1, len(word)) if word[place].lower() in keys]
    swaps = [place for place in range(1, len(word) - 1) if word[place] != word[place + 1]]
    kind = draw.choice(["missing", "double"] + ["near"] * 2 * bool(near) + ["swap"] * 2 * bool(swaps))
    if kind == "near":
        place = draw.choice(near)
        key = draw.choice(keys[word[place].lower()])
        return word[:place] + (key.upper() if word[place].isupper() else key) + word[place + 1 :]
    if kind == "swap":
        place = draw.choice(swaps)
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    place = draw.randrange(1, len(word))
    return word[:place] + word[place + 1 :] if kind == "missing" else word[:place] + word[place] + word[place:]


def _words(text: str) -> list[tuple[int, int]]:
    """Spans of the words that may be changed."""
    return [span for start, end in _changeable(text) for span in _inside(_WORD, text, start, end)]


def _gaps(text: str) -> list[tuple[int, int]]:
    """Spans of single blanks that may be changed: between two words on one line."""
    return [span for start, end in _changeable(text) for span in _inside(_GAP, text, start, end)]


def _inside(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [found.span() for found in pattern.finditer(text, start, end)]


def _changeable(text: str) -> list[tuple[int, int]]:
    """Spans between what is kept."""
    edges = [0] + [edge for found in KEPT.finditer(text) for edge in found.span()] + [len(text)]
    return [(edges[place], edges[place + 1]) for place in range(0, len(edges), 2) if edges[place] < edges[place + 1]]


def _outside_kept(text: str, change: Callable[[str], str]) -> str:
    parts, last = [], 0
    for start, end in _changeable(text):
        parts += [text[last:start], change(text[start:end])]
        last = end
    return "".join([*parts, text[last:]])


def _some(spans: list[tuple[int, int]], share: float, draw: random.Random) -> list[tuple[int, int]]:
    """A share of the spans, at least one where there are any, in order."""
    count = min(len(spans), max(1, round(share * len(spans))))
    return [spans[place] for place in sorted(draw.sample(range(len(spans)), count))]


def _may_be_name(text: str, start: int, end: int) -> bool:
    if not text[start].isupper():
        return False
    before = text[:start].rstrip(" \t\"'“‘«(*-")
    return bool(before) and before[-1] not in ".!?:\n" or text[start:end].isupper()


def _recased(char: str, change: Callable[[str], str]) -> str:
    changed = change(char)
    return changed if len(changed) == 1 and changed.lower() == char.lower() else char


def _unaccented(char: str) -> str:
    base = unicodedata.normalize("NFD", char)
    return base[0] if len(base) > 1 and "a" <= base[0].lower() <= "z" else char
