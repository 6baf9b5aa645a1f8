"""The registry as the models page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from ..auth.access import Caller
from ..context import Gateway
from ..models import promotions
from ..models.registry import ModelRegistry, Version
from ..store.tables import Run
from .listing import owners
from .view import without_verdict

HISTORY = 20  # promotions shown


@dataclass(frozen=True)
class Registry:
    """versions: newest first; production: the version in use; runs: version -> run that made it; history: newest first."""

    versions: list[Version]
    production: str | None
    runs: dict[str, str]
    history: list[dict[str, Any]]
    names: dict[str, str]  # key_id -> name, for an admin

    @property
    def earlier(self) -> str | None:
        """What a rollback would most likely go back to: only said, the gateway decides."""
        return self.history[0]["previous"] if self.history and self.history[0]["kind"] == "promote" else None


def read(gateway: Gateway, caller: Caller) -> Registry:
    """All of it. Runs that the caller may not see are not named."""
    versions = ModelRegistry(gateway.settings.registry_folder).versions()
    with gateway.store.read() as session:
        made = Run.outputs["version"].as_string()
        rows = session.execute(
            select(made, Run.id, Run.key_id).where(Run.verdict == "accepted", made.in_([one.name for one in versions]))
        ).all()
        runs = {version: run_id for version, run_id, key_id in rows if caller.admin or key_id == caller.key_id}
        names = owners(session, caller)
    return Registry(versions, promotions.current(gateway), runs, promotions.history(gateway, HISTORY), names)


def reason(version: Version) -> str:
    """The gate's sentence."""
    return without_verdict("accepted", str(version.metadata.get("reason") or ""))


def base(version: Version) -> str:
    lineage = version.metadata.get("lineage")
    return str(lineage.get("base") or "") if isinstance(lineage, dict) else ""


def created(version: Version) -> str:
    """ISO time, or ''."""
    return str(version.metadata.get("created") or "")
