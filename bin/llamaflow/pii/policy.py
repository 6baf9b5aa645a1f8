"""What is done with each kind of personal data, as a YAML file says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems

from .spans import ENTITY_TYPES

Action = Literal["surrogate", "mask", "redact", "hash", "keep"]
EntityType = Literal[ENTITY_TYPES]


class Policy(BaseModel):
    """surrogate: another value of the same shape; mask: * for letters and digits; redact: [TYPE]; hash: [TYPE:keyed digest]; keep: left."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    default: Action = "surrogate"
    entities: dict[EntityType, Action] = Field(default_factory=dict)
    name: str = "surrogate"
    sha256: str = ""

    def action(self, kind: str) -> Action:
        """What to do with an entity type."""
        return self.entities.get(kind, self.default)

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


def _problem(file: Path, lines: dict[tuple[str, ...], int], path: tuple[str, ...], why: str) -> BadInputError:
    line = lines.get(path) or lines.get(path[:-1]) or 1
    return BadInputError(
        f"the anonymization policy has a wrong value for {'.'.join(path) or 'the document'}",
        where=f"{file}:{line}",
        why=why,
        fix=f"entities are {', '.join(ENTITY_TYPES)}; actions are surrogate, mask, redact, hash, keep",
    )
