"""How right predictions are: strict, overlap and by character. All spans are half-open character offsets of their text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Label(NamedTuple):
    """Characters ``start`` to ``end`` (exclusive) are of ``type``: what a person marked, or what a system says."""

    start: int
    end: int
    type: str


@dataclass
class Counts:
    """right of predicted predictions are right, found of labelled labels are found. Ratios of nothing are 0."""

    right: int = 0
    predicted: int = 0
    found: int = 0
    labelled: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.found / self.labelled if self.labelled else 0.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def add(self, other: Counts) -> None:
        """Add the counts of another text or type."""
        self.right += other.right
        self.predicted += other.predicted
        self.found += other.found
        self.labelled += other.labelled


def overlap(labels: Sequence[Label], predictions: Sequence[Label]) -> Counts:
    """Counts in which same type and at least one common character is enough."""

    def touched(one: Label, others: Sequence[Label]) -> bool:
        return any(one.type == other.type and one.start < other.end and other.start < one.end for other in others)

    right = sum(touched(prediction, labels) for prediction in predictions)
    found = sum(touched(label, predictions) for label in labels)
    return Counts(right, len(predictions), found, len(labels))


def strict(labels: Sequence[Label], predictions: Sequence[Label]) -> Counts:
    """Counts in which type and both offsets must be the same."""
    same = len(set(labels) & set(predictions))
    return Counts(same, len(set(predictions)), same, len(set(labels)))


def covered(labels: Iterable[Label], predictions: Iterable[Label]) -> tuple[int, int]:
    """How many labelled characters some prediction covers, whatever its type, and how many are labelled."""
    hidden = {place for prediction in predictions for place in range(prediction.start, prediction.end)}
    marked = {place for label in labels for place in range(label.start, label.end)}
    return len(hidden & marked), len(marked)


@dataclass
class Tally:
    """The measures over all texts of a corpus. labels: maps a label's type to the common type, None leaves it out; predictions alike."""

    labels: Callable[[str], str | None]
    predictions: Callable[[str], str | None]
    overlap: Counts = field(default_factory=Counts)
    strict: Counts = field(default_factory=Counts)
    by_type: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    characters_covered: int = 0
    characters: int = 0

    def add(self, labels: Iterable[Label], predictions: Iterable[Label]) -> None:
        """Count one text. Predictions of a type that is left out cover characters but are neither right nor wrong."""
        predictions = list(predictions)
        wanted, made = _mapped(labels, self.labels), _mapped(predictions, self.predictions)
        for kind in {span.type for span in (*wanted, *made)}:
            one = [span for span in wanted if span.type == kind], [span for span in made if span.type == kind]
            counts = overlap(*one)
            self.by_type[kind].add(counts)
            self.overlap.add(counts)
            self.strict.add(strict(*one))
        hidden, marked = covered(wanted, predictions)
        self.characters_covered += hidden
        self.characters += marked

    @property
    def character_recall(self) -> float:
        """Share of the labelled characters that some prediction covers."""
        return self.characters_covered / self.characters if self.characters else 0.0


def _mapped(spans: Iterable[Label], types: Callable[[str], str | None]) -> list[Label]:
    return [Label(span.start, span.end, kind) for span in spans if (kind := types(span.type)) is not None]
