"""Speed against Presidio on the same texts: one process and one thread each, taking turns chunk by chunk."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from llamaflow.errors import BadInputError
from llamaflow.progress import Progress

from .measures import Label

RUNNER = Path(__file__).with_name("presidio_runner.py")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")}
CHUNK = 200


class Presidio:
    """Presidio in its own process and environment. Raises BadInputError when it does not start."""

    def __init__(self, python: Path):
        self._process = subprocess.Popen(
            [python, RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=os.environ | ONE_THREAD
        )
        self.versions: dict[str, str] = self._answer()

    def __enter__(self) -> Presidio:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.communicate()

    def analyze(self, texts: list[str], batch: int = 0) -> tuple[float, list[list[Label]]]:
        """Seconds that its calls took, and its results for each text; batch 0 is one call a text."""
        self._process.stdin.write(json.dumps({"texts": texts, "batch": batch}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["seconds"], [[Label(*one) for one in spans] for spans in answer["results"]]

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise BadInputError(
                "Presidio ended", where=str(RUNNER), why="see its message above", fix="rm -rf .venv-bench && make bench-anonymize"
            )
        return json.loads(line)


class Result(NamedTuple):
    """Seconds of both over all texts, each chunk's best round; results: Presidio's of each text."""

    texts: int
    ours: float
    theirs: float
    results: list[list[Label]]

    @property
    def ratio(self) -> float:
        """How many times as fast this project is."""
        return self.theirs / self.ours


def race(
    title: str, texts: list[tuple[str, str]], ours: Callable[[str, str], object], presidio: Presidio, batch: int, rounds: int
) -> Result:
    """Both systems over (text, language) pairs, in turns, so that a busy moment of the machine hits both."""
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    mine, theirs = [float("inf")] * len(chunks), [float("inf")] * len(chunks)
    # What both build at their first calls is not speed.
    presidio.analyze([text for text, _ in texts[:20]], batch)
    for text, lang in texts[:20]:
        ours(text, lang)
    results: list[list[Label]] = []
    with Progress(title, rounds * len(texts), "texts") as progress:
        for turn in range(rounds):
            for place, chunk in enumerate(chunks):
                started = time.perf_counter()
                for text, lang in chunk:
                    ours(text, lang)
                mine[place] = min(mine[place], time.perf_counter() - started)
                seconds, found = presidio.analyze([text for text, _ in chunk], batch)
                theirs[place] = min(theirs[place], seconds)
                results += found if turn == 0 else []
                progress.update(len(chunk))
    return Result(len(texts), sum(mine), sum(theirs), results)
