"""Erasure at the source: which lines of the user's own files hold a subject's identifier."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pydantic import BaseModel

from .erasure import LEVELS, Level, Subject, level_of
from .errors import ManyProblems
from .inputs import inspect_inputs, read_items
from .pii.anonymizer import Anonymizer
from .pii.policy import Policy
from .pii.spans import digits_of, fold
from .records import Record

_FEWEST_DIGITS = 6


class _Pattern(NamedTuple):
    form: re.Pattern[str]
    joined: bool
    level: Level


class SourceHit(BaseModel):
    """A line (of JSON and Parquet: a row). identifier, name, possible: see erasure.Level; unreadable: nobody could look into it."""

    file: str
    line: str
    how: Literal["identifier", "name", "possible", "unreadable"]


def search_sources(
    files: list[str], format: str, mapping: str, subjects: list[Subject], hashes: dict[str, Level], secret: bytes
) -> list[SourceHit]:
    """Lines that hold the subject, by what detection finds there and, where it passes over it, by the text itself.

    hashes: as ``subject_hashes`` gives under the same secret. Raises BadInputError for files that cannot be read.
    """
    inspected, problems = inspect_inputs(files, format=format, mapping=mapping)
    if problems:
        raise ManyProblems(list(problems)) if len(problems) > 1 else problems[0]
    # What stands in the place of a finding does not matter here, only its hash.
    anonymizer = Anonymizer(Policy(version=1, default="redact", unsupported_language="allow"), secret)
    patterns = [_pattern(subject) for subject in subjects]
    hits = []
    for file in inspected:
        for item in read_items(file.source, file.file_format, file.format, file.mapping):
            how = _look(item.record, anonymizer, hashes, patterns) if item.record else "unreadable"
            if how:
                line = item.record.source.removeprefix(f"{file.name}:") if item.record else str(item.number)
                hits.append(SourceHit(file=str(file.path), line=line, how=how))
    return hits


def _look(record: Record, anonymizer: Anonymizer, hashes: dict[str, Level], patterns: list[_Pattern]) -> Level | Literal["unreadable", ""]:
    text = " ".join(fold(record.model_dump_json(include={"messages", "meta"})).low.split())
    joined = re.sub(r"(?<=[0-9])[ ./()\-]{1,2}(?=[0-9])", "", text)
    levels = {pattern.level for pattern in patterns if pattern.form.search(joined if pattern.joined else text)}
    unreadable = False
    try:
        levels |= {hashes[finding.hash] for finding in anonymizer.process(record).findings if finding.hash in hashes}
    except Exception:
        # What the pipeline would hold back has no findings; its text was searched all the same.
        unreadable = True
    return next((level for level in LEVELS if level in levels), "unreadable" if unreadable else "")


def _pattern(subject: Subject) -> _Pattern:
    """The value itself, as a word of its own, in folded text or in text whose digit groups are joined."""
    digits, text = digits_of(subject.value), " ".join(fold(subject.value).low.split())
    level = level_of(subject)
    if len(digits) >= _FEWEST_DIGITS and not any(char.isalpha() for char in subject.value):
        return _Pattern(re.compile(rf"(?<![0-9]){digits}(?![0-9])"), True, level)
    return _Pattern(re.compile(rf"(?<!\w){re.escape(text)}(?!\w)"), False, level)
