"""Dates, dates of birth and ages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..wordlist import words
from .labels import Found, Reading

MONTHS = (
    ("jan", "janeiro", "january"),
    ("fev", "feb", "fevereiro", "february"),
    ("mar", "marco", "march"),
    ("abr", "apr", "abril", "april"),
    ("mai", "may", "maio"),
    ("jun", "junho", "june"),
    ("jul", "julho", "july"),
    ("ago", "aug", "agosto", "august"),
    ("set", "sep", "sept", "setembro", "september"),
    ("out", "oct", "outubro", "october"),
    ("nov", "novembro", "november"),
    ("dez", "dec", "dezembro", "december"),
)
_NAMES = sorted((name for names in MONTHS for name in names), key=len, reverse=True)
MONTH = rf"(?:{'|'.join(_NAMES)})"
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR = r"(?:1[5-9][0-9]{2}|20[0-9]{2})"
_TIME = (
    r"(?:[t ,]{1,2}(?:as |at )?[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?: ?[ap]\.?m\.?)?(?:z|"
    r"[+\-][0-2][0-9]:?[0-5][0-9])?(?![0-9]))?"
)
_WEEKDAY = (
    r"(?:(?:segunda|terca|quarta|quinta|sexta)(?:-feira)?|sabado|domingo|(?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"mon|tue|wed|thu|fri|sat|sun)"
)
_NUMERIC = re.compile(
    rf"(?<![0-9a-z])(?<![0-9][.,/\-])(?<![$+])(?:{_DAY}(?P<s>[/.\-]){_DAY}(?P=s)(?:{_YEAR}|[0-9]{{2}})|"
    rf"{_YEAR}(?P<t>[/.\-]){_DAY}(?P=t){_DAY})"
    rf"(?![0-9])(?![./\-][0-9]){_TIME}"
)
_SPACED = re.compile(rf"(?<![0-9a-z])[0-3]?[0-9] [01]?[0-9] {_YEAR}(?![0-9])")
_SHORT = re.compile(r"(?<![0-9a-z.,/])(?:0?[1-9]|[12][0-9]|3[01])/(?:0[1-9]|1[0-2])(?![0-9/]|[.,][0-9])")
_SHORT_CUE = re.compile(r"(?:dia|dias|em|ate|desde|ate o dia|no dia|data|de|a|on|by|until|since|date)[: ]{1,2}$")
_WORDED = re.compile(
    rf"(?<![0-9a-z/.,])(?:{_WEEKDAY}(?: dia)?[,.]? (?:the )?)?(?:dia )?(?P<day>{_DAY})(?:o|st|nd|rd|th)?(?:[ \-]de|"
    rf"[ \-]of)?[ \-/](?P<m>{MONTH})(?![a-z])\.?"
    rf"(?:(?: de|,| of|-|/)? ?(?P<y>{_YEAR}|'[0-9]{{2}}))?(?![0-9]){_TIME}"
    rf"|(?<![0-9a-z])(?:{_WEEKDAY}[,.]? )?(?P<n>{MONTH})\.? (?:the )?{_DAY}(?:st|nd|rd|th)?(?:(?:,? of|"
    rf",)? ?(?P<z>{_YEAR}|'[0-9]{{2}}))?(?![0-9]|:[0-9]){_TIME}"
)
_MONTH_YEAR = re.compile(rf"(?<![0-9a-z])(?:{MONTH})(?: de| of|/|,)? ?{_YEAR}(?![0-9])|(?<![0-9/.,a-z])(?:0[1-9]|1[0-2])/{_YEAR}(?![0-9/])")
_MONTH_WORDS = frozenset(_NAMES)
_DAYS = re.compile(r"(?<![a-z])(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:segunda|terca|quarta|quinta|sexta)-feira)(?![a-z])")
_BARE_BIRTH = re.compile(rf"(?<![0-9a-z])(?:{_DAY}[ .]{_DAY}[ .](?:{_YEAR}|[0-9]{{2}})|[0-9]{{8}}|{_YEAR})(?![0-9a-z])(?![.,/\-][0-9])")
# Month names that are ordinary words too: without a year they are months only with a capital letter.
_AMBIGUOUS = frozenset(words("may march mar set out sep dec dez sat sun jun jan ago nov"))


def dates(text: Reading) -> Iterator[Found]:
    """Whole dates in figures and words (DATE), and those behind a word of birth (BIRTH_DATE), bare years included."""
    low = text.low
    found: list[tuple[int, int, str]] = []
    if text.longest >= 4 and ("/" in low or "-" in low or "." in low):
        found += [
            (m.start(), m.end(), "date.figures")
            for m in text.near(_NUMERIC, 4)
            if text.label(m.start()) != "other" or "/" in m[0] or len(m[0]) >= 10
        ]
    if text.longest >= 6:
        found += [(m.start(), m.end(), "date.spaced") for m in _SPACED.finditer(low) if text.label(m.start()) == "BIRTH_DATE"]
    if "/" in low:
        for match in _SHORT.finditer(low):
            if text.label(match.start()) == "BIRTH_DATE" or _SHORT_CUE.search(low, max(0, match.start() - 12), match.start()):
                found.append((match.start(), match.end(), "date.short"))
    if not _MONTH_WORDS.isdisjoint(text.words):
        for match in _WORDED.finditer(low):
            name = match["m"] or match["n"]
            at = match.start("m") if match["m"] else match.start("n")
            if match["y"] or match["z"] or name not in _AMBIGUOUS or text.plain[at].isupper():
                found.append((match.start(), match.end(), "date.words"))
        found += [(m.start(), m.end(), "date.month") for m in _MONTH_YEAR.finditer(low)]
    elif "/" in low:
        found += [(m.start(), m.end(), "date.month") for m in _MONTH_YEAR.finditer(low)]
    for start, end, rule in found:
        if text.label(start) == "BIRTH_DATE":
            yield start, end, "BIRTH_DATE", "birth.label"
        else:
            yield start, end, "DATE", rule
    if "nasc" in low or "born" in low or "birth" in low or "dob" in low or "d.n" in low:
        for match in _BARE_BIRTH.finditer(low):
            kind, behind = text.labelled(match.start())
            if kind == "BIRTH_DATE" and match.start() - behind < 12:
                yield match.start(), match.end(), "BIRTH_DATE", "birth.year"


def weekdays(text: Reading) -> Iterator[Found]:
    """Days of the week in full, with or without figures near them."""
    for match in _DAYS.finditer(text.low):
        yield match.start(), match.end(), "DATE", "date.weekday"


_NUMBER = r"(?P<age>1[01][0-9]|[1-9]?[0-9])"
_YEARS_PT = re.compile(rf"(?<![0-9a-z.,/\-$]){_NUMBER} ?(?:anos|aninhos|ano)(?![a-z])(?: de (?P<idade>idade|vida))?")
_CUE_PT = re.compile(
    r"(?:tenho|tem|tinha|fiz|fez|faco|completei|completou|completo|aos|com|idade(?: de)?|sou de|estou com|"
    r"esta com)[: ]{1,2}(?:hoje |ja |quase |uns |so )?$"
)
_NOT_CUE_PT = re.compile(
    r"(?:ha|faz|fazem|por|em|durante|ultimos|proximos|primeiros|apos|depois de|dentro de|mais de|menos de|cerca de|cada|ate|quase|prazo de|"
    r"contrato de|plano de|garantia(?: de| e de)?|pena de|uns|experiencia|validade de|total de|nos|os|periodo de|"
    r"a partir de|tem|a)[: ]{1,2}(?:mais |uns |quase )?$"
)
_NOT_AGE_PT = re.compile(
    r" (?:de (?!idade|vida)|atras|depois|antes|e meio|consecutivos|seguidos|no |na |na?s |em |juntos|juntas|casad|que|"
    r"trabalhando|morando|luz|para |pra |mais tarde)"
)
_AGE_LABEL = re.compile(
    rf"(?<![a-z])(?:idade|age|aged)(?: de| of)?(?: e| is)?[: ]{{1,3}}{_NUMBER}(?![0-9a-z]|[.,/\-][0-9]|[ \-](?:dias|"
    rf"meses|days|months|to|ate|a)\b)"
)
_YEARS_EN = re.compile(
    rf"(?<![0-9a-z.,/\-$]){_NUMBER}(?:[ \-]years?[ \-]old|[ \-]?(?:yrs?|y)\.?[ \-/]?(?:old|o)(?![a-z])| ?yo(?![a-z])|"
    rf" years? of age|[ \-]months?[ \-]old)"
)
_I_AM = re.compile(
    rf"(?<![a-z])(?:i'?m|i am|he is|he's|she is|she's|(?:has )?turned|turning|turns|im) (?:now |only |"
    rf"just )?{_NUMBER}(?=[.,;!?)]*(?:$|\s*\n|[.,;!?)] | and | but ))"
)

_I_AM_WORDS = frozenset(["he", "she", "turned", "turning", "turns"])


def ages(text: Reading) -> Iterator[Found]:
    """Ages of people with their unit or cue word; not durations ("há 5 anos", "5 years ago", "2 anos de garantia")."""
    low = text.low
    if "ano" in low or "aninhos" in low:
        for match in _YEARS_PT.finditer(low):
            before = low[max(0, match.start() - 24) : match.start()]
            if match["idade"]:
                yield match.start(), match.end(), "AGE", "age.anos"
            elif _NOT_AGE_PT.match(low, match.end()):
                continue
            elif (_CUE_PT.search(before) and int(match["age"])) or (int(match["age"]) >= 10 and not _NOT_CUE_PT.search(before)):
                yield match.start(), match.end(), "AGE", "age.anos"
    if "age" in low or "idade" in low:
        for match in _AGE_LABEL.finditer(low):
            yield match.start(), match.end(), "AGE", "age.label"
    if "y" in low:
        for match in _YEARS_EN.finditer(low):
            yield match.start(), match.end(), "AGE", "age.years"
    if "i" in text.words or "im" in text.words or not _I_AM_WORDS.isdisjoint(text.words):
        for match in _I_AM.finditer(low):
            yield match.start(), match.end("age"), "AGE", "age.cue"
