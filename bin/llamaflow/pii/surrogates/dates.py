"""Dates moved by a keyed number of days, and ages moved by a few years; the spelling stays."""

from __future__ import annotations

import re
from datetime import date, timedelta

from ..spans import fold
from ..wordlist import words
from .keyed import Keyed, cased

_TABLES = (
    words("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
    words("January February March April May June July August September October November December"),
    words("jan fev mar abr mai jun jul ago set out nov dez"),
    words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
)
_MONTHS = {fold(name).low: month for table in _TABLES for month, name in enumerate(table, 1)} | {"sept": 9}
_WEEKDAYS = (
    ["segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"],
    ["segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"],
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
)
_TOKEN = re.compile(r"[^\W\d_]+(?:-feira)?|[0-9]+")
_ORDINAL = re.compile(r"([0-9]{1,2})(st|nd|rd|th)\b", re.I)
_TIME = re.compile(r"[Tt ,]{1,2}(?:às |as |at )?[0-9]{1,2}:[0-9]{2}.*$", re.S)


class Dates(Keyed):
    """Surrogates of BIRTH_DATE, DATE and AGE."""

    def _date(self, value: str, seed: str) -> str:
        return self._shifted("DATE", value, seed, 1, 180)

    def _birth_date(self, value: str, seed: str) -> str:
        return self._shifted("BIRTH_DATE", value, seed, 30, 1000)

    def _shifted(self, kind: str, value: str, seed: str, least: int, most: int) -> str:
        """The date some days earlier or later; a bare year some years; a day of the week another one."""
        days = least + self.number(f"{kind} days", seed, most - least + 1)
        days = -days if self.number(f"{kind} sign", seed, 2) else days
        time = _TIME.search(value)
        head, tail = (value[: time.start()], time[0]) if time else (value, "")
        tokens = [(match.start(), match.end(), match[0]) for match in _TOKEN.finditer(head)]
        numbers = [place for place, token in enumerate(tokens) if token[2].isdecimal()]
        months = [place for place, token in enumerate(tokens) if fold(token[2]).low in _MONTHS]
        fields = _fields([tokens[place][2] for place in numbers], bool(months))
        if not fields:
            return self._weekday(head, days) + tail
        read = {field: int(tokens[place][2]) for field, place in zip(fields, numbers, strict=False)}
        if months:
            read["m"] = _MONTHS[fold(tokens[months[0]][2]).low]
        if len(tokens) == 1 and len(tokens[0][2]) == 8:
            return self._packed(tokens[0][2], days) + tail
        new = _moved(read, days if set(fields) != {"y"} or months else 365 * (days % 3 + 1) * (1 if days > 0 else -1))
        made = {place: _number(field, new, tokens[place][2]) for field, place in zip(fields, numbers, strict=False)}
        if months:
            made[months[0]] = _month(tokens[months[0]][2], new.month, " de " in head or "-de-" in head)
        out, here = [], 0
        for place, (start, end, word) in enumerate(tokens):
            week = _weekday_table(word) if "y" in read else None
            if place in made:
                out += [head[here:start], made[place]]
            elif week is not None:
                out += [head[here:start], cased(word, week[new.weekday()])]
            else:
                continue
            here = end
        return _ORDINAL.sub(_ordinal, "".join([*out, head[here:]])) + tail

    def _weekday(self, value: str, days: int) -> str:
        def move(match: re.Match[str]) -> str:
            table = _weekday_table(match[0])
            if table is None:
                return match[0]
            place = [fold(name).low for name in table].index(fold(match[0]).low)
            return cased(match[0], table[(place + 1 + days % 6) % 7])

        return _TOKEN.sub(move, value)

    @staticmethod
    def _packed(digits: str, days: int) -> str:
        """Eight digits: year first if that gives a month and a day, else day first."""
        first = digits[:2] in ("19", "20") and 1 <= int(digits[4:6]) <= 12
        year, month, day = (digits[:4], digits[4:6], digits[6:]) if first else (digits[4:], digits[2:4], digits[:2])
        new = _moved({"y": int(year), "m": int(month), "d": int(day)}, days)
        return f"{new:%Y%m%d}" if first else f"{new.day:02d}{new.month:02d}{new.year:04d}"

    def _age(self, value: str, seed: str) -> str:
        def move(match: re.Match[str]) -> str:
            old = int(match[0])
            change = (-3, -2, -1, 1, 2, 3)[self.number("AGE", seed, 6)]
            return str(old + change if old + change >= 1 else old + abs(change))

        return re.sub(r"[0-9]+", move, fold(value).plain if not value.isascii() else value, count=1)


def _fields(numbers: list[str], named: bool) -> list[str]:
    """What the numbers of a date are, in order: d, m or y. Day before month unless only the other order is possible."""
    if not numbers:
        return []
    if named:
        fields = ["y" if len(one) == 4 or (place and len(numbers) > 1) else "d" for place, one in enumerate(numbers[:2])]
        return fields
    if len(numbers) == 1:
        return ["y"]
    if len(numbers) == 2:
        return ["m", "y"] if len(numbers[1]) == 4 else ["d", "m"]
    if len(numbers[0]) == 4:
        return ["y", "m", "d"]
    return ["m", "d", "y"] if int(numbers[1]) > 12 and int(numbers[0]) <= 12 else ["d", "m", "y"]


def _moved(read: dict[str, int], days: int) -> date:
    """The date that some days are added to; what is not a date is made one first."""
    year = read.get("y", 2001)
    year = year + (2000 if year < 69 else 1900) if year < 100 else min(max(year, 10), 9990)
    month = min(max(read.get("m", 6), 1), 12)
    day = min(max(read.get("d", 15), 1), 28 if read.get("d", 15) > 31 or month == 2 else 30 if month in (4, 6, 9, 11) else 31)
    return date(year, month, day) + timedelta(days=days)


def _number(field: str, new: date, old: str) -> str:
    if field == "y":
        return f"{new.year:04d}" if len(old) == 4 else f"{new.year % 100:02d}"
    number = str(new.day if field == "d" else new.month)
    return number.zfill(len(old)) if len(old) == 2 and (old[0] == "0" or len(number) == 2 or old[0] in "123") else number


def _month(old: str, month: int, portuguese: bool) -> str:
    low = fold(old).low
    for table in _TABLES if portuguese else (_TABLES[1], _TABLES[0], _TABLES[3], _TABLES[2]):
        if low in [fold(name).low for name in table]:
            name = table[month - 1]
            return cased(old, name)
    return cased(old, _TABLES[3][month - 1])


def _ordinal(match: re.Match[str]) -> str:
    number = int(match[1])
    return match[1] + cased(match[2], "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th"))


def _weekday_table(word: str) -> tuple[str, ...] | None:
    low = fold(word).low
    return next((table for table in _WEEKDAYS if low in [fold(name).low for name in table]), None)
