"""The identifiers of the benchmark are valid, and its random digits stand alone."""

import re

import pytest

from benchmarks.anonymize import identifiers, scores
from benchmarks.anonymize.measures import Label
from llamaflow.pii.checkdigits import is_card, is_cnpj, is_cpf


@pytest.fixture(scope="module")
def cases():
    return identifiers.cases(count=40)


def bare(case: identifiers.Case) -> str:
    return "".join(char for char in case.text[case.label.start : case.label.end] if char.isalnum())


@pytest.mark.parametrize(("kind", "valid"), [("CPF", is_cpf), ("CNPJ", is_cnpj), ("CNPJ with letters", is_cnpj), ("card", is_card)])
def test_numbers_pass_the_projects_own_check(cases, kind, valid):
    numbers = [bare(case) for case in cases if case.kind == kind]
    assert len(numbers) >= 200 and all(map(valid, numbers))


def test_ibans_and_case_numbers_are_one_modulo_97(cases):
    for case in cases:
        number = bare(case)
        if case.kind == "IBAN":
            assert int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1
        if case.kind == "case number":
            assert int(number[:7] + number[9:] + number[7:9]) % 97 == 1


def test_cases_are_the_same_each_time(cases):
    assert identifiers.cases(count=40) == cases


def test_the_number_is_the_only_one_in_its_text(cases):
    for case in cases:
        assert not re.search(r"\d", case.text[: case.label.start] + case.text[case.label.end :])
        assert case.text[case.label.start].isalnum() and case.text[case.label.end - 1].isalnum()


def test_random_digits_are_5_to_20_in_one_run():
    made = identifiers.random_digits(count=2000)
    assert {len(re.findall(r"\d+", case.text)[0]) for case in made} == set(range(5, 21))
    assert all(len(re.findall(r"\d+", case.text)) == 1 for case in made)
    assert made == identifiers.random_digits(count=2000)


def test_an_identifier_is_right_only_whole_and_hidden_also_in_pieces():
    case = identifiers.Case("CPF", "bare", "pt", "x 52998224725", Label(2, 13, "CPF"))
    predictions = [[Label(2, 13, "CPF")], [Label(0, 13, "PHONE")], [Label(2, 8, "CPF"), Label(8, 13, "CEP")], [Label(2, 12, "CPF")]]
    score = scores.id_score([case] * 4, predictions)["CPF", "bare"]
    assert (score.right, score.hidden, score.total) == (1, 3, 4)
