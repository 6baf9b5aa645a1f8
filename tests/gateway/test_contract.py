"""Contracts, fuzzed against a real server by schemathesis: the WES 1.1.0 specification as published, and our own OpenAPI.

Requests are made from the specification, good ones and bad ones; half of those about a run are about one that is there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from lives import STUB, launch, lead, publish
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import Served, served
from wes_spec import specification

from gateway.context import open_gateway
from gateway.runs.states import Trigger
from gateway.settings import Settings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]
TRIES = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,  # the same requests every time: what fails here fails again
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("contract") / "home", max_waiting=100_000, rate_per_minute=10_000_000) as one:
        yield one


@pytest.fixture(scope="module")
def known(server) -> dict[str, list[str]]:
    """Values of path parameters that are there: runs in several states, with tasks, logs and outputs."""
    gateway = open_gateway(Settings(_env_file=None, home=server.home))
    with server.client() as api:
        runs = [api.post("/api/v1/runs", json=STUB | {"tags": {"n": str(number)}}).json()["run_id"] for number in range(4)]
        dataset = api.post("/api/v1/datasets?name=a.jsonl", content=b"{}").json()["dataset_id"]
    running = (Trigger.CLAIM, Trigger.LAUNCHED)
    lead(gateway, runs[1], *running, launches=1, progress={"PREPARE": {"done": 1, "running": 0, "failed": 0}})
    lead(gateway, runs[2], *running, Trigger.FINISHED, launches=1, exit_code=0, verdict="needs_review", outputs={"verdict": "needs_review"})
    lead(gateway, runs[3], *running, Trigger.FAILED, launches=1, exit_code=2, error="the input is broken")
    for run in runs[1:]:
        launch(gateway, run, 1, "hello\n", tasks=[{}, {"exit": "-"}])
        publish(gateway, run, gate={"verdict": "needs_review"})
    gateway.close()
    return {"run_id": runs, "task_id": ["ab-000001"], "dataset_id": [dataset], "version": ["v1.0.0"]}


def fuzz(spec: dict[str, Any], server: Served, known: dict[str, list[str]]) -> list[str]:
    """Sentences about answers that are not what the specification says, over all its operations."""
    schema = schemathesis.openapi.from_dict(spec)
    found, calls = [], 0
    with requests.Session() as session:
        session.trust_env = False
        for result in schema.get_all_operations():
            operation = result.ok()
            for mode in GenerationMode:
                try:
                    strategy = operation.as_strategy(generation_mode=mode)

                    @TRIES
                    @given(case=strategy)
                    def one(case) -> None:
                        nonlocal calls
                        calls += 1
                        call(case, spec["servers"][0]["url"], server, known, session)

                    one()
                except Unsatisfiable:
                    continue  # nothing bad can be said to an operation without parameters
                except FailureGroup as failures:
                    found += [f"{operation.label} ({mode}): {failure.title}: {failure.message}" for failure in failures.exceptions]
                except Failure as failure:
                    found.append(f"{operation.label} ({mode}): {failure.title}: {failure.message}")
    print(f"{calls} calls of {len(list(schema.get_all_operations()))} operations")
    return found


def call(case, url: str, server: Served, known: dict[str, list[str]], session: requests.Session) -> None:
    for name, values in known.items():
        given_value = (case.path_parameters or {}).get(name)
        number = zlib.crc32(str(given_value).encode())
        if given_value is not None and number % 2:
            case.path_parameters[name] = values[number // 2 % len(values)]
    if isinstance(case.query, dict):
        case.query.pop("follow", None)  # would stay for 15 minutes
    headers = {"Authorization": f"Bearer {server.key}"}
    response = case.call(base_url=url, headers=headers, session=session, timeout=30)
    case.validate_response(response, checks=CHECKS, headers=headers)


def test_wes_is_the_specifications(server, known):
    assert fuzz(specification(server.url), server, known) == []


def test_ours_is_what_we_publish(server, known):
    with server.client() as api:
        spec = api.get("/openapi.json").json()
    spec["servers"] = [{"url": server.url}]
    # The test goes on with the key that it has.
    for path in [path for path in spec["paths"] if path.startswith("/api/v1/keys") and "{" in path]:
        del spec["paths"][path]
    assert fuzz(spec, server, known) == []
