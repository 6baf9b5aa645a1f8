"""What callers do to runs: submit, cancel, resume, retry. Each is one transaction; what is refused leaves nothing behind."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from ..auth.quota import within_quota
from ..context import Gateway
from ..models import promotions
from ..models.registry import ModelRegistry
from ..store.tables import Dataset, Run
from ..webhooks.subscriptions import subscribe
from . import attachments as files
from . import events, parameters
from .datasets import hold
from .paths import Files
from .problems import NotFound, Refused
from .requests import PRIORITIES, RunRequest, nearest, unclean
from .states import FINAL, State, Trigger
from .transitions import lock, move, record

MOST_TAGS = 50


@dataclass(frozen=True)
class Plan:
    """A request that was found good: what its row holds beside the request itself."""

    params: dict[str, Any]
    profiles: list[str]
    datasets: list[str]
    input_bytes: int | None
    places: dict[str, Path]


def submit(gateway: Gateway, request: RunRequest, *, key_id: str, request_id: str = "", idempotency_key: str | None = None) -> Run:
    """A new run, or the one that this idempotency key made before. Raises Refused (400, 422, 429)."""
    return submit_once(gateway, request, key_id=key_id, request_id=request_id, idempotency_key=idempotency_key)[0]


def submit_once(
    gateway: Gateway,
    request: RunRequest,
    *,
    key_id: str,
    request_id: str = "",
    idempotency_key: str | None = None,
    attachments: Sequence[files.Attachment] = (),
    told: dict[str, Any] | None = None,
    problems: Sequence[str] = (),
) -> tuple[Run, bool]:
    """The run and whether it is new.

    told: what else to keep of the request (as a WES caller wrote it, retry_of). problems: what was found wrong before; told with the rest.
    """
    digest = request.digest(files.digests(attachments))
    if idempotency_key and not problems and (known := _known(gateway, key_id, idempotency_key, digest)):
        return known, False
    run_id = str(uuid.uuid4())
    folder = (gateway.settings.home / "runs" / run_id).resolve()
    plan = examine(gateway, request, key_id, folder, [one.name for one in attachments], problems)
    folder.mkdir(parents=True, mode=0o700)
    try:
        files.stage(attachments, plan.places)
        run = _row(gateway, request, plan, folder) | {"id": run_id, "key_id": key_id, "request_id": request_id, "request_digest": digest}
        run = Run(**run, idempotency_key=idempotency_key, request=_kept(request, plan) | (told or {}))
        with gateway.store.write() as session:
            within_quota(session, gateway.settings, key_id)
            hold(session, plan.datasets)
            session.add(run)
            session.flush()
            if request.resume_url:
                subscribe(
                    session, gateway, kind="resume", key_id=key_id, url=request.resume_url, event_types=list(events.ENDED), run_id=run.id
                )
            record(session, run, events.QUEUED, {"priority": request.priority})
    except BaseException as error:
        if _absent(gateway, run_id):
            shutil.rmtree(folder, ignore_errors=True)
        # Another call with the same key was faster: its run is the answer.
        if isinstance(error, IntegrityError) and idempotency_key and (known := _known(gateway, key_id, idempotency_key, digest)):
            return known, False
        raise
    return run, True


def examine(
    gateway: Gateway, request: RunRequest, key_id: str, folder: Path, attached: Sequence[str] = (), known: Sequence[str] = ()
) -> Plan:
    """Look at everything that can be looked at before a run. Raises Refused (400) with all problems."""
    settings = gateway.settings
    places, problems = files.places(folder, attached)
    problems = [*known, *problems]
    if request.workflow_url not in settings.workflow_urls:
        problems.append(f"workflow_url may not be asked for: did you mean {nearest(request.workflow_url, settings.workflow_urls)}?")
    profiles, wrong = parameters.profiles_of(settings, request.engine_parameters.profile)
    problems += wrong
    with gateway.store.read() as session:
        found = Files(settings, places, lambda one: _dataset(session, one, key_id), lambda one: _owns(session, one, key_id))
        params, wrong = parameters.check(settings, request.workflow_params, profiles, found)
    problems += wrong
    params, wrong = _compared(gateway, request, params)
    problems += wrong + _tag_problems(request.tags)
    if request.resume_url:
        problems += _target_problems(gateway, request.resume_url)
    if problems:
        raise Refused(400, *problems)
    return Plan(params, profiles, found.datasets, found.bytes, places)


def cancel(gateway: Gateway, run_id: str) -> Run:
    """Ask a run to end; one that has ended, or is ending, stays as it is. Raises NotFound."""
    with gateway.store.write() as session:
        run = _locked(session, run_id)
        if State(run.state) not in FINAL and run.state != State.CANCELING:
            move(session, run, Trigger.CANCEL)
        return run


def resume(gateway: Gateway, run_id: str) -> Run:
    """The same run goes on where it was (-resume). Raises NotFound, IllegalTransition, Refused (429)."""
    with gateway.store.write() as session:
        run = _locked(session, run_id)
        within_quota(session, gateway.settings, run.key_id)
        move(session, run, Trigger.RESUME)
        return run


def retry(
    gateway: Gateway,
    run_id: str,
    *,
    key_id: str,
    request_id: str = "",
    changes: dict[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> tuple[Run, bool]:
    """A new run from the start with the request of an ended one; changes: parameters that differ, None to leave one out.

    Raises NotFound, Refused (400, 409, 422, 429).
    """
    with gateway.store.read() as session:
        run = session.get(Run, run_id)
        if run is None:
            raise NotFound
        if State(run.state) not in FINAL:
            raise Refused(409, f"a run that is {run.state} cannot be retried: cancel it first")
        kept = run.request
    if kept.get("attachments"):
        raise Refused(409, "a run with attached files cannot be retried: submit it again, or resume it")
    params = kept["workflow_params"] | (changes or {})
    request = RunRequest(
        **{name: kept[name] for name in ("workflow_url", "engine_parameters", "tags", "priority")},
        workflow_params={name: value for name, value in params.items() if value is not None},
    )
    told = {"retry_of": run_id}
    return submit_once(gateway, request, key_id=key_id, request_id=request_id, idempotency_key=idempotency_key, told=told)


def _known(gateway: Gateway, key_id: str, idempotency_key: str, digest: str) -> Run | None:
    """The run that this key made before. Raises Refused (422) when it came with another request then."""
    with gateway.store.read() as session:
        run = session.execute(select(Run).where(Run.key_id == key_id, Run.idempotency_key == idempotency_key)).scalar_one_or_none()
    if run and run.request_digest != digest:
        raise Refused(422, "this Idempotency-Key was used with another request: use a new one")
    return run


def _row(gateway: Gateway, request: RunRequest, plan: Plan, folder: Path) -> dict[str, Any]:
    """Columns that say what is to run, and where."""
    outdir, stub = str(folder / "results"), request.engine_parameters.stub
    gpus = 0 if stub else parameters.gpus(gateway.settings, plan.params, plan.profiles)
    return {
        "state": State.QUEUED.value, "workflow_url": request.workflow_url, "tags": request.tags, "priority": PRIORITIES[request.priority],
        "workflow_params": plan.params | {"outdir": outdir, "registry": str(gateway.settings.registry_folder)},
        "engine_parameters": {"profile": ",".join(plan.profiles), "stub": stub}, "folder": str(folder), "outdir": outdir,
        "resources": {"runs": 1, "gpus": gpus},
    }  # fmt: skip


def _absent(gateway: Gateway, run_id: str) -> bool:
    """Whether the run is certainly not there: a database that goes away at the commit may have kept it."""
    try:
        with gateway.store.read() as session:
            return session.scalar(select(Run.id).where(Run.id == run_id)) is None
    except SQLAlchemyError:
        return False


def _kept(request: RunRequest, plan: Plan) -> dict[str, Any]:
    """The request as it is shown and retried; the resume URL carries a signature and is not in it."""
    kept = request.model_dump(mode="json", exclude={"resume_url"})
    return kept | {"datasets": plan.datasets, "input_bytes": plan.input_bytes, "attachments": sorted(plan.places)}


def _compared(gateway: Gateway, request: RunRequest, params: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Parameters with the promoted version to compare with; pinned here, so that a resumed run compares with the same one."""
    registry = ModelRegistry(gateway.settings.registry_folder)
    asked = params.get("production")
    if isinstance(asked, str) and asked != "none":
        version = registry.version(asked)
        return params, [] if version and not version.withdrawn else [
            "parameter production names no version that is in the registry and not withdrawn"
        ]
    if asked or params.get("mode") == "drift":
        return params, []
    if not request.engine_parameters.compare_production:
        return params | {"production": "none"}, []
    promoted = promotions.current(gateway)
    version = registry.version(promoted) if promoted else None
    return (params | {"production": promoted}, []) if version and version.usable else (params, [])


