#!/usr/bin/env python3
"""Pseudonymize one shard of canonical records; fails closed.

    anonymize.py --input shard-00000.jsonl.zst --policy conf/anonymize/surrogate.yaml --key-file key.bin \\
        --output anonymized-00000.jsonl.zst --audit audit-00000.jsonl --quarantine quarantine-00000.jsonl --summary anonymize.json

Writes the records that are clean, one audit line for each span found (offsets, type, rule, keyed hash: never a value),
one line for each record held back (id and reason: never text) and a summary. Exit code 3, and no file at all, when a
second look finds personal data in the output or when too many records had to be held back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llamaflow.errors import BadInputError, PrivacyError, run_step
from llamaflow.files import open_stream, whole_file, write_json
from llamaflow.pii.anonymizer import Anonymizer, Outcome, Quarantine
from llamaflow.pii.policy import load_policy
from llamaflow.pii.proof import pattern_leaks, surviving
from llamaflow.pii.surrogates import key_id
from llamaflow.progress import Progress
from llamaflow.records import Record
from llamaflow.summaries import AnonymizeSummary

MIN_KEY_BYTES = 32


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Command line of the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("input")
    group.add_argument("--input", type=Path, required=True, help="canonical records, .jsonl or .jsonl.zst")
    group.add_argument("--policy", type=Path, required=True, help="what to do with each entity type (YAML)")
    group.add_argument("--key-file", type=Path, required=True, help=f"secret of at least {MIN_KEY_BYTES} bytes; the same for all shards")
    group = parser.add_argument_group("output")
    group.add_argument("--output", type=Path, required=True, help="clean records, .jsonl or .jsonl.zst")
    group.add_argument("--audit", type=Path, required=True, help="one line a finding, without values")
    group.add_argument("--quarantine", type=Path, required=True, help="one line a record that was held back, without text")
    group.add_argument("--summary", type=Path, required=True)
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max-quarantine-rate", "--max_quarantine_rate", type=_rate, default=0.05, help="share of records held back that is borne (0.05)"
    )
    group.add_argument(
        "--max-leak-rate", "--max_leak_rate", type=_rate, default=0.0, help="leaks for each record of the output that are borne (0)"
    )
    return parser.parse_args(argv)


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


def read_key(path: Path) -> bytes:
    """The secret. Raises BadInputError when it is absent or too short to be one."""
    fix = f"make one with: head -c {MIN_KEY_BYTES} /dev/urandom > {path.name}"
    try:
        key = path.read_bytes()
    except OSError as error:
        raise BadInputError("the key file cannot be read", where=str(path), why=error.strerror or "", fix=fix) from None
    if len(key) < MIN_KEY_BYTES:
        raise BadInputError("the key file is too short", where=str(path), why=f"{len(key)} bytes, {MIN_KEY_BYTES} are needed", fix=fix)
    return key


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line of the shard. Raises BadInputError for a file that cannot be read to its end."""
    number = 0
    try:
        with open_stream(path) as stream:
            for number, line in enumerate(stream, 1):
                yield number, line
    except FileNotFoundError:
        raise BadInputError("the shard does not exist", where=str(path), fix="run PREPARE first") from None
    except OSError as error:
        raise BadInputError(
            "the shard cannot be read", where=f"{path}:{number + 1}", why=error.strerror or "damaged", fix="run PREPARE again"
        ) from None
    except UnicodeDecodeError:
        raise BadInputError("the shard is not UTF-8", where=f"{path}:{number + 1}", fix="run PREPARE again: it writes UTF-8") from None
    except Exception as error:
        if type(error).__module__.split(".")[0] not in ("zstandard", "zlib", "gzip", "builtins", "backend_c"):
            raise
        raise BadInputError(
            "the shard is damaged", where=f"{path}:{number + 1}", why=type(error).__name__, fix="run PREPARE again"
        ) from None


