"""The conversations of the fine-tuning benchmark: one fixed split, cut to a budget, nothing that anyone would truncate."""

from __future__ import annotations

import json
import math
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from benchmarks.finetune import data
from llamaflow.chat import encode
from llamaflow.errors import BadInputError
from llamaflow.models import load_tokenizer
from llamaflow.packing import pack_rows
from llamaflow.records import read_records

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
MAX_LENGTH = 64


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TINY)


@pytest.fixture
def conversations(tmp_path) -> Path:
    """150 short rows, and one that is longer than MAX_LENGTH."""
    rows = [{"instruction": f"Say {number}", "input": "now" if number % 2 else "", "output": f"It is {number}."} for number in range(150)]
    rows.insert(3, {"instruction": "Count", "input": "", "output": "one two three " * 60})
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows))
    return path


def tokens_of(tokenizer, path: Path) -> list[int]:
    return [len(encode(tokenizer, record.messages, 10**6).input_ids) for record in read_records(path)]


def test_a_budget_takes_the_first_examples_and_counts_their_tokens(conversations, tmp_path, tokenizer):
    files = data.write(conversations, tmp_path / "cut", tokenizer, 300, MAX_LENGTH)
    lengths = tokens_of(tokenizer, files.train)
    assert files.budget == files.work.tokens == sum(lengths) and len(lengths) == files.examples
    assert sum(lengths[:-1]) < 300 <= sum(lengths) and files.epochs == 1


def test_a_large_budget_is_whole_epochs_and_none_is_one_of_all(conversations, tmp_path, tokenizer):
    whole = data.write(conversations, tmp_path / "all", tokenizer, None, MAX_LENGTH)
    thrice = data.write(conversations, tmp_path / "thrice", tokenizer, 3 * whole.budget + 5, MAX_LENGTH)
    assert (whole.epochs, thrice.epochs) == (1, 3) and thrice.budget == 3 * whole.budget
    assert whole.examples == thrice.examples == 50


def test_the_sets_share_nothing_and_hold_nothing_that_would_be_cut(conversations, tmp_path, tokenizer):
    files = data.write(conversations, tmp_path / "all", tokenizer, None, MAX_LENGTH)
    train, validation = ({record.id for record in read_records(path)} for path in (files.train, files.validation))
    assert not train & validation and len(validation) == data.VALIDATION and files.left_out == 1
    assert max(tokens_of(tokenizer, files.train) + tokens_of(tokenizer, files.validation)) <= MAX_LENGTH
    again = data.write(conversations, tmp_path / "again", tokenizer, 300, MAX_LENGTH)
    assert again.validation.read_bytes() == files.validation.read_bytes()


def test_an_absent_file_and_a_short_one_are_bad_input(conversations, tmp_path, tokenizer):
    with pytest.raises(BadInputError, match="cannot be read"):
        data.write(tmp_path / "no.json", tmp_path, tokenizer, None, MAX_LENGTH)
    conversations.write_text(json.dumps(json.loads(conversations.read_text())[:80]))
    with pytest.raises(BadInputError, match="too few"):
        data.write(conversations, tmp_path, tokenizer, None, MAX_LENGTH)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(5, 300), min_size=1, max_size=80), per_step=st.integers(1, 8))
def test_rows_as_many_as_the_steps_of_the_others(lengths, per_step):
    steps = math.ceil(len(lengths) / per_step)
    capacity = data.row_length(lengths, steps, 64)
    assert capacity >= 64 and len(pack_rows(lengths, capacity)) <= steps
