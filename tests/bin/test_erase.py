"""Erasure: a person is found in records, data versions and adapters, taken out, and does not come back; nobody else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.erasure import Erasures, Subject, add_erasures, name_forms, parse_subject, subject_hashes
from llamaflow.errors import BadInputError
from llamaflow.pii.anonymizer import Anonymizer
from llamaflow.pii.policy import load_policy
from llamaflow.pii.reversal import MapWriter, read_map
from llamaflow.pii.surrogates import Surrogates, key_id
from llamaflow.records import Message, Record, content_id

ROOT = Path(__file__).parents[2]
KEY, OTHER = b"k7" * 16 + b"\x80", b"q3" * 16 + b"\x80"
CPF, EMAIL, NAME = "529.982.247-25", "kauany.tremembe@gmail.com", "Kauany Tremembé Pitanga"
VALUES = (CPF, "52998224725", EMAIL, "Kauany", "Tremembé", "Pitanga")
POLICY = load_policy(ROOT / "conf/anonymize/surrogate.yaml")
OFFICER = pyrage.x25519.Identity.generate()
TEXTS = {
    "cpf": f"Bom dia, meu CPF é {CPF} e o pedido não chegou.",
    "bare": "cpf: 52998224725, quero a segunda via.",
    "email": f"Escrevam para {EMAIL}, por favor.",
    "name": "Meu nome é Kauany Tremembé Pitanga e quero trocar o sofá.",
    "short": "Meu nome é Kauany Tremembé, e o prazo?",
    "homonym": "Meu nome é Kauany e não recebi nada.",
    "other": "Meu CPF é 111.444.777-35, obrigado.",
    "none": "Quanto custa a entrega?",
}
HERS = {"cpf", "bare", "email", "name", "short"}


def record(text: str) -> Record:
    messages = [Message(role="user", content=text), Message(role="assistant", content="Certo, já vou ver.")]
    return Record(id=content_id(messages), messages=messages, lang="pt", source="chat.jsonl:1")


def publish(outdir: Path, sets: dict[str, list[str]], key: bytes = KEY) -> dict[str, str]:
    """A published run with these texts in its sets, made by the real anonymizer; returns text name -> record id."""
    anonymizer, ids = Anonymizer(POLICY, key), {}
    for folder in ("summaries", "audit", "data", "evaluation", "report", "reversal"):
        (outdir / folder).mkdir(parents=True)
    with MapWriter(outdir / "reversal/reversal-shard-00000.jsonl.zst.age", str(OFFICER.to_public())) as reversal:
        for place in ("train", "validation", "test"):
            with (outdir / f"data/{place}.jsonl").open("w") as data, (outdir / "audit/audit-shard-00000.jsonl").open("a") as audit:
                for name in sets.get(place, []):
                    outcome = anonymizer.process(record(TEXTS[name]))
                    ids[name] = outcome.record.id
                    data.write(outcome.record.model_dump_json() + "\n")
                    audit.writelines(json.dumps(finding._asdict()) + "\n" for finding in outcome.findings)
                    for (kind, original), made in outcome.made.items():
                        reversal.add(outcome.record.id, kind, made, original)
    test = [json.loads(line) for line in (outdir / "data/test.jsonl").read_text().splitlines()]
    (outdir / "evaluation/predictions-base.jsonl").write_text("".join(json.dumps({"id": one["id"]}) + "\n" for one in test))
    write(outdir / "summaries/evaluate-base.json", {"samples": [{"id": one["id"]} for one in test], "examples": len(test)})
    (outdir / "report/report.html").write_text("<p>" + " ".join(one["id"] for one in test))
    write(outdir / "summaries/anonymize-shard-00000.json", {"key_id": key_id(key)})
    sizes = {place: len(sets.get(place, [])) for place in ("train", "validation", "test")}
    digest = hashlib.sha256(repr((sets, key)).encode()).hexdigest()
    write(outdir / "summaries/split.json", {**sizes, "data_digest": digest})
    return ids


def write(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def register(folder: Path, outdir: Path, name: str) -> Path:
    """An adapter that was trained on a run."""
    digest = json.loads((outdir / "summaries/split.json").read_text())["data_digest"]
    write(folder / f"registry/models/{name}/metadata.json", {"lineage": {"data_digest": digest}})
    return folder / f"registry/models/{name}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Run a: she is in train and test; run b: in test only; run c: nowhere. An adapter for each."""
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "subject.txt").write_text(f"CPF={CPF}\nEMAIL={EMAIL}\n\nperson = {NAME}\n")
    publish(tmp_path / "a", {"train": ["cpf", "name", "homonym", "other", "none"], "validation": ["bare"], "test": ["short", "none"]})
    publish(tmp_path / "b", {"train": ["other", "none"], "validation": ["homonym"], "test": ["email", "none"]})
    publish(tmp_path / "c", {"train": ["homonym", "none"], "validation": ["none"], "test": ["other"]})
    for run, name in (("a", "fine-tuned/v1.0.0"), ("b", "fine-tuned/v1.1.0"), ("c", "experiments/lora-adapters/0123456789abcdef")):
        register(tmp_path, tmp_path / run, name)
    return tmp_path


