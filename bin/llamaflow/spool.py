"""More records than memory holds, in an order that does not depend on how they came: an external bucket sort on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from .records import Record

BUCKETS = 128


class Spool:
    """Records by the digest of their id. Use as a context manager; its files vanish with it.

    One bucket at a time is in memory: a 128th of the records, each as its JSON line.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> Spool:
        self._open = ExitStack()
        place = Path(self._open.enter_context(TemporaryDirectory(prefix=".spool-", dir=self._folder)))
        self._paths = [place / f"{number:03d}" for number in range(BUCKETS)]
        self._streams = [self._open.enter_context(path.open("w", encoding="utf-8", newline="\n")) for path in self._paths]
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def add(self, record: Record) -> None:
        """Take a record in."""
        key = hashlib.blake2b(record.id.encode("utf-8", "surrogatepass"), digest_size=8)
        line = record.model_dump_json()
        self._streams[key.digest()[0] % BUCKETS].write(f"{key.hexdigest()}\t{line}\n")

    def lines(self) -> Iterator[str]:
        """The JSON line of every record, in the same order each time and for every order of ``add``."""
        for stream in self._streams:
            stream.flush()
        for path in self._paths:
            with path.open(encoding="utf-8", newline="\n") as stream:
                for line in sorted(stream):
                    yield line.partition("\t")[2]
