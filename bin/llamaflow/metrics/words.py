"""Words of a text in any script: rouge-score's own tokenizer keeps a-z and 0-9 only, so it splits 'ação' into 'a' and 'o'."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

# Named in every metric's settings that uses it; change it whenever the result of words() changes.
NAME = "llamaflow-unicode-words-1: NFC, casefolded, runs of letters, digits and underscore; no stemming"
# What a stemmer is called on the command line and in settings: the library behind it.
STEMMERS = {"none": "", "porter": "nltk PorterStemmer (English)", "snowball-portuguese": "nltk SnowballStemmer (Portuguese)"}
ACCENTS = ("kept", "folded")
_WORD = re.compile(r"\w+")
_ACCENT = re.compile("[\u0300-\u036f]")


def words(text: str) -> list[str]:
    """Casefolded words of a text, accents kept. Composed and decomposed spellings give the same words."""
    return _WORD.findall(casefolded(text))


def casefolded(text: str) -> str:
    """One spelling of a text, whatever its case and however its accents were typed."""
    # Casefolding can decompose a letter again, hence the second normalization.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def without_accents(text: str) -> str:
    """'ação' -> 'acao': accents and cedillas go, whole other alphabets stay."""
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text)))


@functools.lru_cache
def stemmer(name: str) -> Callable[[str], str]:
    """word -> stem by one of STEMMERS, remembering what it has seen. Raises ValueError for another name."""
    if name not in STEMMERS:
        raise ValueError(f"no stemmer '{name}': choose one of {', '.join(STEMMERS)}")
    if name == "none":
        return str
    from nltk.stem import PorterStemmer, SnowballStemmer

    stem = PorterStemmer().stem if name == "porter" else SnowballStemmer("portuguese").stem
    # Short words stay, as in rouge-score: 'uma' and 'umas' are not each other's forms for free.
    return functools.lru_cache(1 << 16)(lambda word: stem(word) if len(word) > 3 else word)


class WordTokenizer:
    """The tokenizer object that ``rouge_score.rouge_scorer.RougeScorer(tokenizer=...)`` takes."""

    def __init__(self, stem: str = "none"):
        self.name, self._stem = stem, stemmer(stem)

    def tokenize(self, text: str) -> list[str]:
        found = words(text)
        return found if self.name == "none" else [self._stem(word) for word in found]
