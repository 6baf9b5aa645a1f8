"""The GPU part: random weights in the shape of Llama models, rows of 4096 tokens, LlamaFlow beside TRL with Liger kernels."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llamaflow.files import write_json
from llamaflow.summaries import BaseModelSummary

from . import data
from .contest import OURS, TRL, Contestant, compete, table
from .peak import MatmulPeak

ROW, ROWS_PER_STEP = 4096, 8
STEPS = {"llama-3.2-1b": 20, "llama-3-8b": 6}
# As their configurations say; the weights of a speed test need no training.
SHAPES: dict[str, dict[str, Any]] = {
    "llama-3.2-1b": {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 64, "vocab_size": 128256, "tie_word_embeddings": True,
    },
    "llama-3-8b": {
        "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "head_dim": 128, "vocab_size": 128256, "tie_word_embeddings": False,
    },
}  # fmt: skip


class Base(NamedTuple):
    """A folder as FETCH_BASE writes it, and its summary beside it."""

    folder: Path
    summary: Path


def measure(
    conversations: Path, tokenizer_of: Path, folder: Path, job: dict[str, Any], shapes: Iterable[str] = SHAPES
) -> dict[str, dict[str, Any]]:
    """Shape -> speed, share of peak, memory and ratio to TRL, of LlamaFlow. Needs a GPU."""
    from llamaflow.models import load_tokenizer

    tokenizer, peak, figures = load_tokenizer(tokenizer_of), MatmulPeak("cuda"), {}
    for name in shapes:
        files = data.write(conversations, folder / f"{name}-data", tokenizer, ROW * ROWS_PER_STEP * STEPS[name], ROW)
        base = random_base(name, SHAPES[name], tokenizer_of, folder / name, "cuda")
        shared = job | {
            "base": str(base.folder), "base_summary": str(base.summary), "train": str(files.train), "validation": str(files.validation),
            "epochs": files.epochs, "max_length": ROW, "pack_length": ROW, "rows_per_step": ROWS_PER_STEP,
        }  # fmt: skip
        runs, why = compete(contestants(), shared, folder / f"{name}-runs", 1, peak.measure)
        shares = {run.name: peak.share(run, base.folder, files.work, job["rank"]) for run in runs.values()}
        ours, theirs = runs["llamaflow"], [run for run in runs.values() if run.name != "llamaflow"]
        print(f"\n{name}, {files.budget} tokens in rows of {ROW}, matrix product {peak.best / 1e12:.0f} TFLOP/s")
        print(table(list(runs.values()), {}, shares, "llamaflow"), *(f"  {one}: {reason}" for one, reason in why.items()), sep="\n")
        best = max((run.tokens_per_second for run in theirs), default=None)
        figures[name] = {
            "tokens_per_second": round(ours.tokens_per_second, 1),
            "share_of_peak": round(shares[ours.name], 4),
            "peak_memory_gb": round(ours.peak_bytes / 1e9, 2),
            "vs_trl_liger": best and round(ours.tokens_per_second / best, 3),
            "not_measured": why,
        }
        shutil.rmtree(base.folder)
    return figures


def contestants() -> list[Contestant]:
    """LlamaFlow compiled, as it is from 200 steps on, and TRL without checkpointing: packed rows, one or four at a time.

    TRL attends by what is fastest with packed rows and comes with torch, and by flash attention where that is installed.
    """
    theirs = [
        Contestant(
            f"trl liger {kind} {rows}", TRL, "trl_runner.py",
            {
                "name": "gpu", "model": {"attn_implementation": kind},
                "config": {"per_device_train_batch_size": rows, "gradient_accumulation_steps": ROWS_PER_STEP // rows},
            },
        )
        for kind, rows in (("flex_attention", 4), ("flex_attention", 1), ("flash_attention_2", 4), ("sdpa", 1))
    ]  # fmt: skip
    return [Contestant("llamaflow", OURS, "llamaflow_runner.py", {"compile": "on"}), *theirs]


def random_base(name: str, shape: dict[str, Any], tokenizer_of: Path, folder: Path, device: str) -> Base:
    """A Llama of that shape with random bf16 weights, drawn on the device and written once; with another model's tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from llamaflow.models import load_tokenizer

    tokenizer = load_tokenizer(tokenizer_of)
    config = LlamaConfig(
        **shape, max_position_embeddings=2 * ROW, rope_parameters={"rope_type": "default", "rope_theta": 500000.0}, dtype="bfloat16",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(17)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    summary = BaseModelSummary(
        name=name, source="random weights", architecture="LlamaForCausalLM", parameters=sum(one.numel() for one in model.parameters()),
        context_length=2 * ROW, vocabulary=shape["vocab_size"], dtype="bf16", bytes=sum(one.stat().st_size for one in folder.iterdir()),
        digest="0" * 64,
    )  # fmt: skip
    write_json(folder.with_suffix(".json"), summary)
    del model
    if device == "cuda":
        torch.cuda.empty_cache()  # the contestants need it
    return Base(folder, folder.with_suffix(".json"))
