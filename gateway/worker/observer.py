"""One launch as its files tell it: read piece by piece, added up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..launchers.base import launch_folder
from ..progress.console import error_sentences
from ..progress.detail import newest_detail
from ..progress.follow import Follower, tail
from ..progress.log import fact, process_of
from ..progress.tracker import Tracker

CONSOLE_TAIL = 65_536  # bytes that hold the closing sentences
MOST_DETAILS = 8  # running tasks that are asked how far they are


class Observer:
    """Follows nextflow.log of one launch. A new worker's observer reads it from the start and knows the same."""

    def __init__(self, folder: Path, number: int):
        self.own = launch_folder(folder, number)
        self.tracker = Tracker()
        self._log = Follower(self.own / "nextflow.log")

    def read(self) -> None:
        """What was written since the last call."""
        while lines := self._log.read():
            for line in lines:
                self.tracker.add(fact(line))

    def progress(self) -> dict[str, dict[str, Any]]:
        """tracker.progress(), and of running tasks whose folders can be seen the newest line of their own progress as "detail"."""
        table = self.tracker.progress()
        if self.tracker.work_folder:
            for hash, name in list(self.tracker.running.items())[-MOST_DETAILS:]:
                if detail := newest_detail(Path(self.tracker.work_folder), hash):
                    table[process_of(name)]["detail"] = detail
        return table

    def sentences(self) -> str:
        """Why it failed, for people; may be empty."""
        return error_sentences(tail(self.own / "console.log", CONSOLE_TAIL))

    def close(self) -> None:
        self._log.close()
