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
from llamaflow.inputs.cut_off import PileUp, breaks_off, told_cut
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
    # One answer of the alpaca file, a multiplication table, ends inside its code fence.
    assert summary.records_in == 999 + 500 + 837 and summary.rejected_by_reason == {"cut_off": 1}
    assert summary.languages["pt"] >= 800 and summary.languages["en"] >= 1250
    # 14 instructions of the alpaca file and one question of FaQuAD stand there twice.
    assert summary.exact_duplicates == 15


# ---- answers that were cut off ----------------------------------------------------------------------------------------

WHOLE = [
    "Sim.", "def", "```py\nx\n```", "a ``` b", "```x``` e mais", "~~~\n```\n~~~", "````\n```\n````", '{"a": [1, 2]}', "[1] Fonte: aqui",
    "[nome] disse", "{nome}", "[]", "[1, 2]", '["a"] e fim', "[" * 5000, "{", "texto\n    ```\n indentado",
]  # fmt: skip
CUT = [
    "```py\nx", "a\n\n```\nx\n```\n```", "~~~\n```\n", "````\n```", '{"a": [1, 2', '{"a": "texto que não', '[{"a": tru', '["x",',
    '{"a": {"b": 1}', "[1, 2, 3", '{"a":',
]  # fmt: skip


@pytest.mark.parametrize("answer", WHOLE)
def test_whole_answers_are_not_taken_for_cut_ones(answer: str) -> None:
    assert not breaks_off(answer)


@pytest.mark.parametrize("answer", CUT)
def test_open_fences_and_open_json_are_found(answer: str) -> None:
    assert breaks_off(answer)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.text(max_size=5), inner, min_size=1, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=4), st.booleans(), st.data())
