"""Invented values for the sample: people by combination, valid and broken document numbers, products, dates."""

from __future__ import annotations

import random
import unicodedata

# Everyday names are combined at random, so no real person is meant; the rare ones were made up for this file.
NAMES = {
    "pt": {
        "m": ["João", "Carlos", "Rafael", "Thiago", "Marcelo", "Antônio", "Luiz", "Bruno", "Gustavo", "Vinícius", "Diego", "Paulo",
              "Leandro", "Sérgio", "Fábio", "Eduardo", "Caio", "Murilo", "João Pedro", "Luiz Felipe", "Otávio", "Renan", "Edson"],
        "f": ["Maria", "Juliana", "Fernanda", "Patrícia", "Camila", "Letícia", "Beatriz", "Aline", "Mariana", "Larissa", "Cláudia",
              "Sônia", "Débora", "Tatiane", "Joana", "Luciana", "Vanessa", "Ana Clara", "Maria Eduarda", "Rosângela", "Simone", "Bianca"],
        "last": ["Silva", "Souza", "Oliveira", "Pereira", "Lima", "Carvalho", "Ribeiro", "Almeida", "Gomes", "Barbosa", "Araújo", "Melo",
                 "Cardoso", "Teixeira", "Nogueira", "Prado", "Moraes", "Brandão", "Queiroz", "Siqueira", "Conceição", "Falcão", "Assunção",
                 "dos Santos", "da Silva", "de Oliveira", "do Nascimento", "da Rocha", "de Souza", "Fagundes", "Bittencourt", "Peixoto"],
        "rare_m": ["Teobrando", "Quirivaldo", "Marivânio", "Iracélio", "Zenoildo", "Uberlanio"],
        "rare_f": ["Zenólia", "Brisanara", "Anaíre", "Lurdiane", "Ivoneuda", "Tainarê"],
        "rare_last": ["Paxiúba", "Boquirana", "Carquejal", "Sapurema", "Trindoso", "Ubirapé", "Vermelhim", "Quixabão"],
    },
    "en": {
        "m": ["James", "Michael", "Daniel", "Robert", "Andrew", "Kevin", "Thomas", "Peter", "Samuel", "Oliver", "Henry", "Patrick",
              "Brian", "Steven", "Nathan", "George", "Simon", "Derek"],
        "f": ["Emily", "Sarah", "Jessica", "Laura", "Rachel", "Hannah", "Megan", "Karen", "Alice", "Chloe", "Susan", "Olivia",
              "Natalie", "Heather", "Diana", "Mary Ann", "Victoria", "Ellen"],
        "last": ["Smith", "Johnson", "Miller", "Wilson", "Taylor", "Anderson", "Clark", "Walker", "Bennett", "Cooper", "Hughes", "Foster",
                 "Murphy", "Sullivan", "O'Brien", "McCarthy", "Ward", "Griffin", "Palmer", "Harrison", "Lloyd-Evans", "Doyle", "Fletcher"],
        "rare_m": ["Brannick", "Ossivar", "Theldor", "Kestrin"],
        "rare_f": ["Oriselle", "Veshka", "Tamsyra", "Ildreth"],
        "rare_last": ["Hallowmere", "Quilverton", "Ashbrindle", "Dunmorrow", "Skellwick", "Vantrease"],
    },
}
RELATIVES = {
    "pt": {"m": ["meu marido", "meu irmão", "meu pai", "meu cunhado"], "f": ["minha esposa", "minha irmã", "minha mãe", "minha vizinha"]},
    "en": {"m": ["my husband", "my brother", "my father", "my neighbour"], "f": ["my wife", "my sister", "my mother", "my neighbour"]},
}
# Names reserved for documentation (RFC 2606), so no mailbox can exist.
MAIL_DOMAINS = ["correio.example", "caixapostal.example", "mail.example", "inbox.example", "rededecasa.test", "letterbox.test",
                "escritorio.com.example", "minhacaixa.net.example"]

CITIES = ["Campinas", "Recife", "Belo Horizonte", "Curitiba", "Salvador", "Goiânia", "Porto Alegre", "Fortaleza", "Santos", "Niterói",
          "Florianópolis", "Ribeirão Preto", "Vitória", "Natal", "Uberlândia", "São Paulo", "Joinville", "Londrina", "Manaus", "Belém"]
