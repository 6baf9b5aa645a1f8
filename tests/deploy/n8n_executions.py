"""n8n's execution data as it lies in PostgreSQL: what really ran, how often, with which result."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import psycopg


@dataclass(frozen=True)
class Execution:
    """One execution of a flow. runs: node -> its runs, each {"data": {"main": [[{"json": ...}]]}, "executionStatus": ...}."""

    id: str
    flow: str
    status: str
    mode: str
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How often each node ran."""
        return {node: len(runs) for node, runs in self.runs.items()}

    def output(self, node: str, branch: int = 0) -> dict[str, Any]:
        """JSON of the first item that a node put out the last time it ran."""
        return self.runs[node][-1]["data"]["main"][branch][0]["json"]


class Executions:
    """Reads the tables; works while n8n is down, too."""

    def __init__(self, url: str):
        self._url = url.replace("postgresql+psycopg://", "postgresql://")

    def of(self, flow: str, after: int = 0) -> list[Execution]:
        """Executions of a flow (by its id) with a number above ``after``, oldest first."""
        rows = self._rows(
            'SELECT e.id, e.status, e.mode, d.data FROM execution_entity e JOIN execution_data d ON d."executionId" = e.id '
            'WHERE e."workflowId" = %s AND e.id > %s ORDER BY e.id',
            flow,
            after,
        )
        return [_execution(str(number), flow, status, mode, data) for number, status, mode, data in rows]

    def last(self) -> int:
        """The highest number so far."""
        return self._rows("SELECT coalesce(max(id), 0) FROM execution_entity")[0][0]

    def published(self) -> dict[str, str]:
        """Flow id -> name, of those that are active."""
        return dict(self._rows("SELECT id, name FROM workflow_entity WHERE active"))

    def credentials(self) -> list[str]:
        """What n8n keeps of the credentials: encrypted."""
        return [data for (data,) in self._rows("SELECT data FROM credentials_entity")]

    def _rows(self, statement: str, *values: Any) -> list[tuple]:
        with psycopg.connect(self._url) as connection:
            return connection.execute(statement, values).fetchall()


def _execution(number: str, flow: str, status: str, mode: str, data: str) -> Execution:
    result = unflatten(data).get("resultData", {})
    return Execution(number, flow, status, mode, result.get("runData", {}), result.get("error"))


def unflatten(text: str) -> Any:
    """The value of a text by the npm package flatted: a list of values, in which a string inside another value is a number in that list."""
    values = json.loads(text)
    done: dict[int, Any] = {}

    def value(index: int) -> Any:
        if index not in done:
            raw = values[index]
            if isinstance(raw, dict):
                done[index] = made = {}
                made.update({key: inner(one) for key, one in raw.items()})
            elif isinstance(raw, list):
                done[index] = made = []
                made.extend(inner(one) for one in raw)
            else:
                done[index] = raw
        return done[index]

    def inner(one: Any) -> Any:
        return value(int(one)) if isinstance(one, str) else one

    return value(0)
