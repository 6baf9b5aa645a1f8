"""One launch of one run, from its claim to its end. Polled by the worker; never waits; every write is behind the lease."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import update

from ..launchers import Launch, Launcher, LauncherError, Phase
from ..launchers.base import last_activity, launch_folder
from ..launchers.executors import cancel_tasks
from ..runs import events
from ..runs.command import Unlaunchable, child_environment, config_text, nextflow_command, params_text
from ..runs.outputs import read_outputs
from ..runs.states import State, Trigger
from ..runs.transitions import move, record
from ..settings import Settings
from ..store.tables import Run, now
from .claims import Claims
from .endings import End, backoff_s, describe, failure, trigger_of
from .observer import Observer

PROGRESS_S = 1.0  # at most one progress event a second
log = structlog.get_logger("gateway.worker")


class Supervisor:
    """Knows nothing that another worker could not find out from the database and the launch folder."""

    def __init__(self, settings: Settings, launcher: Launcher, claims: Claims, run: Run):
        self.settings, self.launcher, self.claims = settings, launcher, claims
        self.id, self.number = run.id, run.launches
        self.folder = Path(run.folder).resolve()
        self.log = log.bind(run_id=run.id, request_id=run.request_id, launch=run.launches)
        self.observer = Observer(self.folder, self.number)
        # A handle in the row may be that of an earlier launch.
        self.handle: dict[str, Any] | None = run.launcher if run.launcher.get("launch") == run.launches else None
        self._written: tuple | None = None  # progress and session as the row has them
        self._progress_at = self._beat_at = self._detail_at = 0.0  # monotonic
        self._term_at: float | None = None
        self._clear_at: float | None = None
        self._tasks_canceled = False

    def begin(self, run: Run) -> None:
        """Start the launch that was claimed just now."""
        try:
            command = nextflow_command(self.settings, run)
        except Unlaunchable as problem:
            return self._give_up(str(problem))
        try:
            self._write_files(run)
        except OSError as problem:
            return self._lose(End(None), f"its folder cannot be written: {problem.strerror}")
        try:
            launch = Launch(self.id, self.folder, self.number, command, child_environment(self.settings, run, os.environ))
            handle = self.launcher.start(launch)
        except LauncherError as problem:
            # A request whose answer was lost may have got through. What cannot be told yet stays INITIALIZING and is looked for.
            handle = self.launcher.find(self.id, self.folder, self.number)
            if handle is None:
                return self._lose(End(None), str(problem))
        self.handle = handle | {"launch": self.number}
        self.log.info("launched", handle=self.handle)
        self._note_launch()

    def poll(self, run: Run) -> None:
        """Look, and write what changed. run: the row as read a moment ago."""
        if self.handle is None:
            self._find()
        elif run.launcher.get("launch") != self.number:
            self._note_launch()  # the database was away when it began
        else:
            look = self.launcher.look(self.handle, self.folder, self.number)
            self.observer.read()
            if look.phase in (Phase.RUNNING, Phase.UNKNOWN):
                self._watch(run, look.phase)
            elif self._cleared(run, look.exit_code):
                self._end(run, look.exit_code)

    def close(self) -> None:
        self.observer.close()

    def _write_files(self, run: Run) -> None:
        own = launch_folder(self.folder, self.number)
        own.mkdir(parents=True, exist_ok=True)
        for path, text in ((self.folder / "params.json", params_text(run)), (own / "run.config", config_text(run))):
            new = path.with_name(f"{path.name}.{os.getpid()}")
            new.write_text(text, encoding="utf-8")
            new.replace(path)

    def _find(self) -> None:
        """The worker before us died between its claim and its note: did it launch?"""
        found = self.launcher.find(self.id, self.folder, self.number)
        if found is not None:
            self.handle = found | {"launch": self.number}
            self.log.info("adopted a launch that nobody had noted", handle=self.handle)
            return self._note_launch()
        with self.claims.guard(self.id) as (session, run):
            if run.state == State.CANCELING:
                move(session, run, Trigger.STOPPED)
            else:
                place = run.queued_at
                move(session, run, Trigger.RELEASE, not_before=now() + dt.timedelta(seconds=self.settings.backoff_s))
                session.execute(update(Run).where(Run.id == run.id).values(queued_at=place))  # nothing happened: it keeps its place

    def _note_launch(self) -> None:
        with self.claims.guard(self.id) as (session, run):
            if run.state == State.INITIALIZING:
                columns = {"launcher": self.handle, "started_at": run.started_at or now(), "heartbeat_at": now(), "silent_since": None}
                move(session, run, Trigger.LAUNCHED, {"launches": run.launches}, **columns)
            else:  # canceled meanwhile
                session.execute(update(Run).where(Run.id == run.id).values(launcher=self.handle, version=run.version + 1))

    def _watch(self, run: Run, phase: Phase) -> None:
        clock = time.monotonic()
        if run.state == State.CANCELING:
            self._stop(clock)
        if clock - self._progress_at >= PROGRESS_S:
            self._progress_at = clock
            self._note_progress(run, clock)
            self._note_silence(run)
        if phase == Phase.RUNNING and clock - self._beat_at >= self.settings.heartbeat_s:
            self._beat_at = clock
            usage = self.launcher.usage(self.handle) | {"tasks": len(self.observer.tracker.running)}
            self._set(heartbeat_at=now(), usage=usage)

    def _stop(self, clock: float) -> None:
        """TERM, so that Nextflow cancels its tasks on every executor; KILL after the grace time, again until nothing is left."""
        if self._term_at is None:
            if self.launcher.stop(self.handle):
                self._term_at = clock
                self.log.info("told to stop")
        elif clock - self._term_at > self.settings.cancel_grace_s:
            self.launcher.clear(self.handle, self.id, self.number, force=True)

    def _note_progress(self, run: Run, clock: float) -> None:
        """Counts at once; how far a task is inside only with every heartbeat, or a long training would fill the table of events."""
        tracker, progress = self.observer.tracker, self.observer.progress()
        if self._written is None:
            self._written = (run.progress, run.session_id)
        counted = _without_details(progress) != _without_details(self._written[0])
        moved = progress != self._written[0] and clock - self._detail_at >= self.settings.heartbeat_s
        if not (counted or moved or (tracker.session_id and tracker.session_id != self._written[1])):
            return
        with self.claims.guard(self.id) as (session, row):
            columns = {"progress": progress, "session_id": tracker.session_id or row.session_id}
            session.execute(update(Run).where(Run.id == row.id).values(**columns))
            if counted or moved:
                record(session, row, events.PROGRESS, {"progress": progress})
        self._written, self._detail_at = (progress, columns["session_id"]), clock

    def _note_silence(self, run: Run) -> None:
        if run.state != State.RUNNING:
            return
        last = last_activity(self.folder, self.number) or (run.started_at or now()).timestamp()
        silent = time.time() - last > self.settings.silent_after_s
        if silent == (run.silent_since is not None):
            return
        since = dt.datetime.fromtimestamp(last, dt.UTC) if silent else None
        self.log.warning("silent" if silent else "recovered", since=since and since.isoformat())
        with self.claims.guard(self.id) as (session, row):
            session.execute(update(Run).where(Run.id == row.id).values(silent_since=since))
            if silent:
                record(session, row, events.SILENT, {"silent_since": since.isoformat()})
            else:
                record(session, row, events.RECOVERED)

    def _set(self, **columns: Any) -> None:
        with self.claims.guard(self.id) as (session, run):
            session.execute(update(Run).where(Run.id == run.id).values(**columns))

    def _cleared(self, run: Run, exit_code: int | None) -> bool:
        """Nothing is left of the launch. A run does not end, and never starts again, beside tasks that still write, checkpoints for one.

        A Nextflow that said goodbye has told its tasks to stop, but does not wait for them; one that was killed has told nobody.
        """
        if exit_code == 0:
            return True
        told = self.observer.tracker.said_goodbye
        if not told and not self._tasks_canceled:
            self._tasks_canceled = True
            cancel_tasks(self.settings, run, self.observer.tracker, child_environment(self.settings, run, os.environ))
        clock = time.monotonic()
        self._clear_at = self._clear_at or clock
        late = clock - self._clear_at > self.settings.cancel_grace_s
        return self.launcher.clear(self.handle, self.id, self.number, force=True if late else None if told else False) == 0

    def _end(self, run: Run, exit_code: int | None) -> None:
        tracker = self.observer.tracker
        end = End(exit_code, tracker.said_goodbye, tracker.aborted_by)
        trigger = trigger_of(end, State(run.state), run.losses, self.settings.max_losses)
        self.log.info("ended", exit_code=exit_code, trigger=trigger.value)
        if trigger in (Trigger.LOST, Trigger.PREEMPT, Trigger.GIVE_UP):
            return self._lose(end, describe(end))
        data: dict[str, Any] = {"exit_code": exit_code}
        columns: dict[str, Any] = {"exit_code": exit_code}
        if trigger == Trigger.FINISHED:
            outputs = read_outputs(Path(run.outdir))
            columns |= {"outputs": outputs, "verdict": outputs.get("verdict")}
            data["outputs"] = outputs
        elif trigger == Trigger.FAILED:
            columns["error"] = data["error"] = failure(exit_code, self.observer.sentences())
        with self.claims.guard(self.id) as (session, row):
            move(session, row, trigger, data, **columns, **self._last_words(row))

    def _lose(self, end: End, why: str) -> None:
        with self.claims.guard(self.id) as (session, run):
            trigger = trigger_of(end, State(run.state), run.losses, self.settings.max_losses)
            if trigger == Trigger.STOPPED:
                move(session, run, trigger, **self._last_words(run))
                return
            if trigger == Trigger.GIVE_UP:
                error = f"Given up after {run.losses + 1} launches that were lost. The last time: {why}. Resuming goes on where it was."
                data = {"exit_code": end.exit_code, "error": error}
                move(session, run, trigger, data, exit_code=end.exit_code, error=error, **self._last_words(run))
                return
            losses = run.losses + 1
            later = now() + dt.timedelta(seconds=backoff_s(losses, self.settings.backoff_s))
            columns = {"losses": losses, "not_before": later, "claimed_by": None, "claimed_until": None, **self._last_words(run)}
            move(session, run, trigger, {"losses": losses, "reason": why}, **columns)
        self.log.warning("lost", reason=why, losses=losses)

    def _give_up(self, error: str) -> None:
        self.log.error("cannot be launched", error=error)
        with self.claims.guard(self.id) as (session, run):
            if run.state == State.CANCELING:
                move(session, run, Trigger.STOPPED)
            else:
                move(session, run, Trigger.GIVE_UP, {"exit_code": None, "error": error}, error=error)

    def _last_words(self, run: Run) -> dict[str, Any]:
        """Columns at an end: tasks that ran do so no more."""
        tracker = self.observer.tracker
        progress = tracker.progress() or run.progress
        for entry in progress.values():
            for counts in (entry, *entry.get("rounds", {}).values()):
                counts["running"] = 0
        return {"progress": progress, "session_id": tracker.session_id or run.session_id, "silent_since": None}


def _without_details(progress: dict[str, Any]) -> dict[str, Any]:
    return {process: {name: value for name, value in entry.items() if name != "detail"} for process, entry in progress.items()}
