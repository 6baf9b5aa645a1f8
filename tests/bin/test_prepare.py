"""PREPARE from command line to shards: exact bookkeeping, same bytes, nothing half-written, nothing personal in logs."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prepare
from llamaflow.errors import BadInputError, ManyProblems
from llamaflow.files import read_jsonl
from llamaflow.records import Record, content_id, read_records
from llamaflow.summaries import PrepareSummary, read_summary

SCRIPT = Path(prepare.__file__)
DATA = Path("/work/shared/data/instruct")
SECRET = "Joana Prado, CPF 529.982.247-25"


def row(prompt: str, completion: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]}, ensure_ascii=False)


def lines(count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [row(f"pergunta {seed}.{n}", " ".join(str(rng.randrange(10**6)) for _ in range(12))) for n in range(count)]


def run(folder: Path, inputs: list[Path | str], *options: str) -> PrepareSummary:
    out = ["--shards-dir", folder / "shards", "--rejected", folder / "rejected.jsonl", "--summary", folder / "prepare.json"]
    return prepare.main([str(arg) for arg in ["--input", *inputs, *out, *options]])


def kept(folder: Path) -> list[Record]:
    return [record for path in sorted((folder / "shards").iterdir()) for record in read_records(path)]


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "prepare.json"
    }


def test_from_mixed_files_to_shards(tmp_path: Path) -> None:
    data = tmp_path / "in"
    data.mkdir()
    (data / "b.jsonl").write_text("\n".join(lines(30)) + "\n{broken\n")
    (data / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines(12, seed=2)).encode()))
    (data / "c.csv").write_text("question,answer\n" + "".join(f"pergunta c{n},resposta c{n}\n" for n in range(7)))
    summary = run(tmp_path, [data], "--shard-size", "20")
    assert (summary.records_in, summary.kept, summary.rejected, summary.shards) == (50, 49, 1, 3)
    assert [(file.name, file.format, file.compression, file.records, file.rejected) for file in summary.files] == [
        ("a.jsonl.gz", "jsonl, openai messages", "gzip", 12, 0),
        ("b.jsonl", "jsonl, openai messages", "none", 31, 1),
        ("c.csv", "csv, prompt/completion", "none", 7, 0),
    ]
    records = kept(tmp_path)
    assert [record.source for record in records[:2] + records[-1:]] == ["a.jsonl.gz:1", "a.jsonl.gz:2", "c.csv:8"]
    assert all(record.id == content_id(record.messages) for record in records)
    assert [sum(1 for _ in read_jsonl(path)) for path in sorted((tmp_path / "shards").iterdir())] == [20, 20, 9]
    assert list(read_jsonl(tmp_path / "rejected.jsonl")) == [{"file": "b.jsonl", "line": 31, "reason": "invalid_json"}]
    assert read_summary(tmp_path / "prepare.json", PrepareSummary) == summary
    assert sum(summary.languages.values()) == summary.kept


WORDS = st.lists(st.sampled_from(["um", "dois", "três", "quatro", "cinco", "the", "of", "and"]), min_size=1, max_size=30).map(" ".join)
LINES = st.one_of(
    st.builds(row, WORDS, WORDS),
    st.sampled_from(
        ["{", "[]", "3", '{"messages": []}', '{"messages": [{"role": "x", "content": "y"}]}', row("a", ""), row("igual", "igual")]
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=40), st.sampled_from(["0", "0.5", "0.85"]), st.integers(1, 7), st.integers(5, 40))
def test_every_record_is_accounted_for(rows: list[str], threshold: str, size: int, most_words: int) -> None:
    rows = [row("sempre", "há um bom registro"), *rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
        summary = run(
            folder, [folder / "a.jsonl"], "--near-duplicate-threshold", threshold, "--shard-size", str(size),
            "--max-words", str(most_words), "--min-records", "1", "--max-reject-rate", "1",
        )  # fmt: skip
        records = kept(folder)
        rejected = list(read_jsonl(folder / "rejected.jsonl"))
        assert summary.records_in == len(rows) == summary.kept + summary.rejected + summary.exact_duplicates + summary.near_duplicates
        assert summary.rejected == len(rejected) == sum(summary.rejected_by_reason.values()) == sum(file.rejected for file in summary.files)
        assert summary.kept == len(records) == len({record.id for record in records})
        assert summary.shards == -(-summary.kept // size)
        assert threshold != "0" or summary.near_duplicates == 0
        places = [int(record.source.rpartition(":")[2]) for record in records]
        assert places == sorted(places) and not set(places) & {entry["line"] for entry in rejected}
        assert all(set(entry) == {"file", "line", "reason"} for entry in rejected)


def test_same_content_gives_the_same_bytes_in_whatever_order_files_are_named(tmp_path: Path) -> None:
    paths = []
    for n in range(3):
        (tmp_path / f"in{n}").mkdir()
        paths.append(tmp_path / f"in{n}" / f"f{n}.jsonl")
        paths[-1].write_text("\n".join(lines(20, seed=n) + lines(5)))
    found = []
    for n, order in enumerate([paths, paths[::-1], [tmp_path / "link"]]):
        if n == 2:
            (tmp_path / "link").mkdir()
            for path in paths:
                (tmp_path / "link" / path.name).symlink_to(path)
        out = tmp_path / f"out{n}"
        out.mkdir()
        found.append((run(out, order, "--shard-size", "16"), outputs(out)))
    assert found[0][1] == found[1][1] == found[2][1]
    digests = {summary.data_digest for summary, _ in found}
    assert len(digests) == 1 and len(found[0][1]) == 5


def test_the_first_of_near_duplicates_stays(tmp_path: Path) -> None:
    words = [f"palavra{n}" for n in range(200)]
    near = [*words[:150], "outra", *words[151:]]
    (tmp_path / "a.jsonl").write_text(
        "\n".join([*lines(10), row("p", " ".join(words)), row("p", " ".join(near)), row("p", " ".join(words))])
    )
    summary = run(tmp_path, [tmp_path / "a.jsonl"])
    assert (summary.kept, summary.near_duplicates, summary.exact_duplicates) == (11, 1, 1)
    assert kept(tmp_path)[-1].source == "a.jsonl:11"


def test_shared_passages_and_system_texts_do_not_make_records_alike(tmp_path: Path) -> None:
    shared = " ".join(f"palavra{n}" for n in range(300))
    flat = [{"context": shared, "question": f"Quem fez a coisa {n}?", "answers": {"text": [f"nome {n}"]}} for n in range(12)]
    chats = [
        {"messages": [{"role": "system", "content": shared}, *json.loads(row(f"pergunta {n}", f"resposta {n}"))["messages"]]}
        for n in range(12)
    ]
    for name, rows in (("squad", flat), ("chats", chats)):
        out = tmp_path / name
        out.mkdir()
        (out / "a.jsonl").write_text("\n".join(json.dumps(value) for value in rows))
        assert run(out, [out / "a.jsonl"]).kept == 12


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([row("a", "b")] * 50, [], ["only 1 distinct", "at least 10", "49 exact duplicates"]),
        (lines(5), [], ["only 5 distinct", "at least 10"]),
        ([*lines(20), "{", "{", "x"], [], ["too many records are rejected: 3 of 23", "a.jsonl:21 invalid_json", "--max_reject_rate"]),
        (lines(20), ["--max-words", "3"], ["too_long (20)", "--max_words"]),
        (["{"] * 20, [], ["no valid record", "invalid_json (20)"]),
        (lines(20), ["--mapping", "prompt=x"], ["not in the file"]),
        (lines(20), ["--near-duplicate-threshold", "2", "--max-words", "0"], ["--near_duplicate_threshold", "--max_words"]),
    ],
)
def test_what_stops_the_step_says_why_and_leaves_nothing(tmp_path: Path, rows: list[str], options: list[str], words: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    with pytest.raises(BadInputError) as caught:
        run(tmp_path, [tmp_path / "a.jsonl"], *options)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_all_bad_files_are_named_also_those_that_break_late(tmp_path: Path) -> None:
    good = [json.loads(line) for line in lines(400)]
    (tmp_path / "late1.json").write_text(json.dumps(good)[:-30])
    (tmp_path / "late2.json").write_text(json.dumps(good, indent=1)[:-30])
    (tmp_path / "ok.jsonl").write_text("\n".join(lines(20)))
    with pytest.raises(ManyProblems) as caught:
        run(tmp_path, [tmp_path])
    assert len(caught.value.problems) == 2 and "late1.json" in str(caught.value) and "late2.json" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late1.json", "late2.json", "ok.jsonl"]
    (tmp_path / "empty.csv").touch()
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b"x" * 99)[:-9])
    with pytest.raises(ManyProblems) as caught:
        run(tmp_path, [tmp_path, tmp_path / "absent"])
    assert len(caught.value.problems) == 3


def test_an_output_folder_in_use_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(lines(20)))
    run(tmp_path, [tmp_path / "a.jsonl"])
    before = outputs(tmp_path)
    with pytest.raises(BadInputError, match="not empty"):
        run(tmp_path, [tmp_path / "a.jsonl"])
    assert outputs(tmp_path) == before


def command(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *args], cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_found_and_nothing_personal(tmp_path: Path) -> None:
    (tmp_path / "conversas.jsonl").write_text("\n".join([*lines(40), row(SECRET, SECRET), json.dumps({SECRET: 1})]))
    done = command(tmp_path, "--input", "conversas.jsonl")
    assert done.returncode == 0, done.stderr
    assert "conversas.jsonl: jsonl, openai messages, 42 records" in done.stderr
    progress = [json.loads(line) for line in done.stdout.splitlines()]
    assert progress[-1]["progress"] == "prepare" and progress[-1]["done"] == 42
    said = done.stdout + done.stderr + (tmp_path / "prepare.json").read_text() + (tmp_path / "rejected.jsonl").read_text()
    assert not any(word in said for word in ("Joana", "Prado", "529"))
    assert SCRIPT.stat().st_mode & 0o777 == 0o755


def test_bad_input_is_exit_code_2_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text((row(SECRET, SECRET) + "\n{" + SECRET + "\n") * 20)
    done = command(tmp_path, "--input", "a.jsonl", "b.csv")
    assert done.returncode == 2 and "b.csv" in done.stderr and "Traceback" not in done.stderr
    done = command(tmp_path, "--input", "a.jsonl")
    assert done.returncode == 2 and "a.jsonl:2 invalid_json" in done.stderr
    assert not any(word in done.stderr + done.stdout for word in ("Joana", "Prado", "529"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.skipif(not DATA.exists(), reason="shared data sets are absent")
def test_real_files_together(tmp_path: Path) -> None:
    for name in ("alpaca-en-999.json", "sharegpt-500.json", "faquad-train.json"):
        shutil.copy(DATA / name, tmp_path)
    summary = run(tmp_path, [tmp_path / "*.json"])
    assert summary.records_in == 999 + 500 + 837 and summary.rejected == 0
    assert summary.languages["pt"] >= 800 and summary.languages["en"] >= 1250
    # 14 instructions of the alpaca file and one question of FaQuAD stand there twice.
    assert summary.exact_duplicates == 15
