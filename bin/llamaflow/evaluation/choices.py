"""Multiple choice by likelihood: which option the model expects most as its answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING

from ..chat import plain, prompt_ids, render
from .items import Item

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# What goes into the settings of a suite's accuracy.
SETTINGS = {"choices": "log-likelihood of the option after the chat prompt, per UTF-8 byte (acc_norm), its turn's end not counted"}


@dataclass(frozen=True)
class Chosen:
    """The option with the fewest nats per byte, and the nats of every option in their order."""

    choice: int
    nats: list[float]


def answer_choices(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Item],
    *,
    max_length: int,
    batch_size: int = 16,
    done: Callable[[int, dict], None] | None = None,
) -> list[Chosen]:
    """Answer choice items in their order. max_length: tokens of prompt and option; a longer prompt loses its beginning.

    As acc_norm of the Language Model Evaluation Harness (Gao et al. 2021): per byte, for per token would favour options that the
    tokenizer knows, and none at all the short ones. Of equal options the first is chosen, and a number that is not finite loses.
    """
    from ..metrics.likelihood import continuation_nats

    pairs = [pair for item in items for pair in option_pairs(tokenizer, item, max_length)]
    nats = iter(continuation_nats(model, pairs, tokenizer.pad_token_id or 0, batch_size, done))
    return [choose(item, [float(next(nats)) for _ in item.choices]) for item in items]


def choose(item: Item, nats: Sequence[float]) -> Chosen:
    """The choice that these nats mean."""
    per_byte = [value / len(choice.encode("utf-8", "replace")) for value, choice in zip(nats, item.choices, strict=True)]
    per_byte = [value if math.isfinite(value) else math.inf for value in per_byte]
    return Chosen(per_byte.index(min(per_byte)), list(nats))


def option_pairs(tokenizer: PreTrainedTokenizerBase, item: Item, max_length: int) -> list[tuple[list[int], list[int]]]:
    """(context ids, continuation ids) of each option; the contexts of an item are equal.

    Prompt and option are tokenized as one text, as a model meets them in training. Where a token reaches across the border
    (SentencePiece after '[/INST] ', say), the context ends before it for all options and the token belongs to the continuation.
    """
    text, prompt = render(tokenizer, item.messages, generate=True), prompt_ids(tokenizer, item.messages)
    bare = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    bos = prompt[: len(prompt) - len(bare)]
    options = [plain(tokenizer, choice.strip()) for choice in item.choices]
    wholes = [bos + list(tokenizer(text + option, add_special_tokens=False)["input_ids"]) for option in options]
    border = len(commonprefix([prompt, *wholes]))
    # An option that tokens of the prompt swallowed whole still needs one token of its own.
    border = min([border, *(len(whole) - 1 for whole in wholes)])
    pairs = []
    for whole in wholes:
        continuation = whole[border:][: max_length - 1]
        room = max(1, max_length - len(continuation))
        pairs.append((whole[:border][-room:], continuation))
    return pairs