LINES = ["Aroeira", "Paraty", "Ipê", "Mantiqueira", "Cerrado", "Araçá", "Piracema", "Veredas", "Jalapão", "Bromélia", "Tietê", "Imbuia"]
ITEMS = {
    "pt": [("sofá", "m"), ("mesa de jantar", "f"), ("guarda-roupa", "m"), ("cama de casal", "f"), ("estante", "f"), ("poltrona", "f"),
           ("rack", "m"), ("escrivaninha", "f"), ("cômoda", "f"), ("buffet", "m"), ("aparador", "m"), ("sapateira", "f"),
           ("cristaleira", "f"), ("painel para TV", "m"), ("armário de cozinha", "m"), ("banco de jardim", "m")],
    "en": [("sofa", ""), ("dining table", ""), ("wardrobe", ""), ("double bed", ""), ("bookcase", ""), ("armchair", ""), ("TV stand", ""),
           ("desk", ""), ("chest of drawers", ""), ("sideboard", ""), ("console table", ""), ("shoe cabinet", ""),
           ("china cabinet", ""), ("TV panel", ""), ("kitchen cupboard", ""), ("garden bench", "")],
}
PARTS = {"pt": ["porta esquerda", "perna dianteira", "lateral", "prateleira do meio", "gaveta de cima", "tampa", "travessa", "base"],
         "en": ["left door", "front leg", "side panel", "middle shelf", "top drawer", "lid", "crossbar", "base"]}
COLORS = {"pt": ["nogueira", "branco fosco", "cinza claro", "azul petróleo", "mel", "preto", "verde musgo", "caramelo"],
          "en": ["walnut", "matt white", "light grey", "teal", "honey", "black", "moss green", "caramel"]}
WEEKDAYS = {"pt": ["segunda", "terça", "quarta", "quinta", "sexta"], "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]}
MONTHS = {"pt": ["janeiro", "fevereiro", "março", "abril", "maio", "junho"],
          "en": ["January", "February", "March", "April", "May", "June"]}
COUPONS = ["JATOBA10", "CASA15", "BEMVINDO10", "LAR20", "SALA12"]
DDDS = [11, 19, 21, 27, 31, 41, 48, 51, 61, 62, 71, 81, 85, 91]


def plain(text: str) -> str:
    """Text without accents."""
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def person(rng: random.Random, lang: str) -> dict:
    """A made-up person: first and full name, gender, and whether the name is one of the rare ones."""
    if lang == "en" and rng.random() < 0.25:
        lang = "pt"  # Brazilians write in English too
    gender, rare, names = rng.choice("mf"), rng.random() < 0.11, NAMES[lang]
    first = rng.choice(names[("rare_" if rare else "") + gender])
    last = rng.choice(names["rare_last" if rare else "last"])
    if lang == "pt" and not rare and rng.random() < 0.35:
        middle = rng.choice([name for name in names["last"] if " " not in name and name not in last])
        last = f"{middle} {last}"
    return {"first": first, "full": f"{first} {last}", "gender": gender, "rare": rare}


def mod11(digits: list[int], weights: list[int]) -> int:
    """The check digit of CPF and CNPJ (Receita Federal: weighted sum modulo 11)."""
    rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def document(rng: random.Random, kind: str, *, broken: bool, bare: bool) -> str:
    """A CPF or CNPJ (digits only in the old sense); ``broken`` gives it a wrong last digit."""
    if kind == "CPF":
        digits = [rng.randint(0, 9) for _ in range(9)]
        weights, mask = [list(range(10, 1, -1)), list(range(11, 1, -1))], "{}{}{}.{}{}{}.{}{}{}-{}{}"
    else:
        digits = [rng.randint(0, 9) for _ in range(8)] + [0, 0, 0, 1]
        weights, mask = [[5, 4, 3, 2, *range(9, 1, -1)], [6, 5, 4, 3, 2, *range(9, 1, -1)]], "{}{}.{}{}{}.{}{}{}/{}{}{}{}-{}{}"
    for weight in weights:
        digits.append(mod11(digits, weight))
    if broken:
        digits[-1] = (digits[-1] + rng.randint(1, 9)) % 10
    return "".join(map(str, digits)) if bare else mask.format(*digits)


def card(rng: random.Random) -> str:
    """A card number that passes the Luhn check, on the prefixes that payment gateways use for tests."""
    prefix = rng.choice(["411111", "400000", "424242", "555555", "510510", "378282"])
    length = 15 if prefix == "378282" else 16
    digits = [int(char) for char in prefix] + [rng.randint(0, 9) for _ in range(length - 7)]
    total = sum(sum(divmod(2 * digit, 10)) if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits)))
    number = "".join(map(str, [*digits, -total % 10]))
    groups = [number[:4], number[4:10], number[10:]] if length == 15 else [number[at:at + 4] for at in range(0, 16, 4)]
    return rng.choice([" ", " ", "-", ""]).join(groups)


