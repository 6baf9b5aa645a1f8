"""The flows as files: no secret, stable ids, nodes that n8n 2.41.1 has, links that lead somewhere, expressions that parse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.n8n_nodes import NODES

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "n8n"
FLOWS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((FOLDER / "flows").glob("*.json"))}
IDS = {
    "train-on-webhook": "llamaflow-train", "train-by-command": "llamaflow-train-command", "drift-check": "llamaflow-drift",
    "approval": "llamaflow-approval", "error": "llamaflow-error", "watchdog": "llamaflow-watchdog", "notify": "llamaflow-notify",
}  # fmt: skip
CREDENTIALS = {
    "llamaflow-gateway": "LlamaFlow gateway",
    "llamaflow-callers": "LlamaFlow callers",
    "llamaflow-notifications": "LlamaFlow notifications",
    "llamaflow-approvers": "LlamaFlow approvers",
}
PARSE = """
for (const [place, code] of JSON.parse(require('fs').readFileSync(0))) {
    try { new Function('return (' + code + '\\n)') } catch (error) { console.log(place + ': ' + error.message) }
}
"""


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from strings(one, f"{path}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from strings(one, f"{path}[{number}]")


def expressions() -> list[tuple[str, str]]:
    """(place, JavaScript) of everything between {{ and }} in a parameter that starts with =."""
    found = []
    for name, flow in FLOWS.items():
        for node in flow["nodes"]:
            for path, text in strings(node["parameters"]):
                if text.startswith("="):
                    found += [(f"{name}: {node['name']}{path}", inner) for inner in re.findall(r"\{\{(.*?)\}\}(?!\})", text, re.DOTALL)]
    return found


def test_the_flows_are_all_there_under_their_stable_ids():
    assert {name: flow["id"] for name, flow in FLOWS.items()} == IDS


@pytest.mark.parametrize("name", IDS)
def test_nodes_are_of_types_and_versions_that_n8n_has(name):
    ids = [node["id"] for node in FLOWS[name]["nodes"]]
    assert len(set(ids)) == len(ids)
    for node in FLOWS[name]["nodes"]:
        assert node["typeVersion"] in NODES[node["type"]], f"{node['name']}: {node['type']} {node['typeVersion']}"


@pytest.mark.parametrize("name", IDS)
def test_every_link_leads_to_a_node_and_every_node_is_reached(name):
    flow = FLOWS[name]
    names = [node["name"] for node in flow["nodes"]]
    assert len(set(names)) == len(names)
    targets = {link["node"] for outputs in flow["connections"].values() for output in outputs["main"] for link in output}
    assert set(flow["connections"]) | targets <= set(names)
    starts = {node["name"] for node in flow["nodes"] if re.search(r"(trigger|webhook)$", node["type"], re.IGNORECASE)} - {"Answer"}
    notes = {node["name"] for node in flow["nodes"] if node["type"].endswith("stickyNote")}
    assert set(names) - targets == starts | notes


@pytest.mark.parametrize("name", IDS)
def test_what_a_flow_names_is_there(name):
    """Nodes in $('...'), flows that it calls, credentials."""
    flow = FLOWS[name]
    names = {node["name"] for node in flow["nodes"]}
    for place, text in strings(flow["nodes"]):
        assert set(re.findall(r"\$\('([^']+)'\)", text)) <= names, place
    for node in flow["nodes"]:
        if node["type"].endswith("executeWorkflow"):
            assert node["parameters"]["workflowId"]["value"] in IDS.values()
        for credential in node.get("credentials", {}).values():
            assert CREDENTIALS[credential["id"]] == credential["name"]
    assert flow["settings"].get("errorWorkflow", "llamaflow-error") in IDS.values()


def test_every_flow_but_the_messengers_has_the_error_workflow():
    assert {name for name, flow in FLOWS.items() if "errorWorkflow" not in flow["settings"]} == {"error", "notify"}


@pytest.mark.parametrize("name", IDS)
def test_no_secret_lies_in_a_flow(name):
    text = (FOLDER / "flows" / f"{name}.json").read_text("utf-8")
    assert not re.search(r"lf_[A-Za-z0-9]{4}|whsec_|Bearer |\$env\b", text, re.IGNORECASE)
    assert not re.search(r"[A-Za-z0-9+/_=]{40}", re.sub(r"https?://\S+", "", text))  # keys look like this; ids have hyphens
    for node in FLOWS[name]["nodes"]:
        assert all(set(credential) == {"id", "name"} for credential in node.get("credentials", {}).values())  # names, never values
        for row in node["parameters"].get("headerParameters", {}).get("parameters", []):
            assert row["name"].lower() not in {"authorization", "x-api-key", "cookie"}


def test_every_call_of_the_gateway_is_authenticated_and_tried_again():
    calls = [node for flow in FLOWS.values() for node in flow["nodes"] if node["type"].endswith("httpRequest")]
    assert len(calls) > 10
    for node in calls:
        assert node["parameters"]["genericAuthType"] == "httpHeaderAuth" and "httpHeaderAuth" in node["credentials"], node["name"]
        assert node["retryOnFail"] and node["maxTries"] == 5, node["name"]


def test_every_webhook_wants_a_token():
    for flow in FLOWS.values():
        for node in flow["nodes"]:
            if node["type"].endswith(".webhook"):
                assert (
                    node["parameters"]["authentication"] == "headerAuth"
                    and node["credentials"]["httpHeaderAuth"]["id"] == "llamaflow-callers"
                )


def test_nothing_of_a_caller_stands_in_a_command():
    """Only the operator's folder and n8n's own ids may be pasted into a shell."""
    commands = [
        node["parameters"]["command"] for flow in FLOWS.values() for node in flow["nodes"] if node["type"].endswith("executeCommand")
    ]
    assert commands
    allowed = {"$('Settings').first().json.folder", "$execution.id", "$workflow.id", "$now.toMillis()"}
    for command in commands:
        assert {inner.strip() for inner in re.findall(r"\{\{(.*?)\}\}", command)} <= allowed


def refused(found: list[tuple[str, str]]) -> str:
    """What JavaScript's own parser says against these expressions."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed")
    return subprocess.run([node, "-e", PARSE], input=json.dumps(found), capture_output=True, text=True, check=True, timeout=60).stdout


def test_all_expressions_parse():
    assert len(expressions()) > 50
    assert refused(expressions()) == ""


def test_a_broken_expression_would_be_noticed():
    assert "here: " in refused([("here", "$json.")])


@pytest.mark.parametrize("name", ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"])
def test_packages_come_from_no_named_host(name):
    text = (FOLDER / name).read_text("utf-8")
    assert not re.search(r"https?://", text)
    assert name != "pnpm-lock.yaml" or re.search(r"^\s+n8n:\n\s+specifier: 2\.41\.1\n", text, re.MULTILINE)
