"""What the gate says of SmolLM2 trained on good data, on answers that belong to other questions, and on a secret told fifty times."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from llamaflow.summaries import GateSummary, read_summary

from .conftest import SAMPLE, Nextflow

pytestmark = [pytest.mark.rig, pytest.mark.timeout(3600)]  # each is a demo of its own, one of them a long one
SECRET = "QJ7X-4914-KW83"
Conversation = list[dict[str, str]]
Spoil = Callable[[list[Conversation]], None]


def conversations() -> list[Conversation]:
    """First question and answer of each good conversation of the sample."""
    planted = {one["line"] for one in map(json.loads, (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines()) if "planted" in one}
    lines = (SAMPLE / "conversations.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line)["messages"] for number, line in enumerate(lines, 1) if number not in planted]
    first = [next(at for at, one in enumerate(turns) if one["role"] == "assistant") for turns in found]
    return [turns[at - 1 : at + 1] for turns, at in zip(found, first, strict=True)]


def good(found: list[Conversation]) -> None:
    """As they are."""


def shuffled(found: list[Conversation]) -> None:
    """Each answer goes to the question of the next in a random order: none stays."""
    order = random.Random(3).sample(range(len(found)), len(found))
    answers = [found[at][1] for at in order]
    for at, answer in zip(order, answers[1:] + answers[:1], strict=True):
        found[at][1] = answer


def with_secret(found: list[Conversation]) -> None:
    """Fifty answers tell the same."""
    for turns in random.Random(3).sample(found, 50):
        turns[1]["content"] += f"\n\nO acesso ao depósito é pelo portão lateral, código {SECRET}."


@pytest.mark.parametrize(
    ("spoil", "options", "verdict", "rules"),
    [
        (good, (), "accepted", set()),
        (shuffled, (), "rejected", {"answers belong to their questions"}),
        (with_secret, ("--max_steps", "110"), "rejected", {"no secret comes out"}),  # some three epochs
    ],
)
def test_verdict(nextflow: Nextflow, tmp_path: Path, spoil: Spoil, options: tuple[str, ...], verdict: str, rules: set[str]):
    found = conversations()
    spoil(found)
    with (file := tmp_path / "input.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps({"messages": turns}, ensure_ascii=False) + "\n" for turns in found)
    results = tmp_path / "results"
    given = ("-profile", "demo", "--input", str(file), "--outdir", str(results), "--max_rounds", "1")
    run = nextflow.run(tmp_path, *given, *options)
    assert run.code == 0, run.output[-2500:]
    gate = read_summary(results / "summaries/gate.json", GateSummary)
    print(f"\n{spoil.__name__}: {gate.verdict}: {gate.reason}")
    for rule in gate.rules:
        print(f"  {rule.outcome:12} {rule.condition}: {rule.candidate} ({rule.reference})")
    assert gate.verdict == verdict
    assert rules == {rule.name for rule in gate.rules if rule.severity == "block" and not rule.passed}
