"""The second look at a record beside its replacements: what still reads like personal data and is not what was put there.

Like ``proof``, which looks at the output alone, it shares no pattern with detection: numbers are tested by other routes
(one modulo of the whole number), names by looking every word up. What it says of names is an estimate: a word that is a
first name in the lists, no ordinary word, and none of the record's surrogates is suspected.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from math import sqrt
from typing import NamedTuple

from llamaflow.records import Record

from .fields import fences
from .lexicon import COMMON, FIRST, PARTICLE, PLACE, TITLE, lexicon
from .proof import strings, visible
from .spans import fold

_IBAN_LENGTHS = {"BR": 29, "PT": 25, "ES": 24, "FR": 27, "DE": 22, "GB": 22, "IT": 27, "NL": 18, "BE": 16, "CH": 21, "AT": 20, "IE": 22}


def _weighted(digits: str, weights: Iterable[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def is_pis(digits: str) -> bool:
    """PIS/PASEP/NIS: with the check digit weighted 1, the sum of products is 0 modulo 11 (or 1, when the digit is 0)."""
    return len(digits) == 11 and _weighted(digits, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 in ((0, 1) if digits[-1] == "0" else (0,))


def is_cns(digits: str) -> bool:
    """National health card: weights 15 to 1 give 0 modulo 11, whichever way the number was issued; final ones (1, 2) hold 000 or 001."""
    if digits[:1] in ("1", "2") and digits[11:14] not in ("000", "001"):
        return False
    return len(digits) == 15 and digits[0] in "12789" and _weighted(digits, range(15, 0, -1)) % 11 == 0


def is_voter(digits: str) -> bool:
    """Voter registration: state 01 to 28, then two digits, each a plain modulo 11 with 10 read as 0."""
    if len(digits) != 12 or not 1 <= int(digits[8:10]) <= 28:
        return False
    first = _weighted(digits, range(2, 10)) % 11 % 10
    return int(digits[10]) == first and int(digits[11]) == _weighted(digits[8:11], (7, 8, 9)) % 11 % 10


def is_cnh(digits: str) -> bool:
    """Driver licence of 11 digits: the second digit is lowered by 2 where the first overflowed."""
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first, second = _weighted(digits, range(9, 0, -1)) % 11, _weighted(digits, range(1, 10)) % 11
    if first > 9:
        first, second = 0, second - 2 if second > 1 else second + 9
    return digits[9:] == f"{first}{second if second < 10 else 0}"


def is_renavam(digits: str) -> bool:
    """Vehicle registration: the sum of products times ten, modulo 11, and 10 read as 0."""
    return len(digits) == 11 and _weighted(digits, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10 == int(digits[10])


def is_iban(text: str) -> bool:
    """Whether letters and digits are an IBAN of a country whose length is known: modulo 97 of all, letters as numbers, is 1."""
    bare = re.sub(r"\W", "", text).upper()
    if _IBAN_LENGTHS.get(bare[:2]) != len(bare):
        return False
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def is_case(text: str) -> bool:
    """Whether a case number of the Brazilian courts has the right digits (resolution 65 of the CNJ, ISO 7064 MOD 97-10)."""
    number, check, rest = re.fullmatch(r"([0-9]{7})-([0-9]{2})\.(.*)", text).groups()
    return int(number + rest.replace(".", "") + check) % 97 == 1


def is_reachable(text: str) -> bool:
    """Whether a written-out phone number may be somebody's: not in a block that nobody has."""
    digits = re.sub(r"[^0-9]", "", text)
    free = r"(?:55)?[1-9][0-9](?:90000|0000)[0-9]{4}|1?[0-9]{3}55501[0-9]{2}|[0-9]{1,3}000[0-9]*"
    return 10 <= len(digits) <= 15 and not re.fullmatch(free, digits)


class _Look(NamedTuple):
    """What to look for, and the test that tells real from made up. A label's number is the group 'number'."""

    kind: str
    pattern: re.Pattern[str]
    test: Callable[[str], bool]


def _labelled(kind: str, label: str, size: int, test: Callable[[str], bool]) -> _Look:
    number = rf"(?P<number>[0-9](?:[ .\-/]?[0-9]){{{size - 1}}})(?![0-9])"
    return _Look(
        kind, re.compile(rf"(?<!\w)(?:{label})(?!\w)[^0-9\n]{{0,20}}{number}", re.I), lambda text: test(re.sub(r"[^0-9]", "", text))
    )


