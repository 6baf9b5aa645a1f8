"""Whether training records hold what a test set asks: overlap of 13 words in a row.

Brown et al. 2020 (GPT-3), appendix C: words in lower case without punctuation; a run of 13 that more than ten training
records hold is a stock phrase and does not count.
"""

from __future__ import annotations

import re
from array import array

import numpy as np

from .duplicates import WordHashes, run_hashes

WORDS = 13
STOCK = 10
_WORD = re.compile(r"\w+")


class Overlaps:
    """Takes the test texts first, then the training texts; ``found`` says who overlaps.

    Kept are some 32 bytes for each word of the test texts and 16 for each overlap, no text.
    """

    def __init__(self) -> None:
        self._mix = np.random.default_rng(WORDS).integers(0, 2**64, size=WORDS, dtype=np.uint64) | np.uint64(1)
        self._words = WordHashes()
        self._collected, self._owners = array("Q"), array("L")
        self._places, self._holders = array("L"), array("L")

    def add_test(self, number: int, text: str) -> None:
        """A test text under its number."""
        runs = self._runs(text)
        self._collected.frombytes(runs.tobytes())
        self._owners.extend([number] * len(runs))

    def freeze(self) -> None:
        """To be called between the tests and the training texts."""
        self._tests, first, self._run_of = np.unique(np.frombuffer(self._collected, np.uint64), return_index=True, return_inverse=True)
        self._first = np.frombuffer(self._owners, np.dtype("L"))[first]

    def add_training(self, number: int, text: str) -> None:
        """A training text under its number."""
        runs = self._runs(text)
        if not len(self._tests) or not len(runs):
            return
        places = np.minimum(np.searchsorted(self._tests, runs), len(self._tests) - 1)
        shared = places[self._tests[places] == runs]
        self._places.extend(shared.tolist())
        self._holders.extend([number] * len(shared))

    def found(self) -> dict[int, int]:
        """Training number -> the number of a test text that shares 13 words in a row with it."""
        counts = self._counts()
        pairs: dict[int, int] = {}
        for place, holder in zip(self._places, self._holders, strict=True):
            if counts[place] <= STOCK:
                pairs.setdefault(holder, int(self._first[place]))
        return pairs

    def found_tests(self) -> set[int]:
        """Numbers of all test texts that share 13 words in a row with some training text."""
        counts = self._counts()[self._run_of]
        return set(np.frombuffer(self._owners, np.dtype("L"))[(counts > 0) & (counts <= STOCK)].tolist())

    def _counts(self) -> np.ndarray:
        """How many training texts hold each run of the tests."""
        return np.bincount(np.frombuffer(self._places, np.dtype("L")).astype(np.int64), minlength=len(self._tests))

    def _runs(self, text: str) -> np.ndarray:
        words = _WORD.findall(text.casefold())
        hashes = np.fromiter(map(self._words.__getitem__, words), np.uint64, len(words))
        return np.unique(run_hashes(hashes, self._mix))
