#!/usr/bin/env python3
"""Score one model on the test set: likelihood of the reference answers, and the text and speed of its own answers.

    evaluate_model.py --base base --model base --test test.jsonl --summary evaluate.json
    evaluate_model.py --base base --adapter adapter --model candidate --test test.jsonl --predictions predictions.jsonl.zst

Run it with the same options for the base model and for the candidate: the gate compares only like with like.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, write_json, write_jsonl
from llamaflow.records import Message, Record, read_records
from llamaflow.summaries import EvaluateSummary, Example, FinetuneSummary, read_summary

SAMPLES = 12


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    model = parser.add_argument_group("model")
    model.add_argument("--base", type=Path, required=True, help="folder of the base model and its tokenizer")
    model.add_argument("--adapter", type=Path, help="folder of the LoRA adapter; without it the base model itself is scored")
    model.add_argument("--finetune-summary", type=Path, help="finetune.json of that adapter: says whether the base was quantized")
    model.add_argument("--model", choices=["base", "candidate"], required=True, help="which side of the gate this is")
    model.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    model.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    model.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for every core this task may use")
    data = parser.add_argument_group("data")
    data.add_argument("--test", type=Path, required=True, help="canonical records, .jsonl or .jsonl.zst")
    data.add_argument("--max-examples", type=int, default=0, help="conversations scored by likelihood; 0 for all")
    data.add_argument("--max-length", type=int, default=1024, help="tokens of a conversation")
    data.add_argument("--seed", type=int, default=17, help="chooses examples and resamples")
    answers = parser.add_argument_group("answers")
    answers.add_argument("--max-generate", type=int, default=64, help="answers to generate for the text metrics; 0 for none")
    answers.add_argument("--max-new-tokens", type=int, default=96, help="length limit of an answer")
    answers.add_argument("--batch-size", type=int, default=8)
    answers.add_argument(
        "--bertscore-model", default="", help="folder or hub id; '' for all-MiniLM-L6-v2 (English), 'none' for no BERTScore"
    )
    answers.add_argument("--bertscore-layers", type=int, default=6, help="layer compared; 0 for bert-score's choice for a known hub id")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--predictions", type=Path, default=Path("predictions.jsonl"), help="a line for each conversation (.zst compresses)"
    )
    output.add_argument("--summary", type=Path, default=Path("evaluate.json"))
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Read the test set, score likelihood, generate, measure, write predictions and summary."""
    args = parse(argv)
    started = time.monotonic()
    check(args)
    records = choose(read_test(args.test), args.max_examples or None, args.seed)
    if not records:
        raise BadInputError("the test set is empty", where=str(args.test), fix="give more records, or a larger test share to SPLIT")

    from llamaflow.hardware import describe_hardware
    from llamaflow.metrics import METRICS
    from llamaflow.models import load_model, load_tokenizer, set_threads

    set_threads(args.threads)
    import torch

    torch.manual_seed(args.seed)
    tokenizer = load_tokenizer(args.base)
    # A QLoRA adapter belongs to the quantized weights that it was trained on.
    trained = read_summary(args.finetune_summary, FinetuneSummary).recipe if args.finetune_summary else {}
    quantization = trained.get("quantization", "none")
    model = load_model(args.base, args.adapter, precision=args.precision, device=args.device, quantization=quantization)
    warnings: list[str] = []
    likelihoods, metrics = score_likelihood(model, tokenizer, records, args, warnings)
    examples, values = generate_answers(model, tokenizer, records, args, warnings)
    metrics |= values

    rows = [{"id": record.id, "lang": record.lang, **likelihoods.get(i, {}), **examples.get(i, {})} for i, record in enumerate(records)]
    write_jsonl(args.predictions, rows)
    device = next(model.parameters()).device.type
    summary = EvaluateSummary(
        seconds=round(time.monotonic() - started, 3), warnings=warnings, model=args.model, data_digest=sha256_file(args.test),
        examples=len(likelihoods), generated=len(examples), scored_tokens=sum(row["tokens"] for row in likelihoods.values()),
        metrics={name: metrics[name] for name in METRICS if name in metrics},
        samples=[example_of(records[i], examples[i]) for i in list(examples)[:SAMPLES]],
        hardware=describe_hardware(device),
    )  # fmt: skip
    write_json(args.summary, summary)
    shown = ", ".join(f"{METRICS[name]} {metric.value:.4g}" for name, metric in summary.metrics.items())
    print(f"{args.model}: {summary.examples} conversations scored, {summary.generated} answers generated. {shown}")


