"""Train the tagger of bin/llamaflow/pii/ner and write its weights.

    PYTHONPATH=bin:. python -m training.ner.train --data ../shared/data --silver silver-en.jsonl --minutes 20 \\
        --out bin/llamaflow/pii/ner/weights.npz

The recipe: training/ner/corpus.py says what is read and in which shares; silver.py makes the --silver file. Names that
evaluation keeps for itself (--held-out) are never drawn. Samples are drawn anew all the time, so there are no epochs.
ordinary.py then adds the words that need no scoring.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from llamaflow.pii.ner.features import BUCKETS, features
from llamaflow.pii.ner.tagger import TAGS

from .corpus import Corpus, read_held_out

HELD_OUT = Path(__file__).parents[2] / "benchmarks" / "anonymize" / "held_out_names.txt"
EMBED, DENSE, HIDDEN = 64, 160, 64
DILATIONS = (1, 2, 4, 1)
# Conversations stand in one row; zeros as wide as the widest dilation keep them apart.
GAP = max(DILATIONS)


class Network(nn.Module):
    """The torch twin of llamaflow.pii.ner.tagger.Tagger."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(BUCKETS, EMBED, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        self.dense = nn.ModuleList([nn.Linear(EMBED, DENSE), nn.Linear(DENSE, HIDDEN)])
        self.conv = nn.ModuleList([nn.Linear(HIDDEN, 3 * HIDDEN, bias=False) for _ in DILATIONS])
        self.bias = nn.ParameterList([nn.Parameter(torch.zeros(HIDDEN)) for _ in DILATIONS])
        for conv in self.conv:
            nn.init.normal_(conv.weight, std=math.sqrt(1 / (3 * HIDDEN)))
        self.out = nn.Linear(HIDDEN, TAGS)
        self.dropout = nn.Dropout(0.15)

    def forward(self, buckets, offsets, places, mask):
        """buckets, offsets: features of the distinct tokens; places: (tokens,) into them; mask: (tokens, 1)."""
        x = self.table(buckets, offsets)
        for dense in self.dense:
            x = torch.relu(dense(x))
        x = self.dropout(x)[places] * mask
        for conv, bias, step in zip(self.conv, self.bias, DILATIONS, strict=True):
            mixed = conv(x)
            left = nn.functional.pad(mixed[:-step, :HIDDEN], (0, 0, step, 0))
            right = nn.functional.pad(mixed[step:, 2 * HIDDEN :], (0, 0, 0, step))
            x = (x + self.dropout(torch.relu(mixed[:, HIDDEN : 2 * HIDDEN] + bias + left + right))) * mask
        return self.out(x)


_FEATURES: dict[tuple[str, bool, bool], list[int]] = {}


def _features(token: str, word: bool, lists: bool) -> list[int]:
    key = (token, word, lists)
    if key not in _FEATURES:
        if len(_FEATURES) > 1_500_000:
            _FEATURES.clear()
        _FEATURES[key] = features(token, word, lists)
    return _FEATURES[key]


def batches(args, seed: int):
    """Arrays of one step: features of the distinct tokens and their offsets; for each token its place among those, 1 or 0 in a gap between
    conversations, and its tag (-100: no opinion)."""
    corpus = Corpus(args.data, args.silver, seed, read_held_out(args.held_out))
    rng = random.Random(seed + 1)
    source = corpus.examples()
    while True:
        known: dict[tuple[str, bool, bool], int] = {}
        places, mask, tags = [], [], []
        while len(places) < args.tokens:
            tokens, marks = next(source)
            lists = rng.random() > 0.3
            for token, mark in zip(tokens[:600], marks[:600], strict=True):
                word = rng.random() > (0.5 if mark > 0 else 0.15)
                places.append(known.setdefault((token, word, lists), len(known)))
                tags.append(mark if mark >= 0 else -100)
            mask += [1.0] * (len(places) - len(mask)) + [0.0] * GAP
            places += [0] * GAP
            tags += [-100] * GAP
        found = [_features(*key) for key in known]
        offsets = np.cumsum([0] + [len(one) for one in found[:-1]])
        yield (
            np.concatenate([np.asarray(one, np.int32) for one in found]),
            offsets.astype(np.int32),
            np.asarray(places, np.int32),
            np.asarray(mask, np.float32)[:, None],
            np.asarray(tags, np.int64),
        )


