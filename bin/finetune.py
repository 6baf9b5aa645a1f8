#!/usr/bin/env python3
"""Train a LoRA adapter on pseudonymized conversations.

    finetune.py --base base --train train.jsonl --validation validation.jsonl --recipe conf/recipes/default.yaml \
        --seed 17 --adapter adapter --summary finetune.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from llamaflow.chat import Encoded, encode
from llamaflow.errors import BadInputError, LlamaFlowError, run_step
from llamaflow.files import sha256_file, whole_file, write_json
from llamaflow.hardware import describe_hardware, peak_memory_bytes, pick_device, pick_dtype
from llamaflow.lengths import describe
from llamaflow.lora import MasterWeights, attach, save
from llamaflow.mask_report import mask_report
from llamaflow.models import load_model, load_tokenizer, set_threads
from llamaflow.packing import attend_by_segment, collate, pack_rows, supervised_nats
from llamaflow.progress import Progress
from llamaflow.recipe import Recipe, load_recipe
from llamaflow.records import read_records
from llamaflow.summaries import BaseModelSummary, CurvePoint, FinetuneSummary, read_summary
from llamaflow.tracking import Tracker

LIBRARIES = ("torch", "transformers", "peft", "accelerate")


def main(argv: list[str] | None = None) -> None:
    """Train, keep the weights with the best validation loss, write adapter and summary."""
    started = time.monotonic()
    args = parse(argv)
    recipe = load_recipe(args.recipe, json.loads(args.overrides))
    base = read_summary(args.base_summary, BaseModelSummary)

    import torch
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    device = pick_device(args.device)
    threads = set_threads(args.threads)
    accelerator = Accelerator(cpu=device == "cpu")
    device = str(accelerator.device)
    world, rank, main_process = accelerator.num_processes, accelerator.process_index, accelerator.is_main_process
    set_seed(args.seed)  # before anything random, the adapter's first values included

    # Data: tokens and labels once, rows packed once; only their order changes from epoch to epoch.
    tokenizer = load_tokenizer(args.base)
    train, lengths, truncated = encode_file(tokenizer, args.train, recipe.max_length)
    dropped = len(lengths) - len(train)
    if main_process and args.mask_report:
        with whole_file(args.mask_report) as stream:
            stream.write(mask_report(tokenizer, read_records(args.train), recipe.max_length, args.language))
    validation, _, _ = encode_file(tokenizer, args.validation, recipe.max_length)
    rows = [[train[i] for i in row] for row in pack_rows([len(e.input_ids) for e in train], recipe.pack_length)]
    validation_rows = [[validation[i] for i in row] for row in pack_rows([len(e.input_ids) for e in validation], recipe.pack_length)]
    steps_per_epoch = math.ceil(len(rows) / recipe.batch_size)
    total_steps = recipe.max_steps or max(1, math.ceil(recipe.epochs * steps_per_epoch))
    evaluate_at = {max(1, round(total_steps * i / recipe.evaluations)) for i in range(1, recipe.evaluations + 1)}
    print(
        f"training on {len(train)} examples in {len(rows)} packed rows: {total_steps} steps on {device} with {threads} threads", flush=True
    )

    # Model: base weights frozen in the device's best precision, adapter in the same one over fp32 masters.
    precision = str(pick_dtype(recipe.precision, device)).removeprefix("torch.")
    model = load_model(args.base, precision=recipe.precision, device=device)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    if device == "cpu":
        attend_by_segment(model)
    model = attach(model, recipe, base.name)
    weights = MasterWeights(model)
    optimizer = torch.optim.AdamW(weights.masters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step, total_steps, recipe))

    def validation_loss(done=lambda: None) -> float:
        """Nats per supervised token over the validation set, the same whatever the number of processes."""
        model.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        with torch.no_grad():
            for row in validation_rows[rank::world]:
                batch = collate([row], tokenizer.pad_token_id, device)
                sums += torch.tensor([supervised_nats(model, batch).item(), batch.supervised_tokens])
                done()
        nats, tokens = accelerator.reduce(sums.to(device), "sum").tolist()
        return nats / tokens

    curve: list[CurvePoint] = []
    tokens_seen = supervised_seen = slots = step = best_step = waited = 0
    training_seconds, since = 0.0, [0.0, 0]  # since: nats and supervised tokens since the last point of the curve
    stopped = "max_steps" if recipe.max_steps else "epochs"
    with Progress("validation before training", len(validation_rows[rank::world]), "row") as progress:
        first_loss = best_loss = validation_loss(progress.update)
    best = weights.snapshot()
    curve.append(CurvePoint(step=0, epoch=0, tokens=0, validation_loss=first_loss, learning_rate=0))
    order = torch.Generator().manual_seed(args.seed)

    tracking = Tracker(args.tracking_uri if main_process else "", run_name=args.run_name)
    with tracking, Progress("finetune", total_steps, "step") as progress:
        tracking.params(recipe.model_dump() | {"seed": args.seed, "base": base.name})
        tracking.metrics({"validation_loss": first_loss})
        for rows_of_step in itertools.islice(epochs_of_batches(rows, recipe.batch_size, order), total_steps):
            tick = time.perf_counter()
            model.train()
            mine = rows_of_step[rank::world]
            batches = [
                collate(mine[i : i + recipe.micro_batch_size], tokenizer.pad_token_id) for i in range(0, len(mine), recipe.micro_batch_size)
            ]
            counts = torch.tensor(
                [sum(b.supervised_tokens for b in batches), sum(b.real_tokens for b in batches), len(mine) * recipe.pack_length]
            )
            supervised, real, slots_of_step = accelerator.reduce(counts.to(device), "sum").tolist()
            nats = torch.zeros((), device=device)
            for batch in batches:
                loss = supervised_nats(model, batch.to(device))
                loss.backward()  # sums over tokens: dividing once by all supervised tokens makes 1x8 equal 8x1
                nats += loss.detach()
            for parameter in weights.parameters:
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                if world > 1:
                    parameter.grad = accelerator.reduce(parameter.grad, "sum")
            nats = accelerator.reduce(nats, "sum").item()
            require_finite("training", nats, step + 1, args.train)
            weights.gradients_in(1 / supervised)
            norm = float(torch.nn.utils.clip_grad_norm_(weights.masters, recipe.max_grad_norm))
            rate = optimizer.param_groups[0]["lr"]
            optimizer.step()
            scheduler.step()
            weights.publish()
            training_seconds += time.perf_counter() - tick
            step, tokens_seen, supervised_seen, slots = step + 1, tokens_seen + real, supervised_seen + supervised, slots + slots_of_step
            since = [since[0] + nats, since[1] + supervised]

            measured = None
            if step in evaluate_at:
                measured = validation_loss()
                require_finite("validation", measured, step, args.train)
                if measured < best_loss:
                    best_loss, best_step, best, waited = measured, step, weights.snapshot(), 0
                else:
                    waited += 1
            if measured is not None or step % args.log_every == 0 or step == 1:
                point = CurvePoint(
                    step=step, epoch=step / steps_per_epoch, tokens=tokens_seen, train_loss=since[0] / since[1],
                    validation_loss=measured, learning_rate=rate, grad_norm=norm,
                )  # fmt: skip
                curve.append(point)
                tracking.metrics(point.model_dump(exclude={"step"}) | {"tokens_per_second": tokens_seen / training_seconds}, step)
                since = [0.0, 0]
            shown = {} if measured is None else {"validation_loss": measured}
            progress.update(loss=nats / supervised, tokens_per_s=round(tokens_seen / training_seconds), **shown)
            if recipe.early_stopping and waited >= recipe.early_stopping:
                stopped = "early_stopping"
                break

    weights.restore(best)
    if not main_process:
        return
    digest = save(model, args.adapter)
    write_json(args.summary, FinetuneSummary(
        seconds=time.monotonic() - started, method=recipe.method, recipe=recipe.model_dump(), seed=args.seed,
        base=base.name, base_digest=base.digest, data_digest=sha256_file(args.train), adapter_digest=digest,
        trainable_parameters=sum(p.numel() for p in weights.parameters), total_parameters=sum(p.numel() for p in model.parameters()),
        examples=len(train), examples_truncated=truncated, examples_dropped=dropped, steps=step, best_step=best_step,
        tokens=describe(np.array(lengths)), supervised_share=sum(e.supervised for e in train) / sum(len(e.input_ids) for e in train),
        epochs=step / steps_per_epoch, tokens_seen=tokens_seen, supervised_tokens=supervised_seen,
        tokens_per_second=tokens_seen / training_seconds, packing_efficiency=tokens_seen / slots,
        train_loss=next(point.train_loss for point in reversed(curve) if point.train_loss is not None),
        validation_loss_start=first_loss, validation_loss=best_loss, precision=precision, peak_memory_bytes=peak_memory_bytes(device),
        stopped=stopped, curve=curve, hardware=describe_hardware(device), versions={name: version(name) for name in LIBRARIES},
        tracking_uri=tracking.uri, tracking_run_id=tracking.run_id or "", warnings=warnings(best_step, truncated, dropped),
    ))  # fmt: skip


def encode_file(tokenizer, path: Path, max_length: int) -> tuple[list[Encoded], list[int], int]:
    """Encoded records of a file in which something is supervised; tokens of every record before any cut; how many were cut."""
    encoded = []
    with Progress(f"tokenize {path.name}", None, "record") as progress:
        for record in read_records(path):
            encoded.append(encode(tokenizer, record.messages, max_length))
            progress.update()
    kept = [example for example in encoded if example.supervised]
    if not kept:
        raise BadInputError(
            "no token to learn: not one assistant answer fits", where=str(path),
            why=f"{len(encoded)} records, none with a whole answer within {max_length} tokens",
            fix="raise --max_length, or check that answers have the role assistant",
        )  # fmt: skip
    return kept, [example.length for example in encoded], sum(example.truncated for example in kept)


def require_finite(name: str, loss: float, step: int, path: Path) -> None:
    """Raise LlamaFlowError when training has diverged: a model of NaN is no result."""
    if not math.isfinite(loss):
        raise LlamaFlowError(
            f"the {name} loss is not finite at step {step}", where=str(path),
            why="the update grew beyond the number range", fix="lower --learning_rate or use --precision fp32",
        )  # fmt: skip


def epochs_of_batches(rows: list, batch_size: int, order):
    """Batches of rows without end, shuffled anew each epoch by the generator."""
    import torch

    while True:
        shuffled = [rows[i] for i in torch.randperm(len(rows), generator=order).tolist()]
        yield from (shuffled[i : i + batch_size] for i in range(0, len(shuffled), batch_size))


def learning_rate_factor(step: int, total: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at a step (0-based): linear warm-up, then the schedule down to zero."""
    warmup = math.ceil(recipe.warmup_ratio * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, total - warmup)
    return {"constant": 1.0, "linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2}[recipe.schedule]


def warnings(best_step: int, truncated: int, dropped: int) -> list[str]:
    """What a person should know about this training."""
    found = []
    if best_step == 0:
        found.append("Validation loss never fell below the base model's: the adapter is the untrained one.")
    if truncated:
        found.append(f"{truncated} training examples were cut behind their last whole answer within max_length.")
    if dropped:
        found.append(f"{dropped} training examples were dropped: no whole answer within max_length.")
    return found


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_argument_group("input")
    data.add_argument("--base", type=Path, required=True, help="folder that FETCH_BASE wrote")
    data.add_argument("--base-summary", type=Path, required=True, help="fetch_base.json")
    data.add_argument("--train", type=Path, required=True)
    data.add_argument("--validation", type=Path, required=True)
    training = parser.add_argument_group("training")
    training.add_argument("--recipe", type=Path, help="YAML, see conf/recipes")
    training.add_argument("--overrides", default="{}", help="JSON of recipe values that win over the file")
    training.add_argument("--seed", type=int, default=17)
    training.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    training.add_argument("--threads", type=int, default=0, help="0: every core this task may use")
    training.add_argument("--log-every", type=int, default=5, help="steps between points of the curve")
    tracking = parser.add_argument_group("tracking")
    tracking.add_argument("--tracking-uri", default="", help="MLflow server or folder; empty: none")
    tracking.add_argument("--run-name", default=None)
    out = parser.add_argument_group("output")
    out.add_argument("--adapter", type=Path, required=True, help="folder to write")
    out.add_argument("--summary", type=Path, required=True)
    out.add_argument("--mask-report", type=Path, help="page that shows which tokens are learned")
    out.add_argument("--language", choices=["en", "pt"], default="en", help="of that page")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
