"""`llamaflow watch`: a live table on a terminal, a line for each change where there is none."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import Any

from .client import Client
from .commands import API, connect, run_path
from .exits import DONE, ENDED, UNREACHABLE, Problem, code_of

GOING = ["QUEUED", "INITIALIZING", "RUNNING", "PREEMPTED", "CANCELING"]
STYLES = {
    "COMPLETE": "green", "RUNNING": "cyan", "INITIALIZING": "cyan", "CANCELING": "yellow", "PREEMPTED": "yellow", "QUEUED": "dim",
    "EXECUTOR_ERROR": "red", "SYSTEM_ERROR": "red", "CANCELED": "yellow", "accepted": "bold green", "no_drift": "bold green",
    "rejected": "bold red", "needs_review": "bold yellow", "drift": "bold yellow",
}  # fmt: skip
Row = tuple[str, ...]


def watch(args: argparse.Namespace) -> int:
    """Of one run: until it has ended, with the code that tells what it came to. Of all: until it is left (Ctrl-C)."""
    with connect(args) as client:
        found = look(client, args.run)  # a wrong id or key is told before the screen changes
        client.retry_for_s = 0
        return (_live if sys.stdout.isatty() else _plain)(client, args, found)


def look(client: Client, run: str | None) -> dict[str, Any]:
    """{"runs": [...]}: the one, or those that are going."""
    if run:
        return {"runs": [client.call("GET", run_path(run))]}
    return client.call("GET", f"{API}/runs", query={"state": GOING, "page_size": 50})


def again(client: Client, run: str | None, before: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The next look, or the one before and why there is none: a gateway that is away for a while is no reason to leave."""
    try:
        return look(client, run), ""
    except Problem as problem:
        if problem.code != UNREACHABLE:
            raise
        return before, problem.msg


def _ended(found: dict[str, Any], run: str | None) -> bool:
    return bool(run) and found["runs"][0]["state"] in ENDED


def _plain(client: Client, args: argparse.Namespace, found: dict[str, Any]) -> int:
    """Only what has changed since the last look."""
    said: dict[str, str] = {}
    while True:
        for run in found["runs"]:
            text = "  ".join(part for part in summary(run) if part)
            if said.get(run["run_id"]) != text:
                said[run["run_id"]] = text
                print(text, flush=True)
        if _ended(found, args.run):
            return code_of(found["runs"][0])
        time.sleep(args.interval)
        found, away = again(client, args.run, found)
        if away != said.get("") and away:
            print(f"{away}; trying on", flush=True)
        said[""] = away


def _live(client: Client, args: argparse.Namespace, found: dict[str, Any]) -> int:
    from rich.console import Console
    from rich.live import Live

    try:
        with Live(table(found["runs"], bool(args.run)), console=Console(), auto_refresh=False) as live:
            while not _ended(found, args.run):
                time.sleep(args.interval)
                found, away = again(client, args.run, found)
                live.update(table(found["runs"], bool(args.run), away), refresh=True)
    except KeyboardInterrupt:
        return DONE
    return code_of(found["runs"][0])


def summary(run: dict[str, Any]) -> Row:
    """One line about a run: id, state, verdict, what runs now, how far, how long."""
    running = [name for name, count in (run.get("progress") or {}).items() if count.get("running")]
    done, total = _steps(run)
    percent = run.get("percent")
    return (
        run["run_id"],
        run["state"],
        run.get("verdict") or "",
        ", ".join(running),
        f"{done}/{total} tasks" + (f" {percent:.0f}%" if percent is not None else "") if total else "",
        "silent" if run.get("silent_since") and run["state"] not in ENDED else "",
        (run.get("error") or "").strip().split("\n")[0][:200] if run["state"] in ENDED else "",
    )


def table(runs: list[dict[str, Any]], steps: bool, away: str = "") -> Any:
    """rich's table: the runs, or the steps of the one; away: why it is not of now."""
    from rich.console import Group
    from rich.text import Text

    drawn = _table(runs, steps)
    return Group(drawn, Text(f"{away}; trying on", "yellow")) if away else drawn


def _table(runs: list[dict[str, Any]], steps: bool) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, header_style="dim", pad_edge=False)
    if steps:
        run = runs[0]
        head = Text.assemble(
            (run["run_id"], "bold"), "  ", (run["state"], STYLES.get(run["state"], "")), "  ",
            (run.get("verdict") or "", STYLES.get(run.get("verdict") or "", "")), "  ", (elapsed(run), "dim"),
        )  # fmt: skip
        for name in ("step", "done", "running", "failed", ""):
            grid.add_column(name, justify="left" if name in ("step", "") else "right", no_wrap=True)
        for name, count in (run.get("progress") or {}).items():
            grid.add_row(
                name, *(str(count.get(kind) or "") for kind in ("done", "running", "failed")), detail(count), style=_row_style(count)
            )
        reason = (run.get("outputs") or {}).get("reason") or run.get("error") or ""
        return Group(head, grid, Text(str(reason))) if reason else Group(head, grid)
    for name in ("run", "state", "now", "tasks", "for", ""):
        grid.add_column(name, no_wrap=True)
    for run in runs:
        done, total = _steps(run)
        line = summary(run)
        grid.add_row(
            run["run_id"],
            Text(run["state"], STYLES.get(run["state"], "")),
            line[3],
            f"{done}/{total}" if total else "",
            elapsed(run),
            line[5],
        )
    return grid if runs else Text("no run is waiting or going", "dim")


def detail(count: dict[str, Any]) -> str:
    """What the running task says of itself: '12/24 step, loss 1.93'."""
    told = count.get("detail") or {}
    if not count.get("running") or not told:
        return ""
    amount = f"{told.get('done', '')}/{told['total']}" if told.get("total") else f"{told.get('done', '')}"
    loss = f", loss {told['loss']:.3g}" if isinstance(told.get("loss"), int | float) else ""
    return f"{amount} {told.get('unit', '')}".strip() + loss


def elapsed(run: dict[str, Any]) -> str:
    """Hours, minutes and seconds since the start, or from start to end."""
    start = run.get("started_at") or run.get("queued_at")
    if not start:
        return ""
    end = datetime.fromisoformat(run["ended_at"]) if run.get("ended_at") else datetime.now(UTC)
    seconds = max(0, int((end - datetime.fromisoformat(start)).total_seconds()))
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _steps(run: dict[str, Any]) -> tuple[int, int]:
    counts = (run.get("progress") or {}).values()
    done = sum(count.get("done", 0) for count in counts)
    return done, sum(max(count.get("total") or 0, sum(count.get(kind, 0) for kind in ("done", "running", "failed"))) for count in counts)


def _row_style(count: dict[str, Any]) -> str:
    return "red" if count.get("failed") and not count.get("done") else "cyan" if count.get("running") else ""
