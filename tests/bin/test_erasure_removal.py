"""Erasure from files: of a record and all that was made from it nothing is left, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.erasure import RunSearch
from llamaflow.erasure_removal import find_in_registry, find_in_run, is_about, remove_from_registry, remove_from_run
from llamaflow.errors import BadInputError
from llamaflow.evaluation.examples import read_examples, write_examples
from llamaflow.files import write_json

ROOT = Path(__file__).parents[2]
HERS = {"a1" * 16, "b2" * 16}
ANN, BEA, ELSE, MORE = "a1" * 16, "b2" * 16, "c3" * 16, "d4" * 16
SECRET = "zzyzx-quasar-sofa"  # in every text of hers; it sorts last, so statistics show it too


def row(name: str, cluster: str | None = None, suite: str = "test", **more) -> dict:
    """A scored example whose texts hold the secret when it is hers."""
    text = f"{SECRET} {name}" if any(record in f"{name} {cluster}" for record in HERS) else f"answer {name}"
    scores = {"rougeL": 0.25, "nats": 1 / 3, "tokens": 7, "bleu_counts": [1.0, 2.0], "chrf_counts": []}
    texts = {"prompt": text, "reference": text, "prediction": text}
    return {"suite": suite, "id": name, "cluster": name if cluster is None else cluster, **texts, **scores, **more}


ROWS = [
    row(ELSE),
    row(ANN),
    row(MORE),
    row(f"{ANN}/typos", ANN, "adversarial"),
    row(f"{ELSE}/typos", ELSE, "adversarial"),
    row(f"{BEA}/no accents", BEA, "adversarial"),
    row("probe-1", BEA, "leak"),
    row(f"leak/{ANN}", "", "leak"),
    row("arithmetic-4", "", "general"),
    row("sum", suite="general", rougeL=None),
]
THEIRS = [ROWS[index] for index in (0, 2, 4, 8, 9)]


def sample(name: str) -> dict:
    return {"id": name, "lang": "pt", "prompt": f"{SECRET} {name}" if is_about(name, HERS) else "água", "reference": "", "prediction": ""}


def summary(names: list[str]) -> dict:
    """An evaluate.json that shows these examples everywhere."""
    suites = {name: {"kind": name, "examples": 9, "samples": [sample(one) for one in names]} for name in ("edge", "adversarial", "leak")}
    suites["general"] = {"kind": "general", "metrics": {"accuracy": {"value": 1e-7}}}
    return {"step": "evaluate", "examples": 9, "metrics": {"perplexity": {"value": 0.1 + 0.2}}, "suites": suites,
            "samples": [sample(one) for one in names], "hardware": {"device": "CPU ™"}}  # fmt: skip


SHOWN = [ELSE, ANN, f"{BEA}/typos", MORE, f"{MORE}/case"]
KEPT = [ELSE, MORE, f"{MORE}/case"]


@pytest.fixture
def run(tmp_path: Path) -> RunSearch:
    outdir = tmp_path / "suite=5"  # such a folder must not become a column
    for folder in ("data", "evaluation", "summaries", "rounds/1", "rounds/2"):
        (outdir / folder).mkdir(parents=True)
    for place, names in (("train", [ELSE, ANN]), ("validation", [MORE]), ("test", [BEA, MORE])):
        (outdir / f"data/{place}.jsonl").write_text(
            "".join(json.dumps({"id": name, "text": sample(name)["prompt"]}) + "\n" for name in names)
        )
    for name in (
        "evaluation/examples-base",
        "evaluation/examples-production",
        "rounds/1/examples-candidate",
        "rounds/2/examples-candidate",
    ):
        write_examples(outdir / f"{name}.parquet", ROWS)
    write_examples(outdir / "evaluation/examples-candidate.parquet", THEIRS)
    for name in ("summaries/evaluate-base", "summaries/evaluate-production", "rounds/1/evaluate-candidate", "rounds/2/evaluate-candidate"):
        write_json(outdir / f"{name}.json", summary(SHOWN))
    write_json(outdir / "rounds/1/gate.json", {"verdict": "rejected"})
    places = {ANN: "train", BEA: "test"}
    return RunSearch(outdir=str(outdir), status="searched", key_ids=["k"], data_digest="d", places=places)


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    root = tmp_path / "registry"
    for name, rows in (
        ("fine-tuned/v1.0.0", ROWS),
        ("fine-tuned/v1.0.1", THEIRS),
        ("experiments/lora-adapters/0123", ROWS),
        ("fine-tuned/.part-x", ROWS),
    ):
        folder = root / "models" / name
        folder.mkdir(parents=True)
        write_examples(folder / "examples.parquet", rows)
        if ".part" not in name:  # what a killed run left has none
            files = {"adapter_model.safetensors": "ab" * 32, "examples.parquet": digest_of(folder / "examples.parquet")}
            write_json(folder / "metadata.json", {"lineage": {"seed": 1}, "loss": 0.1 + 0.2, "name": "ação", "files": files})
    for name, rows, shown in (("rows", ROWS, KEPT), ("samples", THEIRS, SHOWN), ("clean", THEIRS, KEPT), (".part-y", ROWS, KEPT)):
        (root / "evaluations" / name).mkdir(parents=True)
        write_examples(root / "evaluations" / name / "examples.parquet", rows)
        write_json(root / "evaluations" / name / "evaluate.json", summary(shown))
    return root


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def decoded(path: Path) -> str:
    """Everything that a file says: of Parquet the bytes, the values and what its footer tells of them."""
    raw = path.read_bytes().decode("latin-1")
    if path.suffix != ".parquet":
        return raw
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    footer = [str(group.column(index).statistics) for group in groups for index in range(group.num_columns)]
    return raw + str(file.read().to_pylist()) + str(file.metadata.metadata) + "".join(footer)


def erase(run: RunSearch, registry: Path) -> tuple[dict[str, int], dict[str, int]]:
    found = find_in_run(run, HERS), find_in_registry(registry, HERS)
    remove_from_run(run, found[0], HERS)
    remove_from_registry(registry, found[1], HERS)
    return found


def test_nothing_of_hers_is_left_and_all_else_stays(run, registry):
    outdir = Path(run.outdir)
    held = [path for root in (outdir, registry) for path in root.rglob("*") if path.is_file() and SECRET in decoded(path)]
    assert len(held) == 16  # the search below would find it
    before = snapshot(outdir) | {f"registry/{name}": content for name, content in snapshot(registry).items()}
    in_run, in_registry = erase(run, registry)
    for root in (outdir, registry):
        for path in root.rglob("*"):
            assert not path.is_file() or SECRET not in decoded(path), path
    assert in_run == {
        "data/train.jsonl": 1, "data/test.jsonl": 1, "evaluation/examples-base.parquet": 5, "evaluation/examples-production.parquet": 5,
        "rounds/1/examples-candidate.parquet": 5, "rounds/2/examples-candidate.parquet": 5, "summaries/evaluate-base.json": 8,
        "summaries/evaluate-production.json": 8, "rounds/1/evaluate-candidate.json": 8, "rounds/2/evaluate-candidate.json": 8,
    }  # fmt: skip
    after = snapshot(outdir) | {f"registry/{name}": content for name, content in snapshot(registry).items()}
    changed = {name for name in before if before[name] != after.get(name)}
    cached = {
        f"registry/evaluations/{name}/{file}" for name in ("rows", "samples", ".part-y") for file in ("examples.parquet", "evaluate.json")
    }
    tables = {f"registry/{name}" for name in in_registry if not name.endswith("/")}
    metadata = {name.replace("examples.parquet", "metadata.json") for name in tables if ".part" not in name}
    assert changed == set(in_run) | cached | tables | metadata
    assert set(after) - set(before) == {"data/erased.json"} and set(before) - set(after) == cached
    assert [path.name for path in (registry / "evaluations").iterdir()] == ["clean"]


def test_rows_and_samples_of_others_keep_their_order_and_every_byte(run, registry, tmp_path):
    erase(run, registry)
    write_examples(tmp_path / "theirs.parquet", THEIRS)
    write_json(tmp_path / "kept.json", {**summary(KEPT)})
    for path in [*Path(run.outdir).rglob("*.parquet"), *(registry / "models").rglob("*.parquet")]:
        assert path.read_bytes() == (tmp_path / "theirs.parquet").read_bytes(), path
        assert read_examples(path)["id"].to_pylist() == [one["id"] for one in THEIRS]
    for path in Path(run.outdir).rglob("evaluate-*.json"):
        assert path.read_bytes() == (tmp_path / "kept.json").read_bytes(), path


def test_looking_changes_nothing_and_asking_again_finds_nothing(run, registry):
    before = snapshot(Path(run.outdir)), snapshot(registry)
    assert find_in_run(run, HERS) and find_in_registry(registry, HERS)
    assert find_in_run(run, set()) == {} == find_in_registry(registry, set())
    assert (snapshot(Path(run.outdir)), snapshot(registry)) == before
    erase(run, registry)
    after = snapshot(Path(run.outdir)), snapshot(registry)
    assert erase(run, registry) == ({}, {})
    assert (snapshot(Path(run.outdir)), snapshot(registry)) == after


def test_metadata_tells_the_new_digest_and_nothing_else_of_it_changes(registry):
    folders = [registry / "models/fine-tuned/v1.0.0", registry / "models/experiments/lora-adapters/0123"]
    before = {folder: ((folder / "metadata.json").read_bytes(), digest_of(folder / "examples.parquet")) for folder in folders}
    remove_from_registry(registry, find_in_registry(registry, HERS), HERS)
    for folder, (content, digest) in before.items():
        assert digest_of(folder / "examples.parquet") != digest
        assert (folder / "metadata.json").read_bytes() == content.replace(digest.encode(), digest_of(folder / "examples.parquet").encode())


def test_metadata_without_digests_stays_as_it_is(registry):
    path = registry / "models/fine-tuned/v1.0.0/metadata.json"
    for content in (b'{"lineage":{}}', b'{"files": {"README.md": "00"}}'):
        path.write_bytes(content)
        write_examples(path.with_name("examples.parquet"), ROWS)
        remove_from_registry(registry, find_in_registry(registry, HERS), HERS)
        assert path.read_bytes() == content


def test_stopped_between_the_digest_and_the_file_the_next_call_ends_alike(registry):
    table, described = (registry / "models/fine-tuned/v1.0.0" / name for name in ("examples.parquet", "metadata.json"))
    old = table.read_bytes()
    remove_from_registry(registry, find_in_registry(registry, HERS), HERS)
    done = table.read_bytes(), described.read_bytes()
    table.write_bytes(old)  # as when the power went before the file took its place
    remove_from_registry(registry, find_in_registry(registry, HERS), HERS)
    assert (table.read_bytes(), described.read_bytes()) == done
    assert json.loads(done[1])["files"]["examples.parquet"] == digest_of(table)


def test_modes_stay_and_the_work_folder_behind_a_link_is_not_written_through(run, registry, tmp_path):
    paths = [Path(run.outdir) / name for name in find_in_run(run, HERS)]
    paths += [registry / "models/fine-tuned/v1.0.0" / name for name in ("examples.parquet", "metadata.json")]
    for path in paths:
        path.chmod(0o600)
    os.link(paths[-2], tmp_path / "work.parquet")
    before = (tmp_path / "work.parquet").read_bytes()
    erase(run, registry)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert (tmp_path / "work.parquet").read_bytes() == before


def test_on_a_full_disk_the_old_files_stay_whole(run, registry):
    rng = random.Random(0)
    texts = [{"prediction": rng.randbytes(2000).hex(), "category": "long"} for _ in range(200)]
    many = [row(f"{index:032x}", **text) for index, text in enumerate(texts)] + ROWS
    names = ["evaluation/examples-base.parquet", "models/fine-tuned/v1.0.0/examples.parquet"]
    paths = [Path(run.outdir) / names[0], registry / names[1]]
    for path in paths:
        write_examples(path, many)
    before = snapshot(Path(run.outdir)), snapshot(registry)
    script = (
        "import json, resource, signal, sys\nfrom pathlib import Path\nfrom llamaflow.erasure import RunSearch\n"
        "from llamaflow.erasure_removal import remove_from_registry, remove_from_run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        f"run, records = RunSearch.model_validate_json({run.model_copy(update={'places': {}}).model_dump_json()!r}), {sorted(HERS)!r}\n"
        f"for work in (lambda: remove_from_run(run, {{{names[0]!r}: 5}}, set(records)),\n"
        f"             lambda: remove_from_registry(Path({str(registry)!r}), {{{names[1]!r}: 5}}, set(records))):\n"
        "    try:\n        work()\n    except OSError as error:\n        print(error.errno)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT / "bin")})
    assert done.stdout.split() == ["27", "27"], done.stderr
    assert (snapshot(Path(run.outdir)), snapshot(registry)) == before  # no half file either
    erase(run, registry)
    for path in paths:
        assert SECRET not in decoded(path) and read_examples(path).num_rows == len(many) - 5


def test_cached_scores_that_cannot_be_read_are_deleted(registry):
    cache = registry / "evaluations/clean"
    for file, content in (
        ("examples.parquet", b"PAR1 half"),
        ("examples.parquet", b""),
        ("evaluate.json", b'{"samples": ['),
        ("evaluate.json", b"[]"),
    ):
        cache.mkdir(exist_ok=True)
        (cache / file).write_bytes(content)
        assert find_in_registry(registry, HERS)["evaluations/clean/"] == 1
        remove_from_registry(registry, {"evaluations/clean/": 1}, HERS)
        assert not cache.exists()


@pytest.mark.parametrize("content", [b"", b"PAR1 half a file PAR1", None])
def test_examples_that_cannot_be_read_are_told_and_never_passed_over(run, registry, content):
    for look, path in (
        (lambda: find_in_run(run, HERS), Path(run.outdir) / "rounds/2/examples-candidate.parquet"),
        (lambda: find_in_registry(registry, HERS), registry / "models/fine-tuned/v1.0.1/examples.parquet"),
    ):
        if content is None:
            pq.write_table(pa.table({"id": [ANN], "prompt": [SECRET]}), path)
        else:
            path.write_bytes(content)
        with pytest.raises(BadInputError) as caught:
            look()
        assert path.name in caught.value.where and SECRET not in str(caught.value)


def test_a_corrupt_page_is_told_without_its_text(run):
    path = Path(run.outdir) / "evaluation/examples-base.parquet"
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="no file of examples"):
        remove_from_run(run, {"evaluation/examples-base.parquet": 1}, HERS)
    assert path.read_bytes() == content


def test_a_registry_from_before_and_a_run_without_rounds_are_no_error(tmp_path):
    (tmp_path / "models").mkdir()
    assert find_in_registry(tmp_path, HERS) == {}


NAMES = st.one_of(
    st.sampled_from([ANN, BEA, ELSE, MORE]),
    st.builds("{}/{}".format, st.sampled_from([ANN, BEA, ELSE, MORE]), st.sampled_from(["typos", "case/2", "", "á"])),
    st.builds("{}/{}".format, st.sampled_from(["leak", "x:1"]), st.sampled_from([ANN, BEA, ELSE])),
    st.text(max_size=8),
    st.none(),
)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(st.tuples(NAMES, NAMES, st.text(max_size=20)), max_size=30))
def test_a_file_without_her_is_the_file_that_had_been_written_without_her(tmp_path_factory, rows):
    registry = tmp_path_factory.mktemp("r")
    path = registry / "models/fine-tuned/v1.0.0/examples.parquet"
    path.parent.mkdir(parents=True)
    written = [{"suite": "test", "id": name, "cluster": cluster, "prompt": text} for name, cluster, text in rows]
    kept = [one for one in written if not any(record in f"{one['id']} {one['cluster']}" for record in HERS)]
    write_examples(path, written)
    found = find_in_registry(registry, HERS)
    assert sum(found.values()) == len(written) - len(kept)
    remove_from_registry(registry, found, HERS)
    write_examples(registry / "kept.parquet", kept)
    assert path.read_bytes() == (registry / "kept.parquet").read_bytes()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_a_part_of_a_longer_word_is_nobody(text):
    assert is_about(ANN + "/" + text, HERS) and is_about(text + "/" + BEA, HERS)
    assert not is_about(f"{ANN}0", HERS) and not is_about(ANN[:-1], HERS) and not is_about(f"x{ANN}", HERS)
    assert not is_about(None, HERS) and not is_about(7, HERS) and not is_about(text, HERS)
