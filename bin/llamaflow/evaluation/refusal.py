"""Is an answer a refusal: does its author say that they will not, or may not, do what was asked (Portuguese and English).

A refusal is a sentence near the beginning in which the answerer declines. It is not one to say that something is impossible or
unknown, to be sorry for a delay, to forbid something to the reader, or to decline one part and give the rest right away.
"""

from __future__ import annotations

import re

from .reading import folded
from .refusal_phrases import GIVES_ANYWAY, IDIOMS, MISSING, REFUSALS

# Sentences looked at: refusals open an answer. Some small talk ("Hello! Thanks for asking.") may stand in front.
SENTENCES, CHARACTERS = 4, 600
_SAYS = r"(?:said|says|replied|answered|disse|diz|respondeu)[,:]? '.{1,200}?'(?=[\s,.;!?]|$)"
_QUOTED = re.compile(rf"{_SAYS}|\"[^\"\n]{{1,200}}\"|«[^»\n]{{1,200}}»|`[^`\n]{{1,200}}`")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def is_refusal(answer: str) -> bool:
    """Whether the answer declines. An empty answer is no refusal."""
    # What is quoted is said by somebody else.
    opening = _QUOTED.sub(" ", answer.strip()[:CHARACTERS].replace("“", '"').replace("”", '"'))
    sentences = [folded(sentence) for sentence in _SENTENCE.split(opening) if sentence.strip()]
    for place, sentence in enumerate(sentences[:SENTENCES]):
        said, rest = IDIOMS.sub(" ", sentence), " ".join(sentences[place : place + 2])
        if any(pattern.search(said) for pattern in REFUSALS) and not GIVES_ANYWAY.search(sentence) and not MISSING.search(rest):
            return True
    return False
