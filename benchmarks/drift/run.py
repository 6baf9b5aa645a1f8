#!/usr/bin/env python3
"""False alarms, power and cost of bin/drift.py; `make bench-drift` calls this.

    .venv/bin/python benchmarks/drift/run.py [--only alarms power cost] [--embeddings] [--splits 500] [--trials 20]

alarms: random halves of one data set; the rate beside the stated one, with its 95 % interval (Wilson). power: a share of production
comes from elsewhere (another language, topic or length); how often each share is seen at alpha 0.01, by the test and with the
default effect threshold. cost: seconds and peak memory of drift.py with 10,000 records on each side, in a process of its own. Data:
the project's sample and, where they are, the public sets of ../shared/data. The last line is one JSON object.
"""
# ruff: noqa: E402

from __future__ import annotations

import os

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from llamaflow.drift.compare import compare
from llamaflow.drift.measuring import Settings, features_of
from llamaflow.drift.permutation import decide, draw_labels
from llamaflow.drift.sampling import choose
from llamaflow.files import write_jsonl
from llamaflow.inputs import inspect_inputs, read_items
from llamaflow.pii.second_look import wilson
from llamaflow.records import Message, Record, content_id

SAMPLE = ROOT / "tests/data/sample"
PUBLIC = ROOT.parent / "shared/data/instruct"
SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
# FaQuAD's articles on studying at the university, and those on computers.
STUDY = ("UFMS", "REGULAMENTO_GERAL", "UNIVERSIDADE", "POS_GRADUACAO", "RES_", "NORMAS_", "ATIVIDADES_", "EXERCICIOS_", "MONITORIA_")
COMPUTING = ("CIENCIA_DA_COMPUTACAO", "COMPUTADOR", "ENGENHARIA_DE_SOFTWARE", "TECNOLOGIA_DA", "ANALISE_DE", "ENGENHARIA_DE_COMPUTACAO")


def records_in(path: Path) -> list[Record]:
    """Distinct records of a file; none where it is not there."""
    if not path.exists():
        return []
    inspected, _ = inspect_inputs([path])
    items = (item for file in inspected for item in read_items(file.source, file.file_format, file.format, file.mapping))
    return list({item.record.id: item.record for item in items if item.record}.values())


def record(question: str, answer: str) -> Record:
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Record(id=content_id(messages), messages=messages)


def faquad(articles: tuple[str, ...]) -> list[Record]:
    """Questions of some articles with their answers, without the passages: one form, one language, another topic."""
    path = PUBLIC / "faquad-train.json"
    if not path.exists():
        return []
    chosen = [article for article in json.loads(path.read_text("utf-8"))["data"] if article["title"].startswith(articles)]
    pairs = [question for article in chosen for passage in article["paragraphs"] for question in passage["qas"]]
    return list({one.id: one for pair in pairs for one in [record(pair["question"], pair["answers"][0]["text"])]}.values())


def sample(keep: Callable[[dict], bool]) -> list[Record]:
    """The sample's conversations of which the truth says something."""
    lines = (SAMPLE / "conversations.jsonl").read_text("utf-8").splitlines()
    truth = [json.loads(line) for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines()]
    good = [one for one in truth if one["file"] == "conversations.jsonl" and not one.get("planted") and keep(one)]
    messages = [[Message(**turn) for turn in json.loads(lines[one["line"] - 1])["messages"]] for one in good]
    return [Record(id=content_id(turns), messages=turns) for turns in messages]


def alarms(name: str, records: list[Record], splits: int, model: str) -> list[dict]:
    """Random halves, each tested with draws of its own; no effect threshold, so the test alone holds the rate."""
    chosen = Settings(permutations=199, model=model)
    groups, random_halves = np.arange(len(records)), np.random.default_rng(11)
    features, found = features_of(records, groups, groups, chosen), []
    for split in range(splits):
        production = random_halves.permutation(len(records)) % 2 == 0
        labels = draw_labels(production, groups, chosen.permutations, seed=split)
        found.append(decide(np.stack([feature.distances(labels) for feature in features]), chosen.alpha).p)
    rows = []
    for alpha in (0.01, 0.05):
        count = sum(p <= alpha for p in found)
        low, high = wilson(count, splits)
        rate = f"{count / splits:.3f} at {alpha} ({low:.3f} to {high:.3f})"
        print(f"{name:<12} {len(records):>5} records, {count:>3} alarms in {splits} halves: {rate}", flush=True)
        rows.append({"data": name, "records": len(records), "alpha": alpha, "halves": splits, "alarms": count})
    return rows


