"""What the end of a launcher means for its run: a pure table."""

from __future__ import annotations

from dataclasses import dataclass

from ..runs.states import State, Trigger

LONGEST_BACKOFF_S = 300.0
NAMES = {1: "an error", 2: "bad input", 3: "failed closed: personal data might have passed"}


@dataclass(frozen=True)
class End:
    """exit_code: None when nobody wrote one. said_goodbye: Nextflow ended by itself. aborted_by: the signal that it was told to stop by."""

    exit_code: int | None
    said_goodbye: bool = False
    aborted_by: str | None = None


def trigger_of(end: End, state: State, losses: int, max_losses: int) -> Trigger:
    """What happens to a run in this state whose launcher has ended.

    130 and 143 are a preemption when Nextflow itself was stopped; when it says goodbye they are the exit code of a task that was
    tried too often, and so the pipeline's own. Preemptions and losses have one bound: neither goes on for ever.
    """
    if end.exit_code == 0:
        return Trigger.FINISHED
    if state == State.CANCELING:
        return Trigger.STOPPED
    killed = end.exit_code is None or (end.exit_code > 128 and not end.said_goodbye)
    stopped = end.exit_code is not None and (end.aborted_by is not None or (killed and end.exit_code in (130, 143)))
    if not stopped and not killed:
        return Trigger.FAILED
    if losses >= max_losses:
        return Trigger.GIVE_UP
    return Trigger.PREEMPT if stopped and state == State.RUNNING else Trigger.LOST


def describe(end: End) -> str:
    """How a launcher was lost, in words for people."""
    if end.exit_code is None:
        return "Nextflow is gone without an exit code: it was killed together with its wrapper, or the machine was restarted"
    if end.aborted_by or end.exit_code in (130, 143):
        return f"Nextflow was told to stop ({end.aborted_by or f'exit code {end.exit_code}'})"
    return f"Nextflow was killed by signal {end.exit_code - 128}" + (" (for want of memory?)" if end.exit_code == 137 else "")


def failure(exit_code: int, sentences: str) -> str:
    """Run.error of a pipeline that said no: its own sentences, or what its exit code says."""
    return sentences or f"the pipeline ended with exit code {exit_code} ({NAMES.get(exit_code, 'an error')}); its log says more"


def backoff_s(losses: int, first_s: float) -> float:
    """Seconds before the next automatic resume. losses: from 1."""
    return min(LONGEST_BACKOFF_S, first_s * 2 ** (losses - 1))
