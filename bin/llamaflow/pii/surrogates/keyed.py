"""What every kind of surrogate is drawn with: a key, a domain and the value."""

from __future__ import annotations

import hashlib
import string

from ..spans import fold


def derive_key(secret: bytes) -> bytes:
    """64 bytes from a key of any length."""
    return hashlib.blake2b(secret, digest_size=64, person=b"llamaflow-pii").digest()


def key_id(secret: bytes) -> str:
    """Public fingerprint of a key: tells two keys apart, gives nothing away."""
    return hashlib.blake2b(b"key id", key=derive_key(secret), digest_size=8).hexdigest()


class Keyed:
    """Draws under one key. Subclasses add a method ``_<type>(value, seed)`` for each type."""

    def __init__(self, secret: bytes):
        self._key = derive_key(secret)

    def number(self, domain: str, value: str, below: int) -> int:
        """A number in [0, below) that only key, domain and value decide."""
        raw = hashlib.blake2b(f"{domain}\0{value}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()
        return int.from_bytes(raw) % below

    def mac(self, content: bytes) -> str:
        """Keyed 128-bit hex digest of a content."""
        return hashlib.blake2b(content, key=self._key, digest_size=16, person=b"seal").hexdigest()

    def _digits(self, domain: str, value: str, count: int) -> str:
        return f"{self.number(domain, value, 10**count):0{count}d}" if count > 0 else ""

    def _pick(self, domain: str, value: str, pool: tuple[str, ...]) -> str:
        return pool[self.number(domain, value, len(pool))]

    def _chars(self, domain: str, value: str, shape: str) -> str:
        """Characters of a shape: a digit for a digit, a letter of the same case for a letter, any other as it is."""
        made = []
        for place, char in enumerate(shape):
            alphabet = (
                string.digits
                if char.isdigit()
                else string.ascii_uppercase
                if char.isupper()
                else string.ascii_lowercase
                if char.isalpha()
                else char
            )
            made.append(alphabet[self.number(f"{domain} {place}", value, len(alphabet))])
        return "".join(made)


def fill(value: str, bare: str, letters: bool = True) -> str:
    """Put characters into the shape of a value: its digits (and letters) are replaced in order, everything else stays."""
    source = iter(bare)
    return "".join(next(source, "0") if char.isdecimal() or letters and char.isalpha() and char.isascii() else char for char in value)


def bare_of(value: str) -> str:
    """The letters and digits of a value, folded, in their case."""
    return "".join(char for char in fold(value).plain if char.isalnum() and char.isascii())


def cased(old: str, new: str) -> str:
    """A word in the case of another."""
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new.lower() if old.islower() else new[:1].upper() + new[1:]
