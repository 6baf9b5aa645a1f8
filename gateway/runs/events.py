"""The types of events about a run: CloudEvents `type`, and what their `data` holds beside run_id and state."""

from __future__ import annotations

PREFIX = "br.llamaflow.run."

QUEUED = PREFIX + "queued"  # priority
STARTED = PREFIX + "started"  # launches
PROGRESS = PREFIX + "progress"  # progress by process; at most one a second
SILENT = PREFIX + "silent"  # silent_since
RECOVERED = PREFIX + "recovered"  # after silent
LOST = PREFIX + "lost"  # losses; it is queued again
PREEMPTED = PREFIX + "preempted"
CANCELING = PREFIX + "canceling"
COMPLETED = PREFIX + "completed"  # outputs (verdict, reason, ...)
FAILED = PREFIX + "failed"  # exit_code, error
CANCELED = PREFIX + "canceled"
RESUMED = PREFIX + "resumed"

TYPES = (QUEUED, STARTED, PROGRESS, SILENT, RECOVERED, LOST, PREEMPTED, CANCELING, COMPLETED, FAILED, CANCELED, RESUMED)
ENDED = (COMPLETED, FAILED, CANCELED)  # what a resume URL waits for
