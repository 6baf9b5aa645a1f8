"""Numbers with a check digit in all the ways in which people write them, and random digits that are none.

Brazilian numbers are made by validate-docbr, which the run-time code does not use; the others by the few lines below. All are
random: that one belongs to somebody is chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from validate_docbr import CNH, CNPJ, CNS, CPF, PIS, RENAVAM, TituloEleitoral

from .measures import Label

COUNT = 300
RANDOM_COUNT = 100_000

_SENTENCES_PT = (
    "Segue {label} {value}, pode conferir?",
    "Não consigo entrar no sistema, {label}: {value}. Me ajuda?",
    "oi, no cadastro consta {label} {value} e o nome está errado",
    "O cliente informou {label} nº {value} na ligação de ontem.",
)
_SENTENCES_EN = (
    "Here is my {label} {value}, please check it.",
    "I cannot log in, {label}: {value}. Can you help?",
    "hi, the form says {label} {value} but my name is wrong",
    "The customer gave us {label} {value} over the phone.",
)
# Nothing that says what the digits are, and nothing that says what they are not.
_NEUTRAL = (
    ("pt", "{value}"),
    ("pt", "Ele escreveu {value} no papel."),
    ("pt", "o visor mostra {value} desde ontem"),
    ("pt", "Aparece {value}, depois some."),
    ("en", "The screen shows {value} now."),
    ("en", "she wrote {value} on the wall"),
    ("en", "It printed {value}, then it stopped."),
)


class Kind(NamedTuple):
    """make: bare and formatted spelling of a new valid number; needs_label: whether the formatted one alone says too little."""

    type: str
    label_pt: str
    label_en: str
    needs_label: bool
    make: Callable[[random.Random], tuple[str, str]]


class Case(NamedTuple):
    """A text that holds one identifier, or none (label is None)."""

    kind: str
    style: str
    lang: str
    text: str
    label: Label | None


def _oracle(document: CPF | CNH | CNS | PIS | RENAVAM | TituloEleitoral | CNPJ, **options: bool) -> Callable[..., tuple[str, str]]:
    def make(draw: random.Random) -> tuple[str, str]:
        # The library draws from the module's own generator.
        random.seed(draw.getrandbits(64))
        bare = document.generate(**options)
        return bare, document.mask(bare)

    return make


def _luhn_digit(body: str) -> str:
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in body[::-1][::2])
    return str(-(doubled + sum(int(digit) for digit in body[::-1][1::2])) % 10)


def _card(draw: random.Random) -> tuple[str, str]:
    prefix, size = draw.choice((("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("636368", 16), ("606282", 16), ("34", 15), ("37", 15)))
    body = prefix + "".join(draw.choices("0123456789", k=size - 1 - len(prefix)))
    bare = body + _luhn_digit(body)
    cuts = (0, 4, 10, 15) if size == 15 else (0, 4, 8, 12, 16)
    return bare, " ".join(bare[left:right] for left, right in zip(cuts, cuts[1:], strict=False))


# Country and what stands behind its check digits: a letter (A) or a digit for each place.
_IBANS = {
    "BR": "0" * 23 + "A0",
    "DE": "0" * 18,
    "ES": "0" * 20,
    "FR": "0" * 23,
    "GB": "A" * 4 + "0" * 14,
    "IT": "A" + "0" * 22,
    "PT": "0" * 21,
}


def _iban(draw: random.Random) -> tuple[str, str]:
    country = draw.choice(sorted(_IBANS))
    body = "".join(draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ" if place == "A" else "0123456789") for place in _IBANS[country])
    # ISO 13616: letters count 10 to 35, and the whole number is 1 modulo 97.
    rest = int("".join(str(int(char, 36)) for char in f"{body}{country}00")) % 97
    bare = f"{country}{98 - rest:02}{body}"
    return bare, " ".join(bare[start : start + 4] for start in range(0, len(bare), 4))


def _case_number(draw: random.Random) -> tuple[str, str]:
    number, year = f"{draw.randrange(10**7):07}", f"{draw.randint(1998, 2026)}"
    court = f"{draw.randint(1, 9)}{draw.randint(1, 27):02}{draw.randint(1, 999):04}"
    # CNJ resolution 65/2008: modulo 97 with the check digits at the end.
    check = f"{98 - int(number + year + court + '00') % 97:02}"
    return number + check + year + court, f"{number}-{check}.{year}.{court[0]}.{court[1:3]}.{court[3:]}"


KINDS = {
    "CPF": Kind("CPF", "CPF", "CPF", False, _oracle(CPF())),
    "CNPJ": Kind("CNPJ", "CNPJ", "CNPJ", False, _oracle(CNPJ())),
    "CNPJ with letters": Kind("CNPJ", "CNPJ", "CNPJ", False, _oracle(CNPJ(), digits_only=False)),
    "card": Kind("CREDIT_CARD", "cartão", "credit card", False, _card),
    "CNS": Kind("CNS", "cartão SUS", "CNS", False, _oracle(CNS())),
    "PIS": Kind("PIS", "PIS", "PIS", False, _oracle(PIS())),
    "voter id": Kind("VOTER_ID", "título de eleitor", "voter id", True, _oracle(TituloEleitoral())),
    "CNH": Kind("CNH", "CNH", "CNH", True, _oracle(CNH())),
    "RENAVAM": Kind("RENAVAM", "RENAVAM", "RENAVAM", True, _oracle(RENAVAM())),
    "IBAN": Kind("IBAN", "IBAN", "IBAN", False, _iban),
    "case number": Kind("CASE_NUMBER", "processo", "case number", False, _case_number),
}
_LETTERS = ("CNPJ with letters", "IBAN")
STYLES = ("formatted", "bare", "groups spaced", "digits spaced", "sentence pt", "sentence en")


def cases(count: int = COUNT, seed: int = 4) -> list[Case]:
    """For each kind ``count`` numbers in each style. Only formatted numbers that need none stand without their label.

    Nobody spells letters one by one, so what holds letters has no style "digits spaced".
    """
    draw = random.Random(seed)
    styles = {name: [style for style in STYLES if style != "digits spaced" or name not in _LETTERS] for name in KINDS}
    return [_case(name, style, number, draw) for name in KINDS for style in styles[name] for number in range(count)]


def _case(name: str, style: str, number: int, draw: random.Random) -> Case:
    kind = KINDS[name]
    bare, formatted = kind.make(draw)
    lang = "en" if style == "sentence en" or number % 2 and not style.startswith("sentence") else "pt"
    label = kind.label_en if lang == "en" else kind.label_pt
    if style == "formatted":
        before, value, after = f"{label} " if kind.needs_label else "", formatted, ""
    elif style.startswith("sentence"):
        sentence = draw.choice(_SENTENCES_EN if lang == "en" else _SENTENCES_PT).replace("{label}", label)
        before, _, after = sentence.partition("{value}")
        value = formatted if number % 2 else bare
    else:
        spaced = "".join(char if char.isalnum() else " " for char in formatted)
        value = {"bare": bare, "groups spaced": spaced, "digits spaced": " ".join(bare)}[style]
        before, after = f"{label}: " if number % 4 < 2 else f"{label} ", ""
    return Case(name, style, lang, before + value + after, Label(len(before), len(before) + len(value), kind.type))


def random_digits(count: int = RANDOM_COUNT, seed: int = 4) -> list[Case]:
    """Texts with one run of 5 to 20 random digits each, of which nothing is said. kind is "random", style the number of digits."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        value = "".join(draw.choices("0123456789", k=draw.randint(5, 20)))
        lang, sentence = draw.choice(_NEUTRAL)
        made.append(Case("random", f"{len(value)} digits", lang, sentence.replace("{value}", value), None))
    return made
