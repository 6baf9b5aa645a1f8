"""A small HTTP server that behaves like Kubernetes' API for Jobs and Pods; a pod is a process of this machine. For where no cluster runs.

It keeps what matters to a client: 409 for a name twice, 404, label selectors, finished conditions, TERM, grace time and KILL at deletion.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def expanded(word: str, environment: dict[str, str]) -> str:
    """As the kubelet does: $$ is $, $(NAME) a variable that is there, anything else stays."""

    def instead(match: re.Match) -> str:
        return "$" if match[0] == "$$" else environment.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^()]*)\)", instead, word)


class Pod:
    """One process in a session of its own."""

    def __init__(self, job: dict[str, Any]):
        spec = job["spec"]["template"]["spec"]
        container = spec["containers"][0]
        environment = {"PATH": os.environ["PATH"]} | {one["name"]: one["value"] for one in container["env"]}
        self.name = job["metadata"]["name"] + "-abcde"
        self.labels = job["spec"]["template"]["metadata"]["labels"] | {"job-name": job["metadata"]["name"]}
        self.grace_s = spec["terminationGracePeriodSeconds"]
        self.process = subprocess.Popen(
            [expanded(word, environment) for word in container["args"]],
            cwd=container["workingDir"],
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )

    def body(self) -> dict[str, Any]:
        code = self.process.poll()
        code = 128 - code if code is not None and code < 0 else code
        if code is None:
            status: dict[str, Any] = {"phase": "Running"}
        else:
            ended = {
                "name": "nextflow",
                "image": "i",
                "imageID": "i",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": {"exitCode": code}},
            }
            status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [ended]}
        return {"metadata": {"name": self.name, "labels": self.labels}, "spec": {"containers": [{"name": "nextflow"}]}, "status": status}

    def end(self, grace_s: float) -> None:
        def stop() -> None:
            if grace_s:
                self.process.terminate()
                deadline = time.monotonic() + grace_s
                while self.process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.02)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

        threading.Thread(target=stop, daemon=True).start()


class KubernetesServer:
    """Context manager; ``url``, ``jobs`` and ``pods`` by name, ``away`` (answers 503), ``calls`` as method and path."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, Pod] = {}
        self.leaving: dict[str, Pod] = {}
        self.away = False
        self.calls: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> KubernetesServer:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: Any) -> None:
        for pod in [*self.pods.values(), *self.leaving.values()]:
            pod.end(0)
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        self.calls.append(f"{method} {path}")
        if self.away:
            return 503, {"kind": "Status", "reason": "ServiceUnavailable"}
        kind, _, name = path.partition("/namespaces/lab/")[2].partition("/")
        wanted = dict(one.split("=") for one in query.get("labelSelector", "").split(",") if one)
        if kind == "jobs":
            return self._jobs(method, name, wanted, body)
        for gone in [pod for pod in self.leaving.values() if pod.process.poll() is not None]:
            del self.leaving[gone.name]
        found = [
            pod for pod in [*self.pods.values(), *self.leaving.values()] if wanted.items() <= pod.labels.items() and name in ("", pod.name)
        ]
        if method == "DELETE":
            for pod in found:
                self._end(pod, (body or {}).get("gracePeriodSeconds"))
        return 200, {"kind": "PodList", "items": [pod.body() for pod in found]}

    def _jobs(self, method: str, name: str, wanted: dict[str, str], body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            name = body["metadata"]["name"]
            if name in self.jobs:
                return 409, {"kind": "Status", "reason": "AlreadyExists"}
            self.jobs[name] = body
            pod = Pod(body)
            self.pods[pod.name] = pod
            return 201, body
        found = [
            job
            for job in self.jobs.values()
            if wanted.items() <= job["metadata"]["labels"].items() and name in ("", job["metadata"]["name"])
        ]
        if method == "DELETE":
            for job in found:
                del self.jobs[job["metadata"]["name"]]
                if pod := self.pods.get(job["metadata"]["name"] + "-abcde"):
                    self._end(pod, (body or {}).get("gracePeriodSeconds"))
        if name and not found:
            return 404, {"kind": "Status", "reason": "NotFound"}
        if not name:
            return 200, {"kind": "JobList", "items": found}
        pod = self.pods.get(name + "-abcde")
        code = pod.process.poll() if pod else None
        conditions = [] if code is None else [{"type": "Failed" if code else "Complete", "status": "True"}]
        return 200, found[0] | {"status": {"active": int(code is None), "conditions": conditions}}

    def _end(self, pod: Pod, grace_s: float | None) -> None:
        self.leaving[pod.name] = self.pods.pop(pod.name, pod)
        pod.end(pod.grace_s if grace_s is None else grace_s)


def _handler(rig: KubernetesServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            address = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            status, body = rig.answer(self.command, address.path, query, json.loads(text) if text else None)
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler
