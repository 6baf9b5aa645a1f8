"""A convolutional tagger in numpy: hashed token vectors, residual dilated convolutions, one score a tag.

The architecture follows the hash embeddings of Serrà and Karatzoglou (2017) and the dilated convolutions of Strubell et
al. (2017). All that depends on one token alone (the table and two dense layers behind it) is computed once for each
distinct token and remembered, so a text costs one small matrix product a layer. One conversation is one pass, alone:
its result cannot depend on what is read before, after or beside it.
"""

from __future__ import annotations

import string
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from ..spans import Folded, Span
from .features import TURN, features, places_of, tokens_of

WEIGHTS = Path(__file__).with_name("weights.npz")
KINDS = ("PERSON", "LOCATION", "ORGANIZATION", "ADDRESS")
# Tag 0 is "none"; 1 + 2 k begins an entity of KINDS[k], 2 + 2 k goes on with it.
TAGS = 1 + 2 * len(KINDS)
# How much the score of "none" is lowered before the decision, in nats: recall weighs more than precision.
NONE_BIAS = 0.0
# A lower-case word that alone is an entity with less than this chance is ordinary. One in fifty names of no list is
# below it; of lower-case chat lines read one by one none was lost by it.
SURELY_NONE = 0.06
_TOKENS_KEPT = 30_000
_WINDOW = 8192
# Tokens on either side of one that could be a name that can belong to it.
_AROUND = 4
_PLAIN_MARKS = frozenset(string.punctuation + string.ascii_lowercase + "\n\r\t…")


