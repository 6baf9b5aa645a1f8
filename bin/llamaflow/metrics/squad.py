"""Exact match and token F1 as in SQuAD (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250), for Portuguese and English."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..summaries import MetricValue
from .base import Columns, TextMetric, mean_values, pairs
from .words import ACCENTS, casefolded, without_accents

# Change NAME whenever the result of answer_words() changes.
NAME = "llamaflow-squad-words-2: NFC, casefolded, punctuation and currency and mathematical signs deleted, split at white space"
# SQuAD's own are the English ones; 'as' is also an English word, hence the choice.
ARTICLES = {"en": ("a", "an", "the"), "pt": ("o", "os", "a", "as", "um", "uma", "uns", "umas"), "none": ()}
ARTICLES["pt+en"] = tuple(dict.fromkeys((*ARTICLES["pt"], *ARTICLES["en"])))


class _Deleted(dict):
    """str.translate's table: characters of these categories go, all others stay. SQuAD's ASCII punctuation is among them."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        self[code] = None if category[0] == "P" or category in ("Sc", "Sk", "Sm") else code
        return self[code]


_DELETED = _Deleted()


def answer_words(text: str, articles: str = "pt+en", accents: str = "kept") -> list[str]:
    """Words of a short answer by SQuAD's normalization: case, punctuation and articles (one of ARTICLES) do not count."""
    text = casefolded(text)
    if accents == "folded":
        text = without_accents(text)
    return _articles(articles).sub(" ", text.translate(_DELETED)).split()


def token_f1(guess: Sequence[str], gold: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over the bags of words, 0..1; without words on a side: 1 if both have none."""
    if not guess or not gold:
        return float(list(guess) == list(gold))
    return 2 * (Counter(guess) & Counter(gold)).total() / (len(guess) + len(gold))


@functools.cache
def _articles(name: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(ARTICLES[name])})\b" if ARTICLES[name] else r"(?!)")


class Squad(TextMetric):
    """Share of answers whose words are exactly the reference's, and mean token F1; both 0..1.

    articles: which are ignored, one of ARTICLES; accents: 'folded' takes 'acao' for 'ação'. Raises ValueError for other names.
    """

    description = "exact match and token F1 over words, case, punctuation and articles ignored"

    def __init__(self, articles: str = "pt+en", accents: str = "kept", seed: int = 17):
        super().__init__(seed=seed)
        for name, value, known in (("articles", articles, ARTICLES), ("accents", accents, ACCENTS)):
            if value not in known:
                raise ValueError(f"no {name} '{value}': choose one of {', '.join(known)}")
        self.articles, self.accents = articles, accents

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        columns: Columns = {"exact_match": [], "token_f1": []}
        for pair in pairs(predictions, references):
            guess, gold = (answer_words(text, self.articles, self.accents) for text in pair) if pair else (None, None)
            columns["exact_match"].append(float(guess == gold) if pair else None)
            columns["token_f1"].append(token_f1(guess, gold) if pair else None)
        return columns

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        used = {"tokenizer": NAME, "ignored words": " ".join(sorted(ARTICLES[self.articles])), "accents": self.accents}
        return mean_values(columns, {"exact_match": used, "token_f1": used}, self.seed, settings)
