#!/usr/bin/env python3
"""Pseudonymize one shard of canonical records; fails closed.

    anonymize.py --input shard-00000.jsonl.zst --policy conf/anonymize/surrogate.yaml --key key.bin \\
        --output anonymized-00000.jsonl.zst --audit audit-00000.jsonl --quarantine quarantine-00000.jsonl --summary anonymize.json

Writes the records that are clean, one audit line for each span found (offsets, type, rule, keyed hash: never a value),
one line for each record held back (id and reason: never text) and a summary. Planted records go the same way
first, are counted and never written. Exit code 3, and no file at all, when a planted value is missed, when a second look
finds personal data in the output, when too many records had to be held back or when one cannot be brought to an end.
"""
# ruff: noqa: E402

from __future__ import annotations

import os

# Shards run side by side, one core each. NumPy reads these when it is imported.
for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

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

from llamaflow.deadline import Deadline, Overdue, supervised
from llamaflow.errors import BadInputError, PrivacyError, run_step
from llamaflow.files import open_stream, whole_file, write_json
from llamaflow.pii.anonymizer import Anonymizer, Outcome, Quarantine
from llamaflow.pii.canaries import Tally, count_found, plant, unproved
from llamaflow.pii.keys import read_key
from llamaflow.pii.policy import load_policy
from llamaflow.pii.proof import pattern_leaks, surviving
from llamaflow.pii.second_look import more_leaks, suspects, wilson
from llamaflow.pii.spans import ENTITY_TYPES
from llamaflow.pii.surrogates import key_id
from llamaflow.progress import Progress
from llamaflow.records import Record
from llamaflow.summaries import AnonymizeSummary, CanaryCount, LeakRate


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Command line of the step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("input")
    group.add_argument("--input", type=Path, required=True, help="canonical records, .jsonl or .jsonl.zst")
    group.add_argument("--policy", type=Path, required=True, help="what to do with each entity type (YAML)")
    group.add_argument(
        "--key",
        "--key-file",
        "--key_file",
        required=True,
        help="secret of at least 32 bytes, the same for all shards: a file, env:NAME or vault:mount/path#field",
    )
    group.add_argument("--erasures", type=Path, help="list of erased persons, as erase.py writes it: their records are left out")
    group.add_argument("--ner", help="a bigger model beside the shipped one: spacy:NAME or hf:MODEL")
    group = parser.add_argument_group("output")
    group.add_argument("--output", type=Path, required=True, help="clean records, .jsonl or .jsonl.zst")
    group.add_argument("--audit", type=Path, required=True, help="one line a finding, without values")
    group.add_argument("--quarantine", type=Path, required=True, help="one line a record that was held back, without text")
    group.add_argument("--summary", type=Path, required=True)
    group.add_argument(
        "--reversal-map", "--reversal_map", type=Path, help="encrypted map back to the originals, with --reversal-recipients"
    )
    group.add_argument("--reversal-recipients", "--reversal_recipients", default="", help="age1… recipients, or a file of them")
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--max-quarantine-rate", "--max_quarantine_rate", type=_rate, default=0.05, help="share of records held back that is borne (0.05)"
    )
    group.add_argument(
        "--max-leak-rate",
        "--max_leak_rate",
        type=_rate,
        help="leaks of a type for each of its replaced values that are borne (the policy's: 0)",
    )
    group.add_argument("--canaries", type=int, help="planted records (the policy's: 50)")
    group.add_argument(
        "--canary-min-name-recall",
        "--canary_min_name_recall",
        type=_rate,
        default=0.8,
        help="share of planted names and of planted addresses that has to be found (0.8); identifiers all have to be",
    )
    group.add_argument("--timeout", type=float, default=30.0, help="seconds for one record, then it is held back (30; 0: none)")
    arguments = parser.parse_args(argv)
    if bool(arguments.reversal_map) != bool(arguments.reversal_recipients):
        parser.error("--reversal-map and --reversal-recipients belong together")
    return arguments


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


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


def cleaned(anonymizer: Anonymizer, record: Record) -> tuple[str, Outcome, int]:
    """The output line of a record after the second look at that very line, its outcome, and how many words look like names still.

    Raises Quarantine for anything that is not clean.
    """
    outcome = anonymizer.process(record)
    line = outcome.record.model_dump_json()
    written, kept = Record.model_validate_json(line), anonymizer.policy.kept
    leaks = pattern_leaks(written, kept) + surviving(written, outcome.originals, outcome.kept)
    own = [*outcome.made.values(), *outcome.kept]
    if not anonymizer.is_sealed(record):
        # What was put into a record of an earlier run is not known any more; its seal says that this was looked at then.
        leaks += more_leaks(written, kept, own)
    if leaks:
        raise Quarantine(f"leak_{min(leaks)}")
    return line, outcome, suspects(written, own) if outcome.record is not record else 0


