"""Values that take the place of personal ones: keyed, stable, of the same shape, and nobody's.

A surrogate depends on the key and the normalised value only, so it is the same in every document, shard and order.
It is drawn anew only where it would equal a value that its own record holds. What makes it nobody's: a wrong check
digit (CPF, CNPJ, card), example.com (RFC 2606), documentation addresses (RFC 5737, 3849), unassigned phone blocks
(Brazil: subscribers that begin 9 0000 or 0000; North America: 555-01xx; elsewhere national numbers that begin 000),
CEP and RG that begin 00, plates with number 0000, UUIDs of version 0.
E-mail, CPF, CNPJ, card, IPv6 and profile surrogates carry a keyed mark, so a second pass with the same key knows them as its own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import string
from collections.abc import Callable, Collection
from functools import cache

from .checkdigits import is_cnpj, is_cpf, is_luhn
from .lexicon import COMMON, FIRST, LAST, PLACE, lexicon, read_list
from .spans import digits_of, fold

_ATTEMPTS = 200
_PARTICLES = frozenset(read_list("particles"))
# Calling codes of two digits (ITU-T E.164); 1 and 7 have one, all others three.
_TWO_DIGIT_COUNTRIES = re.compile(r"2[07]|3[0-4]|36|39|4[0-135-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
# North American area codes of large cities.
_AREA_CODES = [202, 206, 212, 213, 214, 215, 216, 303, 305, 310, 312, 313, 314, 317, 404, 405, 408, 412, 414, 415]
_AREA_CODES += [502, 503, 504, 512, 602, 612, 614, 615, 617, 619, 702, 704, 713, 716, 718, 801, 804, 808, 901, 919]
_AREAS_BR = re.compile(r"1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9]")


def derive_key(secret: bytes) -> bytes:
    """64 bytes from a key of any length."""
    return hashlib.blake2b(secret, digest_size=64, person=b"llamaflow-pii").digest()


def key_id(secret: bytes) -> str:
    """Public fingerprint of a key: tells two keys apart, gives nothing away."""
    return hashlib.blake2b(b"key id", key=derive_key(secret), digest_size=8).hexdigest()


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


def normal(kind: str, value: str) -> str:
    """The form of a value under which all its spellings are one (used for surrogates, hashes and erasure)."""
    folded = fold(value)
    if kind in ("CPF", "CREDIT_CARD"):
        return digits_of(value)
    if kind in ("CNPJ", "PLATE", "RG", "CEP"):
        return "".join(char for char in folded.low if char.isalnum())
    if kind == "PHONE":
        return _national(digits_of(value), "+" in value)
    if kind == "IP_ADDRESS":
        try:
            return str(ipaddress.ip_address(folded.low))
        except ValueError:
            return folded.low
    return " ".join(folded.low.split())


def _national(digits: str, plus: bool) -> str:
    """A phone number without what differs between its spellings."""
    digits = digits.removeprefix("00") if not plus else digits
    if digits.startswith("55") and len(digits) in (12, 13):
        return digits[2:]
    if not plus and digits.startswith("0") and len(digits) in (11, 12, 13) and _AREAS_BR.match(digits, len(digits.lstrip("0")) and 1):
        return digits[1:]
    return digits[1:] if len(digits) == 11 and digits.startswith("1") and plus else digits


class Surrogates:
    """Surrogates under one key."""

    def __init__(self, secret: bytes):
        self._key = derive_key(secret)

    def number(self, domain: str, value: str, below: int) -> int:
        """A number in [0, below) that only key, domain and value decide."""
        raw = hashlib.blake2b(f"{domain}\0{value}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
        return int.from_bytes(raw) % below

    def digest(self, kind: str, value: str) -> str:
        """Keyed 64-bit hex hash of a value's normal form: for audit lines and for finding a person's records again."""
        text = f"value\0{kind}\0{normal(kind, value)}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=8).hexdigest()

    def mac(self, content: bytes) -> str:
        """Keyed 128-bit hex digest of a content."""
        return hashlib.blake2b(content, key=self._key, digest_size=16, person=b"seal").hexdigest()

    def replace(self, kind: str, value: str, avoid: Collection[str] = ()) -> str:
        """The surrogate of a structured value. avoid: folded lower-case values and name words that it must not hold.

        Raises RuntimeError when none can be drawn (the record then goes to quarantine).
        """
        make: Callable[[str, str], str] = getattr(self, f"_{kind.lower()}")
        base, own = normal(kind, value), fold(value).low
        for attempt in range(_ATTEMPTS):
            made = make(value, base if not attempt else f"{base}\0{attempt}")
            low = fold(made).low
            if low != own and low not in avoid and normal(kind, made) != base and not self._holds(low, avoid):
                return made
        raise RuntimeError("no surrogate could be drawn")

    @staticmethod
    def _holds(low: str, avoid: Collection[str]) -> bool:
        return any(word in avoid for word in re.findall(r"[^\W\d_]{3,}", low)) if avoid else False

    def is_own(self, kind: str, value: str) -> bool:
        """Whether a value is a surrogate already, so that it stays as it is."""
        value = fold(value).plain
        if kind in ("CPF", "CNPJ", "CREDIT_CARD"):
            bare = "".join(char for char in value if char.isalnum())
            return bare == self._marked(kind, bare, bare[: self._body(kind, bare)])
        if kind == "EMAIL":
            match = re.fullmatch(r"([a-z]+\.[a-z]+[0-9]{3})([0-9]{3})@example\.com", value)
            return bool(match) and int(match[2]) == self.number("EMAIL mark", match[1], 1000)
        if kind == "PHONE":
            # Texts are full of 555-01xx numbers that others made up; those are drawn again like any other.
            return is_fictional_phone(value) and _phone_head(value)[1] != "nanp"
        if kind == "IP_ADDRESS" and value.startswith("2001:db8:") and value.count(":") == 7:
            body = value.rsplit(":", 2)[0]
            return value == f"{body}:{self._mark6(body)}"
        if kind in ("CEP", "RG"):
            return digits_of(value).startswith("00")
        if kind == "PLATE":
            return bool(re.search(r"0[0a]00$", value.lower()))
        if kind == "PIX_KEY":
            return len(value) == 36 and value[14] == "0"
        if kind == "URL":
            match = re.fullmatch(r"(perfil[0-9]{6})([0-9]{4})", value)
            return bool(match) and int(match[2]) == self.number("URL mark", match[1], 10000)
        return False

    # ---- what carries a mark ------------------------------------------------------------------------------------

    @staticmethod
    def _body(kind: str, bare: str) -> int:
        """How many characters are drawn; the others are the mark. Fewer marks would let mistyped numbers pass as own."""
        return {"CPF": 7, "CNPJ": 8}.get(kind, len(bare) - 6)

    def _chars(self, domain: str, value: str, shape: str) -> str:
        """Characters of a shape: a digit for a digit, a letter of the same case for a letter."""
        made = []
        for place, char in enumerate(shape):
            alphabet = string.digits if char.isdigit() else string.ascii_uppercase if char.isupper() else string.ascii_lowercase
            made.append(alphabet[self.number(f"{domain} {place}", value, len(alphabet))])
        return "".join(made)

    def _marked(self, kind: str, shape: str, body: str) -> str:
        bare = body + self._chars(f"{kind} mark", body, shape[len(body) :])
        valid = {"CPF": is_cpf, "CNPJ": lambda number: is_cnpj(number.upper()), "CREDIT_CARD": is_luhn}[kind]
        while valid(bare) or len(set(bare)) == 1:
            bare = bare[:-1] + str((int(bare[-1]) + 1) % 10)
        return bare

    def _document(self, kind: str, value: str, seed: str) -> str:
        shape = "".join(char for char in fold(value).plain if char.isalnum())
        body = self._chars(kind, seed, shape[: self._body(kind, shape)])
        if kind == "CREDIT_CARD":
            body = shape[0] + body[1:]
        return _fill(value, self._marked(kind, shape, body))

    def _cpf(self, value: str, seed: str) -> str:
        return self._document("CPF", value, seed)

    def _cnpj(self, value: str, seed: str) -> str:
        return self._document("CNPJ", value, seed)

    def _credit_card(self, value: str, seed: str) -> str:
        return self._document("CREDIT_CARD", value, seed)

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

    # ---- what lies in a reserved block ----------------------------------------------------------------------------

    def _phone(self, value: str, seed: str) -> str:
        folded = fold(value).plain
        digits = digits_of(folded)
        head, size = _phone_head(folded)
        rest = len(digits) - len(head)
        if size == "br":
            block = "90000" if rest == 9 else "0000"
            tail = block + f"{self.number('PHONE br', seed, 10000):04d}"
        elif size == "nanp":
            area = str(_AREA_CODES[self.number("PHONE area", seed, len(_AREA_CODES))]) if rest >= 10 else ""
            tail = f"{area}55501{self.number('PHONE nanp', seed, 100):02d}"
            tail += "".join(str(self.number(f"PHONE extension {place}", seed, 10)) for place in range(rest - len(tail)))
        else:
            tail = "000" + "".join(str(self.number(f"PHONE {place}", seed, 10)) for place in range(rest - 3))
        return _fill(value, head + tail)

    def _ip_address(self, value: str, seed: str) -> str:
        if ":" in value:
            body = "2001:db8:" + ":".join(f"{self.number(f'IPv6 {group}', seed, 65535) + 1:x}" for group in range(4))
            return f"{body}:{self._mark6(body)}"
        net = ("192.0.2", "198.51.100", "203.0.113")[self.number("IPv4 net", seed, 3)]
        return f"{net}.{self.number('IPv4 host', seed, 254) + 1}"

    def _mark6(self, body: str) -> str:
        return ":".join(f"{self.number(f'IPv6 mark {group}', body, 65535) + 1:x}" for group in range(2))

    def _cep(self, value: str, seed: str) -> str:
        return _fill(value, "00" + "".join(str(self.number(f"CEP {place}", seed, 10)) for place in range(6)))

    def _rg(self, value: str, seed: str) -> str:
        return _fill(
            value, "00" + "".join(str(self.number(f"RG {place}", seed, 10)) for place in range(len(digits_of(value)) - 2)), letters=False
        )

    def _pix_key(self, value: str, seed: str) -> str:
        bare = f"{self.number('PIX', seed, 1 << 128):032x}"
        bare = bare[:12] + "0" + bare[13:]
        return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:]))

    def _plate(self, value: str, seed: str) -> str:
        shape = "".join(char for char in value if char.isalnum())
        letters = self._chars("PLATE", seed, shape[:3])
        fifth = "0" if shape[4].isdigit() else "A" if shape[4].isupper() else "a"
        return _fill(value, f"{letters}0{fifth}00")

    def _birth_date(self, value: str, seed: str) -> str:
        """Another day and month, and a year one to three away; the format stays."""
        day, month = str(self.number("DATE day", seed, 28) + 1), str(self.number("DATE month", seed, 12) + 1)
        shift = (-3, -2, -1, 1, 2, 3)[self.number("DATE year", seed, 6)]
        parts, small = re.split(r"([0-9]+)", value), [day, month]
        for place in range(1, len(parts), 2):
            old = parts[place]
            if len(old) == 4:
                parts[place] = str(int(old) + shift)
            elif small:
                parts[place] = small.pop(0).zfill(len(old)) if len(old) == 2 else small.pop(0)
            else:
                parts[place] = f"{(int(old) + shift) % 100:02d}"
        if parts[1:2] and len(parts[1]) == 4 and len(parts) > 5:
            # Year first: the month stands before the day.
            parts[3], parts[5] = month.zfill(len(parts[3])), day.zfill(len(parts[5]))
        return "".join(parts)

    # ---- names ------------------------------------------------------------------------------------------------------

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
        for attempt in range(_ATTEMPTS):
            name = names[self.number(f"PERSON {pool}", f"{seed}\0{attempt}" if attempt else seed, len(names))]
            if fold(name).low not in avoid:
                return name
        raise RuntimeError("no surrogate name could be drawn")


def _fill(value: str, bare: str, letters: bool = True) -> str:
    """Put characters into the shape of a value: its digits (and letters) are replaced in order, everything else stays."""
    source = iter(bare)
    return "".join(next(source, "0") if char.isdecimal() or letters and char.isalpha() and char.isascii() else char for char in value)


_NANP_SHAPE = re.compile(r"\(?[0-9]{3}\)?[ .\-]{1,2}[0-9]{3}[ .\-][0-9]{4}(?![0-9])")


def _phone_head(value: str) -> tuple[str, str]:
    """The digits of a phone number that stay (country and area), and its kind: br, nanp or other."""
    digits, plus = digits_of(value), "+" in value
    if _NANP_SHAPE.match(value):
        return "", "nanp"
    if plus or digits.startswith("00"):
        start = 2 if digits.startswith("00") else 0
        if digits.startswith("55", start) and len(digits) - start in (12, 13):
            return digits[: start + 4], "br"
        if digits.startswith("1", start) and len(digits) - start >= 11:
            return digits[: start + 1], "nanp"
        size = 1 if digits[start : start + 1] in "17" else 2 if _TWO_DIGIT_COUNTRIES.match(digits, start) else 3
        return digits[: start + size], "other"
    if digits.startswith("55") and len(digits) in (12, 13):
        return digits[:4], "br"
    trunk = 1 if digits.startswith("0") else 0
    size = len(digits) - trunk
    if size == 11 and digits[trunk + 2] == "9" or (size == 10 and trunk):
        return digits[: trunk + 2], "br"
    if size == 12 and trunk:
        return digits[:4], "br"
    if size == 11 and digits[0] == "1":
        return "1", "nanp"
    if size == 10:
        return (digits[:2], "br") if _AREAS_BR.match(digits) else ("", "nanp")
    if size in (8, 9):
        return digits[:trunk], "br"
    return ("", "nanp") if size == 7 else (digits[:trunk], "other")


def is_fictional_phone(value: str) -> bool:
    """Whether a phone number lies in a block that nobody has."""
    digits = digits_of(value)
    if re.search(r"(?:^|[0-9]{2})(?:90000|0000)[0-9]{4}$", digits) and len(digits) <= 14:
        return True
    if re.match(r"(?:00)?1?[2-9][0-9]{2}55501[0-9]{2}", digits) or re.fullmatch(r"55501[0-9]{2}", digits):
        return True
    head, kind = _phone_head(value)
    return kind == "other" and digits.startswith("000", len(head))
