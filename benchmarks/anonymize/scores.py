"""One system over one corpus: the measures, and a table of them for people. Nothing here knows how a system works."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .chat import Turn
from .corpora import Example
from .identifiers import Case
from .measures import Counts, Label, Tally, covered, overlap

PERSON_ONLY = {"PERSON": "PERSON"}


def tally(
    examples: Iterable[Example], predictions: Iterable[list[Label]], label_types: Mapping[str, str], system_types: Mapping[str, str]
) -> Tally:
    """The measures of a system's predictions, one list for each example."""
    made = Tally(label_types.get, system_types.get)
    for example, spans in zip(examples, predictions, strict=True):
        made.add(example.labels, spans)
    return made


@dataclass
class ChatScore:
    """Persons over all turns; lower: only those that were typed in lower case, for which recall alone means something."""

    persons: Tally = field(default_factory=lambda: Tally(PERSON_ONLY.get, PERSON_ONLY.get))
    lower: Counts = field(default_factory=Counts)


def chat_score(conversations: Iterable[list[Turn]], detect_conversation: Callable[[list[str]], list[list[Label]]]) -> ChatScore:
    """How well a detector that reads whole conversations finds the persons of each turn."""
    score = ChatScore()
    for turns in conversations:
        for turn, spans in zip(turns, detect_conversation([turn.text for turn in turns]), strict=True):
            score.persons.add(turn.labels, spans)
            lower = [label for label in turn.labels if turn.text[label.start : label.end].islower()]
            score.lower.add(overlap(lower, [span for span in spans if span.type == "PERSON"]))
    return score


@dataclass
class IdScore:
    """Of ``total`` identifiers, ``right`` lie wholly in one span of their type, ``hidden`` wholly in spans of any type."""

    right: int = 0
    hidden: int = 0
    total: int = 0


def id_score(cases: Iterable[Case], predictions: Iterable[list[Label]]) -> dict[tuple[str, str], IdScore]:
    """Recall by kind and style, one list of predictions for each case."""
    made: dict[tuple[str, str], IdScore] = defaultdict(IdScore)
    for case, spans in zip(cases, predictions, strict=True):
        score, label = made[case.kind, case.style], case.label
        score.total += 1
        score.right += any(span.type == label.type and span.start <= label.start and label.end <= span.end for span in spans)
        found, marked = covered([label], spans)
        score.hidden += found == marked
    return made


def id_table(made: Mapping[tuple[str, str], IdScore]) -> str:
    """Kinds down, styles across: the share found with its type."""
    styles = list(dict.fromkeys(style for _, style in made))
    lines = ["identifiers, recall by spelling", f"  {'':<20}" + "".join(f"{style:>15}" for style in styles)]
    for kind in dict.fromkeys(kind for kind, _ in made):
        cells = [made.get((kind, style)) for style in styles]
        lines.append(f"  {kind:<20}" + "".join(f"{cell.right / cell.total:>15.3f}" if cell else f"{'':>15}" for cell in cells))
    return "\n".join(lines)


def table(title: str, made: Tally) -> str:
    """Overlap figures by type, then of all types together, strict and by character."""
    lines = [title, f"  {'type':<20}{'precision':>10}{'recall':>8}{'f1':>8}{'labels':>8}{'hits':>8}"]
    rows = sorted(made.by_type.items(), key=lambda item: -item[1].labelled)
    for name, counts in [*rows, ("all, overlap", made.overlap), ("all, strict", made.strict)]:
        ratios = f"{counts.precision:>10.3f}{counts.recall:>8.3f}{counts.f1:>8.3f}"
        lines.append(f"  {name:<20}{ratios}{counts.labelled:>8}{counts.predicted:>8}")
    lines.append(f"  character recall, any type: {made.character_recall:.3f}")
    return "\n".join(lines)


def errors(example: Example, spans: list[Label], label_types: Mapping[str, str], system_types: Mapping[str, str]) -> list[str]:
    """Labels that no prediction of their type touches, and predictions that touch no label, each with its surroundings."""
    wanted = [(label_types[label.type], label) for label in example.labels if label.type in label_types]
    made = [(system_types[span.type], span) for span in spans if span.type in system_types]

    def lonely(one: tuple[str, Label], others: list[tuple[str, Label]]) -> bool:
        return not any(kind == one[0] and other.start < one[1].end and one[1].start < other.end for kind, other in others)

    def shown(label: Label) -> str:
        before, after = example.text[max(0, label.start - 40) : label.start], example.text[label.end : label.end + 30]
        return f"{before}⟦{example.text[label.start : label.end]}⟧{after}".replace("\n", "⏎")

    missed = [f"missed {one[0]}: {shown(one[1])}" for one in wanted if lonely(one, made)]
    return missed + [f"wrong  {one[0]} ({one[1].type}): {shown(one[1])}" for one in made if lonely(one, wanted)]