def erase(folder: Path, *more: str, runs=("a", "b", "c"), key="key", stdin="") -> tuple[subprocess.CompletedProcess, dict]:
    command = [sys.executable, str(ROOT / "bin/erase.py"), "--key", key, "--runs", *runs, "--registry", "registry"]
    command += ["--report", "erase.json", *([] if "--subject-file" in more or "--subject" in more else ["--subject-file", "subject.txt"])]
    (folder / "erase.json").unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, *more], cwd=folder, capture_output=True, text=True, timeout=120, input=stdin, env=environment)
    report = (folder / "erase.json").read_text() if (folder / "erase.json").exists() else "{}"
    for value in VALUES:
        assert value not in report + done.stdout + done.stderr
    return done, json.loads(report)


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "erase.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def verdicts(report: dict) -> dict[str, tuple[str, int, int]]:
    return {Path(one["path"]).name: (one["verdict"], one["trained"], one["measured"]) for one in report["adapters"]}


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_a_dry_run_finds_her_everywhere_and_changes_nothing(folder):
    before = snapshot(folder)
    done, report = erase(folder)
    assert done.returncode == 0, done.stderr
    assert snapshot(folder) == before
    assert report["records"] == {"identifier": 3, "name": 2, "possible": 1} and not report["applied"]
    assert [sorted(run["places"].values()) for run in report["runs"]] == [["test", "train", "train", "validation"], ["test"], []]
    assert verdicts(report) == {
        "v1.0.0": ("retrain_or_withdraw", 2, 2),
        "v1.1.0": ("re_evaluate", 0, 1),
        "0123456789abcdef": ("unaffected", 0, 0),
    }
    assert "RETRAIN OR WITHDRAW" in done.stdout and "Dry run" in done.stdout


def test_in_portuguese_and_from_standard_input(folder):
    done, report = erase(folder, "--language", "pt", "--subject-file", "-", stdin=f"CPF={CPF}\n")
    assert done.returncode == 0 and "RETREINAR OU RETIRAR" in done.stdout
    assert report["records"] == {"identifier": 2, "name": 0, "possible": 0} and report["subjects"] == {"CPF": 1}


def test_applied_she_is_gone_everybody_else_is_there_and_the_verdicts_stay(folder):
    names = {run: snapshot(folder / run) for run in "abc"}
    (folder / "a/data/train.jsonl").chmod(0o640)
    done, report = erase(folder, "--apply", "--erasures", "erasures.json")
    assert done.returncode == 0, done.stderr
    hers = {Anonymizer(POLICY, KEY).record_id(record(TEXTS[name]).id) for name in HERS}
    for run in "abc":
        for name, before in names[run].items():
            if name.startswith(("data/", "evaluation/")):
                kept = [line for line in before.splitlines(keepends=True) if json.loads(line)["id"] not in hers]
                assert (folder / run / name).read_bytes() == b"".join(kept)
    assert stat.S_IMODE((folder / "a/data/train.jsonl").stat().st_mode) == 0o640
    assert json.loads((folder / "a/summaries/evaluate-base.json").read_text())["samples"][0]["id"] not in hers
    assert report["removed"]["a"]["data/train.jsonl"] == 2 and report["removed"]["b"]["evaluation/predictions-base.jsonl"] == 1
    assert not report["removed"]["c"]
    codes = {code for code, _where in report["remaining"]}
    assert codes == {"report", "map", "erasures", "work", "backup"}
    assert not any(one["withdrawn"] for one in report["adapters"])
    # What was trained was trained: asking again gives the same answer about adapters.
    first, after = verdicts(report), snapshot(folder)
    done, again = erase(folder, "--apply", "--erasures", "erasures.json")
    assert done.returncode == 0 and verdicts(again) == first and snapshot(folder) == after
    assert not any(again["removed"].values())


