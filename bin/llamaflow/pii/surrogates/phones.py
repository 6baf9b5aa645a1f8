"""Phone numbers that nobody has."""

from __future__ import annotations

import re

from ..spans import digits_of, fold
from .keyed import Keyed, fill

# Calling codes of two digits (ITU-T E.164); 1 and 7 have one, all others three.
_TWO_DIGIT_COUNTRIES = re.compile(r"2[07]|3[0-4]|36|39|4[0-135-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
# North American area codes of large cities.
_AREA_CODES = [202, 206, 212, 213, 214, 215, 216, 303, 305, 310, 312, 313, 314, 317, 404, 405, 408, 412, 414, 415]
_AREA_CODES += [502, 503, 504, 512, 602, 612, 614, 615, 617, 619, 702, 704, 713, 716, 718, 801, 804, 808, 901, 919]
_AREAS_BR = re.compile(r"1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9]")


def national(digits: str, plus: bool) -> str:
    """A phone number without what differs between its spellings."""
    digits = digits.removeprefix("00") if not plus else digits
    if digits.startswith("55") and len(digits) in (12, 13):
        return digits[2:]
    if not plus and digits.startswith("0") and len(digits) in (11, 12, 13) and _AREAS_BR.match(digits, len(digits.lstrip("0")) and 1):
        return digits[1:]
    return digits[1:] if len(digits) == 11 and digits.startswith("1") and plus else digits


class Phones(Keyed):
    """Brazil: subscribers that begin 9 0000 or 0000; North America: 555-01xx; elsewhere national numbers that begin 000."""

    def _phone(self, value: str, seed: str) -> str:
        folded = fold(value).plain
        digits = digits_of(folded)
        head, size = _phone_head(folded)
        rest = len(digits) - len(head)
        if size == "br":
            block = "90000" if rest == 9 else "0000"
            tail = block + f"{self.number('PHONE br', seed, 10000):04d}"
        elif size == "nanp":
            area = str(_AREA_CODES[self.number("PHONE area", seed, len(_AREA_CODES))]) if rest >= 10 else ""
            tail = f"{area}55501{self.number('PHONE nanp', seed, 100):02d}"
            tail += "".join(str(self.number(f"PHONE extension {place}", seed, 10)) for place in range(rest - len(tail)))
        else:
            tail = "000" + "".join(str(self.number(f"PHONE {place}", seed, 10)) for place in range(rest - 3))
        return fill(value, head + tail, letters=False)


_NANP_SHAPE = re.compile(r"\(?[0-9]{3}\)?[ .\-]{0,2}[0-9]{3}[ .\-][0-9]{4}(?![0-9])")


def _phone_head(value: str) -> tuple[str, str]:
    """The digits of a phone number that stay (country and area), and its kind: br, nanp or other."""
    digits, plus = digits_of(value), "+" in value
    if _NANP_SHAPE.match(value):
        return "", "nanp"
    if plus or digits.startswith("00"):
        start = 2 if digits.startswith("00") else 0
        if digits.startswith("55", start) and len(digits) - start in (12, 13):
            return digits[: start + 4], "br"
        if digits.startswith("1", start) and len(digits) - start >= 11:
            return digits[: start + 1], "nanp"
        size = 1 if digits[start : start + 1] in "17" else 2 if _TWO_DIGIT_COUNTRIES.match(digits, start) else 3
        return digits[: start + size], "other"
    if digits.startswith("55") and len(digits) in (12, 13):
        return digits[:4], "br"
    trunk = 1 if digits.startswith("0") else 0
    size = len(digits) - trunk
    if size == 11 and digits[trunk + 2] == "9" or (size == 10 and trunk):
        return digits[: trunk + 2], "br"
    if size == 12 and trunk:
        return digits[:4], "br"
    if size == 11 and digits[0] == "1":
        return "1", "nanp"
    if size == 10:
        return (digits[:2], "br") if _AREAS_BR.match(digits) else ("", "nanp")
    if size in (8, 9):
        return digits[:trunk], "br"
    return ("", "nanp") if size == 7 else (digits[:trunk], "other")


def is_fictional_phone(value: str) -> bool:
    """Whether a phone number lies in a block that nobody has."""
    digits = digits_of(value)
    if re.search(r"(?:^|[0-9]{2})(?:90000|0000)[0-9]{4}$", digits) and len(digits) <= 14:
        return True
    if re.match(r"(?:00)?1?[2-9][0-9]{2}55501[0-9]{2}", digits) or re.fullmatch(r"55501[0-9]{2}", digits):
        return True
    head, kind = _phone_head(value)
    return kind == "other" and digits.startswith("000", len(head))


def phone_kind(value: str) -> str:
    """The numbering plan that the form of a phone number shows: br, nanp or other."""
    return _phone_head(value)[1]
