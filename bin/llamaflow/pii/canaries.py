"""Planted records: made-up people with personal data of every type, in both languages, whose fate is counted and who never go on.

Names are put together from syllables, so that they stand in no list; numbers carry right check digits and belong to
nobody in particular. The same shard gets the same canaries.
"""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from llamaflow.records import Message, Record, content_id

from .anonymizer import Anonymizer, Quarantine
from .lexicon import lexicon, read_list
from .proof import number_kind
from .second_look import is_case, is_cnh, is_cns, is_iban, is_pis, is_renavam, is_voter
from .spans import ENTITY_TYPES, fold

# What is told from its context, not from its form: some of it is missed, and how much is measured.
BY_CONTEXT = frozenset(["PERSON", "ADDRESS", "LOCATION", "ORGANIZATION"])
_PER_RECORD = 4  # planted values beside the person


class Planted(NamedTuple):
    """A value of a type that stands in the first message from ``start`` on."""

    type: str
    value: str
    start: int


class Canary(NamedTuple):
    """A record and what was planted in it."""

    record: Record
    planted: list[Planted]


class Tally(NamedTuple):
    """How many values of a type were planted, and how many of them were found."""

    planted: int
    found: int


_Maker = Callable[[random.Random, str], str]
# Onset, middle, end.
_SYLLABLES = {
    "pt": (
        "bra cla dor fra gui jan lor mar nev per qui rol sal tri val vel xan zel",
        "bi do fe la mi no ri ta vi zu",
        "ano eira elo ina usto ilda",
    ),
    "en": (
        "bran crow dal fen gar hol kel lan mor nor pres rad sten thor wex wil",
        "de len mer na ster ta ven",
        "by don ley ton wick worth",
    ),
}


def _word(draw: random.Random, lang: str) -> str:
    """A capitalised word that no list knows."""
    while True:
        word = "".join(draw.choice(syllables.split()) for syllables in _SYLLABLES[lang]).capitalize()
        if not lexicon().flags.get(fold(word).low):
            return word


def _shape(draw: random.Random, shape: str) -> str:
    """# a digit, @ a capital letter, * either; everything else as it is."""
    pools = {"#": string.digits, "@": string.ascii_uppercase, "*": string.ascii_letters + string.digits}
    return "".join(draw.choice(pools[char]) if char in pools else char for char in shape)


def _passing(draw: random.Random, shapes: tuple[str, ...], test: Callable[[str], bool]) -> str:
    """A value of one of the shapes that a test takes; the test sees letters and digits only."""
    while True:
        value = _shape(draw, draw.choice(shapes))
        if test(re.sub(r"\W", "", value)):
            return value


def _case(draw: random.Random) -> str:
    while not is_case(value := _shape(draw, "#######-##.20##.8.26.0###")):
        pass
    return value


def _date(first_year: int, last_year: int) -> _Maker:
    def make(draw: random.Random, lang: str) -> str:
        day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(first_year, last_year)
        return f"{day:02d}/{month:02d}/{year}" if lang == "pt" else f"{month:02d}/{day:02d}/{year}"

    return make


def _form(*shapes: str, test: Callable[[str], bool] | None = None) -> _Maker:
    return lambda draw, _lang: _passing(draw, shapes, test or bool)


def _kind(kind: str, *shapes: str) -> _Maker:
    return _form(*shapes, test=lambda value: number_kind(value) == kind)


def _names(form: str) -> _Maker:
    """A form with made-up words for {0} and {1} and a number for {2}."""
    return lambda draw, lang: form.format(_word(draw, lang), _word(draw, lang), draw.randint(11, 990))


def _either(pt: _Maker, en: _Maker) -> _Maker:
    return lambda draw, lang: (pt if lang == "pt" else en)(draw, lang)


def _lower(make: _Maker) -> _Maker:
    return lambda draw, lang: make(draw, lang).lower()


