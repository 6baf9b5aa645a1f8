"""The Kubernetes launcher: its manifest, its client over real HTTP, and a worker that runs on it from queue to end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from kubernetes import client
from kubernetes_server import KubernetesServer
from worker_cases import (  # noqa: F401
    QUICK,
    add_run,
    cancel,
    event_types,
    executed,
    let_go,
    nextflow_of,
    nothing_left_behind,
    processes_of,
    the_run,
    wait_for,
    wait_for_state,
    working,
)

from gateway.context import open_gateway
from gateway.launchers import Launch, LauncherError, Phase, open_launcher
from gateway.launchers.manifest import job_manifest
from gateway.runs.states import FINAL, State

PREPARE, TUNE = "LLAMAFLOW:PREPARE (test)", "LLAMAFLOW:FINETUNE (test)"


@pytest.fixture
def cluster():
    with KubernetesServer() as server:
        yield server


@pytest.fixture
def settings(make_settings, cluster, tmp_path):
    users, contexts = [{"name": "u", "user": {}}], [{"name": "c", "context": {"cluster": "k", "user": "u"}}]
    clusters = [{"name": "k", "cluster": {"server": cluster.url}}]
    kubeconfig = {"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": contexts, "current-context": "c"}
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    given = {
        "launcher": "kubernetes",
        "kubernetes_namespace": "lab",
        "kubernetes_config": tmp_path / "kubeconfig",
        "kubernetes_mount": str(tmp_path),
    }
    return make_settings(**QUICK, **given)


def a_launch(folder: Path, *command: str, number: int = 1) -> Launch:
    folder.mkdir(exist_ok=True)
    (folder / "launches" / str(number)).mkdir(parents=True, exist_ok=True)
    environment = {"PATH": "/nowhere", "HOME": "/root", "VAULT_TOKEN": "secret", "NXF_OPTS": "-Xmx1g", "LLAMAFLOW_RUN_ID": "run"}
    return Launch("0b1c", folder, number, list(command) or ["true"], environment)


def test_the_manifest_has_only_fields_that_kubernetes_knows(make_settings, tmp_path):
    manifest = job_manifest(make_settings(), a_launch(tmp_path / "run", "nextflow", "run", "x; rm -rf /", "$(HOME)"))
    api = client.ApiClient()
    known = api.deserialize(json.dumps(manifest), "V1Job", "application/json")
    assert api.sanitize_for_serialization(known) == manifest  # an unknown field would be dropped


def test_the_manifest_of_a_launch(make_settings, tmp_path):
    settings = make_settings(kubernetes_claim="data", kubernetes_mount="/data", cancel_grace_s=45.5)
    manifest = job_manifest(settings, a_launch(tmp_path / "run", "nextflow", "run", "x; rm -rf /"))
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert manifest["metadata"]["name"] == "llamaflow-0b1c-1" and manifest["spec"]["backoffLimit"] == 0 and pod["restartPolicy"] == "Never"
    assert (
        manifest["metadata"]["labels"]["llamaflow.io/run-id"]
        == "0b1c"
        == manifest["spec"]["template"]["metadata"]["labels"]["llamaflow.io/run-id"]
    )
    assert "command" not in container and container["args"][-3:] == [
        "nextflow",
        "run",
        "x; rm -rf /",
    ]  # words of their own, in no shell's text
    assert "rm -rf" not in container["args"][2]
    assert pod["terminationGracePeriodSeconds"] == 46
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data" and container["volumeMounts"][0]["mountPath"] == "/data"
    environment = {one["name"]: one["value"] for one in container["env"]}
    assert environment == {"NXF_HOME": "/data/.nextflow", "NXF_OPTS": "-Xmx1g", "LLAMAFLOW_RUN_ID": "run"}


def test_words_reach_the_container_as_they_are(settings, cluster, tmp_path):
    """Kubernetes would make $ of $$ and take $(HOME) for a variable."""
    words = ["$(LLAMAFLOW_RUN_ID)", "$$", "a b", "; touch evil"]
    launcher, launch = open_launcher(settings), a_launch(tmp_path / "run", "printf", "%s\\n", *words)
    handle = launcher.start(launch)
    wait_for(lambda: launcher.look(handle, launch.folder, 1).phase == Phase.ENDED, "its end")
    assert (launch.folder / "console.log").read_text().splitlines() == words


def test_the_client_starts_once_looks_and_stops(settings, cluster, tmp_path):
    launcher = open_launcher(settings)
    launch = a_launch(tmp_path / "run", "sleep", "60")
    handle = launcher.start(launch)
    assert launcher.start(launch) == handle and len(cluster.jobs) == 1  # 409: it is there already
    assert launcher.look(handle, launch.folder, 1).phase == Phase.RUNNING
    assert launcher.usage(handle) == {"pods": 1, "phase": "Running"}
    wait_for(lambda: (launch.folder / "launches/1/console.log").exists(), "the wrapper")
    launcher.stop(handle)
    look = wait_for(lambda: (seen := launcher.look(handle, launch.folder, 1)).phase != Phase.RUNNING and seen, "its end")
    assert (look.phase, look.exit_code) == (Phase.ENDED, 143)
    wait_for(lambda: launcher.clear(handle, "0b1c", 1, force=True) == 0, "nothing left")
    assert not cluster.jobs


def test_a_cluster_that_cannot_be_asked_ends_no_run(settings, cluster, tmp_path):
    launcher = open_launcher(settings)
    launch = a_launch(tmp_path / "run", "sleep", "60")
    handle = launcher.start(launch)
    cluster.away = True
    assert launcher.look(handle, launch.folder, 1).phase == Phase.UNKNOWN
    assert launcher.clear(handle, "0b1c", 1, force=False) == 1 and launcher.usage(handle) == {}
    assert not launcher.stop(handle)  # raises nothing; it is asked again
    with pytest.raises(LauncherError, match="503"):
        launcher.start(a_launch(tmp_path / "run", number=2))
    cluster.away = False
    cluster.jobs.clear()
    for pod in list(cluster.pods.values()):
        pod.end(0)
        pod.process.wait()
    cluster.pods.clear()
    assert launcher.look(handle, launch.folder, 1).phase == Phase.GONE


def test_a_job_that_never_started_is_voided(settings, cluster, tmp_path):
    launcher = open_launcher(settings)
    launch = a_launch(tmp_path / "run", "touch", str(tmp_path / "ran"))
    assert launcher.find("0b1c", launch.folder, 1) is None
    handle = launcher.start(launch)  # by a worker that slept
    wait_for(lambda: launcher.look(handle, launch.folder, 1).phase == Phase.GONE, "its end")
    assert not (tmp_path / "ran").exists()


def test_a_run_on_kubernetes_from_queue_to_end(gateway, cluster):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["environment"], ["task", TUNE, 0.2, 0]])
    with working(gateway):
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches, run.launcher["kind"]) == (State.COMPLETE, 1, "kubernetes")
    assert executed(gateway, run_id) == [PREPARE, TUNE] and run.progress["FINETUNE"]["done"] == 1
    assert json.loads((Path(run.folder) / "environment.json").read_text())["LLAMAFLOW_RUN_ID"] == run_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_pod_that_is_evicted_or_killed_is_resumed(gateway, cluster, number):
    run_id = add_run(gateway, [["task", PREPARE, 0, 0], ["task", TUNE, "held", 0]])
    with working(gateway):
        wait_for(lambda: TUNE in executed(gateway, run_id) and the_run(gateway, run_id).state == State.RUNNING, "the second task")
        (pod,) = cluster.pods.values()
        pod.end(5 if number == signal.SIGTERM else 0)
        wait_for(lambda: len(event_types(gateway, run_id)) > 1, "the loss")
        let_go(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 2)
    assert event_types(gateway, run_id)[1] == ("preempted" if number == signal.SIGTERM else "lost")
    assert executed(gateway, run_id) == [PREPARE, TUNE, TUNE]


def test_canceling_a_run_on_kubernetes_leaves_no_job(gateway, cluster):
    run_id = add_run(gateway, [["task", TUNE, 60, 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
        cancel(gateway, run_id)
        run = wait_for_state(gateway, run_id, *FINAL)
    assert run.state == State.CANCELED and not cluster.jobs and not processes_of(run_id)


def test_a_cancelation_that_the_cluster_did_not_hear_is_asked_for_again(gateway, cluster):
    run_id = add_run(gateway, [["task", TUNE, 60, 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
        cluster.away = True
        cancel(gateway, run_id)
        asked = len(cluster.calls)
        wait_for(lambda: any(call.startswith("DELETE") for call in cluster.calls[asked:]), "a try")
        cluster.away = False
        assert wait_for_state(gateway, run_id, *FINAL).exit_code == 143  # politely, not by force


def test_a_run_goes_on_while_the_cluster_cannot_be_asked(gateway, cluster):
    run_id = add_run(gateway, [["task", TUNE, "held", 0]])
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id), "the task")
        cluster.away = True
        let_go(gateway, run_id)
        wait_for(lambda: not processes_of(run_id), "the end that cannot be asked for")
        assert the_run(gateway, run_id).state == State.RUNNING
        cluster.away = False
        run = wait_for_state(gateway, run_id, *FINAL)
    assert (run.state, run.launches) == (State.COMPLETE, 1)


def test_tasks_of_a_killed_nextflow_are_canceled_by_its_session(gateway, cluster):
    run_id = add_run(gateway, [["task", TUNE, "held", 0]], engine_parameters={"profile": "test,k8s"})
    with working(gateway):
        wait_for(lambda: executed(gateway, run_id) and the_run(gateway, run_id).session_id, "the task")
        nextflow_of(run_id).kill()
        let_go(gateway, run_id)
        wait_for_state(gateway, run_id, *FINAL)
    assert "DELETE /apis/batch/v1/namespaces/lab/jobs" in cluster.calls and "DELETE /api/v1/namespaces/lab/pods" in cluster.calls


def test_a_cluster_that_is_not_set_up_is_said(make_settings, tmp_path):
    with pytest.raises(LauncherError, match="not set up"):
        open_launcher(make_settings(launcher="kubernetes", kubernetes_config=tmp_path / "nothing"))
    with pytest.raises(LauncherError, match="local or kubernetes"):
        open_launcher(make_settings(launcher="docker"))


def test_opening_needs_no_cluster_yet(settings, cluster):
    cluster.away = True
    open_gateway(settings).close()
    assert open_launcher(settings).kind == "kubernetes" and cluster.calls == []
