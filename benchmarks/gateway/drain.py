"""Many queued runs, several workers, and SIGKILL for some of them: every run must be run, and once.

The runs are queued over HTTP first (every tenth is sent twice under its idempotency key, as after a lost answer), then the workers
start. Each launch leaves a mark in its launch folder (benchmarks/gateway/nextflow), which is what is counted.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from benchmarks.gateway.receiver import wait_for
from benchmarks.gateway.servers import Process, Rig, Site, site
from benchmarks.gateway.tally import count_runs
from gateway.runs.events import COMPLETED
from gateway.runs.states import ACTIVE, FINAL
from gateway.store.database import Store
from gateway.store.tables import Event, Run

LEASE_S = 10
TAKES_S = 0.3  # a stand-in
AT_A_TIME = 8  # runs of a worker
PATIENCE_S = 120  # without any run ending


def submit(one: Site, runs: int, key: str) -> list[str]:
    """Ids of the runs, in no order."""

    def send(number: int) -> str:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"bench-{number}"}
        request = {"engine_parameters": {"profile": "test"}, "tags": {"number": str(number)}}
        answers = [http.post("/api/v1/runs", json=request, headers=headers) for _ in range(2 if number % 10 == 0 else 1)]
        for answer in answers:
            answer.raise_for_status()
        ids = {answer.json()["run_id"] for answer in answers}
        if len(ids) != 1:
            raise AssertionError(f"one idempotency key made {len(ids)} runs")
        return ids.pop()

    with httpx.Client(base_url=one.url, timeout=60) as http, ThreadPoolExecutor(4) as pool:
        return list(pool.map(send, range(runs)))


def states(one: Site) -> Counter[str]:
    with one.gateway.store.read() as session:
        return Counter(dict(session.execute(select(Run.state, func.count()).group_by(Run.state)).all()))


def ended(one: Site) -> int:
    return sum(count for state, count in states(one).items() if state in FINAL)


def held(one: Site) -> Counter[int]:
    """Runs in the hands of each worker, by its process id."""
    with one.gateway.store.read() as session:
        owners = session.execute(select(Run.claimed_by).where(Run.state.in_(ACTIVE), Run.claimed_by.is_not(None))).scalars()
        return Counter(int(owner.rsplit("-", 2)[1]) for owner in owners)  # a worker's id: host-pid-random


def kill(one: Site, crew: list[Process]) -> tuple[Process, int]:
    """SIGKILL for the worker that is busiest at the moment; it, and how many runs it held."""
    until = time.monotonic() + 10
    while not (hands := held(one)) and time.monotonic() < until:
        time.sleep(0.05)
    victim = max(crew, key=lambda worker: hands[worker.pid])
    victim.kill()
    return victim, hands[victim.pid]


def measure(database: str, rig: Rig, runs: int, workers: int = 4, kills: int = 2) -> dict[str, Any]:
    """Kills come when a fifth, two fifths, ... of the runs have ended; a new worker takes the place of each killed one."""
    with site(database, rig, "drain", embedded_worker=False, max_runs=AT_A_TIME, lease_s=LEASE_S, heartbeat_s=2, poll_s=0.5) as one:
        one.environment["NXF_STANDIN_S"] = str(TAKES_S)
        one.serve()
        began = time.perf_counter()
        ids = submit(one, runs, one.key("bench", rate_per_minute=10_000_000, max_waiting=10 * runs))
        queued_s = time.perf_counter() - began
        print(f"drain, {database}: {runs} runs queued in {queued_s:.1f} s", flush=True)
        began = time.perf_counter()
        crew = [one.worker() for _ in range(workers)]
        in_hand = []
        for number in range(kills):
            wait_for(lambda: ended(one), runs * (number + 1) // (kills + 3), lambda count: _told(count, runs, began), PATIENCE_S)
            victim, count = kill(one, crew)
            print(f"  {victim.name} is killed with {count} runs in its hands; another one starts", flush=True)
            in_hand.append(count)
            crew[crew.index(victim)] = one.worker()
        wait_for(lambda: ended(one), runs, lambda count: _told(count, runs, began), PATIENCE_S)
        took = time.perf_counter() - began
        found = examine(one.gateway.store, one.home, ids)
        logs = [process.log.read_text("utf-8", "replace") for process in one.processes]
    found |= {
        "runs": runs, "queued_per_s": round(runs / queued_s, 1), "drain_s": round(took, 1), "runs_per_s": round(runs / took, 2),
        "workers": workers, "killed": kills, "held_by_killed": in_hand,
        "tracebacks": sum(log.count("Traceback (most recent") for log in logs),
    }  # fmt: skip
    print(
        f"drain, {database}: {runs} runs in {took:.1f} s ({found['runs_per_s']}/s), {found['runs_lost']} lost, "
        f"{found['runs_duplicated']} run twice; states {json.dumps(found['states'])}",
        flush=True,
    )
    return found


def _told(count: int, runs: int, began: float) -> None:
    print(f"  {time.perf_counter() - began:4.0f} s: {count} of {runs} have ended", flush=True)


def examine(store: Store, home: Path, ids: list[str]) -> dict[str, Any]:
    """What the database, the events and the launch folders say of these runs."""
    with store.read() as session:
        state = dict(session.execute(select(Run.id, Run.state)).all())
        losses = session.scalar(select(func.coalesce(func.sum(Run.losses), 0)))
        completions = dict(session.execute(select(Event.run_id, func.count()).where(Event.type == COMPLETED).group_by(Event.run_id)).all())
    marks = {}
    for run in ids:
        file = home / "runs" / run / "launch-marks"
        marks[run] = file.read_text("ascii").splitlines() if file.exists() else []
    counted = count_runs(ids, state, marks, completions)
    return {
        "runs_lost": len(counted.lost), "runs_duplicated": len(counted.duplicated),
        "launches": sum(line.startswith("start ") for lines in marks.values() for line in lines),
        "unasked": len(set(state) - set(ids)), "losses": int(losses), "states": dict(Counter(state.values())),
    }  # fmt: skip