def test_every_cut_of_a_json_object_is_found_and_the_whole_is_not(value: dict, plain: bool, data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    assert not breaks_off(text)
    cut = text[: data.draw(st.integers(2, len(text) - 1))].rstrip()
    # A number, a word such as "nul" or an escape cut in its middle may be anything: those at the very end are let pass.
    assert breaks_off(cut) or cut.endswith("\\") or "\\u" in cut[-6:] or cut[-1] == "-"


@given(st.text(max_size=300))
def test_no_text_upsets_the_search_for_breaks(text: str) -> None:
    breaks_off(text)
    breaks_off("{" + text)
    breaks_off("```" + text)


@pytest.mark.parametrize(
    ("row", "cut"),
    [
        ({"finish_reason": "length"}, True), ({"stop_reason": "max_tokens"}, True), ({"metadata": {"finishReason": "MAX_TOKENS"}}, True),
        ({"messages": [{"role": "assistant", "finish_reason": "length"}]}, True), ({"choices": [{"finish_reason": "length"}]}, True),
        ({"finish_reason": "stop"}, False), ({"finish_reason": None}, False), ({"length": "length"}, False), ({"messages": []}, False),
        ({"messages": "length", "meta": 3, "choices": [None]}, False), ([], False), ("length", False),
    ],
)  # fmt: skip
def test_what_the_row_says_of_its_end(row: object, cut: bool) -> None:
    assert told_cut(row) is cut


def test_a_pile_of_unfinished_answers_at_one_length_is_a_cut_field() -> None:
    def found(lengths: list[int], end: str = "x") -> list[int]:
        pile = PileUp()
        for number, length in enumerate(lengths):
            pile.add(number, "a" * (length - 1) + end)
        return pile.found()

    spread = list(range(20, 220, 2))
    assert found([*spread, *[255] * 4, 254]) == [100, 101, 102, 103, 104]
    assert found([255, 254, *spread, 253, 255, 255]) == [0, 1, 102, 103, 104]
    assert found([*spread, *[255] * 5], end=".") == []
    assert found([*spread, *[255] * 4]) == []  # four may be chance
    assert found([64] * 20) == found([20, *[128] * 20]) == []  # short, or all of one length by nature
    assert found([*spread, *[255] * 5, 900]) == []


def test_cut_off_answers_are_rejected_with_their_lines(tmp_path: Path) -> None:
    rows = lines(60)
    told = json.loads(rows[3]) | {"finish_reason": "length"}
    rows[3] = json.dumps(told)
    rows[7] = row("código?", "Assim:\n```python\nfor i in range(3):")
    rng = random.Random(3)
    long = ["".join(rng.choice("abcdefgh ") for _ in range(299)) + "m" for _ in range(6)]
    rows[20:26] = [row(f"pergunta longa {n}", text) for n, text in enumerate(long)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    summary = run(tmp_path, [tmp_path / "a.jsonl"], "--shard-size", "16", "--max-reject-rate", "0.2")
    assert summary.rejected_by_reason == {"cut_off": 8}
    assert sorted(entry["line"] for entry in read_jsonl(tmp_path / "rejected.jsonl")) == [4, 8, *range(21, 27)]
    places = [int(record.source.rpartition(":")[2]) for record in kept(tmp_path)]
    assert places == [n for n in range(1, 61) if n not in (4, 8, *range(21, 27))]
    assert summary.kept == len(places) == 52 and summary.shards == len(list((tmp_path / "shards").iterdir())) == 4
    assert sum(summary.languages.values()) == 52 and summary.records_in == 60
    shutil.rmtree(tmp_path / "shards")
    assert run(tmp_path, [tmp_path / "a.jsonl"], "--drop-cut-off", "false").rejected == 0
    shutil.rmtree(tmp_path / "shards")
    with pytest.raises(BadInputError, match="--drop_cut_off false"):
        run(tmp_path, [tmp_path / "a.jsonl"])


# ---- lengths, strata, the user's own test set ---------------------------------------------------------------------------


def test_lengths_are_those_of_the_kept_records(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(lines(101)))
    summary = run(tmp_path, [tmp_path / "a.jsonl"])
    words = sorted(sum(len(message.content.split()) for message in record.messages) for record in kept(tmp_path))
    characters = sorted(sum(len(message.content) for message in record.messages) for record in kept(tmp_path))
    for values, found in ((words, summary.words), (characters, summary.characters)):
        assert sum(lengths.records for lengths in found.values()) == 101
        if len(found) == 1:
            (lengths,) = found.values()
            assert (lengths.p50, lengths.longest) == (values[50], values[-1])
            assert lengths.mean == pytest.approx(sum(values) / 101, abs=0.1)


def test_an_own_test_set_is_marked_and_keeps_what_training_holds_too(tmp_path: Path) -> None:
    (tmp_path / "treino.jsonl").write_text("\n".join(lines(30)))
    (tmp_path / "prova.csv").write_text("question,answer,assunto\n" + "".join(f"questão {n},resposta {n},a{n % 2}\n" for n in range(8)))
    (tmp_path / "mesmo.jsonl").write_text("\n".join([*lines(30)[:5], lines(30)[0], "{"]))
    tests = ["--test-input", str(tmp_path / "prova.csv"), str(tmp_path / "mesmo.jsonl")]
    summary = run(tmp_path, [tmp_path / "treino.jsonl"], *tests, "--stratify-by", "assunto")
    assert (summary.kept, summary.test_records, summary.exact_duplicates, summary.rejected) == (43, 13, 1, 1)
    assert [(file.name, file.own_test) for file in summary.files] == [("treino.jsonl", False), ("mesmo.jsonl", True), ("prova.csv", True)]
    marks = {record.source: record.meta.get("split") for record in kept(tmp_path)}
    assert {source.partition(":")[0] for source, mark in marks.items() if mark == "test"} == {"prova.csv", "mesmo.jsonl"}
    assert {source.partition(":")[0] for source, mark in marks.items() if mark is None} == {"treino.jsonl"}
    assert {record.meta.get("stratum") for record in kept(tmp_path)} == {None, "a0", "a1"}


def test_a_test_set_does_not_count_towards_the_fewest_records_and_its_faults_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(lines(5)))
    (tmp_path / "prova.jsonl").write_text("\n".join(lines(30, seed=2)))
    with pytest.raises(BadInputError, match="only 5 distinct"):
        run(tmp_path, [tmp_path / "a.jsonl"], "--test-input", str(tmp_path / "prova.jsonl"))
    with pytest.raises(BadInputError, match="nirgends.csv"):
        run(tmp_path, [tmp_path / "a.jsonl"], "--test-input", str(tmp_path / "nirgends.csv"))


@pytest.mark.parametrize("indent", [None, 1])
def test_a_syntax_error_far_into_a_json_file_names_its_line(tmp_path: Path, indent: int | None) -> None:
    rows = [json.loads(text) for text in lines(400)]
    text = json.dumps(rows, indent=indent)
    wrong = text.index('"messages"', text.index('"pergunta 1.300"') - 120)
    (tmp_path / "a.json").write_text(text[:wrong] + text[wrong + 1 :])
    with pytest.raises(BadInputError) as caught:
        run(tmp_path, [tmp_path / "a.json"])
    told = str(caught.value)
    number = int(told.partition("a.json:")[2].split()[0])
    assert number == text[:wrong].count("\n") + 1 and "not valid JSON" in told, told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json"]
