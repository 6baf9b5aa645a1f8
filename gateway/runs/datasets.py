"""Uploaded records: home/datasets/<id>/<name>, for the owner of the process alone; they are raw and may be personal."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ..context import Gateway
from ..store.tables import Dataset, Run, now
from .attachments import BadName, safe_name
from .listing import page_size, position, time_of, token
from .problems import NotFound, Refused
from .states import FINAL
from .views import iso

ABANDONED_S = 86400  # a part that nobody writes to any more


class Upload:
    """A file that is coming: write(), then finish(); close() in any case. Nothing is left of one that was not finished."""

    def __init__(self, gateway: Gateway, name: str):
        try:
            self.name = safe_name(name)
        except BadName:
            raise Refused(400, "name has to be a file name") from None
        if "/" in self.name:
            raise Refused(400, "name has to be a file name, without folders")
        self._gateway = gateway
        self._id = f"ds{uuid.uuid4().hex[:20]}"
        self._root = (gateway.settings.home / "datasets").resolve()
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(self._root)
        self._part = self._root / f".part-{self._id}"
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._hash, self._bytes = hashlib.sha256(), 0

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)
        self._bytes += len(piece)

    def finish(self, key_id: str, sha256: str | None = None) -> Dataset:
        """The row of the complete file. Raises Refused (400) for an empty one or another checksum than the caller's."""
        if not self._bytes:
            raise Refused(400, "the body is empty")
        if sha256 and sha256 != self._hash.hexdigest():
            raise Refused(400, "the content that came has another sha256: send it again")
        self._file.flush()
        os.fsync(self._file.fileno())
        folder = self._root / self._id
        folder.mkdir(mode=0o700)
        os.rename(self._part, folder / self.name)
        row = Dataset(
            id=self._id, name=self.name, path=str(folder / self.name), sha256=self._hash.hexdigest(), bytes=self._bytes, key_id=key_id,
            created_at=now(),
        )  # fmt: skip
        try:
            with self._gateway.store.write() as session:
                session.add(row)
        except BaseException:
            if self._absent():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return row

    def _absent(self) -> bool:
        """Whether the row is certainly not there: a database that goes away at the commit may have kept it."""
        try:
            with self._gateway.store.read() as session:
                return session.get(Dataset, self._id) is None
        except SQLAlchemyError:
            return False

    def close(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


def _sweep(root: Path) -> None:
    """Parts that a killed process left behind."""
    for part in root.glob(".part-*"):
        try:
            if time.time() - part.stat().st_mtime > ABANDONED_S:
                part.unlink(missing_ok=True)
        except OSError:
            continue


def view(row: Dataset) -> dict[str, Any]:
    return {
        "dataset_id": row.id, "name": row.name, "sha256": row.sha256, "bytes": row.bytes, "created_at": iso(row.created_at),
        "reference": f"dataset:{row.id}",
    }  # fmt: skip


def find(gateway: Gateway, dataset_id: str, caller: Any) -> Dataset:
    """Raises NotFound, for what may not be seen, too."""
    with gateway.store.read() as session:
        row = session.get(Dataset, dataset_id)
    if row is None or row.deleted_at is not None or not caller.may_see(row):
        raise NotFound("data set")
    return row


def page(gateway: Gateway, caller: Any, size: int | None, page_token: str | None) -> tuple[list[Dataset], str]:
    """Newest first, and the token of the next page ('' at the end)."""
    count = page_size(size)
    query = select(Dataset).where(Dataset.deleted_at.is_(None)).order_by(Dataset.created_at.desc(), Dataset.id.desc()).limit(count + 1)
    if not caller.admin:
        query = query.where(Dataset.key_id == caller.key_id)
    if page_token:
        created, last = position(page_token, str, str)
        time = time_of(created)
        query = query.where((Dataset.created_at < time) | ((Dataset.created_at == time) & (Dataset.id < last)))
    with gateway.store.read() as session:
        rows = list(session.execute(query).scalars())
    more, rows = len(rows) > count, rows[:count]
    return rows, token(rows[-1].created_at.isoformat(), rows[-1].id) if more else ""


def hold(session: Session, dataset_ids: Sequence[str]) -> None:
    """In the transaction of a run that uses them: none of them is deleted meanwhile. Raises Refused (400) when one is gone."""
    query = select(Dataset.id).where(Dataset.id.in_(dataset_ids), Dataset.deleted_at.is_(None)).with_for_update(read=True)
    if dataset_ids and set(session.execute(query).scalars()) != set(dataset_ids):
        raise Refused(400, "a data set was deleted just now")


def delete(gateway: Gateway, dataset_id: str, caller: Any) -> None:
    """The file first marked as gone, then gone. Raises NotFound, Refused (409)."""
    row = find(gateway, dataset_id, caller)
    with gateway.store.write() as session:
        session.execute(select(Dataset.id).where(Dataset.id == dataset_id).with_for_update())  # no run takes it up meanwhile
        for request in session.execute(
            select(Run.request).where(Run.key_id == row.key_id, Run.state.not_in([one.value for one in FINAL]))
        ).scalars():
            if dataset_id in (request or {}).get("datasets", ()):
                raise Refused(409, "a run that has not ended uses this data set")
        session.execute(update(Dataset).where(Dataset.id == dataset_id).values(deleted_at=now()))
    shutil.rmtree(Path(row.path).parent, ignore_errors=True)
