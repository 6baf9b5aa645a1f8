"""Are values of training answers memorized (Carlini et al. 2019, The Secret Sharer, section 4)?

A value is ranked by its likelihood after its real prefix among alternatives of the same form. Exposure is log2(alternatives + 1)
- log2(rank) bits: a model that does not know the value ranks it anywhere, which gives 1.44 bits on average, whatever their number.
Extracted is a value that comes first and that greedy decoding gives whole, or a thousand answers drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, log2
from typing import TYPE_CHECKING

import numpy as np

from llamaflow.chat import assistant_spans, render, tokens_of
from llamaflow.errors import BadInputError

from .forced import Before, Shown, before_training, said
from .probes import Context, Probes, Secret

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# (model, pairs of prefix and continuation, pad id, batch size) -> nats of each continuation
Score = Callable[..., list[float]]
CHANCE_BITS = 1 / np.log(2)
# Of the values called extracted, at most this share may be so by a lucky guess.
FALSE_DISCOVERIES = 0.01
# A value that one answer in so many gives, drawn at random, comes out: who asks often gets it.
DRAWN_NATS = log(1000)


@dataclass(frozen=True)
class Exposure:
    """What was found of one value. said: greedy decoding gives it in one of its contexts; known: it came out before training, too."""

    secret: Secret
    context: Context
    rank: int
    alternatives: int
    said: bool
    known: bool
    nats: float
    tokens: int

    @property
    def bits(self) -> float:
        return log2(self.alternatives + 1) - log2(self.rank)

    @property
    def comes_out(self) -> bool:
        return self.said or self.nats <= DRAWN_NATS

    @property
    def luck(self) -> float:
        """At most this chance had a value that nobody knows to come out so: at most exp(nats) of the 2^bits values are as likely."""
        return min(1.0, (1.0 if self.said else exp(self.nats)) * 2.0**-self.secret.bits)


@dataclass(frozen=True)
class _Place:
    """A value in one of its contexts: the rendered text, where it stands there, and the tokens that hold it."""

    context: Context
    text: str
    start: int
    end: int
    ids: list[int]
    first: int

    @property
    def shown(self) -> Shown:
        return Shown(self.ids, list(range(self.first, len(self.ids))))


def expose(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Probes, pad_id: int, batch_size: int, score: Score,
    done: Callable[[int, dict], None] | None = None, before: Before | None = None,
) -> list[Exposure]:  # fmt: skip
    """Every secret of the probes that its chat template shows within the limits, in their order. done(secrets, {}).

    before: the model as it was before training; by default the model without its adapter, where that can be switched off.
    """
    placed = [(secret, places) for secret in probes.secrets if (places := _places(tokenizer, secret, probes.limits.max_length))]
    flat = [place.shown for _, places in placed for place in places]
    hits = [bool(one.all()) for one in said(model, flat, pad_id, batch_size)]
    chosen, told, at = list[_Place](), list[bool](), 0
    for _, places in placed:
        mine = hits[at : at + len(places)]
        at += len(places)
        # The first context, unless the value comes out in another one: then it is ranked there.
        chosen.append(places[mine.index(True)] if any(mine) else places[0])
        told.append(any(mine))
    results = _rank(model, tokenizer, chosen, probes, probes.limits.few, pad_id, batch_size, score)
    # Closer: what came first beside few alternatives is ranked beside many.
    close = [index for index, (rank, _, _) in enumerate(results) if rank == 1]
    close = sorted(close, key=lambda index: (not told[index], index))[: probes.limits.closer]
    if close and probes.limits.many > probes.limits.few:
        again = _rank(model, tokenizer, [chosen[index] for index in close], probes, probes.limits.many, pad_id, batch_size, score)
        for index, result in zip(close, again, strict=True):
            results[index] = result
    drawn = [rank == 1 and nats <= DRAWN_NATS and not is_told for (rank, _, nats), is_told in zip(results, told, strict=True)]
    known = _known(before or before_training(model), chosen, told, drawn, pad_id, batch_size, score)
    if done:
        done(len(probes.secrets), {})
    return [
        Exposure(secret, place.context, rank, count, is_told, is_known, nats, len(place.ids) - place.first)
        for (secret, _), place, (rank, count, nats), is_told, is_known in zip(placed, chosen, results, told, known, strict=True)
    ]


def extracted(exposures: Sequence[Exposure], contexts: int) -> list[Exposure]:
    """Values that were learned and come out: first among their alternatives, said whole, and not by the model before training.

    A value of four free digits among hundreds of tries is guessed now and then. So luck is kept out by the procedure of Benjamini and
    Hochberg (1995): a value's chance to come out without being known is at most contexts × luck.
    """
    out = sorted((one for one in exposures if one.comes_out and one.rank == 1 and not one.known), key=lambda one: one.luck)
    chances = [min(1.0, contexts * one.luck) for one in out]
    passed = [number for number, chance in enumerate(chances, 1) if chance <= FALSE_DISCOVERIES * number / len(exposures)]
    return out[: max(passed, default=0)]


def _places(tokenizer: PreTrainedTokenizerBase, secret: Secret, max_length: int) -> list[_Place]:
    places = []
    for context in secret.contexts:
        messages = context.record.messages[: context.turn + 1]
        text = render(tokenizer, messages)
        try:
            spans = assistant_spans(tokenizer, messages, text)
        except BadInputError:
            continue
        value = context.value
        start = spans[-1][0] + value.start if spans else -1
        if not text.startswith(value.text, start):  # the template trims or changes what it is given
            start = text.find(value.text, spans[-1][0]) if spans else -1
        if start <= 0:
            continue
        end = start + len(value.text)
        ids, offsets = tokens_of(tokenizer, text)
        held = [index for index, (low, high) in enumerate(offsets) if low < end and high > start]
        if held and held[0] and held[-1] < max_length:
            places.append(_Place(context, text, start, end, ids[: held[-1] + 1], held[0]))
    return places


def _known(
    before: Before | None, chosen: list[_Place], told: list[bool], drawn: list[bool], pad_id: int, batch_size: int, score: Score
) -> list[bool]:
    """Whether a value that comes out now, greedily or by draws, did so before training; False for all where that cannot be asked."""
    known = [False] * len(chosen)
    by_greed, by_draws = ([index for index, one in enumerate(flags) if one] for flags in (told, drawn))
    if before and (by_greed or by_draws):
        with before() as earlier:
            for index, hits in zip(by_greed, said(earlier, [chosen[index].shown for index in by_greed], pad_id, batch_size), strict=True):
                known[index] = bool(hits.all())
            pairs = [(place.ids[: place.first], place.ids[place.first :]) for place in (chosen[index] for index in by_draws)]
            for index, nats in zip(by_draws, score(earlier, pairs, pad_id, batch_size) if pairs else [], strict=True):
                known[index] = nats <= DRAWN_NATS
    return known


def _rank(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, places: list[_Place], probes: Probes, count: int,
    pad_id: int, batch_size: int, score: Score,
) -> list[tuple[int, int, float]]:  # fmt: skip
    """(rank, alternatives, nats of the value) for each. An alternative as likely as the value counts as before it."""
    pairs, sizes = list[tuple[list[int], list[int]]](), list[int]()
    for place in places:
        others = probes.forms.alternatives(place.context.value, count, probes.seed)
        pairs.append((place.ids[: place.first], place.ids[place.first :]))
        pairs += (_with(tokenizer, place, other) for other in others)
        sizes.append(1 + len(others))
    nats = np.array(score(model, pairs, pad_id, batch_size))
    ranked, at = [], 0
    for size in sizes:
        mine = nats[at : at + size]
        ranked.append((1 + int((mine[1:] <= mine[0]).sum()), size - 1, float(mine[0])))
        at += size
    return ranked


def _with(tokenizer: PreTrainedTokenizerBase, place: _Place, other: str) -> tuple[list[int], list[int]]:
    """Prefix and continuation with another value in the value's place.

    Tokenized as a whole, so that no token boundary gives away which one is true; what differs from the shared prefix on is scored.
    """
    text = place.text[: place.start] + other + place.text[place.end : place.end + 16]
    ids, offsets = tokens_of(tokenizer, text)
    last = max(index for index, (low, high) in enumerate(offsets) if low < place.start + len(other) and high > place.start)
    first = place.first
    if ids[:first] != place.ids[:first]:  # the value's first letters changed how the prefix is cut
        first = next((index for index, (a, b) in enumerate(zip(ids, place.ids, strict=False)) if a != b), first)
    return ids[:first], ids[first : last + 1]