def test_answers_to_her_records_are_found_in_a_dry_run_and_gone_when_applied(folder):
    from llamaflow.evaluation.examples import read_examples, write_examples

    test = [json.loads(line) for line in (folder / "b/data/test.jsonl").read_text().splitlines()]
    hers, other = (one["id"] for one in test)
    text = test[0]["messages"][0]["content"]
    assert not any(value in text for value in VALUES)
    kinds = [(hers, hers, text), (other, other, "x"), (f"{hers}/typos", hers, text), (f"{other}/typos", other, "y")]
    rows = [{"suite": "test", "id": name, "cluster": cluster, "prompt": prompt} for name, cluster, prompt in kinds]
    samples = [{"id": name, "prompt": prompt} for name, _cluster, prompt in kinds]
    version, cache = folder / "registry/models/fine-tuned/v1.1.0", folder / "registry/evaluations/0a1b"
    for place in (folder / "b/rounds/1/examples-candidate.parquet", version / "examples.parquet", cache / "examples.parquet"):
        place.parent.mkdir(parents=True, exist_ok=True)
        write_examples(place, rows)
    write(folder / "b/rounds/1/evaluate-candidate.json", {"samples": [], "suites": {"adversarial": {"samples": samples}}})
    digest = hashlib.sha256((version / "examples.parquet").read_bytes()).hexdigest()
    write(version / "metadata.json", json.loads((version / "metadata.json").read_text()) | {"files": {"examples.parquet": digest}})

    before = snapshot(folder)
    done, report = erase(folder, "--language", "pt")
    assert done.returncode == 0 and snapshot(folder) == before and report["removed"] == {}
    assert (
        report["to_remove"]["b"]["rounds/1/evaluate-candidate.json"] == report["to_remove"]["b"]["rounds/1/examples-candidate.parquet"] == 2
    )
    assert report["to_remove"]["registry"] == {"models/fine-tuned/v1.1.0/examples.parquet": 2, "evaluations/0a1b/": 1}
    assert report["to_remove"]["c"] == {} and "registry/evaluations/0a1b/: pontuações em cache, seriam apagadas por inteiro" in done.stdout
    done, applied = erase(folder, "--apply", "--erasures", "erasures.json")
    assert done.returncode == 0 and applied["removed"] == report["to_remove"] and applied["to_remove"] == {}
    assert "registry/models/fine-tuned/v1.1.0/examples.parquet: 2 line(s)" in done.stdout
    assert not cache.exists() and read_examples(version / "examples.parquet")["id"].to_pylist() == [other, f"{other}/typos"]
    digest = hashlib.sha256((version / "examples.parquet").read_bytes()).hexdigest()
    assert json.loads((version / "metadata.json").read_text())["files"] == {"examples.parquet": digest}
    told = {name for name, content in before.items() if text.encode() in content and not name.endswith(".parquet")}
    assert text.isascii() and told == {"b/data/test.jsonl", "b/rounds/1/evaluate-candidate.json"}
    assert not any(text.encode() in content for content in snapshot(folder).values())


def test_examples_that_cannot_be_read_stop_it_before_anything_is_changed(folder):
    (folder / "c/evaluation/examples-base.parquet").write_bytes(b"PAR1 half")
    before = snapshot(folder)
    done, report = erase(folder, "--apply", "--erasures", "erasures.json")
    assert done.returncode == 2 and "c/evaluation/examples-base.parquet" in done.stderr and "Traceback" not in done.stderr
    assert snapshot(folder) == before and report == {}


