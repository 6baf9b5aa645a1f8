"""Conversations to token ids and labels, for any chat template.

Which tokens are supervised is found by rendering prefixes: what the template adds when an assistant turn is
appended to the turns before it (plus the generation prompt) is what the model has to learn, up to and
including the token that ends the turn. Nothing of the template's own text is supervised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from os.path import commonprefix
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from .errors import BadInputError
from .records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100


@dataclass(frozen=True)
class Encoded:
    """One conversation as tokens. labels[i] is input_ids[i] where supervised, else -100 (not shifted).

    length: tokens before anything was cut.
    """

    input_ids: list[int]
    labels: list[int]
    truncated: bool = False
    length: int = field(default=0, compare=False)

    @property
    def supervised(self) -> int:
        """Number of supervised tokens that a causal model can learn (the first token has no context)."""
        return sum(label != IGNORED for label in self.labels[1:])


def encode(tokenizer: PreTrainedTokenizerBase, messages: list[Message], max_length: int) -> Encoded:
    """Tokenize a conversation and label its assistant turns.

    Longer than max_length tokens: cut behind the last assistant turn that ends within it, so that no answer is
    learned without its end; without such a turn nothing is supervised and the caller drops the example.
    Raises BadInputError when the chat template is missing or does not render assistant turns.
    """
    text = render(tokenizer, messages)
    spans = assistant_spans(tokenizer, messages, text)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoding["input_ids"]), encoding["offset_mapping"]
    labels, turn = [IGNORED] * len(ids), 0
    ends: dict[int, int] = {}  # turn -> how many tokens there are up to its end
    for index, (start, end) in enumerate(offsets):
        while turn < len(spans) and start >= spans[turn][1]:
            turn += 1
        if turn < len(spans) and start >= spans[turn][0] and end <= spans[turn][1] and end > start:
            labels[index] = ids[index]
            if end == spans[turn][1]:
                ends[turn] = index + 1  # the last one wins: the parts of one character all end where it ends
    if spans and messages[-1].role == "assistant" and labels and not _ends_turn(tokenizer, labels):
        # The template does not close the last turn: the model must still learn to stop.
        last = ends.get(len(spans) - 1, len(ids))
        ids, labels = [*ids[:last], tokenizer.eos_token_id], [*labels[:last], tokenizer.eos_token_id]
        ends[len(spans) - 1] = len(ids)
    prefix = _missing_bos(tokenizer, ids)
    ids, labels = prefix + ids, [IGNORED] * len(prefix) + labels
    if len(ids) <= max_length:
        return Encoded(ids, labels, length=len(ids))
    kept = max((end + len(prefix) for end in ends.values() if end + len(prefix) <= max_length), default=0)
    return Encoded(ids[:kept], labels[:kept], truncated=True, length=len(ids))


def prompt_ids(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> list[int]:
    """Token ids of everything before the last assistant turn, with the generation prompt, as at inference."""
    before = messages[:-1] if messages[-1].role == "assistant" else messages
    ids = list(tokenizer(render(tokenizer, before, generate=True), add_special_tokens=False)["input_ids"])
    return _missing_bos(tokenizer, ids) + ids


def tokens_of(tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """Token ids of a rendered text and the characters that each stands for; a BOS put in front stands for none."""
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, places = list(encoding["input_ids"]), [tuple(place) for place in encoding["offset_mapping"]]
    prefix = _missing_bos(tokenizer, ids)
    return prefix + ids, [(0, 0)] * len(prefix) + places


def render(tokenizer: PreTrainedTokenizerBase, messages: list[Message], generate: bool = False) -> str:
    """The chat template's text for these turns; generate adds the generation prompt."""
    if not tokenizer.chat_template:
        raise BadInputError(
            "the base model has no chat template",
            why="without one nobody knows how a conversation is written for it",
            fix="name one with --chat_template (chatml, llama3 or a .jinja file)",
        )
    if not messages:
        return ""
    turns = [{"role": message.role, "content": plain(tokenizer, message.content)} for message in messages]
    try:
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate)
    except TemplateError as error:  # broken, or it refuses this order of roles
        raise BadInputError(
            "the chat template cannot write a conversation",
            why=f"{type(error).__name__}: {error} (roles: {', '.join(message.role for message in messages)})",
            fix="name another template with --chat_template (chatml, llama3 or a .jinja file), or leave such conversations out",
        ) from None


def assistant_spans(tokenizer: PreTrainedTokenizerBase, messages: list[Message], text: str) -> list[tuple[int, int]]:
    """Character spans of the assistant turns in the rendered text, turn-end token included, trailing space not."""
    spans = []
    for index, message in enumerate(messages):
        if message.role != "assistant":
            continue
        before = render(tokenizer, messages[:index], generate=True)  # empty for a first turn: no prompt precedes it
        after = render(tokenizer, messages[: index + 1])
        if not text.startswith(after):
            # Some templates rewrite earlier turns (reasoning removed): such a turn is never seen like this again.
            continue
        start = len(before) if before and after.startswith(before) else _content_start(tokenizer, messages, index, after)
        end = len(after.rstrip())
        if start is not None and end > start:
            spans.append((start, end))
    if not spans and any(message.role == "assistant" and message.content.strip() for message in messages):
        raise BadInputError(
            "the chat template does not show assistant turns as they were given",
            why="no supervised token can be found by rendering prefixes of a conversation",
            fix="name another template with --chat_template (chatml, llama3 or a .jinja file)",
        )
    return spans


def _content_start(tokenizer: PreTrainedTokenizerBase, messages: list[Message], index: int, after: str) -> int | None:
    """Where the turn's own words begin when its generation prompt is not what the finished turn starts with."""
    turn = messages[index]
    # Where it parts from the same turn with another first letter: looking for the words would find them in a header.
    other = turn.model_copy(update={"content": "b" if turn.content.strip()[:1] == "a" else "a"})
    start = len(commonprefix([after, render(tokenizer, [*messages[:index], other])]))
    return start if after[start:].lstrip().startswith(plain(tokenizer, turn.content).strip()) else None


def plain(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """A record's text with a blank inside whatever the tokenizer would read as a control token.

    Otherwise who writes ``<|im_end|>`` into a ticket could forge turns, and an answer would be learned with its end
    in the middle.
    """
    return _control_tokens(tokenizer).sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


@lru_cache(maxsize=8)
def _control_tokens(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    tokens = sorted({*added, *tokenizer.all_special_tokens}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, tokens)) or r"(?!)")


def _ends_turn(tokenizer: PreTrainedTokenizerBase, labels: list[int]) -> bool:
    """Whether the last supervised token is one that ends a turn (EOS or another special token)."""
    last = next((label for label in reversed(labels) if label != IGNORED), None)
    return last is None or last == tokenizer.eos_token_id or last in tokenizer.all_special_ids or tokenizer.eos_token_id is None


def _missing_bos(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """[BOS] when the tokenizer would put one in front and the template did not, else nothing: never two."""
    bos = tokenizer.bos_token_id
    if bos is None or ids[:1] == [bos]:
        return []
    return [bos] if tokenizer("a").input_ids[:1] == [bos] else []
