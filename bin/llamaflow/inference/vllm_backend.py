"""Greedy generation by vLLM, where it is installed: the same prompts, tokens for tokens, from the same folders."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..generation import Generated


def generate(
    model: PreTrainedModel, folders: tuple[Path, Path | None] | None, prompts: Sequence[Sequence[int]], stop_ids: set[int], limit: int,
    batch_size: int, result: Generated, done: Callable[[int, dict], None] | None,
) -> None:  # fmt: skip
    """Fill result. folders: of the base model and of the adapter, which vLLM reads itself; model says precision only."""
    if importlib.util.find_spec("vllm") is None:
        raise BadInputError(
            "vLLM is not installed", why="the back end 'vllm' was asked for", fix="install vllm, or leave the back end 'auto'"
        )
    if folders is None:
        raise ValueError("vLLM reads the model itself: folders are needed")
    from vllm import LLM, SamplingParams, TokensPrompt
    from vllm.lora.request import LoRARequest

    base, adapter = folders
    longest = max(len(prompt) for prompt in prompts) + limit
    rank = model.peft_config["default"].r if adapter else 16
    engine = LLM(
        model=str(base), dtype=str(model.dtype).removeprefix("torch."), max_model_len=longest, max_num_seqs=batch_size, seed=0,
        enable_lora=adapter is not None, max_lora_rank=max(16, rank), enable_prefix_caching=True, disable_log_stats=False,
    )  # fmt: skip
    wanted = SamplingParams(temperature=0.0, max_tokens=limit, stop_token_ids=sorted(stop_ids), detokenize=False)
    began = time.perf_counter()
    outputs = engine.generate(
        [TokensPrompt(prompt_token_ids=list(prompt)) for prompt in prompts], wanted, use_tqdm=False,
        lora_request=LoRARequest("adapter", 1, str(adapter)) if adapter else None,
    )  # fmt: skip
    result.seconds = time.perf_counter() - began
    for index, output in enumerate(outputs):
        tokens = list(output.outputs[0].token_ids)
        end = next((place for place, token in enumerate(tokens) if token in stop_ids), len(tokens))
        result.answers[index], result.finished[index] = tokens[:end], end < len(tokens)
        _times(output.metrics, len(tokens), result)
    if done:
        done(len(prompts), {"tokens_per_second": len(result.token_seconds) / result.seconds})


def _times(metrics: object, tokens: int, result: Generated) -> None:
    """vLLM tells when an answer's first and last token came: those between them share the time."""
    first = getattr(metrics, "first_token_latency", None)
    start, end = getattr(metrics, "first_token_ts", None), getattr(metrics, "last_token_ts", None)
    if not tokens or first is None or start is None or end is None:
        return
    result.token_seconds += [first, *[(end - start) / max(tokens - 1, 1)] * (tokens - 1)]
    result.token_first += [True, *[False] * (tokens - 1)]
