"""Folders of numbered shards that appear only once they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .files import open_stream, whole_file


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears under its name only once it is complete."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    partial.mkdir(parents=True)
    try:
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class ShardWriter:
    """Writes lines into shard-00000.jsonl.zst, … of at most ``size`` lines each."""

    def __init__(self, folder: Path, size: int):
        self.folder, self.size, self.shards, self._room = folder, size, 0, 0
        self._open = ExitStack()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.__exit__(*exception)  # type: ignore[arg-type]

    def write(self, line: str) -> None:
        """Append one line, given with its end."""
        if not self._room:
            self._open.close()
            self._stream = self._open.enter_context(whole_file(self.folder / f"shard-{self.shards:05d}.jsonl.zst"))
            self.shards, self._room = self.shards + 1, self.size
        self._stream.write(line)
        self._room -= 1


def write_without(folder: Path, size: int, left_out: set[int]) -> int:
    """Write the shards of a folder anew without the lines of these numbers (from 0, over all shards); returns how many shards."""
    old = sorted(folder.glob("shard-*.jsonl.zst"))
    number = 0
    with whole_folder(folder / "again") as again, ShardWriter(again, size) as writer:
        for path in old:
            with open_stream(path) as stream:
                for line in stream:
                    if number not in left_out:
                        writer.write(line)
                    number += 1
            path.unlink()
    for path in (folder / "again").iterdir():
        path.rename(folder / path.name)
    (folder / "again").rmdir()
    return writer.shards