def anonymize(arguments: argparse.Namespace, deadline: Deadline) -> None:
    """Read the shard, write its results. Raises LlamaFlowError."""
    started = time.monotonic()
    policy, key = load_policy(arguments.policy), read_key(arguments.key)
    anonymizer = Anonymizer(policy, key, arguments.ner)
    erasures = load_erasures(arguments.erasures, key_id(key)) if arguments.erasures else None
    count = policy.canaries if arguments.canaries is None else arguments.canaries
    max_leak_rate = policy.max_leak_rate if arguments.max_leak_rate is None else arguments.max_leak_rate
    canaries = check_canaries(anonymizer, arguments, deadline, count)
    entities: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    fields: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    total = passed = with_entities = erased = suspected = 0
    with ExitStack() as files:
        # All results appear together at the end, or none does.
        output, audit, quarantine = (
            files.enter_context(whole_file(path)) for path in (arguments.output, arguments.audit, arguments.quarantine)
        )
        reversal = files.enter_context(map_writer(arguments)) if arguments.reversal_map else None
        spool = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=arguments.output.parent))
        progress = files.enter_context(Progress("anonymize", None, "records"))
        for number, text in read_lines(arguments.input):
            total += 1
            try:
                with deadline.limit():
                    line, outcome, names = cleaned(anonymizer, read_record(arguments.input, number, text))
            except BadInputError:
                raise
            except (Exception, Overdue) as error:
                # Fail closed: whatever went wrong, this record does not go on, and the cause is named without its text.
                reason = "timeout" if isinstance(error, Overdue) else f"error_{type(error).__name__}"
                reason = error.reason if isinstance(error, Quarantine) else reason
                reasons[reason] += 1
                write_line(quarantine, {"id": anonymizer.record_id(safe_id(text)), "reason": reason})
            else:
                if erasures and erasures.hit([outcome.record.id, *(finding.hash for finding in outcome.findings)]):
                    erased += 1
                    continue
                passed += 1
                spool.write(line + "\n")
                changed = [finding for finding in outcome.findings if finding.action != "keep"]
                entities.update(finding.type for finding in changed)
                kept.update(finding.type for finding in outcome.findings if finding.action == "keep")
                fields.update(outcome.fields)
                with_entities += bool(changed)
                suspected += names
                for finding in outcome.findings:
                    write_line(audit, finding._asdict())
                for (kind, original), new in outcome.made.items() if reversal else ():
                    reversal.add(outcome.record.id, kind, new, original)
            progress.update(held_back=total - passed - erased)
        held_back = total - passed - erased
        if held_back > arguments.max_quarantine_rate * total:
            why = f"{held_back} of {total} records: " + ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
            fix = "repair the input or, if losing these records is right, raise --max_quarantine_rate"
            raise PrivacyError("too many records could not be proved clean", where=arguments.input.name, why=why, fix=fix)
        leaks = copy_checked(spool, output, policy.kept)
        proof = {kind: leak_rate(leaks[kind], entities[kind]) for kind in sorted(entities.keys() | leaks.keys())}
        if any(one.rate > max_leak_rate for one in proof.values()):
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
        erased=erased,
        records_with_entities=with_entities,
        entities=dict(sorted(entities.items())),
        kept=dict(sorted(kept.items())),
        actions={kind: policy.action(kind) for kind in ENTITY_TYPES},
        fields=dict(sorted(fields.items())),
        leaks=sum(leaks.values()),
        proof=proof,
        suspected_names=leak_rate(suspected, entities["PERSON"]),
        canaries={kind: CanaryCount(**tally._asdict()) for kind, tally in canaries.items()},
        reversible=bool(arguments.reversal_map),
        policy=policy.name,
        policy_sha256=policy.sha256,
        key_id=key_id(key),
        warnings=[f"{held_back} of {total} records were held back"] if held_back else [],
    )
    write_json(arguments.summary, summary)


def load_erasures(path: Path, key: str) -> Any:
    from llamaflow.erasure import Erasures

    return Erasures.load(path, key)


def map_writer(arguments: argparse.Namespace) -> Any:
    from llamaflow.pii.reversal import MapWriter

    return MapWriter(arguments.reversal_map, arguments.reversal_recipients)


def check_canaries(anonymizer: Anonymizer, arguments: argparse.Namespace, deadline: Deadline, count: int) -> dict[str, Tally]:
    """What became of the planted records. Raises PrivacyError when too much of it was missed."""
    count_found(anonymizer, plant(1, ""))  # reads lists and weights, which is no record's time
    found: dict[str, Tally] = {}
    for canary in plant(count, arguments.input.name):
        try:
            with deadline.limit():
                one = count_found(anonymizer, [canary])
        except Overdue:
            raise PrivacyError("a planted record took too long", why=f"more than {deadline.seconds:g} s", fix="raise --timeout") from None
        for kind, tally in one.items():
            before = found.get(kind, Tally(0, 0))
            found[kind] = Tally(before.planted + tally.planted, before.found + tally.found)
    missed = unproved(found, anonymizer.policy.kept, arguments.canary_min_name_recall)
    if missed:
        why = ", ".join(missed)
        raise PrivacyError(
            "planted personal data was missed", where=arguments.input.name, why=why, fix="report this: detection is not what it was"
        )
    return dict(sorted(found.items()))


def leak_rate(leaks: int, replaced: int) -> LeakRate:
    """Leaks of a type among all its values that were seen, with the 95 % interval."""
    checked = leaks + replaced
    low, high = wilson(leaks, checked)
    return LeakRate(checked=checked, leaks=leaks, rate=leaks / checked if checked else 0.0, low=round(low, 6), high=round(high, 6))


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


def stopped(arguments: argparse.Namespace, child: int) -> int:
    """After a shard was killed: nothing of it is left, and why."""
    for path in (arguments.output, arguments.audit, arguments.quarantine, arguments.reversal_map):
        if path:
            path.with_name(f".{path.name}.{child}.part").unlink(missing_ok=True)
    why = f"one record took more than {arguments.timeout:g} s and could not be interrupted"
    print(PrivacyError("the shard was stopped", where=arguments.input.name, why=why, fix="report this: it is a bug"), file=sys.stderr)
    return PrivacyError.exit_code


def main(argv: list[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    deadline = Deadline(arguments.timeout)
    step = lambda: run_step(lambda: anonymize(arguments, deadline), private=True)  # noqa: E731
    return supervised(step, deadline, lambda child: stopped(arguments, child))


if __name__ == "__main__":
    sys.exit(main())
