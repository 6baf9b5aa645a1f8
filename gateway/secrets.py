"""What must be readable again (webhook secrets, resume URLs) lies encrypted in the database: Fernet, the key from a setting or a file."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .settings import Settings


class UnreadableSecret(RuntimeError):
    """The database was written under another secret key."""


class SecretBox:
    """Encrypts and decrypts short texts. Several keys, comma-separated, may be given: the first encrypts, all decrypt (rotation)."""

    def __init__(self, keys: str):
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])

    @classmethod
    def of(cls, settings: Settings) -> SecretBox:
        """By LLAMAFLOW_SECRET_KEY, else by home/secret.key, which is made at the first start (mode 0600)."""
        if settings.secret_key:
            return cls(settings.secret_key.get_secret_value())
        return cls(_key_file(settings.home / "secret.key"))

    def seal(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise UnreadableSecret(
                "a secret in the database cannot be read: give LLAMAFLOW_SECRET_KEY the key it was written under"
            ) from None


def _key_file(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Written beside and linked: of two processes that start together one wins, and nobody reads half a key.
        new = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink(missing_ok=True)
    return path.read_text(encoding="ascii")
