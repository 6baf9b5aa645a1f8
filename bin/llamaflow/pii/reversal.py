"""The reversal map: which original stands behind a surrogate, readable by the holder of a private age identity alone.

A map is one age file (https://age-encryption.org/v1, X25519 recipients) around zstd around JSON lines: a line that
names the format, then ``{"record", "type", "surrogate", "original"}``. ``age -d -i IDENTITY MAP | zstd -d`` reads it as
well. Text in the clear is in memory only, a few buffers of it. Two maps of the same content differ: age draws its keys.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyrage
import zstandard

from llamaflow.errors import BadInputError

FORMAT = "llamaflow-reversal/1"
_RECIPIENT = re.compile(r"age1[0-9a-z]{58}")
_MAX_IDENTITY_BYTES = 65536


class Entry(NamedTuple):
    """One replacement: the (keyed) id of the record, the entity type, and both values as they stand in the texts."""

    record: str
    type: str
    surrogate: str
    original: str


def read_recipients(source: str | Iterable[str]) -> list[str]:
    """Public age recipients from ``age1…`` strings (several separated by commas) or files with one a line (# comments).

    Raises BadInputError for anything else, and where none is left.
    """
    found: list[str] = []
    for part in (piece.strip() for text in ([source] if isinstance(source, str) else source) for piece in text.split(",")):
        if part.startswith("age1"):
            found.append(_recipient(part, "--reversal_recipients"))
        elif part:
            try:
                lines = Path(part).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "not text"
                fix = "give age1… recipients or a file of them; make a pair with: age-keygen -o identity.txt"
                raise BadInputError("the recipients cannot be read", where=part, why=why, fix=fix) from None
            wanted = [(number, line.strip()) for number, line in enumerate(lines, 1)]
            found += [_recipient(line, f"{part}:{number}") for number, line in wanted if line and not line.startswith("#")]
    if not found:
        raise BadInputError("no recipient of the reversal map is named", fix="give at least one age1… to --reversal_recipients")
    return list(dict.fromkeys(found))


def _recipient(text: str, where: str) -> str:
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise BadInputError("a private identity stands where a public recipient belongs", where=where, fix="give its age1… line instead")
    try:
        if not _RECIPIENT.fullmatch(text):
            raise ValueError
        pyrage.x25519.Recipient.from_str(text)
    except (ValueError, pyrage.RecipientError):
        raise BadInputError(
            "not a public age recipient", where=where, why="an X25519 recipient is age1 and 58 characters", fix="copy it again"
        ) from None
    return text


def read_identities(path: Path | str) -> list[Any]:
    """Private identities of a file as age-keygen writes it. Raises BadInputError; never shows a line of the file."""
    try:
        with Path(path).open("rb") as stream:
            lines = stream.read(_MAX_IDENTITY_BYTES).decode("ascii", "replace").splitlines()
    except OSError as error:
        raise BadInputError("the identity file cannot be read", where=str(path), why=error.strerror or "") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(pyrage.x25519.Identity.from_str(line.strip()))
        except pyrage.IdentityError:
            raise BadInputError(
                "not an age identity", where=f"{path}:{number}", fix="the line begins AGE-SECRET-KEY-1; age-keygen writes such a file"
            ) from None
    if not found:
        raise BadInputError("the identity file holds no identity", where=str(path), fix="make one with: age-keygen -o identity.txt")
    return found


class MapWriter:
    """Context manager that writes a reversal map, mode 0600, under its name only once it is complete.

    recipients: as for ``read_recipients``. On an exception nothing is left. Raises OSError where the disk does.
    """

    def __init__(self, path: Path | str, recipients: str | Iterable[str]):
        self.path = Path(path)
        self._recipients = [pyrage.x25519.Recipient.from_str(text) for text in read_recipients(recipients)]
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._record, self._seen = "", set[tuple[str, str, str]]()

    def __enter__(self) -> MapWriter:
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        # age pulls its input: a pipe and a thread let it be pushed, with the pipe as the only buffer in between.
        self._pump = _Pump(lambda reader: pyrage.encrypt_io(reader, self._file, self._recipients))
        self._stream = zstandard.ZstdCompressor().stream_writer(self._pump.writer, closefd=False)
        self._write({"format": FORMAT})
        return self

    def add(self, record_id: str, type: str, surrogate: str, original: str) -> None:
        """Write one replacement; one that the same record has already is not written again."""
        if record_id != self._record:
            self._record, self._seen = record_id, set()
        if (key := (type, surrogate, original)) not in self._seen:
            self._seen.add(key)
            self._write(Entry(record_id, type, surrogate, original)._asdict())

    def _write(self, value: dict[str, str]) -> None:
        try:
            self._stream.write(json.dumps(value).encode() + b"\n")
        except BrokenPipeError:
            # The thread has ended before its input: its own error says why.
            self._pump.finish()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._stream.close()
            self._pump.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if kind is None:
                os.replace(self._partial, self.path)
        finally:
            with contextlib.suppress(OSError):
                self._pump.finish()
            with contextlib.suppress(OSError):
                self._file.close()
            self._partial.unlink(missing_ok=True)


class _Pump:
    """A pipe whose reading end a function empties in a thread of its own."""

    def __init__(self, drain: Callable[[IO[bytes]], None]):
        reading, writing = os.pipe()
        self._reader, self.writer = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
        self._error: BaseException | None = None
        self._drain = drain
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._reader:
                self._drain(self._reader)
        except BaseException as error:
            self._error = error

    def finish(self) -> None:
        """Close the writing end, wait for the thread, and raise what went wrong in it (once)."""
        with contextlib.suppress(BrokenPipeError):
            self.writer.close()
        self._thread.join()
        if self._error is not None:
            error, self._error = self._error, None
            raise error


def read_map(path: Path | str, identities: list[Any]) -> Iterator[Entry]:
    """Every replacement of a map. A cut or altered file raises at the latest at its end: take nothing for true before.

    Raises BadInputError for a file that is no map, is damaged, or is not for one of the identities.
    """
    where = str(path)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (closed by the thread that reads it)
    except OSError as error:
        raise BadInputError("the reversal map cannot be read", where=where, why=error.strerror or "") from None
    reading, writing = os.pipe()
    failure: list[Exception] = []

    def decrypt() -> None:
        try:
            with file, os.fdopen(writing, "wb") as out:
                pyrage.decrypt_io(file, out, identities)
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=decrypt, daemon=True)
    thread.start()
    problem: Exception | None = None
    try:
        with os.fdopen(reading, "rb") as source, zstandard.ZstdDecompressor().stream_reader(source) as plain:
            yield from _entries(plain, where)
            while source.read(1 << 16):
                pass
    except (zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        problem = error
    finally:
        thread.join()
    if failure:
        why = "no identity of the file is a recipient" if "No matching keys" in str(failure[0]) else "damaged, cut short or no map"
        raise BadInputError(
            "the reversal map cannot be decrypted", where=where, why=why, fix="name the right --identity, or copy the map again"
        )
    if problem:
        raise BadInputError("not a reversal map", where=where, why=f"decrypted, but not {FORMAT}", fix="name a file of OUTDIR/reversal")


def _entries(plain: Any, where: str) -> Iterator[Entry]:
    rest, number = b"", 0
    while chunk := plain.read(1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            value, number = json.loads(line), number + 1
            if number == 1:
                if value != {"format": FORMAT}:
                    raise ValueError
            else:
                yield Entry(value["record"], value["type"], value["surrogate"], value["original"])
    if rest or not number:
        raise ValueError
