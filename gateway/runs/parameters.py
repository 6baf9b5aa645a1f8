"""Parameters of the pipeline against nextflow_schema.json, before anything starts; all problems at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ..settings import Settings
from .paths import MODULE, Files, Forbidden
from .requests import nearest, shown, unclean

MANY_FILES = ("input", "test_input", "suite_files", "reference")
ONE_FILE = ("anonymize_key_file", "erasures", "public_values")
NAMED = {"recipe": "recipes", "gate": "gates", "anonymize_policy": "anonymize", "search": "search"}
MODELS = ("base_model", "bertscore_model", "drift_model")
WRITTEN = ("checkpoints", "tracking_uri", "evaluation_cache")  # places that a run writes to: its own, or none
# What the gateway or its operator decides (LLAMAFLOW_FIXED_PARAMS): where results go, what code runs on which cluster.
OWNED = {
    "outdir": "the gateway's", "registry": "the gateway's", "help": "not for runs", "drift_exit_code": "0: the verdict tells of drift",
    "slurm_options": "the operator's", "k8s_namespace": "the operator's", "k8s_claim": "the operator's", "container_cpu": "the operator's",
    "container_gpu": "the operator's",
}  # fmt: skip
WITH_INPUT = {"test", "demo"}  # profiles that bring an input
TYPES = {"integer": "an integer", "number": "a number", "string": "a text", "boolean": "true or false"}


class Schema:
    """The pipeline's parameters by name."""

    def __init__(self, path: Path):
        groups = json.loads(path.read_text("utf-8"))["$defs"].values()
        self.properties: dict[str, dict[str, Any]] = {name: one for group in groups for name, one in group["properties"].items()}
        self.required = [name for group in groups for name in group.get("required", [])]
        self.validator = Draft202012Validator({"type": "object", "properties": self.properties})


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> Schema:
    return Schema(path)


def schema_of(settings: Settings) -> Schema:
    """The schema of the project, read again when the file changes."""
    path = settings.project / "nextflow_schema.json"
    return _read(path, path.stat().st_mtime_ns)


def check(settings: Settings, params: Mapping[str, Any], profiles: Iterable[str], files: Files) -> tuple[dict[str, Any], list[str]]:
    """Parameters as Nextflow gets them, with files found, and sentences about every one that is wrong."""
    schema = schema_of(settings)
    given = {name: value for name, value in params.items() if value is not None}
    problems = [*_unknown(schema, given), *_owned(settings, given), *_missing(schema, given, set(profiles))]
    free = {name: value for name, value in given.items() if name in schema.properties and name not in OWNED}
    problems += [f"parameter {name} {why}" for name, value in free.items() if (why := _unstorable(value))]
    wrong = {error.path[0]: _sentence(error) for error in schema.validator.iter_errors(free) if error.path}
    problems += wrong.values()
    resolved = dict(free)
    for name, value in free.items():
        if name in wrong or _unstorable(value):
            continue
        try:
            resolved[name] = _place(name, value, files)
        except Forbidden as error:
            problems.append(f"parameter {name} {error}")
    return resolved | settings.fixed_params, problems


def profiles_of(settings: Settings, text: str) -> tuple[list[str], list[str]]:
    """Names of profiles, and sentences about those that may not be asked for."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return names, [
        f"profile {shown(name)} may not be asked for: did you mean {nearest(name, settings.profiles)}?"
        if settings.profiles
        else "no profile may be asked for"
        for name in names
        if name not in settings.profiles
    ]


def gpus(settings: Settings, params: Mapping[str, Any], profiles: Iterable[str]) -> int:
    """GPUs that a run holds at a time."""
    return int(params.get("gpus", schema_of(settings).properties["gpus"].get("default", 1))) if "gpu" in profiles else 0


def _unknown(schema: Schema, given: Mapping[str, Any]) -> list[str]:
    return [
        f"unknown parameter {shown(name)}: did you mean {nearest(name, schema.properties)}?"
        for name in given
        if name not in schema.properties
    ]


def _owned(settings: Settings, given: Mapping[str, Any]) -> list[str]:
    told = OWNED | dict.fromkeys(settings.fixed_params, "the operator's")
    return [f"parameter {name} cannot be given here: it is {told[name]}" for name in given if name in told]


def _missing(schema: Schema, given: Mapping[str, Any], profiles: set[str]) -> list[str]:
    needed = [] if profiles & WITH_INPUT else list(schema.required)
    if given.get("mode") == "drift":
        needed.append("reference")
    return [f"missing parameter {name}: {schema.properties[name]['description']}" for name in needed if given.get(name) in (None, "")]


def _unstorable(value: Any) -> str:
    # Line ends, too: a pattern that ends in $ lets one through in Python, not in Groovy.
    return unclean(value) or ("holds a line end" if isinstance(value, str) and re.search(r"[\n\r\t\u2028\u2029\x85]", value) else "")


def _sentence(error: ValidationError) -> str:
    """What is wrong with a value, without the value."""
    name, rule = error.path[0], error.validator_value
    match error.validator:
        case "type":
            return f"parameter {name} has to be {TYPES.get(rule, rule)}"
        case "enum":
            close = f": did you mean {nearest(error.instance, rule)}?" if isinstance(error.instance, str) else ""
            return f"parameter {name} is one of {', '.join(map(str, rule))}{close}"
        case "minimum":
            return f"parameter {name} has to be at least {rule}"
        case "maximum":
            return f"parameter {name} has to be at most {rule}"
        case "pattern":
            return f"parameter {name} holds what is not allowed here ({rule})"
    return f"parameter {name} is not allowed ({error.validator})"


def _place(name: str, value: Any, files: Files) -> Any:
    """The value with the files that it names found. Raises Forbidden."""
    if value == "" or not isinstance(value, str):
        return value
    if name in WRITTEN:
        if value != "none":
            raise Forbidden("can only be none here: runs write into their own folder")
    elif name in MANY_FILES:
        return files.many(value)
    elif name in ONE_FILE:
        return files.one(value)
    elif name == "reversal_recipients":
        return value if all(re.fullmatch(r"age1[0-9a-z]{20,}", one.strip()) for one in value.split(",")) else files.one(value)
    elif name in NAMED:
        return files.named(NAMED[name], value)
    elif name == "chat_template":
        return value if value in ("chatml", "llama3") else files.one(value)
    elif name in MODELS:
        return value if name == "drift_model" and value == "none" else files.model(value)
    elif name == "ner":
        kind, _, model = value.partition(":")
        return f"{kind}:{model if MODULE.fullmatch(model) else files.model(model)}"
    return value
