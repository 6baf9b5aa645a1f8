#!/usr/bin/env python3
"""Train a LoRA adapter on pseudonymized conversations.

    finetune.py --base base --base-summary fetch_base.json --train train.jsonl --validation validation.jsonl \
        --recipe conf/recipes/default.yaml --seed 17 --checkpoints checkpoints --adapter adapter --summary finetune.json

Told to stop (SIGTERM, SIGUSR1, SIGUSR2, time limit) it writes a checkpoint and ends with 143; started again it goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from llamaflow.base_model import Source
from llamaflow.errors import LlamaFlowError, run_step, silence
from llamaflow.estimate import (
    GIB,
    Workload,
    matmul_flops_per_second,
    needed_flops,
    shape_of,
    training_memory,
    training_seconds,
    with_micro_batches,
)
from llamaflow.files import sha256_file, whole_file, write_json
from llamaflow.hardware import describe_hardware, peak_memory_bytes, pick_device, pick_dtype
from llamaflow.lengths import describe
from llamaflow.mask_report import mask_report
from llamaflow.models import load_model, load_tokenizer, set_threads
from llamaflow.progress import Progress
from llamaflow.recipe import Recipe, load_recipe
from llamaflow.records import Record, read_records
from llamaflow.summaries import BaseModelSummary, CurvePoint, FinetuneSummary, read_summary
from llamaflow.tracking import Tracker
from llamaflow.training.adapter import attach, save
from llamaflow.training.checkpoint import Checkpoints, read_state, write_state
from llamaflow.training.data import Examples, read_examples
from llamaflow.training.launcher import is_launched, launch
from llamaflow.training.preemption import Preemption
from llamaflow.training.repeats import with_replay, without_repeats
from llamaflow.training.run_state import RunState, trajectory_key
from llamaflow.training.sharding import placement, require_on_accelerators, shard
from llamaflow.training.utilisation import Sampler

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes")


def main(argv: list[str] | None = None) -> None:
    """Train, keep the weights with the best validation loss, write adapter and summary."""
    started = time.monotonic()
    args = parse(argv)
    recipe = load_recipe(args.recipe, json.loads(args.overrides))
    base = read_summary(args.base_summary, BaseModelSummary)
    if args.processes > 1 and recipe.sharding != "device_map" and not is_launched():
        args.summary.unlink(missing_ok=True)
        arguments = sys.argv[1:] if argv is None else argv
        sys.exit(launch(__file__, arguments, args.processes, pick_device(args.device), done=args.summary.exists))

    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs, set_seed

    from llamaflow.training.attention import attend_by_segment
    from llamaflow.training.compilation import compile_layers, is_compiled
    from llamaflow.training.engine import Engine
    from llamaflow.training.kernels import fuse
    from llamaflow.training.loop import Plan, train

    device = pick_device(args.device)
    threads = set_threads(args.threads)
    # One process may keep the others waiting: for an attempt that still saves, for a slow disk.
    accelerator = Accelerator(cpu=device == "cpu", kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=1))])
    device = str(accelerator.device)
    main_process = accelerator.is_main_process
    if not main_process:
        silence(sys.stdout)  # one of them tells
    set_seed(args.seed)  # before anything random, the adapter's first values included

    # Data: tokens and labels once, rows packed once; only their order changes from epoch to epoch.
    tokenizer = load_tokenizer(args.base)
    examples = read_examples(tokenizer, args.train, recipe.max_length, partial(chosen, recipe=recipe, replay=args.replay))
    validation = read_examples(tokenizer, args.validation, recipe.max_length)
    if main_process and args.mask_report:
        with whole_file(args.mask_report) as stream:
            stream.write(mask_report(tokenizer, read_records(args.train), recipe.max_length, args.language))
    rows, validation_rows = examples.rows(recipe.pack_length), validation.rows(recipe.pack_length)
    plan = Plan.of(recipe, len(rows), args.stop_at, args.log_every, 60 * args.checkpoint_minutes)
    told = f"training on {len(examples.kept)} examples in {len(rows)} packed rows: {plan.steps} steps on {device} with {threads} threads"

    # What it will take, from shapes alone: told before the model is there, and kept beside what it took.
    dtype = pick_dtype(recipe.precision, device)
    shape = shape_of(Source(base.source, base.name, args.base))
    workload = Workload.of(examples.kept) * (plan.steps / plan.steps_per_epoch)
    peak, hardware = matmul_flops_per_second(device, dtype), describe_hardware(device)
    sized = with_micro_batches(recipe, shape, dtype.itemsize, device, workload, hardware.memory_bytes)
    predicted = {
        "memory_gib": training_memory(shape, sized, dtype.itemsize, device, workload) / GIB,
        "minutes": training_seconds(shape, recipe, workload, peak, device) / 60,
    }
    if main_process:
        print(f"{told}; expecting {predicted['memory_gib']:.1f} GiB and {predicted['minutes']:.1f} minutes", flush=True)

    # Model: base weights frozen in the device's best precision, adapter in the same one over fp32 masters.
    sharded = recipe.sharding == "fsdp" and accelerator.num_processes > 1
    model = load_model(
        args.base, precision=recipe.precision, device=device, quantization=recipe.quantization, device_map=placement(recipe, sharded)
    )  # fmt: skip
    require_on_accelerators(model, device)
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    model = attach(model, recipe, base.name)
    compiled = is_compiled(recipe.compile, device, plan.steps, sharded)
    if not compiled:  # else it is done by the compiler, layer by layer
        fuse(model)
    if sharded:
        shard(model, device)
    attention = attend_by_segment(model.get_base_model())
    if compiled:
        compile_layers(model)
    engine = Engine(
        model, sized, rows, validation_rows, tokenizer.pad_token_id, args.seed, device, plan.steps,
        accelerator.process_index, accelerator.num_processes, compiled,
    )  # fmt: skip

    digests = {name: sha256_file(path) for name, path in (("train", args.train), ("validation", args.validation))}
    if args.replay:
        digests["replay"] = sha256_file(args.replay)
    key = trajectory_key(recipe, args.seed, base=base.digest, **digests)
    checkpoints = Checkpoints(args.checkpoints, key, writer=main_process)
    preemption = Preemption(
        args.time_limit, started=started, on_request=lambda reason: checkpoints.mark_running(stopping=reason),
        mark=args.summary.with_name(".finetune.running") if main_process else None,
    )  # fmt: skip
    with preemption, checkpoints:
        run = take_up(engine, checkpoints, args.state_in, key)
        tracking = Tracker(args.tracking_uri if main_process else "", run_name=args.run_name, run_id=run.tracked(args.tracking_uri))
        with tracking, Sampler(on_sample=tracking.metrics) as sampler:
            run.tracking = (args.tracking_uri, tracking.run_id or "")
            tracking.params(recipe.model_dump() | {"seed": args.seed, "base": base.name})
            tracking.tags(dict(args.tag))
            if not run.curve:
                with Progress("validation before training", math.ceil(len(validation_rows) / engine.processes), "row") as progress:
                    run.best_loss = engine.validation_loss(progress.update)
                require_finite(run.best_loss, args.validation)
                track(tracking, run.point(epoch=0, validation_loss=run.best_loss, learning_rate=0))
            run = train(engine, run, plan, checkpoints, preemption, partial(track, tracking))

            # A rung of a search ends where it is told to: its state goes on from there, and it is judged by the weights it has got.
            ended = run.stopped or ("rung" if plan.last_step < plan.steps else "max_steps" if recipe.max_steps else "epochs")
            if args.state_out and main_process and ended != "diverged":
                write_state(args.state_out, engine.state(), run.model_dump(), key)
            if ended != "rung":
                engine.weights.restore(engine.best)
            elif run.curve[-1].step < run.step or run.curve[-1].validation_loss is None:
                loss = engine.validation_loss()
                track(tracking, run.point(epoch=run.step / plan.steps_per_epoch, validation_loss=loss, learning_rate=0))
        if not main_process:
            return
        adapter_digest = save(model, args.adapter)
        computed = engine.computed_share()
        needed = needed_flops(shape, recipe, (workload * (run.step / plan.steps)).computing(computed))
        peak = max(peak, matmul_flops_per_second(device, dtype))
        write_json(args.summary, FinetuneSummary(
            seconds=time.monotonic() - started, method=recipe.method, recipe=recipe.model_dump(), seed=args.seed,
            base=base.name, base_digest=base.digest, data_digest=digests["train"], adapter_digest=adapter_digest,
            hidden_size=shape.hidden, trainable_parameters=sum(p.numel() for p in engine.weights.parameters),
            total_parameters=sum(p.numel() for p in model.parameters()),
            examples=len(examples.kept), examples_truncated=examples.truncated, examples_dropped=examples.dropped,
            tokens=describe(np.array(examples.lengths)), supervised_share=workload.supervised / workload.tokens,
            steps=run.step, best_step=run.best_step, epochs=run.step / plan.steps_per_epoch, tokens_seen=run.tokens_seen,
            supervised_tokens=run.supervised_tokens, tokens_per_second=run.tokens_per_second,
            packing_efficiency=run.tokens_seen / max(1, run.slots), computed_share=computed,
            train_loss=next((point.train_loss for point in reversed(run.curve) if point.train_loss is not None), None),
            validation_loss_start=run.curve[0].validation_loss,
            validation_loss=run.curve[-1].validation_loss if ended == "rung" else run.best_loss,
            precision=str(dtype).removeprefix("torch."), peak_memory_bytes=peak_memory_bytes(device), stopped=ended, curve=run.curve,
            matmul_flops=peak, share_of_peak=needed / max(run.training_seconds, 1e-9) / peak / engine.processes, predicted=predicted,
            training_seconds=run.training_seconds, micro_batch_size=engine.micro_batch_size, out_of_memory=run.out_of_memory,
            resumed_at=run.resumed_at, rolled_back_at=run.rolled_back_at, attention=attention, compiled=compiled,
            processes=engine.processes, utilisation=sampler.summary(), hardware=hardware,
            versions=installed(LIBRARIES), tracking_uri=tracking.uri, tracking_run_id=tracking.run_id or "",
            warnings=[*warnings(run, examples), *left_out(recipe, args.train, len(examples.lengths)), *checkpoints.warnings],
        ))  # fmt: skip
        checkpoints.clear()


def chosen(records: Iterator[Record], recipe: Recipe, replay: Path | None) -> Iterator[Record]:
    """The records that the recipe lets be learned, and answers of the base model among them."""
    kept = without_repeats(records, recipe.deduplicate, recipe.max_repeats)
    return with_replay(kept, read_records(replay), recipe.replay_share) if replay and recipe.replay_share else kept


def take_up(engine, checkpoints: Checkpoints, state_in: Path | None, key: str) -> RunState:
    """Where to begin: at the last checkpoint, at the end of an earlier rung, whichever is further, or at the beginning."""
    from accelerate.utils import broadcast_object_list

    # The one that holds the lock reads and tells the others: an attempt that still saves may give each another checkpoint.
    kept, killed = broadcast_object_list([checkpoints.load(), checkpoints.was_killed()] if checkpoints.writer else [None, None])
    earlier = read_state(state_in, key) if state_in else None
    run = RunState()
    if kept and (not earlier or kept[0] > earlier[1]["step"]):
        engine.restore(kept[1])
        run = RunState.model_validate(kept[2])
        run.resumed_at.append(run.step)
    elif earlier:
        engine.restore(earlier[0])
        run = RunState.model_validate(earlier[1])
    if run.step:
        print(f"going on after step {run.step}", flush=True)
    # Killed without a word, and nothing speaks against memory as the cause: the same again in smaller pieces.
    starved = killed and (killed["out_of_memory"] or (killed["out_of_memory"] is None and not killed.get("stopping")))
    if starved and killed.get("micro_batch_size", 1) > 1:
        engine.micro_batch_size = min(engine.micro_batch_size, killed["micro_batch_size"] // 2)
        run.out_of_memory += 1
    checkpoints.mark_running(micro_batch_size=engine.micro_batch_size)
    return run


def installed(names: Iterable[str]) -> dict[str, str]:
    """Versions of those of the packages that are there: bitsandbytes is not everywhere."""
    versions = {}
    for name in names:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


def track(tracking: Tracker, point: CurvePoint, tokens_per_second: float | None = None) -> None:
    """A point of the curve into MLflow."""
    tracking.metrics(point.model_dump(exclude={"step"}) | {"tokens_per_second": tokens_per_second}, point.step)


def require_finite(loss: float, path: Path) -> None:
    """Raise LlamaFlowError for a base model that is broken before any training."""
    if not math.isfinite(loss):
        raise LlamaFlowError(
            "the base model's own loss is not finite", where=str(path), why="its numbers leave the range of their precision",
            fix="use --precision fp32, or check the base model's files",
        )  # fmt: skip


def warnings(run: RunState, examples: Examples) -> list[str]:
    """What a person should know about this training."""
    found = []
    if run.stopped == "diverged":
        found.append("The loss exploded twice, the second time at a quarter of the learning rate: training was stopped.")
    elif run.rolled_back_at:
        found.append(f"The loss exploded at step {run.rolled_back_at[0]}: training went back and on with a quarter of the learning rate.")
    if run.best_step == 0:
        found.append("Validation loss never fell below the base model's: the adapter is the untrained one.")
    if run.out_of_memory:
        found.append(f"Memory ran out {run.out_of_memory} times: the micro-batch was halved, the result is the same.")
    if examples.truncated:
        found.append(f"{examples.truncated} training examples were cut behind their last whole answer within max_length.")
    if examples.dropped:
        found.append(f"{examples.dropped} training examples were dropped: no whole answer within max_length.")
    return found


def left_out(recipe: Recipe, train: Path, used: int) -> list[str]:
    """What the recipe's deduplicate and max_repeats took away."""
    if not (recipe.deduplicate or recipe.max_repeats):
        return []
    return [
        f"{used} records were learned of {sum(1 for _ in read_records(train))}: repeats were left out, answers of the base model added."
    ]


