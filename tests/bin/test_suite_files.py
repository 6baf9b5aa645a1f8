"""Suites from files: what is read, and that each bad line is named with its place and a remedy, without quoting it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError, ManyProblems
from llamaflow.evaluation.items import Item
from llamaflow.evaluation.overlap import overlapping
from llamaflow.evaluation.suite_files import SHOWN, load_suite
from llamaflow.files import open_stream
from llamaflow.records import Message, Record

ASK = [{"role": "user", "content": "Qual é a capital do Peru?"}]
GOOD = {"id": "a", "messages": ASK, "reference": "Lima"}


def write(path: Path, *lines: Any) -> Path:
    with open_stream(path, "w") as stream:
        stream.writelines((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    return path


def problems(path: Path) -> list[BadInputError]:
    with pytest.raises(BadInputError) as caught:
        load_suite(path)
    assert caught.value.exit_code == 2
    return caught.value.problems if isinstance(caught.value, ManyProblems) else [caught.value]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_all_three_kinds_of_items(tmp_path: Path, suffix: str) -> None:
    choice = {"id": "b", "messages": ASK, "choices": ["Lima", "Quito"], "answer": 0, "lang": "pt", "category": "geo"}
    check = {"id": "c", "messages": ASK, "checks": [{"kind": "contains", "value": "Lima"}], "cluster": "x"}
    suite = load_suite(write(tmp_path / f"my.suite{suffix}", GOOD, "", choice, check))
    assert (suite.name, suite.kind) == ("my.suite", "user")
    assert [item.kind for item in suite.items] == ["reference", "choice", "check"]


def test_canonical_records_are_a_suite(tmp_path: Path) -> None:
    turns = [
        Message(role="user", content="Oi"),
        Message(role="assistant", content="Olá!"),
        Message(role="user", content="Qual é a capital?"),
    ]
    record = Record(id="r1", messages=[*turns, Message(role="assistant", content="Lima.")], lang="pt", source="faq.jsonl", meta={"a": 1})
    item = load_suite(write(tmp_path / "s.jsonl", record.model_dump())).items[0]
    assert item == Item(id="r1", messages=turns, lang="pt", reference="Lima.")
    found = problems(write(tmp_path / "t.jsonl", record.model_copy(update={"messages": turns}).model_dump()))
    assert "no reference" in found[0].what


def test_a_bom_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n")
    assert len(load_suite(path).items) == 1


SECRET = "segredo-do-cliente"
BAD: list[tuple[Any, str]] = [
    ("{" + SECRET, "not JSON"),
    ("[" * 200_000, "not JSON"),
    ([SECRET], "not a JSON object"),
    ({**GOOD, "refrence": SECRET}, "'refrence' is unknown"),
    ({"id": "a", "messages": ASK}, "nothing of a right answer"),
    ({**GOOD, "choices": ["a", "b"], "answer": 0}, "reference and choices"),
    ({**GOOD, "checks": [{"kind": "json"}]}, "reference and checks"),
    ({**GOOD, "reference": " "}, "reference is empty"),
    ({"id": "a", "messages": ASK, "choices": ["a", "b"], "answer": 2}, "not the place of a choice"),
    ({"id": "a", "messages": ASK, "choices": ["a", "b"], "answer": -1}, "not the place of a choice"),
    ({"id": "a", "messages": ASK, "choices": ["a", "b"]}, "'answer' is missing"),
    ({"id": "a", "messages": ASK, "choices": ["a", "b"], "answer": True}, "'answer'"),
    ({"id": "a", "messages": ASK, "choices": ["a"], "answer": 0}, "fewer than two"),
    ({"id": "a", "messages": ASK, "choices": [SECRET, SECRET], "answer": 0}, "two choices are equal"),
    ({**GOOD, "answer": 0}, "without choices"),
    ({"id": "a", "messages": ASK, "checks": [{"kind": "contain", "value": SECRET}]}, "kind of check"),
    ({"id": "a", "messages": ASK, "checks": [{"kind": "number", "value": SECRET}]}, "checks.0 (number)"),
    ({"id": "a", "messages": ASK, "checks": [{"kind": "regex", "value": "("}]}, "no regular expression"),
    ({"id": "a", "messages": ASK, "checks": [{"kind": "json", "values": 1}]}, "'checks.0.values' is unknown"),
    ({"messages": ASK, "reference": SECRET}, "'id' is missing"),
    ({**GOOD, "id": ""}, "'id'"),
    ({**GOOD, "id": 7}, "'id'"),
    ({**GOOD, "messages": []}, "'messages'"),
    ({**GOOD, "messages": SECRET}, "'messages'"),
    ({**GOOD, "messages": [{"role": "human", "content": SECRET}]}, "messages.0.role"),
    ({**GOOD, "messages": [{"role": "user", "content": SECRET, "name": SECRET}]}, "'messages.0.name' is unknown"),
    ({**GOOD, "messages": [{"role": "system", "content": SECRET}]}, "last turn is from system"),
    (
        {"id": "a", "messages": [*ASK, {"role": "assistant", "content": SECRET}], "checks": [{"kind": "json"}]},
        "last turn is from assistant",
    ),
    ({"id": "a", "messages": ASK, "source": SECRET, "meta": {}}, "no reference"),
    ('{"id": "a", "messages": [{"role": "user", "content": "\\ud800"}], "reference": "b"}', "lone surrogate"),
]


@pytest.mark.parametrize(("line", "words"), BAD, ids=[words for _, words in BAD])
def test_a_bad_line_is_named(tmp_path: Path, line: Any, words: str) -> None:
    path = write(tmp_path / "s.jsonl", {**GOOD, "id": "fine"}, line)
    found = problems(path)
    assert words in found[0].what
    assert found[0].where == f"{path}:2"
    assert found[0].fix
    assert SECRET not in str(found[0])


def test_all_bad_lines_are_told_at_once(tmp_path: Path) -> None:
    found = problems(write(tmp_path / "s.jsonl", GOOD, *(line for line, _ in BAD), GOOD))
    assert len(found) >= len(BAD)
    assert "line 1" in found[-1].what  # the id that comes twice
    many = problems(write(tmp_path / "m.jsonl", *(["x"] * 500)))
    assert len(many) == SHOWN + 1
    assert "400 more" in many[-1].what


def test_files_that_are_no_suites(tmp_path: Path) -> None:
    assert "does not exist" in problems(tmp_path / "none.jsonl")[0].what
    assert "empty" in problems(write(tmp_path / "empty.jsonl", "", " "))[0].what
    assert "JSONL" in problems(write(tmp_path / "suite.csv", GOOD))[0].what
    assert "own" in problems(write(tmp_path / "general.jsonl", GOOD))[0].what
    assert "name" in problems(write(tmp_path / "my suite.jsonl", GOOD))[0].what
    (tmp_path / "folder.jsonl").mkdir()
    assert "cannot be read" in problems(tmp_path / "folder.jsonl")[0].what
    for name in ("broken.jsonl.zst", "broken.jsonl.gz"):
        (tmp_path / name).write_bytes(b"not compressed at all")
        assert "cannot be read" in problems(tmp_path / name)[0].what
    (tmp_path / "latin.jsonl").write_bytes(json.dumps(GOOD).encode() + b"\n" + b'{"id": "\xe9"}\n')
    found = problems(tmp_path / "latin.jsonl")
    assert "UTF-8" in found[0].what
    assert found[0].where.endswith(":2")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
LINES = st.one_of(
    st.binary(max_size=60),
    st.fixed_dictionaries({}, optional={name: JSON for name in (*Item.model_fields, "meta")}).map(lambda value: json.dumps(value).encode()),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=4))
def test_any_bytes_give_a_suite_or_an_error(tmp_path: Path, lines: list[bytes]) -> None:
    (tmp_path / "s.jsonl").write_bytes(b"\n".join(lines))
    with suppress(BadInputError):
        assert load_suite(tmp_path / "s.jsonl").items


def conversation(prompt: str, answer: str) -> Record:
    return Record(
        id=prompt[:20],
        messages=[
            Message(role="system", content="Seja gentil."),
            Message(role="user", content=prompt),
            Message(role="assistant", content=answer),
        ],
    )


def test_items_that_training_has_seen(tmp_path: Path) -> None:
    long = "o prazo de troca é de trinta dias contados da data em que o cliente recebeu o produto em casa"
    lines = [
        {"id": "equal", "messages": [{"role": "user", "content": "Qual é o PRAZO de entrega?"}], "reference": "x"},
        {
            "id": "inside",
            "messages": [{"role": "user", "content": f"Verdadeiro ou falso: {long}?"}],
            "choices": ["sim", "não"],
            "answer": 0,
        },
        {"id": "answer", "messages": [{"role": "user", "content": "Fale da política."}], "reference": f"Pois bem: {long}."},
        {"id": "greeting", "messages": [{"role": "user", "content": "Bom dia!"}], "checks": [{"kind": "answers"}]},
        {"id": "new", "messages": [{"role": "user", "content": "Quem descobriu a penicilina?"}], "reference": "Fleming"},
        {"id": "second", "messages": [{"role": "user", "content": f"Repita: {long}"}], "reference": "ok"},
    ]
    suite = load_suite(write(tmp_path / "s.jsonl", *lines))
    training = [
        conversation("qual e o prazo  de entrega?", "Dois dias."),
        conversation("Bom dia!", "Olá!"),
        conversation("Qual a regra?", f"Aqui {long} e só."),
    ]
    assert overlapping(suite, iter(training)) == ["equal", "inside", "answer", "second"]
    assert overlapping(suite, [conversation("Onde fica a loja?", "No centro.")]) == []
    # A prompt is found however often training repeats it, though a run of 13 in many records is a stock phrase.
    often = [conversation(f"Repita: {long}", f"resposta {number}") for number in range(40)]
    assert overlapping(suite, often) == ["second"]


def test_later_turns_of_training_count(tmp_path: Path) -> None:
    turns = [
        Message(role="user", content="Onde fica o museu novo?"),
        Message(role="assistant", content="Na praça."),
        Message(role="user", content="E abre quando?"),
    ]
    suite = load_suite(write(tmp_path / "s.jsonl", {"id": "a", "messages": [turn.model_dump() for turn in turns], "reference": "Às nove."}))
    record = Record(id="r", messages=[*turns, Message(role="assistant", content="Às dez."), Message(role="user", content="Obrigado")])
    assert overlapping(suite, [record]) == ["a"]
