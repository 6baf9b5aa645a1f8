"""What each kind of check asks of an answer. docs/suites.md has an example of each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from ..languages import identify
from .items import Check, Item
from .reading import bare, holds, json_value, last_number, list_items, loops, without_code, words
from .refusal import is_refusal
from .schemas import conforms, schema_problem
from .tool_calls import calls_as_expected, expected_problem

_PHRASE_OPTIONS = ("case", "accents", "inside_words")


def passes(check: Check, answer: str, item: Item) -> bool:
    """Whether an answer passes one check. The check's value must be one that check_problem finds nothing wrong with."""
    return KINDS[check.kind].decide(answer, check.value, item)


def passes_all(item: Item, answer: str) -> bool:
    """Whether an answer passes every check of its item: then the item counts as right."""
    return all(passes(check, answer, item) for check in item.checks)


def check_problem(check: Check) -> str:
    """What is wrong with the value of a check, '' for nothing."""
    return KINDS[check.kind].problem(check.value)


class Kind(NamedTuple):
    """decide(answer, value, item); problem(value): what is wrong with a value, '' for nothing."""

    decide: Callable[[str, Any, Item], bool]
    problem: Callable[[Any], str]


# Phrases: "text", ["all", "of", "them"] or {"any" or "all": [...], "case": bool, "accents": bool, "inside_words": bool}.


def _phrases(value: Any) -> tuple[list[str], bool, dict[str, bool]]:
    """Phrases, whether all of them are wanted, and how to compare."""
    if not isinstance(value, dict):
        return ([value] if isinstance(value, str) else value), True, {}
    options = {name: value[name] for name in _PHRASE_OPTIONS if name in value}
    return value.get("any") or value["all"], "all" in value, options


def _phrases_problem(value: Any) -> str:
    phrases, known = value, {"any", "all", *_PHRASE_OPTIONS}
    if isinstance(value, dict):
        if unknown := value.keys() - known:
            return f"the value has the key '{sorted(unknown)[0][:40]}'; known are any, all, {', '.join(_PHRASE_OPTIONS)}"
        if ("any" in value) == ("all" in value):
            return "the value needs either 'any' or 'all'"
        if not all(isinstance(value.get(name, False), bool) for name in _PHRASE_OPTIONS):
            return f"{', '.join(_PHRASE_OPTIONS)} are true or false"
        phrases = value.get("any", value.get("all"))
        if isinstance(phrases, str):
            return "'any' and 'all' take a list of texts"
    phrases = [phrases] if isinstance(phrases, str) else phrases
    good = isinstance(phrases, list) and phrases and all(isinstance(one, str) and one.strip() for one in phrases)
    return "" if good else "the value must be a text, a list of texts, or an object with 'any' or 'all'; none of them empty"


def _contains(answer: str, value: Any, item: Item) -> bool:
    phrases, every, options = _phrases(value)
    return (all if every else any)(holds(answer, phrase, **options) for phrase in phrases)


def _excludes(answer: str, value: Any, item: Item) -> bool:
    phrases, _, options = _phrases(value)
    return not any(holds(answer, phrase, **options) for phrase in phrases)


def _excludes_problem(value: Any) -> str:
    if isinstance(value, dict) and "all" in value:
        return "excludes takes 'any': none of the texts may be there"
    return _phrases_problem(value)


def _equals(answer: str, value: Any, item: Item) -> bool:
    phrases, _, options = _phrases(value)
    return any(bare(answer, **options) == bare(phrase, **options) for phrase in phrases)


def _equals_problem(value: Any) -> str:
    if isinstance(value, dict) and ("all" in value or "inside_words" in value):
        return "equals takes 'any', 'case' and 'accents'"
    return _phrases_problem(value)


@lru_cache(maxsize=4096)
def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(value)


def _regex(answer: str, value: Any, item: Item) -> bool:
    return _pattern(value).search(answer.strip()) is not None


def _regex_problem(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return "the value must be a regular expression as a text"
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"the value is no regular expression: {error}"
    return ""


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(answer: str, value: Any, item: Item) -> bool:
    wanted, tolerance = (value["value"], value.get("tolerance", 0)) if isinstance(value, dict) else (value, 0)
    return any(abs(reading - Decimal(str(wanted))) <= Decimal(str(tolerance)) for reading in last_number(answer))


def _number_problem(value: Any) -> str:
    if isinstance(value, dict) and value.keys() <= {"value", "tolerance"} and "value" in value:
        good = _finite(value["value"]) and _finite(value.get("tolerance", 0)) and value.get("tolerance", 0) >= 0
    else:
        good = _finite(value)
    return "" if good else 'the value must be a number, or {"value": number, "tolerance": number}'


def _json(answer: str, value: Any, item: Item) -> bool:
    try:
        found = json_value(answer)
    except ValueError:
        return False
    return value is None or conforms(found, {"type": "object", "required": value} if isinstance(value, list) else value)


def _json_problem(value: Any) -> str:
    if value is None or (isinstance(value, list) and value and all(isinstance(name, str) for name in value)):
        return ""
    return schema_problem(value, "the value") if isinstance(value, dict) else "the value must be nothing, a list of keys, or a schema"


def _language(answer: str, value: Any, item: Item) -> bool:
    return identify(without_code(answer)) == value


def _count(least: int) -> Callable[[Any], str]:
    def problem(value: Any) -> str:
        good = isinstance(value, int) and not isinstance(value, bool) and value >= least
        return "" if good else f"the value must be a whole number of {least} or more"

    return problem


def _items(answer: str, value: Any, item: Item) -> bool:
    least, most = (value.get("at_least", 0), value.get("at_most", math.inf)) if isinstance(value, dict) else (value, value)
    return least <= list_items(answer) <= most


def _items_problem(value: Any) -> str:
    if not isinstance(value, dict):
        return _count(1)(value)
    if not value or value.keys() - {"at_least", "at_most"} or any(_count(0)(one) for one in value.values()):
        return 'the value must be a whole number, or {"at_least": number, "at_most": number}'
    return "" if value.get("at_least", 0) <= value.get("at_most", math.inf) else "at_least is larger than at_most"


def _nothing(value: Any) -> str:
    return "" if value is None else "this kind takes no value"


KINDS: dict[str, Kind] = {
    "contains": Kind(_contains, _phrases_problem),
    "excludes": Kind(_excludes, _excludes_problem),
    "regex": Kind(_regex, _regex_problem),
    "equals": Kind(_equals, _equals_problem),
    "number": Kind(_number, _number_problem),
    "json": Kind(_json, _json_problem),
    "tool_call": Kind(lambda answer, value, item: calls_as_expected(answer, value), expected_problem),
    "refuses": Kind(lambda answer, value, item: is_refusal(answer), _nothing),
    # An empty answer refuses nothing, and answers nothing.
    "answers": Kind(lambda answer, value, item: bool(words(answer)) and not is_refusal(answer), _nothing),
    "language": Kind(_language, lambda value: "" if value in ("pt", "en") else "the value must be pt or en"),
    "words_at_most": Kind(lambda answer, value, item: len(words(answer)) <= value, _count(0)),
    "words_at_least": Kind(lambda answer, value, item: len(words(answer)) >= value, _count(1)),
    "items": Kind(_items, _items_problem),
    "no_loop": Kind(lambda answer, value, item: not loops(answer), _nothing),
}
