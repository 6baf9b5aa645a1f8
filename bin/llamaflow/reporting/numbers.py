"""Numbers for people, with the separators of their language."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EN DASH}"


class Numbers:
    """Formats numbers in English (1,234.5) or Brazilian Portuguese (1.234,5); None becomes an en dash."""

    def __init__(self, language: str):
        self._table = str.maketrans(",.", ".,") if language == "pt" else {}

    def _local(self, text: str) -> str:
        return text.translate(self._table).replace("-", MINUS, 1) if text.startswith("-") else text.translate(self._table)

    def count(self, number: int | None) -> str:
        """A whole number with thousands separators."""
        return ABSENT if number is None else self._local(f"{number:,d}")

    def counted(self, text: str, number: int, **values: str) -> str:
        """A text 'for one|for many' with {count}: '1 record', '2 records'."""
        one, _, many = text.partition("|")
        return (one if number == 1 else many).format(count=self.count(number), **values)

    def value(self, number: float | None, decimals: int | None = None, signed: bool = False) -> str:
        """A measured value; decimals None picks about four significant digits; very small and very large ones become 2e-5."""
        if number is None:
            return ABSENT
        if not math.isfinite(number):
            return "NaN" if math.isnan(number) else f"{'' if number > 0 else MINUS}\N{INFINITY}"
        sign = "+" if signed and number > 0 else ""
        if (decimals is None and 0 < abs(number) < 1e-3) or abs(number) >= 1e9:
            mantissa, exponent = f"{number:.3e}".split("e")
            return sign + self._local(mantissa.rstrip("0").rstrip(".")) + f"e{int(exponent)}"
        text = f"{number:,.{decimals_for(number) if decimals is None else decimals}f}"
        # "-0.00" is no difference, so it carries no sign.
        return sign + self._local(text) if re.search("[1-9]", text) else self._local(text.lstrip("-"))

    def setting(self, value: object) -> str:
        """A value of a recipe, never rounded: 0.0002, 16, cosine."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value if isinstance(value, str) else ABSENT if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
        if isinstance(value, int) or not math.isfinite(value):
            return self.count(value) if isinstance(value, int) else self.value(value)
        text = format(Decimal(repr(value)), ",f")
        return self._local(text.rstrip("0").rstrip(".") if "." in text else text)

    def percent(self, share: float | None, decimals: int = 1, signed: bool = False) -> str:
        """A share of 1 as a percentage."""
        return ABSENT if share is None or not math.isfinite(share) else f"{self.value(100 * share, decimals, signed)}%"

    def duration(self, seconds: float | None) -> str:
        """Seconds as 4.2 s, 3 min 12 s or 2 h 05 min."""
        if seconds is None or not math.isfinite(seconds):
            return ABSENT
        if seconds < 60:
            return f"{self.value(seconds, 0 if seconds >= 10 else 1)} s"
        # Rounded before it is divided, so that 3 599.7 s is one hour and not 59 min 60 s.
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return f"{minutes} min {rest:02d} s"
        return f"{self.count(minutes // 60)} h {minutes % 60:02d} min"

    def size(self, number: int | None) -> str:
        """Bytes with a decimal prefix (1 kB = 1000 B)."""
        if number is None:
            return ABSENT
        size, unit = float(number), "B"
        for unit in ("B", "kB", "MB", "GB", "TB"):
            if abs(size) < 999.5 or unit == "TB":
                break
            size /= 1000
        return f"{self.value(size, 0 if unit == 'B' or size >= 99.95 else 1)} {unit}"

    def tick(self, number: float, step: float) -> str:
        """A label on a chart's axis whose labels are ``step`` apart."""
        if number == 0:
            return "0"
        if step < 5e-4 or abs(number) >= 1e6:
            mantissa, exponent = f"{number:.1e}".split("e")
            return self._local(mantissa.replace(".0", "")) + f"e{int(exponent)}"
        return self.value(number, max(0, -math.floor(math.log10(step) + 1e-9)))


def decimals_for(*numbers: float | None) -> int:
    """Decimals that show the largest of some numbers with about four significant digits."""
    finite = [abs(number) for number in numbers if number is not None and math.isfinite(number)]
    largest = max(finite, default=0.0)
    return next((decimals for limit, decimals in ((1000, 1), (100, 1), (10, 2), (1, 3)) if largest >= limit), 4)


def clean(text: str) -> str:
    """Text without control characters, lone surrogates and direction overrides, which steer a terminal or garble a page."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unsafe(char) else char for char in text.replace("\r\n", "\n"))


OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unsafe(char: str) -> bool:
    """Whether a character does more than stand in a line of text."""
    return char not in "\n\t" and (unicodedata.category(char) in ("Cc", "Cs") or char in OVERRIDES)
