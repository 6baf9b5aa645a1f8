"""Tool calls as models write them: read from an answer and compared with the one that was expected."""

from __future__ import annotations

import json
from typing import Any

from .reading import folded, json_value
from .schemas import same


def expected_problem(value: Any) -> str:
    """What is wrong with the value of a tool_call check, '' for nothing."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        return 'the value must be {"name": …, "arguments": {…}}'
    if unknown := value.keys() - {"name", "arguments", "optional"}:
        return f"the value has the key '{sorted(unknown)[0][:40]}'; known are name, arguments, optional"
    if not isinstance(value.get("arguments", {}), dict):
        return "'arguments' of the value is not an object"
    optional = value.get("optional", [])
    return "" if isinstance(optional, list) and all(isinstance(one, str) for one in optional) else "'optional' is not a list of names"


def calls_as_expected(answer: str, expected: dict[str, Any]) -> bool:
    """Whether the answer is one valid JSON call of the expected name with the expected argument values and no others.

    Strings are compared without case, accents and outer blanks; {"any": [...]} allows several values; arguments named in
    'optional' may be there with any value.
    """
    try:
        name, arguments = read_call(json_value(answer))
    except ValueError:
        return False
    wanted = expected.get("arguments", {})
    if name != expected["name"] or wanted.keys() - arguments.keys():
        return False
    if arguments.keys() - wanted.keys() - set(expected.get("optional", [])):
        return False
    return all(_agrees(arguments[key], value) for key, value in wanted.items())


def read_call(value: Any) -> tuple[str, dict[str, Any]]:
    """Name and arguments of one call in any of the common forms. Raises ValueError when it is none.

    {"name", "arguments" or "parameters"}; the same under "function"; a list or {"tool_calls": [...]} with a single call;
    arguments may be JSON in a string, as OpenAI's API has them.
    """
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ValueError("no tool call")
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    if not isinstance(arguments, dict):
        raise ValueError("arguments are no object")
    return value["name"], arguments


def _agrees(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and wanted.keys() == {"any"} and isinstance(wanted["any"], list):
        return any(_agrees(value, one) for one in wanted["any"])
    if isinstance(value, str) and isinstance(wanted, str):
        return folded(value) == folded(wanted)
    if isinstance(value, list) and isinstance(wanted, list):
        return len(value) == len(wanted) and all(map(_agrees, value, wanted))
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(_agrees(value[key], wanted[key]) for key in wanted)
    return same(value, wanted)
