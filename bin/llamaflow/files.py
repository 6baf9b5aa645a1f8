"""Files that are either whole or absent, content digests, and JSON lines plain or compressed."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import zstandard


@contextlib.contextmanager
def whole_file(path: Path | str, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only once it is complete.

    A name ending in .gz or .zst is compressed. Raises OSError as open() does; on any exception nothing is left.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open_stream(partial, mode, suffix=path.suffix) as stream:
            yield stream
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def open_stream(path: Path | str, mode: str = "r", suffix: str | None = None) -> IO[Any]:
    """Open a file, text as UTF-8, through gzip or zstd when its suffix says so."""
    path, binary = Path(path), mode.replace("t", "") + "b" if "b" not in mode else mode
    suffix = path.suffix if suffix is None else suffix
    if suffix == ".gz":
        # A fixed time stamp and no name: the same content gives the same bytes.
        file = path.open(binary)
        raw: IO[Any] = gzip.GzipFile(filename="", fileobj=file, mode=binary, mtime=0)
        raw.myfileobj = file  # closed with it: left to the garbage collector, a full disk would go unnoticed
    elif suffix == ".zst":
        raw = zstandard.open(path, binary)
    else:
        raw = path.open(binary)
    return raw if "b" in mode else io.TextIOWrapper(raw, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any) -> None:
    """Write a value (plain or a pydantic model) as indented JSON, whole or not at all."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    with whole_file(path) as stream:
        json.dump(value, stream, ensure_ascii=False, indent=2)
        stream.write("\n")


def read_jsonl(path: Path | str) -> Iterator[Any]:
    """Yield the values of a JSONL file that this pipeline wrote (.zst and .gz by suffix)."""
    with open_stream(path) as stream:
        for line in stream:
            yield json.loads(line)


def write_jsonl(path: Path | str, values: Iterable[Any]) -> int:
    """Write values (plain or pydantic models) one a line; returns how many."""
    count = 0
    with whole_file(path) as stream:
        for value in values:
            text = value.model_dump_json() if hasattr(value, "model_dump_json") else json.dumps(value, ensure_ascii=False)
            stream.write(text + "\n")
            count += 1
    return count


def sha256_file(path: Path | str) -> str:
    """Hex SHA-256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_folder(folder: Path | str) -> str:
    """Hex SHA-256 over the relative names and contents of all files below a folder."""
    folder, digest = Path(folder), hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()
