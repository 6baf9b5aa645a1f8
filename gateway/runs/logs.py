"""Logs of a run, by name: callers never give a path."""

from __future__ import annotations

import asyncio
import codecs
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

STREAMS = {"console": "console.log", "nextflow": "nextflow.log"}  # what Nextflow printed; what it logged
LARGEST = 1_048_576  # bytes of one piece
MOST_LINES = 10_000
FOLLOWED_S = 900  # a follower comes again after that, with its key
POLL_S = 0.5


@dataclass(frozen=True)
class Piece:
    """Bytes offset..next_offset of a log of size bytes, as text; always whole characters. launch: whose log it is, 0 for none."""

    launch: int
    text: str
    offset: int
    next_offset: int
    size: int


def newest(folder: Path) -> int:
    """Number of the newest launch; 0 before the first."""
    try:
        return max((int(one.name) for one in os.scandir(folder / "launches") if one.name.isdecimal()), default=0)
    except OSError:
        return 0


def read(folder: Path, stream: str, offset: int, launch: int | None = None) -> Piece:
    """From a byte on, at most LARGEST bytes, of the newest launch or another one."""
    launch = newest(folder) if launch is None else launch
    file = _open(folder, stream, launch)
    if file is None:
        return Piece(launch, "", 0, 0, 0)
    with file:
        size = os.fstat(file.fileno()).st_size
        start = min(offset, size)
        file.seek(start)
        data = _whole(file.read(LARGEST))
    return Piece(launch, data.decode("utf-8", "replace"), start, start + len(data), size)


def tail(folder: Path, stream: str, lines: int, launch: int | None = None) -> Piece:
    """The last lines, of at most LARGEST bytes."""
    launch = newest(folder) if launch is None else launch
    file = _open(folder, stream, launch)
    if file is None:
        return Piece(launch, "", 0, 0, 0)
    with file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - LARGEST)
        file.seek(start)
        data = file.read(LARGEST)
    if start:  # begins within a line
        cut = data.find(b"\n") + 1
        start, data = start + cut, data[cut:]
    kept = b"".join(data.splitlines(keepends=True)[-min(lines, MOST_LINES) :] if lines else [])
    return Piece(launch, kept.decode("utf-8", "replace"), start + len(data) - len(kept), start + len(data), size)


async def follow(folder: Path, stream: str, lines: int, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The last lines and what comes after, a new launch from its start; until the run has ended (asked in a thread), or for FOLLOWED_S."""
    until = time.monotonic() + FOLLOWED_S
    piece = await run_in_threadpool(tail, folder, stream, lines)
    while True:
        if piece.text:
            yield piece.text.encode()
        over = await run_in_threadpool(ended)  # asked first: what was written before the end is still read
        if piece.text == "":
            await asyncio.sleep(POLL_S)
        before, launch = piece, await run_in_threadpool(newest, folder)
        piece = await run_in_threadpool(read, folder, stream, before.next_offset, before.launch)
        if not piece.text and launch != before.launch:
            piece = await run_in_threadpool(read, folder, stream, 0, launch)
        elif not piece.text and (over or time.monotonic() > until):
            return


def _open(folder: Path, stream: str, launch: int) -> BinaryIO | None:
    """A regular file, never a link: what runs in that folder is not to choose what is shown."""
    try:
        descriptor = os.open(folder / "launches" / str(launch) / STREAMS[stream], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")


def _whole(data: bytes) -> bytes:
    """Without the character that its writer, or our limit, cut in two."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return data[: len(data) - len(decoder.getstate()[0])]
