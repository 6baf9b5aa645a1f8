"""Exit codes, and the one JSON line that a command ends with."""

from __future__ import annotations

import json
import sys
from typing import Any

DONE = 0
FAILED = 1  # anything else: the gateway's own errors
BAD_INPUT = 2
FAILED_CLOSED = 3  # the pipeline stopped to protect somebody's data
NOT_ALLOWED = 4  # no key, an unknown one, or one without the scope
UNREACHABLE = 5  # no gateway, or one that is not ready: try again later
# What a run came to: of `wait`, and of `watch` with a run
REJECTED, NEEDS_REVIEW, DRIFT = 10, 11, 12
RUN_FAILED, RUN_LOST, RUN_CANCELED = 20, 21, 22
STILL_GOING = 30  # --timeout came first
INTERRUPTED = 130

VERDICTS = {"rejected": REJECTED, "needs_review": NEEDS_REVIEW, "drift": DRIFT}
STATES = {"EXECUTOR_ERROR": RUN_FAILED, "SYSTEM_ERROR": RUN_LOST, "CANCELED": RUN_CANCELED}
ENDED = frozenset({"COMPLETE", *STATES})


class Problem(Exception):
    """Something that a person can act on. code: exit code; status_code: of HTTP, where there was an answer."""

    def __init__(self, msg: str, code: int = BAD_INPUT, status_code: int | None = None):
        super().__init__(msg)
        self.msg, self.code, self.status_code = msg, code, status_code


def code_of(run: dict[str, Any]) -> int:
    """The exit code that tells what an ended run came to."""
    state = run["state"]
    if state == "COMPLETE":
        return VERDICTS.get(run.get("verdict") or "", DONE)
    if state == "EXECUTOR_ERROR" and run.get("exit_code") == FAILED_CLOSED:
        return FAILED_CLOSED
    return STATES.get(state, STILL_GOING)


def say(answer: dict[str, Any], code: int = DONE) -> int:
    """Print the line: `ok` and `exit` first, so that n8n can branch on them whatever the command was."""
    line({"ok": code == DONE, "exit": code} | answer)
    return code


def line(value: dict[str, Any]) -> None:
    """One JSON object on one line of standard output, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")
    sys.stdout.flush()


def told(problem: Problem) -> int:
    """A problem as the JSON line, and in words on standard error."""
    print(f"llamaflow: {problem.msg}", file=sys.stderr)
    return say({"error": {"msg": problem.msg, "status_code": problem.status_code}}, problem.code)
