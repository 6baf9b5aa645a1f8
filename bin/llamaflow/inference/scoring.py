"""Log-likelihoods of conversations and of continuations, many of them in one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from ..chat import IGNORED, Encoded
from ..packing import pack_rows
from ..training.attention import fastest_way
from .attention import Block, Branches, Plan, Prompt, Separate, planned_attention
from .forward import can_pack, causal_model, pieces

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# A row holds this many tokens for each example of a batch: enough for a matrix product to be fast, few enough to stay small.
TOKENS_PER_EXAMPLE = 128
# Continuations that are attended to together: their scores are a square of it.
BLOCK = 256

Done = Callable[[int, dict], None] | None
Tokens = tuple[int, ...]


def conversation_nats(model: PreTrainedModel, encoded: Sequence[Encoded], batch_size: int, done: Done = None) -> list[float]:
    """See ``metrics.likelihood.conversation_nats``."""
    nats, total, tokens = [0.0] * len(encoded), 0.0, 0
    # What comes behind the last label is seen by nobody.
    ends = [max((place + 1 for place, label in enumerate(one.labels) if label != IGNORED), default=0) for one in encoded]
    scored = [index for index, one in enumerate(encoded) if one.supervised]
    longest = max((ends[index] for index in scored), default=0)
    packs = can_pack(model, longest) if scored else True
    rows = [[index] for index in sorted(scored, key=lambda index: (-ends[index], index))]
    if packs:
        packed = pack_rows([ends[index] for index in scored], max(batch_size * TOKENS_PER_EXAMPLE, longest))
        rows = [[scored[place] for place in row] for row in packed]
    causal, way = causal_model(model), fastest_way(model)
    if done and len(scored) < len(encoded):
        done(len(encoded) - len(scored), {})
    with torch.inference_mode(), planned_attention(causal) if packs else nullcontext():
        for row in rows:
            texts = [encoded[index].input_ids[: ends[index]] for index in row]
            labels = [encoded[index].labels[1 : ends[index]] + [IGNORED] for index in row]
            asked = [(place, label) for place, label in enumerate(label for some in labels for label in some) if label != IGNORED]
            owner = [index for index in row for _ in range(encoded[index].supervised)]
            plan = Separate([len(text) for text in texts], way) if packs else None
            values = _nats(causal, [token for text in texts for token in text], _positions(texts), asked, plan)
            for index, value in zip(owner, values, strict=True):
                nats[index] += value
            total, tokens = total + sum(values), tokens + len(values)
            if done:
                done(len(row), {"perplexity": math.exp(min(total / tokens, 700.0))})
    return nats


def continuation_nats(
    model: PreTrainedModel, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], batch_size: int, done: Done = None
) -> list[float]:
    """See ``metrics.likelihood.continuation_nats``."""
    if not all(len(prompt) for prompt, _ in pairs):
        raise ValueError("every continuation needs a prompt of at least one token")
    nats = [0.0] * len(pairs)
    # Prompt -> continuation -> places in pairs: what is asked twice is computed once.
    trees: dict[Tokens, dict[Tokens, list[int]]] = {}
    for index, (prompt, continuation) in enumerate(pairs):
        if len(continuation):
            trees.setdefault(tuple(prompt), {}).setdefault(tuple(continuation), []).append(index)
    asked = sum(len(places) for tree in trees.values() for places in tree.values())
    if done and asked < len(pairs):
        done(len(pairs) - asked, {})
    longest = max((len(prompt) + len(one) for prompt, tree in trees.items() for one in tree), default=0)
    if trees and not can_pack(model, longest):
        for prompt, tree in trees.items():
            whole = [Encoded([*prompt, *one], [IGNORED] * len(prompt) + [*one]) for one in tree]
            for places, value in zip(tree.values(), conversation_nats(model, whole, batch_size), strict=True):
                _add(nats, places, value)
                if done:
                    done(len(places), {})
        return nats
    causal, way = causal_model(model), fastest_way(model)
    with torch.inference_mode(), planned_attention(causal):
        for row in _rows(trees, batch_size * TOKENS_PER_EXAMPLE):
            for places, value in zip(row.owners, row.nats(causal, way), strict=True):
                _add(nats, places, value)
            if done and row.finished:
                done(row.finished, {})
    return nats


class _Row:
    """Prompts, continuations behind them, and for each prediction the places in pairs that it belongs to."""

    def __init__(self):
        self.prompts: list[tuple[Tokens, Prompt, list[int]]] = []  # with the first token of each continuation
        self.blocks: list[tuple[Prompt, list[Tokens]]] = []
        self.size, self.finished = 0, 0
        self._first: list[list[int]] = []
        self._later: list[list[int]] = []

    @property
    def owners(self) -> list[list[int]]:
        return self._first + self._later

    def add_prompt(self, tokens: Tokens, prompt: Prompt, tree: dict[Tokens, list[int]]) -> None:
        self.prompts.append((tokens, prompt, [continuation[0] for continuation in tree]))
        self._first += tree.values()
        self.size += len(tokens)
        self.finished += sum(len(places) for one, places in tree.items() if len(one) == 1)

    def add_block(self, prompt: Prompt, block: list[Tokens], tree: dict[Tokens, list[int]]) -> None:
        self.blocks.append((prompt, block))
        self._later += [tree[one] for one in block for _ in one[1:]]
        self.size += sum(len(one) - 1 for one in block)
        self.finished += sum(len(tree[one]) for one in block)

    def nats(self, causal: Any, way: Callable) -> list[float]:
        """Nats of each prediction, in the order of owners."""
        device = next(causal.parameters()).device
        ids, positions, asked, blocks = [], [], [], []
        for tokens, prompt, first in self.prompts:
            prompt.start = len(ids)
            ids += tokens
            positions += range(len(tokens))
            asked += [(len(ids) - 1, token) for token in first]
        for prompt, block in self.blocks:
            blocks.append(Block(prompt, len(ids), [len(one) - 1 for one in block], device))
            for one in block:
                asked += [(len(ids) + place, token) for place, token in enumerate(one[1:])]
                ids += one[:-1]
                positions += range(prompt.length, prompt.length + len(one) - 1)
        prompts = [prompt for _, prompt, _ in self.prompts]
        values = _nats(causal, ids, positions, asked, Branches(prompts, blocks, way))
        for prompt in prompts:
            prompt.start = None  # a later row finds what it kept
        return values


def _rows(trees: dict[Tokens, dict[Tokens, list[int]]], budget: int) -> Iterator[_Row]:
    """Rows of at most budget tokens, or of one prompt or one block where that is longer."""
    row = _Row()
    for tokens, tree in sorted(trees.items(), key=lambda one: (-len(one[0]), one[0])):
        prompt = Prompt(len(tokens))
        if row.size and row.size + len(tokens) > budget:
            yield row
            row = _Row()
        row.add_prompt(tokens, prompt, tree)
        for block in _blocks(sorted((one for one in tree if len(one) > 1), key=lambda one: (len(one), one))):
            if row.size + sum(len(one) - 1 for one in block) > budget:
                prompt.keep = True
                yield row
                row = _Row()
            row.add_block(prompt, block, tree)
    if row.size:
        yield row


def _blocks(continuations: list[Tokens]) -> Iterator[list[Tokens]]:
    block: list[Tokens] = []
    size = 0
    for one in continuations:
        if block and size + len(one) - 1 > BLOCK:
            yield block
            block, size = [], 0
        block.append(one)
        size += len(one) - 1
    if block:
        yield block


def _add(nats: list[float], places: list[int], value: float) -> None:
    for index in places:
        nats[index] += value


def _positions(texts: Sequence[Sequence[int]]) -> list[int]:
    return [place for text in texts for place in range(len(text))]


def _nats(causal: Any, ids: list[int], positions: list[int], asked: list[tuple[int, int]], plan: Plan | None) -> list[float]:
    """Nats of each asked (place in the row, token that it has to predict); places ascend, and one may come several times."""
    device = next(causal.parameters()).device
    keep, which = torch.tensor([place for place, _ in asked]).unique_consecutive(return_inverse=True)
    which, targets = which.to(device), torch.tensor([token for _, token in asked], device=device)
    values, start = [], 0
    for logits in pieces(causal, torch.tensor(ids, device=device), torch.tensor(positions, device=device), keep.to(device), plan):
        here = (which >= start) & (which < start + len(logits))
        rows = which[here] - start
        # Double from here on: a sum over thousands of tokens keeps its digits.
        values += (logits.logsumexp(-1).double()[rows] - logits[rows, targets[here]].double()).tolist()
        start += len(logits)
    return values
