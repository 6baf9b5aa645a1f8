"""Nextflow as a process of this machine: in a session of its own, so that it outlives worker and gateway."""

from __future__ import annotations

import contextlib
import os
import signal as signals
import subprocess
import time
from pathlib import Path
from typing import Any

from .base import WRAPPER, Launch, LauncherError, Look, Phase, claim_file, declare_void, last_activity, read_exit_code
from .processes import Meter, boot_id, is_same, members, send, start_time

ELSEWHERE_S = 900


class LocalLauncher:
    """Handle: kind, host, pid (of the wrapper, which is its session's id), start (ticks), boot (id)."""

    kind = "local"

    def __init__(self) -> None:
        self.host = os.uname().nodename  # as the wrapper writes it
        self._children: dict[int, subprocess.Popen] = {}  # started here: their ends have to be collected
        self._meter = Meter()

    def start(self, launch: Launch) -> dict[str, Any]:
        command = ["/bin/sh", str(WRAPPER), str(launch.folder), str(launch.number), *launch.command]
        try:
            claim_file(launch.folder, launch.number).parent.mkdir(parents=True, exist_ok=True)
            child = subprocess.Popen(
                command, cwd=launch.folder, env=launch.environment, start_new_session=True, close_fds=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise LauncherError(f"Nextflow's process could not be started: {error.strerror}") from error
        self._children[child.pid] = child
        return {"kind": self.kind, "host": self.host, "pid": child.pid, "start": start_time(child.pid) or "-", "boot": boot_id()}

    def find(self, run_id: str, folder: Path, number: int) -> dict[str, Any] | None:
        if declare_void(folder, number):
            return None
        pid, start, boot, host = claim_file(folder, number).read_text("ascii").split()
        return {"kind": self.kind, "host": host, "pid": int(pid), "start": start, "boot": boot}

    def look(self, handle: dict[str, Any], folder: Path, number: int) -> Look:
        self._collect()
        here = handle["host"] == self.host
        alive = here and is_same(handle["pid"], handle["start"], handle["boot"])
        code = read_exit_code(folder, number)  # read after the process was looked at: its last act is to write it
        if code is not None:
            return Look(Phase.ENDED, code)
        if alive:
            return Look(Phase.RUNNING)
        # Of another machine we see only the files. Nextflow's log grows at least every five minutes.
        quiet = time.time() - (last_activity(folder, number) or 0) > ELSEWHERE_S
        return Look(Phase.GONE if here or quiet else Phase.UNKNOWN)

    def stop(self, handle: dict[str, Any]) -> bool:
        if handle["host"] == self.host and is_same(handle["pid"], handle["start"], handle["boot"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(handle["pid"], signals.SIGTERM)  # the wrapper passes it on
        return handle["host"] == self.host

    def clear(self, handle: dict[str, Any], run_id: str, number: int, force: bool | None) -> int:
        if handle["host"] != self.host:
            return 0
        self._collect()
        # A session's id is not given out again while one of it lives; after that only to a process that started later.
        ours = handle["boot"] == boot_id() and start_time(handle["pid"]) in (None, handle["start"])
        found = members(run_id, number, handle["pid"] if ours else None)
        if force is not None:
            send(found, signals.SIGKILL if force else signals.SIGTERM)
        return len(found)

    def usage(self, handle: dict[str, Any]) -> dict[str, Any]:
        return self._meter.read(handle["pid"], time.monotonic()) if handle["host"] == self.host else {}

    def _collect(self) -> None:
        for pid, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[pid]
                self._meter.forget(pid)
