#!/usr/bin/env python3
"""Run Nextflow and show what its tasks are doing inside: steps done, loss, tokens a second, time left.

    watch.py nextflow run . -profile demo

Nextflow itself only tells when a task starts and ends. Exit code and signals are those of Nextflow.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

SUBMITTED = re.compile(r"^\[(\w\w/\w{6})\] (?:Submitted|Re-submitted) process > (?:\w+:)*(\w+)(.*)")
TAIL = 4096  # bytes of a task's output that are looked at
PLAIN_SECONDS = 10  # between two lines about a task where there is no terminal


@dataclass
class Task:
    """A submitted task and the last thing that it told of itself."""

    name: str
    folder: Path
    started: float
    said: str = ""
    said_at: float = 0.0

    @property
    def running(self) -> bool:
        """False once Nextflow's wrapper wrote the exit code."""
        return not (self.folder / ".exitcode").exists()

    def progress(self) -> str:
        """Its newest progress line for people; empty before it says anything."""
        try:
            with (self.folder / ".command.out").open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
                lines = stream.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        for line in reversed(lines):
            try:
                if line.startswith('{"progress"'):
                    value = json.loads(line)
                    phase = value["progress"]
                    return describe(value) if self.name.lower().startswith(phase) else f"{phase}: {describe(value)}"
            except (ValueError, KeyError, TypeError):
                continue  # half a line, which the task is writing, or something else that looks like one
        return ""


def describe(value: dict) -> str:
    """A progress line in words: '12/24 step  loss 1.93  tokens_per_s 301  1:40 left'."""
    known = {"progress", "done", "total", "unit", "elapsed_s", "eta_s"}
    amount = f"{value['done']}/{value['total']}" if value.get("total") else f"{value['done']}"
    parts = [f"{amount} {value.get('unit', '')}".strip()]
    parts += [
        f"{name} {number:.4g}" if isinstance(number, float) else f"{name} {number}" for name, number in value.items() if name not in known
    ]
    if value.get("eta_s"):
        parts.append(f"{clock(value['eta_s'])} left")
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def follow(command: list[str], console: Console) -> int:
    """Run the command, pass its lines on and show its tasks; returns its exit code."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=os.environ | {"NXF_ANSI_LOG": "false"}
    )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
            signal.signal(number, lambda received, _frame: process.send_signal(received))
    tasks: list[Task] = []
    given = [value for name, value in zip(command, command[1:], strict=False) if name in ("-w", "-work-dir")]
    work = Path(given[-1] if given else os.environ.get("NXF_WORK") or "work")
    live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def read() -> None:
        for line in process.stdout:
            line = line.rstrip("\n")
            console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)
            if match := SUBMITTED.match(line):
                found = list(work.glob(f"{match[1]}*"))
                if found:
                    tasks.append(Task(match[2] + match[3], found[0], time.monotonic()))

    reader = threading.Thread(target=read, daemon=True)
    if live:
        live.start()
    try:
        reader.start()
        while reader.is_alive():
            reader.join(0.5)
            show([task for task in tasks if task.running], console, live)
    finally:
        if live:
            live.update(Text(""))
            live.stop()
    return process.wait()


def show(running: list[Task], console: Console, live: Live | None) -> None:
    """Draw the running tasks on a terminal, or print what is new at long intervals."""
    now = time.monotonic()
    if live:
        rows = [
            Text(
                f"  {clock(now - task.started)}  {task.name:28.28}  {task.progress() or 'starting'}",
                style="cyan",
                overflow="ellipsis",
                no_wrap=True,
            )
            for task in running
        ]
        live.update(Group(*rows))
        return
    for task in running:
        text = task.progress()
        if text and text != task.said and now - task.said_at >= PLAIN_SECONDS:
            task.said, task.said_at = text, now
            console.print(f"  … {task.name}: {text}", markup=False, emoji=False, highlight=False, soft_wrap=True)


def main(argv: list[str] | None = None) -> int:
    """Run what the arguments say."""
    command = sys.argv[1:] if argv is None else argv
    if not command or command[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if command else 2
    try:
        code = follow(command, Console())
    except (FileNotFoundError, PermissionError) as error:
        print(f"error: {command[0]} cannot be run\n  why: {error.strerror}", file=sys.stderr)
        return 127
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