def _always(_text: str) -> bool:
    return True


_LOOKS = (
    _labelled("PIS", r"pis|pasep|nis|nit|pis/pasep", 11, is_pis),
    _labelled("CNS", r"cns|cart[aã]o (?:do )?sus|cart[aã]o nacional de sa[uú]de", 15, is_cns),
    _labelled("VOTER_ID", r"t[ií]tulo (?:de eleitor|eleitoral)", 12, is_voter),
    _labelled("CNH", r"cnh|carteira de motorista|carteira nacional de habilita[cç][aã]o", 11, is_cnh),
    _labelled("RENAVAM", r"renavam", 11, is_renavam),
    _Look("SSN", re.compile(r"(?<![\w.\-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w\-])"), _always),
    _Look("CASE_NUMBER", re.compile(r"(?<![\w.\-])[0-9]{7}-[0-9]{2}\.(?:19|20)[0-9]{2}\.[0-9]\.[0-9]{2}\.[0-9]{4}(?![\w\-])"), is_case),
    _Look("IBAN", re.compile(r"(?<!\w)[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)(?!\w)"), is_iban),
    _Look(
        "MAC_ADDRESS",
        re.compile(r"(?<![\w:\-])(?!00.00.5e.00.53)[0-9a-f]{2}([:\-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:\-])", re.I),
        _always,
    ),
    _Look("PHONE", re.compile(r"(?<![\w+])\+[1-9][0-9]{0,2}[ .\-]?\(?[0-9](?:[ .\-()]{0,2}[0-9]){6,12}(?![0-9])"), is_reachable),
    _Look("PHONE", re.compile(r"(?<![\w)])(?<!\+55 )\([1-9][0-9]\) ?(?:9 ?)?[2-9][0-9]{3}[ \-]?[0-9]{4}(?![0-9])"), is_reachable),
)
_SECRETS = re.compile(
    r"(?<!\w)(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|xox[abprs]-[\w\-]{10,}|AIza[\w\-]{35}|sk-[\w\-]{20,}"
    r"|[rs]k_live_\w{16,}|eyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{5,})(?!\w)|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
)
_DIGIT = re.compile(r"[0-9]")


def more_leaks(record: Record, kept: frozenset[str], own: Iterable[str]) -> Counter[str]:
    """Leaks by type that ``proof.pattern_leaks`` does not look for. own: values that the record got or was allowed to keep."""
    leaks: Counter[str] = Counter()
    mine = "\0".join(map(visible, own))
    for text in map(visible, strings(record)):
        for match in _SECRETS.finditer(text):
            leaks["SECRET"] += match[0] not in mine
        if not _DIGIT.search(text):
            continue
        for look in _LOOKS:
            for match in look.pattern.finditer(text):
                value = match.groupdict().get("number", match[0])
                leaks[look.kind] += value not in mine and look.test(value)
    return Counter({kind: count for kind, count in leaks.items() if count and kind not in kept})


_WORD = re.compile(r"[^\W\d_]{3,}")
_NOT_A_NAME = COMMON | PLACE | TITLE | PARTICLE


def suspects(record: Record, own: Iterable[str]) -> int:
    """How many different words of a record's prose read like a first name that was neither put there nor left on purpose."""
    flags = lexicon().flags
    mine = {word for value in own for word in _WORD.findall(fold(value).low)}
    found: set[str] = set()
    for message in record.messages:
        for start, end, code in fences(message.content):
            if not code:
                words = set(_WORD.findall(fold(message.content[start:end]).low))
                found |= {word for word in words - mine if flags.get(word, 0) & FIRST and not flags[word] & _NOT_A_NAME}
    return len(found)


def wilson(hits: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval in which a rate lies with 95 % confidence, both ends within [0, 1] (Wilson 1927, without continuity correction)."""
    if total == 0:
        return 0.0, 1.0
    rate, square = hits / total, z * z / total
    middle, half = rate + square / 2, z * sqrt(rate * (1 - rate) / total + square / (4 * total))
    return (max(0.0, (middle - half) / (1 + square)) if hits else 0.0), (min(1.0, (middle + half) / (1 + square)) if hits < total else 1.0)
