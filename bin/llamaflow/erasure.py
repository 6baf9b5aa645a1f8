"""Erasure (LGPD art. 18): where a person is, in records, data versions and adapters, found by keyed hash alone.

The audit lines of a run carry a keyed hash for each value found, so a subject's identifiers, hashed with the same key,
lead to the record ids; ids lead to the published files and to train, validation or test; the digest of that data
version leads to the adapters in the registry. No value is stored anywhere on the way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from .errors import BadInputError
from .files import write_json
from .pii.lexicon import read_list
from .pii.spans import ENTITY_TYPES, fold
from .pii.surrogates import Surrogates

SETS = ("train", "validation", "test")
LEDGER = "erased.json"
# identifier: the value is one person's; name: several words of the name; possible: shared by many people.
Level = Literal["identifier", "name", "possible"]
_SHARED = frozenset(["AGE", "BIRTH_DATE", "CEP", "DATE", "DOMAIN", "LOCATION", "ORGANIZATION"])
_MOST_NAME_WORDS = 8
LEVELS: tuple[Level, ...] = ("identifier", "name", "possible")


class Subject(NamedTuple):
    """One identifier of the person: an entity type and the value as it may stand in a text."""

    type: str
    value: str


def parse_subject(text: str, where: str) -> Subject:
    """TYPE=VALUE. Raises BadInputError, which never shows the value."""
    kind, equals, value = text.partition("=")
    kind, value = kind.strip().upper(), value.strip()
    if not equals or kind not in ENTITY_TYPES:
        raise BadInputError("an identifier is not TYPE=VALUE", where=where, why="unknown type", fix=f"types: {', '.join(ENTITY_TYPES)}")
    if not any(char.isalnum() for char in fold(value).plain):
        raise BadInputError("an identifier has no value", where=where, why=f"type {kind}", fix="write for example EMAIL=ana@example.com")
    return Subject(kind, value)


def level_of(subject: Subject) -> Level:
    """How surely a record that holds the whole value is about the subject."""
    if subject.type in _SHARED or (subject.type == "PERSON" and len(subject.value.split()) < 2):
        return "possible"
    return "name" if subject.type == "PERSON" else "identifier"


def surer(one: Level, other: Level | None) -> Level:
    """The surer of two levels."""
    return one if other is None else min(one, other, key=LEVELS.index)


def name_forms(name: str) -> dict[str, Level]:
    """Forms in which a name may have been found: words left out, initials, surname first. The whole name comes first.

    The given name with one more word is the name; a single word, surnames alone or initials may be anybody's.
    """
    particles, words = frozenset(read_list("particles")), fold(name).low.replace(",", " ").split()
    forms: dict[str, Level] = {}
    parts = (part for size in range(1, len(words) + 1) for part in combinations(range(len(words[:_MOST_NAME_WORDS])), size))
    for places in [tuple(range(len(words))), *parts]:
        chosen = [words[place] for place in places]
        real = sum(word not in particles and len(word.strip(".")) > 1 for word in chosen)
        level: Level = "name" if real > 1 and places[0] == 0 else "possible"
        if real:
            forms.setdefault(" ".join(chosen), level)
        if real > 1:
            (first, *rest), (*given, last) = chosen, chosen
            forms.setdefault(f"{last}, {' '.join(given)}", level)
            for dot in ("", "."):
                forms.setdefault(" ".join([first[0] + dot, *rest]), "possible")
                forms.setdefault(" ".join([*given, last[0] + dot]), "possible")
    return forms


def subject_hashes(surrogates: Surrogates, subjects: Iterable[Subject]) -> dict[str, Level]:
    """Keyed hash -> how surely a record that holds it is about the subject.

    An identifier is looked for under every identifying type: a CPF may have been found as a PIX key or as a phone.
    """
    hashes: dict[str, Level] = {}
    for kind, value in subjects:
        if kind == "PERSON":
            found = {surrogates.digest(kind, form): level for form, level in name_forms(value).items()}
        elif kind in _SHARED:
            found = {surrogates.digest(kind, value): "possible"}
        else:
            kinds = [other for other in ENTITY_TYPES if other not in _SHARED and other != "PERSON"]
            found = {surrogates.digest(other, value): "identifier" for other in kinds}
        for digest, level in found.items():
            hashes[digest] = surer(level, hashes.get(digest))
    return hashes


# ---- the list that later runs honour --------------------------------------------------------------------------------


class _KeyErasures(BaseModel):
    hashes: set[str] = Field(default_factory=set)
    records: set[str] = Field(default_factory=set)


class _ErasureFile(BaseModel):
    version: Literal[1] = 1
    keys: dict[str, _KeyErasures] = Field(default_factory=dict)


class Erasures:
    """Keyed hashes of values and records that must not come back."""

    def __init__(self, hashes: Collection[str]):
        self._hashes = frozenset(hashes)

    @classmethod
    def load(cls, path: Path | str, key_id: str) -> Erasures:
        """The part of a list that was written under a key (its public fingerprint).

        Raises BadInputError for a file that is no list, and for a key that the list knows nothing of: a hash under
        another key would never be hit, and what was erased would come back unseen.
        """
        file = _read_list(Path(path))
        if key_id not in file.keys:
            known = ", ".join(sorted(file.keys)) or "none"
            fix = "use the key that the list was made with, or run erase.py --apply for each erased person with the new key"
            raise BadInputError("the erasure list was made with another key", where=str(path), why=f"key {key_id}; known: {known}", fix=fix)
        return cls(file.keys[key_id].hashes | file.keys[key_id].records)

    def hit(self, hashes: Iterable[str]) -> bool:
        """Whether a record with these keyed hashes (its id, and those of its findings) was erased."""
        return not self._hashes.isdisjoint(hashes)


def _read_list(path: Path) -> _ErasureFile:
    try:
        return _ErasureFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError("the erasure list cannot be read", where=str(path), why=error.strerror or "") from None
    except ValidationError:
        raise BadInputError("not an erasure list", where=str(path), fix="name the file that erase.py --erasures wrote") from None


def add_erasures(path: Path, key_id: str, hashes: Iterable[str], records: Iterable[str]) -> None:
    """Add to a list, made on first use, whole or not at all."""
    file = _read_list(path) if path.exists() else _ErasureFile()
    own = file.keys.setdefault(key_id, _KeyErasures())
    own.hashes.update(hashes)
    own.records.update(records)
    plain = {name: {"hashes": sorted(part.hashes), "records": sorted(part.records)} for name, part in sorted(file.keys.items())}
    write_json(path, {"version": 1, "keys": plain})


# ---- runs --------------------------------------------------------------------------------------------------------------


class RunSearch(BaseModel):
    """One published run. records: id -> level; places: id -> set that holds it (or held it, when erased before)."""

    outdir: str
    status: Literal["searched", "other_key", "changed", "key_destroyed"]
    key_ids: list[str]
    data_digest: str
    audit_lines: int = 0
    records: dict[str, Level] = Field(default_factory=dict)
    places: dict[str, str] = Field(default_factory=dict)
    shards: dict[str, list[str]] = Field(default_factory=dict, description="audit shard -> ids found in it")

    def ids(self, possible: bool) -> set[str]:
        """Records that are the subject's; possible: also those that may be somebody else's."""
        return {name for name, level in self.records.items() if possible or level != "possible"}


def read_json(path: Path) -> Any:
    """Raises BadInputError for a file that is not there or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        why = error.strerror or ""
        raise BadInputError("a file of the run cannot be read", where=str(path), why=why, fix="give a whole outdir") from None
    except ValueError:
        raise BadInputError("a file of the run is not JSON", where=str(path), fix="restore it from a backup") from None


