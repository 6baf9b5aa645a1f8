"""Exact and near duplicates in a stream: the first one stays, whatever comes later.

Near: Jaccard similarity of the sets of word 3-shingles, estimated by MinHash (Broder 1997) and found by banding (LSH,
Leskovec/Rajaraman/Ullman, Mining of Massive Datasets, ch. 3). The index is numpy arrays instead of datasketch's
dictionaries of Python sets: about 0.4 KB a record instead of several, and the signatures come from one vector operation.
"""

from __future__ import annotations

import hashlib

import numpy as np

SHINGLE = 3
# Recall aimed at for a pair whose similarity is exactly the threshold.
RECALL = 0.99
EMPTY = -1
WORDS_CACHED = 400_000
# Members of one band that a query is compared with at most.
CROWD = 64


class ExactDuplicates:
    """Remembers the content ids (32 hex digits) it has seen; about 0.1 KB each."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def add(self, content_id: str) -> bool:
        """True when this id came before."""
        number = int(content_id, 16)
        if number in self._seen:
            return True
        self._seen.add(number)
        return False


def bands_for(threshold: float, permutations: int) -> tuple[int, int]:
    """(bands, rows): the longest rows whose chance to find a pair at the threshold, 1-(1-t^rows)^bands, is RECALL."""
    for rows in range(permutations, 1, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= RECALL:
            return bands, rows
    return permutations, 1


class WordHashes(dict[str, int]):
    """word -> 64-bit number, the same in every process. Bounded: what falls out is only computed again."""

    def __missing__(self, word: str) -> int:
        if len(self) >= WORDS_CACHED:
            self.clear()
        value = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        self[word] = value
        return value


class MinHash:
    """Signatures whose share of equal values estimates the Jaccard similarity of two texts' sets of word 3-shingles."""

    def __init__(self, permutations: int = 128, seed: int = 17):
        random = np.random.default_rng(seed)
        self._multiply = random.integers(0, 2**32, size=(permutations, 1), dtype=np.uint32) | np.uint32(1)
        self._shift = random.integers(0, 2**32, size=(permutations, 1), dtype=np.uint32)
        self._mix = random.integers(0, 2**64, size=SHINGLE, dtype=np.uint64) | np.uint64(1)
        self._words = WordHashes()

    def signature(self, text: str) -> np.ndarray:
        """16 bits of each MinHash value, shape (permutations,), uint16. Words: what white space parts, case folded."""
        shingles = self._shingles(text.casefold().split())
        least = None
        for start in range(0, len(shingles), 4096):
            part = (self._multiply * shingles[None, start : start + 4096] + self._shift).min(axis=1)
            least = part if least is None else np.minimum(least, part)
        # The top bits of a minimum are nearly all zero, and its low 16 come from the shingle's low 16 alone: all bits have a say.
        return (least * np.uint32(0x9E3779B1) >> np.uint32(16)).astype(np.uint16)

    def _shingles(self, words: list[str]) -> np.ndarray:
        count = max(len(words), SHINGLE)
        hashes = np.zeros(count, np.uint64)
        hashes[: len(words)] = np.fromiter(map(self._words.__getitem__, words), np.uint64, len(words))
        return run_hashes(hashes, self._mix).astype(np.uint32)


