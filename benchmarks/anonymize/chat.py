"""Conversations in Brazilian Portuguese with labelled persons, for measuring only.

Scenarios and names are this benchmark's own (chat_frames.txt, held_out_names.txt): no name stands in a list of the
detector, and training leaves them out. About half of what customers write is lower-case and without accents.
"""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .measures import Label

HERE = Path(__file__).parent
FEMALE, MALE, SURNAMES = "given names, female", "given names, male", "surnames"

_ROLES = "caopq"
_LOW, _PROPER, _MIXED = "low", "proper", "mixed"
_HABITS = {_LOW: 0.45, _PROPER: 0.45, _MIXED: 0.1}
_SECOND_SCENARIO = 0.35
_MOST_TURNS = 12

_GREET = ("Oi", "Olá", "Bom dia", "Boa tarde", "Boa noite", "Opa", "Eae", "Oii", "Bom dia tudo bem")
_THANKS = ("Obrigado", "Obrigada", "Valeu", "Brigada", "Muito obrigado pela atenção", "Agradeço", "Grata")
# Places, shops, goods and streets that are called like people, beside plain ones.
_FILL = {
    "shop": ("Magazine Luiza", "Lojas Marisa", "Casas Bahia", "Mercado Livre", "Riachuelo", "Renner", "Shopee", "Leroy Merlin", "Ponto"),
    "company": ("Claro", "Vivo", "Tim", "Porto Seguro", "Bradesco", "Banco Inter", "Oi Fibra", "Casa do Pão de Queijo", "Drogaria Pacheco"),
    "city": (
        *("Vitória", "São Paulo", "Santa Maria", "Bento Gonçalves", "Governador Valadares", "Presidente Prudente", "Santo André"),
        *("Feira de Santana", "Campina Grande", "Juiz de Fora", "Rio Branco", "Sorocaba", "Natal", "Palmas", "Betim", "Luziânia"),
    ),
    "product": ("um sofá", "uma geladeira", "um liquidificador", "uma cadeira modelo Diana", "um tênis", "um kit de facas"),
    "trap": ("Santa Helena", "São Lucas", "Santa Clara", "São Bento", "Dom Bosco", "Vila Mariana", "Santa Rosa", "Boa Vista"),
    "street": (
        *("Rua das Acácias, 88", "Rua Barão de Itararé, 45", "Avenida Duque de Caxias, 1200", "Rua Marechal Deodoro, 310"),
        *("Travessa Rosa Branca, 12", "Rua Padre Anchieta, 7", "Avenida Brasil, 2045", "Rua Sete de Setembro, 150"),
    ),
}
_PARTICLES = ("de", "da", "dos", "do")

_GENDER = re.compile(r"\{([caopq]):([^|{}]*)\|([^|{}]*)\}")
_CHOICE = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{([a-z]+)(?:\.([12fl]))?\}")


class Turn(NamedTuple):
    """What one side writes, and the persons named in it (type PERSON)."""

    role: str
    text: str
    labels: list[Label]


@dataclass(frozen=True)
class Person:
    """given: first given name; full: all names, particles too; surname: the last one."""

    given: str
    full: str
    surname: str
    female: bool

    def form(self, form: str) -> str:
        """1: given name, 2: given name and surname, f: full name, l: surname."""
        return {"1": self.given, "2": f"{self.given} {self.surname}", "f": self.full, "l": self.surname}[form]


