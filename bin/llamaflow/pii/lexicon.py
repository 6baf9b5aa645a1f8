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

FIRST, LAST, COMMON, PLACE, PARTICLE, TITLE, PREFIX, SUFFIX, CUE, WEAK = (1 << bit for bit in range(10))
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
    # Surnames that, in lower case behind a name, are more often the ordinary word.
    "weak_surnames": WEAK,
}
# How far a cue phrase is trusted. full: a name must follow, in any case; soft: a name may follow, an unknown lower-case
# word is none; greet: an unknown word counts only when punctuation closes it; sign: a name ends the line.
CUE_KINDS = ("full", "soft", "greet", "sign")

Cue = tuple[tuple[str, ...], tuple[str, ...]]


class Lexicon(NamedTuple):
    """flags: what each folded word may be; cues: by first word, the (words, kinds) of phrases, longest first."""

    flags: dict[str, int]
    cues: dict[str, list[Cue]]


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
    kinds: dict[tuple[str, ...], list[str]] = {}
    for kind in CUE_KINDS:
        for phrase in read_list(f"cues_{kind}"):
            kinds.setdefault(tuple(phrase.split()), []).append(kind)
    cues: dict[str, list[Cue]] = {}
    for words in sorted(kinds, key=lambda words: -len(words)):
        cues.setdefault(words[0], []).append((words, tuple(kinds[words])))
        flags[words[0]] = flags.get(words[0], 0) | CUE
    return Lexicon(flags, cues)


def is_common(norm: str) -> bool:
    """Whether a folded lower-case word is (also) an ordinary word."""
    return bool(lexicon().flags.get(norm, 0) & COMMON)
