"""Texts as vectors of character n-grams: no model, any language, sees languages, topics and wording alike.

Runs of 3, 4 and 5 characters of the casefolded words are hashed into 4096 places and counted. Places that many texts have
weigh less (idf), then the main directions of all texts together are kept (latent semantic analysis, Deerwester et al. 1990).
Nothing of it knows the sides of the records, so tests that draw sides stay exact.
"""

from __future__ import annotations

import numpy as np

from ..duplicates import run_hashes
from ..metrics.words import words

PLACES, DIRECTIONS, LONGEST = 4096, 100, 8000
FEW = 1500
LENGTHS = (3, 4, 5)
_MIX = np.random.default_rng(3).integers(0, 2**64, size=(len(LENGTHS), max(LENGTHS)), dtype=np.uint64) | np.uint64(1)


def count_ngrams(text: str) -> np.ndarray:
    """(PLACES,) uint8: n-grams in the text's first 8,000 characters by the place of their hash; 255 means that or more."""
    plain = f" {' '.join(words(text[:LONGEST]))} "
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    places = [run_hashes(codes, _MIX[row, :length]) % np.uint64(PLACES) for row, length in enumerate(LENGTHS)]
    counts = np.bincount(np.concatenate(places).astype(np.int64), minlength=PLACES)
    return np.minimum(counts, 255).astype(np.uint8)


def directions(counts: np.ndarray) -> np.ndarray:
    """(texts, PLACES) uint8 counts -> (texts, d) float32 coordinates, a block of texts at a time.

    Up to 1,500 texts every direction in which they differ. Of more texts the 100 main ones, by randomized subspace iteration
    (Halko, Martinsson and Tropp 2011, arXiv:0909.4061) from a fixed start.
    """
    texts = len(counts)
    weights = np.log((1 + texts) / (1 + np.count_nonzero(counts, axis=0))).astype(np.float32)
    table = np.log1p(np.arange(256, dtype=np.float32))
    blocks = [slice(start, start + 2048) for start in range(0, texts, 2048)]
    lengths = np.empty((texts, 1), np.float32)
    mean = np.zeros(PLACES, np.float64)
    for block in blocks:
        rows = table[counts[block]] * weights
        lengths[block] = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        mean += (rows / lengths[block]).sum(axis=0)
    mean = (mean / texts).astype(np.float32)

    def rows_of(block: slice) -> np.ndarray:
        return table[counts[block]] * weights / lengths[block] - mean

    if texts <= FEW:
        rows = rows_of(slice(None))
        scale, axes = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        kept = scale > 1e-6 * max(scale.max(), 1e-6)
        return (axes[:, kept] * np.sqrt(scale[kept]))[:, ::-1].astype(np.float32)
    found = np.random.default_rng(3).normal(size=(PLACES, DIRECTIONS + 16)).astype(np.float32)
    for _ in range(4):
        found = np.linalg.qr(sum(rows_of(block).T @ (rows_of(block) @ found) for block in blocks))[0]
    projected = np.concatenate([rows_of(block) @ found for block in blocks])
    _, axes = np.linalg.eigh(projected.T.astype(np.float64) @ projected)
    return (projected @ axes[:, ::-1][:, :DIRECTIONS]).astype(np.float32)