def run_hashes(words: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """64-bit hashes (uint64) of all runs of len(mix) neighbours in an array of word hashes; mix: odd weights."""
    places = max(0, len(words) - len(mix) + 1)
    mixed = sum((words[start : start + places] * weight for start, weight in enumerate(mix)), np.zeros(places, np.uint64))
    # Finalizer of splitmix64 (Steele, Lea, Flood 2014): one weighted sum alone would leave patterns.
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class NearDuplicates:
    """An index of texts that tells whether a new one is nearly equal to one before it.

    threshold: Jaccard similarity in (0, 1] from which on two texts count as the same; permutations: MinHash functions
    (the estimate's standard deviation is sqrt(J(1-J)/permutations), 0.03 at 0.85 with 128).
    """

    def __init__(self, threshold: float = 0.85, permutations: int = 128, seed: int = 17, capacity: int = 1024):
        if not 0 < threshold <= 1:
            raise ValueError("threshold must be in (0, 1]")
        self.threshold = threshold
        self.bands, self.rows = bands_for(threshold, permutations)
        self.signature = MinHash(permutations, seed).signature
        self._band_mix = _band_mix(self.rows, seed)
        self._band_numbers = np.arange(self.bands)
        self.size = 0
        self._signatures = np.empty((capacity, permutations), np.uint16)
        self._build_tables(4 * capacity)

    def add(self, text: str) -> bool:
        """True when a text added before is a near duplicate; otherwise the text is remembered."""
        signature = self.signature(text)
        if self.size == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.empty_like(self._signatures)])
        if 2 * (self.size + 1) > self._tables.shape[1]:
            self._build_tables(2 * self._tables.shape[1])
        candidates, free_bands, free_slots = self._look_up(signature)
        if candidates.size and (self._signatures[candidates] == signature).mean(axis=1).max() >= self.threshold:
            return True
        self._signatures[self.size] = signature
        self._tables[free_bands, free_slots] = self.size
        self.size += 1
        return False

    def _keys(self, signatures: np.ndarray) -> np.ndarray:
        """(n, permutations) -> (n, bands) 64-bit keys of the bands."""
        rows = signatures[:, : self.bands * self.rows].reshape(-1, self.bands, self.rows).astype(np.uint64)
        return _mixed(rows, self._band_mix)

    def _look_up(self, signature: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Members that share a band, and for the bands that nobody shares the free places of the tables."""
        mask = self._tables.shape[1] - 1
        slots = (self._keys(signature[None])[0] >> np.uint64(20)).astype(np.int64) & mask
        wanted = signature[: self.bands * self.rows].reshape(self.bands, self.rows)
        bands, candidates, free_bands, free_slots = self._band_numbers, [], [], []
        while bands.size:
            members = self._tables[bands, slots]
            free = members == EMPTY
            if free.any():
                free_bands.append(bands[free])
                free_slots.append(slots[free])
                bands, slots, members = bands[~free], slots[~free], members[~free]
                if not bands.size:
                    break
            columns = bands[:, None] * self.rows + np.arange(self.rows)
            same = (self._signatures[members[:, None], columns] == wanted[bands]).all(axis=1)
            candidates.append(members[same])
            bands, slots = bands[~same], (slots[~same] + 1) & mask
        join = lambda parts: np.concatenate(parts) if parts else np.empty(0, np.int64)  # noqa: E731
        return np.unique(join(candidates)), join(free_bands), join(free_slots)

    def _build_tables(self, slots: int) -> None:
        """One open-addressing table (linear probing) per band: place -> the first member with that band, or EMPTY."""
        slots = 1 << (slots - 1).bit_length()
        self._tables = np.full((self.bands, slots), EMPTY, np.int32)
        if not self.size:
            return
        for band in range(self.bands):
            keys = np.concatenate([self._band_keys(start, band) for start in range(0, self.size, 65536)])
            _, members = np.unique(keys, return_index=True)
            members.sort()
            places, table = (keys[members] >> np.uint64(20)).astype(np.int64) & (slots - 1), self._tables[band]
            while members.size:
                open_ = table[places] == EMPTY
                # Of those that want one free place the first gets it.
                _, winners = np.unique(places[open_], return_index=True)
                table[places[open_][winners]] = members[open_][winners]
                left = table[places] != members
                members, places = members[left], (places[left] + 1) & (slots - 1)

    def _band_keys(self, start: int, band: int) -> np.ndarray:
        rows = self._signatures[start : min(start + 65536, self.size), band * self.rows : (band + 1) * self.rows].astype(np.uint64)
        return _mixed(rows, self._band_mix)


def nearest(members: np.ndarray, queries: np.ndarray, threshold: float, seed: int = 17) -> np.ndarray:
    """For each query the number of a member whose estimated similarity is at least the threshold, else -1.

    members (m, permutations), queries (q, permutations): uint16 signatures; the result is (q,) int64. Band by band, so that
    beside the signatures only one band's keys are in memory. Of a band that more than CROWD members share, CROWD are
    looked at: they share a stock phrase, and who is truly near meets its neighbour in other bands as well.
    """
    found = np.full(len(queries), -1, np.int64)
    bands, rows = bands_for(threshold, members.shape[1])
    mix = _band_mix(rows, seed)
    for band in range(bands):
        columns = slice(band * rows, (band + 1) * rows)
        keys = _mixed(members[:, columns].astype(np.uint64), mix)
        order = np.argsort(keys, kind="stable")
        open_ = np.flatnonzero(found < 0)
        wanted = _mixed(queries[open_, columns].astype(np.uint64), mix)
        first = np.searchsorted(keys[order], wanted, "left")
        width = np.searchsorted(keys[order], wanted, "right") - first
        for place in range(min(CROWD, width.max(initial=0))):
            here = np.flatnonzero((width > place) & (found[open_] < 0))
            for part in np.array_split(here, len(here) // 16384 + 1):
                step = np.where(width[part] > CROWD, place * width[part] // CROWD, place)
                candidates = order[first[part] + step]
                near = (members[candidates] == queries[open_[part]]).mean(axis=1) >= threshold
                found[open_[part[near]]] = candidates[near]
    return found


def _band_mix(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).integers(0, 2**64, size=rows, dtype=np.uint64) | np.uint64(1)


def _mixed(rows: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """One 64-bit key of the last axis."""
    mixed = ((rows + np.uint64(1)) * mix).sum(axis=-1, dtype=np.uint64)
    return (mixed ^ (mixed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
