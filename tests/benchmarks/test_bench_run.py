"""The benchmark's command: without the public sets it says so and still ends with its JSON line."""

import json

import pytest

from benchmarks.anonymize import quality, run


@pytest.fixture
def nowhere(tmp_path):
    return ["--presidio", str(tmp_path / "no.json"), "--lener", str(tmp_path / "no.conll")]


def test_absent_sets_are_named_and_the_rest_is_measured(nowhere, capsys):
    run.main(["--only", "quality", "speed", "--conversations", "20", "--presidio-python", "no-python", *nowhere])
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert set(run.REQUIRED) <= set(figures)
    assert figures["en_overlap_f1"] is None and figures["speed_vs_presidio"] is None
    assert 0 < figures["chat_person_recall"] <= 1
    assert sum("left out" in line for line in lines) == 3


def test_quality_prints_as_many_errors_as_asked_for(capsys):
    quality.main(["--only", "chat", "--conversations", "20", "--errors", "3"])
    assert sum(line.startswith(("  missed", "  wrong")) for line in capsys.readouterr().out.splitlines()) == 3


def test_plain_texts_have_no_capitals_digits_or_addresses(tmp_path):
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps([{"output": text} for text in ("Bake 2 Cakes", "See www.example.com", "me@example.com", "", "12")]))
    assert run.plain_texts(path) == [("bake  cakes", "en")]
