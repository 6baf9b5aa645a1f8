"""English and Portuguese: which one, and its texts. One file for each language, the same keys in all."""

from __future__ import annotations

import datetime as dt
import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "languages"
NAMES = {"en": "English", "pt": "Português"}
DEFAULT = "en"
COOKIE = "llamaflow_language"
_WISH = re.compile(r"([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?")


def choose(chosen: str | None, accept: str | None) -> str:
    """The language that was chosen, else the best of Accept-Language that there is, else English."""
    if chosen in NAMES:
        return str(chosen)
    wishes = [match for part in (accept or "")[:500].split(",") if (match := _WISH.fullmatch(part.strip()))]
    for match in sorted(wishes, key=lambda wish: -float(wish[2] or 1)):
        if match[1].lower() in NAMES and float(match[2] or 1) > 0:
            return match[1].lower()
    return DEFAULT


class Texts(Mapping[str, str]):
    """t["run.cancel"], t.of("state", "RUNNING"), and numbers and times as the language writes them."""

    def __init__(self, language: str):
        self.language = language
        self.tag = {"pt": "pt-BR"}.get(language, language)
        self._texts = read(language)

    def __getitem__(self, key: str) -> str:
        return self._texts[key]

    def __iter__(self):
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def of(self, group: str, name: str) -> str:
        """The text of a name that may be new to us: then the name itself, in words."""
        return self._texts.get(f"{group}.{name}") or name.replace("_", " ").capitalize()

    def say(self, key: str, **values: object) -> str:
        return self._texts[key].format(**values)

    def count(self, key: str, number: int) -> str:
        """One or many: key.one, key.many."""
        return self._texts[f"{key}.{'one' if number == 1 else 'many'}"].format(number=self.number(number))

    def number(self, value: float | None, digits: int | None = None) -> str:
        """Grouped, with the language's marks; digits: decimals, else about four figures."""
        if value is None:
            return "–"
        if digits is None:
            digits = 0 if isinstance(value, int) or abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
        text = f"{value:,.{digits}f}".replace("-", "−")
        return text.translate(str.maketrans(",.", ".,")) if self.language == "pt" else text

    def duration(self, seconds: float | None) -> str:
        """Its two largest units: '2 h 5 min', '48 s'."""
        if seconds is None:
            return "–"
        whole = max(0, int(seconds))
        days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
        if days:
            return f"{days} d {hours} h"
        if hours:
            return f"{hours} h {minutes} min"
        return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"

    def time(self, moment: dt.datetime) -> str:
        """Date and time in UTC; the page's script writes it in the reader's zone."""
        moment = moment.astimezone(dt.UTC)
        return moment.strftime("%d/%m/%Y %H:%M UTC" if self.language == "pt" else "%Y-%m-%d %H:%M UTC")

    def size(self, size: float | None) -> str:
        """Bytes in powers of 1024."""
        if size is None:
            return "–"
        for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
            if size < 1024 or unit == "TiB":
                return f"{self.number(size, 0 if unit == 'B' else 1)} {unit}"
            size /= 1024
        raise AssertionError


@functools.cache
def read(language: str) -> dict[str, str]:
    """The texts of a language's file."""
    return json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