def _tag_problems(tags: dict[str, str]) -> list[str]:
    problems = [f"more than {MOST_TAGS} tags"] if len(tags) > MOST_TAGS else []
    if any(len(name) > 100 or len(value) > 1000 for name, value in tags.items()):
        problems.append("a tag's name has at most 100 characters, its value 1000")
    return problems + [f"a tag {why}" for why in {unclean(one) for pair in tags.items() for one in pair} if why]


def _target_problems(gateway: Gateway, url: str) -> list[str]:
    from ..webhooks.guard import check_target

    try:
        check_target(gateway.settings, url)
    except ValueError as error:
        return [f"resume_url: {error}"]
    return []


def _dataset(session: Session, dataset_id: str, key_id: str) -> Path | None:
    row = session.execute(select(Dataset.path).where(Dataset.id == dataset_id, Dataset.key_id == key_id, Dataset.deleted_at.is_(None)))
    path = row.scalar_one_or_none()
    return Path(path) if path else None


def _owns(session: Session, run_id: str, key_id: str) -> bool:
    return session.execute(select(Run.id).where(Run.id == run_id, Run.key_id == key_id)).first() is not None


def _locked(session: Session, run_id: str) -> Run:
    run = lock(session, run_id)
    if run is None:
        raise NotFound
    return run
