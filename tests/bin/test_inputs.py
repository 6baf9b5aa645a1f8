"""Reading users' files: every kind and format, what is wrong with them, and nothing of a record in a message."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.inputs import discover, inspect_inputs, read_items
from llamaflow.inputs.mapping import parse_mapping
from llamaflow.inputs.messages import RowError, clean_text, to_messages
from llamaflow.records import Record

DATA = Path("/work/shared/data/instruct")
SECRET = "Joana Prado, CPF 529.982.247-25"
PAIR = [{"role": "user", "content": "Qual é o prazo?"}, {"role": "assistant", "content": "Dez dias."}]
IN_TMP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
CLEAN = TEXT.filter(lambda text: clean_text(text) != "")


def inspect_one(path: Path, **options: Any):
    files, problems = inspect_inputs([path], **options)
    assert not problems, problems
    return files[0]


def problem_of(path: Path | str, **options: Any) -> BadInputError:
    files, problems = inspect_inputs([path], **options)
    assert not files and len(problems) == 1
    return problems[0]


def records_of(path: Path, **options: Any) -> list[Record]:
    file = inspect_one(path, **options)
    items = list(read_items(file.source, file.file_format, file.format, file.mapping))
    assert all(item.record for item in items), [item.reason for item in items]
    return [item.record for item in items if item.record]


def turns(record: Record) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in record.messages]


def write(path: Path, content: bytes | str) -> Path:
    content = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = zstandard.compress(content)
    path.write_bytes(content)
    return path


def jsonl(rows: list[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# --- formats ---------------------------------------------------------------------------------------------------------

ASKED = [("user", "Pergunta"), ("assistant", "Resposta")]


@pytest.mark.parametrize(
    ("row", "form", "expected"),
    [
        ({"messages": [{"role": "user", "content": "Pergunta"}, {"role": "assistant", "content": "Resposta"}]}, "openai", ASKED),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Perg"}, {"type": "text", "text": "unta"}]},
                       {"role": "assistant", "content": "Resposta"}]}, "openai", [("user", "Perg\nunta"), ASKED[1]]),
        ({"conversations": [{"from": "human", "value": "Pergunta"}, {"from": "gpt", "value": "Resposta"}]}, "sharegpt", ASKED),
        ({"conversations": [{"role": "user", "content": "Pergunta"}, {"role": "assistant", "content": "Resposta"}]}, "sharegpt", ASKED),
        ({"conversations": [{"from": "gpt", "value": "antes"}, {"from": "human", "value": "Pergunta"},
                            {"from": "gpt", "value": "Resposta"}]},
         "sharegpt", ASKED),
        ({"conversations": [{"from": "system", "value": "Seja breve"}, {"from": "human", "value": "Pergunta"},
                            {"from": "function_call", "value": "f(1)"}, {"from": "function", "value": "2"},
                            {"from": "gpt", "value": "Resposta"}]}, "sharegpt",
         [("system", "Seja breve"), ASKED[0], ("assistant", "f(1)"), ("tool", "2"), ASKED[1]]),
        ({"instruction": "Pergunta", "input": "", "output": "Resposta"}, "alpaca", ASKED),
        ({"instruction": "Traduza", "input": "cat", "output": "gato", "system": "S", "history": [["a", "b"]]}, "alpaca",
         [("system", "S"), ("user", "a"), ("assistant", "b"), ("user", "Traduza\n\ncat"), ("assistant", "gato")]),
        ({"prompt": "Pergunta", "completion": "Resposta"}, "prompt", ASKED),
        ({"prompt": "Pergunta", "response": "Resposta"}, "prompt", ASKED),
        ({"question": "Pergunta", "answer": "Resposta"}, "prompt", ASKED),
        ({"question": "Pergunta", "answer": 42}, "prompt", [ASKED[0], ("assistant", "42")]),
        ({"prompt": "[1, 2]", "completion": "[3]"}, "prompt", [("user", "[1, 2]"), ("assistant", "[3]")]),
        ({"prompt": [{"role": "user", "content": "Pergunta"}],
          "completion": [{"role": "assistant", "content": "Resposta"}]}, "prompt", ASKED),
        ({"context": "C", "question": "Pergunta", "answers": {"text": ["Resposta", "outra"], "answer_start": [0, 1]}}, "squad",
         [("user", "C\n\nPergunta"), ASKED[1]]),
        ({"text": " Documento \r\n inteiro\x00 "}, "text", [("assistant", "Documento \n inteiro")]),
    ],
)  # fmt: skip
def test_every_format_is_detected_and_read(tmp_path: Path, row: dict, form: str, expected: list) -> None:
    path = write(tmp_path / "a.jsonl", jsonl([row, row]))
    assert inspect_one(path).format == form
    assert [turns(record) for record in records_of(path)] == [expected, expected]


def test_squad_files_nest_and_unanswerable_questions_are_rejected_or_answered(tmp_path: Path) -> None:
    asked = [
        {"question": "Q1", "answers": [{"text": "A1", "answer_start": 0}, {"text": "x"}]},
        {"question": "Q2", "answers": [], "is_impossible": True},
    ]
    data = {"version": "2.0", "data": [{"title": "t", "paragraphs": [{"context": "C", "qas": asked}]}]}
    file = inspect_one(write(tmp_path / "s.json", json.dumps(data)))
    assert (file.file_format, file.format) == ("json", "squad")
    items = list(read_items(file.source, "json", "squad", {}))
    assert [item.reason for item in items] == ["", "unanswerable"]
    assert items[0].record and turns(items[0].record) == [("user", "C\n\nQ1"), ("assistant", "A1")]
    items = list(read_items(file.source, "json", "squad", {}, unanswerable="Não sei."))
    assert [item.record.messages[-1].content for item in items if item.record] == ["A1", "Não sei."]
    assert len({item.record.source for item in items if item.record}) == 2


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "empty_content"),
        ([{"role": "user", "content": "a"}], "no_assistant_message"),
        ([{"role": "assistant", "content": "a"}], "no_user_turn"),
        ([{"role": "user", "content": " \n"}, {"role": "assistant", "content": "b"}], "empty_content"),
        ([{"role": "user", "content": None}, {"role": "assistant", "content": "b"}], "empty_content"),
        ([{"role": "chefe", "content": "a"}, {"role": "assistant", "content": "b"}], "unknown_role"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, {"role": "assistant", "content": "b"}], "not_text"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "\ud83d"}], "invalid_unicode"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": [{}]}], "tool_call_without_text"),
        (["a", "b"], "turn_not_an_object"),
        ({"a": 1}, "turns_not_a_list"),
        (None, "missing_messages"),
    ],
)
def test_what_cannot_be_trained_on_is_rejected_with_a_reason(tmp_path: Path, messages: Any, reason: str) -> None:
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in [{"messages": PAIR}, {"messages": messages}]))
    file = inspect_one(path)
    items = list(read_items(file.source, file.file_format, file.format, {}))
    assert [item.reason for item in items] == ["", reason]
    assert items[1].number == 2


def test_turns_of_one_role_merge_and_a_trailing_user_turn_is_cut() -> None:
    found = to_messages([("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e"), ("tool", "f")])
    assert [(m.role, m.content) for m in found] == [("user", "a\n\nb"), ("assistant", "c\n\nd")]


@given(st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.sampled_from(["", "x", "y z"])), max_size=8))
def test_a_conversation_ends_with_the_assistant_and_the_user_speaks_first(raw: list) -> None:
    try:
        found = to_messages(raw)
    except RowError:
        return
    roles = [message.role for message in found]
    assert roles[-1] == "assistant" and next(role for role in roles if role != "system") == "user"
    assert all(one != other for one, other in zip(roles, roles[1:], strict=False))
    assert to_messages([(message.role, message.content) for message in found]) == found


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("e\x00\u0301 \r\n\r\t\x85")
def test_cleaning_is_what_it_says_and_idempotent(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned == cleaned.strip()
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in cleaned)
    # Nothing but white space at the ends, control characters and normal forms may differ.
    drop = lambda value: [c for c in unicodedata.normalize("NFD", value) if unicodedata.category(c) != "Cc" and not c.isspace()]  # noqa: E731
    assert drop(cleaned) == [c for c in unicodedata.normalize("NFD", "".join(drop(text)))]


# --- file kinds ------------------------------------------------------------------------------------------------------


def as_csv(rows: list[tuple[str, str]], delimiter: str = ",") -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerows([("prompt", "completion"), *rows])
    return stream.getvalue()


@settings(IN_TMP, max_examples=20)
@given(st.lists(st.tuples(CLEAN, CLEAN), min_size=1, max_size=6))
@example([('"', "a,b\n;\t")])
@example([("\ufeffx", "[{}]")])
def test_any_text_comes_out_the_same_from_every_kind_of_file(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    expected = [[("user", clean_text(prompt)), ("assistant", clean_text(completion))] for prompt, completion in pairs]
    written = {"a.jsonl": jsonl(rows), "a.json": json.dumps(rows), "b.json": json.dumps({"data": rows}, ensure_ascii=False, indent=1)}
    if not any("\0" in text for pair in pairs for text in pair):
        # A bare NUL in a text file means that it is none; in JSON it is escaped.
        written |= {"a.csv": as_csv(pairs), "b.csv": "\ufeff" + as_csv(pairs, ";"), "a.tsv": as_csv(pairs, "\t")}
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), sink)
    for name, content in [*written.items(), ("a.parquet", sink.getvalue())]:
        for squeeze in ("", ".gz", ".zst"):
            found = records_of(write(tmp_path / (name + squeeze), content))
            assert [turns(record) for record in found] == expected, name + squeeze


@IN_TMP
@given(
    st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.tsv", "x.parquet", "x.txt", "x.jsonl.gz", "x.json.zst", "x"]), st.binary(max_size=300)
)
@example("x.jsonl", b"\x1f\x8b")
@example("x.jsonl", b"\x28\xb5\x2f\xfd")
@example("x.parquet", b"PAR1PAR1")
@example("x.json", b"[" * 100_000)
@example("x.jsonl", b"[" * 100_000)
@example("x.json", b"[1" + b"0" * 5000 + b"]")
def test_random_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    for data in (content, b"PAR1" + content, b'{"messages": ' + content, gzip.compress(content), zstandard.compress(content)):
        path.write_bytes(data)
        files, problems = inspect_inputs([path])
        assert len(files) + len(problems) == 1
        for file in files:
            with contextlib.suppress(BadInputError):
                list(read_items(file.source, file.file_format, file.format, {}))


@IN_TMP
@given(st.data(), st.sampled_from([".gz", ".zst"]))
def test_a_compressed_file_cut_anywhere_is_never_taken_for_a_whole_one(tmp_path: Path, data: st.DataObject, suffix: str) -> None:
    path = write(tmp_path / f"a.jsonl{suffix}", jsonl([{"messages": PAIR, "n": n} for n in range(50)]))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(5, len(whole) - 1))])
    assert "cut short" in problem_of(path).what


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_several_frames_are_all_read(tmp_path: Path, suffix: str) -> None:
    one = write(tmp_path / f"a.jsonl{suffix}", jsonl([{"messages": PAIR}])).read_bytes()
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" if suffix == ".zst" else b""
    (tmp_path / f"b.jsonl{suffix}").write_bytes(skippable + one + skippable + one)
    assert len(records_of(tmp_path / f"b.jsonl{suffix}")) == 2


@pytest.mark.parametrize(
    ("name", "content", "layout"),
    [
        ("a.json", jsonl([{"messages": PAIR}] * 3), "jsonl"),
        ("a.jsonl", json.dumps([{"messages": PAIR}] * 3), "json"),
        ("a.jsonl", json.dumps([{"messages": PAIR}] * 3, indent=1), "json"),
        ("a.jsonl", jsonl([PAIR] * 3), "jsonl"),
        ("a.json", json.dumps([PAIR] * 3), "json"),
        ("a.json", "\n".join(json.dumps({"messages": PAIR}, indent=2) for _ in range(3)), "json"),
        ("a.json", "\n\n " + json.dumps({"rows": [{"messages": PAIR}] * 3, "n": [1]}), "json"),
        ("a", jsonl([{"messages": PAIR}] * 3), "jsonl"),
        ("a.csv", "messages\n" + ('"' + json.dumps(PAIR).replace('"', '""') + '"\n') * 3, "csv"),
        ("a.csv", "messages\n" + ('"' + str(PAIR).replace('"', '""') + '"\n') * 3, "csv"),
    ],
)
def test_the_content_decides_where_suffixes_lie(tmp_path: Path, name: str, content: str, layout: str) -> None:
    path = write(tmp_path / name, content)
    assert inspect_one(path).file_format == layout
    assert [turns(record) for record in records_of(path)] == [[(m["role"], m["content"]) for m in PAIR]] * 3


def test_json_is_read_right_across_buffer_borders(tmp_path: Path) -> None:
    rows = [{"prompt": f"{n} " + "ç" * (n * 977 % 200_000), "completion": 'x\\"\n'} for n in range(60)]
    found = records_of(write(tmp_path / "a.json", json.dumps({"n": 1, "data": rows}, ensure_ascii=False)))
    assert [record.messages[0].content for record in found] == [row["prompt"].strip() for row in rows]


def test_csv_lines_count_and_irregular_rows_are_rejected(tmp_path: Path) -> None:
    good = "".join(f"pergunta {n},resposta\n" for n in range(5))
    path = write(tmp_path / "a.csv", 'prompt,completion\n"a\nb",c\n\nso uma\n"x"y,z\n' + good)
    items = list(read_items(inspect_one(path).source, "csv", "prompt", {}))
    assert [(item.number, item.reason) for item in items][:3] == [(2, ""), (5, "wrong_column_count"), (6, "broken_csv")]
    assert [item.number for item in items[3:]] == [7, 8, 9, 10, 11]


def test_quotes_in_tsv_are_plain_characters_where_they_do_not_pair(tmp_path: Path) -> None:
    rows = [('"Sim" disse ele', "a"), ('"aberto', "b"), ("c", 'fim"')]
    path = write(tmp_path / "a.tsv", "prompt\tcompletion\n" + "".join("\t".join(row) + "\n" for row in rows))
    assert [tuple(m.content for m in record.messages) for record in records_of(path)] == rows


def test_text_paragraphs_are_documents(tmp_path: Path) -> None:
    path = write(tmp_path / "a.md", "\ufeffum\r\ndois\r\n\r\n\n  \ntrês\n")
    assert [turns(record) for record in records_of(path)] == [[("assistant", "um\ndois")], [("assistant", "três")]]
    assert [record.source for record in records_of(path)] == ["a.md:1", "a.md:6"]


def test_a_broken_line_is_rejected_by_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = [json.dumps({"messages": PAIR})] * 6
    lines[0], lines[3] = "{broken", "7"
    file = inspect_one(write(tmp_path / "a.jsonl", "\n\n".join(lines)))
    items = list(read_items(file.source, file.file_format, file.format, {}))
    assert [(item.number, item.reason) for item in items if item.reason] == [(1, "invalid_json"), (7, "not_an_object")]
    assert len(items) == 6


# --- detection, mapping ----------------------------------------------------------------------------------------------


def test_detection_goes_by_most_rows_not_the_first(tmp_path: Path) -> None:
    rows = [{"text": "título"}, {"x": 1}, *[{"instruction": f"i{n}", "output": "o"} for n in range(5)]]
    assert inspect_one(write(tmp_path / "a.jsonl", jsonl(rows))).format == "alpaca"


def test_a_mapping_names_columns_and_the_format_can_be_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "pergunta,resposta,prompt\np,r,ignore\n")
    file = inspect_one(path, mapping="prompt=pergunta, completion=resposta")
    assert file.format == "prompt" and turns(file.sample_records[0]) == [("user", "p"), ("assistant", "r")]
    told = inspect_one(write(tmp_path / "b.jsonl", jsonl([{"text": "t", "prompt": "p", "completion": "c"}])), format="text")
    assert (told.format, told.detected) == ("text", False)
    assert "not in the file" in problem_of(path, mapping="prompt=question,completion=resposta").what


@pytest.mark.parametrize("text", ["prompt", "=x", "prompt=", "senha=x", "prompt=a,prompt=b"])
def test_a_bad_mapping_is_refused(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_mapping(text)


# --- what is wrong with files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"\xef\xbb\xbf \n\n", "empty"),
        ("a.jsonl.gz", b"", "empty"),
        ("a.csv", "prompt,completion\n", "no record"),
        ("a.json", "[]", "no record"),
        ("a.jsonl", b"\x00\x01\x02\xff" * 50, "binary"),
        ("a.csv", "prompt,completion\na,b\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b"PK\x03\x04 sheet", "zip archive"),
        ("a.parquet", b"nothing of the kind", "not a Parquet"),
        ("a.parquet", b"PAR1 but then nothing PAR1", "damaged"),
        ("a.bin", "plain words", "not known"),
        ("a.json", '[{"text": "a"}, {"text": ', "not valid JSON"),
        ("a.json", '[{"text": "a"}', "ends early"),
        ("a.csv", 'prompt,completion\na,"b\n', "open quote"),
        ("a.csv", "a,a\n1,2\n", "same name"),
        ("a.jsonl", '{"x": 1}\n', "format is not known"),
        ("a.jsonl", "{broken\n", "no valid record"),
        ("a.jsonl", '{"messages": []}\n', "no valid record"),
    ],
)
def test_every_fault_of_a_file_has_its_message(tmp_path: Path, name: str, content: bytes | str, what: str) -> None:
    problem = problem_of(write(tmp_path / name, content))
    assert what in problem.what and name in problem.where and problem.fix
    assert problem.exit_code == 2


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("before", [10, (1 << 20) - 1, (1 << 20) + 5])
def test_invalid_utf8_is_named_by_byte_and_line(tmp_path: Path, suffix: str, before: int) -> None:
    start = (b'{"text": "' + b"x" * 50 + b'"}\n') * (before // 63) + b"y" * (before % 63)
    # The two bytes of an intact character in front may lie on either side of a chunk's border.
    problem = problem_of(write(tmp_path / f"a.jsonl{suffix}", start + "é".encode() + b"\xe9 no fim\n"))
    assert problem.what == "not valid UTF-8"
    assert problem.where == f"a.jsonl{suffix}:{start.count(10) + 1}" and f"byte {before + 2} " in problem.why


def test_a_damaged_checksum_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", jsonl([{"messages": PAIR}]))
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    assert "damaged" in problem_of(path).what


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", jsonl([{"messages": PAIR}]))
    bad = [write(tmp_path / f"{n}.jsonl", b"") for n in range(3)]
    files, problems = inspect_inputs([good, *bad, tmp_path / "absent.csv", str(tmp_path / "*.tsv")])
    assert [file.name for file in files] == ["good.jsonl"] and len(problems) == 5


def test_links_folders_globs_and_hidden_files(tmp_path: Path) -> None:
    for name in ("b/two.jsonl", "a.jsonl", ".hidden.jsonl", ".git/x.jsonl", "README.md", "notes.docx", "b/one.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / "in" / name, jsonl([{"messages": PAIR}]))
    (tmp_path / "in/b/loop").symlink_to(tmp_path / "in")
    (tmp_path / "staged").symlink_to(tmp_path / "in")
    (tmp_path / "void.jsonl").symlink_to(tmp_path / "nowhere")
    files, problems, notes = discover([tmp_path / "staged"])
    assert [file.name for file in files] == ["a.jsonl", "b/one.txt", "b/two.jsonl"] and not problems and len(notes) == 1
    again, _, notes = discover([str(tmp_path / "in/**"), tmp_path / "in/a.jsonl", tmp_path / "staged/b/two.jsonl"])
    assert {file.path.resolve() for file in files} <= {file.path.resolve() for file in again}
    assert len({file.path.resolve() for file in again}) == len(again)
    assert "points to nothing" in discover([tmp_path / "void.jsonl"])[1][0].why
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "regular" in discover([tmp_path / "pipe.jsonl"])[1][0].what
    assert discover([])[1]


def test_no_permission() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.jsonl", jsonl([{"messages": PAIR}]))
        path.chmod(0)
        Path(folder).chmod(0o755)
        # root may read everything, so it becomes nobody for a moment.
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            problem = problem_of(path)
        finally:
            os.seteuid(user)
        assert "permission" in problem.what


def test_order_given_does_not_matter(tmp_path: Path) -> None:
    for folder, text in (("x", "um"), ("y", "dois")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "same.txt", text)
    paths = [tmp_path / "x/same.txt", tmp_path / "y/same.txt"]
    one, other = inspect_inputs(paths)[0], inspect_inputs(paths[::-1])[0]
    assert [file.sha256 for file in one] == [file.sha256 for file in other] and len(one) == 2


@pytest.mark.parametrize(
    "content",
    [
        ("a.jsonl", json.dumps({SECRET: 1}) + "\n"),
        ("a.csv", f'{SECRET.split(",")[0]},"{SECRET}"\nx,y\n'),
        ("a.csv", "Joana,Prado\nx,y\n"),
        ("a.json", '[{"text": "' + SECRET + '"}, {"text": "' + SECRET),
        ("a.jsonl", '{"text": "' + SECRET + "\n"),
        ("a.jsonl", '{"text": "' + SECRET + '", "text"}\n'),
        ("a.jsonl", json.dumps({"messages": [{"role": SECRET, "content": SECRET}]})),
        ("a.csv", f'prompt,completion\n{SECRET.split(",")[0]},"{SECRET}\n'),
        ("a.parquet", "PAR1" + SECRET + "PAR1"),
    ],
)
def test_no_message_holds_anything_of_a_record(tmp_path: Path, content: tuple[str, str]) -> None:
    message = str(problem_of(write(tmp_path / content[0], content[1])))
    assert not any(word in message for word in ("Joana", "Prado", "529"))


def test_column_names_are_shown_where_they_are_names(tmp_path: Path) -> None:
    assert "columns: pergunta, resposta" in problem_of(write(tmp_path / "a.csv", "pergunta,resposta\np,r\n")).why


# --- Hugging Face ----------------------------------------------------------------------------------------------------


def test_a_hub_dataset_that_cannot_be_had_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "could not be loaded" in problem_of("hf:nobody/nothing-of-the-kind:train").what
    assert "not a Hugging Face" in problem_of("hf:../../etc/passwd").what


def test_datasets_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # load_dataset takes a folder of that name before it asks the hub.
    (tmp_path / "dono/conversas").mkdir(parents=True)
    write(tmp_path / "dono/conversas/train.jsonl", jsonl([{"messages": PAIR}] * 3))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    files, problems = inspect_inputs(["hf:dono/conversas"])
    assert not problems and files[0].file_format == "hugging face"
    assert [turns(record) for record in files[0].sample_records] == [[(m["role"], m["content"]) for m in PAIR]] * 3


# --- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mapping", "form", "count"),
    [
        ("alpaca-en-999.json", "", "alpaca", 999),
        ("sharegpt-500.json", "", "sharegpt", 500),
        ("faquad-train.json", "", "squad", 837),
        ("porsimplessent.tsv", "prompt=sentence_text_from,completion=sentence_text_to", "prompt", 2937),
    ],
)
def test_real_files(name: str, mapping: str, form: str, count: int) -> None:
    if not (DATA / name).exists():
        pytest.skip("shared data set is absent")
    file = inspect_one(DATA / name, mapping=mapping)
    assert file.format == form
    items = list(read_items(file.source, file.file_format, form, file.mapping))
    assert len(items) == count and not any(item.reason for item in items)
    assert 0.6 < file.estimated_records / count < 1.6
