"""One line of `.nextflow.log` at a time: what it says about the run and its tasks. Nextflow 24.10 to 26."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"^\w{3}-\d\d \d\d:\d\d:\d\d\.\d{3} \[")  # anything else goes on from the line before
_SESSION = re.compile(r"Session UUID: ([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\s*$")
_WORK = re.compile(r"Session - Work-dir: (.+?)(?: \[[^\]]*\])?\s*$")
_TASK = re.compile(r"\[(\w\w/\w{6})\] (Submitted|Re-submitted|Cached|Stored) process > (.+?)\s*$")
_ENDED = re.compile(r"Task completed > (?:\w+)\[(?:.*?)\bid: \w+; name: (.+?); status: (\w+); exit: (\S+); error: .*?\bworkDir: (\S+)")
_NATIVE = re.compile(r"\[(\w+)\] submitted process (.+?) > jobId: (\S+); workDir: (\S+)")
_ABORTED = re.compile(r"Session aborted -- Cause: (SIG\w+)\s*$")
_NAME = re.compile(r"^(?:\w+:)*(\w+)(?: \(.*\))?$", re.S)
_ROUND = re.compile(r"(?:^|:)ROUND_(\d+):")


@dataclass(frozen=True)
class Session:
    """Nextflow's session began: what -resume goes on with."""

    id: str


@dataclass(frozen=True)
class WorkFolder:
    """Where the tasks' folders lie."""

    path: str


@dataclass(frozen=True)
class Submitted:
    """A task runs, or waits in a cluster's queue. hash: the first letters of its folder, "13/607e20"."""

    hash: str
    name: str


@dataclass(frozen=True)
class Cached:
    """A task that need not run again."""

    hash: str
    name: str


@dataclass(frozen=True)
class Ended:
    """A task is over, well or not."""

    hash: str
    name: str
    exit: int | None  # None: Nextflow does not know


@dataclass(frozen=True)
class Native:
    """The job that a cluster's scheduler knows a task by."""

    hash: str
    executor: str  # SLURM, ...
    job: str


@dataclass(frozen=True)
class Aborted:
    """A signal told Nextflow to stop: SIGTERM, SIGINT or SIGHUP."""

    signal: str


@dataclass(frozen=True)
class Goodbye:
    """Nextflow ended by itself: its exit code is the pipeline's own."""


Fact = Session | WorkFolder | Submitted | Cached | Ended | Native | Aborted | Goodbye


def fact(line: str) -> Fact | None:
    """What a line says; None: nothing that matters here. Lines of stack traces and messages say nothing."""
    if not _HEAD.match(line):
        return None
    if match := _TASK.search(line):
        kind = Cached if match[2] in ("Cached", "Stored") else Submitted
        return kind(match[1], match[3])
    if match := _ENDED.search(line):
        code = match[3]
        return Ended(hash_of(match[4].rstrip("]")), match[1], int(code) if code.lstrip("-").isdigit() else None)
    if match := _NATIVE.search(line):
        return Native(hash_of(match[4]), match[1], match[3])
    if match := _SESSION.search(line):
        return Session(match[1])
    if match := _WORK.search(line):
        return WorkFolder(match[1])
    if match := _ABORTED.search(line):
        return Aborted(match[1])
    if "Execution complete -- Goodbye" in line:
        return Goodbye()
    return None


def hash_of(folder: str) -> str:
    """ "13/607e20" of ".../work/13/607e20c902452ce3c6ec002d36e159"."""
    parts = folder.rstrip("/").split("/")
    return "/".join([parts[-2], parts[-1][:6]]) if len(parts) > 1 else folder


def process_of(name: str) -> str:
    """ "FINETUNE" of "LLAMAFLOW:ROUNDS:ROUND_1:FINETUNE (test)"."""
    match = _NAME.match(name)
    return match[1] if match else name


def round_of(name: str) -> str | None:
    """ "1" of the same; None outside rounds."""
    match = _ROUND.search(name.split(" (")[0])
    return match[1] if match else None
