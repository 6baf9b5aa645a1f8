"""Names of people, and the addresses and user names that are made of names."""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from functools import cache

from ..lexicon import COMMON, FIRST, LAST, PLACE, lexicon, read_list
from ..spans import fold
from .keyed import Keyed

ATTEMPTS = 200
_PARTICLES = frozenset(read_list("particles"))
# Host names that RFC 2606 keeps for examples.
EXAMPLE = re.compile(r"(?:[a-z]+://)?(?:[a-z0-9\-]+\.)*example\.(?:com|org|net)(?:[:/?#]|$)", re.I)


@cache
def _pools() -> dict[str, tuple[str, ...]]:
    """Names to draw from, as written: only ones that no ordinary word or place shares."""
    flags = lexicon().flags

    def usable(name: str, *lists: str) -> tuple[str, ...]:
        return tuple(
            n
            for n in lists_of[name]
            if len(n) > 3 and n.isalpha() and not flags[fold(n).low] & (COMMON | PLACE) and fold(n).low not in taken(*lists)
        )

    lists_of = {name: read_list(name) for name in ("first_pt_f", "first_pt_m", "first_en_f", "first_en_m", "surnames_pt", "surnames_en")}

    def taken(*lists: str) -> set[str]:
        return {fold(n).low for other in lists for n in lists_of[other]}

    return {
        "pt_f": usable("first_pt_f", "first_pt_m"),
        "pt_m": usable("first_pt_m", "first_pt_f"),
        "en_f": usable("first_en_f", "first_en_m"),
        "en_m": usable("first_en_m", "first_en_f"),
        "pt_last": usable("surnames_pt"),
        "en_last": usable("surnames_en"),
    }


@cache
def _homes() -> dict[str, set[str]]:
    return {
        name: {fold(n).low for n in read_list(name)}
        for name in ("first_pt_f", "first_pt_m", "first_en_f", "first_en_m", "surnames_pt", "surnames_en")
    }


class People(Keyed):
    """Surrogate persons, e-mail addresses, profiles, user names and domains."""

    def person(self, words: list[str], lang: str, avoid: Collection[str]) -> list[str]:
        """Surrogate words for the (folded, lower-case) words of a full name; particles stay. avoid: words not to be drawn."""
        flags, homes = lexicon().flags, _homes()
        whole = " ".join(words)
        real = [place for place, word in enumerate(words) if word not in _PARTICLES and len(word) > 1]
        english = self._english(words, lang, homes)
        made = list(words)
        for order, place in enumerate(real):
            word = words[place]
            known = flags.get(word, 0)
            given = (
                order == 0
                and (len(real) > 1 or bool(known & FIRST) or not known & LAST)
                or (order and order < len(real) - 1 and bool(known & FIRST) and not known & LAST)
            )
            pool = ("en_" if english else "pt_") + (self._gender(words[real[0]], homes) if given else "last")
            made[place] = self._draw(pool, f"{whole}\0{order}", {*avoid, *words, *(fold(one).low for one in made)})
        for place, word in enumerate(words):
            if len(word) == 1 and word not in _PARTICLES:
                made[place] = string.ascii_uppercase[
                    (string.ascii_lowercase.find(word) + 1 + self.number("INITIAL", f"{whole}\0{place}", 25)) % 26
                ]
        return made

    @staticmethod
    def _english(words: list[str], lang: str, homes: dict[str, set[str]]) -> bool:
        english = sum(word in homes[name] for word in words for name in ("first_en_f", "first_en_m", "surnames_en"))
        portuguese = sum(word in homes[name] for word in words for name in ("first_pt_f", "first_pt_m", "surnames_pt"))
        return lang == "en" if english == portuguese else english > portuguese

    def _gender(self, first: str, homes: dict[str, set[str]]) -> str:
        female = first in homes["first_pt_f"] or first in homes["first_en_f"]
        male = first in homes["first_pt_m"] or first in homes["first_en_m"]
        if female != male:
            return "f" if female else "m"
        # In no list: Portuguese names in -a are women's; for the others the key decides.
        return "f" if first.endswith("a") or self.number("GENDER", first, 2) and not first.endswith("o") else "m"

    def _draw(self, pool: str, seed: str, avoid: Collection[str]) -> str:
        names = _pools()[pool]
        for attempt in range(ATTEMPTS):
            name = names[self.number(f"PERSON {pool}", f"{seed}\0{attempt}" if attempt else seed, len(names))]
            if fold(name).low not in avoid:
                return name
        raise RuntimeError("no surrogate name could be drawn")

    # ---- made of names ------------------------------------------------------------------------------------------------

    def _email(self, value: str, seed: str) -> str:
        pools = _pools()
        first = pools["pt_f"] + pools["pt_m"]
        names = (
            first[self.number("EMAIL first", seed, len(first))],
            pools["pt_last"][self.number("EMAIL last", seed, len(pools["pt_last"]))],
        )
        local = ".".join(fold(name).low for name in names) + f"{self.number('EMAIL number', seed, 1000):03d}"
        return f"{local}{self.number('EMAIL mark', local, 1000):03d}@example.com"

    def _url(self, value: str, seed: str) -> str:
        local = f"perfil{self.number('URL', seed, 10**6):06d}"
        return f"{local}{self.number('URL mark', local, 10000):04d}"

    def _username(self, value: str, seed: str) -> str:
        pools = _pools()
        name = fold(self._pick("USERNAME first", seed, pools["pt_f"] + pools["pt_m"])).low
        local = f"{name}{self._digits('USERNAME number', seed, 3)}"
        return ("@" if value.startswith("@") else "") + local + self._digits("USERNAME mark", local, 3)

    def _domain(self, value: str, seed: str) -> str:
        """Another host below example.com under the same scheme; the path says too much and goes."""
        scheme = re.match(r"[A-Za-z]+://", value)
        return f"{scheme[0] if scheme else ''}site{self._digits('DOMAIN', seed, 5)}.example.com"

    def is_own_name(self, kind: str, value: str) -> bool:
        """Whether a value of these types carries this key's mark (DOMAIN: is below an example domain)."""
        if kind == "EMAIL":
            match = re.fullmatch(r"([a-z]+\.[a-z]+[0-9]{3})([0-9]{3})@example\.com", value)
            return bool(match) and match[2] == self._digits("EMAIL mark", match[1], 3)
        if kind == "URL":
            match = re.fullmatch(r"(perfil[0-9]{6})([0-9]{4})", value)
            return bool(match) and match[2] == self._digits("URL mark", match[1], 4)
        if kind == "USERNAME":
            match = re.fullmatch(r"@?([a-z]+[0-9]{3})([0-9]{3})", value)
            return bool(match) and match[2] == self._digits("USERNAME mark", match[1], 3)
        return EXAMPLE.match(value) is not None
