"""What a launcher is to the worker, and the files in a launch folder that all launchers share."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

WRAPPER = Path(__file__).with_name("launch.sh")
VOID = "void"  # what a worker writes in place of a process


class LauncherError(Exception):
    """It could not be started or asked; the message is for people. Worth another try."""


class Phase(StrEnum):
    RUNNING = "running"
    ENDED = "ended"  # with an exit code
    GONE = "gone"  # without one
    UNKNOWN = "unknown"  # it is somewhere that cannot be asked now


@dataclass(frozen=True)
class Look:
    """What became of a launch."""

    phase: Phase
    exit_code: int | None = None


@dataclass(frozen=True)
class Launch:
    """One start of a run's Nextflow. number: counts the launches of the run from 1."""

    run_id: str
    folder: Path
    number: int
    command: list[str]
    environment: dict[str, str]


class Launcher(Protocol):
    """Handles are small JSON objects that another worker can use after this one's end. No call waits long."""

    kind: str

    def start(self, launch: Launch) -> dict[str, Any]:
        """Begin it, detached; returns its handle. Raises LauncherError."""

    def find(self, run_id: str, folder: Path, number: int) -> dict[str, Any] | None:
        """The handle of a launch whose worker died before it could note it. None: it did not begin, and from now on never will."""

    def look(self, handle: dict[str, Any], folder: Path, number: int) -> Look:
        """How it is. Raises nothing: what cannot be asked is UNKNOWN."""

    def stop(self, handle: dict[str, Any]) -> bool:
        """Ask Nextflow to end (TERM): it cancels its tasks on every executor by itself. False: it could not be asked now."""

    def clear(self, handle: dict[str, Any], run_id: str, number: int, force: bool | None) -> int:
        """How much of this launch and earlier ones is still there (wrapper, Nextflow, tasks of this machine).

        It gets TERM (force: False), KILL (True) or is only counted (None).
        """

    def usage(self, handle: dict[str, Any]) -> dict[str, Any]:
        """cpu_percent, rss_bytes, processes, as far as it can know them."""


def launch_folder(folder: Path, number: int) -> Path:
    """What one launch writes: nextflow.log, console.log, trace.txt, exit_code, started."""
    return folder / "launches" / str(number)


def claim_file(folder: Path, number: int) -> Path:
    return launch_folder(folder, number) / "started"


def declare_void(folder: Path, number: int) -> bool:
    """See to it that a launch never begins. False: it has begun already."""
    target = claim_file(folder, number)
    target.parent.mkdir(parents=True, exist_ok=True)
    mine = target.with_name(f"void.{os.getpid()}.{os.urandom(4).hex()}")
    mine.write_text(VOID + "\n", encoding="ascii")
    try:
        os.link(mine, target)  # whole or not at all, like the wrapper's
        return True
    except FileExistsError:
        return target.read_text("ascii").strip() == VOID
    finally:
        mine.unlink(missing_ok=True)


def read_exit_code(folder: Path, number: int) -> int | None:
    """What the wrapper wrote; None while it runs, and for what a crash of the machine left of the file."""
    with contextlib.suppress(OSError, ValueError):
        return int((launch_folder(folder, number) / "exit_code").read_text("ascii"))
    return None


def last_activity(folder: Path, number: int) -> float | None:
    """When a launch last wrote anything (Unix time); None: it has written nothing yet."""
    times = []
    for name in ("started", "nextflow.log", "console.log", "trace.txt"):
        with contextlib.suppress(OSError):
            times.append((launch_folder(folder, number) / name).stat().st_mtime)
    return max(times, default=None)
