"""Payment cards, IBAN and bank accounts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from ..checkdigits import IBAN_LENGTHS, is_card, is_iban
from ..spans import digits_of
from .labels import LABEL_WORDS, Found, Reading

# A look-ahead, so that digits in front ("pedido 4587 4111 1111 …") do not hide a card behind them.
_CARD = re.compile(
    r"(?<![0-9])(?=(?P<number>[0-9]{4}(?P<s>[ .\-])[0-9]{4}(?P=s)[0-9]{4}(?P=s)[0-9]{1,7}"
    r"|3[0-9]{3}[ .\-]?[0-9]{6}[ .\-]?[0-9]{4,5}|[0-9]{14,16})(?![0-9]))"
)
# The 44 digits of a Brazilian invoice key and the like, in groups of four.
_LONG_KEY = re.compile(r"(?<![0-9])(?:[0-9]{4}[ .\-]){6,20}[0-9]{1,4}(?![0-9])")


def cards(text: Reading) -> Iterator[Found]:
    """Card numbers with a network's prefix and a right check digit; bare ones of 13 or over 16 digits need their label."""
    if text.longest < 14:
        return
    keys = [match.span() for match in _LONG_KEY.finditer(text.plain)] if text.longest > 19 else []
    starts = [left for left, _right in keys]
    for match in _CARD.finditer(text.plain):
        start, end = match.span("number")
        key = bisect_right(starts, start) - 1
        if is_card(digits_of(match["number"])) and (key < 0 or start >= keys[key][1]):
            yield start, end, "CREDIT_CARD", "card.check"


_IBAN = re.compile(r"(?<![0-9a-z])[a-z]{2}[0-9]{2}(?:[ \-]?[a-z0-9]){11,36}")


def ibans(text: Reading) -> Iterator[Found]:
    """IBAN of a country's length with right check digits (ISO 13616), and any behind its label."""
    low = text.low
    for match in _IBAN.finditer(low):
        size, count = IBAN_LENGTHS.get(match[0][:2].upper(), 0), 0
        labelled = text.label(match.start()) == "IBAN"
        for place, char in enumerate(match[0]):
            count += char.isalnum()
            if count == size:
                end = match.start() + place + 1
                whole = not low[end : end + 1].isalnum()
                bare = "".join(c for c in match[0][: place + 1] if c.isalnum()).upper()
                if whole and (is_iban(bare) or labelled):
                    yield match.start(), end, "IBAN", "iban.check" if is_iban(bare) else "iban.label"
                break


_ACCOUNT = re.compile(
    r"(?<![0-9a-z.,])[0-9]{1,3}(?:\.[0-9]{3}){1,3}-[0-9x](?![0-9a-z])|"
    r"(?<![0-9a-z.,])[0-9]{1,17}(?:[ \-][0-9x]{1,4}){0,4}(?![0-9a-z]|[,.][0-9])"
)
_BRANCH_WORD = re.compile(r"(?:agencia|ag)[.: ]{0,3}(?:n[o.]{0,2}[: ]{0,2})?$")
_COUNTED = re.compile(
    r" ?(?:anos?|dias?|meses|mes|horas?|reais|years?|days?|months?|hours?|x|vezes|times|mil|%|usd|dollars?|euros?)(?![a-z])"
)


def accounts(text: Reading) -> Iterator[Found]:
    """Branch and account numbers behind their labels ("ag 1234-5 cc 12345-6", "account number", "routing", "sort code")."""
    low = text.low
    if LABEL_WORDS["BANK_ACCOUNT"].isdisjoint(text.words):
        return
    for match in _ACCOUNT.finditer(low):
        start, end = match.span()
        kind, behind = text.labelled(start)
        if kind != "BANK_ACCOUNT" or _COUNTED.match(low, end):
            continue
        size, gap = len(digits_of(match[0])), start - behind
        checked = bool(re.search(r"-[0-9x]$", match[0]))
        branch = size <= 6 and gap < 12 and _BRANCH_WORD.search(low, max(0, start - 20), start)
        if branch and size >= 3 or (size >= 4 and checked and gap < 24) or (5 <= size <= 17 and gap < 24):
            yield start, end, "BANK_ACCOUNT", "account.branch" if branch else "account.label"
