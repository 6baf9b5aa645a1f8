"""From the command line to the command."""

from __future__ import annotations

import os
import sys

from .exits import DONE, FAILED, INTERRUPTED, Problem, told

HELPS = ("-h", "--help")


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit code (always 0 with --always-zero or LLAMAFLOW_ALWAYS_ZERO=1)."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in ("serve", "worker"):
        from gateway import serve

        return (serve.serve if argv[0] == "serve" else serve.work)(argv[1:])
    always_zero = "--always-zero" in argv or os.environ.get("LLAMAFLOW_ALWAYS_ZERO", "") not in ("", "0", "false")
    try:
        code = _run(argv)
    except Problem as problem:
        code = told(problem)
    except BrokenPipeError:  # the reader has enough: `llamaflow events | head`
        sys.stdout = None  # type: ignore[assignment]  # or Python complains when it flushes at its end
        return DONE
    except Exception as error:  # a bug: whoever reads the line is told all the same
        import traceback

        traceback.print_exc()
        code = told(Problem(f"{type(error).__name__}: {error}", FAILED))
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE if always_zero else code


def _run(argv: list[str]) -> int:
    from .arguments import parser

    args = parser().parse_args(argv)
    if args.command == "watch":
        from . import watch as commands
    elif args.command in ("wait", "logs", "events"):
        from . import follow as commands
    else:
        from . import commands
    return getattr(commands, args.command)(args)