def phone(rng: random.Random, lang: str) -> str:
    """A phone as people type it. North American ones stay in the 555-01xx block kept for fiction."""
    if lang == "en" and rng.random() < 0.6:
        area, last = rng.choice([212, 305, 415, 617, 702, 816]), rng.randint(100, 199)
        return rng.choice(["+1 555 {a} 0{l}", "+1 ({a}) 555-0{l}", "+1 {a} 555 0{l}", "({a}) 555-0{l}"]).format(a=area, l=last)
    ddd, left, right = rng.choice(DDDS), rng.randint(90000, 99999), rng.randint(0, 9999)
    if rng.random() < 0.1:
        return f"({ddd}) {rng.randint(3000, 3999)}-{right:04d}"
    number = f"{ddd}{left}{right:04d}"
    if is_cpf(number):
        return f"({ddd}) {left}-{right:04d}"
    return rng.choice([f"({ddd}) {left}-{right:04d}", f"({ddd}) {left}-{right:04d}", f"+55 {ddd} {left}{right:04d}",
                       f"+55 ({ddd}) {left}-{right:04d}", number, f"{ddd} {left}-{right:04d}"])


def is_cpf(number: str) -> bool:
    """Whether eleven digits carry the right check digits."""
    digits = [int(char) for char in number]
    return digits[9] == mod11(digits[:9], list(range(10, 1, -1))) and digits[10] == mod11(digits[:10], list(range(11, 1, -1)))


def email(rng: random.Random, who: dict) -> str:
    """An address made from the person's name, at a domain that cannot exist."""
    words = plain(who["full"]).lower().replace("'", "").replace("-", "").split()
    first, last, number = words[0], words[-1], rng.randint(1, 99)
    local = rng.choice([f"{first}.{last}", f"{first[0]}{last}{number}", f"{first}_{last}", f"{last}.{first}{number}", f"{first}{number}"])
    return f"{local}@{rng.choice(MAIL_DOMAINS)}"


def ip(rng: random.Random) -> str:
    """An address of the documentation blocks (RFC 5737 and RFC 3849), one in four IPv6."""
    if rng.random() < 0.25:
        return f"2001:db8:{rng.randint(1, 0xffff):x}::{rng.randint(1, 0xffff):x}"
    return f"{rng.choice(['203.0.113', '198.51.100', '192.0.2'])}.{rng.randint(1, 254)}"


def price(rng: random.Random, lang: str) -> str:
    """A price in reais, written as the language does."""
    text = f"{rng.randint(89, 5400)}.{rng.choice([0, 50, 90, 99]):02d}"
    whole, cents = text.split(".")
    grouped = f"{int(whole):,}.{cents}"
    return "R$ " + (grouped if lang == "en" else grouped.translate(str.maketrans(",.", ".,")))


def date(rng: random.Random, lang: str, months: tuple[int, int]) -> str:
    """A day of 2026 between two months, in one of the usual forms."""
    day, month = rng.randint(1, 28), rng.randint(*months)
    name = MONTHS[lang][month - 1]
    if lang == "pt":
        return rng.choice([f"{day:02d}/{month:02d}/2026", f"{day:02d}/{month:02d}", f"{day} de {name}"])
    return rng.choice([f"{name} {day}", f"{day} {name} 2026", f"{name} {day}, 2026"])
