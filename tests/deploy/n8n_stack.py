"""A real n8n, gateway and worker beside each other, each a process that can be killed, and somebody who gets the messages."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.deploy.n8n_executions import Executions
from tests.gateway.served import free_port

REPO = Path(__file__).resolve().parents[2]
RIG = REPO / "tests" / "rigs" / "n8n"
Found = TypeVar("Found")


def until(look: Callable[[], Found], seconds: float, what: str) -> Found:
    """The first true answer of ``look``; a service that is just down counts as no answer."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.TransportError):
            if found := look():
                return found
        assert time.monotonic() < end, f"waited {seconds} s in vain: {what}"
        time.sleep(0.3)


class Mailbox:
    """Gets the messages of the flow notify. Each: {"level", "title", "text", "run_id"}."""

    def __init__(self):
        self.messages: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                mailbox.tokens.add(self.headers.get("Authorization", ""))
                mailbox.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/messages"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def about(self, run_id: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["run_id"] == run_id]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Stack:
    """Everything below ``folder``. up() starts it all; kill() is kill -9."""

    def __init__(self, folder: Path, flows: Path, nextflow: str):
        self.folder, self.flows, self.nextflow = folder, flows, nextflow
        self.home, self.hold = folder / "home", folder / "hold"  # hold: see lay_project
        self.mailbox = Mailbox()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen] = {}
        self.n8n_url = self.callers_token = self.approvers = ""
        self.executions: Executions

    # -- settings
    def gateway_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_")}
        return kept | {
            "LLAMAFLOW_HOME": str(self.home), "LLAMAFLOW_PROJECT": str(self.folder / "project"), "LLAMAFLOW_NEXTFLOW": self.nextflow,
            "LLAMAFLOW_PORT": str(self.port), "LLAMAFLOW_EMBEDDED_WORKER": "false", "LLAMAFLOW_WEBHOOK_PRIVATE": "true",
            "LLAMAFLOW_HEARTBEAT_S": "1", "LLAMAFLOW_LEASE_S": "6", "LLAMAFLOW_POLL_S": "0.5", "LLAMAFLOW_BACKOFF_S": "1",
            "LLAMAFLOW_BREAKER_OPEN_S": "2", "LLAMAFLOW_INPUT_ROOTS": json.dumps([str(self.folder)]),
            "NXF_HOME": str(self.folder / "nextflow"), "NXF_OFFLINE": "true", "PYTHONPATH": str(REPO),
        }  # fmt: skip

    def rig_environment(self) -> dict[str, str]:
        command = self.folder / "bin"  # where n8n's Execute Command finds llamaflow
        return {name: value for name, value in os.environ.items() if not name.startswith("LLAMAFLOW_")} | {
            "N8N_RIG_FLOWS": str(self.flows), "LLAMAFLOW_URL": self.url, "LLAMAFLOW_API_KEY_FILE": str(self.folder / "key"),
            "LLAMAFLOW_NOTIFY_URL": self.mailbox.url, "PATH": f"{command}:{os.environ['PATH']}",
        }  # fmt: skip

    # -- processes
    def start_gateway(self) -> None:
        self._start("gateway", "serve")
        until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200, 60, "the gateway is ready")

    def start_worker(self) -> None:
        self._start("worker", "worker")

    def _start(self, name: str, command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        program = [sys.executable, str(REPO / "gateway" / "cli"), command]
        self.processes[name] = subprocess.Popen(
            program,
            env=self.gateway_environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()

    def start_n8n(self) -> None:
        """Raises Skipped where the host cannot run it."""
        up = subprocess.run([RIG / "up", self.folder / "n8n"], env=self.rig_environment(), capture_output=True, text=True, timeout=900)
        if up.returncode == 77:
            raise Skipped(up.stderr.strip().splitlines()[-1])
        assert up.returncode == 0, up.stderr
        told = dict(line.removeprefix("export ").split("=", 1) for line in up.stdout.splitlines())
        secrets = dict(line.split("=", 1) for line in Path(told["N8N_ENVIRONMENT"]).read_text().splitlines())
        self.n8n_url, self.callers_token, self.approvers = (
            told["N8N_URL"],
            secrets["LLAMAFLOW_CALLERS_TOKEN"],
            secrets["LLAMAFLOW_APPROVERS"],
        )
        self.executions = Executions(told["N8N_DATABASE_URL"])
        self.owner = {"emailOrLdapLoginId": told["N8N_OWNER_EMAIL"], "password": told["N8N_OWNER_PASSWORD"]}

    def kill(self, name: str) -> None:
        """SIGKILL, for n8n to its whole group; "nextflow": the launchers of all runs with their tasks, as when a machine goes down."""
        if name == "n8n":
            subprocess.run([RIG / "down", "--kill", self.folder / "n8n"], check=True, timeout=60)
        elif name == "nextflow":
            for process in psutil.process_iter(["environ"]):
                if (process.info["environ"] or {}).get("NXF_HOME") == str(self.folder / "nextflow") and process.pid not in self._own():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
        else:
            process = self.processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def start(self, name: str) -> None:
        {"n8n": self.start_n8n, "gateway": self.start_gateway, "worker": self.start_worker, "nextflow": lambda: None}[name]()

    def _own(self) -> set[int]:
        return {process.pid for process in self.processes.values()}

    def last_words(self) -> str:
        """The ends of all logs, for a test that failed."""
        logs = [self.folder / "gateway.log", self.folder / "worker.log", self.folder / "n8n" / "n8n.log"]
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())

    def down(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.kill("nextflow")
        subprocess.run([RIG / "down", self.folder / "n8n"], timeout=120, check=False)
        self.mailbox.close()

    # -- talking to it
    def ask(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """A POST to a flow's webhook."""
        headers = {"X-LlamaFlow-Token": self.callers_token} | headers
        return httpx.post(f"{self.n8n_url}/webhook/llamaflow/{path}", json=body, headers=headers, timeout=60)

    def api(self, path: str) -> dict[str, Any]:
        key = (self.folder / "key").read_text()
        answer = httpx.get(f"{self.url}/api/v1{path}", headers={"Authorization": f"Bearer {key}"}, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def run_of(self, execution_id: str, flow: str) -> dict[str, Any] | None:
        """The run that an execution of a flow started."""
        runs = self.api("/runs?page_size=100")["runs"]
        return next((run for run in runs if run["tags"].get("n8n") == f"{flow}/{execution_id}"), None)


class Skipped(Exception):
    """This host cannot run n8n; says why."""


def lay_project(target: Path, hold: Path) -> None:
    """A copy of the pipeline whose stubs stay at FINETUNE while the file ``hold`` is there, and decide what the run's name says."""
    target.mkdir(parents=True)
    for name in ("main.nf", "nextflow.config", "nextflow_schema.json", "modules", "bin", "conf"):
        source = REPO / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target / name)
    (target / "tests").mkdir()
    shutil.copytree(REPO / "tests" / "data", target / "tests" / "data")
    if (REPO / ".venv").exists():
        (target / ".venv").symlink_to((REPO / ".venv").resolve())
    for step, old, new in (
        ("finetune", "mkdir adapter &&", f"while [ -e {hold} ]; do sleep 0.2; done; mkdir adapter &&"),
        ("gate", '"verdict": "accepted"', "\"verdict\": \"${meta.id in ['needs_review', 'rejected'] ? meta.id : 'accepted'}\""),
        ("drift", '"verdict": "no_drift"', "\"verdict\": \"${meta.id == 'drift' ? 'drift' : 'no_drift'}\""),
        (
            "register",
            '"version": "v0.0.0"',
            "\"version\": \"${meta.id in ['needs_review', 'rejected'] ? '' : 'v0.0.0'}\", \"path\": \"/x/0123456789abcdef\"",
        ),
    ):
        path = target / "modules" / step / "main.nf"
        text = path.read_text("utf-8")
        assert old in text.partition("stub:")[2], f"the stub of {step} has changed: change this patch, too"
        head, mark, stub = text.partition("stub:")
        path.write_text(head + mark + stub.replace(old, new), "utf-8")