def test_it_starts_without_the_libraries_that_only_some_files_need(folder):
    command = [sys.executable, "-c", "import sys, erase; print(sorted({'pyarrow', 'torch', 'transformers'} & set(sys.modules)))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT / "bin")})
    assert done.stdout == "[]\n", done.stderr


def test_the_list_keeps_her_out_and_lets_others_in(folder):
    assert erase(folder, "--apply", "--erasures", "erasures.json")[0].returncode == 0
    erasures, anonymizer = Erasures.load(folder / "erasures.json", key_id(KEY)), Anonymizer(POLICY, KEY)
    for name, text in TEXTS.items():
        for more in ("", " Obrigado!"):
            outcome = anonymizer.process(record(text + more))
            hashes = [outcome.record.id, *(finding.hash for finding in outcome.findings)]
            assert erasures.hit(hashes) == (name in HERS), (name, more)
    text = (folder / "erasures.json").read_text()
    assert not any(value in text for value in VALUES)
    with pytest.raises(BadInputError, match="another key"):
        Erasures.load(folder / "erasures.json", key_id(OTHER))


def test_withdrawn_adapters_are_marked_and_nothing_is_deleted(folder):
    before = {name for name in snapshot(folder / "registry")}
    done, report = erase(folder, "--apply", "--erasures", "erasures.json", "--withdraw", "--language", "pt")
    assert done.returncode == 0 and "(retirado)" in done.stdout
    assert {name for name in snapshot(folder / "registry")} - before == {"models/fine-tuned/v1.0.0.withdrawn.json"}
    assert {Path(one["path"]).name for one in report["adapters"] if one["withdrawn"]} == {"v1.0.0"}
    from llamaflow.registry import Registry

    assert [numbers for numbers, _ in Registry(folder / "registry").versions()] == [(1, 0, 0), (1, 1, 0)]


def test_reversal_maps_are_written_anew_without_her(folder):
    (folder / "identity.txt").write_text(str(OFFICER))
    more = ["--identity", "identity.txt", "--recipients", str(OFFICER.to_public())]
    done, report = erase(folder, "--apply", "--erasures", "erasures.json", *more)
    assert done.returncode == 0, done.stderr
    assert "map" not in {code for code, _where in report["remaining"]}
    for run in "abc":
        left = [entry.original for entry in read_map(folder / run / "reversal/reversal-shard-00000.jsonl.zst.age", [OFFICER])]
        assert "111.444.777-35" in left and CPF not in left and NAME not in left


def test_possible_records_are_counted_and_taken_only_when_told(folder):
    done, report = erase(folder, "--possible", "--apply", "--erasures", "erasures.json")
    assert done.returncode == 0 and report["records"]["possible"] == 1
    assert verdicts(report)["0123456789abcdef"] == ("retrain_or_withdraw", 1, 0)
    assert len(ids_in(folder / "c/data/train.jsonl")) == 1
    # A first name alone never keeps others out of later runs.
    anonymizer = Anonymizer(POLICY, KEY)
    outcome = anonymizer.process(record("Meu nome é Kauany Moreira, bom dia."))
    assert not Erasures.load(folder / "erasures.json", key_id(KEY)).hit(finding.hash for finding in outcome.findings)


def test_a_source_line_is_named_even_where_detection_passes_over_it(folder):
    texts = [TEXTS["none"], TEXTS["bare"], f"xx/{CPF}/yy", TEXTS["short"], TEXTS["homonym"], TEXTS["other"], "pedido 152998224725"]
    rows = [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]} for text in texts]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"messages": [\n')
    done, report = erase(folder, "--records", "chats.jsonl")
    assert done.returncode == 0, done.stderr
    found = {(hit["line"], hit["how"]) for hit in report["sources"]}
    assert found == {("2", "identifier"), ("3", "identifier"), ("4", "name"), ("5", "possible"), ("8", "unreadable")}
    assert "chats.jsonl:2 (identifier)" in done.stdout


def test_a_run_under_another_key_is_said_to_be_unsearched(folder):
    publish(folder / "d", {"train": ["cpf"], "validation": ["none"], "test": ["other"]}, OTHER)
    register(folder, folder / "d", "fine-tuned/v2.0.0")
    before = snapshot(folder / "d")
    done, report = erase(folder, "--apply", "--erasures", "erasures.json", runs=("a", "b", "c", "d"))
    assert done.returncode == 3 and "not complete" in done.stderr and not report["complete"]
    assert report["runs"][3]["status"] == "other_key" and verdicts(report)["v2.0.0"][0] == "unknown"
    assert verdicts(report)["v1.0.0"][0] == "retrain_or_withdraw" and snapshot(folder / "d") == before


def test_an_adapter_of_a_run_that_was_not_given_is_unknown_and_never_unaffected(folder):
    done, report = erase(folder, runs=("b",))
    assert done.returncode == 3
    assert {name: verdict for name, (verdict, *_) in verdicts(report).items()} == {
        "v1.0.0": "unknown",
        "v1.1.0": "re_evaluate",
        "0123456789abcdef": "unknown",
    }


def test_data_files_that_were_changed_by_hand_prove_nothing(folder):
    path = folder / "b/data/train.jsonl"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    done, report = erase(folder)
    assert done.returncode == 3 and report["runs"][1]["status"] == "changed" and verdicts(report)["v1.1.0"][0] == "unknown"


def test_with_the_key_destroyed_the_report_says_so_and_only_sources_are_searched(folder):
    (folder / "chats.jsonl").write_text(json.dumps({"prompt": TEXTS["cpf"], "completion": "ok"}) + "\n")
    done, report = erase(folder, "--records", "chats.jsonl", key="destroyed")
    assert done.returncode == 0 and "The key was destroyed" in done.stdout and "LGPD art. 12" in done.stdout
    assert report["key_id"] == "" and {run["status"] for run in report["runs"]} == {"key_destroyed"}
    assert [hit["how"] for hit in report["sources"]] == ["identifier"]
    assert erase(folder, "--apply", "--erasures", "e.json", key="destroyed")[0].returncode == 2


def test_a_person_who_is_nowhere_is_a_clear_answer(folder):
    done, report = erase(folder, "--subject", "CPF=168.995.350-09")
    assert done.returncode == 0 and report["complete"] and report["remaining"] == []
    assert {verdict for verdict, *_ in verdicts(report).values()} == {"unaffected"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--subject", f"CFP={CPF}"], "unknown type"),
        (["--subject", CPF], "not TYPE=VALUE"),
        (["--subject", "CPF= .- "], "has no value"),
        (["--subject-file", "absent.txt"], "absent.txt"),
        (["--apply"], "--apply needs --erasures"),
        (["--withdraw"], "--withdraw needs --apply"),
        (["--identity", "x"], "belong together"),
        (["--records", "absent.jsonl"], "absent.jsonl"),
        (["--registry", "absent"], "not a model registry"),
        (["--runs", "registry"], "not the outdir of a run"),
        (["--key", "absent.key"], "absent.key"),
    ],
)
def test_bad_input_is_told_changes_nothing_and_shows_nothing(folder, more, words):
    before = snapshot(folder)
    done, report = erase(folder, *more)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and report == {} and snapshot(folder) == before


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1, "keys": {"x": 7}}'])
def test_what_is_no_erasure_list_is_refused(tmp_path, content):
    (tmp_path / "e.json").write_text(content)
    with pytest.raises(BadInputError, match="not an erasure list"):
        Erasures.load(tmp_path / "e.json", "x")
    with pytest.raises(BadInputError):
        add_erasures(tmp_path / "e.json", "x", ["1"], [])


