"""REPLAY: the base model's own answers as records to learn again."""

from __future__ import annotations

from pathlib import Path

import pytest

import replay as script
from llamaflow.errors import BadInputError
from llamaflow.records import read_records

ROOT = Path(__file__).parents[2]
TINY, PROMPTS = ROOT / "tests/data/tiny-llama", ROOT / "conf/replay/prompts.jsonl"


def test_prompts_are_questions_of_both_languages():
    prompts = list(read_records(PROMPTS))
    assert len({one.messages[-1].content for one in prompts}) == len(prompts) == 100
    assert all([turn.role for turn in one.messages] == ["user"] for one in prompts)
    assert sum(one.lang == "pt" for one in prompts) == 50


def test_only_finished_answers_become_records(tmp_path):
    out = tmp_path / "replay.jsonl"
    try:
        script.main(
            ["--base", str(TINY), "--prompts", str(PROMPTS), "--output", str(out), "--max-new-tokens", "200", "--precision", "fp32"]
        )
    except BadInputError:  # a model with random weights may never end an answer
        assert not out.exists()
        return
    records = list(read_records(out))
    assert records and all([turn.role for turn in one.messages] == ["user", "assistant"] for one in records)
    assert all(one.messages[1].content for one in records)


def test_no_finished_answer_is_an_error_and_leaves_no_file(tmp_path):
    out = tmp_path / "replay.jsonl"
    with pytest.raises(BadInputError):
        script.main(["--base", str(TINY), "--prompts", str(PROMPTS), "--output", str(out), "--max-new-tokens", "1", "--precision", "fp32"])
    assert not out.exists()