def read_record(path: Path, number: int, line: str) -> Record:
    """One record. Raises BadInputError where the line is no JSON, Quarantine where it is JSON but no sound record."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        why = f"column {error.colno}: {error.msg}"
        raise BadInputError(
            "a line of the shard is not JSON", where=f"{path}:{number}", why=why, fix="run PREPARE again; is the file cut off?"
        ) from None
    except (RecursionError, ValueError):
        raise Quarantine("too_deep") from None
    try:
        return Record.model_validate(value)
    except (ValidationError, RecursionError):
        raise Quarantine("invalid_record") from None


def safe_id(line: str) -> str:
    """The id of a line that may be no record: only what looks like a digest, else a digest of the line."""
    match = re.search(r'"id": ?"([0-9a-f]{8,128})"', line[:400])
    return match[1] if match else "line-" + hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def cleaned(anonymizer: Anonymizer, record: Record) -> tuple[str, Outcome]:
    """The output line of a record, after the second look at that very line. Raises Quarantine for anything that is not clean."""
    outcome = anonymizer.process(record)
    line = outcome.record.model_dump_json()
    written = Record.model_validate_json(line)
    leaks = pattern_leaks(written, anonymizer.policy.kept) + surviving(written, outcome.originals)
    if leaks:
        raise Quarantine(f"leak_{min(leaks)}")
    return line, outcome


def main(argv: list[str] | None = None) -> None:
    arguments = parse_arguments(argv)
    started = time.monotonic()
    policy, key = load_policy(arguments.policy), read_key(arguments.key_file)
    anonymizer = Anonymizer(policy, key)
    entities: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    total = passed = with_entities = 0
    with ExitStack() as files:
        # All results appear together at the end, or none does.
        output, audit, quarantine = (
            files.enter_context(whole_file(path)) for path in (arguments.output, arguments.audit, arguments.quarantine)
        )
        spool = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=arguments.output.parent))
        progress = files.enter_context(Progress("anonymize", None, "records"))
        for number, text in read_lines(arguments.input):
            total += 1
            try:
                line, outcome = cleaned(anonymizer, read_record(arguments.input, number, text))
            except BadInputError:
                raise
            except Exception as error:
                # Fail closed: whatever went wrong, this record does not go on, and the cause is named without its text.
                reason = error.reason if isinstance(error, Quarantine) else f"error_{type(error).__name__}"
                reasons[reason] += 1
                write_line(quarantine, {"id": anonymizer.record_id(safe_id(text)), "reason": reason})
            else:
                passed += 1
                spool.write(line + "\n")
                changed = [finding for finding in outcome.findings if finding.action != "keep"]
                entities.update(finding.type for finding in changed)
                with_entities += bool(changed)
                for finding in outcome.findings:
                    write_line(audit, finding._asdict())
            progress.update(held_back=total - passed)
        held_back = total - passed
        if held_back > arguments.max_quarantine_rate * total:
            why = f"{held_back} of {total} records: " + ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
            fix = "repair the input or, if losing these records is right, raise --max_quarantine_rate"
            raise PrivacyError("too many records could not be proved clean", where=arguments.input.name, why=why, fix=fix)
        leaks = copy_checked(spool, output, policy.kept)
        if sum(leaks.values()) > arguments.max_leak_rate * passed:
            why = ", ".join(f"{kind} {count}" for kind, count in sorted(leaks.items()))
            raise PrivacyError(
                "personal data is left in the output", where=arguments.input.name, why=why, fix="report this: detection and proof disagree"
            )
    summary = AnonymizeSummary(
        shard=arguments.input.name,
        seconds=round(time.monotonic() - started, 3),
        records=passed,
        quarantined=held_back,
        quarantined_by_reason=dict(sorted(reasons.items())),
        records_with_entities=with_entities,
        entities=dict(sorted(entities.items())),
        leaks=sum(leaks.values()),
        policy=policy.name,
        policy_sha256=policy.sha256,
        key_id=key_id(key),
        warnings=[f"{held_back} of {total} records were held back"] if held_back else [],
    )
    write_json(arguments.summary, summary)


def copy_checked(spool: Any, output: Any, kept: frozenset[str]) -> Counter[str]:
    """Copy the finished lines, reading each once more; returns what the second look still finds (nothing, or the run fails)."""
    leaks: Counter[str] = Counter()
    spool.seek(0)
    for line in spool:
        leaks += pattern_leaks(Record.model_validate_json(line), kept)
        output.write(line)
    return leaks


def write_line(stream: Any, value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
