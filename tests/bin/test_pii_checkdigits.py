"""Check digits against another implementation: validate_docbr."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from validate_docbr import CNPJ, CPF

from llamaflow.pii.checkdigits import cnpj_digits, cpf_digits, is_card, is_cnpj, is_cpf, is_luhn

digits = lambda size: st.text("0123456789", min_size=size, max_size=size)  # noqa: E731


@settings(max_examples=500)
@given(digits(11), digits(9))
def test_cpf_agrees_with_the_oracle(number, body):
    right = body + cpf_digits(body)
    for one in (number, right):
        assert is_cpf(one) == (CPF().validate(one) and len(set(one)) > 1)


@settings(max_examples=500)
@given(digits(14), st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12))
def test_cnpj_agrees_with_the_oracle(number, body):
    right = body + cnpj_digits(body)
    assert is_cnpj(number) == (CNPJ().validate(number) and len(set(number)) > 1)
    assert is_cnpj(right) == (CNPJ().validate(right) and len(set(right)) > 1)


def test_alphanumeric_cnpj_example_of_the_tax_office():
    assert is_cnpj("12ABC34501DE35")
    assert not is_cnpj("12ABC34501DE36")
    assert not is_cnpj("12abc34501de35")


@given(digits(15), st.integers(0, 14), st.integers(1, 9))
def test_luhn_sees_every_single_wrong_digit(body, place, change):
    right = next(body + last for last in "0123456789" if is_luhn(body + last) or len(set(body + last)) == 1)
    wrong = right[:place] + str((int(right[place]) + change) % 10) + right[place + 1 :]
    assert not is_luhn(wrong)


def test_cards_need_a_network_prefix():
    for (
        card
    ) in "4111111111111111 5555555555554444 378282246310005 30569309025904 6062825624254001 6362970000457013 2221000000000009".split():  # noqa: SIM905
        assert is_card(card)
    assert not is_card("1111222233334444")
    assert not is_card("4111111111111112")


@given(st.text(max_size=20))
def test_validators_take_any_text(text):
    for check in (is_cpf, is_cnpj, is_luhn):
        assert check(text) in (True, False)
    assert re.sub("[^0-9]", "", text) is not None
