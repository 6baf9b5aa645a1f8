"""Batched greedy generation, and the time of every token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .chat import IGNORED, Encoded, encode
from .records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BACKENDS = ("auto", "transformers", "vllm")


@dataclass
class Generated:
    """Answers in the order of the prompts, without their stop token, and the seconds that tokens took.

    token_seconds and token_first have one entry per generated token (stop tokens included), see ``metrics.speed``. nats: of the
    supervised tokens of each conversation that was given along, 0 without.
    """

    answers: list[list[int]]
    finished: list[bool]
    token_seconds: list[float] = field(default_factory=list)
    token_first: list[bool] = field(default_factory=list)
    seconds: float = 0.0
    nats: list[float] = field(default_factory=list)


def generate_greedy(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    *,
    stop_ids: set[int],
    pad_id: int,
    max_new_tokens: int,
    batch_size: int,
    done: Callable[[int, dict], None] | None = None,
    backend: str = "auto",
    folders: tuple[Path, Path | None] | None = None,
    conversations: Sequence[Encoded | None] | None = None,
) -> Generated:
    """Continue each prompt with its most likely tokens until a stop token or max_new_tokens.

    batch_size answers are at work at a time; who has ended makes room for the next prompt. Rows do not see each other, and in fp32
    near ties are decided by a forward of that text alone: batch size and back end do not change an answer. In bf16 rounding may decide
    near ties otherwise. backend: "auto" (the project's own engine, or transformers for an architecture that it does not suit),
    "transformers" (``model.generate``), "vllm" (needs folders: base and adapter).

    conversations: for each prompt the whole conversation that begins with it, or None (see ``continues``). Its supervised tokens are
    scored in the forward that reads the prompt, which so is read once and not twice; the time of a first token then includes that.

    done(answers, {"tokens_per_second": so far}).
    Raises ValueError for an empty prompt or a limit below 1, BadInputError for a back end that is not there.
    """
    if max_new_tokens < 1 or batch_size < 1 or not all(len(prompt) for prompt in prompts):
        raise ValueError("every prompt needs a token, and max_new_tokens and batch_size must be at least 1")
    if backend not in BACKENDS:
        raise ValueError(f"no back end {backend!r}: {', '.join(BACKENDS)}")
    if conversations and not all(one is None or continues(one, prompt) for one, prompt in zip(conversations, prompts, strict=True)):
        raise ValueError("a conversation has to begin with its prompt and go on with supervised tokens")
    result = Generated([[] for _ in prompts], [False] * len(prompts), nats=[0.0] * len(prompts))
    if not prompts:
        return result
    from .inference import batching, forward, scoring, transformers_backend, vllm_backend

    longest = max(len(prompt) + max_new_tokens for prompt in prompts)
    longest = max([longest, *(len(one.input_ids) for one in conversations or () if one)])
    if backend == "vllm":
        vllm_backend.generate(model, folders, prompts, stop_ids, max_new_tokens, batch_size, result, done)
    elif backend == "auto" and forward.can_pack(model, longest):
        batching.Batch(model, prompts, stop_ids, max_new_tokens, batch_size, result, conversations).run(done)
        return result
    else:
        transformers_backend.generate(model, prompts, stop_ids, pad_id, max_new_tokens, batch_size, result, done)
    given = [index for index, one in enumerate(conversations or ()) if one]
    for index, nats in zip(given, scoring.conversation_nats(model, [conversations[index] for index in given], batch_size), strict=True):
        result.nats[index] = nats
    return result


def continues(conversation: Encoded, prompt: Sequence[int]) -> bool:
    """Whether a conversation can be scored along with the answer to this prompt: it begins with it, and is supervised behind it."""
    size = len(prompt)
    return conversation.input_ids[:size] == list(prompt) and any(label != IGNORED for label in conversation.labels[max(size, 1) :])


def stop_token_ids(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> set[int]:
    """Tokens that end an answer: EOS of tokenizer and generation config, and the one that ends a turn in the chat template."""
    configured = model.generation_config.eos_token_id if model.generation_config is not None else None
    stops = {tokenizer.eos_token_id} | set(configured if isinstance(configured, list) else [configured])
    turn = encode(tokenizer, [Message(role="user", content="a"), Message(role="assistant", content="b")], max_length=1 << 20)
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    stops |= {label for label in turn.labels if label != IGNORED and label in special}
    return {token for token in stops if token is not None}
