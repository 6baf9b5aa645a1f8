#!/usr/bin/env python3
"""Detection and anonymization, beside Presidio on the same texts in the same run; `make bench-anonymize` calls this.

    .venv/bin/python benchmarks/anonymize/run.py [--full] [--only quality identifiers speed footprint]

Prints tables, and as its last line one JSON object. Where a public set or Presidio is absent it says so, and the figures that need
it are null.

Measures. strict: same type and offsets. overlap: same type and any common character. Character recall: share of the labelled
characters that a prediction of any type covers. In the Presidio set GPE, STREET_ADDRESS, ADDRESS and ZIP_CODE are LOCATION;
ORGANIZATION, TITLE (PREFIX) and AGE are left out, and so are types that the set does not label. Both systems get the same texts.

Random digits. 100,000 texts hold a run of 5 to 20 random digits and nothing that says what they are. Any finding there is false, so
``id_precision_random`` is the share of texts without one: the precision of the verdict "nothing personal". One in a hundred random
runs of 11 digits passes as CPF and one in ten of 16 as card, which no detector that finds bare numbers can tell from real ones.
``id_precision_mixed`` is the usual ratio right / (right + false) where every second text holds a real formatted identifier.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bin")]

from benchmarks.anonymize import chat, corpora, footprint, identifiers, scores  # noqa: E402
from benchmarks.anonymize.measures import Label  # noqa: E402
from benchmarks.anonymize.race import ONE_THREAD, Presidio, race  # noqa: E402

os.environ.update(ONE_THREAD)  # before anything below loads a numeric library

from llamaflow.errors import run_step  # noqa: E402
from llamaflow.pii.detect import detect, detect_conversation  # noqa: E402
from llamaflow.progress import Progress  # noqa: E402

PARTS = ("quality", "identifiers", "speed", "footprint")
REQUIRED = (
    *("en_overlap_f1", "en_char_recall", "pt_person_f1", "pt_person_recall", "chat_person_recall", "chat_person_precision"),
    *("id_recall", "speed_vs_presidio", "speed_vs_presidio_batch"),
)
BATCH = 64
CHAT_TEXTS = 400
PLAIN_TEXTS = 600


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presidio", type=Path, default=corpora.PRESIDIO_SET, help="presidio-research JSON")
    parser.add_argument("--lener", type=Path, default=corpora.LENER_SET, help="LeNER-Br CoNLL")
    parser.add_argument("--plain", type=Path, default=corpora.DATA / "instruct" / "alpaca-en-999.json", help="prose for the plain texts")
    parser.add_argument("--presidio-python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python", help="has Presidio installed")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="some parts only")
    parser.add_argument("--conversations", type=int, default=1000, help="quality of chat: how many (1000)")
    parser.add_argument("--rounds", type=int, default=2, help="speed: the best of so many (2)")
    parser.add_argument("--full", action="store_true", help="memory over 1,000,000 records instead of 100,000")
    arguments = parser.parse_args(argv)
    figures: dict[str, Any] = dict.fromkeys(REQUIRED)
    if "quality" in arguments.only:
        figures |= quality(arguments)
    if "identifiers" in arguments.only:
        figures |= identifier_figures()
    if "speed" in arguments.only:
        figures |= against_presidio(arguments)
    if "footprint" in arguments.only:
        figures |= footprint_figures(1_000_000 if arguments.full else 100_000, arguments.rounds)
    print()
    for name, value in figures.items():
        print(f"  {name:<30}{'not measured' if value is None else value}")
    print(json.dumps(figures))


def there(path: Path, what: str) -> bool:
    """Whether a file is there; says so when it is not."""
    if not path.exists():
        print(f"{what} left out: {path} does not exist (LLAMAFLOW_DATA names the folder of the public sets)")
    return path.exists()


def found(text: str, lang: str) -> list[Label]:
    """This project's predictions for one text."""
    return [Label(span.start, span.end, span.type) for span in detect(text, lang)]


def found_in_conversation(texts: list[str]) -> list[list[Label]]:
    """This project's predictions for the turns of a Portuguese conversation."""
    return [[Label(span.start, span.end, span.type) for span in spans] for spans in detect_conversation(texts, "pt")]


def quality(arguments: argparse.Namespace) -> dict[str, float]:
    """English, Portuguese and chat: how much is found, and how much of it is right."""
    figures: dict[str, float] = {}
    if there(arguments.presidio, "English set"):
        examples = corpora.presidio_set(arguments.presidio)
        predictions = [found(example.text, "en") for example in examples]
        tally = scores.tally(examples, predictions, corpora.PRESIDIO_LABELS, corpora.OUR_TYPES)
        print("\n" + scores.table("Presidio set (en), LlamaFlow", tally))
        figures |= english("en", tally)
    if there(arguments.lener, "LeNER-Br"):
        sentences = corpora.lener_sentences(arguments.lener)
        for prefix, title, examples in (("pt", "sentences", sentences), ("pt_documents", "documents", corpora.joined(sentences))):
            predictions = [found(example.text, "pt") for example in examples]
            tally = scores.tally(examples, predictions, corpora.LENER_LABELS, scores.PERSON_ONLY)
            print("\n" + scores.table(f"LeNER-Br dev (pt), {title}, LlamaFlow", tally))
            figures |= {
                f"{prefix}_person_f1": round(tally.overlap.f1, 4),
                f"{prefix}_person_recall": round(tally.overlap.recall, 4),
                f"{prefix}_person_strict_f1": round(tally.strict.f1, 4),
            }
    score = scores.chat_score(chat.conversations(arguments.conversations), found_in_conversation)
    print("\n" + scores.table("chat (pt), names held out of all lists, LlamaFlow", score.persons))
    print(f"  typed in lower case: recall {score.lower.recall:.3f} of {score.lower.labelled}")
    return figures | {
        "chat_person_recall": round(score.persons.overlap.recall, 4),
        "chat_person_precision": round(score.persons.overlap.precision, 4),
        "chat_person_strict_f1": round(score.persons.strict.f1, 4),
        "chat_lower_recall": round(score.lower.recall, 4),
    }


