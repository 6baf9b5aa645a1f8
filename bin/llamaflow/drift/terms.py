"""Words that came or went: what a shift in wording is about, told by words that many records have.

Texts are pseudonymized, but a detector can miss a name. So a word is only told when at least 20 records of one side have it, 1 in
50 of them, and when it is in no list of names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..metrics.words import words
from ..pii.lexicon import COMMON, NAME, lexicon
from ..pii.spans import fold

LEAST_RECORDS, LEAST_SHARE, SHOWN = 20, 0.02, 8
SHORTEST = 4


def changed_terms(reference: Sequence[str], production: Sequence[str]) -> tuple[list[str], list[str]]:
    """(more often in production, less often): words whose share of records differs most beyond chance (at least 4 standard errors)."""
    sizes = len(reference), len(production)
    counts = tuple(Counter(word for text in texts for word in set(words(text))) for texts in (reference, production))
    found = []
    for word in counts[0].keys() | counts[1].keys():
        seen = counts[0][word], counts[1][word]
        if not any(have >= max(LEAST_RECORDS, LEAST_SHARE * size) for have, size in zip(seen, sizes, strict=True)) or not may_be_told(word):
            continue
        pooled = sum(seen) / sum(sizes)
        error = (pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1])) ** 0.5
        difference = seen[1] / sizes[1] - seen[0] / sizes[0]
        if error and abs(difference) >= 4 * error:
            found.append((difference / error, word))
    found.sort(key=lambda entry: (-abs(entry[0]), entry[1]))
    more, less = ([word for z, word in found if (z > 0) == up][:SHOWN] for up in (True, False))
    return more, less


def may_be_told(word: str) -> bool:
    """Whether a word is one of the language, as far as lists tell: letters only, and no name that is not an ordinary word too."""
    flags = lexicon().flags.get(fold(word).low, 0)
    return word.isalpha() and len(word) >= SHORTEST and not (flags & NAME and not flags & COMMON)