def check(args: argparse.Namespace) -> None:
    """Options and folders that cannot work are refused before anything large is loaded."""
    least_of = {"max_examples": 0, "max_generate": 0, "max_new_tokens": 1, "batch_size": 1, "max_length": 8, "threads": 0}
    for name, least in least_of.items():
        if getattr(args, name) < least:
            raise BadInputError(f"--{name.replace('_', '-')} is {getattr(args, name)}", fix=f"give {least} or more")
    if args.model == "base" and args.adapter:
        raise BadInputError("--model base together with --adapter", why="the base model has no adapter", fix="say --model candidate")
    if not args.test.is_file():
        raise BadInputError("the test file does not exist", where=str(args.test), fix="give the test file that SPLIT wrote")
    for folder, file, fix in (
        (args.base, "config.json", "give the folder that FETCH_BASE wrote"),
        (args.adapter, "adapter_config.json", "give the folder that FINETUNE wrote"),
    ):
        if folder and not (folder / file).is_file():
            raise BadInputError(f"no model in this folder: {file} is missing", where=str(folder), fix=fix)


def read_test(path: Path) -> list[Record]:
    """All records of the test file; the error for another kind of file names the line and quotes nothing of it."""
    records: list[Record] = []
    try:
        records.extend(read_records(path))
    except ValueError:
        # list.extend keeps what came before the error, so its length is the number of good lines.
        where, fix = f"{path}:{len(records) + 1}", "give the test file that SPLIT wrote"
        raise BadInputError("this line is not a canonical record {id, messages, lang, source, meta}", where=where, fix=fix) from None
    return records


def choose(records: list[Record], limit: int | None, seed: int) -> list[Record]:
    """At most limit records, the same ones for every model, in the file's order."""
    if limit is None or len(records) <= limit:
        return records
    ranked = sorted(range(len(records)), key=lambda index: (hashlib.sha256(f"{seed}:{records[index].id}".encode()).digest(), index))
    return [records[index] for index in sorted(ranked[:limit])]


def score_likelihood(model: Any, tokenizer: Any, records: list[Record], args: argparse.Namespace, warnings: list[str]) -> tuple[dict, dict]:
    """Per-conversation nats, tokens and bytes by position in records, and the likelihood metrics."""
    from llamaflow.chat import IGNORED, encode
    from llamaflow.metrics.likelihood import Likelihood, conversation_nats
    from llamaflow.progress import Progress

    length = min(args.max_length, context_length(model))
    encoded = [encode(tokenizer, record.messages, length) for record in records]
    scored = [index for index, one in enumerate(encoded) if one.supervised]
    cut = sum(encoded[index].truncated for index in scored)
    if cut:
        warnings.append(f"{cut} of {len(records)} test conversations were cut at a turn's end to fit {length} tokens")
    if len(scored) < len(records):
        warnings.append(
            f"{len(records) - len(scored)} of {len(records)} test conversations have no answer that ends within {length} tokens: not scored"
        )
    if not scored:
        fix = "raise --max_length, or give conversations that end with an assistant turn"
        raise BadInputError(f"no test conversation has an answer that ends within {length} tokens", where=str(args.test), fix=fix)
    with Progress("score", len(scored), "conversations") as progress:
        nats = conversation_nats(
            model, [encoded[index] for index in scored], tokenizer.pad_token_id or 0, args.batch_size,
            done=lambda count, values: progress.update(count, **values),
        )  # fmt: skip
    tokens = [encoded[index].supervised for index in scored]
    # What was scored, as text: a cut conversation counts with the turns that are left of it.
    answers = ([label for label in encoded[index].labels if label != IGNORED] for index in scored)
    sizes = [len(tokenizer.decode(ids, skip_special_tokens=True).encode("utf-8", "replace")) for ids in answers]
    settings = {"max length": length, "precision": str(model.dtype).removeprefix("torch."), "conversations": len(scored)}
    metrics = Likelihood(seed=args.seed).compute(nats=nats, tokens=tokens, text_bytes=sizes, settings=settings)
    rows = zip(scored, nats, tokens, sizes, strict=True)
    return {index: {"nats": round(loss, 6), "tokens": count, "bytes": size} for index, loss, count, size in rows}, metrics


