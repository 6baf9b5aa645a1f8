"""Processes of this machine: told apart for good, and found by the run they belong to."""

from __future__ import annotations

import contextlib
import os
import signal as signals
from pathlib import Path

import psutil

RUN, LAUNCH = "LLAMAFLOW_RUN_ID", "LLAMAFLOW_LAUNCH"  # in the environment of all that a launch starts


def boot_id() -> str:
    """Changes with each start of the machine; "-" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "-"


def start_time(pid: int) -> str | None:
    """In ticks since the machine started, the same for the process's whole life; None: no such process, or one that is only a zombie.

    Where there is no /proc it is "-": then the mark in the environment has to do.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    with contextlib.suppress(psutil.Error):
        return "-" if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else None
    return None


def is_same(pid: int, start: str, boot: str) -> bool:
    """Is the process that had this id then still there? An id that went to another process is not it."""
    return boot == boot_id() and start_time(pid) == start


def members(run_id: str, launch: int, session: int | None) -> list[psutil.Process]:
    """Processes of a run's launches up to this one: marked by their environment, or in the session of its wrapper. Never this process."""
    found = []
    for pid in psutil.pids():
        if pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError, ValueError):
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if session and os.getsid(pid) == session:
                found.append(process)
                continue
            environment = process.environ()
            if environment.get(RUN) == run_id and int(environment.get(LAUNCH, "0")) <= launch:
                found.append(process)
    return found


def send(processes: list[psutil.Process], signal: int) -> None:
    """psutil checks that an id has not gone to another process meanwhile."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signals.Signals(signal))


class Meter:
    """CPU and memory of a process and all its descendants, from one call to the next."""

    def __init__(self) -> None:
        self._seen: dict[int, dict[tuple[int, float], float]] = {}  # by root: CPU seconds by process
        self._at: dict[int, float] = {}

    def read(self, pid: int, clock: float) -> dict[str, float | int]:
        """clock: monotonic seconds. cpu_percent (100: one core) is since the last call, so it is missing at the first."""
        seconds: dict[tuple[int, float], float] = {}
        memory = 0
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error), process.oneshot():
                    times = process.cpu_times()
                    seconds[process.pid, process.create_time()] = times.user + times.system
                    memory += process.memory_info().rss
        usage: dict[str, float | int] = {"rss_bytes": memory, "processes": len(seconds)}
        if pid in self._seen and clock > self._at[pid]:
            before = self._seen[pid]
            used = sum(value - before.get(process, 0.0) for process, value in seconds.items())
            usage["cpu_percent"] = round(100 * max(0.0, used) / (clock - self._at[pid]), 1)
        self._seen[pid], self._at[pid] = seconds, clock
        return usage

    def forget(self, pid: int) -> None:
        self._seen.pop(pid, None)
        self._at.pop(pid, None)
