"""How much a model's answers hang on their questions: what the own prompt tells of the reference answer, beside another one's prompt.

A model trained on answers that do not belong to their questions expects answers of the right kind, and perplexity and word overlap
call that progress. It has learnt to pass over the question, and this shows here: pointwise mutual information of prompt and answer
(as in Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models", https://aclanthology.org/N16-1014).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..chat import prompt_ids, render
from ..records import Message
from .items import Item

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Asked at most: the mean of so many is known to a tenth of a bit or two, and each costs as much as to score two conversations.
ANSWERS = 64
LARGEST = 3.0  # bits a token that one answer may add or take: a "Yes." of two tokens must not outweigh twenty long answers


def prompt_gain(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Item],
    *,
    max_length: int,
    seed: int,
    batch_size: int,
    done: Callable[[int, dict], None] | None = None,
) -> dict[str, float]:
    """Item id -> bits a token of the reference answer that its own prompt saves over another item's prompt of its language.

    At most LARGEST either way. items have references. Left out are items whose language has no second one, and answers of which nothing
    fits into max_length.
    """
    from ..metrics.likelihood import continuation_nats

    prompts = {item.id: prompt_ids(tokenizer, item.messages) for item in items}
    others = partners(items, seed)
    pairs, asked = [], []
    for item in items:
        answer = _answer_ids(tokenizer, item, max_length)
        if item.id not in others or not answer:
            continue
        room = max_length - len(answer)
        pairs += [(prompts[item.id][-room:], answer), (prompts[others[item.id]][-room:], answer)]
        asked.append((item.id, len(answer)))
    nats = iter(continuation_nats(model, pairs, tokenizer.pad_token_id or 0, batch_size, done))
    gains = {name: (-next(nats) + next(nats)) / tokens / math.log(2) for name, tokens in asked}
    return {name: max(-LARGEST, min(LARGEST, gain)) for name, gain in gains.items()}


def partners(items: Sequence[Item], seed: int) -> dict[str, str]:
    """Item id -> id of the item whose prompt stands in: the next one of the language in an order that seed and ids decide."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(item.lang, []).append(item.id)
    found: dict[str, str] = {}
    for group in groups.values():
        ring = sorted(group, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
        found |= {name: ring[(place + 1) % len(ring)] for place, name in enumerate(ring) if len(ring) > 1}
    return found


def _answer_ids(tokenizer: PreTrainedTokenizerBase, item: Item, max_length: int) -> list[int]:
    """The reference's tokens behind the prompt, its turn's end included; at most half of max_length of them."""
    turns = [*item.messages, Message(role="assistant", content=item.reference or "")]
    text, before = render(tokenizer, turns), render(tokenizer, item.messages, generate=True)
    if not text.startswith(before):
        return []
    return list(tokenizer(text[len(before) :].rstrip(), add_special_tokens=False)["input_ids"])[: max_length // 2]
