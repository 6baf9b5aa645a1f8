"""Errors that a person can act on, and the exit codes of every step.

0 done, 1 anything unexpected, 2 bad input, 3 failed closed (privacy), 143 stopped from outside and worth another try.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import IO


class LlamaFlowError(Exception):
    """An error to be shown as it is, without a stack trace.

    what: one sentence; where: ``file`` or ``file:line``; why: the cause as found; fix: what to do about it.
    None of them may hold text of a record: they end in logs.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", fix: str = ""):
        self.what, self.where, self.why, self.fix = what, where, why, fix
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"error: {self.what}"]
        lines += [f"  {name}: {text}" for name, text in (("at", self.where), ("why", self.why), ("fix", self.fix)) if text]
        return "\n".join(lines)


class BadInputError(LlamaFlowError):
    """The user's input, parameter or environment has to change first (exit code 2)."""

    exit_code = 2


class ManyProblems(BadInputError):
    """Several problems reported at once, so that one run shows them all (exit code 2)."""

    def __init__(self, problems: list[LlamaFlowError]):
        self.problems = problems
        super().__init__(f"{len(problems)} problems found")

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class PrivacyError(LlamaFlowError):
    """Personal data might have passed: nothing goes on (exit code 3)."""

    exit_code = 3


def run_step(main: Callable[[], object], *, private: bool = False) -> int:
    """Run a step's main and turn what happens into its exit code.

    private: the step handles raw records, whose text may sit in an exception's message or in source lines
    shown by a trace; then only exception types and code positions are printed.
    """
    try:
        main()
        return 0
    except LlamaFlowError as error:
        try:
            print(error, file=sys.stderr, flush=True)
        except BrokenPipeError:  # what read this task's output was killed with it: the exit code still has to tell
            silence(sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if not private:
            print(f"error: {error.strerror or type(error).__name__}\n  at: {error.filename or 'this step'}", file=sys.stderr)
            traceback.print_exc()
            return 1
        # A record's text may have been taken for a path, and strerror be a library's words: only what is known to be neither.
        print(f"error: {os.strerror(error.errno) if error.errno else type(error).__name__}", file=sys.stderr)
        if str(error.filename) in sys.argv[1:]:
            print(f"  at: {error.filename}", file=sys.stderr)
        _print_positions(error)
        return 1
    except Exception as error:
        if not private:
            raise
        print(f"error: unexpected {type(error).__name__} (message withheld: it may hold personal data)", file=sys.stderr)
        _print_positions(error)
        return 1


def silence(stream: IO[str]) -> None:
    """Let a stream whose reader is gone lead nowhere: else the interpreter fails on it again at its end, with exit code 120."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()  # what is still in its buffer


def _print_positions(error: Exception) -> None:
    for frame in traceback.extract_tb(error.__traceback__):
        print(f"  at: {frame.filename}:{frame.lineno} in {frame.name}", file=sys.stderr)
