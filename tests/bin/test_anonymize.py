"""The step as a command: files, exit codes, and nothing personal anywhere but in the input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamaflow.files import read_jsonl
from llamaflow.records import Message, Record, content_id, read_records
from llamaflow.summaries import AnonymizeSummary, read_summary

ROOT = Path(__file__).parents[2]
NAMES = ["Maria Souza", "João Almeida", "Fernanda Ribeiro", "Carlos Teixeira"]


def make(text: str, **more) -> Record:
    messages = [Message(role="user", content=text), Message(role="assistant", content="Certo, já verifiquei o pedido 45871236.")]
    return Record(id=content_id(messages), messages=messages, lang="pt", source="chat.jsonl", **more)


def good(count: int) -> list[str]:
    return [
        make(f"Meu nome é {NAMES[n % 4]}, email cliente{n}@gmail.com, whats (11) 98765-{4000 + n}").model_dump_json() for n in range(count)
    ]


def run(
    folder: Path,
    *more: str,
    lines: list[str] | None = None,
    policy: str = "surrogate",
    key: bytes = b"0123456789abcdef" * 2,
    name="in.jsonl",
):
    """Run the step in a folder; returns the finished process."""
    if lines is not None:
        (folder / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "key.bin").write_bytes(key)
    policy_file = ROOT / "conf" / "anonymize" / f"{policy}.yaml" if "/" not in policy else policy
    command = [sys.executable, str(ROOT / "bin" / "anonymize.py"), "--input", name, "--policy", str(policy_file), "--key-file", "key.bin"]
    command += [
        "--output",
        "out.jsonl.zst",
        "--audit",
        "audit.jsonl",
        "--quarantine",
        "quarantine.jsonl",
        "--summary",
        "anonymize.json",
        *more,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120)


OUTPUTS = ("out.jsonl.zst", "audit.jsonl", "quarantine.jsonl", "anonymize.json")


def outputs(folder: Path) -> list[str]:
    return [name for name in OUTPUTS if (folder / name).exists()]


def test_a_shard_is_cleaned_audited_and_summed_up(tmp_path):
    done = run(tmp_path, lines=good(40))
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    assert (summary.records, summary.quarantined, summary.leaks, summary.records_with_entities) == (40, 0, 0, 40)
    assert summary.entities == {"EMAIL": 40, "PERSON": 40, "PHONE": 40}
    records = list(read_records(tmp_path / "out.jsonl.zst"))
    given = {json.loads(line)["id"] for line in good(40)}
    assert len({record.id for record in records}) == 40 and not given & {record.id for record in records}
    assert "pedido 45871236" in records[0].messages[1].content
    audit = list(read_jsonl(tmp_path / "audit.jsonl"))
    assert len(audit) == 120
    assert set(audit[0]) == {"id", "message", "field", "start", "end", "type", "rule", "action", "hash"}
    everything = "".join(record.model_dump_json() for record in records) + done.stdout + done.stderr
    everything += "".join((tmp_path / name).read_text() for name in OUTPUTS[1:])
    for secret in (*NAMES, "gmail", "98765"):
        assert secret not in everything
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*OUTPUTS, "in.jsonl", "key.bin"))


def test_same_input_same_bytes_and_sharding_does_not_matter(tmp_path):
    lines = good(12)
    folders = [tmp_path / name for name in "abcd"]
    for folder, part in zip(folders, (lines, lines, lines[:5], lines[5:]), strict=True):
        folder.mkdir()
        assert run(folder, lines=part).returncode == 0
    assert (folders[0] / "out.jsonl.zst").read_bytes() == (folders[1] / "out.jsonl.zst").read_bytes()
    assert (folders[0] / "audit.jsonl").read_bytes() == (folders[1] / "audit.jsonl").read_bytes()
    whole, *parts = (list(read_records(folders[index] / "out.jsonl.zst")) for index in (0, 2, 3))
    assert whole == parts[0] + parts[1]


def test_output_as_input_stays_as_it_is(tmp_path):
    assert run(tmp_path, lines=good(8)).returncode == 0
    first = list(read_records(tmp_path / "out.jsonl.zst"))
    assert run(tmp_path, lines=[record.model_dump_json() for record in first]).returncode == 0
    assert list(read_records(tmp_path / "out.jsonl.zst")) == first
    assert (tmp_path / "audit.jsonl").read_text() == ""


def test_an_empty_shard_gives_empty_files(tmp_path):
    assert run(tmp_path, lines=[]).returncode == 0
    assert outputs(tmp_path) == list(OUTPUTS)
    assert list(read_records(tmp_path / "out.jsonl.zst")) == []


BROKEN = {
    # JSON may hold half a surrogate pair; no text may.
    "odd_text": '{"id":"'
    + "a" * 32
    + '","messages":[{"role":"user","content":"Kauany \\ud800 kauany@gmail.com"}],"lang":"pt","source":"x","meta":{}}',
    "too_long": make("Kauany " + "x" * 4_000_001).model_dump_json(),
    "too_deep": '{"id":"' + "b" * 32 + '","messages":[],"meta":' + "[" * 5000 + "]" * 5000 + "}",
    "unsupported_script": make("меня зовут Кауани Иванова, позвоните мне пожалуйста сегодня вечером, это важно").model_dump_json(),
    "invalid_record": '{"id":"' + "c" * 32 + '","messages":[{"role":"kauany","content":"Kauany"}]}',
    "odd_id": make("Kauany").model_copy(update={"id": "kauany@gmail.com"}).model_dump_json(),
}


def test_a_record_that_cannot_be_proved_clean_is_held_back_alone(tmp_path):
    lines = good(114)
    for place, line in enumerate(BROKEN.values()):
        lines.insert(place * 7, line)
    done = run(tmp_path, lines=lines)
    assert done.returncode == 0, done.stderr
    held = list(read_jsonl(tmp_path / "quarantine.jsonl"))
    assert sorted(line["reason"] for line in held) == sorted(BROKEN)
    assert all(set(line) == {"id", "reason"} for line in held)
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    assert (summary.records, summary.quarantined) == (114, 6)
    assert summary.quarantined_by_reason == dict.fromkeys(sorted(BROKEN), 1)
    assert len(list(read_records(tmp_path / "out.jsonl.zst"))) == 114
    shown = (tmp_path / "quarantine.jsonl").read_text() + (tmp_path / "anonymize.json").read_text() + done.stdout + done.stderr
    assert "kauany" not in shown.lower()


def test_too_many_held_back_fails_closed_with_no_file(tmp_path):
    lines = good(10) + [BROKEN["odd_text"]]
    done = run(tmp_path, lines=lines)
    assert done.returncode == 3
    assert outputs(tmp_path) == []
    assert "odd_text 1" in done.stderr
    assert "kauany" not in (done.stderr + done.stdout).lower()
    assert run(tmp_path, "--max-quarantine-rate", "0.2", lines=lines).returncode == 0


def test_what_only_the_second_look_sees_is_held_back(tmp_path):
    # No mailbox is called so, and detection passes it over; the second look does not, and the record stops there.
    odd = make("escreva para 😀@gmail.com hoje")
    done = run(tmp_path, "--max-quarantine-rate", "0.5", lines=[*good(3), odd.model_dump_json()])
    assert done.returncode == 0, done.stderr
    held = list(read_jsonl(tmp_path / "quarantine.jsonl"))
    assert [line["reason"] for line in held] == ["leak_EMAIL"] and held[0]["id"] != odd.id
    assert "gmail" not in "".join(record.text for record in read_records(tmp_path / "out.jsonl.zst"))
    assert run(tmp_path, lines=[*good(3), odd.model_dump_json()]).returncode == 3


@pytest.mark.parametrize(
    ("lines", "more", "words"),
    [
        (["{"], [], "in.jsonl:1"),
        ([*good(2), '{"id": "a', *good(1)], [], "in.jsonl:3"),
        (good(1), ["--key-file", "short.bin"], "short.bin"),
        (good(1), ["--key-file", "empty.bin"], "0 bytes"),
        (good(1), ["--key-file", "absent.bin"], "absent.bin"),
        (good(1), ["--policy", "bad.yaml"], "bad.yaml:2"),
        (good(1), ["--input", "absent.jsonl"], "absent.jsonl"),
        (good(1), ["--input", "cut.jsonl.zst"], "cut.jsonl.zst"),
        (good(1), ["--input", "latin.jsonl"], "UTF-8"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(tmp_path, lines, more, words):
    (tmp_path / "short.bin").write_bytes(b"x" * 31)
    (tmp_path / "empty.bin").write_bytes(b"")
    (tmp_path / "bad.yaml").write_text("version: 1\ndefault: nothing\n")
    (tmp_path / "cut.jsonl.zst").write_bytes(b"not zstd at all")
    (tmp_path / "latin.jsonl").write_bytes('{"id": "João"}\n'.encode("latin-1"))
    done = run(tmp_path, *more, lines=lines)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert outputs(tmp_path) == []


def test_kept_types_are_no_leak(tmp_path):
    policy = tmp_path / "keep.yaml"
    policy.write_text("version: 1\nentities:\n  EMAIL: keep\n")
    done = run(tmp_path, lines=good(3), policy=str(policy))
    assert done.returncode == 0, done.stderr
    assert "cliente0@gmail.com" in next(read_records(tmp_path / "out.jsonl.zst")).text
    assert "EMAIL" not in read_summary(tmp_path / "anonymize.json", AnonymizeSummary).entities


def test_no_string_of_the_sample_survives(tmp_path):
    sample = ROOT / "tests" / "data" / "sample"
    if not sample.is_dir():
        pytest.skip("tests/data/sample is absent")
    with (sample / "conversations.jsonl").open(newline="\n", encoding="utf-8") as stream:
        conversations = stream.read().split("\n")
    truths, lines = [], []
    for line in (sample / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        if truth["file"] == "conversations.jsonl" and "planted" not in truth:
            messages = [Message.model_validate(message) for message in json.loads(conversations[truth["line"] - 1])["messages"]]
            lines.append(Record(id=content_id(messages), messages=messages, lang=truth["lang"]).model_dump_json())
            truths.append(truth["spans"])
    done = run(tmp_path, lines=lines)
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    assert summary.quarantined <= 0.01 * len(lines)
    by_id = {record.id: record.text.lower() for record in read_records(tmp_path / "out.jsonl.zst")}
    left = total = 0
    for line, spans in zip(lines, truths, strict=True):
        text = by_id.get(json.loads(line)["id"], "")
        for span in spans:
            total += 1
            survives = span["text"].lower() in text
            assert not (survives and span["type"] != "PERSON"), span["type"]
            left += survives
    assert left <= 0.05 * total
