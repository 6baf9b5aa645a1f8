"""Erasure from files: which published and registered files hold a record or anything made from one, and the same without it.

Looking comes first and changes nothing; removing touches only what looking found. A file is rewritten whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .erasure import LEDGER, SETS, RunSearch, read_json, read_ledger, read_lines
from .errors import BadInputError
from .files import whole_file, write_json

if TYPE_CHECKING:
    import pyarrow as pa

_BETWEEN_IDS = re.compile(r"[^0-9A-Za-z]+")
# REGISTER's copy of a candidate's examples; hidden folders, left by a killed run, too.
_ADAPTERS = ("fine-tuned/*/examples.parquet", "experiments/lora-adapters/*/examples.parquet")


def is_about(name: Any, records: Collection[str]) -> bool:
    """Whether an id is a record's, or names a record that it was made from: ``RECORD/typos`` is a variant of RECORD."""
    return isinstance(name, str) and (name in records or any(part in records for part in _BETWEEN_IDS.split(name)))


# ---- looking ---------------------------------------------------------------------------------------------------------


def find_in_run(run: RunSearch, records: set[str]) -> dict[str, int]:
    """Published file -> entries (lines, rows, samples) of it that are about one of these records; only files that have any.

    Raises BadInputError for a file that cannot be read: it may hold one.
    """
    outdir = Path(run.outdir)
    paths = [outdir / "data" / f"{place}.jsonl" for place in SETS]
    for pattern in (
        "evaluation/*.jsonl", "evaluation/*.parquet", "rounds/*/*.parquet", "summaries/evaluate-*.json", "rounds/*/evaluate-*.json",
    ):  # fmt: skip
        paths += sorted(outdir.glob(pattern))
    return _counts(outdir, paths, records)


def find_in_registry(registry: Path, records: set[str]) -> dict[str, int]:
    """The same of a registry. A folder of cached scores counts as one, its name ends in "/": it is only ever deleted whole.

    Cached scores that cannot be read are among them: they may hold a record, and are computed again. Raises BadInputError for
    an adapter's examples that cannot be read.
    """
    found = _counts(registry, sorted(path for pattern in _ADAPTERS for path in (registry / "models").glob(pattern)), records)
    for folder in sorted(path for path in (registry / "evaluations").glob("*") if path.is_dir()):
        if records and _cache_holds(folder, records):
            found[f"{folder.relative_to(registry).as_posix()}/"] = 1
    return found


def _counts(root: Path, paths: list[Path], records: set[str]) -> dict[str, int]:
    counts = {path.relative_to(root).as_posix(): _count(path, records) for path in paths} if records else {}
    return {name: count for name, count in counts.items() if count}


def _count(path: Path, records: set[str]) -> int:
    """Entries of one file that are about a record."""
    if path.suffix == ".jsonl":
        return sum(is_about(value.get("id"), records) for _line, value in read_lines(path))
    if path.suffix == ".parquet":
        return sum(_held(_read_examples(path, ["id", "cluster"]), records))
    return sum(is_about(sample.get("id"), records) for holder in _sample_holders(_read_summary(path)) for sample in holder["samples"])


def _cache_holds(folder: Path, records: set[str]) -> bool:
    try:
        return any(_count(path, records) for path in sorted(folder.rglob("*")) if path.suffix in (".json", ".parquet"))
    except BadInputError:
        return True


# ---- removing --------------------------------------------------------------------------------------------------------


def remove_from_run(run: RunSearch, found: dict[str, int], records: set[str]) -> None:
    """Rewrite the files that were found in a run without these records.

    What was in which set is kept as ids (data/erased.json), written first: adapters trained on it stay known.
    """
    outdir = Path(run.outdir)
    gone = {name: place for name, place in run.places.items() if name in records}
    if gone:
        write_json(outdir / "data" / LEDGER, {"version": 1, "records": dict(sorted({**read_ledger(outdir / "data"), **gone}.items()))})
    for name in found:
        path = outdir / name
        if path.suffix == ".jsonl":
            _strip_lines(path, records)
        elif path.suffix == ".parquet":
            with _instead(path) as stream:
                stream.write(_stripped_examples(path, records))
        else:
            _strip_samples(path, records)


