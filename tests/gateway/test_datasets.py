"""Uploads: streamed, checked, used by name, and gone when deleted."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from lives import STUB
from sqlalchemy.exc import IntegrityError

from gateway.runs import datasets
from gateway.store.tables import Dataset, Run

RECORDS = b'{"messages": []}\n' * 1000


def uploaded(api, content: bytes = RECORDS, name: str = "a.jsonl", **query) -> dict:
    answer = api.post("/api/v1/datasets", params={"name": name, **query}, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def pieces():
    for _ in range(50):
        yield b"x" * 1000


def test_an_upload_is_kept_for_its_owner_alone(as_key, gateway):
    api = as_key("datasets")
    digest = hashlib.sha256(RECORDS).hexdigest()
    made = uploaded(api, sha256=digest.upper())
    assert (made["sha256"], made["bytes"], made["name"], made["reference"]) == (
        digest,
        len(RECORDS),
        "a.jsonl",
        f"dataset:{made['dataset_id']}",
    )
    path = gateway.settings.home / "datasets" / made["dataset_id"] / "a.jsonl"
    assert path.read_bytes() == RECORDS
    assert [oct(one.stat().st_mode)[-3:] for one in (path, path.parent, path.parent.parent)] == ["600", "700", "700"]
    assert api.get(f"/api/v1/datasets/{made['dataset_id']}").json() == made
    assert api.get("/api/v1/datasets").json() == {"datasets": [made], "next_page_token": ""}
    other = as_key("datasets")
    assert other.get("/api/v1/datasets").json()["datasets"] == []
    assert other.get(f"/api/v1/datasets/{made['dataset_id']}").status_code == 404
    assert other.delete(f"/api/v1/datasets/{made['dataset_id']}").status_code == 404
    assert as_key("runs:read").get("/api/v1/datasets").status_code == 403
    assert as_key("runs:write").post("/api/v1/datasets?name=x", content=b"x").status_code == 403


def test_a_body_of_unknown_length_comes_in_pieces(as_key):
    answer = as_key("datasets").post("/api/v1/datasets?name=x.txt", content=pieces())
    assert (answer.status_code, answer.json()["bytes"]) == (201, 50_000)


@pytest.mark.parametrize(
    ("query", "content", "status"),
    [
        ("name=a.jsonl&sha256=" + "0" * 64, b"x", 400),
        ("name=a.jsonl", b"", 400),
        ("name=../a.jsonl", b"x", 400),
        ("name=b/a.jsonl", b"x", 400),
        ("name=%00", b"x", 201),  # under a harmless name
        ("name=a.jsonl&sha256=x", b"x", 422),
        ("", b"x", 422),
    ],
)
def test_what_is_refused_leaves_no_file(as_key, gateway, query, content, status):
    assert as_key("datasets").post(f"/api/v1/datasets?{query}", content=content).status_code == status
    left = [path for path in (gateway.settings.home / "datasets").rglob("*") if path.is_file()]
    assert len(left) == (status == 201)


def test_a_form_is_told_to_send_the_file_itself(as_key):
    answer = as_key("datasets").post("/api/v1/datasets?name=x", files={"file": b"x"})
    assert answer.status_code == 400
    assert "octet-stream" in answer.json()["msg"]


def test_too_large_an_upload(as_key, gateway):
    object.__setattr__(gateway.settings, "max_upload_bytes", 10_000)
    for content in (b"x" * 10_001, pieces()):
        assert as_key("datasets").post("/api/v1/datasets?name=x", content=content).status_code == 413
    assert not any(path.is_file() for path in (gateway.settings.home / "datasets").rglob("*"))


def test_parts_of_killed_uploads_are_swept(as_key, gateway):
    root = gateway.settings.home / "datasets"
    root.mkdir(parents=True)
    old, fresh = root / ".part-old", root / ".part-fresh"
    for part in (old, fresh):
        part.write_bytes(b"raw records")
    os.utime(old, (time.time() - 100_000,) * 2)
    uploaded(as_key("datasets"))
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_run_reads_it_by_its_name(as_key, gateway):
    api = as_key("datasets", "runs:read", "runs:write")
    one, two = uploaded(api), uploaded(api, b"q,a\n", "b.csv")
    params = {"input": f"{one['reference']},{two['reference']}"}
    run = api.post("/api/v1/runs", json={"workflow_params": params}).json()
    assert run["params"] == params  # shown as it was asked for
    with gateway.store.read() as session:
        row = session.get(Run, run["run_id"])
    paths = [Path(text) for text in row.workflow_params["input"].split(",")]
    assert [path.read_bytes() for path in paths] == [RECORDS, b"q,a\n"]
    assert row.request["input_bytes"] == len(RECORDS) + 4
    assert as_key("datasets", "runs:write").post("/api/v1/runs", json={"workflow_params": params}).status_code == 400
    # Gone only when no run needs it any more.
    assert api.delete(f"/api/v1/datasets/{one['dataset_id']}").status_code == 409
    api.post(f"/api/v1/runs/{run['run_id']}/cancel")
    assert api.delete(f"/api/v1/datasets/{one['dataset_id']}").status_code == 204
    assert not paths[0].exists()
    assert api.get(f"/api/v1/datasets/{one['dataset_id']}").status_code == 404
    assert api.delete(f"/api/v1/datasets/{one['dataset_id']}").status_code == 404
    assert api.post(f"/api/v1/runs/{run['run_id']}/retry").status_code == 400
    assert api.post("/api/v1/runs", json=STUB | {"workflow_params": {"input": one["reference"]}}).status_code == 400


def test_a_row_that_could_not_be_written(gateway):
    upload = datasets.Upload(gateway, "a.jsonl")
    upload.write(b"x")
    with gateway.store.write() as session:  # the same id is there already
        session.add(Dataset(id=upload._id, name="b", path="/none", sha256="0", bytes=1, key_id="k"))
    with pytest.raises(IntegrityError):
        upload.finish("k")
    upload.close()
    # A row of that id is there, so the file stays: better one too many than a data set without its records.
    assert [path.name for path in (gateway.settings.home / "datasets").rglob("*") if path.is_file()] == ["a.jsonl"]


def test_pages(as_key):
    api = as_key("datasets")
    made = [uploaded(api, name=f"{number}.jsonl")["dataset_id"] for number in range(5)]
    found, token = [], ""
    while True:
        page = api.get("/api/v1/datasets", params={"page_size": 2, "page_token": token}).json()
        found += [one["dataset_id"] for one in page["datasets"]]
        token = page["next_page_token"]
        if not token:
            break
    assert found == made[::-1]
    assert api.get("/api/v1/datasets?page_token=zzz").status_code == 400
