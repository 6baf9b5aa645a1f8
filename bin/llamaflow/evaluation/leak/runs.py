"""Runs of words: where they stand in a text, and in how many training records each of them does."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from llamaflow.duplicates import WordHashes, run_hashes

_WORD = re.compile(r"\w+")


class Runs:
    """Hashes of all runs of a number of words, case and punctuation apart; the same in every process."""

    def __init__(self, words: int):
        self.words = words
        self._mix = np.random.default_rng(words).integers(0, 2**64, size=words, dtype=np.uint64) | np.uint64(1)
        self._hashes = WordHashes()

    def read(self, text: str) -> tuple[list[tuple[int, int]], np.ndarray]:
        """Characters of each word, and the 64-bit hash of the run that begins at each word but the last few."""
        places, words = [], []
        for match in _WORD.finditer(text):
            places.append(match.span())
            words.append(match[0].casefold())
        hashes = np.fromiter(map(self._hashes.__getitem__, words), np.uint64, len(words))
        return places, run_hashes(hashes, self._mix)

    def of(self, texts: Iterable[str]) -> np.ndarray:
        """The distinct runs of some texts, sorted; no run goes from one text into the next."""
        parts = [self.read(text)[1] for text in texts]
        return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)


class Holders:
    """Counts the records that hold each of some runs."""

    def __init__(self, wanted: Iterable[np.ndarray]):
        parts = list(wanted)
        self._runs = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
        self._counts = np.zeros(len(self._runs), np.int64)

    def add(self, runs: np.ndarray) -> None:
        """The distinct runs of one record."""
        if len(self._runs) and len(runs):
            places = np.minimum(np.searchsorted(self._runs, runs), len(self._runs) - 1)
            self._counts[places[self._runs[places] == runs]] += 1

    def count(self, runs: np.ndarray) -> np.ndarray:
        """Records for each run; 0 for one that nobody asked about."""
        if not len(self._runs) or not len(runs):
            return np.zeros(len(runs), np.int64)
        places = np.minimum(np.searchsorted(self._runs, runs), len(self._runs) - 1)
        return np.where(self._runs[places] == runs, self._counts[places], 0)