def remove_from_registry(registry: Path, found: dict[str, int], records: set[str]) -> None:
    """Rewrite adapters' examples without these records, with their digest in metadata.json; delete cached scores."""
    for name in found:
        if name.endswith("/"):
            _delete(registry / name)
        else:
            _strip_registered(registry / name, records)


def _strip_lines(path: Path, records: set[str]) -> None:
    with _instead(path) as stream:
        for line, value in read_lines(path):
            if not is_about(value.get("id"), records):
                stream.write(line)


def _strip_samples(path: Path, records: set[str]) -> None:
    summary = _read_summary(path)
    for holder in _sample_holders(summary):
        holder["samples"] = [sample for sample in holder["samples"] if not is_about(sample.get("id"), records)]
    with _instead(path) as stream:
        stream.write(_json_bytes(summary))


def _strip_registered(path: Path, records: set[str]) -> None:
    content, described = _stripped_examples(path, records), path.with_name("metadata.json")
    with _instead(path) as stream:
        stream.write(content)
        stream.flush()
        # The digest goes first: stopped before the file is there, the next call finds the record again and ends alike.
        metadata = read_json(described) if described.exists() else {}
        if path.name in metadata.get("files", {}):
            metadata["files"][path.name] = hashlib.sha256(content).hexdigest()
            with _instead(described) as text:
                text.write(_json_bytes(metadata))


def _delete(folder: Path) -> None:
    """Delete a folder that nobody may meet half deleted under its name."""
    aside = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    folder.rename(aside / folder.name)
    shutil.rmtree(aside)


@contextmanager
def _instead(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that takes the place of another, and its mode, once it is complete."""
    with whole_file(path, "wb") as stream:
        os.fchmod(stream.fileno(), stat.S_IMODE(path.stat().st_mode))  # before any text is in it
        yield stream


# ---- forms of files --------------------------------------------------------------------------------------------------


def _json_bytes(value: Any) -> bytes:
    """As files.write_json writes it: what is not changed stays the same to the byte."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _read_summary(path: Path) -> dict[str, Any]:
    summary = read_json(path)
    if not isinstance(summary, dict):
        raise BadInputError("not a summary of EVALUATE", where=str(path), fix="restore it from a backup, or delete it")
    return summary


def _sample_holders(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Parts of an EvaluateSummary that show answers: the test set's, which are the summary's own, and each suite's."""
    return [part for part in (summary, *(summary.get("suites") or {}).values()) if part.get("samples")]


def _read_examples(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Rows of evaluation.examples, all columns as they are in the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # not read_table, which makes columns of folders named a=b
            table = file.read(columns)
    except (pa.ArrowException, OSError) as error:
        fix = "restore it from a backup, or delete it"
        raise BadInputError("this is no file of examples", where=str(path), why=type(error).__name__, fix=fix) from None
    if missing := {"id", "cluster"} - set(table.column_names):
        why = f"columns missing: {', '.join(sorted(missing))}"
        raise BadInputError("nobody can say whose answers these are", where=str(path), why=why, fix="delete it, or evaluate again")
    return table


def _held(table: pa.Table, records: set[str]) -> list[bool]:
    """For each row: whether it, or what it was made from, is one of the records."""
    names = zip(table["id"].to_pylist(), table["cluster"].to_pylist(), strict=True)
    return [is_about(name, records) or is_about(cluster, records) for name, cluster in names]


def _stripped_examples(path: Path, records: set[str]) -> bytes:
    """The file as it had been written without the records: no row, statistic or dictionary is left of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .evaluation.examples import SCHEMA

    table, content = _read_examples(path), io.BytesIO()
    kept = table.filter(pa.array([not held for held in _held(table, records)], pa.bool_()))
    if kept.schema.equals(SCHEMA):
        kept = kept.cast(SCHEMA)  # equal but for the name of a list's values, which Parquet does not keep
    pq.write_table(kept, content, compression="zstd")
    return content.getvalue()