def tag(text: str) -> tuple[str, str]:
    """NAME=VALUE of the command line."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=VALUE")
    return name, value


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_argument_group("input")
    data.add_argument("--base", type=Path, required=True, help="folder that FETCH_BASE wrote")
    data.add_argument("--base-summary", type=Path, required=True, help="fetch_base.json")
    data.add_argument("--train", type=Path, required=True)
    data.add_argument("--validation", type=Path, required=True)
    data.add_argument("--replay", type=Path, help="answers of the base model, of which the recipe's replay_share is learned, too")
    training = parser.add_argument_group("training")
    training.add_argument("--recipe", type=Path, help="YAML, see conf/recipes")
    training.add_argument("--overrides", default="{}", help="JSON of recipe values that win over the file")
    training.add_argument("--seed", type=int, default=17)
    training.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    training.add_argument("--threads", type=int, default=0, help="0: every core this task may use")
    training.add_argument("--processes", type=int, default=1, help="GPUs, or on a CPU processes, that train together")
    training.add_argument("--log-every", type=int, default=5, help="steps between points of the curve")
    going_on = parser.add_argument_group("interruptions and searches")
    going_on.add_argument("--checkpoints", type=Path, help="folder that all attempts see; a training of the same values goes on from there")
    going_on.add_argument("--checkpoint-minutes", type=float, default=10.0)
    going_on.add_argument(
        "--time-limit", type=float, default=float(os.environ.get("LLAMAFLOW_TIME_LIMIT") or 0),
        help="seconds that this task has got: it stops in time; 0: no limit; default: $LLAMAFLOW_TIME_LIMIT",
    )  # fmt: skip
    going_on.add_argument("--stop-at", type=float, default=1.0, help="stop after this share of the steps; the schedule spans them all")
    going_on.add_argument("--state-out", type=Path, help="folder for the full state at the end")
    going_on.add_argument("--state-in", type=Path, help="such a folder, to go on from")
    tracking = parser.add_argument_group("tracking")
    tracking.add_argument("--tracking-uri", default="", help="MLflow server or folder; empty: none")
    tracking.add_argument("--run-name", default=None)
    tracking.add_argument("--tag", type=tag, action="append", default=[], help="NAME=VALUE for MLflow; may be given again")
    out = parser.add_argument_group("output")
    out.add_argument("--adapter", type=Path, required=True, help="folder to write")
    out.add_argument("--summary", type=Path, required=True)
    out.add_argument("--mask-report", type=Path, help="page that shows which tokens are learned")
    out.add_argument("--language", choices=["en", "pt"], default="en", help="of that page")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
