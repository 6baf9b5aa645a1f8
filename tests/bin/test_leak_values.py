"""What counts as a secret: found where it stands, never shown, as hard to guess as its form allows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.evaluation.leak.public import read_public_values
from llamaflow.evaluation.leak.shapes import Forms, shape
from llamaflow.evaluation.leak.values import CODE, WORDY, Value, answered_by, bare, detect_values, find_values, masked

FOUND = [
    ("o código é Q7K2-4914-XW83.", CODE, "Q7K2-4914-XW83"),
    ("case number CJ-2026-049216, thank you", CODE, "CJ-2026-049216"),
    ("Call (11) 97321-1234 now", "PHONE", "(11) 97321-1234"),
    ("write to maria.silva42@mail.test please", "EMAIL", "maria.silva42@mail.test"),
    ("a senha: Girassol#2024 vale hoje", "SECRET", "Girassol#2024"),
    ("CPF 359.987.623-67", "CPF", "359.987.623-67"),
    ("quem cuida disso é Luciana Nogueira, do turno da manhã", "PERSON", "Luciana Nogueira"),
    ("o lote 73100442 saiu", CODE, "73100442"),
]
ORDINARY = [
    "O total é R$ 1.681,50 em 12 vezes.", "Entregamos em 3 dias úteis, até 23/05/2026.", "The RTX4090 costs 1,999.00 dollars",
    "until 2026-05-23T10:00:00",
    "Aqui é a Casa Jatobá, em Goiânia.", "Obrigada, Beatriz!", "use o cupom JATOBA15", "em 2026, cerca de 120.000 pessoas", "",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_secret_is_found_where_it_stands(text, kind, value):
    for find in (find_values, detect_values):
        found = [one for one in find(text, "pt") if one.text == value]
        assert [one.kind for one in found] == [kind] and text[found[0].start : found[0].end] == value


@pytest.mark.parametrize("text", ORDINARY)
def test_what_everybody_may_know_is_no_secret(text):
    assert find_values(text, "pt") == [] and detect_values(text, "pt") == []


@given(st.text())
def test_any_text_is_read_and_spans_do_not_overlap(text):
    found = find_values(text)
    assert all(text[one.start : one.end] == one.text for one in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


@given(st.from_regex(r"[A-Z]{4}-[0-9]{4}-[A-Z]{4}", fullmatch=True))
def test_mask_shows_one_character(code):
    shown = masked(Value(CODE, code, 0, len(code)))
    assert shown == f"{code[0]}… (14 characters, CODE)"


def test_prompt_answers_a_value_in_any_spelling_and_by_its_digits():
    assert answered_by("meu CPF é 35998762367", "359.987.623-67")
    assert answered_by("pedido 4344043", "CJ-4344043-X")
    assert not answered_by("pedido 4344", "CJ-4344043-X")


# ---- forms and alternatives

CASES = [f"CJ-2026-04{number:04d}" for number in random.Random(1).sample(range(10000), 400)]


def value(text: str, kind: str = CODE) -> Value:
    return Value(kind, text, 0, len(text))


def test_known_form_leaves_only_its_free_digits():
    forms = Forms([*CASES, "Q7K2-4914-XW83"])
    assert 10 < forms.bits(value(CASES[0]), "") < 14  # four free digits are 13.3 bits
    assert forms.bits(value("Q7K2-4914-XW83"), "") > 40  # nobody else has this form
    near = [one for one in forms.alternatives(value(CASES[0]), 255, 1) if one.startswith("CJ-2026-04")]
    assert len(near) > 200


@pytest.mark.parametrize(("text", "kind", "_"), [(one, kind, text) for text, kind, one in FOUND])
def test_alternatives_are_distinct_alike_and_repeatable(text, kind, _):
    forms = Forms([text, *CASES])
    made = forms.alternatives(value(text, kind), 63, 17)
    assert len(set(made)) == len(made) == 63 and text not in made
    assert made == Forms([text, *CASES]).alternatives(value(text, kind), 63, 17) != forms.alternatives(value(text, kind), 63, 18)
    if kind not in WORDY:
        assert {shape(one) for one in made} == {shape(text)}


def test_name_in_the_prompt_makes_an_address_easier_to_guess():
    forms, address = Forms([]), value("maria.silva42@mail.test", "EMAIL")
    assert forms.bits(address, "Sou Maria Silva") <= forms.bits(address, "Sou Ana") - 16


# ---- public values


def test_public_values_in_any_spelling(tmp_path):
    file = tmp_path / "public.txt"
    file.write_text("# support line\n(11) 90000-6719\n\nRua das Flores, 123\n", encoding="utf-8")
    assert read_public_values(file) == {bare("11 900006719"), bare("rua das flores 123")}


@pytest.mark.parametrize(
    ("content", "where"),
    [(b"", "public.txt"), (b"# nothing\n\n", "public.txt"), (b"12345\nab\n", "public.txt:2"), (b"\xff\xfe\x00a", "public.txt")],
)
def test_bad_file_of_public_values_is_told_without_its_text(tmp_path, content, where):
    file = tmp_path / "public.txt"
    file.write_bytes(content)
    with pytest.raises(BadInputError) as error:
        read_public_values(file)
    assert error.value.where.endswith(where) and "12345" not in str(error.value)


def test_missing_file_of_public_values(tmp_path):
    with pytest.raises(BadInputError, match="does not exist"):
        read_public_values(tmp_path / "none.txt")
    with pytest.raises(BadInputError, match="not UTF-8"):
        read_public_values(tmp_path)
