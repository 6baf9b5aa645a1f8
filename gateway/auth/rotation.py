"""Automatic rotation: a key with rotate_every_s gets its successor in time, and the successor's text a file that only its user may read.

home/keys/<owner_id>.key always holds the newest key of a line that the gateway rotated (mode 0600, replaced in one step). Clients that
read it at each start, or have it mounted, notice nothing; the old key stays good for overlap_s. Clients without that folder rotate
their own key before it is due: POST /api/v1/keys/<id>/rotate answers the new one.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..store.database import Store
from . import audit
from .lifecycle import NotRotatable, due_keys, rotate_key


def rotate_due(store: Store, folder: Path, audit_log: audit.AuditLog) -> list[str]:
    """Ids of the new keys. One transaction a key: what fails for one leaves the others alone."""
    with store.read() as session:
        due = [key.id for key in due_keys(session)]
    made = []
    for key_id in due:
        try:
            with store.write() as session:
                new = rotate_key(session, key_id)
                # Before the commit: a successor whose text is nowhere would lock its user out; a file too early is mended by the next tick.
                write_key(folder / f"{new.row.owner_id}.key", new.text)
        except (LookupError, NotRotatable):
            continue  # another gateway did it
        made.append(new.row.id)
        audit_log.add(audit.row(action="keys.rotate", outcome="done", key_id=key_id, target=new.row.id, detail={"automatic": True}))
    return made


def write_key(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
