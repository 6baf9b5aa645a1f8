"""Nextflow as a Kubernetes Job. Home and project lie on a claim that is mounted here and in the pod under the same path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from ..settings import Settings
from .base import Launch, LauncherError, Look, Phase, declare_void, read_exit_code
from .manifest import LAUNCH, RUN, job_manifest, job_name

TIMEOUT_S = (3, 10)  # to connect, to answer
SESSION = "nextflow.io/sessionId"  # label of the tasks that Nextflow starts
AWAY = (ApiException, HTTPError, OSError)
VOIDED = 75  # exit code of the wrapper of a launch that was declared void
log = structlog.get_logger("gateway.launchers")


def open_client(settings: Settings) -> client.ApiClient:
    """From settings.kubernetes_config, else the pod's service account, else KUBECONFIG. Raises LauncherError."""
    try:
        loaded = client.Configuration()
        if settings.kubernetes_config:
            config.load_kube_config(str(settings.kubernetes_config), client_configuration=loaded)
        else:
            config.load_config(client_configuration=loaded)
    except (ConfigException, OSError) as problem:
        raise LauncherError(f"Kubernetes is not set up: {problem}; give LLAMAFLOW_KUBERNETES_CONFIG a kubeconfig") from problem
    loaded.retries = False  # the worker polls anyway
    return client.ApiClient(loaded)


class KubernetesLauncher:
    """Handle: kind, namespace, job."""

    kind = "kubernetes"

    def __init__(self, settings: Settings, api: client.ApiClient):
        self.settings = settings
        self.jobs, self.pods = client.BatchV1Api(api), client.CoreV1Api(api)

    @classmethod
    def of(cls, settings: Settings) -> KubernetesLauncher:
        return cls(settings, open_client(settings))

    def start(self, launch: Launch) -> dict[str, Any]:
        handle = self._handle(launch.run_id, launch.number)
        try:
            self.jobs.create_namespaced_job(handle["namespace"], job_manifest(self.settings, launch), _request_timeout=TIMEOUT_S)
        except AWAY as problem:
            if getattr(problem, "status", None) != 409:  # 409: an earlier request got through, only its answer did not
                raise LauncherError(f"Kubernetes did not take the job: {_reason(problem)}") from problem
        return handle

    def find(self, run_id: str, folder: Path, number: int) -> dict[str, Any] | None:
        handle = self._handle(run_id, number)
        if not declare_void(folder, number):
            return handle
        self._delete(handle, force=True)  # it may wait for a node; its wrapper would find the launch void
        return None

    def look(self, handle: dict[str, Any], folder: Path, number: int) -> Look:
        try:
            job, pods = self._job(handle), self._pods(f"job-name={handle['job']}", handle["namespace"])
        except AWAY as problem:
            log.warning("kubernetes cannot be asked", problem=_reason(problem))
            return Look(Phase.UNKNOWN)
        code = read_exit_code(folder, number)
        if code is not None:
            return Look(Phase.ENDED, code)
        if any(_alive(pod) for pod in pods) or (job is not None and not _finished(job)):
            return Look(Phase.RUNNING)
        codes = [code for pod in pods if (code := _exit_code(pod)) is not None and code != VOIDED]
        return Look(Phase.ENDED, codes[0]) if codes else Look(Phase.GONE)

    def stop(self, handle: dict[str, Any]) -> bool:
        return self._delete(handle, force=False)

    def clear(self, handle: dict[str, Any], run_id: str, number: int, force: bool | None) -> int:
        try:
            pods = [pod for pod in self._pods(f"{RUN}={run_id}", handle["namespace"]) if int(pod.metadata.labels.get(LAUNCH, 0)) <= number]
            if force is not None:
                for name in {pod.metadata.labels.get("job-name") for pod in pods} - {None} | {handle["job"]}:
                    self._delete({**handle, "job": name}, force)
            if force:
                for pod in pods:
                    self._ignoring_404(self.pods.delete_namespaced_pod, pod.metadata.name, handle["namespace"], grace_period_seconds=0)
        except AWAY as problem:
            log.warning("kubernetes cannot be asked", problem=_reason(problem))
            return 1  # nobody knows: not clear yet
        return sum(_alive(pod) for pod in pods)

    def usage(self, handle: dict[str, Any]) -> dict[str, Any]:
        """Kubernetes itself only tells phases; processor and memory are in the cluster's own metrics."""
        try:
            pods = self._pods(f"job-name={handle['job']}", handle["namespace"])
        except AWAY:
            return {}
        return {"pods": len(pods), "phase": pods[0].status.phase if pods else "Waiting"}

    def cancel_tasks(self, session_id: str, namespace: str) -> None:
        """The tasks of a Nextflow that was killed before it could cancel them. Raises LauncherError."""
        selector = {"label_selector": f"{SESSION}=uuid-{session_id}", "_request_timeout": TIMEOUT_S}
        try:
            self.jobs.delete_collection_namespaced_job(namespace, propagation_policy="Background", **selector)
            self.pods.delete_collection_namespaced_pod(namespace, **selector)
        except AWAY as problem:
            raise LauncherError(f"tasks on Kubernetes could not be canceled: {_reason(problem)}") from problem

    def _handle(self, run_id: str, number: int) -> dict[str, Any]:
        return {"kind": self.kind, "namespace": self.settings.kubernetes_namespace, "job": job_name(run_id, number)}

    def _job(self, handle: dict[str, Any]) -> client.V1Job | None:
        return self._ignoring_404(self.jobs.read_namespaced_job, handle["job"], handle["namespace"])

    def _pods(self, selector: str, namespace: str) -> list[client.V1Pod]:
        return self.pods.list_namespaced_pod(namespace, label_selector=selector, _request_timeout=TIMEOUT_S).items

    def _delete(self, handle: dict[str, Any], force: bool) -> bool:
        grace = {"grace_period_seconds": 0} if force else {}
        delete = self.jobs.delete_namespaced_job
        try:
            self._ignoring_404(delete, handle["job"], handle["namespace"], propagation_policy="Background", **grace)
        except AWAY as problem:
            log.warning("job could not be deleted; tried again", job=handle["job"], problem=_reason(problem))
            return False
        return True

    @staticmethod
    def _ignoring_404(call, *arguments, **options):
        try:
            return call(*arguments, _request_timeout=TIMEOUT_S, **options)
        except ApiException as problem:
            if problem.status == 404:
                return None
            raise


def _reason(problem: Exception) -> str:
    """Without headers and addresses."""
    return f"{problem.status} {problem.reason}" if isinstance(problem, ApiException) else type(problem).__name__


def _finished(job: client.V1Job) -> bool:
    return bool(job.status and any(one.type in ("Complete", "Failed") and one.status == "True" for one in job.status.conditions or []))


def _alive(pod: client.V1Pod) -> bool:
    """Also while it ends: its wrapper may not have written the exit code yet."""
    return bool(pod.status) and pod.status.phase not in ("Succeeded", "Failed")


def _exit_code(pod: client.V1Pod) -> int | None:
    for container in (pod.status.container_statuses or []) if pod.status else []:
        if container.state and container.state.terminated:
            return container.state.terminated.exit_code
    return None
