"""Detection as a whole: what has a form, what the network reads, names by rule, then every place where a found value stands again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .names import people
from .ner.plugins import Recognizer
from .ner.tagger import tagger
from .patterns import identifiers
from .spans import Folded, Span, digits_of, fold, without_overlap

# Types whose digits alone are as personal as the formatted number.
_BARE_AGAIN = frozenset(
    ["CPF", "CNPJ", "CREDIT_CARD", "PHONE", "RG", "CEP", "CNS", "PIS", "VOTER_ID", "CNH", "RENAVAM", "SSN", "BANK_ACCOUNT", "CASE_NUMBER"]
)
# Types whose values are too ordinary to be personal wherever they stand.
_NOT_AGAIN = frozenset(["AGE", "DATE", "BIRTH_DATE"])
# Letters and digits of the shortest value that is looked for elsewhere: an account's branch "1234" is also a price.
_SHORTEST_AGAIN = 5
_TOKEN = re.compile(r"[^\W_]+")


def detect(text: str, lang: str = "unknown", recognizer: Recognizer | None = None) -> list[Span]:
    """Personal data of one text: sorted spans that do not overlap. lang is pt, en, mixed or unknown."""
    return detect_conversation([text], lang, recognizer)[0]


def detect_conversation(texts: list[str], lang: str | Sequence[str] = "unknown", recognizer: Recognizer | None = None) -> list[list[Span]]:
    """Personal data of all texts of one conversation: what one of them proves is found in the others too.

    lang: of the conversation, or one for each text. recognizer: a bigger model whose findings count beside our own.
    """
    langs = [lang] * len(texts) if isinstance(lang, str) else list(lang)
    folded = [fold(text) for text in texts]
    found = [identifiers(text, one) for text, one in zip(folded, langs, strict=True)]
    _find_again(texts, folded, found)
    entities, quiet = tagger().read(folded)
    if recognizer:
        for mine, more in zip(entities, recognizer.recognize(texts, folded, langs), strict=True):
            mine.extend(more)
    for spans, read, persons in zip(found, entities, people(folded, entities, quiet), strict=True):
        spans += [span for span in read if span.type != "PERSON"] + persons
    return [without_overlap(spans) for spans in found]


def _find_again(texts: list[str], folded: list[Folded], found: list[list[Span]]) -> None:
    """Add every place where a value that has a form stands again, in the same or another text."""
    values: dict[str, str] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            if span.type in _NOT_AGAIN:
                continue
            value = text[span.start : span.end]
            bare = digits_of(value)
            if len(bare) >= 8 and span.type in _BARE_AGAIN:
                values[bare] = span.type
            value = fold(value).low
            if sum(map(str.isalnum, value)) >= _SHORTEST_AGAIN:
                values[value] = span.type
    if not values:
        return
    # By their first token, so that many values cost one reading of each text.
    by_token: dict[str, list[str]] = {}
    for value in values:
        by_token.setdefault(_TOKEN.search(value)[0], []).append(value)
    for text, spans in zip(folded, found, strict=True):
        for match in _TOKEN.finditer(text.low):
            for value in by_token.get(match[0], ()):
                start = match.start() - _TOKEN.search(value).start()
                end = start + len(value)
                whole = not (text.low[end : end + 1].isalnum() and value[-1].isalnum())
                if start >= 0 and whole and text.low.startswith(value, start):
                    spans.append(text.span(start, end, values[value], "again"))
