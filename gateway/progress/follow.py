"""A growing text file, read piece by piece."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

PIECE = 4 * 1024 * 1024  # bytes of one read: a log of gigabytes does not fill the memory
LONGEST = 1024 * 1024  # bytes of a line without end that is given up


class Follower:
    """Whole lines of a file that may not exist yet, may be rotated away, cut off, or end in half a line.

    A file that is rotated is read to its end first: its descriptor stays open. Broken UTF-8 is replaced, never an error.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def read(self) -> list[str]:
        """The lines that are new since the last call; half a line waits for its other half."""
        if self._file is None and not self._open():
            return []
        lines = self._lines()
        if not lines and self._replaced():  # only when the old one gives nothing more
            if self._rest:
                lines.append(self._rest.decode("utf-8", "replace"))
            self.close()
            if self._open():
                lines += self._lines()
        return lines

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _open(self) -> bool:
        with contextlib.suppress(OSError):
            self._file = self.path.open("rb", buffering=0)
            return True
        return False

    def _replaced(self) -> bool:
        try:
            there, ours = os.stat(self.path), os.fstat(self._file.fileno())
        except OSError:
            return False
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or ours.st_size < self._file.tell()

    def _lines(self) -> list[str]:
        try:
            self._rest += self._file.read(PIECE) or b""
        except OSError:  # a network file system that is away for a while
            return []
        *whole, self._rest = self._rest.split(b"\n")
        if len(self._rest) > LONGEST:
            self._rest = b""
        return [line.rstrip(b"\r").decode("utf-8", "replace") for line in whole]


def tail(path: Path, limit: int) -> str:
    """The last ``limit`` bytes of a file as text; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
