"""Many clients that ask how their runs are, each on a kept connection, the next question as soon as the last is answered (a closed loop).

Latency: from just before the request is written to the moment its whole answer has been read, by one clock; nothing is left out, neither
the first calls nor a call that is still unanswered at the end (that is an error, with the time it has waited). Two percentiles are told: of
calls (ordinary), and of time, which a stall cannot hide from (tally.percentile_of_time); the second, stricter one is what counts.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from array import array
from collections import Counter
from typing import Any

import httptools
import httpx
import uvloop

from benchmarks.gateway.servers import Rig, Site, cpu_seconds, machine_cpu_seconds, site
from benchmarks.gateway.tally import percentile, percentile_of_time

KEYS = 20  # the clients share them, as n8n's workflows share credentials
ROUTES = ("/ga4gh/wes/v1/runs/{}/status", "/api/v1/runs/{}")
PATIENCE_S = 10  # for answers at the end


class Load:
    """What all connections have in common."""

    def __init__(self, port: int, seconds: float):
        self.port = port
        self.end = time.perf_counter() + seconds
        self.latencies = (array("d"), array("d"))  # seconds, by route
        self.errors: Counter[str] = Counter()

    def answered(self, route: int, seconds: float, error: str = "") -> None:
        self.latencies[route].append(seconds)
        if error:
            self.errors[error] += 1


class Client(asyncio.Protocol):
    """One client: asks the two routes in turn."""

    def __init__(self, load: Load, requests: tuple[bytes, bytes], run_id: bytes, first: int):
        self._load, self._requests, self._run_id, self._route = load, requests, run_id, first
        self._waiting = False
        self.done: asyncio.Future = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpResponseParser(self)
        self._ask()

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        if self._sent >= self._load.end:
            self.finish()
            return
        self._body = b""
        self._waiting = True
        self._transport.write(self._requests[self._route])

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        took = time.perf_counter() - self._sent
        self._waiting = False
        status = self._parser.get_status_code()
        error = f"status {status}" if status != 200 else "" if self._run_id in self._body and b'"state"' in self._body else "another body"
        self._load.answered(self._route, took, error)
        self._route = 1 - self._route
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if self._waiting:
            self._load.answered(self._route, time.perf_counter() - self._sent, "connection lost")
        if time.perf_counter() < self._load.end:
            asyncio.ensure_future(self.connect())
        else:
            self.finish()

    async def connect(self) -> None:
        """Opens a connection, and another one when that fails."""
        self._waiting = False
        while time.perf_counter() < self._load.end:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._load.port)
                return
            except OSError:
                self._load.errors["no connection"] += 1
                await asyncio.sleep(0.1)
        self.finish()

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
            if getattr(self, "_transport", None):
                self._transport.close()

    def give_up(self) -> None:
        """The call under way will not be answered."""
        if not self.done.done():
            self._load.answered(self._route, time.perf_counter() - self._sent, "no answer")
            self.finish()


async def ask(port: int, targets: list[tuple[str, str]], clients: int, seconds: float) -> Load:
    """targets: (key, run id); the clients take them in turn."""
    load = Load(port, seconds)
    crowd = []
    for number, (key, run) in zip(range(clients), itertools.cycle(targets), strict=False):
        head = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nAccept: application/json\r\n\r\n"
        requests = tuple(head.format(route.format(run), key).encode() for route in ROUTES)
        crowd.append(Client(load, requests, run.encode(), number % 2))
    await asyncio.gather(*(client.connect() for client in crowd))
    told = asyncio.ensure_future(_tell(load, seconds))
    await asyncio.wait([client.done for client in crowd], timeout=load.end - time.perf_counter() + PATIENCE_S)
    for client in crowd:
        client.give_up()
    told.cancel()
    return load


async def _tell(load: Load, seconds: float) -> None:
    while True:
        await asyncio.sleep(min(10, max(1, seconds / 4)))
        calls, errors = sum(map(len, load.latencies)), sum(load.errors.values())
        print(f"  {load.end - time.perf_counter():4.0f} s to go: {calls} calls, {errors} errors", flush=True)


def prepare(one: Site, runs: int) -> list[tuple[str, str]]:
    """Runs submitted over HTTP by several keys: (key, run id) of each."""
    keys = [one.key(f"bench {number}", "runs:read", "runs:write", rate_per_minute=10_000_000) for number in range(min(KEYS, runs))]
    targets = []
    with httpx.Client(base_url=one.url, timeout=60) as http:
        for number in range(runs):
            key = keys[number % len(keys)]
            answer = http.post("/api/v1/runs", json={"engine_parameters": {"profile": "test"}}, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            targets.append((key, answer.json()["run_id"]))
    return targets


def measure(database: str, rig: Rig, clients: int, seconds: float) -> dict[str, Any]:
    """`llamaflow serve` as it comes, worker and dispatcher in its process; a run for each client, of which two run and the others wait."""
    with site(database, rig, "status", max_runs=2) as one:
        one.environment["NXF_STANDIN_S"] = "3600"
        server = one.serve()
        targets = prepare(one, clients)
        time.sleep(2)  # the worker has taken its runs
        pids = [server.pid, *rig.pids]
        began, ours, all_cores = time.perf_counter(), cpu_seconds(pids), machine_cpu_seconds()
        client_began = time.process_time()
        load = uvloop.run(ask(one.port, targets, clients, seconds))
        took = time.perf_counter() - began
        client_s, server_s = time.process_time() - client_began, cpu_seconds(pids) - ours
        other_s = max(0.0, machine_cpu_seconds() - all_cores - client_s - server_s)
    every = sorted([*load.latencies[0], *load.latencies[1]])
    ms = {
        "p50_ms": percentile(every, 0.5), "p99_ms": percentile(every, 0.99), "p99_time_ms": percentile_of_time(every, 0.99),
        "max_ms": every[-1] if every else 0.0, "wes_p99_ms": percentile(sorted(load.latencies[0]), 0.99),
        "api_p99_ms": percentile(sorted(load.latencies[1]), 0.99),
    }  # fmt: skip
    cores = os.cpu_count() or 1
    found = {name: round(value * 1000, 1) for name, value in ms.items()} | {
        "calls": len(every), "calls_per_s": round(len(every) / took, 1), "errors": sum(load.errors.values()),
        "error_kinds": dict(load.errors),        "clients": clients, "seconds": round(took, 1), "cores": cores,
        "server_cpu": round(server_s / took, 2), "client_cpu": round(client_s / took, 2),
        "other_cpu": round(other_s / took, 2),
    }  # fmt: skip
    if not every:
        found["errors"] += 1  # nothing was answered
    print(
        f"status, {database}: {found['calls']} calls, {found['calls_per_s']}/s, p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms "
        f"(of time {found['p99_time_ms']} ms), max {found['max_ms']} ms, {found['errors']} errors; busy of {cores} cores: "
        f"server {found['server_cpu']}, client {found['client_cpu']}, others {found['other_cpu']}",
        flush=True,
    )
    return found
