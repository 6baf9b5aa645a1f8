"""What else could stand in a value's place: its form as other values show it, how hard it is to guess, and alternatives.

"CJ-2026-049216" among hundreds of such numbers is four free digits, not twelve: whoever knows the form guesses the rest of
it. So every position is drawn from what the other values of the same shape have there.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Iterable
from math import log2

from llamaflow.pii.lexicon import is_common
from llamaflow.pii.spans import fold
from llamaflow.pii.surrogates import Surrogates
from llamaflow.pii.surrogates.keyed import cased

from .values import WORDY, Value, bare

_ALPHABETS = {"9": string.digits, "A": string.ascii_uppercase, "a": string.ascii_lowercase}
# A name or an ordinary word of an address is one of at least this many, in bits.
_WORD_BITS = 8.0
_WEB = frozenset(["com", "www", "http", "https", "example", "org", "net", "site", "perfil"])


def shape(text: str) -> str:
    """'PLUM-7341' -> 'AAAA-9999': values of one shape are written alike."""
    return "".join("9" if char.isdigit() else "A" if char.isupper() else "a" if char.isalpha() else char for char in text)


class Forms:
    """Characters that values have at each position, by shape; learned from distinct values."""

    def __init__(self, texts: Iterable[str]):
        self._counts: dict[str, list[Counter[str]]] = {}
        self._totals: Counter[str] = Counter()
        self._known = set(texts)
        for text in self._known:
            form = shape(text)
            columns = self._counts.setdefault(form, [Counter() for _ in text])
            self._totals[form] += 1
            for column, char in zip(columns, text, strict=True):
                column[char] += 1

    def bits(self, value: Value, prompt: str) -> float:
        """How hard the value is to guess for one who knows the form of the others: -log2 of the best guess's chance.

        Min-entropy, position by position, each alphabet smoothed by one count a character. Values made of words: digits and words that
        neither the prompt nor the language gives.
        """
        if value.kind in WORDY:
            before = bare(prompt)
            words = [word for word in re.findall(r"[^\W\d_]{3,}", fold(value.text).low) if word not in _WEB and word not in before]
            return log2(10) * sum(map(str.isdigit, value.text)) + _WORD_BITS * sum(not is_common(word) for word in words)
        return -sum(log2(max(weights) / sum(weights)) for _alphabet, weights in self._columns(value.text))

    def alternatives(self, value: Value, count: int, seed: int) -> list[str]:
        """At most count distinct texts that could stand in the value's place, never the value itself; the same ones for the same seed."""
        draw = random.Random(f"{seed} {value.kind} {value.text}")
        make = self._wordy if value.kind in WORDY else self._drawn
        made: dict[str, None] = {}
        for _ in range(4 * count):
            if len(made) == count:
                break
            text = make(value, draw)
            if text and bare(text) != bare(value.text):
                made.setdefault(text)
        return list(made)

    def _drawn(self, value: Value, draw: random.Random) -> str:
        return "".join(draw.choices(alphabet, weights)[0] for alphabet, weights in self._columns(value.text))

    def _columns(self, text: str) -> list[tuple[str, list[int]]]:
        """For each position what may stand there and how often it does, in the other values of this shape, plus one."""
        form, own = shape(text), int(text in self._known)
        columns = self._counts.get(form) or [Counter() for _ in text]
        made = []
        for mark, char, column in zip(form, text, columns, strict=True):
            alphabet = _ALPHABETS.get(mark, "")
            if char not in alphabet:
                made.append((char, [1]))  # a separator, or a letter or digit of another script
            else:
                made.append((alphabet, [column[other] - own * (other == char) + 1 for other in alphabet]))
        return made

    @staticmethod
    def _wordy(value: Value, draw: random.Random) -> str:
        """Another value of words, as the anonymizer would have drawn it under another key."""
        surrogates = Surrogates(draw.randbytes(16))
        try:
            if value.kind != "PERSON":
                return surrogates.replace(value.kind, value.text)
            words = value.text.split()
            made = surrogates.person([fold(word).low for word in words], "unknown", ())
            return " ".join(cased(old, new) for old, new in zip(words, made, strict=True))
        except RuntimeError:  # none can be drawn
            return ""
