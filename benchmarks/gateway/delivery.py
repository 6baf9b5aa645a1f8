"""Many events through the outbox, the queue and the dispatchers to a receiver that fails a share of its calls.

The events are written as the worker writes them, each in a transaction with its outbox row, while `llamaflow serve` and two
`llamaflow worker` deliver them: three dispatchers on one database. What arrived is judged from the receiver's journal alone.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections import Counter
from typing import Any

import httpx
from sqlalchemy import func, select

from benchmarks.gateway.receiver import Receiver, wait_for
from benchmarks.gateway.servers import Rig, Site, site
from benchmarks.gateway.tally import count_events
from gateway.runs import events
from gateway.runs.states import State
from gateway.runs.transitions import lock, record
from gateway.store.tables import Delivery, Run, now

EVENTS_OF_A_RUN = 20
TIMEOUT_S = 2
PATIENCE_S = 180  # without any event arriving: longer than the longest wait between two attempts early on
WRITERS = 2


def make_runs(one: Site, count: int, key_id: str) -> list[str]:
    """Runs that run somewhere else: no worker here touches them."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    elsewhere = {
        "state": State.RUNNING.value, "key_id": key_id, "workflow_url": "llamaflow", "launches": 1, "claimed_by": "elsewhere",
        "claimed_until": now() + dt.timedelta(days=1), "started_at": now(), "heartbeat_at": now(),
    }  # fmt: skip
    with one.gateway.store.write() as session:
        for run_id in ids:
            folder = str(one.home / "runs" / run_id)
            session.add(Run(id=run_id, folder=folder, outdir=f"{folder}/results", **elsewhere))
    return ids


def write(one: Site, runs: list[str], counts: dict[str, int]) -> None:
    """The events of these runs, one transaction each, the runs in turn."""
    for number in range(max(counts[run] for run in runs)):
        for run_id in runs:
            if number < counts[run_id]:
                with one.gateway.store.write() as session:
                    record(session, lock(session, run_id), events.PROGRESS, {"progress": {"ANONYMIZE": {"done": number, "running": 1}}})


def counts_of(runs: list[str], total: int) -> dict[str, int]:
    """``total`` events spread evenly."""
    each, more = divmod(total, len(runs))
    return {run: each + (number < more) for number, run in enumerate(runs)}


def measure(database: str, rig: Rig, total: int, failing: float = 0.3) -> dict[str, Any]:
    """Until all events have been accepted, or none for PATIENCE_S seconds."""
    with Receiver(failing, silence_s=TIMEOUT_S + 1) as receiver:
        allowed = [f"127.0.0.1:{receiver.port}"]
        # The breaker's pause is short: it is met by chance only, and waiting is not what is measured.
        with site(
            database, rig, "events", webhook_timeout_s=TIMEOUT_S, webhook_allowed_hosts=allowed, breaker_open_s=5, embedded_worker=False
        ) as one:
            one.serve()
            key = one.key("bench", rate_per_minute=10_000_000)
            with httpx.Client(base_url=one.url, timeout=60, headers={"Authorization": f"Bearer {key}"}) as http:
                answer = http.post("/api/v1/webhooks", json={"url": receiver.url})
                answer.raise_for_status()
                receiver.secret = answer.json()["secret"]
                key_id = http.get("/api/v1/keys/me").json()["key_id"]
            for _ in range(2):
                one.worker()
            counts = counts_of(make_runs(one, max(1, total // EVENTS_OF_A_RUN), key_id), total)
            runs = list(counts)
            began = time.perf_counter()
            shares = [share for number in range(WRITERS) if (share := runs[number::WRITERS])]
            writers = [threading.Thread(target=write, args=(one, share, counts)) for share in shares]
            for writer in writers:
                writer.start()

            def told(count: int) -> None:
                calls = sum(receiver.outcomes.values())
                print(f"  {time.perf_counter() - began:4.0f} s: {count} of {total} accepted in {calls} calls", flush=True)

            wait_for(lambda: len(receiver.accepted), total, told, PATIENCE_S)
            took = time.perf_counter() - began
            for writer in writers:
                writer.join()
            time.sleep(TIMEOUT_S + 2)  # what comes too much, comes now
            with one.gateway.store.read() as session:
                deliveries = dict(session.execute(select(Delivery.status, func.count()).group_by(Delivery.status)).all())
            counted = count_events(counts, receiver.journal)
            logs = [process.log.read_text("utf-8", "replace") for process in one.processes]
    outcomes = receiver.outcomes
    calls = sum(outcomes.values())
    found = {f"events_{name}": value for name, value in counted.numbers().items()} | {
        "events": total, "runs_told_of": len(runs), "calls": calls, "failed_calls": calls - outcomes["ok"],
        "failed_share": round(1 - outcomes["ok"] / calls, 3) if calls else None, "outcomes": dict(Counter(outcomes).most_common()),
        "bad_signatures": receiver.bad_signatures, "deliver_s": round(took, 1), "events_per_s": round(len(receiver.accepted) / took, 1),
        "deliveries": deliveries, "tracebacks": sum(log.count("Traceback (most recent") for log in logs),
    }  # fmt: skip
    print(
        f"events, {database}: {total} events in {took:.1f} s, {calls} calls of which {found['failed_calls']} failed; "
        f"{found['events_lost']} lost, {found['events_out_of_order']} out of order, {found['events_duplicates']} duplicates, "
        f"{found['bad_signatures']} bad signatures",
        flush=True,
    )
    return found
