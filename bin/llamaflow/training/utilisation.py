"""How busy processors and GPUs are while training, and the energy that the GPUs take; sampled in a thread, never in the way."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from ..hardware import cpu_cores
from ..summaries import Utilisation

OnSample = Callable[[dict[str, float], int], object]


class Sampler:
    """Context manager that looks every ``every`` seconds, and once more at the end.

    on_sample: gets each sample, named as MLflow names system metrics, and its number (0, 1, …); called in the sampling thread. What it
    raises is dropped, and so is whatever fails in sampling: a training is not to end over it.
    GPUs are those that torch uses in this process; nothing is told of them without the package nvidia-ml-py.
    """

    def __init__(self, every: float = 5.0, on_sample: OnSample | None = None, nvml: Any = None):
        self.every, self.on_sample, self._nvml = every, on_sample, nvml
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="utilisation", daemon=True)
        self._cpu: list[tuple[float, float]] = []  # seconds between two looks, share of the cores in them
        self._gpu: list[float] = []
        self._gpu_memory: list[float] = []
        self._energy: dict[str, tuple[float, float]] = {}  # joules of each GPU at the first and at the last look
        self._samples = 0

    def __enter__(self) -> Sampler:
        self._cores = cpu_cores()
        self._seconds, self._at = _cpu_seconds({}), time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)  # a tracking server that hangs is left to hang

    def summary(self) -> Utilisation:
        """What was seen so far."""
        cpu, gpu = list(self._cpu), list(self._gpu)
        return Utilisation(
            samples=self._samples,
            cpu_mean=sum(seconds * share for seconds, share in cpu) / max(sum(seconds for seconds, _ in cpu), 1e-9),
            cpu_peak=max((share for _, share in cpu), default=0.0),
            gpu_mean=sum(gpu) / len(gpu) if gpu else None,
            gpu_peak=max(gpu, default=None),
            gpu_memory_peak=max(self._gpu_memory, default=None),
            energy_joules=sum(last - first for first, last in self._energy.values()) if self._energy else None,
        )

    def _run(self) -> None:
        nvml = self._nvml or _load_nvml()
        with contextlib.suppress(Exception):
            self._sample_gpus(nvml)  # where the energy counters start
        self._gpu.clear()
        while True:
            last = self._stop.wait(self.every)
            with contextlib.suppress(Exception):
                self._sample(nvml)
            if last:
                return

    def _sample(self, nvml: Any) -> None:
        now, seconds = time.monotonic(), _cpu_seconds(self._seconds)
        passed = now - self._at
        spent = sum(value - self._seconds.get(process, 0.0) for process, value in seconds.items())
        share = min(1.0, max(0.0, spent / max(passed, 1e-9) / self._cores))
        self._seconds, self._at = seconds, now
        if passed >= 0.1 or not self._cpu:  # the clock behind it ticks every 10 ms: over a shorter time it says nothing
            self._cpu.append((passed, share))
        values = {
            "system/cpu_utilization_percentage": 100 * share,
            "system/system_memory_usage_percentage": psutil.virtual_memory().percent,
        } | self._sample_gpus(nvml)
        self._samples += 1
        if self.on_sample:
            self.on_sample(values, self._samples - 1)

    def _sample_gpus(self, nvml: Any) -> dict[str, float]:
        values = {}
        for number, (uuid, gpu) in enumerate(_gpus(nvml)):
            # Each on its own: a slice of a GPU (MIG) tells its memory, but neither load nor energy.
            with contextlib.suppress(nvml.NVMLError):
                busy = nvml.nvmlDeviceGetUtilizationRates(gpu).gpu
                self._gpu.append(busy / 100)
                values[f"system/gpu_{number}_utilization_percentage"] = float(busy)
            with contextlib.suppress(nvml.NVMLError):
                memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
                self._gpu_memory.append(memory.used / memory.total)
                values[f"system/gpu_{number}_memory_usage_percentage"] = 100 * memory.used / memory.total
            with contextlib.suppress(nvml.NVMLError):
                values[f"system/gpu_{number}_power_usage_watts"] = nvml.nvmlDeviceGetPowerUsage(gpu) / 1000
            with contextlib.suppress(nvml.NVMLError):
                joules = nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000
                self._energy[uuid] = (self._energy.get(uuid, (joules, joules))[0], joules)
        return values


def _cpu_seconds(before: dict[tuple[int, float], float]) -> dict[tuple[int, float], float]:
    """CPU seconds so far of this process and all below it, by number and start; none falls below what it was ``before``."""
    seconds = {}
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times, name = process.cpu_times(), (process.pid, process.create_time())
            seconds[name] = max(times.user + times.system, before.get(name, 0.0))
    return seconds


def _load_nvml() -> Any:
    """The module of nvidia-ml-py, started; None without it or without NVIDIA's driver."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return pynvml
    except Exception:
        return None


def _gpus(nvml: Any) -> list[tuple[str, Any]]:
    """UUID and NVML handle of each GPU that torch sees; NVML itself numbers all of the machine, whatever CUDA_VISIBLE_DEVICES says."""
    torch, found = sys.modules.get("torch"), []
    if nvml is None or torch is None or not torch.cuda.is_initialized():  # asking more would start CUDA in a training on the CPU
        return []
    for number in range(torch.cuda.device_count()):
        uuid = str(torch.cuda.get_device_properties(number).uuid)
        for kind in ("GPU", "MIG"):
            with contextlib.suppress(nvml.NVMLError):
                found.append((uuid, nvml.nvmlDeviceGetHandleByUUID(f"{kind}-{uuid}")))
                break
    return found
