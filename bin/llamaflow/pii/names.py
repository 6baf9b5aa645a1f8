"""PERSON beside what the network reads: given names that are nothing else, and every place where a found name stands again.

A name that one message proves is removed from the whole conversation, however it is typed there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache

from .lexicon import COMMON, FIRST, NAME, PARTICLE, PLACE, PREFIX, SUFFIX, TITLE, lexicon
from .spans import Folded, Span

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_PIECE = re.compile(r"[^\W\d_]+")
_MAX_WORDS = 7
_SAINTS = frozenset(["sao", "santa", "santo", "san", "saint"])


class _Text:
    """The words of one folded text and which of them belong to a name: found[word] is (first word, rule)."""

    def __init__(self, folded: Folded):
        self.folded = folded
        flags = lexicon().flags
        self.at = [match.span() for match in _WORD.finditer(folded.low)]
        self.words = [folded.low[start:end].removesuffix("'s") for start, end in self.at]
        self.flags = [flags.get(word, 0) for word in self.words]
        self._starts = [start for start, _end in self.at]
        self._ends = [end for _start, end in self.at]
        self.found: dict[int, tuple[int, str]] = {}
        # Words that the network took for a place, a company or an address.
        self.taken: set[int] = set()

    def end(self, index: int) -> int:
        """Where a word ends, an English possessive left out."""
        return self.at[index][0] + len(self.words[index])

    def upper(self, index: int) -> bool:
        return self.folded.plain[self.at[index][0]].isupper()

    def capital(self, index: int) -> bool:
        """Capitalised, and not because the words around are in capitals throughout."""
        start, end = self.at[index]
        if not self.folded.plain[start].isupper():
            return False
        near = [self.folded.plain[slice(*self.at[i])] for i in (index - 1, index + 1) if 0 <= i < len(self.at)]
        return not self.folded.plain[start:end].isupper() or not near or not all(word.isupper() for word in near)

    def joined(self, index: int) -> bool:
        """Only a space, or the dot of an initial, stands between a word and the next."""
        if index + 1 >= len(self.at):
            return False
        gap = self.folded.low[self.at[index][1] : self.at[index + 1][0]]
        return gap == " " or gap == ". " and len(self.words[index]) == 1

    def covered(self, span: Span) -> range:
        """The words that a span of the original text touches."""
        offsets = self.folded.offsets
        start, end = (span.start, span.end) if offsets is None else (bisect_left(offsets, span.start), bisect_left(offsets, span.end))
        return range(bisect_left(self._ends, start + 1), bisect_left(self._starts, end))

    def grow(self, index: int) -> int:
        """The last word of the name that begins at a word; particles only between names."""
        last, here = index, index
        while last - index < _MAX_WORDS and self.joined(here):
            here += 1
            flags, word = self.flags[here], self.words[here]
            if here in self.found or here in self.taken:
                break
            if flags & PARTICLE:
                # "Ana e Rui" are two.
                if here - last > 1 or word == "e":
                    break
            elif flags & NAME and not flags & COMMON or self.capital(here) and (flags & NAME or not flags) and not flags & TITLE:
                last = here
            elif len(word) != 1 or not self.upper(here) or word in ("a", "o", "e", "i"):
                break
        return last

    def reach_back(self, index: int) -> int:
        """The first word of the name that a word goes on: "Will Smith" where only "Smith" was read as one."""
        while index and self.joined(index - 1) and self.capital(index - 1) and self.flags[index - 1] & FIRST and self.capital(index):
            index -= 1
        return index

    def take(self, first: int, last: int, rule: str) -> None:
        """Mark words as one name, unless a part of it is one already."""
        if not any(index in self.found for index in range(first, last + 1)):
            self.found.update((index, (first, rule)) for index in range(first, last + 1))


@cache
def _given() -> frozenset[str]:
    """Pieces of all given names that may be taken for themselves."""
    return frozenset(
        piece
        for word, flags in lexicon().flags.items()
        if flags & FIRST and not flags & (COMMON | PLACE | TITLE)
        for piece in _PIECE.findall(word)
    )


def _lists(text: _Text) -> None:
    """Given names that no ordinary word or place shares, where nothing says that they name a place or a company."""
    for index, flags in enumerate(text.flags):
        if not flags & FIRST or flags & (COMMON | PLACE | TITLE) or index in text.found or index in text.taken:
            continue
        if len(text.words[index]) < 4 and not text.capital(index):
            continue
        before = index - 1 if index and text.joined(index - 1) else -1
        if before >= 0 and (text.words[before] in _SAINTS or text.flags[before] & PREFIX and text.upper(before)):
            continue
        last = text.grow(index)
        behind = last + 1 if text.joined(last) else -1
        if behind >= 0 and text.flags[behind] & SUFFIX and text.upper(behind) and text.upper(index):
            continue
        text.take(index, last, "person.list")


def _words_again(texts: list[_Text]) -> None:
    """Drop an ordinary word in lower case that was read as a name here and as a word there: "o vale", "um vale"."""
    single = {
        text.words[index]
        for text in texts
        for index, (first, _rule) in text.found.items()
        if first == index and index + 1 not in text.found and text.flags[index] & COMMON and not text.upper(index)
    }
    as_word = {
        word
        for text in texts
        for index, word in enumerate(text.words)
        if word in single and index not in text.found and not text.upper(index)
    }
    for text in texts if as_word else ():
        text.found = {index: one for index, one in text.found.items() if text.words[index] not in as_word or text.upper(index)}


def _propagate(texts: list[_Text]) -> None:
    """Find the words of known names everywhere else in the conversation."""
    known: set[str] = set()
    for text in texts:
        for index in text.found:
            word = text.words[index]
            if len(word) > 1 and not text.flags[index] & (PARTICLE | TITLE):
                known.add(word)
                known.update(part for part in word.split("-") if len(part) > 2)
    for text in texts:
        for index, word in enumerate(text.words):
            if word not in known and not ("-" in word and any(part in known for part in word.split("-"))):
                continue
            if index in text.found or index in text.taken:
                continue
            flags = text.flags[index]
            if index and text.words[index - 1] in _SAINTS and text.joined(index - 1):
                continue
            if flags & (COMMON | PREFIX | SUFFIX):
                # "Rosa" is a name again only where it is spelt like one.
                if text.capital(index):
                    text.take(index, index, "person.again")
            elif text.upper(index) or flags & NAME or len(word) > 3:
                last = text.grow(index)
                while last > index and last in text.found:
                    last -= 1
                text.take(index, last, "person.again")


def people(texts: list[Folded], entities: list[list[Span]], quiet: list[bool]) -> list[list[Span]]:
    """PERSON spans of each text of one conversation.

    entities: what recognizers read in them, of any type. quiet: texts of ordinary words alone, which hold no listed name.
    """
    # No name was read and no listed one stands anywhere: most texts end here.
    if all(quiet) or not any(entities) and _given().isdisjoint(word for text in texts for word in _PIECE.findall(text.low)):
        return [[] for _ in texts]
    views = [_Text(text) for text in texts]
    for view, spans in zip(views, entities, strict=True):
        # Places and companies first: a name does not grow into them.
        for span in sorted(spans, key=lambda span: span.type == "PERSON"):
            words = view.covered(span)
            if span.type != "PERSON":
                view.taken.update(words)
            elif any(any(map(str.isalpha, view.words[index])) for index in words):
                last = view.grow(words[-1]) if view.capital(words[-1]) else words[-1]
                view.take(view.reach_back(words[0]), last, span.rule)
        _lists(view)
    _words_again(views)
    if any(view.found for view in views):
        _propagate(views)
    return [_spans(view) for view in views]


def _spans(view: _Text) -> list[Span]:
    groups: dict[int, list[int]] = {}
    for index, (first, _rule) in view.found.items():
        groups.setdefault(first, []).append(index)
    return [
        view.folded.span(view.at[first][0], view.end(max(words)), "PERSON", view.found[first][1]) for first, words in sorted(groups.items())
    ]
