"""The step as a command: files, exit codes, and nothing personal anywhere but in the input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamaflow.files import read_jsonl
from llamaflow.pii.canaries import BY_CONTEXT
from llamaflow.pii.spans import ENTITY_TYPES
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
    path: str = "",
    more_environment: dict[str, str] | None = None,
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
        # Canaries have their own tests.
        *(() if "--canaries" in more else ("--canaries", "0")),
        *more,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(more_environment or {}), **({"PYTHONPATH": path} if path else {})}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=120)


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


def test_canaries_go_the_same_way_and_are_never_written(tmp_path):
    done = run(tmp_path, "--canaries", "50", lines=good(5))
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    kept = {"LOCATION", "ORGANIZATION", "DATE", "DOMAIN"}
    assert set(summary.canaries) == set(ENTITY_TYPES)
    asked = set(ENTITY_TYPES) - kept - BY_CONTEXT
    assert all(summary.canaries[kind].found == summary.canaries[kind].planted > 0 for kind in asked)
    assert summary.records == len(list(read_records(tmp_path / "out.jsonl.zst"))) == 5
    assert {line["id"] for line in read_jsonl(tmp_path / "audit.jsonl")} == {
        record.id for record in read_records(tmp_path / "out.jsonl.zst")
    }


def test_a_missed_canary_stops_the_run_with_no_file(tmp_path):
    # A policy under which nothing that is planted is replaced cannot be had; a name recall of more than there is can.
    policy = tmp_path / "keep.yaml"
    kinds = "".join(f"  {kind}: keep\n" for kind in ENTITY_TYPES if kind != "PERSON")
    policy.write_text(f"version: 1\ncanaries: 200\nentities:\n{kinds}")
    blind = tmp_path / "sitecustomize.py"
    blind.write_text("import llamaflow.pii.anonymizer as a\na.detect_conversation = lambda texts, *_: [[] for _ in texts]\n")
    done = run(tmp_path, "--canaries", "200", lines=good(2), policy=str(policy), path=f"{ROOT / 'bin'}{os.pathsep}{tmp_path}")
    assert done.returncode == 3, done.stderr
    assert outputs(tmp_path) == []
    assert "PERSON 0 of 200" in done.stderr
    assert not any(name in done.stderr for name in ("Souza", "gmail"))


HANGING = """
import llamaflow.pii.anonymizer as a, signal, time
real = a.detect_conversation
def detect(texts, *more):
    text = " ".join(texts)
    if "HANG" in text:
        while True: pass
    if "BLOCK" in text:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)
    if "MEMORY" in text:
        raise MemoryError("Kauany")
    if "RECURSION" in text:
        raise RecursionError("Kauany")
    if "BROKEN" in text:
        raise KeyError("Kauany")
    return real(texts, *more)
a.detect_conversation = detect
"""


def test_a_detector_that_hangs_or_raises_holds_its_record_back(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    bad = [make(f"Kauany {word}").model_dump_json() for word in ("HANG", "MEMORY", "RECURSION", "BROKEN")]
    path = f"{ROOT / 'bin'}{os.pathsep}{tmp_path}"
    done = run(tmp_path, "--timeout", "1", "--max-quarantine-rate", "0.5", lines=[*bad, *good(6)], path=path)
    assert done.returncode == 0, done.stderr
    reasons = read_summary(tmp_path / "anonymize.json", AnonymizeSummary).quarantined_by_reason
    assert reasons == {"error_KeyError": 1, "error_MemoryError": 1, "error_RecursionError": 1, "timeout": 1}
    assert len(list(read_records(tmp_path / "out.jsonl.zst"))) == 6
    shown = done.stderr + done.stdout + "".join((tmp_path / name).read_text() for name in OUTPUTS[1:])
    assert "Kauany" not in shown


def test_a_detector_that_cannot_be_interrupted_ends_the_shard(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HANGING + "import llamaflow.deadline\nllamaflow.deadline._GRACE = 0.5\n")
    path = f"{ROOT / 'bin'}{os.pathsep}{tmp_path}"
    done = run(tmp_path, "--timeout", "1", lines=[*good(3), make("Kauany BLOCK").model_dump_json()], path=path)
    assert done.returncode == 3
    assert "could not be interrupted" in done.stderr
    assert sorted(one.name for one in tmp_path.iterdir() if one.name != "__pycache__") == ["in.jsonl", "key.bin", "sitecustomize.py"]


def test_the_proof_has_a_rate_and_an_interval_for_each_type(tmp_path):
    done = run(tmp_path, lines=good(40))
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    assert set(summary.proof) == {"EMAIL", "PERSON", "PHONE"}
    for one in summary.proof.values():
        assert (one.checked, one.leaks, one.rate, one.low) == (40, 0, 0.0, 0.0)
        assert 0.05 < one.high < 0.1
    assert summary.suspected_names.checked >= 40


def test_a_key_out_of_the_environment(tmp_path):
    assert run(tmp_path, lines=good(3)).returncode == 0
    first = list(read_records(tmp_path / "out.jsonl.zst"))
    done = run(tmp_path, "--key", "env:LLAMAFLOW_TEST_KEY", lines=good(3), more_environment={"LLAMAFLOW_TEST_KEY": "0123456789abcdef" * 2})
    assert done.returncode == 0, done.stderr
    assert list(read_records(tmp_path / "out.jsonl.zst")) == first
    assert "0123456789abcdef" not in done.stdout + done.stderr + (tmp_path / "anonymize.json").read_text()


def test_an_encrypted_map_leads_back(tmp_path):
    from pyrage.x25519 import Identity

    from llamaflow.pii.reversal import read_map

    identity = Identity.generate()
    done = run(tmp_path, "--reversal-map", "map.age", "--reversal-recipients", str(identity.to_public()), lines=good(4))
    assert done.returncode == 0, done.stderr
    assert b"Maria" not in (tmp_path / "map.age").read_bytes()
    entries = list(read_map(tmp_path / "map.age", [identity]))
    texts = {record.id: record.text for record in read_records(tmp_path / "out.jsonl.zst")}
    assert {entry.original for entry in entries} >= set(NAMES) | {"cliente0@gmail.com"}
    assert all(entry.surrogate in texts[entry.record] for entry in entries)
    assert read_summary(tmp_path / "anonymize.json", AnonymizeSummary).reversible
    assert run(tmp_path, "--reversal-map", "map.age", lines=good(4)).returncode == 2


def test_erased_people_are_left_out(tmp_path):
    from llamaflow.erasure import add_erasures
    from llamaflow.pii.surrogates import Surrogates, key_id

    key = b"0123456789abcdef" * 2
    add_erasures(tmp_path / "erased.json", key_id(key), [Surrogates(key).digest("EMAIL", "cliente2@gmail.com")], [])
    done = run(tmp_path, "--erasures", "erased.json", lines=good(4))
    assert done.returncode == 0, done.stderr
    summary = read_summary(tmp_path / "anonymize.json", AnonymizeSummary)
    assert (summary.records, summary.erased, summary.quarantined) == (3, 1, 0)
    assert len(list(read_jsonl(tmp_path / "audit.jsonl"))) == 9


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
