"""ROUGE-1, -2, -L and -Lsum (Lin 2004, https://aclanthology.org/W04-1013): rouge-score's numbers, with words of any script.

rouge-score fills each table of common subsequences cell by cell in Python, which takes longer than the model's answers
as soon as they have some hundred words; here it is done by bits. The tests hold both to the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..summaries import MetricValue
from .base import Columns, TextMetric, library, mean_values, pairs
from .lcs import lcs_length, lcs_places
from .words import NAME, STEMMERS, WordTokenizer

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class Rouge(TextMetric):
    """Mean F-measure over examples, 0..1. rougeLsum takes each line as a sentence. stemmer: one of ``words.STEMMERS``."""

    description = "ROUGE F-measures with a Unicode-aware tokenizer"

    def __init__(self, stemmer: str = "none", seed: int = 17):
        super().__init__(seed=seed)
        self.tokenizer = WordTokenizer(stemmer)

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        scored = [self._score(*pair) if pair else (None,) * len(KINDS) for pair in pairs(predictions, references)]
        return {kind: [one[place] for one in scored] for place, kind in enumerate(KINDS)}

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        stem = STEMMERS[self.tokenizer.name]
        used = {
            "as": library("rouge-score"), "tokenizer": NAME if not stem else NAME.replace("no stemming", "stems of more than 3 letters"),
            "stemmer": f"{self.tokenizer.name}: {stem.replace('nltk', library('nltk'))}" if stem else "none",
            "aggregate": "mean F-measure",
        }  # fmt: skip
        return mean_values(columns, dict.fromkeys(KINDS, used), self.seed, settings)

    def _score(self, prediction: str, reference: str) -> tuple[float, ...]:
        guess, gold = self.tokenizer.tokenize(prediction), self.tokenizer.tokenize(reference)
        return (
            _overlap(guess, gold),
            _overlap(list(zip(guess, guess[1:], strict=False)), list(zip(gold, gold[1:], strict=False))),
            _f_measure(lcs_length(gold, guess), len(guess), len(gold)),
            self._summary(prediction, reference),
        )

    def _summary(self, prediction: str, reference: str) -> float:
        """ROUGE-Lsum: for each reference line the union of what it has in common with each line of the answer (Lin 2004, 3.2)."""
        guesses, golds = ([self.tokenizer.tokenize(line) for line in text.split("\n") if line] for text in (prediction, reference))
        left, right = (Counter(word for line in lines for word in line) for lines in (guesses, golds))
        hits = 0
        for gold in golds:
            for place in sorted(set().union(*(lcs_places(gold, guess) for guess in guesses))):
                word = gold[place]
                if left[word] > 0 and right[word] > 0:  # no word counts more often than it stands in either text
                    hits, left[word], right[word] = hits + 1, left[word] - 1, right[word] - 1
        return _f_measure(hits, sum(map(len, guesses)), sum(map(len, golds)))


def _overlap(guess: Sequence, gold: Sequence) -> float:
    return _f_measure((Counter(guess) & Counter(gold)).total(), len(guess), len(gold))


def _f_measure(hits: int, guessed: int, expected: int) -> float:
    """Harmonic mean of hits / guessed and hits / expected."""
    return 2 * hits / (guessed + expected) if hits else 0.0
