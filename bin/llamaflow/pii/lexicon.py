"""What the name rules know about words: the gazetteer files, read once.

Name lists are written from general knowledge of names that are common in Brazil and in English-speaking countries, as
people write them (with accents); everything is compared folded and in lower case. A word may be several things:
"Rosa" is a first name, a surname and an ordinary word, and the rules then ask for more proof.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

from .spans import fold

FIRST, LAST, COMMON, PLACE, PARTICLE, TITLE, PREFIX, SUFFIX = (1 << bit for bit in range(8))
NAME = FIRST | LAST

_FILES = {
    "first_pt_f": FIRST,
    "first_pt_m": FIRST,
    "first_en_f": FIRST,
    "first_en_m": FIRST,
    "surnames_pt": LAST,
    "surnames_en": LAST,
    "common": COMMON,
    "places": PLACE,
    "particles": PARTICLE,
    "titles": TITLE,
    # Words that make the capitalised words behind (prefixes) or before them (suffixes) the name of a place or company.
    "prefixes": PREFIX,
    "suffixes": SUFFIX,
}


class Lexicon(NamedTuple):
    """flags: what each folded word may be."""

    flags: dict[str, int]


def read_list(name: str) -> list[str]:
    """The lines of one gazetteer file, as written."""
    text = resources.files(__package__).joinpath("gazetteer", f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]


@cache
def lexicon() -> Lexicon:
    """Everything, read once."""
    flags: dict[str, int] = {}
    for name, flag in _FILES.items():
        for word in read_list(name):
            norm = fold(word).low
            flags[norm] = flags.get(norm, 0) | flag
    return Lexicon(flags)


def is_common(norm: str) -> bool:
    """Whether a folded lower-case word is (also) an ordinary word."""
    return bool(lexicon().flags.get(norm, 0) & COMMON)
