"""Commands that stay: wait, logs, events. A gateway that goes away meanwhile is waited for."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from . import sse
from .client import Client, httpx
from .commands import API, connect, run_path
from .exits import DONE, ENDED, FAILED, STILL_GOING, UNREACHABLE, Problem, code_of, say
from .exits import line as print_line

ENDS = (".completed", ".failed", ".canceled")  # of event types: behind these nothing comes but a resume
RECONNECT_S = 1.0


def wait(args: argparse.Namespace) -> int:
    """The run as the last line; the code tells what it came to."""
    end = None if args.timeout is None else time.monotonic() + args.timeout
    with connect(args) as client:
        run = client.call("GET", run_path(args.run))
        while run["state"] not in ENDED:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return say(run, STILL_GOING)
            time.sleep(args.interval if left is None else min(args.interval, left))
            client.retry_for_s = None if end is None else max(0.0, end - time.monotonic())
            try:
                run = client.call("GET", run_path(args.run))
            except Problem as problem:
                if end is None or problem.code != UNREACHABLE:
                    raise
                return say(run | {"error": problem.msg}, STILL_GOING)
    code = code_of(run)
    return say(run, code)


def logs(args: argparse.Namespace) -> int:
    """The log as it is written; --json: one line with the end of it."""
    path = f"{run_path(args.run)}/log"
    with connect(args) as client:
        part = client.call("GET", path, query={"stream": args.stream, "tail": args.tail})
        if args.json:
            return say({"run_id": args.run, "text": part["text"], "next_offset": part["next_offset"]})
        _write(part["text"])
        if args.follow:
            client.retry_for_s = None
            while not part["ended"]:
                if not part["text"]:
                    time.sleep(1.0)
                launch, offset = part["launch"], part["next_offset"]
                part = client.call("GET", path, query={"stream": args.stream, "offset": offset, **({"launch": launch} if launch else {})})
                if not part["text"]:  # a run that was lost or resumed goes on in a new log
                    newest = client.call("GET", path, query={"stream": args.stream, "offset": 0})
                    part = newest if newest["launch"] != launch else part
                _write(part["text"])
    return DONE


def events(args: argparse.Namespace) -> int:
    """CloudEvents, one a line. --cursor: the number of the last printed one is kept in a file, written behind the print: at least once."""
    after = max(args.after, _cursor(args.cursor))
    path = f"{run_path(args.run)}/events" if args.run else f"{API}/events"
    with connect(args) as client:
        if args.follow and args.run:
            client.call("GET", run_path(args.run))  # a wrong id, key or address is told and not tried for ever
        for event in _follow(client, path, after, bool(args.run)) if args.follow else _pages(client, path, after):
            print_line(event)
            _keep(args.cursor, event["number"])
    return DONE


def _pages(client: Client, path: str, after: int) -> Iterator[dict[str, Any]]:
    """All that there are now."""
    while found := client.call("GET", path, query={"after": after, "limit": 500}, headers={"Accept": "application/json"})["events"]:
        yield from found
        after = found[-1]["number"]


def _follow(client: Client, path: str, after: int, one_run: bool) -> Iterator[dict[str, Any]]:
    """All from now on, over as many connections as it takes: each begins behind the last event of the one before."""
    while True:
        try:
            with client.stream(path, {"after": after}, {"Accept": "text/event-stream", "Last-Event-ID": str(after)}) as lines:
                for part in sse.parse(lines):
                    try:
                        event = json.loads(part.data)
                    except ValueError:
                        raise Problem("the gateway sent an event that is no JSON", FAILED) from None
                    if not isinstance(event, dict) or event.get("number", 0) <= after:
                        continue
                    yield event
                    after = event["number"]
                    if one_run and event.get("type", "").endswith(ENDS):
                        return
        except httpx.TransportError:
            pass  # it went away, or is not there yet
        except Problem as problem:
            if problem.code != UNREACHABLE:
                raise
        time.sleep(RECONNECT_S)


def _cursor(path: str | None) -> int:
    if not path or not os.path.exists(path):
        return 0
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read().strip() or 0)
    except (OSError, ValueError) as error:
        raise Problem(f"--cursor {path}: {error}") from None


def _keep(path: str | None, number: int) -> None:
    if not path:
        return
    try:
        with open(f"{path}.part", "w", encoding="ascii") as file:
            file.write(f"{number}\n")
        os.replace(f"{path}.part", path)  # whole or not at all
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(f"{path}.part")
        raise Problem(f"--cursor {path}: {error.strerror}") from None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