def english(prefix: str, tally: scores.Tally) -> dict[str, float]:
    """The figures of one system on the English set."""
    return {
        f"{prefix}_overlap_f1": round(tally.overlap.f1, 4),
        f"{prefix}_strict_f1": round(tally.strict.f1, 4),
        f"{prefix}_char_recall": round(tally.character_recall, 4),
        f"{prefix}_person_f1": round(tally.by_type["PERSON"].f1, 4),
    }


def identifier_figures() -> dict[str, float]:
    """Numbers with a check digit, and random digits."""
    cases, noise = identifiers.cases(), identifiers.random_digits()
    with Progress("identifiers", len(cases) + len(noise), "texts") as progress:
        predictions = []
        for case in cases:
            predictions.append(found(case.text, case.lang))
            progress.update()
        false: dict[str, list[int]] = {}
        for case in noise:
            false.setdefault(case.style, []).append(bool(found(case.text, case.lang)))
            progress.update()
    made = scores.id_score(cases, predictions)
    print("\n" + scores.id_table(made))
    print("\nrandom digits, share of texts with a finding by number of digits")
    for style, hits in sorted(false.items(), key=lambda item: int(item[0].split()[0])):
        print(f"  {style:<20}{sum(hits) / len(hits):>10.4f}{len(hits):>8}")
    total, hits = sum(score.total for score in made.values()), sum(map(sum, false.values()))
    formatted = [score for (_, style), score in made.items() if style == "formatted"]
    right, real = sum(score.right for score in formatted), sum(score.total for score in formatted)
    return {
        "id_recall": round(sum(score.right for score in made.values()) / total, 5),
        "id_covered": round(sum(score.hidden for score in made.values()) / total, 5),
        "id_precision_random": round(1 - hits / len(noise), 5),
        "id_precision_mixed": round(right / (right + real * hits / len(noise)), 5) if right else 0.0,
    }


def against_presidio(arguments: argparse.Namespace) -> dict[str, Any]:
    """Speed of both on the same texts, and Presidio's quality on the English set."""
    if not there(arguments.presidio_python, "Presidio") or not there(arguments.presidio, "Speed"):
        return {}
    examples = corpora.presidio_set(arguments.presidio)
    turns = [turn.text for conversation in chat.conversations() for turn in conversation][:CHAT_TEXTS]
    texts = [(example.text, "en") for example in examples] + [(text, "pt") for text in turns]
    with Presidio(arguments.presidio_python) as presidio:
        print("\nPresidio: " + ", ".join(f"{name} {version}" for name, version in presidio.versions.items()))
        single = race("one by one", texts, detect, presidio, 0, arguments.rounds)
        batch = race(f"batches of {BATCH}", texts, detect, presidio, BATCH, arguments.rounds)
        plain = None
        if there(arguments.plain, "Plain texts"):
            plain = race("plain texts", plain_texts(arguments.plain), detect, presidio, 0, arguments.rounds)
    tally = scores.tally(examples, single.results[: len(examples)], corpora.PRESIDIO_LABELS, corpora.PRESIDIO_TYPES)
    print("\n" + scores.table("Presidio set (en), Presidio", tally))
    print(f"\nspeed, texts a second\n  {'':<20}{'LlamaFlow':>12}{'Presidio':>12}{'ratio':>10}")
    for title, result in (("one by one", single), ("batches of 64", batch), ("plain texts", plain)):
        if result:
            print(f"  {title:<20}{result.texts / result.ours:>12.0f}{result.texts / result.theirs:>12.0f}{result.ratio:>10.1f}")
    return {
        "speed_vs_presidio": round(single.ratio, 2),
        "speed_vs_presidio_batch": round(batch.ratio, 2),
        "plain_speed_vs_presidio": round(plain.ratio, 2) if plain else None,
        "texts_per_second": round(single.texts / single.ours, 1),
        "presidio_texts_per_second": round(single.texts / single.theirs, 1),
        **english("presidio_en", tally),
        "presidio_model": presidio.versions["model"],
    }


def plain_texts(path: Path) -> list[tuple[str, str]]:
    """English sentences without capitals or digits, addresses of any kind left out.

    Of every tenth row alone: those that the tagger's list of ordinary words (training/ner/ordinary.py) was not made from.
    """
    outputs = [re.sub(r"\d", "", entry["output"]).lower() for entry in json.loads(path.read_text(encoding="utf-8"))[::10]]
    sentences = (text.strip() for output in outputs for text in re.split(r"(?<=[.!?])\s+|\n+", output))
    return [(text, "en") for text in sentences if len(text) > 10 and not re.search(r"@|://|www\.", text)][:PLAIN_TEXTS]


def footprint_figures(many: int, rounds: int) -> dict[str, float]:
    """Memory and shards of the anonymize step."""
    with tempfile.TemporaryDirectory(prefix="bench-anonymize-") as folder:
        figures = footprint.memory(Path(folder), many)
        figures["two_shards_speedup"] = round(footprint.shards(Path(folder), rounds), 3)
    print(f"\nanonymize.py: {figures['records_per_second']:.0f} records a second, {figures['memory_mib']:.0f} MiB at most")
    return figures


if __name__ == "__main__":
    sys.exit(run_step(main))