def read_lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line of a JSONL file as bytes and as value. Raises BadInputError for a line that is no object."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ValueError
            except ValueError:
                raise BadInputError("a line is not a JSON object", where=f"{path}:{number}", fix="restore the file from a backup") from None
            yield line, value


def search_run(outdir: Path, key_id: str, hashes: dict[str, Level]) -> RunSearch:
    """Look through a run's audit lines and published sets. key_id '' means that the key was destroyed.

    Raises BadInputError where the folder is not a published run. Memory: the ids of the records that were found.
    """
    summaries = sorted((outdir / "summaries").glob("anonymize-*.json"))
    audits = sorted((outdir / "audit").glob("audit-*.jsonl"))
    if not summaries or not audits:
        fix = "give the outdir of a run, with summaries/, audit/ and data/ in it"
        raise BadInputError("not the outdir of a run", where=str(outdir), why="it has no audit lines or no summaries", fix=fix)
    split = read_json(outdir / "summaries" / "split.json")
    keys = sorted({str(read_json(path).get("key_id", "")) for path in summaries})
    run = RunSearch(outdir=str(outdir), status="searched", key_ids=keys, data_digest=str(split.get("data_digest", "")))
    if not key_id or key_id not in keys:
        return run.model_copy(update={"status": "other_key" if key_id else "key_destroyed"})
    for path in audits:
        for _line, finding in read_lines(path):
            run.audit_lines += 1
            level = hashes.get(finding.get("hash", ""))
            if level is not None:
                found = str(finding["id"])
                run.records[found] = surer(level, run.records.get(found))
                run.shards.setdefault(path.name.removeprefix("audit-").removesuffix(".jsonl"), []).append(found)
    run.shards = {name: sorted(set(ids)) for name, ids in run.shards.items()}
    return run


