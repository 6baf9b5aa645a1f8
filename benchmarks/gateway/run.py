#!/usr/bin/env python3
"""The gateway under load, on SQLite and on PostgreSQL with Redis; `make bench-gateway` calls this.

    .venv-gateway/bin/python benchmarks/gateway/run.py [--seconds 60] [--clients 200] [--runs 1000] [--events 10000]
        [--databases sqlite postgresql] [--only status drain events]

Everything is real but Nextflow itself: the server, its workers and dispatchers as processes, PostgreSQL and Redis by tests/rigs, HTTP on
loopback. status: concurrent clients on the status of runs (status.py). drain: queued runs, four workers, two of them killed (drain.py).
events: deliveries through a receiver that fails 30 % of its calls (delivery.py). docs/gateway-load.md says how each is measured.

The last line is one JSON object: the worst of the databases under status_p99_ms errors runs_lost runs_duplicated events_lost (and
events_out_of_order, bad_signatures), then all figures by database. null: not measured. Exit code: 0 whatever was measured, 77 where this
host cannot run a database, 1 where a server did not start.
"""
# ruff: noqa: E402

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: its names are the package's

for _name in [name for name in os.environ if name.startswith("LLAMAFLOW_")]:
    del os.environ[_name]  # the settings of whoever runs this are not the benchmark's

from benchmarks.gateway import delivery, drain, status
from benchmarks.gateway.servers import DATABASES, Broken, CannotRun, rig

PARTS = ("status", "drain", "events")
# Name in the last line -> part and figure. Of the databases the worst one counts.
WORST = {
    "status_p99_ms": ("status", "p99_time_ms"), "errors": ("status", "errors"), "runs_lost": ("drain", "runs_lost"),
    "runs_duplicated": ("drain", "runs_duplicated"), "events_lost": ("events", "events_lost"),
    "events_out_of_order": ("events", "events_out_of_order"), "bad_signatures": ("events", "bad_signatures"),
}  # fmt: skip


def worst(found: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """found: by database, by part."""
    summary = {}
    for name, (part, figure) in WORST.items():
        values = [parts[part][figure] for parts in found.values() if part in parts]
        summary[name] = max(values) if values else None
    return summary


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end, too
    found: dict[str, dict[str, dict[str, Any]]] = {}
    began = time.time()
    before = load_average()
    print(f"{os.cpu_count()} cores, load average {before} before anything was started", flush=True)
    try:
        for database in args.databases:
            parts = found[database] = {}
            with rig(database) as servers:
                if "status" in args.only:
                    print(f"status, {database}: {args.clients} clients for {args.seconds:g} s", flush=True)
                    parts["status"] = status.measure(database, servers, args.clients, args.seconds)
                if "drain" in args.only:
                    parts["drain"] = drain.measure(database, servers, args.runs)
                if "events" in args.only:
                    parts["events"] = delivery.measure(database, servers, args.events)
    except CannotRun as error:
        print(f"bench-gateway: {error}", file=sys.stderr)
        return 77
    except Broken as error:
        print(f"bench-gateway: {error}", file=sys.stderr)
        return 1
    about = {"cores": os.cpu_count(), "load_before": before, "minutes": round((time.time() - began) / 60, 1)}
    print(json.dumps(worst(found) | about | found))
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of status calls")
    parser.add_argument("--clients", type=int, default=200, help="that ask at a time")
    parser.add_argument("--runs", type=int, default=1000, help="that are queued")
    parser.add_argument("--events", type=int, default=10_000, help="that are delivered")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
