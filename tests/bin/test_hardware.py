"""How many cores a task may use: affinity, hyper-threads and control groups, on made-up /proc and /sys trees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llamaflow.hardware import cpu_cores, cpu_threads, memory_bytes

BIN = Path(__file__).parents[2] / "bin"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def siblings(*groups: tuple[int, ...]) -> dict[str, str]:
    return {
        f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": ",".join(map(str, group)) for group in groups for cpu in group
    }


SMT = siblings((0, 4), (1, 5), (2, 6), (3, 7))  # four cores, eight CPUs


@pytest.mark.parametrize(
    ("cpus", "cores"),
    [
        (set(range(8)), 4),
        ({0, 1, 2, 3}, 4),
        ({0, 4}, 1),  # both threads of one core, as Slurm hands them out
        ({0, 4, 1}, 2),
        ({5}, 1),
    ],
)
def test_hyper_threads_of_a_core_count_once(tmp_path: Path, cpus: set[int], cores: int) -> None:
    assert cpu_cores(cpus, tree(tmp_path, SMT)) == cores


def test_cpus_of_which_nothing_is_told_are_cores(tmp_path: Path) -> None:
    assert cpu_cores({0, 1, 2}, tmp_path) == 3


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        # version 2
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "350000 100000"}, 3),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
        # a limit of a group further up holds as well
        ({"proc/self/cgroup": "0::/slurm/job_1/task_0", "sys/fs/cgroup/slurm/job_1/cpu.max": "300000 100000",
          "sys/fs/cgroup/slurm/job_1/task_0/cpu.max": "max 100000"}, 3),
        # a path of the host, seen from inside of a container
        ({"proc/self/cgroup": "0::/docker/abc", "sys/fs/cgroup/cpu.max": "400000 100000"}, 4),
        # version 1, alone, mounted under both names, and beside version 2
        ({"proc/self/cgroup": "3:cpu:/a\n2:cpuset:/a", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "200000",
          "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ({"proc/self/cgroup": "3:cpu,cpuacct:/a\n0::/", "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "100000",
          "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "50000"}, 2),
        ({"proc/self/cgroup": "3:cpu:/a", "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1",
          "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000"}, 8),
        ({"proc/self/cgroup": "1:name=systemd:/a:b\n3:cpuset:/a", "sys/fs/cgroup/cpuset/a/cpu.cfs_quota_us": "100000"}, 8),
        ({}, 8),
    ],
)  # fmt: skip
def test_a_control_groups_share_of_time_is_a_limit(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    assert cpu_cores(set(range(8)), tree(tmp_path, files)) == cores


def test_a_share_of_time_above_the_cores_gives_no_more(tmp_path: Path) -> None:
    files = SMT | {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "600000 100000"}
    assert cpu_cores(set(range(8)), tree(tmp_path, files)) == 4


def test_this_machines_affinity_is_kept_to() -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nfrom llamaflow.hardware import cpu_cores\nprint(cpu_cores())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(BIN)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("wanted", "environment", "threads"),
    [
        (0, {}, 8),
        (3, {}, 3),
        (64, {}, 8),  # a scheduler's CPUs may be hyper-threads
        (0, {"OMP_NUM_THREADS": "5"}, 5),
        (6, {"OMP_NUM_THREADS": "5"}, 6),
        (0, {"OMP_NUM_THREADS": "4,2"}, 8),
        (0, {"LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}, 4),  # as torchrun sets it for every process, asked or not
        (6, {"LOCAL_WORLD_SIZE": "2"}, 4),
        (0, {"LOCAL_WORLD_SIZE": "16"}, 1),
    ],
)
def test_threads(monkeypatch: pytest.MonkeyPatch, wanted: int, environment: dict[str, str], threads: int) -> None:
    for name in ("OMP_NUM_THREADS", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("llamaflow.hardware.cpu_cores", lambda: 8)
    assert cpu_threads(wanted) == threads


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/job", "sys/fs/cgroup/job/memory.max": "1048576"},
        {"proc/self/cgroup": "0::/job/step", "sys/fs/cgroup/job/memory.max": "1048576", "sys/fs/cgroup/job/step/memory.max": "max"},
        {"proc/self/cgroup": "4:memory:/job", "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1048576"},
    ],
)
def test_a_control_groups_memory_is_a_limit(tmp_path: Path, files: dict[str, str]) -> None:
    assert memory_bytes(tree(tmp_path, files)) == 1048576
    assert memory_bytes(tmp_path / "nothing") == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(("asked", "spins"), [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "None")])
def test_threads_spin_only_for_a_moment_in_every_step_that_imports_anything_of_ours(asked, spins):
    """A step that loads torch before llamaflow.models does (EVALUATE did) burned the cores that its neighbours needed."""
    import os
    import subprocess
    import sys

    program = "import os, llamaflow.errors; print(os.environ.get('GOMP_SPINCOUNT'))"
    ours = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {"PYTHONPATH": "bin"} | asked
    told = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True)
    assert told.stdout.strip() == spins, told.stderr
