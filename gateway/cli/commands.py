"""Commands that ask once: one JSON line, and they are gone."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any
from urllib.parse import quote

from .client import Client
from .exits import Problem, say

API = "/api/v1"


def run_path(run: str) -> str:
    """Its address; whatever it holds, it stays one part of the path."""
    if not run or run in (".", ".."):
        raise Problem("a run's id is missing")
    return f"{API}/runs/{quote(run, safe='')}"


def connect(args: argparse.Namespace) -> Client:
    return Client(args.url, retry_for_s=args.retry_for)


def submit(args: argparse.Namespace) -> int:
    """Start a run. The idempotency key goes with every try, so that a lost answer does not start a second one."""
    request: dict[str, Any] = _file("--request", args.request) if args.request else {}
    request.setdefault("workflow_url", "llamaflow")
    for name, values in (("workflow_params", _params(args)), ("engine_parameters", _engine(args)), ("tags", _pairs(args.tag, "--tag"))):
        request[name] = (request.get(name) or {}) | values
    for name in ("workflow_url", "priority", "resume_url"):
        if value := getattr(args, name):
            request[name] = value
    key = args.idempotency_key or _new_key()
    if not (key.isascii() and key.isprintable()):
        raise Problem("--idempotency-key has printable ASCII characters only")
    with connect(args) as client:
        run = client.call("POST", f"{API}/runs", body=request, headers={"Idempotency-Key": key})
    return say(_brief(run) | {"idempotency_key": key})


def status(args: argparse.Namespace) -> int:
    with connect(args) as client:
        if args.run:
            return say(client.call("GET", run_path(args.run)))
        query: dict[str, Any] = {
            "state": args.state,
            "verdict": args.verdict,
            "tag": [f"{name}:{value}" for name, value in _pairs(args.tag, "--tag").items()],
            "page_size": args.limit,
        }
        answer = client.call("GET", f"{API}/runs", query={name: value for name, value in query.items() if value})
        return say({"runs": [_brief(run) for run in answer["runs"]], "next_page_token": answer.get("next_page_token")})


def cancel(args: argparse.Namespace) -> int:
    return say(_brief(_change(args, "cancel", done=("CANCELING", "CANCELED"))))


def resume(args: argparse.Namespace) -> int:
    return say(_brief(_change(args, "resume", done=("QUEUED", "INITIALIZING", "RUNNING"))))


def retry(args: argparse.Namespace) -> int:
    """A new run; the key of this call makes sure that a lost answer does not start two."""
    with connect(args) as client:
        run = client.call("POST", f"{run_path(args.run)}/retry", headers={"Idempotency-Key": _new_key()})
    return say(_brief(run))


def keys(args: argparse.Namespace) -> int:
    """Creating and rotating is not repeated when the answer is lost: it would leave a key behind whose secret nobody has."""
    path = f"{API}/keys"
    with connect(args) as client:
        match args.action:
            case "me":
                answer = client.call("GET", f"{path}/me")
            case "list":
                answer = client.call("GET", path)
            case "create":
                body = {"name": args.name, "scopes": args.scope} | ({"expires_in_s": int(args.days * 86400)} if args.days else {})
                answer = client.call("POST", path, body=body, again=False)
            case "rotate":
                answer = client.call("POST", f"{path}/{quote(args.key, safe='')}/rotate", again=False)
            case _:
                answer = client.call("DELETE", f"{path}/{quote(args.key, safe='')}")
    return say(answer)


def _new_key() -> str:
    """As good as a UUID, without its import."""
    return os.urandom(16).hex()


def _change(args: argparse.Namespace, action: str, done: tuple[str, ...]) -> dict[str, Any]:
    """Ask for a change. A refusal is none when the run is where it should be: the first try's answer was lost, or another asked, too."""
    with connect(args) as client:
        try:
            return client.call("POST", f"{run_path(args.run)}/{action}")
        except Problem as problem:
            if problem.status_code != 409:
                raise
            run = client.call("GET", run_path(args.run))
            if run["state"] in done:
                return run
            raise


def _brief(run: dict[str, Any]) -> dict[str, Any]:
    """What a list and an answer to a change need."""
    names = ("run_id", "state", "verdict", "percent", "priority", "tags", "created_at", "started_at", "ended_at", "error", "links")
    return {name: run[name] for name in names if run.get(name) is not None}


def _engine(args: argparse.Namespace) -> dict[str, Any]:
    return ({"profile": args.profile} if args.profile else {}) | ({"stub": True} if args.stub else {})


def _params(args: argparse.Namespace) -> dict[str, Any]:
    values = _file("--params-file", args.params_file) if args.params_file else {}
    for name, text in _pairs(args.param, "--param").items():
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise Problem(f"{option} is NAME=VALUE, not {text!r}")
        pairs[name.strip()] = value
    return pairs


def _file(option: str, path: str) -> dict[str, Any]:
    try:
        if path == "-":
            text = sys.stdin.read()
        else:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        if path.endswith((".yaml", ".yml")):
            import yaml

            try:
                values = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(str(error).replace("\n", " ")) from None
        else:
            values = json.loads(text)
    except OSError as error:
        raise Problem(f"{option} {path}: {error.strerror}") from None
    except ValueError as error:
        raise Problem(f"{option} {path}: {error}") from None
    if not isinstance(values, dict):
        raise Problem(f"{option} {path}: it holds an object, names to values")
    return values
