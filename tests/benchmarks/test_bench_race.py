"""Presidio as the benchmark runs it, and the anonymize step as the benchmark measures it."""

from pathlib import Path

import pytest

from benchmarks.anonymize import footprint
from benchmarks.anonymize.measures import Label
from benchmarks.anonymize.race import Presidio, race
from llamaflow.errors import BadInputError
from llamaflow.files import read_jsonl
from llamaflow.records import Record

PYTHON = Path(__file__).resolve().parents[2] / ".venv-bench" / "bin" / "python"
TEXTS = ["Mail anna@example.com or see www.example.org", "", "card 4111 1111 1111 1111, émigré 🙂"]


@pytest.mark.skipif(not PYTHON.exists(), reason="Presidio is not installed: make bench-anonymize installs it")
def test_presidio_says_the_same_one_by_one_and_in_batches_and_nothing_twice():
    with Presidio(PYTHON) as presidio:
        single, batch = presidio.analyze(TEXTS)[1], presidio.analyze(TEXTS, batch=2)[1]
        result = race("texts", [(text, "en") for text in TEXTS], lambda text, lang: None, presidio, 0, 2)
    assert single == batch == result.results
    assert Label(5, 21, "EMAIL_ADDRESS") in single[0] and Label(5, 24, "CREDIT_CARD") in single[2] and single[1] == []
    for spans in single:
        ordered = sorted(spans)
        assert all(one.end <= other.start for one, other in zip(ordered, ordered[1:], strict=False))
    assert result.texts == len(TEXTS) and result.theirs > 0


def test_a_process_that_is_no_presidio_is_named():
    with pytest.raises(BadInputError, match="Presidio ended"):
        Presidio(Path("/bin/true"))


def test_shards_hold_different_records(tmp_path):
    footprint.write_shard(tmp_path / "one.zst", 60)
    footprint.write_shard(tmp_path / "two.zst", 60, first=60)
    records = [Record.model_validate(value) for name in ("one.zst", "two.zst") for value in read_jsonl(tmp_path / name)]
    assert len({record.id for record in records}) == len({record.text for record in records}) == 120


def test_the_step_is_measured_to_its_end(tmp_path):
    figures = footprint.memory(tmp_path, 40, few=10)
    assert figures["memory_records"] == 40 and figures["memory_mib"] > 10
    assert len(list(read_jsonl(tmp_path / "large.clean.zst"))) == 40


def test_a_step_that_fails_is_an_error_and_no_figure(tmp_path):
    (tmp_path / "broken.zst").write_bytes(b"no zstd")
    with pytest.raises(BadInputError, match="broken"):
        footprint.anonymize([tmp_path / "broken.zst"], footprint.write_key(tmp_path))
