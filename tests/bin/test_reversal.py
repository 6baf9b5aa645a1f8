"""The reversal map and who looks into it: nothing in the clear on disk, nothing shown without a line in the log."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.chain import START, append, verify
from llamaflow.errors import BadInputError, PrivacyError
from llamaflow.pii.reversal import Entry, MapWriter, read_identities, read_map, read_recipients

ROOT = Path(__file__).parents[2]
OFFICER, LAWYER, STRANGER = (pyrage.x25519.Identity.generate() for _ in range(3))
BOTH = [str(OFFICER.to_public()), str(LAWYER.to_public())]
MISTYPED = BOTH[0][:-1] + ("q" if BOTH[0][-1] != "q" else "p")
ENTRIES = [
    Entry("a" * 32, "PERSON", "Ana Lima", "Kauany Tremembé"),
    Entry("a" * 32, "CPF", "123.456.789-00", "529.982.247-25"),
    Entry("b" * 32, "PERSON", "Ana Lima", "Kauany Tremembé"),
    Entry("b" * 32, "EMAIL", "bia@example.com", "kauany@tremembe.com.br"),
]


def write(path: Path, entries: list[Entry] = ENTRIES, recipients=BOTH) -> Path:
    with MapWriter(path, recipients) as reversal:
        for entry in entries:
            reversal.add(*entry)
    return path


text = st.text(st.characters(exclude_categories=[]), max_size=40)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.builds(Entry, st.sampled_from(["a" * 32, "b" * 32]), st.sampled_from(["PERSON", "CPF"]), text, text), max_size=30))
def test_any_unicode_comes_back_for_every_recipient_and_once_a_record(tmp_path_factory, entries):
    path = write(tmp_path_factory.mktemp("map") / "m.age", sorted(entries, key=lambda entry: entry.record))
    for identity in (OFFICER, LAWYER):
        found = list(read_map(path, [identity]))
        assert sorted(found) == sorted(set(entries))


def test_the_file_is_for_its_owner_alone_and_holds_nothing_in_the_clear(tmp_path):
    path = write(tmp_path / "m.age")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["m.age"]
    for entry in ENTRIES:
        assert entry.original.encode() not in path.read_bytes()
    plain = pyrage.decrypt(path.read_bytes(), [LAWYER])
    assert plain.startswith(b"\x28\xb5\x2f\xfd")  # zstd: other tools can read it


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), MapWriter(tmp_path / "m.age", BOTH) as reversal:
        for number in range(20_000):
            reversal.add(f"{number:032x}", "PERSON", "Ana", f"Kauany {number}")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    code = (
        "import random, resource, signal, sys; from pathlib import Path; from llamaflow.pii.reversal import MapWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "with MapWriter(Path(sys.argv[1]), [sys.argv[2]]) as reversal:\n"
        "    for number in range(50_000): reversal.add(f'{number:032x}', 'CPF', 'x', random.randbytes(40).hex())\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "m.age", BOTH[0]]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "bin")}, timeout=60)
    assert done.returncode == 1 and "Error" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_map(tmp_path):
    write(tmp_path / "warm.age")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with MapWriter(tmp_path / "m.age", BOTH) as reversal:
        for number in range(150_000):
            reversal.add(f"{number:032x}", "PERSON", "Ana Lima", f"{number}" + "Kauany Tremembé " * 8)
    assert sum(1 for _ in read_map(tmp_path / "m.age", [OFFICER])) == 150_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB; the text itself is 30 MB


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_cut_or_altered_map_is_never_taken_for_whole(tmp_path_factory, place, bit, cut):
    folder = tmp_path_factory.mktemp("map")
    raw = bytearray(write(folder / "m.age").read_bytes())
    at = int(place * len(raw))  # no two maps have the same length: age fills in at random
    if cut:
        raw = raw[:at]
    else:
        raw[at] ^= 1 << bit
    (folder / "bad.age").write_bytes(raw)
    with pytest.raises(BadInputError):
        list(read_map(folder / "bad.age", [OFFICER]))


def test_who_is_no_recipient_reads_nothing(tmp_path):
    with pytest.raises(BadInputError, match="no identity of the file is a recipient"):
        list(read_map(write(tmp_path / "m.age"), [STRANGER]))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x28\xb5\x2f\xfd"])
def test_an_age_file_that_is_no_map_is_told(tmp_path, content):
    (tmp_path / "m.age").write_bytes(pyrage.encrypt(content, [OFFICER.to_public()]))
    with pytest.raises(BadInputError, match="not a reversal map"):
        list(read_map(tmp_path / "m.age", [OFFICER]))


def test_a_reader_that_stops_early_does_not_hang(tmp_path):
    path = write(tmp_path / "m.age", [Entry(f"{n:032x}", "PERSON", "Ana", f"Kauany {n}") for n in range(30_000)])
    reader = read_map(path, [OFFICER])
    assert next(reader).original == "Kauany 0"
    with pytest.raises(BadInputError):
        # Closing it early means that nobody knows whether the rest is whole.
        reader.throw(ValueError)


def test_recipients_come_from_strings_and_files(tmp_path):
    (tmp_path / "team.txt").write_text(f"# the officer\n{BOTH[0]}\n\n{BOTH[1]}\n")
    assert read_recipients(",".join(BOTH)) == read_recipients(str(tmp_path / "team.txt")) == read_recipients(BOTH + BOTH) == BOTH


@pytest.mark.parametrize("given", ["", " , ", "age1short", MISTYPED, "absent.txt", str(OFFICER)])
def test_what_is_no_recipient_is_refused_and_a_private_key_not_shown(tmp_path, given):
    (tmp_path / "one.txt").write_text(given)
    for source in (given, str(tmp_path / "one.txt")):
        with pytest.raises(BadInputError) as caught:
            read_recipients(source)
        if source != given:
            assert "AGE-SECRET-KEY-" not in str(caught.value)


def test_identities_are_read_and_never_shown(tmp_path):
    (tmp_path / "identity.txt").write_text(f"# created: today\n# public key: {BOTH[0]}\n{OFFICER}\n")
    assert [str(one) for one in read_identities(tmp_path / "identity.txt")] == [str(OFFICER)]
    (tmp_path / "broken.txt").write_text(str(OFFICER)[:-3])
    with pytest.raises(BadInputError, match="broken.txt:1") as caught:
        read_identities(tmp_path / "broken.txt")
    assert str(OFFICER)[:-3] not in str(caught.value)


# ---- the chain --------------------------------------------------------------------------------------------------------


def test_a_chain_holds_and_every_altered_line_breaks_it(tmp_path):
    log = tmp_path / "reveal.log"
    heads = [append(log, {"number": number}) for number in range(6)]
    assert verify(log) == (6, heads[-1]) and verify(log, heads[2]) == (6, heads[-1])
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    lines = log.read_text().splitlines(keepends=True)
    altered = {
        3: [*lines[:2], lines[2].replace('"number": 2', '"number": 9'), *lines[3:]],  # changed
        2: [lines[0], *lines[2:]],  # one removed
        4: [*lines[:3], lines[4], lines[3], lines[5]],  # two swapped
        1: lines[1:],  # the first removed
        6: [*lines[:5], lines[5].rstrip()],  # a torn last line
        7: [*lines, lines[5]],  # one twice
    }
    for line, content in altered.items():
        log.write_text("".join(content))
        with pytest.raises(PrivacyError, match=f"reveal.log:{line}"):
            verify(log)
        with pytest.raises(PrivacyError):
            append(log, {"number": 7})
        assert log.read_text() == "".join(content)
    log.write_text("".join(lines[:4]))
    assert verify(log) == (4, heads[3])
    with pytest.raises(PrivacyError, match="shortened"):
        verify(log, heads[5])
    assert verify(log, START) == (4, heads[3])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_pass_for_a_chain(tmp_path_factory, junk):
    log = tmp_path_factory.mktemp("log") / "reveal.log"
    log.write_bytes(junk)
    if junk:
        with pytest.raises(PrivacyError):
            verify(log)


def test_two_writers_make_one_chain(tmp_path):
    code = "import sys; from llamaflow.chain import append\nfor number in range(40): append(sys.argv[1], {'number': number})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bin")}
    both = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "log"], env=environment) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert verify(tmp_path / "log")[0] == 80


# ---- the command -------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "one.age", ENTRIES[:2])
    write(tmp_path / "two.age", ENTRIES[2:])
    for name, identity in (("officer", OFFICER), ("stranger", STRANGER)):
        (tmp_path / f"{name}.txt").write_text(f"{identity}\n")
    return tmp_path


def reveal(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "bin/reveal.py"), *arguments, "--audit", "reveal.log"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONUTF8": "1"})


LOOK = ["--map", "one.age", "two.age", "--identity", "officer.txt"]
WHY = ["--reason", "chamado 4711"]


def test_originals_are_shown_and_the_look_is_written_down_without_them(folder, monkeypatch):
    done = reveal(folder, *LOOK, *WHY, "--surrogate", "ANA  LÍMA")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [ENTRIES[0]._asdict(), ENTRIES[2]._asdict()]
    monkeypatch.setenv("LOGNAME", "somebody-else")
    done = reveal(folder, *LOOK, *WHY, "--record", "b" * 32)
    assert [json.loads(line)["original"] for line in done.stdout.splitlines()] == [ENTRIES[2].original, ENTRIES[3].original]
    log = (folder / "reveal.log").read_text()
    first, second = (json.loads(line) for line in log.splitlines())
    assert first["reason"] == "chamado 4711" and first["uid"] == os.getuid() and first["user"] and first["maps"] == ["one.age", "two.age"]
    assert (first["outcome"], first["matches"], first["records"]) == ("shown", 2, ["a" * 32, "b" * 32])
    assert second["user"] == first["user"]
    assert second["asked"] == {"record": "b" * 32}
    for entry in ENTRIES:
        assert entry.original not in log and entry.surrogate not in log
    assert "Tremembé" not in done.stderr
    head = second["digest"]
    done = reveal(folder, "--verify-audit", head)
    assert done.returncode == 0 and "2 entries" in done.stdout and head in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([*LOOK, "--surrogate", "Ana Lima"], 2, "a reason is needed"),
        ([*LOOK, "--surrogate", "Ana Lima", "--reason", " .. - "], 2, "a reason is needed"),
        ([*LOOK, "--surrogate", "Ana Lima", "--reason", "pedido do cpf 529.982.247-25"], 2, "CPF"),
        ([*LOOK, *WHY], 2, "--surrogate TEXT or --record"),
        ([*LOOK, *WHY, "--record", "Kauany Tremembé"], 2, "not the id of a record"),
        (["--identity", "officer.txt", *WHY, "--surrogate", "Ana Lima"], 2, "--map is missing"),
        ([*LOOK[:3], *WHY, "--surrogate", "Ana Lima"], 2, "--identity is missing"),
        ([*LOOK[:3], "absent.age", *LOOK[3:], *WHY, "--surrogate", "Ana Lima"], 2, "absent.age"),
        ([*LOOK[:4], "absent.txt", *WHY, "--surrogate", "Ana Lima"], 2, "absent.txt"),
        ([*LOOK[:4], "stranger.txt", *WHY, "--surrogate", "Ana Lima"], 2, "no identity"),
        (["--verify-audit"], 2, "cannot be read"),
    ],
)
def test_nothing_is_shown_where_something_is_wrong(folder, arguments, code, words):
    done = reveal(folder, *arguments)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr
    for entry in ENTRIES:
        assert entry.original not in done.stderr
    assert "529.982.247-25" not in done.stderr


def test_a_refused_look_is_written_down_too(folder):
    assert reveal(folder, *LOOK[:4], "stranger.txt", *WHY, "--surrogate", "Ana Lima").returncode == 2
    (line,) = (folder / "reveal.log").read_text().splitlines()
    assert json.loads(line)["outcome"] == "refused"


def test_without_a_log_that_can_be_trusted_nothing_is_shown(folder):
    (folder / "reveal.log").mkdir()
    done = reveal(folder, *LOOK, *WHY, "--surrogate", "Ana Lima")
    assert (done.returncode, done.stdout) == (2, "")
    (folder / "reveal.log").rmdir()
    assert reveal(folder, *LOOK, *WHY, "--surrogate", "Ana Lima").returncode == 0
    log = folder / "reveal.log"
    log.write_text(log.read_text().replace("chamado 4711", "chamado 4712"))
    for arguments in ([*LOOK, *WHY, "--surrogate", "Ana Lima"], ["--verify-audit"]):
        done = reveal(folder, *arguments)
        assert (done.returncode, done.stdout) == (3, "") and "reveal.log:1" in done.stderr
