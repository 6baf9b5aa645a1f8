#!/usr/bin/env python3
"""Only this project's detector, only its quality: by type and in seconds, for work on the detector.

.venv/bin/python benchmarks/anonymize/quality.py [--errors 20] [--only presidio lener documents chat]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from benchmarks.anonymize import chat, corpora, scores  # noqa: E402
from benchmarks.anonymize.measures import Label  # noqa: E402
from llamaflow.errors import run_step  # noqa: E402
from llamaflow.pii.detect import detect, detect_conversation  # noqa: E402
from llamaflow.pii.spans import Span  # noqa: E402

SETS = ("presidio", "lener", "documents", "chat")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presidio", type=Path, default=corpora.PRESIDIO_SET, help="presidio-research JSON")
    parser.add_argument("--lener", type=Path, default=corpora.LENER_SET, help="LeNER-Br CoNLL")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="print N misses and false hits of each set, spread over it")
    parser.add_argument("--conversations", type=int, default=1000, help="chat: how many (1000)")
    parser.add_argument("--only", nargs="+", choices=SETS, default=SETS)
    arguments = parser.parse_args(argv)
    if "presidio" in arguments.only:
        examples = corpora.presidio_set(arguments.presidio)
        measure("presidio set (en)", examples, "en", corpora.PRESIDIO_LABELS, corpora.OUR_TYPES, arguments.errors)
    sentences = corpora.lener_sentences(arguments.lener) if {"lener", "documents"} & set(arguments.only) else []
    if "lener" in arguments.only:
        measure("lener dev (pt), sentences", sentences, "pt", corpora.LENER_LABELS, scores.PERSON_ONLY, arguments.errors)
    if "documents" in arguments.only:
        documents = corpora.joined(sentences)
        measure("lener dev (pt), documents", documents, "pt", corpora.LENER_LABELS, scores.PERSON_ONLY, arguments.errors)
    if "chat" in arguments.only:
        measure_chat(arguments.conversations, arguments.errors)


def labels(spans: list[Span]) -> list[Label]:
    """Spans as the measures take them."""
    return [Label(span.start, span.end, span.type) for span in spans]


def measure(
    title: str,
    examples: list[corpora.Example],
    lang: str,
    label_types: Mapping[str, str],
    our_types: Mapping[str, str],
    errors: int,
) -> None:
    """Detect in every text; print the figures by type, the speed and some errors."""
    started = time.perf_counter()
    predictions = [labels(detect(example.text, lang)) for example in examples]
    seconds = time.perf_counter() - started
    print("\n" + scores.table(title, scores.tally(examples, predictions, label_types, our_types)))
    print(f"  {len(examples)} texts in {seconds:.2f} s, {len(examples) / seconds:.0f} a second")
    wrong = [
        line for example, spans in zip(examples, predictions, strict=True) for line in scores.errors(example, spans, label_types, our_types)
    ]
    show(wrong, errors)


def measure_chat(count: int, errors: int) -> None:
    """The same for the conversations, which are read whole."""
    conversations = chat.conversations(count)
    started = time.perf_counter()
    found = [[labels(spans) for spans in detect_conversation([turn.text for turn in turns], "pt")] for turns in conversations]
    seconds = time.perf_counter() - started
    answers = iter(found)
    score = scores.chat_score(conversations, lambda texts: next(answers))
    print("\n" + scores.table("chat (pt), whole conversations", score.persons))
    print(f"  typed in lower case: recall {score.lower.recall:.3f} of {score.lower.labelled}")
    print(f"  {len(conversations)} conversations in {seconds:.2f} s, {len(conversations) / seconds:.0f} a second")
    wrong = [
        line
        for turns, answer in zip(conversations, found, strict=True)
        for turn, spans in zip(turns, answer, strict=True)
        for line in scores.errors(corpora.Example(turn.text, turn.labels), spans, scores.PERSON_ONLY, scores.PERSON_ONLY)
    ]
    show(wrong, errors)


def show(lines: list[str], count: int) -> None:
    """Some of many lines, evenly spread, so that one part of a corpus does not hide the rest."""
    step = max(1, len(lines) // count) if count else 1
    for line in lines[: count * step : step]:
        print("  " + line)


if __name__ == "__main__":
    sys.exit(run_step(main))
