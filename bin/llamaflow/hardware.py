"""What this machine has: processor, memory, accelerator, precision."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from .summaries import Hardware


def cpu_cores() -> int:
    """Cores that this task may use: Slurm and containers often give fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Memory of this machine, or of this control group where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = Path(limit).read_text().strip() if os.access(limit, os.R_OK) else ""
        if text.isdigit():
            total = min(total, int(text))
    return total


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
