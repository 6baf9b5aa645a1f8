"""Files are whole or absent, the same content gives the same bytes, and digests see every change."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.files import open_stream, read_jsonl, sha256_file, sha256_folder, whole_file, write_json, write_jsonl
from llamaflow.records import Message, Record, content_id, read_records

NAMES = ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"]
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=8,
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("before", [None, "old"])
def test_an_exception_leaves_what_was_there_before(tmp_path: Path, name: str, before: str | None) -> None:
    path = tmp_path / name
    if before:
        path.write_text(before)
    with pytest.raises(KeyboardInterrupt), whole_file(path) as stream:
        stream.write("half\n" * 100_000)
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ([name] if before else [])
    assert not before or path.read_text() == before


@pytest.mark.parametrize("name", NAMES)
def test_nothing_appears_under_the_name_while_writing(tmp_path: Path, name: str) -> None:
    with whole_file(tmp_path / name) as stream:
        stream.write("x")
        assert not (tmp_path / name).exists()
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_full_disk_is_an_error_even_for_the_last_buffer(tmp_path: Path, name: str, size: int) -> None:
    (tmp_path / f".{name}.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OSError), whole_file(tmp_path / name) as stream:
        stream.write(os.urandom(size).hex())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_same_content_same_bytes_under_any_name_and_time(tmp_path: Path, name: str) -> None:
    other = tmp_path / f"other-{name}"
    for path in (tmp_path / name, other):
        write_jsonl(path, ({"n": n, "texto": "ação"} for n in range(500)))
    os.utime(other, (0, 0))
    assert (tmp_path / name).read_bytes() == other.read_bytes()


def test_standard_tools_can_read_what_is_written(tmp_path: Path) -> None:
    plain, packed, squeezed = (tmp_path / name for name in NAMES)
    for path in (plain, packed, squeezed):
        write_jsonl(path, [{"a": "é\u2028\x85\r\nz"}, 2])
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(squeezed.read_bytes()) == plain.read_bytes()


def test_binary_mode_writes_bytes_as_they_are(tmp_path: Path) -> None:
    for name in NAMES:
        with whole_file(tmp_path / name, "wb") as stream:
            stream.write(b"\r\n\xff")
        with open_stream(tmp_path / name, "rb") as stream:
            assert stream.read() == b"\r\n\xff"


@given(values=st.lists(VALUES, max_size=6), name=st.sampled_from(NAMES))
@settings(max_examples=60, deadline=None)
def test_jsonl_round_trip_of_any_unicode(values: list, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        assert write_jsonl(path, values) == len(values)
        assert list(read_jsonl(path)) == values


@given(text=ANY_TEXT, role=st.sampled_from(["system", "user", "assistant", "tool"]))
@settings(max_examples=40, deadline=None)
def test_records_round_trip(text: str, role: str) -> None:
    messages = [Message(role=role, content=text)]
    record = Record(id=content_id(messages), messages=messages, meta={text: text})
    with tempfile.TemporaryDirectory() as folder:
        write_jsonl(Path(folder) / "r.jsonl.zst", [record, record])
        assert list(read_records(Path(folder) / "r.jsonl.zst")) == [record, record]


def test_what_utf8_cannot_hold_is_an_error_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_jsonl(tmp_path / "a.jsonl", ["good", "\ud800"])
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_an_iterator_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_jsonl(tmp_path / "a.jsonl.gz", (1 // (5 - n) for n in range(10)))
    assert list(tmp_path.iterdir()) == []


def test_json_keeps_portuguese_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"verdict": "não"})
    assert "não" in (tmp_path / "a.json").read_text("utf-8")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"verdict": "não"}


FILES = st.dictionaries(st.sampled_from(["a", "b", "ab", "d/a", "d/e/a", ".hidden"]), st.binary(max_size=20), min_size=1, max_size=4)


def lay_out(folder: Path, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return sha256_folder(folder)


@given(one=FILES, two=FILES)
@settings(max_examples=60, deadline=None)
def test_folder_digest_differs_exactly_when_a_name_or_content_does(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        digest = lay_out(Path(first), one)
        assert (digest == lay_out(Path(second), two)) == (one == two)
        again = Path(second) / "elsewhere"
        shutil.copytree(first, again)
        assert sha256_folder(again) == digest


def test_folder_digest_cannot_be_moved_between_name_and_content(tmp_path: Path) -> None:
    folders = [{"a": b"b"}, {"ab": b""}, {"a": b"", "b": b""}, {"a": b"\n"}]
    digests = {lay_out(tmp_path / str(number), files) for number, files in enumerate(folders)}
    assert len(digests) == len(folders)


def test_file_digest_is_plain_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
