"""Slot values of the training templates: shapes, determinism, names kept out, names made up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("faker")
sys.path.insert(0, str(Path(__file__).parents[2]))

from llamaflow.errors import BadInputError
from llamaflow.pii.checkdigits import is_cnpj, is_cpf, is_luhn
from llamaflow.pii.spans import digits_of, fold
from training.ner.fillers import LANGUAGES, SLOTS, Fillers


@pytest.fixture(scope="module")
def fillers() -> Fillers:
    return Fillers(3)


def folded_words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", fold(text).low))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("slot", SLOTS)
def test_a_value_breaks_no_template_and_varies(fillers: Fillers, slot: str, lang: str) -> None:
    values = [fillers.fill(slot, lang) for _ in range(400)]
    broken = "<>{}|^=" + ("" if slot == "address_lines" else "\n") if slot != "url" else "<>{}|^\n"
    assert not [value for value in values if not value or value != value.strip() or set(value) & set(broken)]
    # Days, months, hours and ages are few.
    assert len(set(values)) > 15


def test_same_seed_same_values_and_another_seed_others() -> None:
    def draws(seed: int) -> list[str]:
        fillers = Fillers(seed)
        return [fillers.fill(slot, lang, number) for slot in SLOTS for lang in LANGUAGES for number in (None, 1, 2)]

    assert draws(5) == draws(5) != draws(6)


def test_values_do_not_hang_on_the_hash_seed_of_the_process() -> None:
    code = "from training.ner.fillers import *; f = Fillers(9); print([f.fill(s, l) for s in SLOTS for l in LANGUAGES for _ in range(20)])"
    root = Path(__file__).parents[2]
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": f"{root}:{root / 'bin'}", "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]


@settings(max_examples=150, deadline=None)
@given(
    slots=st.lists(st.sampled_from(["first", "full", "last", "full_f", "first_m"]), min_size=1, max_size=6),
    lang=st.sampled_from(LANGUAGES),
)
def test_one_number_is_one_person_whatever_is_asked_first(fillers: Fillers, slots: list[str], lang: str) -> None:
    fillers.fresh_text()
    got = {slot: fillers.fill(slot, lang, 7) for slot in slots}
    full = fillers.fill("full", lang, 7)
    assert full.split()[0] == fillers.fill("first", lang, 7) and full.split()[-1] == fillers.fill("last", lang, 7)
    assert 2 <= len(full.split()) <= 9
    assert got == {slot: fillers.fill(slot, lang, 7) for slot in slots}
    assert fillers.fill("city", lang, 7) == fillers.fill("city", lang, 7)


def test_a_fresh_text_has_other_people(fillers: Fillers) -> None:
    people = set()
    for _ in range(50):
        fillers.fresh_text()
        people.add(fillers.fill("full", "pt", 1))
    assert len(people) > 45


HELD_OUT = """maria ana jose joao silva souza santos smith john mary johnson oliveira paulo jorge austin lincoln henrique ze bob
garcia nguyen sul"""
LANGUAGE_NAMES = """portugues ingles espanhol frances alemao italiano japones chines mandarim coreano arabe russo hebraico grego
latim libras holandes sueco polones turco hindi guarani catalao ucraniano romeno"""


def test_held_out_words_are_in_no_value_of_any_slot() -> None:
    held_out = frozenset(HELD_OUT.split())
    fillers = Fillers(11, held_out)
    for slot in SLOTS:
        for lang in LANGUAGES:
            for number in (None, 1):
                fillers.fresh_text()
                values = " ; ".join(fillers.fill(slot, lang, number) for _ in range(300))
                assert not folded_words(values) & held_out, slot


def test_holding_out_everything_is_an_error_that_says_what() -> None:
    with pytest.raises(BadInputError, match="language_pt: every one holds a held-out word"):
        Fillers(1, frozenset(LANGUAGE_NAMES.split()))


def test_a_third_of_the_names_is_in_no_list(fillers: Fillers) -> None:
    for lang in LANGUAGES:
        for slot in ("first", "last"):
            words = [fillers.fill(slot, lang) for _ in range(4000)]
            made_up = sum(fold(word).low not in fillers.known for word in words if " " not in word) / len(words)
            assert 0.28 < made_up < 0.5, (lang, slot, made_up)


def test_numbers_with_check_digits_are_right(fillers: Fillers) -> None:
    for _ in range(300):
        assert is_cpf(digits_of(fillers.fill("cpf", "pt"))) and is_luhn(digits_of(fillers.fill("card", "en")))
        assert is_cnpj(re.sub("[./-]", "", fillers.fill("cnpj", "pt")))


def test_an_unknown_slot_or_language_is_named(fillers: Fillers) -> None:
    with pytest.raises(BadInputError, match="nickname"):
        fillers.fill("nickname", "pt")
    with pytest.raises(BadInputError, match="'es'"):
        fillers.fill("first", "es")


def test_names_are_latin_and_of_letters(fillers: Fillers) -> None:
    for lang in LANGUAGES:
        for _ in range(3000):
            name = fillers.fill("full", lang)
            assert re.fullmatch(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff' .,-]+", name), name
            assert "  " not in name and len(name) < 90