class Tagger:
    """The trained network. parameters: arrays by name as ``training/ner/train.py`` writes them."""

    def __init__(self, parameters: dict[str, np.ndarray]):
        def matrix(name: str) -> np.ndarray:
            # Stored transposed; products of few rows are twice as fast on rows in a row.
            return np.ascontiguousarray(parameters[name], np.float32)

        self._table = matrix("table") * parameters["table_scale"][:, None]
        self._dense = [(matrix(f"dense{i}"), matrix(f"dense{i}_bias")) for i in (0, 1)]
        self._dilations = [int(step) for step in parameters["dilations"]]
        # (hidden, 3 hidden): what the left neighbour, the token itself and the right neighbour contribute.
        self._layers = [(matrix(f"conv{i}"), matrix(f"conv{i}_bias")) for i in range(len(self._dilations))]
        self._out = matrix("out"), matrix("out_bias")
        self._hidden = len(self._out[0])
        self._reach = sum(self._dilations)
        self._safe = {int(code) for code in parameters["safe"]} if "safe" in parameters else set()
        self._ordinary: set[str] = set()
        self._doubtful: set[str] = set()
        self._rows: dict[str, int] = {}
        self._vectors = np.zeros((4096, self._hidden), np.float32)

    # ---- tokens ---------------------------------------------------------------------------------------------------

    def _row(self, tokens: list[str]) -> list[int]:
        """Where the vectors of the tokens stand; unknown tokens are computed."""
        rows = self._rows
        try:
            return [rows[token] for token in tokens]
        except KeyError:
            pass
        fresh = sorted({token for token in tokens if token not in rows})
        if len(rows) + len(fresh) > _TOKENS_KEPT:
            rows.clear()
            fresh = sorted(set(tokens))
        total = len(rows) + len(fresh)
        if total > len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros((max(total, len(self._vectors)), self._hidden), np.float32)])
        for token in fresh:
            # One by one: a product over several rows could round differently from one over another number of rows.
            rows[token] = len(rows)
            self._vectors[rows[token]] = self._vector(token)
        return [rows[token] for token in tokens]

    def _vector(self, token: str) -> np.ndarray:
        x = self._table[features(token)].sum(axis=0)
        for weight, bias in self._dense:
            x = np.maximum(x @ weight + bias, 0)
        return x

    # ---- network --------------------------------------------------------------------------------------------------

    def scores(self, tokens: list[str]) -> np.ndarray:
        """Log-odds of the tags, shape (tokens, TAGS), float32."""
        rows = self._row(tokens)
        if len(rows) <= _WINDOW:
            return self._forward(self._vectors[rows])
        parts = []
        for start in range(0, len(rows), _WINDOW):
            left, right = max(0, start - self._reach), min(len(rows), start + _WINDOW + self._reach)
            part = self._forward(self._vectors[rows[left:right]])
            parts.append(part[start - left : start - left + _WINDOW])
        return np.concatenate(parts)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        """x: (tokens, hidden), overwritten."""
        size, hidden = x.shape
        for (weight, bias), step in zip(self._layers, self._dilations, strict=True):
            mixed = x.dot(weight)
            y = mixed[:, hidden : 2 * hidden]
            y += bias
            if size > step:
                y[step:] += mixed[:-step, :hidden]
                y[:-step] += mixed[step:, 2 * hidden :]
            np.maximum(y, 0, out=y)
            x += y
        return x.dot(self._out[0]) + self._out[1]

    # ---- texts ----------------------------------------------------------------------------------------------------

    def read(self, folded: list[Folded]) -> tuple[list[list[Span]], list[bool]]:
        """Entities of each text of one conversation, sorted, without overlap, rule ``ner``; and which texts are quiet.

        A quiet text has ordinary words in lower case and plain marks only; where all are quiet nothing is scored.
        """
        found: list[list[Span]] = [[] for _ in folded]
        words = [tokens_of(text) for text in folded]
        if len(self._ordinary) + len(self._doubtful) > _TOKENS_KEPT:
            self._ordinary.clear()
            self._doubtful.clear()
        # All of them are asked, so that the tokens known as ordinary are the same whatever was read before.
        quiet = [self._quiet(part) for part in words]
        if all(quiet):
            return found, quiet
        tokens, owners, firsts = [], [], []
        for index, part in enumerate(words):
            if tokens and part:
                tokens.append(TURN)
                owners.append(-1)
            firsts.append(len(tokens))
            tokens += part
            owners += [index] * len(part)
        tags = self._tags(tokens)
        if not any(tags):
            return found, quiet
        places = {index: places_of(folded[index]) for index in {owners[place] for place, tag in enumerate(tags) if tag} if index >= 0}
        for first, last, kind in entities(tags, owners):
            index = owners[first]
            start, end = places[index][first - firsts[index]][0], places[index][last - firsts[index]][1]
            found[index].append(folded[index].span(start, end, KINDS[kind], "ner"))
        return found, quiet

    def _tags(self, tokens: list[str]) -> list[int]:
        """The best tag of each token; far from any word that could be a name nothing is scored."""
        tags = [0] * len(tokens)
        for left, right in self._stretches(tokens):
            # What lies at the edge is read for its neighbours' sake only.
            start, end = max(0, left - self._reach), min(len(tokens), right + self._reach)
            scores = self.scores(tokens[start:end])
            scores[:, 0] -= NONE_BIAS
            tags[left:right] = scores[left - start : right - start].argmax(axis=1).tolist()
        return tags

    def _stretches(self, tokens: list[str]) -> list[tuple[int, int]]:
        """Stretches around the tokens that are not quiet, joined where what has to be read for them meets."""
        stretches: list[tuple[int, int]] = []
        for place, token in enumerate(tokens):
            if token in self._ordinary or token == TURN:
                continue
            left, right = max(0, place - _AROUND), min(len(tokens), place + _AROUND + 1)
            if stretches and left - stretches[-1][1] <= 2 * self._reach:
                stretches[-1] = (stretches[-1][0], right)
            else:
                stretches.append((left, right))
        return stretches

    def _quiet(self, tokens: list[str]) -> bool:
        if self._ordinary.issuperset(tokens):
            return True
        for token in set(tokens) - self._ordinary - self._doubtful:
            (self._ordinary if token.strip() in _PLAIN_MARKS or self._is_safe(token) else self._doubtful).add(token)
        return self._ordinary.issuperset(tokens)

    def _is_safe(self, token: str) -> bool:
        """Whether a token is an ordinary word: of the list, or one that the network takes for none even standing alone."""
        if not (token.islower() and token.isascii() and token.strip().isalpha()):
            # A hash is not a proof: letters only, so that no number or odd mark passes by chance.
            return False
        if hash_of(token.strip()) in self._safe:
            return True
        scores = self.scores([" " + token.strip()])[0]
        chances = np.exp(scores - scores.max())
        return bool(1 - chances[0] / chances.sum() < SURELY_NONE)


def entities(tags: list[int], owners: list[int]) -> list[tuple[int, int, int]]:
    """(first token, last token, kind) of each run of one kind; a run never leaves its text."""
    found: list[tuple[int, int, int]] = []
    open_kind, first = -1, 0
    for place, (tag, owner) in enumerate(zip(tags, owners, strict=True)):
        kind = (tag - 1) // 2 if tag and owner >= 0 else -1
        if kind != open_kind or (kind >= 0 and (tag % 2 == 1 or owners[place - 1] != owner)):
            if open_kind >= 0:
                found.append((first, place - 1, open_kind))
            open_kind, first = kind, place
    if open_kind >= 0:
        found.append((first, len(tags) - 1, open_kind))
    return found


def hash_of(token: str) -> int:
    """32 bits of a token."""
    return crc32(token.encode("utf-8", "surrogatepass"))


@cache
def tagger() -> Tagger:
    """The shipped network, read once."""
    with np.load(WEIGHTS) as archive:
        return Tagger({name: archive[name] for name in archive.files})
