"""Every kind of check: what passes, what fails, and values that are refused before anything runs."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.evaluation.checks import KINDS, check_problem, passes, passes_all
from llamaflow.evaluation.items import Check, Item
from llamaflow.evaluation.reading import json_value, last_number, list_items, loops, words
from llamaflow.records import Message

ITEM = Item(id="a", messages=[Message(role="user", content="?")])
CALL = {"name": "get_weather", "arguments": {"city": "São Paulo", "days": 2}, "optional": ["unit"]}
CASES: list[tuple[str, Any, list[str], list[str]]] = [
    ("contains", "Brasília", ["A capital é Brasília.", "brasilia", "**BRASÍLIA**"], ["Rio", "brasiliano", ""]),
    ("contains", "4", ["2 + 2 = 4.", "(4)"], ["14", "4x4a", "four"]),
    ("contains", ["sol", "lua"], ["O Sol e a Lua."], ["O sol brilha.", "solar e lunar"]),
    ("contains", {"any": ["yes", "sure"]}, ["Yes!", "Sure thing"], ["No", "yesterday"]),
    ("contains", {"any": ["entreg"], "inside_words": True}, ["A entrega sai hoje", "será entregue"], ["saiu"]),
    ("contains", {"all": ["avô"], "accents": True}, ["Meu avô."], ["Minha avó.", "avo"]),
    ("contains", {"all": ["OK"], "case": True}, ["OK, done"], ["ok"]),
    ("excludes", "muito", ["É bom.", "muitíssimo bom", ""], ["É MUITO bom.", "múito"]),
    ("excludes", ["a", "b"], ["c d"], ["c a", "b"]),
    ("excludes", {"any": ["xyz"], "inside_words": True}, ["xy z"], ["wxyzw"]),
    ("regex", r"^\d{2}/\d{2}/\d{4}$", ["10/02/2024", " 10/02/2024\n"], ["2024-02-10", "Em 10/02/2024"]),
    ("equals", "Paris", ["paris", "**Paris.**", '"Paris"', " Paris!\n"], ["Paris, France", ""]),
    ("equals", {"any": ["sim", "yes"]}, ["Sim.", "YES"], ["não"]),
    (
        "number",
        42,
        ["42", "É 42.", "The answer is **42**.", "= 42,00", "40 + 2 = 42!", "$42", "R$ 42,00"],
        ["", "43", "42 e depois 7", "-42", "4.2"],
    ),
    ("number", 1234.5, ["1.234,50", "1,234.50", "1234.5", "R$ 1.234,5", "1 234,5"], ["1234", "12345", "1.2345"]),
    ("number", -3, ["-3", "−3", "x = -3", "R$ -3,00", "-R$ 3"], ["3", "5-3"]),
    ("number", 2, ["5-3 = 2", "10/5 = 2", "São 2 kg"], ["H2O", "2.2.2"]),
    ("number", {"value": 3.14, "tolerance": 0.01}, ["3,14159", "3.15"], ["3.2", "3"]),
    (
        "json",
        None,
        ['{"a": 1}', "[1, 2]", '```json\n{"a": 1}\n```', "Aqui está:\n```\n[]\n```\nPronto!"],
        ["", "{'a': 1}", '{"a": 1', 'Aqui: {"a": 1}', "NaN", '{"a": NaN}'],
    ),
    ("json", ["name", "age"], ['{"name": "Ana", "age": 3}'], ['{"name": "Ana"}', "[]", '"name"']),
    (
        "json",
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"], "additionalProperties": False},
        ['{"n": 3}', '{"n": 3.0}'],
        ['{"n": 0}', '{"n": "3"}', '{"n": true}', '{"n": 1, "m": 2}', "{}"],
    ),
    (
        "json",
        {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3},
        ['["a", "b"]'],
        ['["a"]', '["a", 1]', '["a","b","c","d"]'],
    ),
    ("json", {"enum": [1, "a"]}, ["1", '"a"'], ["true", "2"]),
    (
        "tool_call",
        CALL,
        [
            '{"name": "get_weather", "arguments": {"city": "são paulo", "days": 2}}',
            '```json\n{"name": "get_weather", "parameters": {"city": "Sao Paulo", "days": 2.0, "unit": "C"}}\n```',
            '<tool_call>\n{"name": "get_weather", "arguments": {"city": "São Paulo", "days": 2}}\n</tool_call>',
            '[{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"São Paulo\\", \\"days\\": 2}"}}]',
            '{"tool_calls": [{"name": "get_weather", "arguments": {"city": "São Paulo", "days": 2}}]}',
        ],
        [
            "",
            "get_weather(city='São Paulo', days=2)",
            '{"name": "get_weather", "arguments": {"city": "São Paulo"}}',
            '{"name": "get_weather", "arguments": {"city": "Rio", "days": 2}}',
            '{"name": "weather", "arguments": {"city": "São Paulo", "days": 2}}',
            '{"name": "get_weather", "arguments": {"city": "São Paulo", "days": 2, "extra": 1}}',
            '{"name": "get_weather", "arguments": {"city": "São Paulo", "days": true}}',
            '{"name": "get_weather", "arguments": [1]}',
            '[{"name": "get_weather", "arguments": {"city": "São Paulo", "days": 2}}, {"name": "get_weather", "arguments": {}}]',
        ],
    ),
    (
        "tool_call",
        {"name": "f", "arguments": {"x": {"any": ["a", "b"]}}},
        ['{"name": "f", "arguments": {"x": "B"}}'],
        ['{"name": "f", "arguments": {"x": "c"}}'],
    ),
    ("tool_call", {"name": "now"}, ['{"name": "now", "arguments": {}}', '{"name": "now"}'], ['{"name": "now", "arguments": {"x": 1}}']),
    ("refuses", None, ["I'm sorry, but I can't help with that.", "Não posso ajudar com isso."], ["", "Claro! Primeiro, pegue…"]),
    ("answers", None, ["Use Ctrl+C.", "Claro!"], ["", "...", "I can't help with that."]),
    ("language", "pt", ["A entrega será feita na próxima semana, pela manhã."], ["The delivery will be made next week.", "", "42"]),
    ("language", "en", ["The delivery will be made next week.\n```\nx = para + não\n```"], ["A entrega será feita amanhã pela manhã."]),
    ("words_at_most", 3, ["", "um dois três", "guarda-chuva, don't, 3.5"], ["one two three four"]),
    ("words_at_least", 2, ["bom dia"], ["", "oi", "- * -"]),
    (
        "items",
        3,
        ["- a\n- b\n- c", "1. um\n2. dois\n3. três", "Lista:\n\n* a\n* b\n  * b1\n* c\n\nFim.", "maçã\nbanana\nuva", "a) x\nb) y\nc) z"],
        ["- a\n- b", "- a\n- b\n- c\n- d", "", "a, b, c"],
    ),
    ("items", {"at_least": 2, "at_most": 3}, ["- a\n- b", "- a\n- b\n- c"], ["- a", "- a\n- b\n- c\n- d"]),
    (
        "no_loop",
        None,
        ["", "ha ha ha ha", "Um texto comum, que não repete quase nada.", "1. a\n2. b\n3. c"],
        ["the cat sat on the mat " * 5, "no " * 40, "a" * 60, "\n".join(["- the same line"] * 9), "x y z. " * 4],
    ),
]


@pytest.mark.parametrize(("kind", "value", "good", "bad"), CASES)
def test_what_passes_and_what_fails(kind: str, value: Any, good: list[str], bad: list[str]) -> None:
    check = Check(kind=kind, value=value)
    assert check_problem(check) == ""
    assert [answer for answer in good if not passes(check, answer, ITEM)] == []
    assert [answer for answer in bad if passes(check, answer, ITEM)] == []


def test_every_kind_has_a_case() -> None:
    kinds = set(get_args(Check.model_fields["kind"].annotation))
    assert kinds == set(KINDS) == {case[0] for case in CASES}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("contains", None),
        ("contains", ""),
        ("contains", []),
        ("contains", [1]),
        ("contains", {"any": ["a"], "all": ["b"]}),
        ("contains", {"any": "a"}),
        ("contains", {"any": ["a"], "accent": True}),
        ("contains", {"any": ["a"], "case": 1}),
        ("excludes", {"all": ["a"]}),
        ("excludes", 3),
        ("regex", "("),
        ("regex", None),
        ("regex", "a" + "{9999999999}"),
        ("equals", {"any": ["a"], "inside_words": True}),
        ("number", "42"),
        ("number", True),
        ("number", float("nan")),
        ("number", {"value": 1, "tolerance": -1}),
        ("number", {"tolerance": 1}),
        ("json", "name"),
        ("json", []),
        ("json", {"kind": "object"}),
        ("json", {"type": "text"}),
        ("json", {"properties": {"a": {"typ": "x"}}}),
        ("json", {"pattern": "("}),
        ("json", {"required": "a"}),
        ("tool_call", None),
        ("tool_call", {"arguments": {}}),
        ("tool_call", {"name": "f", "args": {}}),
        ("tool_call", {"name": "f", "arguments": []}),
        ("tool_call", {"name": "f", "optional": "x"}),
        ("refuses", True),
        ("answers", "yes"),
        ("language", "es"),
        ("language", None),
        ("words_at_most", -1),
        ("words_at_most", 1.5),
        ("words_at_least", 0),
        ("words_at_least", True),
        ("items", 0),
        ("items", {}),
        ("items", {"at_least": 3, "at_most": 2}),
        ("items", {"least": 1}),
        ("no_loop", 3),
    ],
)
def test_values_that_cannot_work_are_named(kind: str, value: Any) -> None:
    assert check_problem(Check(kind=kind, value=value))


def test_an_item_is_right_when_every_check_passes() -> None:
    item = Item(id="a", messages=ITEM.messages, checks=[Check(kind="number", value=4), Check(kind="words_at_most", value=3)])
    assert passes_all(item, "It is 4")
    assert not passes_all(item, "It is 4 or so 4")
    assert not passes_all(item, "It is 5")


@given(st.text())
def test_every_check_decides_any_answer(answer: str) -> None:
    for kind, value, _, _ in CASES:
        assert passes(Check(kind=kind, value=value), answer, ITEM) in (True, False)


@given(st.integers(0, 10**9), st.integers(0, 99), st.sampled_from(["pt", "en"]))
def test_a_written_number_is_read(whole: int, cents: int, notation: str) -> None:
    english = f"{whole:,}.{cents:02d}"
    text = english if notation == "en" else english.translate(str.maketrans(",.", ".,"))
    check = Check(kind="number", value=whole + cents / 100)
    assert passes(check, f"Total: {text}.", ITEM)
    assert not passes(check, f"Total: {text}, mais 5555555555", ITEM)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_is_found_bare_and_fenced(value: Any) -> None:
    text = json.dumps(value)
    assert json_value(text) == value
    assert json_value(f"Pronto:\n```json\n{text}\n```\n") == value


def test_deep_nesting_is_no_json_and_no_crash() -> None:
    assert not passes(Check(kind="json"), "[" * 100_000 + "]" * 100_000, ITEM)


@given(
    st.lists(st.from_regex(r"[a-z]{1,8}( [a-z]{1,8}){0,4}", fullmatch=True), min_size=1, max_size=12),
    st.sampled_from(["- ", "* ", "{}. ", "{}) ", "• "]),
)
def test_marked_lines_are_counted(lines: list[str], mark: str) -> None:
    text = "\n".join(mark.format(place) + line for place, line in enumerate(lines, 1))
    assert list_items(text) == len(lines)
    assert list_items(f"Aqui está a lista:\n\n{text}\n\nFim.") == len(lines)


def test_a_song_is_no_loop_and_many_readings_are_no_number() -> None:
    assert not loops("\n".join(f"verso {place} da canção que segue em frente sem parar" for place in range(20)))
    assert last_number("versão 1.2.3") == set()
    assert len(last_number("1.234")) == 2
    assert words("É 3.5, não?") == ["É", "3.5", "não"]
