"""The Job of a launch, as Kubernetes wants it: a pure function of settings and launch."""

from __future__ import annotations

import math
from typing import Any

from ..settings import Settings
from .base import WRAPPER, Launch

RUN, LAUNCH = "llamaflow.io/run-id", "llamaflow.io/launch"  # labels
COMPONENT = {"app.kubernetes.io/name": "llamaflow", "app.kubernetes.io/component": "launcher"}
KEEP_FINISHED_S = 86_400  # what became of it is in the launch folder anyway


def job_name(run_id: str, number: int) -> str:
    """Unique to run and launch: a second request to create it is refused by the API server."""
    return f"llamaflow-{run_id}-{number}"


def job_manifest(settings: Settings, launch: Launch) -> dict[str, Any]:
    """One pod, never restarted by Kubernetes: the worker starts a lost launch again, with -resume. TERM goes to the wrapper (process 1)."""
    labels = COMPONENT | {RUN: launch.run_id, LAUNCH: str(launch.number)}
    folder, number = str(launch.folder), str(launch.number)
    environment = {"NXF_HOME": f"{settings.kubernetes_mount}/.nextflow"} | _portable(launch.environment)
    container = {
        "name": "nextflow",
        "image": settings.kubernetes_image,
        # The wrapper's text travels along, so that any image with a shell will do; the command stays a list and is never part of the text.
        "args": [_literal(word) for word in ("/bin/sh", "-c", WRAPPER.read_text("utf-8"), "launch.sh", folder, number, *launch.command)],
        "workingDir": folder,
        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
        "resources": {
            "requests": {"cpu": settings.kubernetes_cpu, "memory": settings.kubernetes_memory},
            "limits": {"memory": settings.kubernetes_memory},
        },
        "volumeMounts": [{"name": "workspace", "mountPath": settings.kubernetes_mount}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": settings.kubernetes_service_account,
        "terminationGracePeriodSeconds": math.ceil(settings.cancel_grace_s),
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": settings.kubernetes_claim}}],
    }
    annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(launch.run_id, launch.number), "namespace": settings.kubernetes_namespace, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "ttlSecondsAfterFinished": KEEP_FINISHED_S,
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": pod},
        },
    }


def _literal(word: str) -> str:
    """Kubernetes reads $(NAME) in args as a variable, and $$ as $."""
    return word.replace("$", "$$")


def _portable(environment: dict[str, str]) -> dict[str, str]:
    """Of the worker's environment what means the same in a pod; a pod's secrets come from its service account, not from a manifest."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("NXF_", "LLAMAFLOW_RUN", "LLAMAFLOW_REQ", "LLAMAFLOW_LAUNCH"))
    }
