"""What the tagger sees of a token: hashed pieces of its spelling, its shape and what the gazetteers say of it.

No string of a training text is kept anywhere: a feature is a bucket of a table, and many strings share a bucket.
"""

from __future__ import annotations

import re
from zlib import crc32

from ..lexicon import lexicon
from ..spans import Folded

BUCKETS = 1 << 15
# Between two texts of one conversation.
TURN = "\x1e"
# A space in front belongs to a token, so that "O'Brien" and "tell ' Brien" differ.
_TOKEN = re.compile(r" ?(?:[^\W\d_]+|[0-9]+|[^\w ]|_)")
_FLAG_BITS = 8


def tokens_of(folded: Folded) -> list[str]:
    """Tokens of a folded text, case kept, perhaps a space in front."""
    return _TOKEN.findall(folded.plain)


def places_of(folded: Folded) -> list[tuple[int, int]]:
    """Where each token begins, its space left out, and ends."""
    places = []
    for match in _TOKEN.finditer(folded.plain):
        start, end = match.span()
        places.append((start + (end - start > 1 and folded.plain[start] == " "), end))
    return places


def shape(word: str) -> str:
    """x, X, Xx, XX or xX for words; the count of digits; a mark as it is."""
    if word.isdigit():
        return f"d{min(len(word), 9)}"
    if not word[0].isalpha():
        return word
    if word.islower():
        return "x"
    if len(word) == 1:
        return "X"
    if word.isupper():
        return "XX"
    return "Xx" if word[0].isupper() and word[1:].islower() else "xX"


def features(token: str, word_form: bool = True, gazetteer: bool = True) -> list[int]:
    """Buckets of a token. Training leaves out word_form or gazetteer at times, so that the rest must carry the decision."""
    space = token[0] == " " and len(token) > 1
    word = token[1:] if space else token
    low = word.lower()
    names = [f"shape {shape(word)}", f"space {space}"]
    if low.isdigit():
        names += [f"digits {low[:2]} {len(low)}"] if len(low) < 3 else []
    elif low[0].isalpha():
        names.append(f"length {min(len(low), 12)}")
        edge = f"^{low[:24]}$"
        names += [f"3 {edge[i : i + 3]}" for i in range(len(edge) - 2)]
        names += [f"4 {edge[i : i + 4]}" for i in range(len(edge) - 3)]
        names += [f"begin {low[:2]}", f"begin {low[:5]}", f"end {low[-1:]}", f"end {low[-2:]}", f"end {low[-5:]}"]
        if word_form:
            names.append(f"word {low}")
        if gazetteer:
            flags = lexicon().flags.get(low, 0)
            names.append(f"flags {flags}")
            names += [f"flag {bit}" for bit in range(_FLAG_BITS) if flags >> bit & 1]
    else:
        names.append(f"mark {low}")
    return [crc32(name.encode("utf-8", "surrogatepass")) % BUCKETS for name in names]
