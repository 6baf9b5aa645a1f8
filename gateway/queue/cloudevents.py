"""An event as the world sees it: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

import json
from typing import Any

from ..settings import Settings
from ..store.tables import Event

CONTENT_TYPE = "application/cloudevents+json"


def cloud_event(settings: Settings, event: Event) -> dict[str, Any]:
    """sequence counts the events of a run from 1 without a hole, number those of all runs."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": settings.url,
        "type": event.type,
        "subject": event.run_id,
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": event.data,
        "sequence": event.sequence,
        "number": event.number,
    }


def encode(event: dict[str, Any]) -> bytes:
    """As sent; the same event always gives the same bytes, so that a retry is signed over what the first attempt carried."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