_MAKERS: dict[str, _Maker] = {
    "PERSON": _names("{0} {1}"),
    "SECRET": _form("sk_live_************************", "ghp_************************************", "AKIA@@@@@@@@@@@@@@@@"),
    "EMAIL": _lower(_names("{0}.{1}{2}@{1}.com")),
    "URL": _lower(_names("{0}-{1}-{2}")),
    "PIX_KEY": lambda draw, _lang: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
    "IBAN": _form("GB## WEST #### #### #### ##", "DE####################", test=is_iban),
    "CASE_NUMBER": lambda draw, _lang: _case(draw),
    "CNPJ": _kind("CNPJ", "##.###.###/0001-##", "########0001##"),
    "CPF": _kind("CPF", "###.###.###-##", "###########"),
    "CREDIT_CARD": _kind("CREDIT_CARD", "4539 #### #### ####", "4539############"),
    "CNS": _form("7## #### #### ####", "8##############", test=is_cns),
    "PIS": _form("1##.#####.##-#", "1##########", test=is_pis),
    "VOTER_ID": _form("#### #### ####", "############", test=is_voter),
    "CNH": _form("###########", test=is_cnh),
    "RENAVAM": _form("###########", test=is_renavam),
    "SSN": _form("2##-4#-1###", "5##-7#-9###"),
    "DRIVER_LICENSE": _form("@#######"),
    "PASSPORT": _form("@@######"),
    "MAC_ADDRESS": lambda draw, _lang: ":".join(f"{draw.randrange(256):02x}" for _ in range(6)),
    "IP_ADDRESS": lambda draw, _lang: ".".join(str(draw.randint(11, 99)) for _ in range(4)),
    "BIRTH_DATE": _date(1950, 2003),
    "RG": _form("2#.###.###-#"),
    "BANK_ACCOUNT": _either(_form("2####-#"), _form("2#########")),
    "PHONE": _either(_form("(11) 97###-####", "21 98###-####"), _form("(212) 6##-####", "+44 20 7### ####")),
    "CEP": _form("04###-#70"),
    "PLATE": _form("@@@#@##", "@@@#@##"),
    "USERNAME": _lower(_names("{0}{2}")),
    "AGE": lambda draw, _lang: str(draw.randint(21, 79)),
    "ADDRESS": _either(_names("Rua {0} {1}, {2}"), _names("{2} {0} Street")),
    "DOMAIN": _lower(_names("www.{0}.com.br")),
    "LOCATION": _either(_form("Curitiba", "Recife", "Porto Alegre"), _form("Boston", "Chicago", "Manchester")),
    "ORGANIZATION": _either(_names("{0} Ltda"), _names("{0} Inc")),
    "DATE": _date(2015, 2024),
}


@cache
def _sentences() -> dict[tuple[str, str], list[str]]:
    """(type, language) -> sentences with {} for the value."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in read_list("canary_sentences"):
        kind, lang, sentence = line.split(" ", 2)
        found.setdefault((kind, lang), []).append(sentence)
    return found


def plant(count: int, seed: str) -> list[Canary]:
    """``count`` canaries, Portuguese and English in turn, with every type in each language from 16 on.

    seed: any text, such as the name of the shard.
    """
    draw = random.Random(f"canaries {seed}")
    others = [kind for kind in ENTITY_TYPES if kind != "PERSON"]
    canaries = []
    for number in range(count):
        lang, text, planted = ("pt", "en")[number % 2], "", []
        for kind in ["PERSON", *(others[(number // 2 * _PER_RECORD + place) % len(others)] for place in range(_PER_RECORD))]:
            value, sentence = _MAKERS[kind](draw, lang), draw.choice(_sentences()[kind, lang])
            if kind == "PERSON" and sentence.islower():
                value = value.lower()  # as people chat
            planted.append(Planted(kind, value, len(text) + sentence.index("{}")))
            text += sentence.format(value) + "\n"
        answer = {"pt": "Certo, já anotei tudo.", "en": "Thanks, I have noted everything."}[lang]
        messages = [Message(role="user", content=text.rstrip()), Message(role="assistant", content=answer)]
        canaries.append(Canary(Record(id=content_id(messages), messages=messages, lang=lang, source="canary"), planted))
    return canaries


def count_found(anonymizer: Anonymizer, canaries: list[Canary]) -> dict[str, Tally]:
    """By type: how many values were planted and how many found.

    Found is a value of which every letter and digit was replaced; of a type that the policy keeps, one that was seen at all.
    """
    tallies: dict[str, Tally] = {}
    for canary in canaries:
        try:
            findings = [finding for finding in anonymizer.process(canary.record).findings if finding.message == 0]
        except Quarantine:
            findings = []  # a canary is an ordinary record: what holds it back has not found anything
        seen = {place for finding in findings for place in range(finding.start, finding.end)}
        gone = {place for finding in findings if finding.action != "keep" for place in range(finding.start, finding.end)}
        for one in canary.planted:
            places = {one.start + place for place, char in enumerate(one.value) if char.isalnum()}
            found = not places.isdisjoint(seen) if one.type in anonymizer.policy.kept else places <= gone
            before = tallies.get(one.type, Tally(0, 0))
            tallies[one.type] = Tally(before.planted + 1, before.found + found)
    return dict(sorted(tallies.items()))


def unproved(tallies: dict[str, Tally], kept: frozenset[str], min_name_recall: float) -> list[str]:
    """Types that were missed too often, each with its counts: identifiers must all be found, names and addresses at the given rate.

    Made-up places and companies are reported and never asked for: what tells them is knowing them.
    """
    asked = {kind: tally for kind, tally in tallies.items() if kind not in kept and kind not in ("LOCATION", "ORGANIZATION")}
    least = {kind: min_name_recall if kind in BY_CONTEXT else 1.0 for kind in asked}
    return [f"{kind} {tally.found} of {tally.planted}" for kind, tally in asked.items() if tally.found < least[kind] * tally.planted]
