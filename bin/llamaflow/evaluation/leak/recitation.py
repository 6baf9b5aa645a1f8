"""Does the model go on with training answers word for word (Carlini et al. 2022, Quantifying Memorization)?

Counted are runs of words that greedy decoding would give after the conversation and the answer so far, that no turn before
holds, and that few other training records hold. Held-out answers are the control: what a template makes predictable is said
there as well.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from llamaflow.chat import assistant_spans, render, tokens_of
from llamaflow.errors import BadInputError

from .forced import Shown
from .probes import Probes, Reading

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Recital:
    """What was found of one conversation. longest: words in a row that count, 0 or at least the limit; said: share of its answers' words
    that greedy decoding gives, 0..1; stock: longest run that is said and is a stock phrase."""

    reading: Reading
    longest: int
    stock: int
    said: float
    words: int


@dataclass(frozen=True)
class Prepared:
    """A conversation as tokens. words: for each answer the places (into shown.asked) of each word's tokens;
    counted: for each run of words whether it counts when it is said."""

    reading: Reading
    shown: Shown
    words: list[list[range]]
    counted: list[np.ndarray]


def prepare(tokenizer: PreTrainedTokenizerBase, reading: Reading, probes: Probes) -> Prepared | None:
    """None where no answer of enough words lies within the limits, or the chat template shows none."""
    record, limits = reading.record, probes.limits
    messages = list(record.messages)
    while messages and messages[-1].role != "assistant":
        messages.pop()
    text = render(tokenizer, messages)
    try:
        spans = assistant_spans(tokenizer, messages, text)
    except BadInputError:
        return None
    ids, places = tokens_of(tokenizer, text)
    ids, places = ids[: limits.max_length], places[: limits.max_length]
    ends = [end for _, end in places]
    control = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    asked, words, counted = list[int](), list[list[range]](), list[np.ndarray]()
    for start, end in spans:
        if not start:
            continue  # nothing precedes it: there is no prompt
        # The token that ends the turn is no word of it.
        inside = range(bisect_left(ends, start + 1), len(ids))
        end = next((places[index][0] for index in inside if ids[index] in control and places[index][0] >= start), end)
        said, hashes = probes.runs.read(text[start:end])
        mine = list[range]()
        for first, last in said:
            tokens = _covering(places, ends, start + first, start + last)
            if not tokens or places[tokens[-1]][1] < start + last or not tokens[0]:
                break  # cut off
            mine.append(range(len(asked), len(asked) + len(tokens)))
            asked += tokens
        kept = hashes[: max(0, len(mine) - limits.words + 1)]
        before = probes.runs.of([text[:start]])
        rare = probes.holders.count(kept) - reading.trained <= limits.stock
        words.append(mine)
        counted.append(rare & ~np.isin(kept, before))
    if not any(len(one) for one in counted):
        return None
    return Prepared(reading, Shown(ids[: max(asked) + 1], asked), words, counted)


def judge(prepared: Prepared, hits: np.ndarray, length: int) -> Recital:
    """hits (len(asked),): the tokens that greedy decoding gives; length: words of a run."""
    longest = stock = said = total = 0
    for words, counted in zip(prepared.words, prepared.counted, strict=True):
        given = np.array([bool(hits[tokens.start : tokens.stop].all()) for tokens in words], bool)
        said, total = said + int(given.sum()), total + len(given)
        if not len(counted):
            continue
        whole = np.lib.stride_tricks.sliding_window_view(given, length).all(axis=1)
        longest = max(longest, _longest(whole & counted, length))
        stock = max(stock, _longest(whole & ~counted, length))
    return Recital(prepared.reading, longest, stock, said / max(total, 1), total)


def _longest(runs: np.ndarray, length: int) -> int:
    """Words of the longest stretch of neighbouring runs; 0 without any."""
    best = here = 0
    for one in runs.tolist():
        here = here + 1 if one else 0
        best = max(best, here)
    return best + length - 1 if best else 0


def _covering(places: list[tuple[int, int]], ends: list[int], start: int, end: int) -> list[int]:
    """Tokens that hold any of the characters start to end."""
    first = bisect_left(ends, start + 1)
    last = first
    while last < len(places) and places[last][0] < end:
        last += 1
    return list(range(first, last))
