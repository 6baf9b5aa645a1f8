"""Peak memory of bin/finetune.py as it promises to fall: plain, gradient checkpointing, QLoRA, both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llamaflow.estimate import GIB

from .contest import OURS, Contestant, Run, train

VARIANTS = {
    "plain": {},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "QLoRA (nf4)": {"quantization": "nf4"},
    "both": {"gradient_checkpointing": True, "quantization": "nf4"},
}
# Long rows: activations are what checkpointing is for.
COMMON = {"pack_length": 2048, "batch_size": 1, "max_steps": 3, "compile": "off"}


def measure(job: dict[str, Any], folder: Path) -> dict[str, dict[str, float]]:
    """Variant -> predicted and measured peak (GiB) and tokens a second; printed as a table, too."""
    figures = {}
    print(f"\nmemory of LlamaFlow, rows of {COMMON['pack_length']} tokens (GiB; predicted: before the model is loaded)", flush=True)
    for name, overrides in VARIANTS.items():
        run = train(Contestant(name, OURS, "llamaflow_runner.py", COMMON | overrides), job, folder / name.replace(" ", "-"))
        figures[name] = row(run)
    print(f"  {'':<24}{'measured':>10}{'predicted':>11}{'error %':>9}{'tokens/s':>10}")
    for name, one in figures.items():
        predicted = f"{one['predicted_gib']:>11.2f}{one['error_percent']:>9.1f}" if one["predicted_gib"] else f"{'-':>11}{'-':>9}"
        print(f"  {name:<24}{one['measured_gib']:>10.2f}{predicted}{one['tokens_per_second']:>10.1f}")
    return figures


def row(run: Run) -> dict[str, float | None]:
    """Figures of one variant, from the summary that training itself wrote."""
    measured, predicted = run.summary["peak_memory_bytes"] / GIB, run.summary["predicted"].get("memory_gib")
    return {
        "measured_gib": round(measured, 3),
        "predicted_gib": predicted and round(predicted, 3),
        "error_percent": predicted and round(100 * (predicted / measured - 1), 1),
        "tokens_per_second": round(run.tokens_per_second, 1),
    }
