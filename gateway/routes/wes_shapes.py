"""What OpenAPI says of WES answers; names as in its specification."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ..runs.states import State

_OBJECT = {"type": "object", "additionalProperties": {"type": "string"}}
_TEXTS = ("workflow_type", "workflow_type_version", "workflow_engine", "workflow_engine_version", "workflow_url")
_JSON = {
    "type": "object", "required": ["workflow_type", "workflow_type_version", "workflow_url"],
    "properties": {
        "workflow_params": {"type": "object"}, "tags": _OBJECT, "workflow_engine_parameters": _OBJECT,
        **{name: {"type": "string"} for name in _TEXTS},
    },
}  # fmt: skip
_FORM = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in (*_TEXTS, "workflow_params", "tags", "workflow_engine_parameters")},
        "workflow_attachment": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
}
RUN_WORKFLOW = {"requestBody": {"content": {"multipart/form-data": {"schema": _FORM}, "application/json": {"schema": _JSON}}}}


class RunId(BaseModel):
    run_id: str


class RunStatus(RunId):
    state: State


class RunSummary(RunStatus):
    start_time: str | None = None
    end_time: str | None = None
    tags: dict[str, str]


class RunListResponse(BaseModel):
    runs: list[RunSummary]
    next_page_token: str


class Log(BaseModel):
    name: str | None = None
    cmd: list[str] | None = None
    start_time: str | None = None
    end_time: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    exit_code: int | None = None
    system_logs: list[str] | None = None


class TaskLog(Log):
    id: str
    name: str


class TaskListResponse(BaseModel):
    task_logs: list[TaskLog]
    next_page_token: str


class RunLog(RunStatus):
    request: dict[str, Any]
    run_log: Log
    task_logs_url: str
    task_logs: list[TaskLog] | None
    outputs: dict[str, Any]


class ServiceInfo(BaseModel):
    id: str
    name: str
    description: str
    type: dict[str, str]
    organization: dict[str, str]
    documentationUrl: str
    version: str
    workflow_type_versions: dict[str, dict[str, list[str]]]
    supported_wes_versions: list[str]
    supported_filesystem_protocols: list[str]
    workflow_engine_versions: dict[str, dict[str, list[str]]]
    default_workflow_engine_parameters: list[dict[str, str]]
    system_state_counts: dict[str, int]
    auth_instructions_url: str
    tags: dict[str, str]
