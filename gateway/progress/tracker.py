"""The facts of one launch, added up: progress by process, tasks that run, and what is left to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .log import Aborted, Cached, Ended, Fact, Goodbye, Native, Session, Submitted, WorkFolder, process_of, round_of


@dataclass
class Tracker:
    """Takes facts in the order of the log; the same log gives the same progress, however it is cut."""

    session_id: str | None = None
    work_folder: str | None = None
    said_goodbye: bool = False
    aborted_by: str | None = None  # a signal
    _names: dict[str, str] = field(default_factory=dict)  # by hash
    _outcome: dict[str, str] = field(default_factory=dict)  # by hash: running, done, failed, cached
    _jobs: dict[str, tuple[str, str]] = field(default_factory=dict)  # by hash: executor, job

    def add(self, fact: Fact | None) -> None:
        match fact:
            case Submitted(hash, name):
                self._names[hash] = name
                self._outcome.setdefault(hash, "running")  # its end may be logged before its start
            case Cached(hash, name):
                self._names[hash], self._outcome[hash] = name, "cached"
            case Ended(hash, name, code):
                self._names[hash], self._outcome[hash] = name, "done" if code == 0 else "failed"
            case Native(hash, executor, job):
                self._jobs[hash] = (executor.lower(), job)
            case Session(id):
                self.session_id = id
            case WorkFolder(path):
                self.work_folder = path
            case Aborted(signal):
                self.aborted_by = signal
            case Goodbye():
                self.said_goodbye = True

    @property
    def running(self) -> dict[str, str]:
        """Hash and full name of the tasks that run, oldest first."""
        return {hash: self._names[hash] for hash, outcome in self._outcome.items() if outcome == "running"}

    @property
    def jobs_left(self) -> dict[str, list[str]]:
        """Jobs by executor whose end Nextflow has not seen."""
        left: dict[str, list[str]] = {}
        for hash, (executor, job) in self._jobs.items():
            if self._outcome.get(hash, "running") == "running":
                left.setdefault(executor, []).append(job)
        return left

    def progress(self) -> dict[str, dict[str, Any]]:
        """By process in order of first sight: {"FINETUNE": {"done": 0, "running": 1, "failed": 0, "cached": 0, "rounds": {"1": {...}}}}.

        done includes cached ones; failed includes attempts that were tried again.
        """
        table: dict[str, dict[str, Any]] = {}
        for hash, outcome in self._outcome.items():
            name = self._names[hash]
            entry = table.setdefault(process_of(name), _counts())
            _count(entry, outcome)
            if number := round_of(name):
                _count(entry.setdefault("rounds", {}).setdefault(number, _counts()), outcome)
        return table


def _counts() -> dict[str, Any]:
    return {"done": 0, "running": 0, "failed": 0, "cached": 0}


def _count(entry: dict[str, Any], outcome: str) -> None:
    entry[outcome] += 1
    if outcome == "cached":
        entry["done"] += 1