def place_records(run: RunSearch, records: Collection[str]) -> RunSearch:
    """Fill in where these records (of all runs: one run's output may be another's input) are in a searched run."""
    folder = Path(run.outdir) / "data"
    split, erased = read_json(Path(run.outdir) / "summaries" / "split.json"), read_ledger(folder)
    sizes: Counter[str] = Counter(erased.values())
    places = {name: place for name, place in erased.items() if name in records}
    for place in SETS:
        path = folder / f"{place}.jsonl"
        if not path.exists():
            raise BadInputError("a set of the run is missing", where=str(path), fix="restore it: without it nobody can say who is in it")
        for _line, record in read_lines(path):
            sizes[place] += 1
            if record.get("id") in records:
                places[str(record["id"])] = place
    # What lies there has to be what was trained on, but for what was erased before.
    changed = any(sizes[place] != split.get(place) for place in SETS)
    return run.model_copy(update={"places": places, "status": "changed" if changed else run.status})


def read_ledger(folder: Path) -> dict[str, str]:
    """Records that were erased before: id -> set that held it."""
    path = folder / LEDGER
    return dict(read_json(path)["records"]) if path.exists() else {}


def still_shown(run: RunSearch, records: set[str]) -> list[str]:
    """Files of the report that show one of these records: they are made anew, not edited."""
    outdir = Path(run.outdir)
    names = []
    for path in sorted(path for path in (outdir / "report").rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8", errors="replace")
        if any(name in text for name in records):
            names.append(path.relative_to(outdir).as_posix())
    return names


def maps_of(run: RunSearch, records: set[str]) -> list[Path]:
    """Reversal maps of the shards that hold one of these records."""
    shards = [name for name, ids in run.shards.items() if records.intersection(ids)]
    return sorted(path for name in shards for path in (Path(run.outdir) / "reversal").glob(f"*{name}.*"))


# ---- adapters ----------------------------------------------------------------------------------------------------------

Verdict = Literal["retrain_or_withdraw", "re_evaluate", "unaffected", "unknown"]


class AdapterVerdict(BaseModel):
    """What has to happen to one registered adapter; trained, measured: how many of the subject's records it has seen."""

    path: str
    data_digest: str
    verdict: Verdict
    trained: int = 0
    measured: int = 0
    withdrawn: bool = False


def judge_adapters(registry: Path, runs: list[RunSearch], records: set[str]) -> list[AdapterVerdict]:
    """A verdict for every adapter of a registry, from the data version it was trained on. Raises BadInputError for no registry."""
    models = registry / "models"
    if not models.is_dir():
        raise BadInputError("not a model registry", where=str(registry), fix="give the folder that holds models/ (OUTDIR/registry)")
    verdicts = []
    for path in sorted([*models.glob("fine-tuned/v*/metadata.json"), *models.glob("experiments/lora-adapters/*/metadata.json")]):
        digest = str(read_json(path).get("lineage", {}).get("data_digest", ""))
        same = [run for run in runs if digest and run.data_digest == digest]
        places = {name: place for run in same for name, place in run.places.items() if name in records}
        count = Counter(places.values())
        trained, measured = count["train"], count["validation"] + count["test"]
        verdict: Verdict = "retrain_or_withdraw" if trained else "re_evaluate" if measured else "unaffected"
        if not trained and not any(run.status == "searched" for run in same):
            verdict = "unknown"
        withdrawn = withdrawal(path.parent).exists()
        found = AdapterVerdict(path=str(path.parent), data_digest=digest, verdict=verdict, trained=trained, measured=measured)
        verdicts.append(found.model_copy(update={"withdrawn": withdrawn}))
    return verdicts


def withdrawal(adapter: Path) -> Path:
    """The status file beside an adapter's folder, which is there when the adapter is withdrawn."""
    return adapter.with_name(f"{adapter.name}.withdrawn.json")


def withdraw(adapter: Path, time: str) -> None:
    """Mark an adapter as withdrawn; its folder stays as it is."""
    if not withdrawal(adapter).exists():
        write_json(withdrawal(adapter), {"status": "withdrawn", "time": time, "reason": "erasure request (LGPD art. 18)"})
