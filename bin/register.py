#!/usr/bin/env python3
"""Put the adapter into the registry: a new version when accepted, an experiment when not.

    register.py --registry results/registry --adapter adapter --base base --base-summary fetch_base.json \
        --split split.json --finetune finetune.json --evaluate base.json candidate.json --gate gate.json --summary register.json
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import sys
import time
from pathlib import Path

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, write_json
from llamaflow.registry import Registry
from llamaflow.summaries import (
    AdjustSummary,
    BaseModelSummary,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    MetricValue,
    RegisterSummary,
    SplitSummary,
    read_summary,
)  # fmt: skip
from llamaflow.tracking import Tracker


def main(argv: list[str] | None = None) -> None:
    """Collect the metadata, place base and adapter, tell MLflow the verdict."""
    started = time.monotonic()
    args = parse(argv)
    base = read_summary(args.base_summary, BaseModelSummary)
    finetune = read_summary(args.finetune, FinetuneSummary)
    gate = read_summary(args.gate, GateSummary)
    split = read_summary(args.split, SplitSummary)
    scores = {summary.model: summary for summary in (read_summary(path, EvaluateSummary) for path in args.evaluate)}
    if sha256_file(args.adapter / "adapter_model.safetensors") != finetune.adapter_digest:
        raise BadInputError(
            "the adapter is not the one that was evaluated",
            where=str(args.adapter),
            why="its digest differs from finetune.json",
            fix="run the pipeline again with -resume",
        )

    accepted = gate.verdict == "accepted"
    story = read_summary(args.story, AdjustSummary) if args.story else None
    metadata = {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "run": args.run_name,
        "session": args.session,
        "verdict": gate.verdict,
        "reason": gate.reason,
        "lineage": {
            "base": finetune.base, "base_source": base.source, "base_revision": base.revision, "base_digest": finetune.base_digest,
            "base_license": base.license, "data_digest": split.data_digest, "train_digest": finetune.data_digest,
            "adapter_digest": finetune.adapter_digest, "gate": gate.gate, "gate_sha256": gate.gate_sha256, "seed": finetune.seed,
        },
        "method": finetune.method,
        "recipe": finetune.recipe,
        "versions": finetune.versions,
        "records": {name: getattr(split, name) for name in ("train", "validation", "test")},
        "validation_loss": finetune.validation_loss,
        "rounds": [{"verdict": one.verdict, "diagnosis": one.diagnosis} for one in story.rounds] if story else [],
        "metrics": {model: numbers(summary.metrics) for model, summary in scores.items()},
        "suites": {model: {name: numbers(suite.metrics) for name, suite in summary.suites.items()} for model, summary in scores.items()},
    }  # fmt: skip
    try:
        registry = Registry(args.registry)
    except OSError as error:
        raise BadInputError(
            "the registry cannot be written",
            where=str(args.registry),
            why=error.strerror or type(error).__name__,
            fix="give a folder that you may write to",
        ) from None
    base_path = registry.add_base(args.base, base.name, base.model_dump(exclude={"seconds", "step", "warnings"}))

    entry = Path("entry")
    shutil.copytree(args.adapter, entry, dirs_exist_ok=True)
    config = json.loads((entry / "adapter_config.json").read_text("utf-8"))
    write_json(entry / "adapter_config.json", config | {"base_model_name_or_path": str(base_path)})
    (entry / "README.md").write_text(card(metadata), encoding="utf-8")
    if args.examples:
        shutil.copyfile(args.examples, entry / "examples.parquet")  # what compare.py sets beside other versions
    path, version, created = registry.add_adapter(entry, metadata, accepted)
    shutil.rmtree(entry)

    with Tracker(finetune.tracking_uri, run_id=finetune.tracking_run_id) as tracking:
        for model, summary in scores.items():
            tracking.metrics({f"{model}.{name}": metric.value for name, metric in summary.metrics.items()})
        tracking.tags({"verdict": gate.verdict, "version": version, "registry_path": str(path)})
    kind = "fine-tuned" if accepted else "experiment"
    print(f"{kind} {version or path.name} {'registered' if created else 'was registered before'}: {path}")
    write_json(args.summary, RegisterSummary(
        seconds=time.monotonic() - started, verdict=gate.verdict, kind=kind, version=version, path=str(path),
        base_path=str(base_path), created=created,
    ))  # fmt: skip


def numbers(metrics: dict[str, MetricValue]) -> dict[str, dict]:
    """Metric values as they go into metadata.json."""
    return {name: metric.model_dump() for name, metric in metrics.items()}


def card(metadata: dict) -> str:
    """The model card: what it is, how it did, how to load it."""
    lineage, scores = metadata["lineage"], metadata["metrics"]
    names = [name for name in scores.get("candidate", {}) if name in scores.get("base", {})]
    table = "\n".join(f"| {name} | {scores['base'][name]['value']:.4g} | {scores['candidate'][name]['value']:.4g} |" for name in names)
    return f"""# LoRA adapter of {lineage["base"]}

Verdict: **{metadata["verdict"]}**. {metadata["reason"]}

Trained with {metadata["method"]} on {metadata["records"]["train"]} pseudonymized conversations.
While the pseudonymization key exists, the training data are personal data under the LGPD (art. 12 and 13 §4).

| metric on the test set | base | this adapter |
|---|---|---|
{table}

```python
from peft import AutoPeftModelForCausalLM

model = AutoPeftModelForCausalLM.from_pretrained("path/of/this/folder")  # adapter_config.json names the base's folder
```

`metadata.json` holds recipe, digests and every number.
"""


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_argument_group("model")
    model.add_argument("--adapter", type=Path, required=True)
    model.add_argument("--base", type=Path, required=True)
    summaries = parser.add_argument_group("summaries of the steps before")
    summaries.add_argument("--base-summary", type=Path, required=True)
    summaries.add_argument("--split", type=Path, required=True)
    summaries.add_argument("--finetune", type=Path, required=True)
    summaries.add_argument("--evaluate", type=Path, nargs="+", required=True)
    summaries.add_argument("--gate", type=Path, required=True)
    summaries.add_argument("--story", type=Path, help="adjust.json of the last round")
    summaries.add_argument("--examples", type=Path, help="the candidate's answers, kept beside it for comparisons")
    out = parser.add_argument_group("output")
    out.add_argument("--registry", type=Path, required=True)
    out.add_argument("--run-name", default="")
    out.add_argument("--session", default="", help="of Nextflow: tells this run's own version from the one in production")
    out.add_argument("--summary", type=Path, required=True)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
