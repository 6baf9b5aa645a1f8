"""The command line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from .exits import Problem

EPILOG = """\
environment:
  LLAMAFLOW_URL             the gateway, default http://127.0.0.1:8000
  LLAMAFLOW_API_KEY         the key, or LLAMAFLOW_API_KEY_FILE: a file that holds it
  SSL_CERT_FILE             the authority of the gateway's certificate, where it is your own

exit codes:
  0 done   1 error of the gateway   2 bad input   4 key refused   5 gateway not reached
  wait, watch RUN: 0 accepted or without drift, 10 rejected, 11 needs review, 12 drift, 3 stopped to protect data,
  20 failed, 21 lost, 22 canceled, 30 still going at --timeout

n8n's Execute Command throws the output away when the exit code is not 0: give --always-zero and branch on "ok" and "exit"."""


class Parser(argparse.ArgumentParser):
    """Raises Problem instead of leaving by itself, so that bad input is a JSON line, too."""

    def error(self, message: str) -> NoReturn:
        raise Problem(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """All subcommands; each sets `command`."""
    common = Parser(add_help=False)
    common.add_argument("--always-zero", action="store_true", help='end with 0 whatever happens; the code is in "exit" (for n8n)')
    common.add_argument("--url", default="", help="of the gateway; default: LLAMAFLOW_URL")
    common.add_argument(
        "--retry-for", type=_seconds, default=30.0, metavar="S", help="seconds to go on trying while the gateway is away (30)"
    )

    main = Parser(prog="llamaflow", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    main.description = "Start LlamaFlow runs, and never lose sight of them."
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", parents=[common])

    _submit(command("submit", "start a run; prints its id"))

    status = command("status", "tell a run's state and verdict, or list runs")
    status.add_argument("run", nargs="?")
    status.add_argument("--state", action="append", default=[], help="list only these; may be repeated")
    status.add_argument("--verdict", help="list only these")
    status.add_argument("--tag", action="append", default=[], metavar="K=V", help="list only these; may be repeated")
    status.add_argument("--limit", type=int, default=20, help="longest list (20)")

    watch = command("watch", "show a run, or all that are going, until you leave it")
    watch.add_argument("run", nargs="?")
    watch.add_argument("--interval", type=_seconds, default=2.0, metavar="S", help="seconds between looks (2)")

    wait = command("wait", "wait until a run has ended; the exit code tells its verdict")
    wait.add_argument("run")
    wait.add_argument("--timeout", type=_seconds, metavar="S", help="give up after so many seconds (code 30); default: never")
    wait.add_argument("--interval", type=_seconds, default=2.0, metavar="S", help="seconds between looks (2)")

    logs = command("logs", "print a run's log")
    logs.add_argument("run")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    logs.add_argument("--stream", choices=("console", "nextflow"), default="console", help="what Nextflow prints, or its own .nextflow.log")
    logs.add_argument("--tail", type=int, default=200, metavar="N", help="last lines to begin with (200)")
    logs.add_argument("--json", action="store_true", help="one JSON line with the text in it")

    events = command("events", "print events as JSON lines, one CloudEvent each")
    events.add_argument("run", nargs="?", help="default: all runs that the key may see")
    events.add_argument("--after", type=int, default=0, metavar="NUMBER", help="go on behind this event's number")
    events.add_argument("--cursor", metavar="FILE", help="go on where the last call with this file stopped")
    events.add_argument("-f", "--follow", action="store_true", help="wait for new ones; of a run: until it has ended")

    for name, text in (
        ("cancel", "stop a run cleanly"),
        ("resume", "go on with a run that failed or was canceled, from its last finished step"),
        ("retry", "start a run's request again as a new run"),
    ):
        command(name, text).add_argument("run")

    _keys(commands, common)
    for name, text in (("serve", "the gateway itself"), ("worker", "a worker without HTTP, beside other gateways")):
        commands.add_parser(name, help=text, add_help=False)  # their options are gateway/serve.py's
    return main


def _submit(submit: argparse.ArgumentParser) -> None:
    submit.add_argument(
        "--request", metavar="FILE", help="the whole request as JSON; other options go over what is in it; - reads standard input"
    )
    submit.add_argument(
        "--param", "-p", action="append", default=[], metavar="NAME=VALUE", help="a pipeline parameter; numbers, true and false are JSON"
    )
    submit.add_argument("--params-file", metavar="FILE", help="parameters as JSON or YAML; - reads JSON from standard input")
    submit.add_argument("--profile", default="", help="Nextflow profiles, comma-separated, of those the gateway allows")
    submit.add_argument("--stub", action="store_true", help="stubs instead of steps: the whole flow in seconds, without a model")
    submit.add_argument("--priority", choices=("interactive", "normal", "batch"), help="normal where nothing is said")
    submit.add_argument("--tag", action="append", default=[], metavar="K=V", help="to find it again; may be repeated")
    submit.add_argument("--workflow-url", metavar="URL", help="of those the gateway allows (llamaflow)")
    submit.add_argument("--resume-url", metavar="URL", help="n8n's $execution.resumeUrl, called when the run has ended")
    submit.add_argument("--idempotency-key", metavar="K", help="submits with the same key start one run; default: a new one for each call")


def _keys(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    keys = commands.add_parser("keys", help="API keys", description="API keys.")
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=Parser)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, parents=[common])

    action("me", "whose key this is, and what it may do")
    action("list", "all keys, without their secrets")
    create = action("create", "make a key; its secret is shown this once")
    create.add_argument("--name", required=True)
    create.add_argument(
        "--scope", action="append", required=True, help="runs:read, runs:write, models:promote, datasets or admin; may be repeated"
    )
    create.add_argument("--days", type=float, metavar="N", help="good for so many days; default: without end")
    action("rotate", "make a key's successor; the old one stays good for a while").add_argument("key")
    action("revoke", "end a key at once").add_argument("key")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError("seconds are 0 or more")
    return value