def scenarios() -> dict[str, tuple[list[Record], list[Record], int]]:
    """name -> (the usual records, those of another kind, records a side)."""
    portuguese, english = sample(lambda one: one["lang"] == "pt"), sample(lambda one: one["lang"] == "en")
    truth = [json.loads(line) for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines()]
    intents = sorted({one["intent"] for one in truth if "intent" in one})
    topics = [sample(lambda one, half=half: one["lang"] == "pt" and one["intent"] in half) for half in (intents[::2], intents[1::2])]
    alpaca = records_in(PUBLIC / "alpaca-en-999.json")
    ends = [*alpaca[1:], *alpaca[:1]]  # of other answers: repeating an answer's own words is another shift
    longer = [
        record(one.messages[0].content, f"{one.messages[-1].content} {end.messages[-1].content[:200]}")
        for one, end in zip(alpaca, ends, strict=True)
    ]
    cooking = [
        one for one in alpaca if any(word in one.text.lower() for word in ("recipe", "cook", "ingredient", "dish", "flavor", "meal"))
    ]
    others = [one for one in alpaca if one not in cooking]
    found = {
        "language: pt to en (sample)": (portuguese, english, 110),
        "topic: intents (sample, pt)": (*topics, 55),
        "topic: articles (FaQuAD, pt)": (faquad(STUDY), faquad(COMPUTING), 150),
        "topic: cooking (Alpaca, en)": (others, cooking, 120),
        "length: +200 characters": (alpaca, longer, 450),
    }
    return {name: one for name, one in found.items() if one[0] and one[1]}


def power(name: str, usual: list[Record], new: list[Record], size: int, trials: int, model: str) -> list[dict]:
    """How often each share of new records is seen, and by what."""
    rows = []
    for share in SHARES:
        count = round(share * size)
        if count > len(new) or 2 * size - count > len(usual):
            continue
        seen, decided, named = 0, 0, []
        for trial in range(trials):
            source = random.Random(1000 * trial + count)
            old = source.sample(usual, 2 * size - count)
            production = old[size:] + source.sample(new, count)
            settings = Settings(permutations=199, seed=trial, model=model)
            found = compare(choose(old[:size], 10_000, trial), choose(production, 10_000, trial), settings)
            seen += found.p <= settings.alpha
            decided += any(one.drifted for one in found.features)
            named += [f"{one.side} {one.name}" for one in found.features if one.p_adjusted <= settings.alpha]
        most = sorted(set(named), key=lambda one: (-named.count(one), one))
        by = ", ".join(f"{one} {named.count(one)}" for one in most[:6])
        print(f"{name:<30} {size:>4} a side, {share:>4.0%} new: test {seen:>2}/{trials}, drift {decided:>2}/{trials}  {by}", flush=True)
        rows.append({"scenario": name, "size": size, "share": share, "seen": seen / trials, "drift": decided / trials, "by": by})
    return rows


def cost(count: int, model: str) -> dict:
    """drift.py on so many records a side, made of sentences that are drawn from the sample and the public sets."""
    sources = [*sample(lambda one: True), *records_in(PUBLIC / "alpaca-en-999.json"), *records_in(PUBLIC / "sharegpt-500.json")]
    source = random.Random(5)

    def drawn() -> Record:
        answer = " ".join(source.choice(sources).messages[-1].content for _ in range(2))
        return record(f"{source.choice(sources).messages[0].content} {source.randrange(10**6)}", answer[:1500])

    with tempfile.TemporaryDirectory() as folder:
        for side in ("reference", "production"):
            write_jsonl(Path(folder, f"{side}.jsonl"), (drawn() for _ in range(count)))
        sides = [part for side in ("reference", "production") for part in (f"--{side}", f"{folder}/{side}.jsonl")]
        out = ["--summary", f"{folder}/d.json", "--report", f"{folder}/d.html", "--text", f"{folder}/s.txt"]
        start = time.monotonic()
        command = [sys.executable, str(ROOT / "bin/drift.py"), *sides, "--model", model, *out]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        verdict = json.loads(Path(folder, "d.json").read_text())["verdict"] if status == 0 else f"exit {status}"
    row = {
        "records": count,
        "model": model or "all-MiniLM-L6-v2",
        "seconds": round(seconds, 1),
        "peak_gib": round(usage.ru_maxrss / 2**20, 2),
    }
    print(f"{count} records a side, embeddings {row['model']}: {row['seconds']} s, {row['peak_gib']} GiB at most, {verdict}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("alarms", "power", "cost"), default=("alarms", "power", "cost"))
    parser.add_argument("--embeddings", action="store_true", help="with all-MiniLM-L6-v2, too (minutes)")
    parser.add_argument("--splits", type=int, default=500)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--scenario", default="", help="only those whose name holds this")
    parser.add_argument("--records", type=int, default=10_000, help="for the cost")
    args = parser.parse_args()
    model, result = "" if args.embeddings else "none", {}
    if "alarms" in args.only:
        sets = {"sample": sample(lambda one: True)}
        sets |= {name: records_in(PUBLIC / file) for name, file in (("FaQuAD", "faquad-train.json"), ("Alpaca", "alpaca-en-999.json"))}
        result["alarms"] = [row for name, one in sets.items() if one for row in alarms(name, one, args.splits, model)]
    if "power" in args.only:
        chosen = {name: one for name, one in scenarios().items() if args.scenario in name}
        result["power"] = [row for name, one in chosen.items() for row in power(name, *one, args.trials, model)]
    if "cost" in args.only:
        result["cost"] = [cost(args.records, model)]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
