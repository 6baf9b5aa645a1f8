"""An end for work that does not end: by an alarm where Python still runs, by the parent process where it does not."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_GRACE = 10.0  # seconds beyond its limit after which a piece of work that no alarm ended is taken for hung
_CLOCK = struct.Struct("d")


class Overdue(BaseException):
    """A piece of work took too long. Not an Exception: what catches all of them inside of the work must not swallow it."""


class Deadline:
    """Limits pieces of work, one at a time, to ``seconds`` each (0: no limit). Only in the main thread of a process."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        # Shared with the process that a fork makes: until when the work at hand has to be done, 0 between two of them.
        self.shared = mmap.mmap(-1, _CLOCK.size)
        self._armed = False
        self._set(0.0)

    def _set(self, until: float) -> None:
        self.shared[:] = _CLOCK.pack(until)

    def _alarm(self, _signal: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise Overdue

    @contextmanager
    def limit(self) -> Iterator[None]:
        """Raises Overdue inside of the block when its time is up."""
        if not self.seconds:
            yield
            return
        signal.signal(signal.SIGALRM, self._alarm)
        self._armed = True
        self._set(time.monotonic() + self.seconds)
        signal.setitimer(signal.ITIMER_REAL, self.seconds)
        try:
            yield
        finally:
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._set(0.0)

    def hung(self) -> bool:
        """Whether the work at hand should have ended long ago."""
        until = _CLOCK.unpack(self.shared[:])[0]
        return until > 0 and time.monotonic() > until + _GRACE


def supervised(run: Callable[[], int], deadline: Deadline, hung: Callable[[int], int]) -> int:
    """Run in a child process that is killed when it hangs where no alarm reaches it (in C code).

    Returns the child's exit code, or what ``hung(pid of the child)`` returns after the kill. Call it before any thread starts.
    """
    if not deadline.seconds:
        return run()
    sys.stdout.flush()
    sys.stderr.flush()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        code = 1
        try:
            _end_with(parent)
            code = run()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    forward = lambda number, _frame: os.kill(child, number)  # noqa: E731
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child as well, which says what it has to say
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if deadline.hung():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return hung(child)
        time.sleep(0.05)


def _end_with(parent: int) -> None:
    """Let this process die with its parent, where the system can do that (Linux)."""
    import ctypes

    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)