@cache
def held_out_names() -> dict[str, list[str]]:
    """The names by kind: FEMALE, MALE, SURNAMES."""
    names: dict[str, list[str]] = {}
    for line in (HERE / "held_out_names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            kind = line[2:]
            names[kind] = []
        else:
            names[kind].append(line)
    return names


@cache
def scenarios() -> list[list[tuple[str, bool, str]]]:
    """All scenarios: turns of (role, may be left out, template)."""
    text = "\n".join(line for line in (HERE / "chat_frames.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    found = []
    for block in text.strip().split("\n\n"):
        turns = [line.partition(" ") for line in block.splitlines()]
        found.append([(mark[0], mark.endswith("?"), template) for mark, _, template in turns])
    return found


def conversations(count: int = 1000, seed: int = 4) -> list[list[Turn]]:
    """Conversations of 4 to 12 turns; the same count and seed give the same ones. Scenarios take turns, so each is used alike."""
    draw = random.Random(seed)
    order: list[int] = []
    made = []
    for _ in range(count):
        if not order:
            order = list(range(len(scenarios())))
            draw.shuffle(order)
        made.append(_conversation(order.pop(), draw))
    return made


def _conversation(scenario: int, draw: random.Random) -> list[Turn]:
    habit = draw.choices(list(_HABITS), list(_HABITS.values()))[0]
    people = _people(_ROLES, set(), draw)
    turns = _play(scenario, people, habit, draw)
    if draw.random() < _SECOND_SCENARIO:
        # The same two people again about something else, with other people in it.
        taken = {word for person in people.values() for word in person.full.split()}
        turns += _play(draw.randrange(len(scenarios())), people | _people("opq", taken, draw), habit, draw)
    return turns[:_MOST_TURNS]


def _people(roles: str, taken: set[str], draw: random.Random) -> dict[str, Person]:
    """A person for each role; no two of one conversation share a name."""
    taken = set(taken)

    def name(kind: str) -> str:
        while (word := draw.choice(held_out_names()[kind])) in taken:
            pass
        taken.add(word)
        return word

    people = {}
    for role in roles:
        female = draw.random() < 0.5
        kind = FEMALE if female else MALE
        given, surname = name(kind), name(SURNAMES)
        words = [given]
        if draw.random() < 0.2:
            words.append(name(kind))
        if draw.random() < 0.7:
            words.append(name(SURNAMES))
        if draw.random() < 0.2:
            words.append(draw.choice(_PARTICLES))
        people[role] = Person(given, " ".join([*words, surname]), surname, female)
    return people


def _play(scenario: int, people: dict[str, Person], habit: str, draw: random.Random) -> list[Turn]:
    turns = []
    for role, optional, template in scenarios()[scenario]:
        if optional and draw.random() < 0.5:
            continue
        low = role == "c" and (habit == _LOW or habit == _MIXED and draw.random() < 0.5)
        turns.append(_turn(role, template, people, low, draw))
    return turns


def _turn(role: str, template: str, people: dict[str, Person], low: bool, draw: random.Random) -> Turn:
    template = _GENDER.sub(lambda match: match[3] if people[match[1]].female else match[2], template)
    template = _CHOICE.sub(lambda match: draw.choice(match[1].split("|")), template)
    text, labels, here = "", [], 0
    for match in _SLOT.finditer(template):
        text += _typed(template[here : match.start()], low)
        here = match.end()
        if match[2] is None:
            text += _typed(_value(match[1], people[role], draw), low)
            continue
        value, start = _typed(people[match[1]].form(match[2]), low), len(text)
        text += value
        if labels and text[labels[-1].end : start] == " ":
            # Given name and surname as two slots are one name.
            start = labels.pop().start
        labels.append(Label(start, len(text), "PERSON"))
    return Turn(role, text + _typed(template[here:], low), labels)


def _typed(text: str, low: bool) -> str:
    """As a customer in a hurry types it: lower-case, without accents."""
    if not low:
        return text
    return "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))


def _value(slot: str, writer: Person, draw: random.Random) -> str:
    digits = "".join(str(draw.randrange(10)) for _ in range(11))
    made = {
        "greet": lambda: draw.choice(_GREET),
        "thanks": lambda: draw.choice(_THANKS),
        "date": lambda: f"{draw.randint(1, 28)}/{draw.randint(1, 12):02}",
        "time": lambda: draw.choice((f"{draw.randint(8, 18)}h", f"{draw.randint(8, 18)}:30")),
        "money": lambda: f"R$ {draw.randint(10, 900)},{digits[:2]}",
        "order": lambda: digits[:7],
        "phone": lambda: f"({draw.choice((11, 21, 31, 51, 71, 85))}) 9{digits[:4]}-{digits[4:8]}",
        "cpf": lambda: f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}",
        "email": lambda: _typed(f"{writer.given}.{writer.surname}@exemplo.com.br", True),
    }
    return made[slot]() if slot in made else draw.choice(_FILL[slot])
