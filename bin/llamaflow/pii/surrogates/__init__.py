"""Values that take the place of personal ones: keyed, stable, of the same shape, and nobody's.

A surrogate depends on the key and the normalised value only, so it is the same in every document, shard and order.
It is drawn anew only where it would equal a value that its own record holds. What makes it nobody's: a wrong check
digit (CPF, CNPJ, card, CNS, PIS, voter id, CNH, RENAVAM, IBAN, court case), example.com (RFC 2606), documentation
addresses (RFC 5737, 3849, 7042), unassigned phone blocks (Brazil: subscribers that begin 9 0000 or 0000; North America:
555-01xx; elsewhere national numbers that begin 000), CEP and RG that begin 00, ZIP codes that begin 000 to 004, SSN of
area 000, plates with number 0000, UUIDs of version 0. Passports, licences, bank accounts, dates, ages, addresses, places
and organizations have no such block: theirs are drawn or moved.
Most numbers and names of machines carry a keyed mark, so a second pass with the same key knows them as its own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Collection

from ..checkdigits import is_cnpj, is_cpf, is_luhn
from ..spans import digits_of, fold
from ..wordlist import words
from .dates import Dates
from .documents import MARKED, Documents
from .keyed import derive_key, key_id
from .people import ATTEMPTS, People
from .phones import Phones, is_fictional_phone, national, phone_kind
from .places import Places

__all__ = ["Surrogates", "derive_key", "is_fictional_phone", "key_id", "normal"]

_DIGITS_ONLY = {"CPF": 11, "CREDIT_CARD": 0, "CNS": 15, "PIS": 11, "CNH": 11, "RENAVAM": 11, "CASE_NUMBER": 20, "SSN": 0}
_ALNUM = frozenset(words("CNPJ PLATE RG CEP IBAN PASSPORT DRIVER_LICENSE BANK_ACCOUNT MAC_ADDRESS"))
# Surrogates of these keep words of their form ("Rua", "Ltda"), as long as they are not words of a person of the record.
_WORDED = frozenset(["ADDRESS", "LOCATION", "ORGANIZATION"])
_CASED = frozenset(["SECRET"])


def normal(kind: str, value: str) -> str:
    """The form of a value under which all its spellings are one (used for surrogates, hashes and erasure)."""
    folded = fold(value)
    if kind in _DIGITS_ONLY:
        return digits_of(value).zfill(_DIGITS_ONLY[kind])
    if kind in _ALNUM:
        bare = "".join(char for char in folded.low if char.isalnum())
        return bare.zfill(14) if kind == "CNPJ" and bare.isdigit() else bare
    if kind == "VOTER_ID":
        return digits_of(value)[:12].zfill(12)
    if kind == "PHONE":
        return national(digits_of(value), "+" in value)
    if kind == "IP_ADDRESS":
        try:
            return str(ipaddress.ip_address(folded.low))
        except ValueError:
            return folded.low
    if kind in _CASED:
        return folded.plain
    if kind == "USERNAME":
        return folded.low.lstrip("@")
    return " ".join(folded.low.split())


_LONG_RUN = re.compile(r"[0-9]{11,19}")


def _is_somebodys(digits: str) -> bool:
    """Whether digits of a surrogate of any type, a phone's for one, happen to be a right CPF, CNPJ or card."""
    return is_cpf(digits) or is_cnpj(digits) or is_luhn(digits) and len(digits) in (15, 16)


class Surrogates(People, Places, Dates, Documents, Phones):
    """Surrogates under one key."""

    def digest(self, kind: str, value: str) -> str:
        """Keyed 64-bit hex hash of a value's normal form: for audit lines and for finding a person's records again."""
        text = f"value\0{kind}\0{normal(kind, value)}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=8).hexdigest()

    def replace(self, kind: str, value: str, avoid: Collection[str] = ()) -> str:
        """The surrogate of a structured value. avoid: folded lower-case values and name words that it must not hold.

        Raises RuntimeError when none can be drawn (the record then goes to quarantine).
        """
        make: Callable[..., str] = getattr(self, f"_{kind.lower()}")
        base, own = normal(kind, value), fold(value).low
        for attempt in range(ATTEMPTS):
            seed = base if not attempt else f"{base}\0{attempt}"
            made = make(value, seed, avoid) if kind in _WORDED else make(value, seed)
            low = fold(made).low
            new = low != own and low not in avoid and normal(kind, made) != base
            if new and not self._holds(low, avoid) and not any(map(_is_somebodys, _LONG_RUN.findall(made))):
                return made
        raise RuntimeError("no surrogate could be drawn")

    @staticmethod
    def _holds(low: str, avoid: Collection[str]) -> bool:
        return any(word in avoid for word in re.findall(r"[^\W\d_]{3,}", low)) if avoid else False

    def is_own(self, kind: str, value: str) -> bool:
        """Whether a value is a surrogate already, so that it stays as it is."""
        value = fold(value).plain
        if kind in MARKED:
            return self.is_own_document(kind, value)
        if kind in ("EMAIL", "URL", "USERNAME", "DOMAIN"):
            return self.is_own_name(kind, value)
        if kind == "PHONE":
            # Texts are full of 555-01xx numbers that others made up; those are drawn again like any other.
            return is_fictional_phone(value) and phone_kind(value) != "nanp"
        return self.is_own_secret(value) if kind == "SECRET" else self.is_own_block(kind, value)
