"""A training on several processes of this machine: started, told to stop and judged as one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from uuid import uuid4

from ..errors import BadInputError
from .preemption import SIGNALS, Preempted

# How long processes that were told to stop may take to end a step and write a checkpoint.
STOP_SECONDS = 600


def is_launched() -> bool:
    """Whether this process is one of several, started by launch() or by torchrun."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def launch(script: str, arguments: list[str], processes: int, device: str, done: Callable[[], bool]) -> int:
    """Run a Python script in so many processes that train together; returns the exit code that one process would have had.

    torchrun itself ends with 1 whatever has happened, and does not pass on SIGUSR1 and SIGUSR2: Nextflow would not try again.
    device: auto, cpu or cuda; done: whether the result is there, asked when the processes were told to stop and have ended.
    Raises BadInputError when there are fewer GPUs than processes.
    """
    import torch
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, launch_agent

    gpus = torch.cuda.device_count()
    if device.startswith("cuda") and gpus < processes:
        raise BadInputError(
            "there are fewer GPUs than processes", where=f"--processes {processes}", why=f"this task sees {gpus} GPUs",
            fix="ask for as many GPUs as processes (--gpus of the pipeline does both)",
        )  # fmt: skip
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid4().hex, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        max_restarts=0, signals_to_handle=",".join(number.name for number in SIGNALS), shutdown_timeout=STOP_SECONDS,
    )  # fmt: skip
    try:
        launch_agent(config, sys.executable, [script, *arguments])
    except SignalException:
        return 0 if done() else Preempted.exit_code
    except ChildFailedError as error:
        return _cause([(failure.timestamp, failure.exitcode) for failure in error.failures.values()])
    return 0


def _cause(ends: list[tuple[int, int]]) -> int:
    """The exit code that tells why, from when (whole seconds) and how each failed process ended; a signal as a negative number.

    When one dies, the others fail with 1 for want of it, are ended by SIGTERM, and 30 s later by SIGKILL: these tell nothing.
    """
    first = min(when for when, _ in ends)
    codes = [128 - code if code < 0 else code for when, code in ends if when == first]
    return max([code for code in codes if code != Preempted.exit_code], default=Preempted.exit_code)
