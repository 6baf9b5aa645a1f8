"""Versions of the registry: promoted, rolled back, compared with, reviewed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from lives import STUB, lead
from sqlalchemy import func, select

from gateway.models import promotions
from gateway.models.registry import ModelRegistry
from gateway.runs.problems import Refused
from gateway.runs.states import Trigger
from gateway.store.tables import Promotion, Run


@pytest.fixture
def registered(gateway):
    """registered("v1.0.0", verdict=...) -> the folder of a version as REGISTER leaves it; a digest makes an experiment."""

    def make(name: str, verdict: str = "accepted", base: str = "b", data: str = "d") -> Path:
        kind = "fine-tuned" if name.startswith("v") else "experiments/lora-adapters"
        folder = gateway.settings.registry_folder / "models" / kind / name
        folder.mkdir(parents=True)
        lineage = {"base": "smol", "base_digest": base, "data_digest": data, "adapter_digest": f"digest of {name}"}
        (folder / "metadata.json").write_text(json.dumps({"verdict": verdict, "version": name, "lineage": lineage}))
        (folder / "adapter_model.safetensors").write_bytes(b"weights")
        return folder

    return make


def in_production(gateway) -> str | None:
    said = ModelRegistry(gateway.settings.registry_folder).said_production()
    assert (said or {}).get("version") == promotions.current(gateway)
    return promotions.current(gateway)


def test_versions_newest_first(as_key, registered, gateway):
    api = as_key("runs:read")
    assert api.get("/api/v1/models").json() == {"models": [], "aliases": {"production": None}, "history": []}
    for name in ("v1.9.0", "v1.10.0", "v1.2.0"):
        folder = registered(name)
    (folder.parent / "v1.2.0.withdrawn.json").write_text("{}")
    (folder.parent / ".part-x").mkdir()
    (folder.parent / "v3.0.0").mkdir()  # without metadata: not finished, or broken
    found = api.get("/api/v1/models").json()["models"]
    assert [(one["version"], one["usable"], one["withdrawn"]) for one in found] == [
        ("v1.10.0", True, False), ("v1.9.0", True, False), ("v1.2.0", False, True),
    ]  # fmt: skip
    assert api.get("/api/v1/models/v1.9.0").json() == found[1]
    for name in ("v9.9.9", "..", "x", "v1.9.0%2f..", "v1.9.0.withdrawn.json"):
        assert api.get(f"/api/v1/models/{name}").status_code == 404, name


def test_promote_and_roll_back(as_key, registered, gateway):
    api = as_key("models:promote")
    for name in ("v1.0.0", "v1.1.0", "v1.2.0"):
        registered(name)
    assert api.post("/api/v1/models/rollback").status_code == 409
    for name in ("v1.0.0", "v1.1.0", "v1.2.0"):
        answer = api.post(f"/api/v1/models/{name}/promote", json={"reason": "better"})
        assert (answer.status_code, answer.json()["production"]) == (200, True)
        assert in_production(gateway) == name
    assert api.post("/api/v1/models/v1.2.0/promote").status_code == 200  # again: no second row
    said = json.loads((gateway.settings.registry_folder / "models" / "production.json").read_text())
    assert (said["version"], said["adapter_digest"]) == ("v1.2.0", "digest of v1.2.0")
    assert Path(said["path"]).is_dir()
    # Back step by step, not to and fro.
    assert api.post("/api/v1/models/rollback", json={"reason": "worse"}).json()["version"] == "v1.1.0"
    assert api.post("/api/v1/models/rollback").json()["version"] == "v1.0.0"
    assert api.post("/api/v1/models/rollback").status_code == 409
    assert in_production(gateway) == "v1.0.0"
    assert api.post("/api/v1/models/v1.2.0/promote").json()["version"] == "v1.2.0"
    assert api.post("/api/v1/models/rollback").json()["version"] == "v1.0.0"
    history = [(one["kind"], one["previous"], one["version"]) for one in api.get("/api/v1/models").json()["history"]]
    assert history == [
        ("rollback", "v1.2.0", "v1.0.0"), ("promote", "v1.0.0", "v1.2.0"), ("rollback", "v1.1.0", "v1.0.0"),
        ("rollback", "v1.2.0", "v1.1.0"), ("promote", "v1.1.0", "v1.2.0"), ("promote", "v1.0.0", "v1.1.0"), ("promote", None, "v1.0.0"),
    ]  # fmt: skip


def test_what_may_not_go_into_production(as_key, registered, gateway):
    api = as_key("models:promote")
    registered("v1.0.0", verdict="needs_review")
    withdrawn = registered("v1.1.0")
    (withdrawn.parent / "v1.1.0.withdrawn.json").write_text("{}")
    registered("v1.2.0")
    assert [api.post(f"/api/v1/models/{name}/promote").status_code for name in ("v1.0.0", "v1.1.0", "v9.0.0", "x")] == [409, 409, 404, 404]
    for scope in ("runs:read", "runs:write", "datasets"):
        assert as_key(scope).post("/api/v1/models/v1.2.0/promote").status_code == 403
        assert as_key(scope).post("/api/v1/models/rollback").status_code == 403
    assert api.post("/api/v1/models/v1.2.0/promote", json={"reason": "\u0000"}).status_code == 400
    assert api.post("/api/v1/models/v1.2.0/promote", json={"raeson": "x"}).status_code == 422
    assert in_production(gateway) is None


def test_rollback_passes_what_is_withdrawn_or_gone(as_key, registered, gateway):
    api = as_key("models:promote")
    folders = {name: registered(name) for name in ("v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0")}
    for name in folders:
        api.post(f"/api/v1/models/{name}/promote")
    (folders["v1.2.0"].parent / "v1.2.0.withdrawn.json").write_text("{}")
    folders["v1.1.0"].rename(folders["v1.1.0"].parent / "gone")
    assert api.post("/api/v1/models/rollback").json()["version"] == "v1.0.0"


def test_promotions_at_once_leave_table_and_file_alike(registered, gateway):
    names = [f"v1.{number}.0" for number in range(8)]
    for name in names:
        registered(name)
    threads = [threading.Thread(target=promotions.promote, args=(gateway, name), kwargs={"key_id": "k"}) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert in_production(gateway) in names
    with gateway.store.read() as session:
        rows = session.execute(select(Promotion.version, Promotion.previous).order_by(Promotion.number)).all()
    assert [row.previous for row in rows] == [None, *(row.version for row in rows[:-1])]


def test_the_file_is_set_right_after_a_crash(registered, gateway):
    registered("v1.0.0")
    promotions.promote(gateway, "v1.0.0", key_id="k")
    registry = ModelRegistry(gateway.settings.registry_folder)
    registry.say_production({"version": "v9.9.9"})
    promotions.publish(gateway)
    assert in_production(gateway) == "v1.0.0"
    registry.say_production(None)
    promotions.publish(gateway)
    assert in_production(gateway) == "v1.0.0"


def test_runs_are_compared_with_production(as_key, registered, gateway):
    api = as_key()

    def asked_with(params: dict, **engine) -> str | None:
        body = {"workflow_params": params, "engine_parameters": STUB["engine_parameters"] | engine}
        answer = api.post("/api/v1/runs", json=body)
        assert answer.status_code == 201, answer.text
        with gateway.store.read() as session:
            return session.get(Run, answer.json()["run_id"]).workflow_params.get("production")

    assert asked_with({}) is None
    folder = registered("v1.0.0")
    registered("v1.1.0")
    api.post("/api/v1/models/v1.0.0/promote")
    assert asked_with({}) == "v1.0.0"
    assert asked_with({}, compare_production=False) == "none"
    assert asked_with({"production": "v1.1.0"}) == "v1.1.0"
    assert asked_with({"production": "none"}) == "none"
    assert api.post("/api/v1/runs", json=STUB | {"workflow_params": {"production": "v7.0.0"}}).status_code == 400
    (folder.parent / "v1.0.0.withdrawn.json").write_text("{}")
    assert asked_with({}) is None  # the pipeline then takes the newest


@pytest.fixture
def undecided(as_key, gateway, registered):
    """id of a run whose gate could not decide, its adapter an experiment."""
    registered("0123456789abcdef", verdict="needs_review")
    run_id = as_key().post("/api/v1/runs", json=STUB).json()["run_id"]
    outputs = {"verdict": "needs_review", "registered": "0123456789abcdef"}
    lead(gateway, run_id, Trigger.CLAIM, Trigger.LAUNCHED, Trigger.FINISHED, verdict="needs_review", outputs=outputs)
    return run_id


def test_a_person_approves(as_key, undecided, registered, gateway):
    api = as_key("models:promote")
    registered("v1.4.2", data="other")
    answer = api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "approve", "reviewer": "quality", "reason": "read 40 answers"})
    assert (answer.status_code, answer.json()["version"]) == (200, "v1.5.0")  # other data: a minor step
    assert in_production(gateway) == "v1.5.0"
    folder = gateway.settings.registry_folder / "models" / "fine-tuned" / "v1.5.0"
    metadata = json.loads((folder / "metadata.json").read_text())
    assert (metadata["verdict"], metadata["version"], metadata["review"]["reviewer"]) == ("accepted", "v1.5.0", "quality")
    assert (folder / "adapter_model.safetensors").read_bytes() == b"weights"
    assert as_key().get(f"/api/v1/runs/{undecided}").json()["outputs"]["review"] == answer.json()
    # Again is the same, the other decision is too late.
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "approve"}).json() == answer.json()
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "reject"}).status_code == 409
    with gateway.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Promotion)) == 1


def test_a_person_rejects(as_key, undecided, gateway):
    api = as_key("models:promote")
    assert as_key("runs:write").post(f"/api/v1/runs/{undecided}/review", json={"decision": "reject"}).status_code == 403
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "reject", "reason": "rude"}).json()["reason"] == "rude"
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "approve"}).status_code == 409
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "maybe"}).status_code == 422
    assert not (gateway.settings.registry_folder / "models" / "fine-tuned").exists()


def test_only_the_undecided_are_reviewed(as_key, gateway):
    api = as_key()
    run = api.post("/api/v1/runs", json=STUB).json()["run_id"]
    assert api.post(f"/api/v1/runs/{run}/review", json={"decision": "approve"}).status_code == 409
    assert api.post("/api/v1/runs/none/review", json={"decision": "approve"}).status_code == 404


def test_an_approval_goes_on_after_a_crash(as_key, undecided, gateway, monkeypatch):
    api = as_key("models:promote")

    def stop(*_args, **_named):
        raise Refused(409, "stopped here")

    for step in ("gateway.models.review._accepted", "gateway.models.promotions.promote"):
        with monkeypatch.context() as patched:
            patched.setattr(step, stop)
            assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "approve"}).status_code == 409
    assert api.post(f"/api/v1/runs/{undecided}/review", json={"decision": "approve"}).json()["version"] == "v1.0.0"
    assert in_production(gateway) == "v1.0.0"


def test_the_same_adapter_is_one_version(registered, gateway):
    registered("0123456789abcdef")
    registry = ModelRegistry(gateway.settings.registry_folder)
    made = [registry.accept(registry.experiment("0123456789abcdef"), {}).name for _ in range(2)]
    assert made == ["v1.0.0", "v1.0.0"]
    assert not list((gateway.settings.registry_folder / "models" / "fine-tuned").glob(".part-*"))
