"""Column names of the user's own: ``prompt=pergunta,completion=resposta`` reads canonical=column."""

from __future__ import annotations

from typing import Any

from ..errors import BadInputError

CANONICAL = (
    "messages", "conversations", "instruction", "input", "output", "system", "history",
    "prompt", "completion", "context", "question", "answers", "text",
)  # fmt: skip


def parse_mapping(text: str) -> dict[str, str]:
    """Read ``canonical=column,…``; '' gives {}. Raises BadInputError on anything else."""
    mapping: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not name or not column:
            raise BadInputError("not a column mapping", where="--mapping", why=f"{pair!r} is not canonical=column", fix="prompt=pergunta")
        if name not in CANONICAL:
            raise BadInputError("unknown name in the column mapping", where="--mapping", why=name, fix=f"one of {', '.join(CANONICAL)}")
        if name in mapping:
            raise BadInputError("a name is mapped twice", where="--mapping", why=name, fix="keep one of the two")
        mapping[name] = column
    return mapping


def apply_mapping(row: Any, mapping: dict[str, str]) -> Any:
    """The row with its mapped columns under their canonical names; columns it does not have stay absent."""
    if not mapping or not isinstance(row, dict):
        return row
    columns = set(mapping.values())
    renamed = {name: value for name, value in row.items() if name not in columns and name not in mapping}
    return renamed | {name: row[column] for name, column in mapping.items() if column in row}
