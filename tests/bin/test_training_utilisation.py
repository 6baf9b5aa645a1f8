"""What the sampler counts, and that nothing that goes wrong in it reaches the training."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from llamaflow.hardware import cpu_cores
from llamaflow.training import utilisation
from llamaflow.training.utilisation import Sampler

BURN = "import sys, time\nwhile time.process_time() < 0.6: pass\nprint('burnt', flush=True)\nsys.stdin.readline()"


def burn() -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass


def test_the_cpu_time_of_this_process_and_its_children_is_counted() -> None:
    started = time.monotonic()
    with Sampler(every=0.2) as sampler:
        child = subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        burn()
        time.sleep(0.25)
    seconds = time.monotonic() - started
    child.communicate("\n")
    told = sampler.summary()
    assert told.cpu_mean * seconds * cpu_cores() > 0.7  # 0.9 s were burnt; the clock ticks every 10 ms
    assert 0 < told.cpu_mean <= told.cpu_peak <= 1
    assert told.samples >= 2


def test_idle_is_told_from_busy_even_when_a_child_has_ended() -> None:
    subprocess.run([sys.executable, "-c", BURN], input="\n", capture_output=True, text=True, check=True)
    burn()  # before: does not count
    with Sampler(every=0.05) as sampler:
        time.sleep(0.3)
    assert sampler.summary().cpu_mean < 0.5


def test_a_short_training_is_sampled_once_and_no_thread_stays() -> None:
    samples = []
    with Sampler(every=60, on_sample=lambda values, number: samples.append((number, values))) as sampler:
        burn()
    assert sampler.summary().samples == 1 and sampler.summary().cpu_mean > 0
    assert [number for number, _ in samples] == [0]
    assert samples[0][1]["system/cpu_utilization_percentage"] > 0
    assert not [thread for thread in threading.enumerate() if thread.name == "utilisation"]


def test_what_fails_in_the_sampling_thread_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise ConnectionError("no tracking server")

    calls = []
    with Sampler(every=0.02, on_sample=lambda *args: (calls.append(args), fail())) as sampler:
        time.sleep(0.15)
        monkeypatch.setattr(utilisation, "_cpu_seconds", fail)
        time.sleep(0.05)
    assert len(calls) >= 2 and sampler.summary().samples == len(calls)


def test_without_a_gpu_nothing_is_told_of_gpus() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with Sampler(every=60) as sampler:
        pass
    told = sampler.summary()
    assert told.gpu_mean is told.gpu_peak is told.gpu_memory_peak is told.energy_joules is None


class Nvml:
    """A stand-in for NVML, for machines without a GPU: two GPUs, of which the second, a slice, tells only its memory."""

    class NVMLError(Exception):
        pass

    def __init__(self) -> None:
        self.looks = {0: 0, 1: 0}

    def _only_first(self, gpu: int) -> None:
        if gpu:
            raise self.NVMLError

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> SimpleNamespace:
        self._only_first(gpu)
        self.looks[gpu] += 1
        return SimpleNamespace(gpu=0 if self.looks[gpu] == 1 else 90)

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> SimpleNamespace:
        return SimpleNamespace(used=3 + gpu, total=8)

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:
        self._only_first(gpu)
        return 250_000

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: int) -> int:
        self._only_first(gpu)
        return 5_000_000 + 1500 * self.looks[gpu]


def test_gpus_are_summed_up_and_one_that_tells_little_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utilisation, "_gpus", lambda nvml: [("a", 0), ("b", 1)])
    samples = []
    with Sampler(every=60, on_sample=lambda values, _: samples.append(values), nvml=Nvml()) as sampler:
        pass
    told = sampler.summary()
    assert (told.gpu_mean, told.gpu_peak, told.gpu_memory_peak) == (0.9, 0.9, 0.5)  # the look before the start is not counted
    assert told.energy_joules == 1.5
    assert samples[0]["system/gpu_0_power_usage_watts"] == 250
    assert samples[0]["system/gpu_1_memory_usage_percentage"] == 50
    assert "system/gpu_1_power_usage_watts" not in samples[0]
