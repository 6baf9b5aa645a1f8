"""Which files the user means: names, folders, globs and Hugging Face dataset ids, and what kind each is by its name."""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import BadInputError

Kind = Literal["json", "jsonl", "csv", "parquet", "text", "hugging face", ""]
KINDS: dict[str, Kind] = {
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv",
    ".parquet": "parquet", ".txt": "text", ".md": "text",
}  # fmt: skip
COMPRESSED = {".gz", ".zst"}
# In a folder these speak about the data and are not data; given by name they are read.
ABOUT = re.compile(r"(readme|license|licence|changelog)(\.\w+)?$", re.IGNORECASE)
HUB_ID = re.compile(r"hf:(?P<dataset>[\w.-]+(?:/[\w.-]+)?)(?::(?P<split>[\w.-]+))?$")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read. name: below the given folder, else the base name; kind: by suffix, '' when that says nothing."""

    name: str
    path: Path
    kind: Kind
    split: str = field(default="", compare=False)


def kind_of(name: str) -> Kind:
    """Kind by the suffix in front of .gz or .zst; '' when unknown."""
    path = Path(name.lower())
    if path.suffix in COMPRESSED:
        path = path.with_suffix("")
    return KINDS.get(path.suffix, "")


def discover(patterns: Iterable[str | os.PathLike[str]]) -> tuple[list[SourceFile], list[BadInputError], list[str]]:
    """Turn names, folders, globs and ``hf:owner/name[:split]`` into files.

    Returns the files sorted by name (the order in which they were given does not matter), what is wrong with the
    patterns, and sentences about files that were left out. Links are followed: Nextflow stages inputs as links.
    """
    files: list[SourceFile] = []
    problems: list[BadInputError] = []
    notes: list[str] = []
    for pattern in dict.fromkeys(str(pattern) for pattern in patterns):
        try:
            files += _expand(pattern, notes)
        except BadInputError as problem:
            problems.append(problem)
    unique: dict[str, SourceFile] = {}
    for file in sorted(files, key=lambda file: (file.name, str(file.path))):
        real = str(file.path) + ":" + file.split if file.kind == "hugging face" else os.path.realpath(file.path)
        if real not in unique:
            unique[real] = file
        elif unique[real] != file:
            notes.append(f"{file.name} is the same file as {unique[real].name}: read once")
    if not unique and not problems:
        problems.append(BadInputError("no input was given", fix="name at least one file, folder, glob or hf:owner/name"))
    return list(unique.values()), problems, notes


def _expand(pattern: str, notes: list[str]) -> list[SourceFile]:
    if pattern.startswith("hf:"):
        if not (match := HUB_ID.match(pattern)):
            raise BadInputError("not a Hugging Face dataset id", where=pattern, fix="write hf:owner/name or hf:owner/name:split")
        split = match["split"] or "train"
        return [SourceFile(f"hf:{match['dataset']}:{split}", Path(match["dataset"]), "hugging face", split)]
    path = Path(pattern)
    if os.path.lexists(path):
        found = [path]
    elif glob.has_magic(pattern):
        # '**' follows links, so one that leads back to a folder above comes many times over.
        real = {os.path.realpath(name): Path(name) for name in sorted(glob.glob(pattern, recursive=True), reverse=True) if not _loops(name)}
        found = sorted(real.values())
        # '**' names a folder and each file in it: the folder alone would bring every file twice.
        found = [path for path in found if not ("**" in pattern and path.is_dir())] or found
        if not found:
            raise BadInputError("no file matches", where=pattern, fix="check the pattern and the folder it starts from")
    else:
        raise BadInputError("no such file or folder", where=pattern, fix="check the name; a relative name starts at the launch folder")
    files: list[SourceFile] = []
    for path in found:
        if path.is_dir():
            files += _folder(path, notes)
        elif not path.exists():
            raise BadInputError("no such file", where=str(path), why="the link points to nothing", fix="restore the file it points to")
        elif not path.is_file():
            raise BadInputError("not a regular file", where=str(path), fix="name a file or a folder")
        else:
            files.append(SourceFile(path.name, path, kind_of(path.name)))
    return files


def _loops(name: str) -> bool:
    try:
        os.stat(name)
    except OSError as error:
        return error.errno in (errno.ELOOP, errno.ENAMETOOLONG)
    return False


def _folder(folder: Path, notes: list[str]) -> list[SourceFile]:
    files, skipped = [], 0
    for path in _walk(folder, set()):
        if ABOUT.match(path.name) or not (kind := kind_of(path.name)):
            skipped += 1
        else:
            files.append(SourceFile(path.relative_to(folder).as_posix(), path, kind))
    if skipped:
        notes.append(f"{folder.name}: {skipped} file(s) of other kinds skipped (a folder is searched for {', '.join(sorted(KINDS))})")
    if not files:
        raise BadInputError(
            "the folder holds no file that can be read", where=str(folder), why=f"{skipped} file(s) of other kinds were skipped",
            fix=f"put files ending in {', '.join(sorted(KINDS))} there, plain or with .gz or .zst behind",
        )  # fmt: skip
    return files


def _walk(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Files below a folder, sorted, hidden ones left out; a link back to a folder already seen ends there."""
    if (real := os.path.realpath(folder)) in seen:
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise BadInputError("cannot be opened", where=str(folder), why=str(error.strerror), fix="check the permissions") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, seen)
        elif entry.is_file() or entry.is_symlink():
            yield entry
