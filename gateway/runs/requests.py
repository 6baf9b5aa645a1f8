"""A request for a run, as callers write it: its shape, and JSON that can be stored and compared."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .problems import Refused

PRIORITIES = {"interactive": 0, "normal": 1, "batch": 2}
DEEPEST = 20  # levels of a request
UNCLEAN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]"
)  # what databases and params.json cannot hold; tab and line end may stand in tags


class EngineParameters(BaseModel):
    """What decides how Nextflow runs, not what it computes. Nothing else reaches its command line."""

    model_config = ConfigDict(extra="forbid")
    profile: str = Field("", max_length=200, description="profiles of nextflow.config, separated by commas: test, slurm, gpu, ...")
    stub: bool = Field(False, description="-stub-run: every step only pretends; seconds instead of hours")
    compare_production: bool = Field(True, description="compare with the promoted version, where there is one; false: with none")


class RunRequest(BaseModel):
    """A run to be started."""

    model_config = ConfigDict(extra="forbid")
    workflow_url: str = Field("llamaflow", max_length=2000)
    workflow_params: dict[str, Any] = Field(
        default_factory=dict, description="parameters of nextflow_schema.json; dataset:ID names an upload"
    )
    engine_parameters: EngineParameters = Field(default_factory=EngineParameters)
    tags: dict[str, str] = Field(default_factory=dict, description="yours, for finding runs again")
    priority: Literal["interactive", "normal", "batch"] = "normal"
    resume_url: str | None = Field(None, max_length=4000, description="called once when the run has ended: n8n's $execution.resumeUrl")

    def digest(self, attachments: Iterable[tuple[str, str]] = ()) -> str:
        """SHA-256 of what was asked for: the same idempotency key has to come with the same."""
        canonical = json.dumps([self.model_dump(mode="json"), sorted(attachments)], sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


def read_json(body: bytes) -> Any:
    """The value of a JSON text. Raises Refused for what is none: NaN and infinite numbers, unpaired surrogates, bottomless nesting."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refused(400, "the body is no UTF-8") from None
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON") from None


def _no_number(name: str) -> None:
    raise ValueError(name)


def read_request(raw: Any) -> tuple[RunRequest, list[str]]:
    """The request, and sentences about everything that is wrong with its shape; what is wrong is left out of the request."""
    if not isinstance(raw, dict):
        return RunRequest(), ["the body has to be a JSON object"]
    if too_deep(raw):
        return RunRequest(), [f"the body is nested deeper than {DEEPEST} levels"]
    try:
        return RunRequest.model_validate(raw), []
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
    good = dict(raw)
    for one in wrong:
        good.pop(one["loc"][0], None)
    return RunRequest.model_validate(good), [_sentence(one) for one in wrong]


def _sentence(error: dict[str, Any]) -> str:
    place = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        known = EngineParameters.model_fields if place[0] == "engine_parameters" else RunRequest.model_fields
        return f"unknown {'engine parameter' if len(place) > 1 else 'field'} {shown(place[-1])}: did you mean {nearest(place[-1], known)}?"
    return f"{'.'.join(map(shown, place))}: {error['msg'][:200]}"


def too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether it is nested deeper than so many levels; what is read on by recursion is asked this first."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(too_deep(one, levels - 1) for one in inner)


def unclean(value: Any) -> str:
    """Why a JSON value, not too deep, cannot be stored, or ''."""
    if isinstance(value, str):
        return "holds a control character" if UNCLEAN.search(value) else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "is no finite number"
    if isinstance(value, int):
        return "" if abs(value) < 2**63 else "is too large a number"
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((why for one in inner if (why := unclean(one))), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that looks most like it."""
    return difflib.get_close_matches(str(word)[:100], list(known), 1, 0)[0]


def shown(name: str) -> str:
    """A name of the caller's in a message: only when it looks like one."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", str(name)) else "(not shown)"
