"""What the benchmark counts, from what launches and the receiver left behind. Pure: the tests feed it broken data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed; 0 of none. ordered: ascending."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def percentile_of_time(ordered: Sequence[float], share: float) -> float:
    """The same, each value weighted by itself: how long a call takes that is under way at a random moment.

    A closed loop sends nothing while it waits, so a stall of seconds is one sample a client among thousands of quick ones and vanishes from
    an ordinary percentile (coordinated omission). Here it weighs as long as it lasted. Never below percentile().
    """
    border, passed = share * sum(ordered), 0.0
    for value in ordered:
        passed += value
        if passed >= border:
            return value
    return ordered[-1] if ordered else 0.0


class RunsCounted(NamedTuple):
    """Ids. lost: did not end well, or no launch of them came to its end. duplicated: launched or completed more than once."""

    lost: list[str]
    duplicated: list[str]


def count_runs(
    submitted: Iterable[str], states: Mapping[str, str], marks: Mapping[str, Sequence[str]], completions: Mapping[str, int]
) -> RunsCounted:
    """By run id: states of the database, marks (lines of launch-marks: "start PID", "end PID"), completions (events of that type)."""
    lost, duplicated = [], []
    for run in submitted:
        starts = [line.split()[1] for line in marks.get(run, ()) if line.startswith("start ")]
        ends = [line.split()[1] for line in marks.get(run, ()) if line.startswith("end ")]
        if states.get(run) != "COMPLETE" or not set(starts) & set(ends) or not completions.get(run):
            lost.append(run)
        if len(starts) > 1 or len(ends) > 1 or completions.get(run, 0) > 1:
            duplicated.append(run)
    return RunsCounted(lost, duplicated)


class Note(NamedTuple):
    """One line of the receiver's journal, in the order in which things happened.

    what: "arrived": a call was read to its end; "taken": the receiver did its work with it; "accepted": 2xx was sent. id: webhook-id.
    """

    what: Literal["arrived", "taken", "accepted"]
    id: str
    run: str
    sequence: int


class EventsCounted(NamedTuple):
    """lost: (run, sequence) never accepted. out_of_order: calls that came before an earlier event of the run was accepted.

    duplicates: calls with an event that had been taken before, told by webhook-id (at least once is the promise). needless: calls with an
    event that had even been accepted. wrong_ids: events that came under two ids, ids that stood for two events. strangers: not expected.
    """

    lost: list[tuple[str, int]]
    out_of_order: int
    duplicates: int
    needless: int
    wrong_ids: int
    strangers: int

    def numbers(self) -> dict[str, Any]:
        return self._asdict() | {"lost": len(self.lost)}


def count_events(expected: Mapping[str, int], journal: Iterable[Note]) -> EventsCounted:
    """expected: by run, how many events it has; their sequences are 1, 2, 3, ..."""
    taken: set[str] = set()
    accepted: set[tuple[str, int]] = set()
    accepted_to: Counter[str] = Counter()  # by run: all up to here
    id_of: dict[tuple[str, int], str] = {}
    event_of: dict[str, tuple[str, int]] = {}
    out_of_order = duplicates = needless = wrong_ids = strangers = 0
    for what, id_, run, sequence in journal:
        event = (run, sequence)
        if not 1 <= sequence <= expected.get(run, 0):
            strangers += what == "arrived"
            continue
        if what == "arrived":
            wrong_ids += id_of.setdefault(event, id_) != id_ or event_of.setdefault(id_, event) != event
            out_of_order += sequence > accepted_to[run] + 1
            duplicates += id_ in taken
            needless += event in accepted
        elif what == "taken":
            taken.add(id_)
        else:
            accepted.add(event)
            while (run, accepted_to[run] + 1) in accepted:
                accepted_to[run] += 1
    lost = [(run, sequence) for run, count in expected.items() for sequence in range(1, count + 1) if (run, sequence) not in accepted]
    return EventsCounted(lost, out_of_order, duplicates, needless, wrong_ids, strangers)
