#!/usr/bin/env python3
"""Score one model: likelihood of the test set's answers, its own answers to the test set and to suites, and whether it recites.

    evaluate_model.py --base base --model base --test test.jsonl --summary evaluate.json
    evaluate_model.py --base base --adapter adapter --model candidate --test test.jsonl --train train.jsonl \\
        --suites edge,general,adversarial --suite-files my-suite.jsonl --examples examples.parquet

Run it with the same options for every model: the gate compares only like with like. The model is loaded once for everything.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from llamaflow.errors import BadInputError, run_step
from llamaflow.evaluation.cache import ScoreCache
from llamaflow.evaluation.examples import write_examples
from llamaflow.evaluation.harness import check_tasks
from llamaflow.evaluation.items import Suite
from llamaflow.evaluation.leak import Limits, plan_probes, read_public_values
from llamaflow.evaluation.overlap import require_apart
from llamaflow.evaluation.questions import choose, spread, test_questions
from llamaflow.evaluation.suites import FOLDER as BUNDLED
from llamaflow.evaluation.suites import build_suites
from llamaflow.files import sha256_file, sha256_folder, write_json
from llamaflow.metrics import METRICS
from llamaflow.records import Record, read_records
from llamaflow.summaries import FinetuneSummary, read_summary


def main(argv: list[str] | None = None) -> None:
    """Read test set and suites, score, write the rows and the summary."""
    started = time.monotonic()
    args = parse(argv)
    check(args)
    test = list(RecordFile(args.test))
    scored = choose(test, args.max_examples, args.seed)
    if not scored:
        raise BadInputError("the test set is empty", where=str(args.test), fix="give more records, or a larger test share to SPLIT")
    train = RecordFile(args.train) if args.train else []
    suites = suites_of(args, scored, train)
    public = read_public_values(args.public_values) if args.public_values else frozenset()
    asked = args.leak_conversations
    limits = Limits(trained=asked, control=asked, secrets=max(8, 3 * asked // 4))
    probes = plan_probes(train, test, seed=args.seed, limits=limits, public=public) if args.train and args.leak_test else None
    tasks = [name for name in args.lm_eval_tasks.split(",") if name]
    if tasks:
        check_tasks(tasks)
    quantization = quantization_of(args)

    cache = ScoreCache(args.cache, key_of(args, suites, quantization)) if args.cache else None
    summary = cache.load(args.examples) if cache else None
    if summary:
        print(f"{args.model}: scored in an earlier run, taken from {cache.entry}")
    else:
        from llamaflow.evaluation.scorecard import Scorecard

        card = Scorecard(args, quantization)
        card.read(scored)
        card.answer(scored, suites)
        card.likelihood()
        card.relevance(scored)
        if probes is not None:
            card.leak(probes, train)
        if tasks:
            card.harness(tasks)
        write_examples(args.examples, card.rows)
        summary = card.summary(sha256_file(args.test))
        problem = cache.store(summary, args.examples) if cache else ""
        summary.warnings.extend([problem] if problem else [])
    write_json(args.summary, summary.model_copy(update={
        "model": args.model, "name": args.name, "seconds": round(time.monotonic() - started, 3),
    }))  # fmt: skip
    shown = ", ".join(f"{METRICS[name]} {metric.value:.4g}" for name, metric in summary.metrics.items())
    print(f"{args.model}: {summary.examples} conversations scored, {summary.generated} answers generated. {shown}")
    for name, suite in summary.suites.items():
        told = ", ".join(f"{METRICS.get(one, one)} {metric.value:.4g}" for one, metric in suite.metrics.items())
        print(f"{name}: {suite.examples} items. {told}")


def suites_of(args: argparse.Namespace, scored: list[Record], train: Iterable[Record]) -> list[Suite]:
    """The suites to ask; raises BadInputError for a file that is none, and for one of the user's that the training has seen."""
    names = [] if args.suites == "none" else [name for name in args.suites.split(",") if name]
    # Perturbed are records whose clean version is answered, too: the loss is the difference.
    sources = choose(answerable(scored), args.max_generate, args.seed) if args.max_generate else []
    suites = build_suites(sources, names, args.suite_files, args.seed, args.max_adversarial, args.suite_folder)
    require_apart([suite for suite in suites if suite.kind == "user"], train)
    return [spread(suite, 0 if suite.kind == "adversarial" else args.max_suite_examples, args.seed) for suite in suites]


