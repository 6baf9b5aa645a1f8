"""Check digits of Brazilian documents and payment cards. All functions take bare characters, without separators."""

from __future__ import annotations

from collections.abc import Iterator


def cpf_digits(body: str) -> str:
    """The two check digits of a nine-digit CPF body (modulo 11, Receita Federal)."""
    for first in (10, 11):
        total = sum(int(digit) * weight for digit, weight in zip(body, range(first, 1, -1), strict=True))
        body += str(total * 10 % 11 % 10)
    return body[-2:]


def is_cpf(number: str) -> bool:
    """Whether 11 digits are a CPF; eleven equal digits are not, though they pass the sum."""
    return len(number) == 11 and number.isdecimal() and len(set(number)) > 1 and cpf_digits(number[:9]) == number[9:]


def _digits(number: str) -> bool:
    return number.isascii() and number.isdigit()


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
    size = len(number)
    if not _digits(number) or not 13 <= size <= 19:
        return False
    six = int(number[:6])
    return any(size in sizes and low <= six <= high for low, high, sizes in _ISSUERS)


def _issuers(ranges: str, sizes: range) -> Iterator[tuple[int, int, range]]:
    for one in ranges.split():
        low, _, high = one.partition("-")
        yield int(low.ljust(6, "0")), int((high or low).ljust(6, "9")), sizes


# First digits (ISO/IEC 7812 as the networks publish them): Visa; Mastercard; American Express and old JCB; Diners; Discover and UnionPay;
# JCB; Maestro; Elo; Hipercard.
_ISSUERS = (
    *_issuers("4", range(13, 20, 3)),
    *_issuers("51-55 2221-2720", range(16, 17)),
    *_issuers("34 37 1800 2131", range(15, 16)),
    *_issuers("300-305 3095 36 38", range(14, 15)),
    *_issuers("6011 62 644-649 65", range(16, 20)),
    *_issuers("3528-3589", range(16, 20)),
    *_issuers("5018 5020 5038 5893 6304 6390 6759 676", range(16, 20)),
    *_issuers("5041 5066-5067 509 6277 6362-6363 6370 6375 6376 3841 6062", range(16, 20)),
)


def pis_digit(body: str) -> str:
    """The check digit of a ten-digit PIS/PASEP/NIS/NIT body (modulo 11, Caixa)."""
    rest = sum(int(digit) * weight for digit, weight in zip(body, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return str(0 if rest < 2 else 11 - rest)


def is_pis(number: str) -> bool:
    """Whether 11 digits are a PIS, PASEP, NIS or NIT."""
    return len(number) == 11 and _digits(number) and len(set(number)) > 1 and pis_digit(number[:10]) == number[10]


def cnh_digits(body: str) -> str:
    """The two check digits of a nine-digit CNH registration (modulo 11, Denatran)."""
    first = sum(int(digit) * weight for digit, weight in zip(body, range(9, 0, -1), strict=True)) % 11
    carry = 2 if first > 9 else 0
    second = sum(int(digit) * weight for digit, weight in zip(body, range(1, 10), strict=True)) % 11
    return f"{first % 10}{(second - carry) % 11 % 10}"


def is_cnh(number: str) -> bool:
    """Whether 11 digits are the registration number of a CNH."""
    return len(number) == 11 and _digits(number) and len(set(number)) > 1 and cnh_digits(number[:9]) == number[9:]


def voter_digits(body: str, zero: int = 0) -> str:
    """The two check digits of a voter id's ten-digit body: eight of sequence, two of the state (modulo 11, TSE Res. 21.538/2003).

    zero: what a remainder of 0 gives; São Paulo (01) and Minas Gerais (02) have issued numbers with 1.
    """
    rest = sum(int(digit) * weight for digit, weight in zip(body[:8], range(2, 10), strict=True)) % 11
    first = zero if rest == 0 else rest % 10
    rest = (int(body[8]) * 7 + int(body[9]) * 8 + first * 9) % 11
    return f"{first}{zero if rest == 0 else rest % 10}"


def is_voter_id(number: str) -> bool:
    """Whether 12 digits are a título de eleitor with a state from 01 to 28."""
    if len(number) != 12 or not _digits(number) or not 1 <= int(number[8:10]) <= 28:
        return False
    return number[10:] in (voter_digits(number[:10]), voter_digits(number[:10], 1 if number[8:10] in ("01", "02") else 0))


def renavam_digit(body: str) -> str:
    """The check digit of a ten-digit RENAVAM body (modulo 11, Denatran)."""
    rest = sum(int(digit) * weight for digit, weight in zip(body, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)) * 10 % 11
    return str(rest % 10)


def is_renavam(number: str) -> bool:
    """Whether 11 digits are a RENAVAM; nine-digit ones get two zeros in front."""
    return len(number) == 11 and _digits(number) and len(set(number)) > 1 and renavam_digit(number[:10]) == number[10]


def is_cns(number: str) -> bool:
    """Whether 15 digits are a Cartão Nacional de Saúde: weights 15 to 1 give a multiple of 11.

    Numbers from 1 and 2 are a PIS followed by 000 or 001 and the check digit; from 7, 8 and 9 they are provisional (Datasus).
    """
    if len(number) != 15 or not _digits(number) or number[0] not in "12789" or number[0] in "12" and number[11:14] not in ("000", "001"):
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, range(15, 0, -1), strict=True)) % 11 == 0


def is_case_number(number: str) -> bool:
    """Whether 20 digits are a unified case number: sequence, check, year, branch, court, origin (CNJ Res. 65/2008, ISO 7064 mod 97-10)."""
    return len(number) == 20 and _digits(number) and int(number[:7] + number[9:] + number[7:9]) % 97 == 1


# Lengths of the IBAN registry (SWIFT, ISO 13616).
IBAN_LENGTHS = {
    country: size
    for size, countries in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "HR LV LI CH",
        22: "BH BG CR GE DE IE ME RS GB VA", 23: "TL GI IQ IL AE OM SO", 24: "AD CZ MD PK RO SA SK ES SE TN VG",
        25: "PT ST LY", 26: "IS TR", 27: "FR GR IT MR MC SM BI DJ", 28: "AL AZ BY CY DO SV GT HU LB NI PL", 29: "BR EG PS QA UA",
        30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def is_iban(number: str) -> bool:
    """Whether capital letters and digits are an IBAN: the length of its country, and modulo 97 (ISO 7064) leaves 1."""
    if not number.isascii() or not number.isalnum() or number != number.upper() or IBAN_LENGTHS.get(number[:2]) != len(number):
        return False
    return number[2:4].isdigit() and int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1
