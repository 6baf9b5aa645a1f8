"""The same questions for both contestants: public instructions in English and questions about texts in Portuguese."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.finetune.data import alpaca
from llamaflow.chat import encode
from llamaflow.errors import BadInputError
from llamaflow.records import Message, Record, content_id


def faquad(path: Path) -> list[Record]:
    """One record for each question, with its text in front, in the file's order."""
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    except OSError as error:
        fix = "make bench-evaluate DATA=FOLDER"
        raise BadInputError("the questions cannot be read", where=str(path), why=error.strerror or "", fix=fix) from None
    records = []
    for paragraph in (one for article in articles for one in article["paragraphs"]):
        for question in paragraph["qas"]:
            asked = f"{paragraph['context']}\n\n{question['question']}"
            messages = [Message(role="user", content=asked), Message(role="assistant", content=question["answers"][0]["text"])]
            records.append(Record(id=content_id(messages), messages=messages, lang="pt", source=path.name))
    return records


def choose(folder: Path, count: int, tokenizer, max_length: int) -> list[Record]:
    """Half of each set, evenly spread over it; only what fits, so that no contestant has to cut."""
    chosen: dict[str, Record] = {}
    for records, share in ((alpaca(folder / "alpaca-en-999.json"), count - count // 2), (faquad(folder / "faquad-train.json"), count // 2)):
        fitting = [one for one in records if not encode(tokenizer, one.messages, max_length).truncated and one.id not in chosen]
        if len(fitting) < share:
            raise BadInputError(f"{len(fitting)} examples fit, {share} are needed", where=str(folder), fix="give a smaller --examples")
        chosen |= {one.id: one for one in (fitting[place * len(fitting) // share] for place in range(share))}
    return list(chosen.values())
