"""Phone numbers: Brazilian, North American, British and any other, by form or behind their label."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..spans import digits_of
from .labels import LABEL_WORDS, Found, Reading

AREA_BR = r"(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])"  # area codes of Anatel's plan
_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?|extension|ramal) ?[0-9]{1,6}(?![0-9]))?"
_BR = re.compile(
    r"(?<![0-9A-Za-z])(?:(?P<country>(?:\+|00 ?)?(?:55|\(55\)))[ .\-]{0,2})?"
    rf"(?:(?P<area>\( ?0?(?:xx|[0-9]{{2}})? ?{AREA_BR} ?\)|(?:0(?:xx)? ?)?{AREA_BR})(?P<s>[ .\-/]{{0,3}}))"
    r"(?P<first>9(?P<n>[ .\-]?)[0-9]{4}|[2-5][0-9]{3})(?P<t> ?[ .\-]? ?)[0-9]{4}(?![0-9])"
)
_BR_LOCAL = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,/\-])(?:9[ .]?[0-9]{4}[ .\-][0-9]{4}|[2-59][0-9]{3}-[0-9]{4})(?![0-9])(?![.,/\-][0-9])"
)
_NANP = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-/])(?:(?:\+|00)?1[ .\-]{0,2})?"
    r"(?:\([0-9]{3}\)[ .\-]?[0-9]{3}[ .\-]?[0-9]{4}|[2-9][0-9]{2}[ ][2-9][0-9]{2}[ .\-][0-9]{4}|[0-9]{3}(?P<s>[.\-])[0-9]{3}(?P=s)[0-9]{4})"
    rf"(?![0-9]){_EXTENSION}"
)
_EXTENDED = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][.\-/])[0-9(][0-9() .\-]{5,16}[0-9](?:x|ext\.? ?)[0-9]{2,6}(?![0-9A-Za-z])")
_PLUS = re.compile(rf"(?<![0-9A-Za-z+])\+ ?[1-9](?:[ .\-/]{{0,2}}\(?[0-9]\)?){{6,16}}(?![0-9]){_EXTENSION}")
_UK = re.compile(r"(?<![0-9A-Za-z+])(?:\(0[0-9]{2,4}\)|0[1-37][0-9]{1,3})[ \-][0-9]{3,6}(?:[ \-][0-9]{3,4})?(?![0-9])")
# A bracketed area code, or five pairs that begin with 0, is written of phone numbers only.
_BRACKETS = re.compile(r"(?<![0-9A-Za-z(])\(\+?[0-9]{2,5}\) ?[0-9]{3,5}(?:[ .\-][0-9]{2,5}){1,2}(?![0-9])(?![.,/][0-9])")
_PAIRS = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-/, ])0[1-9](?P<s>[ .])[0-9]{2}(?P=s)[0-9]{2}(?P=s)[0-9]{2}(?P=s)[0-9]{2}(?![0-9])(?!(?P=s)[0-9])"
)
_ANY = re.compile(rf"(?<![0-9A-Za-z])[+(]{{0,2}}[0-9](?:[ .\-/()]{{0,3}}[0-9]){{5,16}}(?![0-9]){_EXTENSION}")
_LABEL_BEHIND = re.compile(r"[ ,\-(]{1,3}(?:office|fax|cell|mobile|phone|whatsapp|celular|fixo|telefone)(?![a-z])")
_NOT_PERSONAL = re.compile(r"0[3589]00[0-9]{3}|[34]00[34][0-9]{4}$|18(?:00|88|77|66)[0-9]{7}")
_DATE_LIKE = re.compile(
    r"(?:19|20)[0-9]{2}[ .\-/]{1,3}(?:19|20)[0-9]{2}(?![0-9])|"
    r"(?<![0-9])(?<![0-9][/.\-])(?:[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-](?:[0-9]{2}|[0-9]{4})|"
    r"[0-9]{4}[/.\-][0-9]{1,2}[/.\-][0-9]{1,2})(?![/.\-]?[0-9])"
)

_LABEL_WORDS = LABEL_WORDS["PHONE"] | {"fixo", "office"}


def _brazilian(text: Reading) -> Iterator[Found]:
    for match in text.near(_BR, 8):
        bare = not (match["country"] or match["s"] or match["t"] or match["n"] or "(" in match["area"])
        mobile = match["first"].startswith("9")
        if "(" not in match["area"] and not (match["country"] or "").startswith(("+", "00")):
            label = text.label(match.start())
            if label not in ("", "PHONE", "PIX_KEY", "CPF") or (not mobile and _DATE_LIKE.search(match[0])):
                continue
            # Eleven bare digits that begin with an area code and a 9: one random number in fifteen, and most real ones.
            if bare and label != "PHONE" and (not mobile or match["area"].startswith("0")):
                continue
        yield match.start(), match.end(), "PHONE", "phone.br"
    for match in text.near(_BR_LOCAL, 8):
        label = text.label(match.start())
        mobile = len(digits_of(match[0])) == 9
        if label != "PHONE" and (not mobile or label or text.lang == "en"):
            continue
        if not _DATE_LIKE.fullmatch(match[0]) and not _NOT_PERSONAL.match(digits_of(match[0])):
            yield match.start(), match.end(), "PHONE", "phone.local"


def phones(text: Reading) -> Iterator[Found]:
    """All phone numbers; toll-free and service numbers are nobody's."""
    low = text.low
    if text.longest < 6:
        return
    if "+" in low:
        for match in _PLUS.finditer(low):
            if len(digits_of(match[0])) >= 8:
                yield match.start(), match.end(), "PHONE", "phone.plus"
    if text.longest >= 8:
        yield from _brazilian(text)
    for match in text.near(_NANP, 10):
        marked = "(" in match[0] or "+" in match[0]
        if (marked or text.label(match.start()) in ("", "PHONE", "PIX_KEY")) and not _NOT_PERSONAL.match(digits_of(match[0])):
            yield match.start(), match.end(), "PHONE", "phone.nanp"
    if "(" in low:
        for match in text.near(_BRACKETS, 6):
            if not _NOT_PERSONAL.match(digits_of(match[0])):
                yield match.start(), match.end(), "PHONE", "phone.brackets"
    if "x" in low:
        for match in text.near(_EXTENDED, 6):
            if 7 <= len(digits_of(match[0])) <= 20 and text.label(match.start()) != "other":
                yield match.start(), match.end(), "PHONE", "phone.extension"
    if text.longest >= 10:
        for match in text.near(_PAIRS, 10):
            if text.label(match.start()) in ("", "PHONE"):
                yield match.start(), match.end(), "PHONE", "phone.pairs"
        if text.lang != "pt":
            for match in text.near(_UK, 10):
                if 10 <= len(digits_of(match[0])) <= 11 and text.label(match.start()) in ("", "PHONE"):
                    yield match.start(), match.end(), "PHONE", "phone.uk"
    if _LABEL_WORDS.isdisjoint(text.words):
        return
    for match in text.near(_ANY, 6):
        number = digits_of(match[0])
        behind = _LABEL_BEHIND.match(low, match.end())
        label, end = text.labelled(match.start())
        if label != "PHONE" and not (behind and label in ("", "CEP")):
            continue
        # Few digits are a phone number only right behind the word: "liga depois das provas de 12 3456".
        if len(number) < 8 and not behind and match.start() - end > 10:
            continue
        if _NOT_PERSONAL.match(number) or _DATE_LIKE.search(match[0]):
            continue
        parted = len(number) < len(match[0])
        if 8 <= len(number) <= 20 or (len(number) >= 6 and parted) or (len(number) == 7 and text.lang != "pt"):
            yield match.start(), match.end(), "PHONE", "phone.label"
