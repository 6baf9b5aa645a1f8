"""Being told to stop before the end: by a signal, or by a time limit that comes near.

What a task really gets to feel (Nextflow 24.10, its wrapper .command.run read and tried, on the local executor and on Slurm):

- The wrapper traps TERM, INT and USR2 and then sends TERM to every process below it: to this one, perhaps twice, and to the two
  ``tee`` that read its output. From then on each print fails with a broken pipe.
- It does not wait: its exit code (143, or 140 for USR2) is written at once, and the next attempt started 0.3 to 1 s later, while this
  one still finished its step. On Slurm what is left is killed then, where control groups track it. An afterScript runs before the
  wrapper ends: one that waits for this process gives it the time to write, except from the local executor's own time limit.
- Slurm sends USR2 to the batch shell 30 s before the limit, or up to 60 s earlier; TERM at the limit; KILL after KillWait.
- The local executor sends TERM at its time limit and leaves task.exitStatus unset: 2147483647, whatever the exit code.
- The wrapper ignores USR1 and so, by inheritance, does a task that installs no handler.

Hence: a flag and no work in the handler, output that outlives its reader, a stop of one's own before the limit, and checkpoints that
a second process waits for.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, Any

from ..errors import LlamaFlowError, silence

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT)
MARGIN_S = 120.0  # Slurm's warning: 30 s before the limit, up to 60 s earlier, and something for a slow disk


class Preempted(LlamaFlowError):
    """Training was stopped from outside and can go on from its checkpoint (exit code 143, which Nextflow tries again)."""

    exit_code = 128 + signal.SIGTERM

    def __init__(self, reason: str, step: int, checkpoint: Path | str | None):
        if checkpoint:
            fix = "start it again with the same values (Nextflow does): it goes on from there"
        else:
            fix = "give --checkpoints a folder with room, so that the next time it can go on from where it was"
        super().__init__(
            f"training was stopped after step {step}: {reason}",
            where=str(checkpoint or ""), why="" if checkpoint else "no checkpoint could be written", fix=fix,
        )  # fmt: skip


class Preemption:
    """Context manager in which SIGTERM, SIGUSR1, SIGUSR2 and a first SIGINT only set a flag; a second SIGINT does what it always did.

    time_limit_s: seconds that this task has got, 0 for no limit, counted from ``started`` (time.monotonic(); default: now).
    margin_s: how long before the limit all has to be done; default: a tenth of the limit, at most MARGIN_S.
    on_request: called once with the reason, in the signal handler: something short that does not raise.
    mark: a file that is there as long as this runs, for an afterScript to wait for (see above).
    Outside of the main thread, where Python allows no handlers, only the time limit counts.
    """

    def __init__(
        self, time_limit_s: float = 0.0, margin_s: float | None = None, started: float | None = None,
        on_request: Callable[[str], object] | None = None, mark: Path | None = None,
    ):  # fmt: skip
        self.requested = ""  # why to stop, for people; empty: go on
        self.time_limit_s = time_limit_s
        self.margin_s = min(MARGIN_S, time_limit_s / 10) if margin_s is None else margin_s
        self._started = time.monotonic() if started is None else started
        self._on_request, self._mark = on_request, mark
        self._old: dict[int, Any] = {}
        self._streams: tuple[IO[str], IO[str]] | None = None

    def __enter__(self) -> Preemption:
        if self._mark:
            self._mark.touch()
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                # A shell's background job is to ignore Ctrl-C; USR1 is taken although Nextflow's wrapper ignores it.
                if number != signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN:
                    self._old[number] = signal.signal(number, self._handle)
            self._streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = _Outliving(sys.stdout), _Outliving(sys.stderr)
        return self

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            signal.signal(number, self._old[number])
        self._request(f"signal {signal.Signals(number).name}")

    def _request(self, reason: str) -> None:
        if not self.requested:
            self.requested = reason
            if self._on_request:
                self._on_request(reason)

    def near_limit(self, step_seconds: float, checkpoint_seconds: float = 0.0) -> bool:
        """Whether another step, and a checkpoint after it, might not be done in time; then ``requested`` says so, too."""
        left = self.time_limit_s - (time.monotonic() - self._started)
        near = self.time_limit_s > 0 and left < step_seconds + checkpoint_seconds + self.margin_s
        if near:
            self._request(f"time limit of {self.time_limit_s:.0f} s")
        return near

    def __exit__(self, *_exception: object) -> None:
        if self._streams:
            sys.stdout.flush()
            sys.stdout, sys.stderr = self._streams
        for number, old in self._old.items():
            signal.signal(number, old)
        self._old.clear()
        if self._mark:
            self._mark.unlink(missing_ok=True)


class _Outliving:
    """A text stream whose reader may be killed first: from then on what is written goes nowhere, without an error."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