def generate_answers(model: Any, tokenizer: Any, records: list[Record], args: argparse.Namespace, warnings: list[str]) -> tuple[dict, dict]:
    """Prompt, reference and prediction by position in records, and the text and speed metrics; both empty without any."""
    from llamaflow.chat import prompt_ids
    from llamaflow.generation import generate_greedy, stop_token_ids
    from llamaflow.progress import Progress

    asked = {index: turns for index, record in enumerate(records) if (turns := to_last_answer(record.messages))}
    if args.max_generate == 0 or not asked:
        warnings.append("no answer was generated, so there are no text or speed metrics")
        return {}, {}
    kept = {id(record) for record in choose([records[index] for index in asked], args.max_generate, args.seed)}
    asked = {index: turns for index, turns in asked.items() if id(records[index]) in kept}

    room = min(args.max_length, context_length(model) - args.max_new_tokens)
    if room < 1:
        fix = f"give --max_new_tokens less than {context_length(model)}"
        raise BadInputError(f"{args.max_new_tokens} new tokens leave no room for a prompt in this model's context", fix=fix)
    prompts = [prompt_ids(tokenizer, turns) for turns in asked.values()]
    long = sum(len(prompt) > room for prompt in prompts)
    if long:
        warnings.append(f"{long} of {len(prompts)} prompts were cut on the left to their last {room} tokens")
    with Progress("generate", len(prompts), "answers") as progress:
        run = generate_greedy(
            model, [prompt[-room:] for prompt in prompts], stop_ids=stop_token_ids(tokenizer, model), pad_id=tokenizer.pad_token_id or 0,
            max_new_tokens=args.max_new_tokens, batch_size=args.batch_size, done=lambda count, values: progress.update(count, **values),
        )  # fmt: skip
    predictions = [text.strip() for text in tokenizer.batch_decode(run.answers, skip_special_tokens=True)]
    references = [turns[-1].content.strip() for turns in asked.values()]
    examples = {
        index: {"prompt": shown(turns[:-1]), "reference": reference, "prediction": prediction, "new_tokens": len(ids), "finished": finished}
        for (index, turns), reference, prediction, ids, finished in zip(
            asked.items(), references, predictions, run.answers, run.finished, strict=True
        )
    }
    limits = {
        "decoding": "greedy",
        "answers": len(prompts),
        "max new tokens": args.max_new_tokens,
        "prompt tokens at most": room,
        "precision": str(model.dtype).removeprefix("torch."),
    }
    return examples, text_metrics(predictions, references, limits, model.device.type, args) | speed_metrics(run, model, limits, args)


def text_metrics(predictions: list[str], references: list[str], limits: dict, device: str, args: argparse.Namespace) -> dict:
    """Every metric of answers against references; limits say which answers they were."""
    from llamaflow.metrics.bertscore import BertScore
    from llamaflow.metrics.rouge import Rouge
    from llamaflow.metrics.sacre import Sacre
    from llamaflow.metrics.shape import Shape
    from llamaflow.metrics.squad import Squad

    metrics = [kind(seed=args.seed) for kind in (Rouge, Sacre, Squad, Shape)]
    if args.bertscore_model != "none":
        metrics.append(BertScore(args.bertscore_model, args.bertscore_layers, device="cpu" if device == "mps" else device, seed=args.seed))
    values: dict = {}
    for metric in metrics:
        values |= metric.compute(predictions=predictions, references=references, settings=limits)
    return values


def speed_metrics(run: Any, model: Any, limits: dict, args: argparse.Namespace) -> dict:
    """Latency and throughput of the generation that was just run."""
    from llamaflow.metrics.speed import Speed

    settings = {**limits, "batch size": args.batch_size, "device": model.device.type}
    return Speed(seed=args.seed).compute(seconds=run.token_seconds, first=run.token_first, total_seconds=run.seconds, settings=settings)


def to_last_answer(messages: list[Message]) -> list[Message]:
    """The turns up to the last assistant turn, which is the reference; empty when no question comes before it."""
    last = max((index for index, message in enumerate(messages) if message.role == "assistant"), default=0)
    return messages[: last + 1] if last > 0 else []


def shown(prompt: list[Message]) -> str:
    """A prompt for people: the bare text of a single turn, else one turn a line with its role."""
    return prompt[0].content if len(prompt) == 1 else "\n".join(f"{turn.role}: {turn.content}" for turn in prompt)


def example_of(record: Record, row: dict) -> Example:
    return Example(id=record.id, lang=record.lang, prompt=row["prompt"], reference=row["reference"], prediction=row["prediction"])


def context_length(model: Any) -> int:
    """Tokens that the model's positions reach; a very large number where the config does not say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30


if __name__ == "__main__":
    # Predictions and test records are pseudonymized, but what a library quotes in an exception need not be shown.
    sys.exit(run_step(main, private=True))