def answerable(records: list[Record]) -> list[Record]:
    """Records that end in an answer to a question."""
    asked = {item.id for item in test_questions(records)}
    return [record for record in records if record.id in asked]


def quantization_of(args: argparse.Namespace) -> str:
    """A QLoRA adapter belongs to the quantized weights that it was trained on."""
    if args.finetune_summary:
        return read_summary(args.finetune_summary, FinetuneSummary).recipe.get("quantization", "none")
    return args.quantization


def key_of(args: argparse.Namespace, suites: list[Suite], quantization: str) -> dict[str, Any]:
    """Everything that the scores of this run depend on."""
    from llamaflow.hardware import describe_hardware

    # Files count by their content, and who asks does not matter.
    files = {"suite_folder", "base", "adapter", "finetune_summary", "test", "train", "suite_files", "public_values"}
    ignored = files | {"cache", "examples", "summary", "model", "name"}
    return {name: value for name, value in sorted(vars(args).items()) if name not in ignored} | {
        "quantization": quantization,
        "base": sha256_folder(args.base),
        "adapter": sha256_file(args.adapter / "adapter_model.safetensors") if args.adapter else "",
        "test": sha256_file(args.test),
        "train": sha256_file(args.train) if args.train else "",
        "suites": {suite.name: suite.digest for suite in suites},
        "public": sha256_file(args.public_values) if args.public_values else "",
        "device": describe_hardware().device,
    }


def check(args: argparse.Namespace) -> None:
    """Options and folders that cannot work are refused before anything large is loaded."""
    least_of = {"max_examples": 0, "max_generate": 0, "max_suite_examples": 0, "max_adversarial": 0, "max_new_tokens": 1, "batch_size": 1}
    for name, least in (least_of | {"max_length": 8, "threads": 0, "leak_conversations": 1}).items():
        if getattr(args, name) < least:
            raise BadInputError(f"--{name.replace('_', '-')} is {getattr(args, name)}", fix=f"give {least} or more")
    if args.model == "base" and args.adapter:
        raise BadInputError("--model base together with --adapter", why="the base model has no adapter", fix="say --model candidate")
    for path, file, step in ((args.test, "test", "SPLIT"), (args.train, "training", "SPLIT"), (args.public_values, "public values'", "")):
        if path and not path.is_file():
            fix = f"give the {file} file that {step} wrote" if step else "give a file with one value a line"
            raise BadInputError(f"the {file} file does not exist", where=str(path), fix=fix)
    for folder, file, fix in (
        (args.base, "config.json", "give the folder that FETCH_BASE wrote"),
        (args.adapter, "adapter_config.json", "give the folder that FINETUNE wrote"),
    ):
        if folder and not (folder / file).is_file():
            raise BadInputError(f"no model in this folder: {file} is missing", where=str(folder), fix=fix)


