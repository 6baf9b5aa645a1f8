"""Surrogates: of the same shape, nobody's, stable, and known as own where they carry a mark."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validate_docbr import CNH, CNPJ, CNS, CPF, PIS, RENAVAM, TituloEleitoral

from llamaflow.pii.checkdigits import is_case_number, is_cpf, is_iban, is_luhn
from llamaflow.pii.patterns import identifiers
from llamaflow.pii.spans import ENTITY_TYPES, digits_of, fold
from llamaflow.pii.surrogates import Surrogates, normal

SURROGATES = Surrogates(b"a key of thirty-two bytes or more")
DIGITS = "0123456789"
ORACLES = {"CPF": CPF, "CNPJ": CNPJ, "CNS": CNS, "PIS": PIS, "VOTER_ID": TituloEleitoral, "CNH": CNH, "RENAVAM": RENAVAM}
SIZES = {"CPF": 11, "CNPJ": 14, "CNS": 15, "PIS": 11, "VOTER_ID": 12, "CNH": 11, "RENAVAM": 11}
VALUES = {
    "SECRET": "AKIAIOSFODNN7EXAMPLE",
    "EMAIL": "someone@company.test",
    "URL": "someone-123",
    "PIX_KEY": "123e4567-e89b-42d3-a456-426614174000",
    "IBAN": "GB82 WEST 1234 5698 7654 32",
    "CASE_NUMBER": "0001234-56.2020.8.26.0100",
    "CNPJ": "12.ABC.345/01DE-35",
    "CPF": "529.982.247-25",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "CNS": "898 0012 3456 7890",
    "PIS": "120.56874.10-7",
    "VOTER_ID": "1234 5678 9012 zona 123 seção 0456",
    "CNH": "12345678901",
    "RENAVAM": "12345678901",
    "SSN": "078-05-1120",
    "DRIVER_LICENSE": "D123-4567-8901",
    "PASSPORT": "FX123456",
    "MAC_ADDRESS": "00:1A:2B:3C:4D:5E",
    "IP_ADDRESS": "187.45.12.9",
    "BIRTH_DATE": "12/03/1985",
    "RG": "12.345.678-X",
    "BANK_ACCOUNT": "12345678-9",
    "PHONE": "(11) 98765-4321",
    "CEP": "01310-100",
    "PLATE": "ABC1D23",
    "USERNAME": "@some_one",
    "AGE": "34 anos",
    "ADDRESS": "Rua das Acácias, 123, apto 45",
    "DOMAIN": "https://www.company.test/a/b",
    "LOCATION": "São Paulo",
    "ORGANIZATION": "Padaria do Bairro Ltda",
    "DATE": "3 de março de 2020",
}


def test_every_type_but_persons_has_a_surrogate():
    assert set(VALUES) | {"PERSON"} == set(ENTITY_TYPES)


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_a_surrogate_is_stable_keyed_and_another_value(kind):
    made = SURROGATES.replace(kind, VALUES[kind])
    assert made == SURROGATES.replace(kind, VALUES[kind])
    assert normal(kind, made) != normal(kind, VALUES[kind])
    others = {Surrogates(bytes([number]) * 32).replace(kind, VALUES[kind]) for number in range(20)}
    assert len(others) > 1


@pytest.mark.parametrize("kind", sorted(ORACLES))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_surrogate_has_right_check_digits_and_all_are_own(kind, data):
    value = data.draw(st.text(DIGITS, min_size=SIZES[kind], max_size=SIZES[kind]))
    made = SURROGATES.replace(kind, value)
    assert len(made) == len(value) and not ORACLES[kind]().validate(made)
    assert SURROGATES.is_own(kind, made)


@settings(deadline=None)
@given(st.text(DIGITS, min_size=18, max_size=18), st.text(DIGITS, min_size=16, max_size=16), st.text(DIGITS, min_size=20, max_size=20))
def test_iban_card_and_case_surrogates_are_wrong_numbers(iban, card, case):
    assert not is_iban(SURROGATES.replace("IBAN", "DE00" + iban))
    assert not is_luhn(SURROGATES.replace("CREDIT_CARD", card))
    made = SURROGATES.replace("CASE_NUMBER", case)
    assert not is_case_number(made) and made[9:16] == case[9:16] and SURROGATES.is_own("CASE_NUMBER", made)


PHONES = "(11) 98765-4321|11 3456-7890|+5511987654321|(88) 684-334|04 12 34 56 78|+46 8 123 456 78|001-555-123-4567x1234|(999)999-9999x12"


@pytest.mark.parametrize("value", PHONES.split("|"))
def test_phones_keep_their_shape(value):
    made = SURROGATES.replace("PHONE", value)
    assert re.sub("[0-9]", "9", made) == re.sub("[0-9]", "9", value)


DATES = (
    "12/05/2024|2024-05-12T10:30:00Z|"
    "May 2 2019|Tuesday, March 3rd, 2020|3 de março|05/2020|maio de 2020|12.03.85|1985|23031940|31/02/2020|Sunday|3/23/1940"
)


@pytest.mark.parametrize("value", DATES.split("|"))
@pytest.mark.parametrize("kind", ["DATE", "BIRTH_DATE"])
def test_a_moved_date_is_a_date_of_the_same_kind(value, kind):
    made = SURROGATES.replace(kind, value)
    assert len(digits_of(made)) in range(len(digits_of(value)) - 1, len(digits_of(value)) + 2)
    assert ("T10:30:00Z" in made) == ("T10:30:00Z" in value)
    if len(value) > 8:
        spans = identifiers(fold(made), "unknown")
        assert any(span.type == "DATE" for span in spans), made


@given(st.integers(0, 119))
def test_an_age_stays_an_age(age):
    made = SURROGATES.replace("AGE", f"{age} anos")
    new = int(made.split()[0])
    assert new >= 1 and 1 <= abs(new - age) <= 3 and made.endswith(" anos")


def test_addresses_keep_form_words_unless_a_person_of_the_record_is_called_so():
    made = SURROGATES.replace("ADDRESS", "Rua das Acácias, 123, apto 45")
    assert re.fullmatch(r"Rua das [\w-]+, [0-9]{3}, apto [0-9]{2}", made)
    assert "rua" not in SURROGATES.replace("ADDRESS", "Rua das Acácias, 123", {"rua"}).lower()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([kind for kind in sorted(VALUES) if kind != "PLATE"]), st.text(max_size=30))
def test_any_text_of_any_type_gives_a_surrogate_or_says_so(kind, value):
    try:
        assert SURROGATES.replace(kind, value)
    except RuntimeError as error:
        assert str(error) == "no surrogate could be drawn"
    assert SURROGATES.is_own(kind, value) in (True, False)


@given(st.sampled_from(["11", "21", "47", "85"]), st.from_regex(r"\A9[0-9]{8}\Z"))
@settings(max_examples=300, deadline=None)
def test_a_bare_phone_never_becomes_a_right_cpf(area, number):
    assert not is_cpf(Surrogates(b"k" * 32).replace("PHONE", area + number))
