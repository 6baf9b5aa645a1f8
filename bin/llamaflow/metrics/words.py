"""Words of a text in any script: rouge-score's own tokenizer keeps a-z and 0-9 only, so it splits 'ação' into 'a' and 'o'."""

from __future__ import annotations

import re
import unicodedata

# Named in every metric's settings that uses it; change it whenever the result of words() changes.
NAME = "llamaflow-unicode-words-1: NFC, casefolded, runs of letters, digits and underscore; no stemming"
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Casefolded words of a text, accents kept. Composed and decomposed spellings give the same words."""
    # Casefolding can decompose a letter again, hence the second normalization.
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return _WORD.findall(folded)


class WordTokenizer:
    """The tokenizer object that ``rouge_score.rouge_scorer.RougeScorer(tokenizer=...)`` takes."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)
