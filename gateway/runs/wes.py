"""Between GA4GH WES 1.1.0 and our own requests and runs. Pure."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any

from .problems import Refused
from .requests import PRIORITIES, RunRequest, nearest, read_request, shown, too_deep
from .states import State

TYPES = ("NFL", "NEXTFLOW")  # what clients call Nextflow; whatever the case
TYPE_VERSIONS = ("DSL2",)
ENGINE = "nextflow"
JSON_FIELDS = ("workflow_params", "workflow_engine_parameters", "tags")  # JSON inside a form
FIELDS = (*JSON_FIELDS, "workflow_type", "workflow_type_version", "workflow_engine", "workflow_engine_version", "workflow_url")
ENGINE_PARAMETERS = {
    "profile": ("string", ""), "stub": ("boolean", "false"), "compare_production": ("boolean", "true"), "priority": ("string", "normal"),
    "resume_url": ("string", ""),
}  # fmt: skip


def read_form(fields: Mapping[str, str]) -> dict[str, Any]:
    """The request of a form, whose objects are JSON texts. Raises Refused."""
    found: dict[str, Any] = {}
    problems = []
    for name in FIELDS:
        text = fields.get(name)
        if text is None or (name in JSON_FIELDS and not text.strip()):
            continue
        try:
            found[name] = json.loads(text, parse_constant=_no_number) if name in JSON_FIELDS else text
        except (ValueError, RecursionError):
            problems.append(f"{name} is no JSON")
    if problems:
        raise Refused(400, *problems)
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def to_request(raw: Any, engine_versions: list[str]) -> tuple[RunRequest, list[str], dict[str, Any]]:
    """Our request, sentences about what is wrong, and the WES request as it is kept and told again."""
    if not isinstance(raw, dict):
        return RunRequest(), ["the body has to be a JSON object"], {}
    if too_deep(raw):
        return RunRequest(), ["the body is nested too deep"], {}
    given = {name: raw[name] for name in FIELDS if raw.get(name) is not None}
    problems = _engine_problems(given, engine_versions)
    ours = {
        "workflow_url": given.get("workflow_url", ""),
        "workflow_params": given.get("workflow_params", {}),
        "tags": given.get("tags", {}),
    }
    engine, wrong = _engine_parameters(given.get("workflow_engine_parameters", {}))
    for name in ("priority", "resume_url"):
        if name in engine:
            ours[name] = engine.pop(name)
    request, misshapen = read_request(ours | {"engine_parameters": engine})
    kept = given | {"workflow_engine_parameters": _told(given.get("workflow_engine_parameters", {}))}
    return request, [*problems, *wrong, *misshapen], kept


def _engine_problems(given: dict[str, Any], engine_versions: list[str]) -> list[str]:
    problems = [f"{name} is missing" for name in ("workflow_type", "workflow_type_version", "workflow_url") if not given.get(name)]
    if str(given.get("workflow_type", TYPES[0])).upper() not in TYPES:
        problems.append(f"workflow_type has to be {' or '.join(TYPES)}")
    if str(given.get("workflow_type_version", TYPE_VERSIONS[0])).upper() not in TYPE_VERSIONS:
        problems.append(f"workflow_type_version has to be {' or '.join(TYPE_VERSIONS)}")
    if str(given.get("workflow_engine", ENGINE)).lower() != ENGINE:
        problems.append(f"workflow_engine has to be {ENGINE}")
    version = given.get("workflow_engine_version")
    if version is not None and "workflow_engine" not in given:
        problems.append("workflow_engine is missing: workflow_engine_version belongs to one")
    if version is not None and version not in engine_versions:
        problems.append(f"workflow_engine_version has to be {' or '.join(engine_versions)}")
    return problems


def _engine_parameters(given: Any) -> tuple[dict[str, Any], list[str]]:
    """Values of our types: WES has texts only."""
    if not isinstance(given, dict):
        return {}, ["workflow_engine_parameters has to be an object"]
    found: dict[str, Any] = {}
    problems = []
    for name, value in given.items():
        if name not in ENGINE_PARAMETERS:
            problems.append(f"unknown engine parameter {shown(name)}: did you mean {nearest(name, ENGINE_PARAMETERS)}?")
        elif ENGINE_PARAMETERS[name][0] == "boolean" and str(value).lower() in ("true", "false"):
            found[name] = str(value).lower() == "true"
        elif ENGINE_PARAMETERS[name][0] == "boolean":
            problems.append(f"engine parameter {name} has to be true or false")
        elif not isinstance(value, str):
            problems.append(f"engine parameter {name} has to be a text")
        elif name == "priority" and value not in PRIORITIES:
            problems.append(f"engine parameter priority has to be {', '.join(PRIORITIES)}")
        elif value:
            found[name] = value
    return found, problems


def _told(engine: Any) -> dict[str, str]:
    """Without the resume URL: it carries a signature."""
    items = engine.items() if isinstance(engine, dict) else ()
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in items if name != "resume_url"}


def seconds(time: dt.datetime | None) -> str | None:
    """As WES writes times: 2026-01-31T12:00:00Z."""
    return None if time is None else time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def without_none(content: dict[str, Any]) -> dict[str, Any]:
    """WES leaves out what is not known."""
    return {name: value for name, value in content.items() if value is not None}


def request_of(row: Any) -> dict[str, Any]:
    """RunRequest of a run, also of one that came by another API."""
    kept = row.request or {}
    if told := kept.get("wes"):
        return told
    engine = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (kept.get("engine_parameters") or {}).items()}
    return {
        "workflow_params": kept.get("workflow_params", {}), "workflow_type": TYPES[0], "workflow_type_version": TYPE_VERSIONS[0],
        "tags": row.tags or {}, "workflow_engine_parameters": engine, "workflow_engine": ENGINE, "workflow_url": row.workflow_url,
    }  # fmt: skip


def summary(row: Any) -> dict[str, Any]:
    """RunSummary."""
    told = {
        "run_id": row.id,
        "state": row.state,
        "start_time": seconds(row.started_at),
        "end_time": seconds(row.ended_at),
        "tags": row.tags or {},
    }
    return without_none(told)


def run_log(row: Any, tasks: list[dict[str, Any]], api: str, wes: str) -> dict[str, Any]:
    """RunLog. api, wes: URLs of /api/v1 and of this API."""
    log = {
        "name": row.workflow_url, "cmd": ["nextflow", "run", "main.nf", "-params-file", "params.json"] if row.launches else None,
        "start_time": seconds(row.started_at), "end_time": seconds(row.ended_at), "exit_code": row.exit_code,
        "stdout": f"{api}/runs/{row.id}/log/console" if row.launches else None, "system_logs": [row.error] if row.error else [],
        "stderr": f"{api}/runs/{row.id}/log/nextflow" if row.launches else None,
    }  # fmt: skip
    return {
        "run_id": row.id, "request": request_of(row), "state": row.state, "run_log": without_none(log),
        "task_logs_url": f"{wes}/runs/{row.id}/tasks", "task_logs": [task_log(one) for one in tasks], "outputs": row.outputs or {},
    }  # fmt: skip


def task_log(task: dict[str, Any]) -> dict[str, Any]:
    """TaskLog. What a task printed is not offered: before ANONYMIZE it may hold a record's text."""
    notes = [f"status {task['status']}", f"launch {task['launch']}"]
    notes += [f"peak memory {task['memory']} bytes"] if task["memory"] is not None else []
    told = {
        "id": task["id"], "name": task["name"], "start_time": seconds(task["start"]), "end_time": seconds(task["end"]),
        "exit_code": task["exit"] if task["exit"] is None or task["exit"] < 2**31 else None, "system_logs": notes,
    }  # fmt: skip
    return without_none(told)


