"""What is done with each kind of personal data, as a YAML file says."""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems

from .spans import ENTITY_TYPES

Action = Literal["surrogate", "mask", "redact", "hash", "keep"]
FieldAction = Literal["keep", "drop", "redact"]
EntityType = Literal[ENTITY_TYPES]


class Policy(BaseModel):
    """surrogate: another value of the same shape; mask: * for letters and digits; redact: [TYPE]; hash: [TYPE:keyed digest]; keep: left.

    fields: what is done with meta fields whose key matches a pattern (*, ?, any case), the first that matches: keep (not
    read; an identifier that the proof knows still holds the record back), drop (key and value go), redact (the whole value goes).
    unsupported_language: what becomes of records in a script or language that the rules cannot read.
    canaries: planted records for each shard; max_leak_rate: leaks for each replaced value that are borne.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    version: Literal[1]
    default: Action = "surrogate"
    entities: dict[EntityType, Action] = Field(default_factory=dict)
    fields: dict[str, FieldAction] = Field(default_factory=dict)
    unsupported_language: Literal["quarantine", "allow"] = "quarantine"
    canaries: int = Field(50, ge=0, le=10_000)
    max_leak_rate: float = Field(0.0, ge=0, le=1)
    name: str = "surrogate"
    sha256: str = ""

    def action(self, kind: str) -> Action:
        """What to do with an entity type."""
        return self.entities.get(kind, self.default)

    def field_action(self, key: str) -> FieldAction | None:
        """What to do with a field of meta as a whole; None: it is read like any text."""
        return next((action for pattern, action in self.fields.items() if fnmatchcase(key.lower(), pattern.lower())), None)

    def rules(self) -> str:
        """What decides how a record comes out, as text: equal for equal policies whatever their names and comments."""
        fields = list(self.fields.items())  # in their order, which counts
        return repr((self.version, self.default, sorted(self.entities.items()), fields, self.unsupported_language))

    @property
    def kept(self) -> frozenset[str]:
        """Entity types that the policy leaves in the text on purpose."""
        return frozenset(kind for kind in ENTITY_TYPES if self.action(kind) == "keep")


def _lines(node: yaml.Node | None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], int]:
    """Line (from 1) of every key of a YAML document; raises ValueError('line', key) at a key given twice."""
    found = {path: node.start_mark.line + 1} if node is not None else {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if here in found:
                raise ValueError(key.start_mark.line + 1, key.value)
            found.update(_lines(value, here))
            found[here] = key.start_mark.line + 1
    return found


def load_policy(file: Path | str) -> Policy:
    """Read a policy file. Raises BadInputError with file and line for anything that is not a policy."""
    file = Path(file)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInputError(
            "the anonymization policy cannot be read", where=str(file), why=error.strerror or "", fix="name a file of conf/anonymize"
        ) from None
    try:
        lines = _lines(yaml.compose(raw, Loader=yaml.SafeLoader))
        value = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "not YAML"
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise BadInputError(
            "the anonymization policy is not valid YAML", where=where, why=why, fix="see conf/anonymize/surrogate.yaml"
        ) from None
    except ValueError as error:
        line, key = error.args if len(error.args) == 2 else (1, "?")
        raise BadInputError(
            "a key stands twice in the anonymization policy", where=f"{file}:{line}", why=str(key), fix="keep one of them"
        ) from None
    if not isinstance(value, dict):
        raise BadInputError(
            "the anonymization policy is not a mapping", where=f"{file}:1", fix="begin with 'version: 1'; see conf/anonymize/surrogate.yaml"
        )
    own = {"name", "sha256"} & value.keys()
    problems: list[LlamaFlowError] = [_problem(file, lines, (key,), "not a setting of a policy") for key in sorted(own)]
    try:
        policy = Policy.model_validate({key: item for key, item in value.items() if key not in own})
    except ValidationError as error:
        for one in error.errors(include_input=False, include_url=False):
            problems.append(_problem(file, lines, tuple(str(part) for part in one["loc"] if part != "[key]"), one["msg"]))
    if problems:
        raise problems[0] if len(problems) == 1 else ManyProblems(problems)
    return policy.model_copy(update={"name": file.stem, "sha256": hashlib.sha256(raw).hexdigest()})


_SETTINGS = "settings are version, default, entities, fields, unsupported_language, canaries, max_leak_rate"
_ENTITIES = f"entities are {', '.join(ENTITY_TYPES)}; actions are surrogate, mask, redact, hash, keep"
_FIXES = {
    "default": _ENTITIES,
    "entities": _ENTITIES,
    "fields": "each is a pattern of a key and keep, drop or redact",
    "unsupported_language": "quarantine or allow",
    "canaries": "a whole number from 0 to 10000",
    "max_leak_rate": "a number from 0 to 1",
}


def _problem(file: Path, lines: dict[tuple[str, ...], int], path: tuple[str, ...], why: str) -> BadInputError:
    line = lines.get(path) or lines.get(path[:-1]) or 1
    return BadInputError(
        f"the anonymization policy has a wrong value for {'.'.join(path) or 'the document'}",
        where=f"{file}:{line}",
        why=why,
        fix=_FIXES.get(path[0] if path else "", _SETTINGS),
    )
