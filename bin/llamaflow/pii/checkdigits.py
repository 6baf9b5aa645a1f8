"""Check digits of Brazilian documents and payment cards. All functions take bare characters, without separators."""

from __future__ import annotations


def cpf_digits(body: str) -> str:
    """The two check digits of a nine-digit CPF body (modulo 11, Receita Federal)."""
    for first in (10, 11):
        total = sum(int(digit) * weight for digit, weight in zip(body, range(first, 1, -1), strict=True))
        body += str(total * 10 % 11 % 10)
    return body[-2:]


def is_cpf(number: str) -> bool:
    """Whether 11 digits are a CPF; eleven equal digits are not, though they pass the sum."""
    return len(number) == 11 and number.isdecimal() and len(set(number)) > 1 and cpf_digits(number[:9]) == number[9:]


_CNPJ_WEIGHTS = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def cnpj_digits(body: str) -> str:
    """The two check digits of a twelve-character CNPJ body; letters count as their ASCII code less 48 (IN RFB 2.229/2024)."""
    for skip in (1, 0):
        total = sum((ord(char) - 48) * weight for char, weight in zip(body, _CNPJ_WEIGHTS[skip:], strict=True))
        rest = total % 11
        body += str(0 if rest < 2 else 11 - rest)
    return body[-2:]


def is_cnpj(number: str) -> bool:
    """Whether 14 characters (digits and capital letters, the last two digits) are a CNPJ."""
    if len(number) != 14 or not number.isascii() or not number.isalnum() or number != number.upper() or not number[12:].isdigit():
        return False
    return len(set(number)) > 1 and cnpj_digits(number[:12]) == number[12:]


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_luhn(number: str) -> bool:
    """Whether the last of the digits is the Luhn check digit of the others (ISO/IEC 7812-1)."""
    if not number.isdecimal() or len(number) < 2 or len(set(number)) == 1:
        return False
    total = sum(_DOUBLED[int(digit)] if place % 2 else int(digit) for place, digit in enumerate(reversed(number)))
    return total % 10 == 0


def is_card(number: str) -> bool:
    """Whether digits have a card network's prefix and length and a right Luhn digit."""
    return is_card_prefix(number) and is_luhn(number)


def is_card_prefix(number: str) -> bool:
    """Whether length and first digits are ones that card networks give out (Elo and Hipercard included)."""
    size, two, four = len(number), int(number[:2] or 0), int(number[:4] or 0)
    if size == 16:
        return number[0] in "45" or number[0] == "6" or 2221 <= four <= 2720 or 3528 <= four <= 3589 or four == 3841
    if size == 15:
        return two in (34, 37)
    if size == 14:
        return 300 <= int(number[:3]) <= 305 or two in (36, 38)
    if size in (17, 18, 19):
        # Maestro, and Visa's longest.
        return number[0] == "6" or two in (50, 56, 57, 58) or (size == 19 and number[0] == "4")
    return size == 13 and number[0] == "4"
