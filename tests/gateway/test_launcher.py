"""The local launcher and its wrapper, and the command: who is who among processes, what is left behind, what no caller can slip in."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from worker_cases import FAKE, QUICK, add_run, nothing_left_behind, the_run, wait_for  # noqa: F401

from gateway.launchers import Launch, LauncherError, Phase
from gateway.launchers.base import claim_file, declare_void, last_activity, read_exit_code
from gateway.launchers.executors import cancel_jobs
from gateway.launchers.local import LocalLauncher
from gateway.launchers.processes import Meter, boot_id, is_same, members, start_time
from gateway.runs.command import Unlaunchable, child_environment, config_text, known_session, nextflow_command, params_text


@pytest.fixture
def settings(make_settings):
    return make_settings(**QUICK)


def a_launch(folder: Path, *command: str, number: int = 1, run_id: str = "run-1") -> Launch:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "LLAMAFLOW_RUN_ID": run_id, "LLAMAFLOW_LAUNCH": str(number)}
    return Launch(run_id, folder, number, list(command), environment)


def ended(launcher: LocalLauncher, handle: dict, launch: Launch):
    def look():
        seen = launcher.look(handle, launch.folder, launch.number)
        return seen if seen.phase != Phase.RUNNING else None

    return wait_for(look, "the end")


@pytest.mark.parametrize(
    ("command", "code"), [(("true",), 0), (("sh", "-c", "exit 3"), 3), (("sh", "-c", "kill -9 $$"), 137), (("/no/such",), 127)]
)
def test_the_wrapper_writes_the_exit_code(tmp_path, command, code):
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run", *command)
    look = ended(launcher, launcher.start(launch), launch)
    assert (look.phase, look.exit_code) == (Phase.ENDED, code)
    assert (launch.folder / "exit_code").read_text() == f"{code}\n"  # under its usual name, too


def test_words_of_the_command_stay_words(tmp_path):
    words = ["a b", "$(touch evil)", "`touch evil`", "; touch evil", "*", "--x '; rm", "ção"]
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run with 'quotes' $x", "printf", "%s\\n", *words)
    ended(launcher, launcher.start(launch), launch)
    assert (launch.folder / "console.log").read_text().splitlines() == words and not (launch.folder / "evil").exists()


def test_input_is_closed_and_the_session_its_own(tmp_path):
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run", "sh", "-c", "cat; ps -o sid= -p $$; tty")
    handle = launcher.start(launch)
    ended(launcher, handle, launch)
    sid, tty = (launch.folder / "console.log").read_text().splitlines()
    assert int(sid) == handle["pid"] != os.getsid(0) and tty == "not a tty"


def test_a_launch_happens_once(tmp_path):
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run", "sh", "-c", "echo ran")
    handles = [launcher.start(launch) for _ in range(5)]
    wait_for(lambda: read_exit_code(launch.folder, 1) == 0, "the end")
    for handle in handles:
        ended(launcher, handle, launch)
    assert (launch.folder / "console.log").read_text() == "ran\n"
    assert not declare_void(launch.folder, 1)


def test_a_void_launch_is_void_for_ever_and_only_itself(tmp_path):
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run", "sh", "-c", "echo ran")
    assert launcher.find("run-1", launch.folder, 1) is None and launcher.find("run-1", launch.folder, 1) is None
    assert ended(launcher, launcher.start(launch), launch).phase == Phase.GONE
    second = a_launch(launch.folder, "sh", "-c", "echo ran", number=2)
    assert ended(launcher, launcher.start(second), second).exit_code == 0


def test_a_found_launch_has_the_handle_that_start_gave(tmp_path):
    launcher, launch = LocalLauncher(), a_launch(tmp_path / "run", "sleep", "60")
    handle = launcher.start(launch)
    wait_for(lambda: claim_file(launch.folder, 1).exists(), "the wrapper")
    assert LocalLauncher().find("run-1", launch.folder, 1) == handle
    wait_for(lambda: launcher.clear(handle, "run-1", 1, force=None) == 2, "wrapper and command")  # only counted: both live
    launcher.clear(handle, "run-1", 1, force=True)
    wait_for(lambda: launcher.clear(handle, "run-1", 1, force=True) == 0, "the end")


def test_an_exit_code_of_an_earlier_launch_is_not_this_ones(tmp_path):
    launcher, first = LocalLauncher(), a_launch(tmp_path / "run", "sh", "-c", "exit 5")
    ended(launcher, launcher.start(first), first)
    second = a_launch(first.folder, "sleep", "60", number=2)
    handle = launcher.start(second)
    assert launcher.look(handle, second.folder, 2).phase == Phase.RUNNING
    launcher.clear(handle, "run-1", 2, force=True)
    assert ended(launcher, handle, second).phase == Phase.GONE


def test_half_an_exit_code_is_none(tmp_path):
    folder = tmp_path / "launches" / "1"
    folder.mkdir(parents=True)
    for text in ("", "\n", "x"):
        (folder / "exit_code").write_text(text)
        assert read_exit_code(tmp_path, 1) is None


def test_a_process_id_that_went_to_another_process_is_not_it(tmp_path):
    with subprocess.Popen(["sleep", "60"]) as other:
        handle = {"host": os.uname().nodename, "pid": other.pid, "start": "1", "boot": boot_id()}
        launcher = LocalLauncher()
        assert launcher.look(handle, tmp_path, 1).phase == Phase.GONE
        launcher.stop(handle)
        assert launcher.clear(handle, "run-of-nobody", 1, force=True) == 0
        time.sleep(0.1)
        assert other.poll() is None  # nobody touched it
        real = {**handle, "start": start_time(other.pid)}
        assert launcher.look(real, tmp_path, 1).phase == Phase.RUNNING
        assert launcher.look({**real, "boot": "an earlier start of the machine"}, tmp_path, 1).phase == Phase.GONE
        other.kill()


def test_a_zombie_is_gone():
    child = subprocess.Popen(["sleep", "60"])
    start = start_time(child.pid)
    assert is_same(child.pid, start, boot_id())
    child.kill()
    wait_for(lambda: not is_same(child.pid, start, boot_id()), "its end")  # nobody has collected it
    child.wait()
    assert start_time(child.pid) is None


def test_members_are_found_by_mark_and_session_but_not_of_later_launches(tmp_path):
    environment = {"PATH": os.environ["PATH"], "LLAMAFLOW_RUN_ID": "run-x"}
    started = []
    try:
        for launch in ("1", "2"):
            started.append(subprocess.Popen(["sleep", "60"], env=environment | {"LLAMAFLOW_LAUNCH": launch}, start_new_session=True))
        started.append(subprocess.Popen(["sleep", "60"], env={}, start_new_session=True))
        first, second, unmarked = (process.pid for process in started)
        wait_for(lambda: len(members("run-x", 2, None)) == 2, "both")
        assert {process.pid for process in members("run-x", 1, None)} == {first}
        assert {process.pid for process in members("run-x", 2, unmarked)} == {first, second, unmarked}
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_launch_on_another_machine_is_unknown_until_its_files_are_old(tmp_path):
    launcher, handle = LocalLauncher(), {"host": "there", "pid": 1, "start": "1", "boot": boot_id()}
    started = claim_file(tmp_path, 1)
    started.parent.mkdir(parents=True)
    started.write_text("1 1 - there\n")
    assert launcher.look(handle, tmp_path, 1).phase == Phase.UNKNOWN and launcher.usage(handle) == {}
    os.utime(started, (1, 1))
    assert last_activity(tmp_path, 1) == 1 and launcher.look(handle, tmp_path, 1).phase == Phase.GONE
    (started.parent / "exit_code").write_text("0\n")
    assert launcher.look(handle, tmp_path, 1).exit_code == 0  # files are seen from everywhere


def test_use_counts_the_whole_tree():
    with subprocess.Popen(["sh", "-c", "while :; do :; done & wait"], start_new_session=True) as process:
        meter = Meter()
        wait_for(lambda: meter.read(process.pid, 0.0)["processes"] == 2, "the child")
        time.sleep(0.5)
        usage = meter.read(process.pid, 0.5)
        os.killpg(process.pid, signal.SIGKILL)
    assert usage["cpu_percent"] > 1 and usage["rss_bytes"] > 100_000
    assert meter.read(process.pid, 1.0)["processes"] == 0  # gone: nothing, not an error


def test_a_folder_without_rights_is_a_launcher_error(tmp_path):
    launch = Launch("run", tmp_path / "not made", 1, ["true"], {})
    launch_folder = tmp_path / "not made"
    launch_folder.write_text("a file")
    with pytest.raises((LauncherError, OSError)):
        LocalLauncher().start(launch)


def test_jobs_left_on_a_cluster_are_canceled_in_one_call(tmp_path):
    (tmp_path / "scancel").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\nexit 1\n')
    (tmp_path / "scancel").chmod(0o755)
    cancel_jobs({"slurm": ["12", "13"], "local": ["1"], "lsf": ["9"]}, {"PATH": str(tmp_path)})  # the others are not there: only logged
    assert (tmp_path / "called").read_text() == "12 13\n"


# The command


def test_the_command_is_a_list_of_words_from_settings_and_checked_values(gateway):
    run = the_run(gateway, add_run(gateway, engine_parameters={"profile": "test,slurm", "stub": True}, launches=2))
    folder = Path(run.folder)
    command = nextflow_command(gateway.settings, run)
    assert command[:4] == [FAKE, "-log", str(folder / "launches/2/nextflow.log"), "run"]
    assert command[4:] == [
        str(gateway.settings.project), "-ansi-log", "false", "-c", str(folder / "launches/2/run.config"),
        "-params-file", str(folder / "params.json"), "-work-dir", str(folder / "work"), "-profile", "test,slurm", "-stub",
    ]  # fmt: skip


@pytest.mark.parametrize("profile", ["test -with-weblog http://x", "-c", "test,", "Test", "a,-b", "../x", "a\nb", "a;b"])
def test_a_profile_that_is_no_list_of_names_never_becomes_an_option(gateway, profile):
    run = the_run(gateway, add_run(gateway, engine_parameters={"profile": profile}))
    with pytest.raises(Unlaunchable):
        nextflow_command(gateway.settings, run)


def test_parameters_go_into_a_file_and_nowhere_else(gateway):
    evil = {"input": "--x '; rm", "-c": "evil.config", "run_name": "${System.exit(1)}"}
    run = the_run(gateway, add_run(gateway, workflow_params=evil))
    words = " ".join(nextflow_command(gateway.settings, run)) + config_text(run)
    assert not any(value in words for value in evil.values())
    assert all(value in params_text(run) for value in evil.values())


def test_a_session_is_resumed_only_when_nextflow_knows_it(gateway):
    run = the_run(gateway, add_run(gateway, session_id="49ea06eb-a9e0-46e4-8975-55d992e3ec56"))
    assert "-resume" not in nextflow_command(gateway.settings, run)
    history = Path(run.folder) / ".nextflow" / "history"
    history.parent.mkdir(parents=True)
    history.write_text(f"2026-11-26 14:24:50\t-\thappy_curie\t-\t0\t{run.session_id}\tnextflow run\n")
    assert known_session(Path(run.folder), run.session_id)
    assert nextflow_command(gateway.settings, run)[-2:] == ["-resume", run.session_id]


def test_variables_that_the_setting_names_are_passed(make_settings, gateway):
    run = the_run(gateway, add_run(gateway))
    there = {
        "PATH": "/bin",
        "VAULT_ADDR": "https://vault",
        "VAULT_TOKEN": "t",
        "LLAMAFLOW_DATABASE_URL": "postgresql://u:p@h/d",
        "LC_ALL": "C",
    }
    assert set(child_environment(make_settings(), run, there)) & set(there) == {"PATH", "LC_ALL"}
    passed = child_environment(make_settings(pass_environment=["VAULT_ADDR", "VAULT_TOKEN"]), run, there)
    assert set(passed) & set(there) == {"PATH", "LC_ALL", "VAULT_ADDR", "VAULT_TOKEN"}


@pytest.mark.parametrize("request_id", ["it's", "${x}", "a\nb", "'; System.exit(1); '"])
def test_a_request_id_cannot_break_out_of_the_config(gateway, request_id):
    run = the_run(gateway, add_run(gateway, request_id=request_id))
    line = config_text(run).splitlines()[2]
    assert line.startswith("    LLAMAFLOW_REQUEST_ID = '") and line.count("'") == 2 and "$" not in line
