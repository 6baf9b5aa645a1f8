#!/usr/bin/env python3
"""Show the originals behind a surrogate or a record, to who holds the private identity; every look is written down.

    reveal.py --map results/reversal/*.age --identity identity.txt --surrogate 'Ana Lima' --reason 'ticket 4711' --audit reveal.log
    reveal.py --map results/reversal/*.age --identity identity.txt --record ec75279d… --reason 'ticket 4711' --audit reveal.log
    reveal.py --verify-audit [HEAD] --audit reveal.log

Prints one JSON line a replacement. The audit log gets who, when, why, which maps and which records (never a value)
before anything is shown; without a reason, or where the log cannot be written or was altered, nothing is.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import pwd
import re
import socket
import sys
from pathlib import Path

from llamaflow.chain import append, verify
from llamaflow.errors import BadInputError, run_step
from llamaflow.pii.detect import detect
from llamaflow.pii.reversal import Entry, read_identities, read_map
from llamaflow.pii.spans import fold

# What a reason may hold of what detection finds: the number of a court order, an office, a day.
_IN_REASONS = frozenset(["CASE_NUMBER", "ORGANIZATION", "LOCATION", "DATE", "DOMAIN"])
_FEWEST_LETTERS = 5


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("what to show")
    group.add_argument("--map", type=Path, nargs="+", default=[], metavar="FILE", help="reversal maps of a run")
    group.add_argument("--identity", type=Path, metavar="FILE", help="private age identity (age-keygen)")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--surrogate", metavar="TEXT", help="the surrogate as it stands in the text; case and accents do not matter")
    which.add_argument("--record", metavar="ID", help="the id of a pseudonymized record: all its replacements")
    group = parser.add_argument_group("audit")
    group.add_argument("--reason", default="", metavar="TEXT", help="why: a ticket or a court order, no name and no other personal data")
    group.add_argument("--audit", type=Path, required=True, metavar="LOG", help="the log that every look is added to")
    group.add_argument("--verify-audit", nargs="?", const="", metavar="HEAD", help="check the log; with a HEAD noted earlier, its end too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    if args.verify_audit is not None:
        count, head = verify(args.audit, args.verify_audit)
        print(f"{args.audit}: {count} entries, unaltered\nhead {head}")
        return
    check(args)
    identities = read_identities(args.identity)
    look = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "user": account(),
        "uid": os.getuid(),
        "host": socket.gethostname(),
        "reason": args.reason.strip(),
        "maps": [path.name for path in args.map],
        "asked": {"record": args.record} if args.record else {"surrogate_hash": keyed(args.surrogate, args.identity)},
    }
    try:
        found = [entry for path in args.map for entry in read_map(path, identities) if wanted(entry, args)]
    except BadInputError:
        append(args.audit, look | {"outcome": "refused", "matches": 0, "records": []})
        raise
    records = sorted({entry.record for entry in found})
    head = append(args.audit, look | {"outcome": "shown", "matches": len(found), "records": records})
    for entry in found:
        print(json.dumps(entry._asdict(), ensure_ascii=False))
    print(f"{len(found)} shown, written to {args.audit}; head {head}", file=sys.stderr)


def check(args: argparse.Namespace) -> None:
    """Refuse what must not begin. Raises BadInputError."""
    for name in ("map", "identity"):
        if not getattr(args, name):
            raise BadInputError(f"--{name} is missing", fix="see reveal.py --help")
    if not (args.surrogate or args.record):
        raise BadInputError("nothing was asked for", fix="give --surrogate TEXT or --record ID")
    if args.record and not re.fullmatch(r"[0-9a-f]{8,128}", args.record):
        raise BadInputError(
            "not the id of a record", where="--record", why="ids are hex digits", fix="copy it from the record or its audit line"
        )
    if sum(char.isalnum() for char in args.reason) < _FEWEST_LETTERS:
        raise BadInputError(
            "a reason is needed", where="--reason", why="nobody looks at originals without one", fix="name the ticket or order"
        )
    personal = sorted({span.type for span in detect(args.reason)} - _IN_REASONS)
    if personal:
        fix = "name a ticket or an order instead: the log must hold no personal data"
        raise BadInputError("the reason seems to hold personal data", where="--reason", why=", ".join(personal), fix=fix)


def account() -> str:
    """The account that runs this, from the system: what the environment says can be chosen freely."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def wanted(entry: Entry, args: argparse.Namespace) -> bool:
    """Whether an entry was asked for."""
    if args.record:
        return entry.record == args.record
    return normal(entry.surrogate) == normal(args.surrogate)


def normal(text: str) -> str:
    return " ".join(fold(text).low.split())


def keyed(surrogate: str, identity: Path) -> str:
    """Hash of what was asked for, which only the holder of the identity can test against a guess."""
    key = hashlib.blake2b(identity.read_bytes(), person=b"llamaflow-look").digest()
    return hashlib.blake2b(normal(surrogate).encode("utf-8", "surrogatepass"), key=key, digest_size=8).hexdigest()


if __name__ == "__main__":
    sys.exit(run_step(main, private=True))
