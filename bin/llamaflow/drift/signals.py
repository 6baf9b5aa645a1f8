"""What is counted of one record: of what was asked (input) and of what was answered (output)."""

from __future__ import annotations

from ..evaluation.refusal import is_refusal
from ..inputs.cut_off import breaks_off
from ..languages import identify
from ..metrics.words import words
from ..records import Record

LANGUAGES = ("pt", "en", "mixed", "unknown")
# name -> (side, kind): the order is that of the page.
SIGNALS: dict[str, tuple[str, str]] = {
    "input.words": ("input", "number"),
    "input.characters": ("input", "number"),
    "input.turns": ("input", "number"),
    "input.language": ("input", "category"),
    "output.words": ("output", "number"),
    "output.characters": ("output", "number"),
    "output.language": ("output", "category"),
    "output.other_language": ("output", "share"),
    "output.refusals": ("output", "share"),
    "output.repetition": ("output", "number"),
    "output.unfinished": ("output", "share"),
}
_RUN = 3


def input_of(record: Record) -> str:
    """Everything that is not the assistant's, one turn a line."""
    return "\n".join(message.content for message in record.messages if message.role != "assistant")


def output_of(record: Record) -> str:
    """The assistant's turns, one a line."""
    return "\n".join(message.content for message in record.messages if message.role == "assistant")


def question_of(record: Record) -> str:
    """The user's turns alone, or all of the input where there is none: a long system turn would hide what is asked."""
    return "\n".join(message.content for message in record.messages if message.role == "user") or input_of(record)


def repetition(found: list[str]) -> float:
    """Share of the runs of three words that stand in the text before already, 0..1; 0 for a text without any."""
    runs = list(zip(*(found[start:] for start in range(_RUN)), strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def measure(record: Record) -> dict[str, float]:
    """A value for each of SIGNALS. Lengths of the output are of a mean answer; languages are places in LANGUAGES.

    other_language is nan unless question and answer are each clearly Portuguese or English.
    """
    answers = [message.content for message in record.messages if message.role == "assistant"]
    asked, answered = question_of(record), "\n".join(answers)
    asked_in, answered_in = identify(asked), identify(answered)
    clear = {asked_in, answered_in} <= {"pt", "en"}
    answer_words = [words(answer) for answer in answers]
    everything = input_of(record)
    return {
        "input.words": len(words(everything)),
        "input.characters": len(everything),
        "input.turns": sum(message.role == "user" for message in record.messages),
        "input.language": LANGUAGES.index(asked_in),
        "output.words": sum(map(len, answer_words)) / max(len(answers), 1),
        "output.characters": len(answered) / max(len(answers), 1),
        "output.language": LANGUAGES.index(answered_in),
        "output.other_language": float(asked_in != answered_in) if clear else float("nan"),
        "output.refusals": float(any(map(is_refusal, answers))),
        "output.repetition": max(map(repetition, answer_words), default=0.0),
        "output.unfinished": float(bool(record.meta.get("cut_off")) or any(map(breaks_off, answers))),
    }
