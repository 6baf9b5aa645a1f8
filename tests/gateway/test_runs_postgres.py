"""What the run service asks of a database, on PostgreSQL: JSON columns, pages, races."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lives import STUB, lead
from served import at_once

from gateway.context import Gateway, open_gateway
from gateway.models import promotions
from gateway.models.registry import ModelRegistry, write_json
from gateway.runs import datasets, submission, views
from gateway.runs.requests import RunRequest
from gateway.runs.states import Trigger
from gateway.runs.status import read_statuses, read_views

pytestmark = pytest.mark.rig


@dataclass
class Anybody:
    """A caller without HTTP."""

    key_id: str = "k"
    admin: bool = False

    def may_see(self, row: Any) -> bool:
        return row.key_id == self.key_id


@pytest.fixture
def gateway(postgres_database, make_settings) -> Iterator[Gateway]:
    opened = open_gateway(make_settings(database_url=postgres_database))
    yield opened
    opened.close()


def submitted(gateway: Gateway, **changes) -> str:
    return submission.submit(gateway, RunRequest(**STUB | changes), key_id="k").id


def test_lists_filters_and_status(gateway):
    ids = [submitted(gateway, tags={"n": str(number % 2), "d.o-t": "ação 'x'"}) for number in range(5)]
    lead(gateway, ids[0], Trigger.CLAIM, Trigger.LAUNCHED, progress={"PREPARE": {"done": 1}}, error="ü\"'")
    found, token = [], None
    while token != "":
        page = views.list_runs(gateway, Anybody(), size=2, page_token=token)
        found += [run["run_id"] for run in page["runs"]]
        token = page["next_page_token"]
    assert found == ids[::-1]

    def ask(**asked) -> list[str]:
        return [run["run_id"] for run in views.list_runs(gateway, Anybody(), **asked)["runs"]]

    assert ask(tag=["n:1"]) == [ids[3], ids[1]]
    assert ask(tag=["d.o-t:ação 'x'", "n:1"]) == [ids[3], ids[1]]
    assert ask(state=["RUNNING"], silent=False) == [ids[0]]
    assert views.counts(gateway, Anybody())["QUEUED"] == 4
    assert views.counts(gateway, Anybody(key_id="other"))["QUEUED"] == 0
    assert b'"progress":{"PREPARE": {"done": 1}}' in read_statuses(gateway.store, ids)[ids[0]].full
    assert set(read_views(gateway.store, [*ids, "none"])) == set(ids)


def test_one_idempotency_key_in_a_race_is_one_run(gateway):
    found = at_once(8, lambda: submission.submit_once(gateway, RunRequest(**STUB), key_id="k", idempotency_key="same"))
    assert len({run.id for run, _ in found}) == 1
    assert sum(new for _, new in found) == 1
    assert len(list((gateway.settings.home / "runs").iterdir())) == 1


def test_promotions_at_once_leave_table_and_file_alike(gateway):
    registry = ModelRegistry(gateway.settings.registry_folder)
    names = [f"v1.{number}.0" for number in range(8)]
    for name in names:
        write_json(registry.fine_tuned / name / "metadata.json", {"verdict": "accepted"})
    threads = [threading.Thread(target=promotions.promote, args=(gateway, name), kwargs={"key_id": "k"}) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.said_production()["version"] == promotions.current(gateway)
    rows = promotions.history(gateway)[::-1]
    assert [row["previous"] for row in rows] == [None, *(row["version"] for row in rows[:-1])]


def test_a_data_set_used_and_deleted(gateway):
    upload = datasets.Upload(gateway, "a.jsonl")
    upload.write(b"{}")
    row = upload.finish("k")
    upload.close()
    run = submitted(gateway, workflow_params={"input": f"dataset:{row.id}"})
    with pytest.raises(Exception, match="not ended uses"):
        datasets.delete(gateway, row.id, Anybody())
    submission.cancel(gateway, run)
    datasets.delete(gateway, row.id, Anybody())
    assert datasets.page(gateway, Anybody(), None, None) == ([], "")
