"""SPLIT: a record's set depends on itself alone, nothing is lost or doubled, and a refusal leaves no file."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import split
from llamaflow.errors import BadInputError, run_step
from llamaflow.files import read_jsonl, sha256_file, write_jsonl
from llamaflow.records import Message, Record, content_id
from llamaflow.summaries import SplitSummary, read_summary

SETS = ("train", "validation", "test")


def record(text: str, record_id: str | None = None, lang: str = "pt") -> Record:
    messages = [Message(role="user", content=text), Message(role="assistant", content="ok")]
    return Record(id=record_id or content_id(messages), messages=messages, lang=lang)


def run(shards: list[list[Record]], *arguments: object, names: list[str] | None = None) -> tuple[dict[str, list[str]], SplitSummary]:
    """Ids by set, in file order, and the summary."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = [folder / (names[i] if names else f"shard-{i:04}.jsonl.zst") for i in range(len(shards))]
        for path, shard in zip(paths, shards, strict=True):
            write_jsonl(path, shard)
        split.main(["--shards", *map(str, paths), "--outdir", place, "--summary", str(folder / "s.json"), *map(str, arguments)])
        ids = {name: [value["id"] for value in read_jsonl(folder / f"{name}.jsonl")] for name in SETS}
        return ids, read_summary(folder / "s.json", SplitSummary)


def place_of(ids: dict[str, list[str]]) -> dict[str, str]:
    return {record_id: name for name, members in ids.items() for record_id in members}


RECORDS = [record(f"pergunta número {number}", lang="pt" if number % 3 else "en") for number in range(400)]


def test_sets_are_disjoint_whole_and_counted() -> None:
    ids, summary = run([RECORDS[:150], RECORDS[150:]])
    everything = [record_id for members in ids.values() for record_id in members]
    assert sorted(everything) == sorted(r.id for r in RECORDS)
    assert {name: getattr(summary, name) for name in SETS} == {name: len(ids[name]) for name in SETS}
    languages = {r.id: r.lang for r in RECORDS}
    for name in SETS:
        assert summary.languages[name] == {lang: sum(languages[i] == lang for i in ids[name]) for lang in ("en", "pt")}
    assert summary.duplicates_removed == 0


@given(
    st.lists(st.text("abcdefghijklmnop0123456789", min_size=1, max_size=30), unique=True, max_size=60), st.randoms(use_true_random=False)
)
@settings(max_examples=15, deadline=None)
def test_adding_records_never_moves_others(extra: list[str], rng: random.Random) -> None:
    before = place_of(run([RECORDS])[0])
    mixed = RECORDS + [record(text) for text in extra]
    rng.shuffle(mixed)
    cut = rng.randrange(len(mixed))
    after = place_of(run([mixed[:cut], mixed[cut:]])[0])
    assert {record_id: after[record_id] for record_id in before} == before


def test_shard_order_and_number_do_not_matter() -> None:
    whole = run([RECORDS])[0]
    quarters = [RECORDS[i::4] for i in range(4)]
    assert place_of(run(quarters)[0]) == place_of(whole)
    forward = run([RECORDS[:200], RECORDS[200:]], names=["a.jsonl", "b.jsonl"])
    backward = run([RECORDS[200:], RECORDS[:200]], names=["b.jsonl", "a.jsonl"])
    assert forward[0] == backward[0]  # the same shards named in another order: the same files
    assert forward[1].data_digest == backward[1].data_digest


def test_same_input_same_bytes_and_another_seed_another_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shard.jsonl.zst", RECORDS)
    digests = []
    for number, seed in enumerate((17, 17, 18)):
        out = tmp_path / str(number)
        out.mkdir()
        split.main(
            ["--shards", str(tmp_path / "shard.jsonl.zst"), "--outdir", str(out), "--summary", str(out / "s.json"), "--seed", str(seed)]
        )
        digests.append([sha256_file(out / f"{name}.jsonl") for name in SETS] + [read_summary(out / "s.json", SplitSummary).data_digest])
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.1), (0.05, 0.3), (0.45, 0.45)])
def test_shares_are_about_right(validation: float, test: float) -> None:
    ids = [content_id([Message(role="user", content=str(number))]) for number in range(20_000)]
    places = [split.choose(record_id, 17, validation, test) for record_id in ids]
    for name, share in (("validation", validation), ("test", test), ("train", 1 - validation - test)):
        assert abs(places.count(name) / len(ids) - share) < 0.015  # more than four standard deviations


@given(st.text(max_size=40), st.integers(), st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.floats(0.05, 0.19))
@settings(max_examples=200, deadline=None)
def test_a_larger_test_share_only_adds_to_the_test_set(record_id: str, seed: int, validation: float, test: float, more: float) -> None:
    """Growing a share must not swap what was tested before."""
    if split.choose(record_id, seed, validation, test) == "test":
        assert split.choose(record_id, seed, validation, test + more) == "test"


def test_records_that_became_equal_are_kept_once() -> None:
    twins = [record("[PESSOA] pergunta pelo pedido", record_id=f"{number:032x}") for number in range(9)]
    ids, summary = run([RECORDS + twins[:4], twins[4:]])
    assert summary.duplicates_removed == 8
    assert sum(len(members) for members in ids.values()) == len(RECORDS) + 1
    assert len(set(place_of(ids)) & {twin.id for twin in twins}) == 1


def test_equal_text_in_other_roles_is_no_duplicate() -> None:
    other = Record(id="f" * 32, messages=[Message(role="system", content=m.content) for m in RECORDS[0].messages])
    assert run([[*RECORDS, other]])[1].duplicates_removed == 0


@pytest.mark.parametrize("shards", [[[]], [RECORDS[:4]], [[record("igual", record_id=f"{n:032x}") for n in range(500)]]])
def test_too_few_records_is_bad_input_and_leaves_nothing(tmp_path: Path, shards: list[list[Record]], capsys: pytest.CaptureFixture) -> None:
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    out.mkdir()
    write_jsonl(inputs / "shard.jsonl", shards[0])
    command = ["--shards", str(inputs / "shard.jsonl"), "--outdir", str(out), "--summary", str(out / "s.json")]
    assert run_step(lambda: split.main(command), private=True) == 2
    assert list(out.iterdir()) == []
    told = capsys.readouterr().err
    assert "too few records" in told and "fix:" in told and "igual" not in told


def test_the_fewest_records_can_be_set() -> None:
    sizes = {name: len(members) for name, members in run([RECORDS])[0].items()}
    smallest = min(sizes.values())
    run([RECORDS], "--min-records", smallest)
    with pytest.raises(BadInputError, match=f"{smallest} in "):
        run([RECORDS], "--min-records", smallest + 1)


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.1), (0.1, 0), (0.5, 0.5), (0.9, 0.9), (-0.1, 0.1), (0.1, 1), ("nan", 0.1), (0.1, "inf")]
)
def test_shares_that_leave_nothing_are_refused(validation: object, test: object, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="shares"):
        run([RECORDS], "--validation", validation, "--test", test)


def test_a_broken_shard_leaves_nothing_and_says_nothing_of_its_text(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", RECORDS)
    with (tmp_path / "a.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"id": "x", "messages": "Luciana Nogueira 529.982.247-25"}\n')
    (tmp_path / "out").mkdir()
    script = Path(split.__file__)
    command = [str(script), "--shards", "a.jsonl", "--outdir", "out", "--summary", "out/s.json"]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert list((tmp_path / "out").iterdir()) == []
    assert not re.search("Luciana|529", done.stdout + done.stderr)
    assert os.access(script, os.X_OK)
