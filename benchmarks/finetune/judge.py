#!/usr/bin/env python3
"""One judge for all adapters: nats per assistant token on the validation set, in fp32, one example at a time.

    judge.py --base base --validation validation.jsonl --result losses.json ADAPTER ...

No packing, no fused loss, nothing of the engine that is measured: the base's weights and the adapter's, both widened to fp32, and
torch's cross-entropy. The base model itself is judged too, under the name "base".
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from llamaflow.chat import IGNORED, Encoded, encode  # noqa: E402
from llamaflow.errors import run_step  # noqa: E402
from llamaflow.files import write_json  # noqa: E402
from llamaflow.models import load_model, load_tokenizer  # noqa: E402
from llamaflow.progress import Progress  # noqa: E402
from llamaflow.records import read_records  # noqa: E402

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("adapters", type=Path, nargs="*")
    arguments = parser.parse_args(argv)
    tokenizer = load_tokenizer(arguments.base)
    examples = [encode(tokenizer, record.messages, arguments.max_length) for record in read_records(arguments.validation)]
    losses = {}
    with Progress("judge", (1 + len(arguments.adapters)) * len(examples), "examples") as progress:
        for adapter in (None, *arguments.adapters):
            model = load_model(arguments.base, adapter, precision="fp32")
            losses["base" if adapter is None else str(adapter)] = loss(model, examples, progress.update)
    write_json(arguments.result, losses)


def loss(model: PreTrainedModel, examples: list[Encoded], done=lambda: None) -> float:
    """Mean negative log-likelihood of the labelled tokens, in nats."""
    import torch

    nats, tokens = 0.0, 0
    with torch.no_grad():
        for example in examples:
            ids = torch.tensor([example.input_ids], device=model.device)
            targets = torch.tensor(example.labels[1:], device=model.device)
            labelled = targets != IGNORED
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1][labelled]
            nats += torch.nn.functional.cross_entropy(logits.double(), targets[labelled], reduction="sum").item()
            tokens += int(labelled.sum())
            done()
    return nats / tokens


if __name__ == "__main__":
    sys.exit(run_step(main))