def _produce(args, seed: int, queue) -> None:
    for batch in batches(args, seed):
        queue.put(batch)


def quantized(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as 8-bit integers and their scales."""
    scale = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127
    return np.round(table / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def save(network: Network, path: Path) -> None:
    """Write the arrays that Tagger reads: 8-bit table, half precision for the rest."""
    table, scale = quantized(network.table.weight.detach().numpy())
    arrays = {"table": table, "table_scale": scale, "dilations": np.array(DILATIONS, np.int8)}
    for index, dense in enumerate(network.dense):
        arrays[f"dense{index}"] = dense.weight.detach().numpy().T.astype(np.float16)
        arrays[f"dense{index}_bias"] = dense.bias.detach().numpy().astype(np.float16)
    for index, (conv, bias) in enumerate(zip(network.conv, network.bias, strict=True)):
        arrays[f"conv{index}"] = conv.weight.detach().numpy().T.astype(np.float16)
        arrays[f"conv{index}_bias"] = bias.detach().numpy().astype(np.float16)
    arrays["out"] = network.out.weight.detach().numpy().T.astype(np.float16)
    arrays["out_bias"] = network.out.bias.detach().numpy().astype(np.float16)
    np.savez_compressed(path, **arrays)


def load(network: Network, path: Path) -> None:
    """Take over what ``save`` wrote."""
    with np.load(path) as archive, torch.no_grad():
        arrays = {name: torch.from_numpy(archive[name].astype(np.float32)) for name in archive.files}
        network.table.weight.copy_(arrays["table"] * arrays["table_scale"][:, None])
        for index, dense in enumerate(network.dense):
            dense.weight.copy_(arrays[f"dense{index}"].T)
            dense.bias.copy_(arrays[f"dense{index}_bias"])
        for index, (conv, bias) in enumerate(zip(network.conv, network.bias, strict=True)):
            conv.weight.copy_(arrays[f"conv{index}"].T)
            bias.copy_(arrays[f"conv{index}_bias"])
        network.out.weight.copy_(arrays["out"].T)
        network.out.bias.copy_(arrays["out_bias"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with pii/lener-train.conll and instruct/")
    parser.add_argument("--silver", type=Path)
    parser.add_argument("--held-out", type=Path, default=HELD_OUT, help="names that are never drawn")
    parser.add_argument("--init", type=Path, help="weights to go on from")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--tokens", type=int, default=2500, help="tokens of one step")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    queue: multiprocessing.Queue = multiprocessing.Queue(maxsize=32)
    producer = multiprocessing.Process(target=_produce, args=(args, args.seed, queue), daemon=True)
    producer.start()
    network = Network()
    if args.init:
        load(network, args.init)
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.01, betas=(0.9, 0.98))
    started, step, tokens, shown = time.monotonic(), 0, 0, 0.0
    losses: list[float] = []
    while (share := (time.monotonic() - started) / (60 * args.minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, (step + 1) / 200) * (0.02 + 0.98 * (1 - share))
        buckets, offsets, places, mask, tags = (torch.from_numpy(part) for part in queue.get())
        logits = network(buckets, offsets, places.long(), mask)
        loss = nn.functional.cross_entropy(logits, tags, ignore_index=-100, label_smoothing=0.02)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step, tokens = step + 1, tokens + int(mask.sum())
        losses.append(loss.item())
        if time.monotonic() - shown > 20:
            shown = time.monotonic()
            print(f"{share:5.1%}  step {step}  {tokens / 1e6:.1f} M tokens  loss {np.mean(losses[-200:]):.4f}", flush=True)
    producer.terminate()
    network.eval()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save(network, args.out)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, {sum(p.numel() for p in network.parameters()) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
