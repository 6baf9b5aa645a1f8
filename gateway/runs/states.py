"""The states of a run and what leads from one to the next: a pure table, names of GA4GH WES 1.1.0."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """States of WES 1.1.0 that a run of ours can be in. A rejected model is COMPLETE: the verdict is a result."""

    QUEUED = "QUEUED"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    PREEMPTED = "PREEMPTED"
    COMPLETE = "COMPLETE"
    EXECUTOR_ERROR = "EXECUTOR_ERROR"  # the pipeline said no: bad input (2), failed closed (3) or an error of a step
    SYSTEM_ERROR = "SYSTEM_ERROR"  # ours: could not launch, or lost it too often
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"


class Trigger(StrEnum):
    """What happens to a run."""

    CLAIM = "claim"  # a worker takes it
    LAUNCHED = "launched"  # Nextflow's process is there
    RELEASE = "release"  # a worker gives it back unlaunched
    FINISHED = "finished"  # exit 0
    FAILED = "failed"  # any other exit code
    PREEMPT = "preempt"  # told to stop from outside, can go on
    LOST = "lost"  # the launcher is gone without an exit code
    GIVE_UP = "give_up"  # lost too often, or it cannot be launched
    CANCEL = "cancel"  # asked for by a caller
    STOPPED = "stopped"  # a canceled launcher has ended
    RESUME = "resume"  # asked for by a caller: the same run goes on (-resume)


FINAL = frozenset({State.COMPLETE, State.EXECUTOR_ERROR, State.SYSTEM_ERROR, State.CANCELED})
ACTIVE = frozenset({State.INITIALIZING, State.RUNNING, State.CANCELING})
WAITING = frozenset({State.QUEUED, State.PREEMPTED})  # a worker may claim it

_S, _T = State, Trigger
TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (_S.QUEUED, _T.CLAIM): _S.INITIALIZING,
    (_S.PREEMPTED, _T.CLAIM): _S.INITIALIZING,
    (_S.INITIALIZING, _T.LAUNCHED): _S.RUNNING,
    (_S.INITIALIZING, _T.RELEASE): _S.QUEUED,
    (_S.INITIALIZING, _T.LOST): _S.QUEUED,
    (_S.INITIALIZING, _T.GIVE_UP): _S.SYSTEM_ERROR,
    (_S.INITIALIZING, _T.CANCEL): _S.CANCELING,
    (_S.RUNNING, _T.FINISHED): _S.COMPLETE,
    (_S.RUNNING, _T.FAILED): _S.EXECUTOR_ERROR,
    (_S.RUNNING, _T.PREEMPT): _S.PREEMPTED,
    (_S.RUNNING, _T.LOST): _S.QUEUED,
    (_S.RUNNING, _T.GIVE_UP): _S.SYSTEM_ERROR,
    (_S.RUNNING, _T.CANCEL): _S.CANCELING,
    (_S.CANCELING, _T.STOPPED): _S.CANCELED,
    (_S.CANCELING, _T.FINISHED): _S.COMPLETE,  # it was done before it felt the signal
    (_S.CANCELING, _T.FAILED): _S.CANCELED,
    (_S.CANCELING, _T.LOST): _S.CANCELED,
    (_S.QUEUED, _T.CANCEL): _S.CANCELED,
    (_S.PREEMPTED, _T.CANCEL): _S.CANCELED,
    (_S.QUEUED, _T.GIVE_UP): _S.SYSTEM_ERROR,
    (_S.EXECUTOR_ERROR, _T.RESUME): _S.QUEUED,
    (_S.SYSTEM_ERROR, _T.RESUME): _S.QUEUED,
    (_S.CANCELED, _T.RESUME): _S.QUEUED,
}


class IllegalTransition(ValueError):
    """This cannot happen to a run in this state."""

    def __init__(self, state: State, trigger: Trigger):
        super().__init__(f"a run that is {state} cannot {trigger}")
        self.state, self.trigger = state, trigger


def after(state: State, trigger: Trigger) -> State:
    """The state that follows. Raises IllegalTransition."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state, trigger) from None