class RecordFile:
    """The records of a set, read anew each time they are gone through: a training set may be larger than the memory."""

    def __init__(self, path: Path):
        self.path = path

    def __iter__(self) -> Iterator[Record]:
        """Raises BadInputError for another kind of file; it names the line and quotes nothing of it."""
        number = 0
        try:
            for number, record in enumerate(read_records(self.path), 1):  # noqa: B007
                yield record
        except ValueError:
            where, fix = f"{self.path}:{number + 1}", "give the file that SPLIT wrote"
            raise BadInputError("this line is not a canonical record {id, messages, lang, source, meta}", where=where, fix=fix) from None


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    model = parser.add_argument_group("model")
    model.add_argument("--base", type=Path, required=True, help="folder of the base model and its tokenizer")
    model.add_argument("--adapter", type=Path, help="folder of the LoRA adapter; without it the base model itself is scored")
    model.add_argument("--finetune-summary", type=Path, help="finetune.json of that adapter: says whether the base was quantized")
    model.add_argument("--quantization", choices=["none", "nf4"], default="none", help="the same, where there is no finetune.json")
    model.add_argument("--model", choices=["base", "candidate", "production"], required=True, help="which side of the gate this is")
    model.add_argument("--name", default="", help="version of the model in production")
    model.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto", help="auto: fp32 on a CPU, bf16 on a GPU")
    model.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    model.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for every core this task may use")
    data = parser.add_argument_group("test set")
    data.add_argument("--test", type=Path, required=True, help="canonical records, .jsonl or .jsonl.zst")
    data.add_argument("--max-examples", type=int, default=0, help="conversations scored by likelihood; 0 for all")
    data.add_argument("--max-length", type=int, default=1024, help="tokens of a conversation")
    data.add_argument("--seed", type=int, default=17, help="chooses examples and resamples")
    suites = parser.add_argument_group("suites")
    suites.add_argument("--suites", default="none", help="of edge, general, adversarial, separated by commas; none")
    suites.add_argument("--suite-folder", type=Path, default=BUNDLED, help="where the project's own lie")
    suites.add_argument("--suite-files", type=Path, nargs="*", default=[], help="suites of your own, JSONL (docs/suites.md)")
    suites.add_argument("--max-suite-examples", type=int, default=0, help="items of each suite; 0 for all")
    suites.add_argument("--max-adversarial", type=int, default=48, help="items of the adversarial suite; 0 for all")
    suites.add_argument("--lm-eval-tasks", default="", help="tasks of lm-evaluation-harness, separated by commas")
    leak = parser.add_argument_group("leak test")
    leak.add_argument("--train", type=Path, help="training records, for the leak test and to see that suites were not learned")
    leak.add_argument("--leak-test", type=truth, default=True, help="with --train: ask for training text and secrets")
    leak.add_argument("--leak-conversations", type=int, default=64, help="training and held-out conversations to go on with, each")
    leak.add_argument("--public-values", type=Path, help="values that are no secrets, one a line")
    answers = parser.add_argument_group("answers")
    answers.add_argument("--max-generate", type=int, default=64, help="answers to generate for the text metrics; 0 for none")
    answers.add_argument("--max-new-tokens", type=int, default=96, help="length limit of an answer")
    answers.add_argument("--batch-size", type=int, default=32, help="answers at work at a time; changes no answer")
    answers.add_argument("--backend", choices=["auto", "transformers", "vllm"], default="auto", help="what generates")
    answers.add_argument(
        "--bertscore-model", default="", help="folder or hub id; '' for all-MiniLM-L6-v2 (English), 'none' for no BERTScore"
    )
    answers.add_argument("--bertscore-layers", type=int, default=6, help="layer compared; 0 for bert-score's choice for a known hub id")
    output = parser.add_argument_group("output")
    output.add_argument("--examples", type=Path, default=Path("examples.parquet"), help="a row for each scored example")
    output.add_argument("--cache", type=Path, help="folder that keeps scores for later runs of the same model on the same data")
    output.add_argument("--code", default="", help="digest of this step's code: what other code scored is not taken from the cache")
    output.add_argument("--summary", type=Path, default=Path("evaluate.json"))
    return parser.parse_args(argv)


def truth(text: str) -> bool:
    """true or false, as Nextflow writes them."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")
    return text == "true"


if __name__ == "__main__":
    # Predictions and test records are pseudonymized, but what a library quotes in an exception need not be shown.
    sys.exit(run_step(main, private=True))
