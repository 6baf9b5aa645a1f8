"""What this machine has: processor, memory, accelerator, precision."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from .summaries import Hardware


def cpu_cores(cpus: set[int] | None = None, root: Path = Path("/")) -> int:
    """Cores that this task may use: Slurm and containers often give fewer than the machine has.

    The CPUs that it may run on (cpus; default: its affinity), hyper-threads of one core counted once because they share its
    vector units, and no more than its control group's share of time. root: where /proc and /sys are, for tests.
    """
    if cpus is None:
        cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = {_siblings(cpu, root) for cpu in cpus}
    quotas = [quota for folder in _control_groups("cpu", root) if (quota := _cpu_quota(folder)) is not None]
    # Rounded down: under a quota of 1.5 CPUs two threads multiplied bf16 matrices half as fast as one, since they wait for each other.
    return max(1, int(min([len(cores), *quotas])))


def cpu_threads(wanted: int = 0) -> int:
    """Threads that compute: every core, shared by the processes that train on this machine together (torchrun's LOCAL_WORLD_SIZE).

    wanted caps them (a scheduler's CPUs may be hyper-threads); without it, OMP_NUM_THREADS does, unless a launcher has set it.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    asked = os.environ.get("OMP_NUM_THREADS", "") if processes == 1 else ""
    wanted = wanted or (int(asked) if asked.isdigit() else 0)
    threads = max(1, cpu_cores() // processes)
    return min(wanted, threads) if wanted else threads


def memory_bytes(root: Path = Path("/")) -> int:
    """Memory of this machine, or of this control group where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    texts = [_read(folder / name) for folder in _control_groups("memory", root) for name in ("memory.max", "memory.limit_in_bytes")]
    return min([total, *(int(text) for text in texts if text.isdigit())])


def _siblings(cpu: int, root: Path) -> str:
    """Names the core that a CPU belongs to; a CPU about which nothing is told is a core of its own."""
    return _read(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu)


def _control_groups(controller: str, root: Path) -> list[Path]:
    """Folders of the control groups that this process is in, up to the root: each may limit it (version 1 and 2)."""
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        # Version 1 mounts "cpu,cpuacct" under that name or its parts. Inside a container the path may be one of the host's: then
        # only the top is there.
        for mount in [top] if not controllers else [top, root / "sys/fs/cgroup" / controller]:
            here = mount / path.lstrip("/")
            folders += [folder for folder in (here, *here.parents) if folder.is_relative_to(mount)]
    return folders


def _cpu_quota(folder: Path) -> float | None:
    """CPUs' worth of time that a control group gives, None for no limit."""
    quota, period = (_read(folder / "cpu.max").split() or [_read(folder / "cpu.cfs_quota_us"), ""])[:2]
    period = period or _read(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None  # "max" and "-1" are no limit


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def cpu_name() -> str:
    """The processor's model name, or the architecture where it is not told."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), os.uname().machine)


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies bf16 matrices itself (AVX512-BF16 or AMX); otherwise fp32 is faster."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text() if info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def pick_device(wanted: str = "auto") -> str:
    """'cuda', 'mps' or 'cpu'. auto takes the accelerator that torch really can use."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(precision: str, device: str):
    """torch dtype for 'auto', 'bf16' or 'fp32': auto is bf16 where the hardware multiplies it."""
    import torch

    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device.startswith("cuda") else cpu_has_bf16()
        precision = "bf16" if fast else "fp32"
    return {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]


def describe_hardware(device: str = "auto") -> Hardware:
    """The machine as it goes into summaries; imports torch."""
    import torch

    device = pick_device(device).split(":")[0]
    cuda = device == "cuda"
    return Hardware(
        device=torch.cuda.get_device_name() if cuda else cpu_name(),
        device_type=device,
        devices=torch.cuda.device_count() if cuda else 1,
        cpu_cores=cpu_cores(),
        memory_bytes=torch.cuda.get_device_properties(0).total_memory if cuda else memory_bytes(),
    )


def peak_memory_bytes(device: str = "cpu") -> int:
    """Peak memory of this process: allocated on the accelerator, or resident on a CPU."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
