"""What Nextflow prints when a run fails, cut down to the sentences that are meant for people."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"^\s*(error|at|why|fix): \S")
_ADVICE = "LlamaFlow stopped; -resume goes on where it was."
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_CAUSE = re.compile(r"Process `[^`]+` terminated with an error exit status \(\d+\)|Process `[^`]+` terminated for an unknown reason[^\n]*")
_TASK_REPORT = "Error executing process >"  # quotes the task's output, which may hold text of a record
_CHATTER = re.compile(
    r"N E X T F L O W|Nextflow |Launching `|\[\w\w/\w{6}\] |WARN|executor >|Picked up|See --help\.|-- Check |LlamaFlow stopped;"
)
MOST_LINES = 12
LIMIT = 4000  # characters of an error that is kept


def error_sentences(console: str) -> str:
    """The sentences of a step (error, at, why, fix), else what main.nf or Nextflow refused with, else which process failed. May be empty.

    Never the output of a command: that may hold text of a record. LlamaFlow's own sentences do not.
    """
    text = _CONTROL.sub("", console.replace("\r\n", "\n"))
    if _ADVICE in text:
        advice = [line.strip() for line in text.rsplit(_ADVICE, 1)[1].splitlines() if _SENTENCE.match(line)]
        if advice:
            return "\n".join(advice)[:LIMIT]
    if cause := _CAUSE.search(text):
        return cause[0][:LIMIT]
    if _TASK_REPORT in text:
        return ""
    lines = [line.strip().removeprefix("ERROR ~ ") for line in text.splitlines()]
    return "\n".join([line for line in lines if line and not _CHATTER.match(line)][-MOST_LINES:])[:LIMIT]