def engine_versions(config: str) -> list[str]:
    """What nextflow.config asks for."""
    found = re.search(r"nextflowVersion\s*=\s*'([^']+)'", config)
    return [found[1].lstrip("!")] if found else ["any"]


def service_info(version: str, url: str, engines: list[str], counts: dict[str, int], protocols: list[str]) -> dict[str, Any]:
    """ServiceInfo, with GA4GH's Service. url: of the gateway."""
    return {
        "id": "br.llamaflow.gateway", "name": "LlamaFlow", "description": "Fine-tuned, gated models from a company's own records",
        "type": {"group": "org.ga4gh", "artifact": "wes", "version": "1.1.0"}, "organization": {"name": "LlamaFlow", "url": url},
        "documentationUrl": f"{url}/docs", "version": version,
        "workflow_type_versions": {name: {"workflow_type_version": list(TYPE_VERSIONS)} for name in TYPES},
        "supported_wes_versions": ["1.1.0"], "supported_filesystem_protocols": protocols,
        "workflow_engine_versions": {ENGINE: {"workflow_engine_version": engines}},
        "default_workflow_engine_parameters": [
            {"name": name, "type": kind, "default_value": default} for name, (kind, default) in ENGINE_PARAMETERS.items()
        ],
        "system_state_counts": {state.value: counts.get(state.value, 0) for state in State},
        "auth_instructions_url": f"{url}/docs", "tags": {"workflow_url": "llamaflow"},
    }  # fmt: skip
