"""The part of JSON Schema that suites need, and no more: https://json-schema.org/draft/2020-12/json-schema-validation."""

from __future__ import annotations

import re
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip
# keyword -> type of its value
KEYWORDS: dict[str, tuple[type, ...]] = {
    "type": (str, list), "required": (list,), "properties": (dict,), "additionalProperties": (bool,), "items": (dict,), "minItems": (int,),
    "maxItems": (int,), "enum": (list,), "const": (object,), "minimum": (int, float), "maximum": (int, float), "pattern": (str,),
}  # fmt: skip


def schema_problem(schema: Any, where: str = "the schema") -> str:
    """What is wrong with a schema, '' for nothing."""
    if not isinstance(schema, dict):
        return f"{where} is not an object"
    for keyword, value in schema.items():
        if keyword not in KEYWORDS:
            return f"{where} has the keyword '{keyword[:40]}'; known are {', '.join(KEYWORDS)}"
        if not isinstance(value, KEYWORDS[keyword]):
            return f"'{keyword}' of {where} has a value of the wrong type"
    types = schema.get("type", [])
    if unknown := [one for one in ([types] if isinstance(types, str) else types) if one not in _TYPES]:
        return f"{where} has the type '{str(unknown[0])[:40]}'; known are {', '.join(_TYPES)}"
    if not all(isinstance(name, str) for name in schema.get("required", [])):
        return f"'required' of {where} is not a list of names"
    try:
        re.compile(schema.get("pattern", ""))
    except re.error as error:
        return f"'pattern' of {where} is no regular expression: {error}"
    inner = [(value, f"property '{name[:40]}'") for name, value in schema.get("properties", {}).items()]
    inner += [(schema["items"], "'items'")] if "items" in schema else []
    return next((problem for value, place in inner if (problem := schema_problem(value, place))), "")


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a JSON value is as a schema (checked by schema_problem) asks."""
    types = schema.get("type", list(_TYPES))
    if not any(_is(value, one) for one in ([types] if isinstance(types, str) else types)):
        return False
    if "const" in schema and not same(value, schema["const"]):
        return False
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        if any(name not in value for name in schema.get("required", [])):
            return False
        if schema.get("additionalProperties") is False and value.keys() - properties.keys():
            return False
        return all(conforms(value[name], inner) for name, inner in properties.items() if name in value)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        return all(conforms(one, schema["items"]) for one in value) if "items" in schema else True
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    if _is(value, "number"):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return True


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: true is not 1, 5 is 5.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return one == other


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, _TYPES[name]) or (name == "integer" and isinstance(value, float) and value.is_integer())
