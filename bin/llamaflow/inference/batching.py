"""Greedy continuation of many prompts by continuous batching: who has ended leaves, and the next prompt takes the place.

Continuous batching is Orca's iteration-level scheduling (Yu et al. 2022, OSDI): prompts that begin and answers that go on share one
row of tokens, so every forward is one large matrix product in each layer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os.path import commonprefix
from typing import TYPE_CHECKING

import torch

from ..chat import IGNORED, Encoded
from ..training.attention import fastest_way
from .attention import Branches, Plan, Prompt, Separate, planned_attention
from .cache import SlotCache, Step, affordable_tokens
from .drafts import LONGEST, Drafter, Lookup
from .forward import causal_model, pieces

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..generation import Generated

# Prompt tokens that begin in one forward.
PREFILL = 2048
# A beginning that all prompts share is computed once from this length on.
SHARED = 16
# Two fp32 logits closer than this share of the largest may change places with the batch's shape: then the token is decided by a
# forward of that text alone, which is the same in every batch.
NEAR = 2e-5


@dataclass
class _Row:
    """An answer at work. ids: prompt and answer; cached: how many of them are in the cache; last: when its last token was known.

    beyond: what the conversation says behind the prompt, looked at once and not cached; asked: (place, token that it has to predict).
    """

    index: int
    ids: list[int]
    prompt: int
    last: float
    beyond: list[int] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    cached: int = 0
    lookup: Lookup = field(init=False)

    def __post_init__(self):
        self.lookup = Lookup(self.ids)


class Batch:
    """One call of ``generate_greedy``; ``run`` fills result."""

    def __init__(
        self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], stop_ids: set[int], limit: int, batch_size: int, result: Generated,
        conversations: Sequence[Encoded | None] | None = None,
    ):  # fmt: skip
        self.causal, self.way = causal_model(model), fastest_way(model)
        parameter = next(self.causal.parameters())
        self.device, self.exact = parameter.device, parameter.dtype == torch.float32
        self.prompts, self.stop_ids, self.limit, self.batch_size, self.result = prompts, stop_ids, limit, batch_size, result
        self.conversations = conversations or [None] * len(prompts)
        # Long ones first: what waits is never longer than what is at work, and a lack of memory shows at once.
        self.order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
        self.waiting: deque[int] = deque()
        self.rows: list[_Row | None] = []  # by slot; None: ended
        self.tokens = affordable_tokens(self.causal, self.device)
        self.drafter = Drafter(batch_size)
        self.prefix: Prompt | None = None

    def run(self, done: Callable[[int, dict], None] | None) -> None:
        with torch.inference_mode(), planned_attention(self.causal):
            # The first call loads kernels: that is not the model's latency.
            self._alone(list(self.prompts[self.order[-1]])[:8])
            began = time.perf_counter()
            for group in by_length(self.order, [len(prompt) + self.limit for prompt in self.prompts]):
                self.waiting, self.rows, self.prefix = deque(group), [], None
                self._share()
                self.cache = SlotCache(*self._shape())
                while self.waiting or any(self.rows):
                    ended = self._step()
                    self.result.seconds = time.perf_counter() - began
                    if done and ended:
                        done(ended, {"tokens_per_second": len(self.result.token_seconds) / self.result.seconds})

    def _share(self) -> None:
        """Compute what all prompts begin with."""
        shared = commonprefix([list(self.prompts[index]) for index in self.waiting])
        # At least one token of each prompt is left, and the one before each token that is scored.
        first = [next(i for i, label in enumerate(one.labels) if i and label != IGNORED) for one in self.conversations if one]
        length = min([len(shared), len(self.prompts[self.waiting[-1]]) - 1, *(place - 1 for place in first)])
        if len(self.prompts) > 1 and length >= SHARED:
            self.prefix = Prompt(length, start=0, keep=True)
            self._choose(list(shared[:length]), list(range(length)), [0], Branches([self.prefix], [], self.way))
            self.prefix.start = None

    def _shape(self) -> tuple[int, int]:
        """Slots and capacity for what is at work and what waits."""
        working = [row.prompt for row in self.rows if row]
        longest = max(working + [len(self.prompts[index]) for index in list(self.waiting)[:1]])
        capacity = longest + self.limit + LONGEST
        slots = min(self.batch_size, self.tokens // capacity, len(working) + len(self.waiting))
        return max(1, len(self.rows), slots), capacity

    def _step(self) -> int:
        """One forward and what follows from it; returns how many answers ended."""
        began = self._admit(time.perf_counter())
        going = max((slot + 1 for slot, row in enumerate(self.rows) if row.cached), default=0)
        guesses, count = self.drafter.guesses([row.lookup if row.cached else None for row in self.rows[:going]])
        ids, positions, keep, asked = [], [], [], []
        for row, guess in zip(self.rows[:going], guesses, strict=True):
            if row.cached:
                keep += range(len(ids), len(ids) + count)
                asked.append((row, guess))
            # A slot whose row only begins takes part with tokens that nobody asks about.
            ids += [row.ids[-1], *guess] if row.cached else [0] * count
            positions += range(row.cached, row.cached + count)
        before, prompts = self.prefix.length if self.prefix else 0, []
        scored: list[tuple[int, int, int]] = []
        for slot in began:
            row, start = self.rows[slot], len(ids) - before
            ids += [*row.ids[before:], *row.beyond]
            positions += range(before, len(row.ids) + len(row.beyond))
            keep.append(start + len(row.ids) - 1)
            asked.append((row, []))
            prompts.append((slot, len(row.ids) - before, len(ids) - start - before))
            scored += [(start + place, token, row.index) for place, token in row.asked]
        step = Step(self.cache, [row.cached for row in self.rows[:going]], count, prompts, self.prefix, self.way, self.device)
        tokens, near = self._choose(ids, positions, keep, step, scored)
        at, ended = 0, 0
        for row, guess in asked:
            part = slice(at, at + 1 + len(guess))
            at = part.stop
            if self._take(row, guess, tokens[part], near[part]):
                self.rows[self.rows.index(row)] = None
                ended += 1
        return ended

    def _admit(self, now: float) -> list[int]:
        """Let prompts that wait begin in free slots, and close the holes that are left; returns the slots that begin."""
        if self.waiting and self.cache.slots < self.batch_size:
            slots, capacity = self._shape()
            if slots > self.cache.slots:  # what is left is shorter: more of it fits into the same memory
                used = len(self.rows)
                self.cache.resize(slots, capacity, used, max((row.cached for row in self.rows if row), default=0))
        began, room = [], PREFILL
        while self.waiting and (None in self.rows or len(self.rows) < self.cache.slots):
            prompt = list(self.prompts[self.waiting[0]])
            if began and len(prompt) > room:
                break
            index = self.waiting.popleft()
            row = _Row(index, prompt, len(prompt), now, *beyond(self.conversations[index], len(prompt)))
            room -= len(prompt) + len(row.beyond)
            slot = self.rows.index(None) if None in self.rows else len(self.rows)
            self.rows[slot : slot + 1] = [row]
            began.append(slot)
        while None in self.rows:
            last = self.rows.pop()
            if last is not None:
                slot = self.rows.index(None)
                self.cache.move(len(self.rows), slot, last.cached)
                self.rows[slot] = last
                began = [slot if one == len(self.rows) else one for one in began]
        return began

    def _choose(
        self, ids: list[int], positions: list[int], keep: list[int], plan: Plan, scored: Sequence[tuple[int, int, int]] = ()
    ) -> tuple[list[int], list[bool]]:
        """The most likely token behind each kept place, and whether another is nearly as likely.

        scored: (place, token that it has to predict, whose nats it adds to).
        """
        places = keep + [place for place, _, _ in scored]
        row = (torch.tensor(one, device=self.device) for one in (ids, positions, places))
        targets = torch.tensor([token for _, token, _ in scored], dtype=torch.long, device=self.device)
        tokens, near, nats, start = [], [], [], 0
        for logits in pieces(self.causal, *row, plan):
            cut = min(len(logits), max(0, len(keep) - start))  # kept places come first
            asked, told = logits[:cut], logits[cut:]
            if len(told):
                first = start + len(asked) - len(keep)
                target = targets[first : first + len(told), None]
                nats.append(told.logsumexp(-1).double() - told.gather(1, target)[:, 0].double())
            if len(asked):
                best, chosen = asked.max(-1)
                tokens.append(chosen)
                if self.exact:
                    bound = best - NEAR * torch.linalg.vector_norm(asked, float("inf"), -1)
                    near.append(asked.scatter(-1, chosen[:, None], float("-inf")).amax(-1) > bound)
            start += len(logits)
        for (_, _, index), value in zip(scored, torch.cat(nats).tolist() if nats else (), strict=True):
            self.result.nats[index] += value
        tokens = torch.cat(tokens).tolist()  # waits for the device, so the clock behind it is honest
        return tokens, torch.cat(near).tolist() if near else [False] * len(tokens)

    def _alone(self, ids: list[int]) -> int:
        """The most likely token behind a text, from a forward of that text alone."""
        return self._choose(ids, list(range(len(ids))), [len(ids) - 1], Separate([len(ids)], self.way))[0][0]

    def _take(self, row: _Row, guess: list[int], tokens: list[int], near: list[bool]) -> bool:
        """Add to an answer the tokens that the model chose, up to the first wrong guess; returns whether it has ended."""
        answer, before, ended = self.result.answers[row.index], len(row.ids), False
        for place, token in enumerate(tokens):
            token = self._alone(row.ids) if near[place] else token
            row.ids.append(token)
            if token in self.stop_ids:
                self.result.finished[row.index] = ended = True
                break
            answer.append(token)
            ended = len(answer) == self.limit
            if ended or token not in guess[place : place + 1]:
                break
        self.drafter.learn(len(guess), len(row.ids) - before - 1)
        now, new = time.perf_counter(), len(row.ids) - before
        # Tokens that one forward gave together share its time.
        self.result.token_seconds += [(now - row.last) / new] * new
        self.result.token_first += [not row.cached, *[False] * (new - 1)]
        row.last, row.cached = now, len(row.ids) - 1
        return ended


def beyond(conversation: Encoded | None, prompt: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens of a conversation behind its prompt that something is predicted from, and (place, token that it has to predict)."""
    if conversation is None:
        return [], []
    asked = [(place - 1, label) for place, label in enumerate(conversation.labels) if place and label != IGNORED]
    return conversation.input_ids[prompt : asked[-1][0] + 1], asked


def by_length(order: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    """The order, which goes from long to short, cut where a size falls below half of its group's first.

    All rows of a batch attend over as many places as its longest one has: a few long texts would make every short one as dear.
    """
    groups: list[list[int]] = []
    for index in order:
        if not groups or 2 * sizes[index] < sizes[groups[-1][0]]:
            groups.append([])
        groups[-1].append(index)
    return groups