def test_lists_of_several_keys_live_in_one_file(tmp_path):
    add_erasures(tmp_path / "e.json", "one", ["1" * 16], ["a" * 32])
    add_erasures(tmp_path / "e.json", "two", ["2" * 16], [])
    add_erasures(tmp_path / "e.json", "one", ["3" * 16], [])
    one = Erasures.load(tmp_path / "e.json", "one")
    assert one.hit(["1" * 16]) and one.hit(["3" * 16]) and one.hit(["x", "a" * 32]) and not one.hit(["2" * 16]) and not one.hit([])


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_name_has_its_whole_form_and_no_crash(name):
    forms = name_forms(name)
    words = name.split()
    assert len(forms) <= 4000
    if len(words) > 1 and all(len(word) > 1 and word.isascii() and word.isalpha() for word in words):
        assert " ".join(words).lower() in forms
    hashes = subject_hashes(Surrogates(KEY), [Subject("PERSON", name), Subject("CPF", name), Subject("PHONE", name)])
    assert set(hashes.values()) <= {"identifier", "name", "possible"}


def test_a_short_name_is_never_more_than_possible():
    assert name_forms("Maria") == {"maria": "possible"}
    forms = name_forms("Maria de Souza Lima")
    assert forms["maria souza"] == forms["maria lima"] == forms["lima, maria de souza"] == "name"
    assert forms["souza lima"] == forms["m. souza"] == forms["lima"] == "possible"
    assert "de" not in forms


def test_subjects_are_parsed_with_any_value():
    assert parse_subject(" person = Ana = Bia", "x") == Subject("PERSON", "Ana = Bia")
