"""Which suites a run has, and their rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llamaflow.errors import BadInputError, ManyProblems
from llamaflow.evaluation.examples import read_examples, write_examples
from llamaflow.evaluation.items import Check, Item
from llamaflow.evaluation.suites import build_suites, check_names, rows_for_checks
from llamaflow.records import Message, Record

RECORD = Record(
    id="r1", lang="pt", messages=[Message(role="user", content="Quando chega o meu pedido?"), Message(role="assistant", content="Amanhã.")]
)
LINE = {"id": "a", "messages": [{"role": "user", "content": "?"}], "reference": "b"}


def file(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_suites_by_name_and_from_files(tmp_path: Path) -> None:
    mine = file(tmp_path / "mine.jsonl", LINE)
    suites = build_suites([RECORD], ["general", "edge", "adversarial"], [mine], seed=17, adversarial_limit=30)
    assert [(suite.name, suite.kind) for suite in suites] == [
        ("edge", "edge"), ("adversarial", "adversarial"), ("general", "general"), ("mine", "user"),
    ]  # fmt: skip
    assert all(len({item.id for item in suite.items}) == len(suite.items) for suite in suites)
    assert len(suites[1].items) == 30
    again = build_suites([RECORD], ["edge", "adversarial", "general"], [mine], seed=17, adversarial_limit=30)
    assert [suite.digest for suite in again] == [suite.digest for suite in suites]
    assert build_suites([], ["none"], [], seed=17) == build_suites([], [], [], seed=17) == []


def test_names() -> None:
    assert check_names(["general", " edge ", "edge", ""]) == ["edge", "general"]
    with pytest.raises(BadInputError, match="did you mean 'adversarial'"):
        check_names(["adversary"])
    with pytest.raises(BadInputError, match="beside"):
        check_names(["none", "edge"])


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    files = [
        file(tmp_path / "empty.jsonl"), file(tmp_path / "bad.jsonl", {"id": 1}, LINE), file(tmp_path / "good.jsonl", LINE),
        file(tmp_path / "b" / "good.jsonl", LINE),
    ]  # fmt: skip
    with pytest.raises(ManyProblems) as caught:
        build_suites([], [], files, seed=1)
    told = str(caught.value)
    for words in ("the suite is empty", "bad.jsonl:1", "two suites are called 'good'"):
        assert words in told


def test_rows_of_answers_fit_the_file(tmp_path: Path) -> None:
    items = [
        Item(id="a", messages=[Message(role="user", content="2 + 2?")], checks=[Check(kind="number", value=4)], category="arithmetic"),
        Item(id="b", messages=[Message(role="user", content="Mal")], checks=[Check(kind="refuses")], cluster="c", lang="pt"),
    ]
    rows = rows_for_checks("general", items, ["5", "Não posso ajudar com isso."], [True, False])
    write_examples(tmp_path / "rows.parquet", rows)
    table = read_examples(tmp_path / "rows.parquet").to_pylist()
    assert [row["correct"] for row in table] == [0.0, 1.0]
    assert [row["refused"] for row in table] == [0.0, 1.0]
    assert [row["finished"] for row in table] == [1.0, 0.0]
    assert [row["cluster"] for row in table] == ["a", "c"]
    assert {row["kind"] for row in table} == {"check"}
    assert table[0]["nats"] is None
    with pytest.raises(ValueError):
        rows_for_checks("general", items, ["5"], [True])
