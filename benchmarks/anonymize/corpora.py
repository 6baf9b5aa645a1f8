"""The labelled texts that detection is measured on, and what their types are called here and in Presidio.

The public sets lie outside the project (``LLAMAFLOW_DATA``, else ``../shared/data``) and are only ever read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from llamaflow.errors import BadInputError

from .measures import Label

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LLAMAFLOW_DATA", ROOT.parent / "shared" / "data"))
PRESIDIO_SET = DATA / "pii" / "presidio-generated-large.json"
LENER_SET = DATA / "pii" / "lener-dev.conll"

# Common types of the Presidio set. What is not named is left out: the set does not label it, or it is set apart
# (ORGANIZATION, TITLE and AGE; a PREFIX is a title).
PRESIDIO_LABELS = {
    "PERSON": "PERSON",
    "LOCATION": "LOCATION",
    "GPE": "LOCATION",
    "STREET_ADDRESS": "LOCATION",
    "ADDRESS": "LOCATION",
    "ZIP_CODE": "LOCATION",
    "CREDIT_CARD": "CREDIT_CARD",
    "PHONE_NUMBER": "PHONE_NUMBER",
    "DATE_TIME": "DATE_TIME",
    "EMAIL_ADDRESS": "EMAIL_ADDRESS",
    "US_SSN": "US_SSN",
    "IBAN_CODE": "IBAN_CODE",
    "DOMAIN_NAME": "DOMAIN_NAME",
    "US_DRIVER_LICENSE": "US_DRIVER_LICENSE",
    "IP_ADDRESS": "IP_ADDRESS",
}
# What Presidio's recognizers say, in the words of its set.
PRESIDIO_TYPES = PRESIDIO_LABELS | {"URL": "DOMAIN_NAME"}
OUR_TYPES = {
    "PERSON": "PERSON",
    "LOCATION": "LOCATION",
    "ADDRESS": "LOCATION",
    "CEP": "LOCATION",
    "CREDIT_CARD": "CREDIT_CARD",
    "PHONE": "PHONE_NUMBER",
    "DATE": "DATE_TIME",
    "BIRTH_DATE": "DATE_TIME",
    "EMAIL": "EMAIL_ADDRESS",
    "SSN": "US_SSN",
    "IBAN": "IBAN_CODE",
    "DOMAIN": "DOMAIN_NAME",
    "URL": "DOMAIN_NAME",
    "DRIVER_LICENSE": "US_DRIVER_LICENSE",
    "IP_ADDRESS": "IP_ADDRESS",
}

# LeNER-Br is read for persons only.
LENER_LABELS = {"PESSOA": "PERSON"}

BLOCK = 40


class Example(NamedTuple):
    """A text and what is labelled in it."""

    text: str
    labels: list[Label]


def presidio_set(path: Path = PRESIDIO_SET) -> list[Example]:
    """The generated English texts of presidio-research. Raises BadInputError when the file is absent or of another form."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [
            Example(
                entry["full_text"], [Label(span["start_position"], span["end_position"], span["entity_type"]) for span in entry["spans"]]
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from None


def lener_sentences(path: Path = LENER_SET) -> list[Example]:
    """The sentences of a CoNLL file of two columns, tokens joined by one space. Raises BadInputError when it cannot be read."""
    try:
        with path.open(encoding="utf-8") as lines:
            return [_sentence(tokens) for tokens in _blocks(lines)]
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def joined(examples: list[Example], size: int = BLOCK) -> list[Example]:
    """Consecutive texts as documents of ``size`` lines each."""
    documents = []
    for first in range(0, len(examples), size):
        text, labels = "", []
        for example in examples[first : first + size]:
            text += "\n" if text else ""
            labels += [Label(label.start + len(text), label.end + len(text), label.type) for label in example.labels]
            text += example.text
        documents.append(Example(text, labels))
    return documents


def _blocks(lines: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
    block: list[tuple[str, str]] = []
    for line in lines:
        if line.strip():
            token, tag = line.split()
            if tag != "O" and tag[:2] not in ("B-", "I-"):
                raise ValueError("not a tag of the BIO scheme")
            block.append((token, tag))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _sentence(tokens: list[tuple[str, str]]) -> Example:
    text, labels = "", []
    for token, tag in tokens:
        text += " " if text else ""
        start = len(text)
        text += token
        mark, _, kind = tag.partition("-")
        if mark == "I" and labels and labels[-1].type == kind and labels[-1].end == start - 1:
            labels[-1] = Label(labels[-1].start, len(text), kind)
        elif mark != "O":
            labels.append(Label(start, len(text), kind))
    return Example(text, labels)


def _unreadable(path: Path, error: Exception) -> BadInputError:
    return BadInputError(
        "a labelled set cannot be read", where=str(path), why=type(error).__name__, fix="name it: --presidio, --lener or LLAMAFLOW_DATA"
    )
