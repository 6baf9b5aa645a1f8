"""What bin/anonymize.py needs: peak memory over few and over many records, and what a second shard beside it costs."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from llamaflow.errors import BadInputError
from llamaflow.files import open_stream
from llamaflow.progress import Progress
from llamaflow.records import Message, Record

from . import chat
from .corpora import ROOT

POLICY = ROOT / "conf" / "anonymize" / "surrogate.yaml"
SHARD_RECORDS = 10_000


class Run(NamedTuple):
    """Wall-clock seconds and peak resident memory (MiB) of one process."""

    seconds: float
    mib: float


def write_shard(path: Path, count: int, first: int = 0) -> None:
    """Short conversations as canonical records; no two have the same e-mail address and number, so that nothing pays to be kept."""
    pairs = [
        (asked.text, answered.text)
        for turns in chat.conversations(500)
        for asked, answered in pairwise(turns)
        if (asked.role, answered.role) == ("c", "a")
    ]
    with open_stream(path, "w") as stream, Progress(f"writing {path.name}", count, "records") as progress:
        for number in range(first, first + count):
            asked, answered = pairs[number % len(pairs)]
            asked += f" Meu e-mail é pessoa{number}@exemplo.com.br, o telefone (11) 9{number % 10**8:08}."
            messages = [Message(role="user", content=asked), Message(role="assistant", content=answered)]
            record = Record(id=hashlib.sha256(str(number).encode()).hexdigest(), messages=messages, lang="pt", source="bench.jsonl")
            stream.write(record.model_dump_json() + "\n")
            progress.update()


def anonymize(shards: list[Path], key: Path) -> list[Run]:
    """Run the step over all shards at once, one process each. Raises BadInputError when one fails."""
    started, processes = time.perf_counter(), []
    for shard in shards:
        out = shard.with_suffix("")
        command = [sys.executable, str(ROOT / "bin" / "anonymize.py"), "--input", shard, "--policy", POLICY, "--key-file", key]
        command += ["--output", f"{out}.clean.zst", "--audit", f"{out}.audit.jsonl", "--quarantine", f"{out}.held.jsonl"]
        # What is let through is measured elsewhere; here the step must reach its end.
        command += ["--summary", f"{out}.json", "--max-quarantine-rate", "1", "--max-leak-rate", "1"]
        log = os.open(f"{out}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        processes.append(os.posix_spawn(sys.executable, [str(word) for word in command], os.environ, file_actions=actions))
        os.close(log)
    runs, failed = [], []
    for process, shard in zip(processes, shards, strict=True):
        _, status, usage = os.wait4(process, 0)
        # Linux counts in KiB, macOS in bytes.
        runs.append(Run(time.perf_counter() - started, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)))
        failed += [shard] if status else []
    for shard in failed:
        log = shard.with_suffix(".log").read_text(errors="replace")
        raise BadInputError("anonymize.py failed", where=shard.name, why=log[-400:], fix="run it by hand on a small shard")
    return runs


def memory(folder: Path, many: int, few: int = SHARD_RECORDS) -> dict[str, float]:
    """Peak memory over few and over many records, and the speed of the longer run."""
    key = write_key(folder)
    small, large = folder / "small.zst", folder / "large.zst"
    write_shard(small, few)
    write_shard(large, many)
    (short,), (long,) = anonymize([small], key), anonymize([large], key)
    return {
        "memory_mib": round(long.mib, 1),
        "memory_records": many,
        "memory_ratio": round(long.mib / short.mib, 3),
        "records_per_second": round(many / long.seconds, 1),
    }


def shards(folder: Path, rounds: int) -> float:
    """How much more two processes on two shards get done than one on one shard: 2 is no loss at all. Each side's best round."""
    key = write_key(folder)
    halves = [folder / "one.zst", folder / "two.zst"]
    for place, half in enumerate(halves):
        write_shard(half, SHARD_RECORDS, place * SHARD_RECORDS)
    alone = both = float("inf")
    for _ in range(rounds):
        alone = min(alone, anonymize(halves[:1], key)[0].seconds)
        both = min(both, max(run.seconds for run in anonymize(halves, key)))
    return 2 * alone / both


def write_key(folder: Path) -> Path:
    """A key of the benchmark's own: it protects nothing."""
    path = folder / "key.bin"
    path.write_bytes(bytes(range(64)))
    return path
