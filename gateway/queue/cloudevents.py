"""An event as the world sees it: CloudEvents 1.0, structured JSON."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ..settings import Settings
from ..store.tables import Event, utc_text

CONTENT_TYPE = "application/cloudevents+json"


def cloud_event(settings: Settings, event: Event) -> dict[str, Any]:
    """sequence counts the events of a run from 1 without a hole, number those of all runs."""
    told = envelope(settings, id=event.id, kind=event.type, subject=event.run_id, time=event.time, data=event.data)
    return told | {"sequence": event.sequence, "number": event.number}


def envelope(settings: Settings, *, id: str, kind: str, subject: str, time: dt.datetime, data: dict[str, Any]) -> dict[str, Any]:
    """What every CloudEvent of ours has."""
    return {
        "specversion": "1.0", "id": id, "source": settings.url, "type": kind, "subject": subject, "time": utc_text(time),
        "datacontenttype": "application/json", "data": data,
    }  # fmt: skip


def encode(event: dict[str, Any]) -> bytes:
    """As sent; the same event always gives the same bytes, so that a retry is signed over what the first attempt carried."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
