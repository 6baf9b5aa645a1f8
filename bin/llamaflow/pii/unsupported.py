"""Texts whose names the rules cannot read: other scripts, and running text in other languages of the Latin script.

A foreign word, a greeting, a sentence to be translated are part of ordinary data in Portuguese and English and pass;
a paragraph that is plainly in another language does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from llamaflow.languages import ENGLISH, OTHER, PORTUGUESE, WORD

from .lexicon import read_list

_FOREIGN = re.compile(
    r"[\u0370-\u1dff\u2c00-\u2dff\u2e80-\ua71f\ua840-\ud7ff\uf900-\ufaff\ufe70-\ufefc\U00010000-\U0001efff\U00020000-\U0003ffff]"
)
SCRIPT_SHARE = 0.3  # of the characters
SCRIPT_LETTERS = 120  # a message with as many is running text
MIN_WORDS = 40
MIN_DISTINCT = 6
MIN_SHARE = 0.12  # function words are 40 to 50 % of running text; a third of that is plain enough
# More than llamaflow.languages lists, and of more languages: one a line.
_FURTHER = frozenset(word for line in read_list("function_words_other") for word in line.split())
_OURS = PORTUGUESE | ENGLISH
_THEIRS = (OTHER | _FURTHER) - _OURS
_ONLY_OURS = _OURS - OTHER - _FURTHER
_PARAGRAPH = re.compile(r"\n\s*\n")


def in_other_script(texts: Iterable[str]) -> bool:
    """Whether a conversation, or one long message of it, is written in a script of which no name can be read."""
    foreign = size = 0
    for text in texts:
        here = 0 if text.isascii() else sum(char.isalpha() for char in _FOREIGN.findall(text))
        if here >= SCRIPT_LETTERS and here > SCRIPT_SHARE * len(text):
            return True
        foreign, size = foreign + here, size + len(text)
    return foreign > SCRIPT_SHARE * size


def in_other_language(text: str) -> bool:
    """Whether a text holds a paragraph of 40 words or more that is plainly neither Portuguese nor English."""
    if len(text) < 4 * MIN_WORDS:
        return False
    return any(_is_foreign(paragraph) for paragraph in {text, *_PARAGRAPH.split(text)})


def _is_foreign(text: str) -> bool:
    words = WORD.findall(text.lower())
    if len(words) < MIN_WORDS:
        return False
    theirs = sum(word in _THEIRS for word in words)
    if len(_THEIRS.intersection(words)) < MIN_DISTINCT:  # "fa la la la"
        return False
    return theirs >= MIN_SHARE * len(words) and theirs > 2 * sum(word in _ONLY_OURS for word in words)
