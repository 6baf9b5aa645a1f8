"""Being told to stop: by each signal, more than once, with nobody left to read what is said, and by the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llamaflow.training.preemption import SIGNALS, Preempted, Preemption

BIN = Path(__file__).parents[2] / "bin"
LOOP = """
import signal, sys, time
from pathlib import Path
from llamaflow.errors import run_step
from llamaflow.training.preemption import Preempted, Preemption

def main():
    told = []
    with Preemption(on_request=told.append) as preemption:
        print("ready", flush=True)
        while not preemption.requested:
            print("step", flush=True)
            time.sleep(0.01)
        time.sleep(float(sys.argv[2]))
        print("saving", flush=True)
        Path(sys.argv[1]).write_text(" ".join(told))
        raise Preempted(preemption.requested, 7, sys.argv[1])

sys.exit(run_step(main))
"""


def start(kept: Path, more: float = 0.0, ignored: tuple[signal.Signals, ...] = ()) -> subprocess.Popen:
    """The loop, begun; of all signals it ignores just ``ignored``: a shell's background job would pass on that it ignores SIGINT."""

    def inherit() -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    child = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(kept), str(more)], env=os.environ | {"PYTHONPATH": str(BIN)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=inherit,
    )  # fmt: skip
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_lets_it_save_and_ends_with_143(tmp_path: Path, number: signal.Signals) -> None:
    child = start(tmp_path / "kept")
    child.send_signal(number)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 143
    assert (tmp_path / "kept").read_text() == f"signal {number.name}"
    assert err.splitlines()[:2] == [f"error: training was stopped after step 7: signal {number.name}", f"  at: {tmp_path / 'kept'}"]
    assert "Traceback" not in err


def test_told_again_and_again_it_still_saves(tmp_path: Path) -> None:
    child = start(tmp_path / "kept", 1.0)
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGUSR2, signal.SIGTERM):
        child.send_signal(number)
        time.sleep(0.1)
    child.communicate(timeout=120)
    assert child.returncode == 143
    assert (tmp_path / "kept").read_text() == "signal SIGTERM"


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    child = start(tmp_path / "kept", 60.0)
    for _ in range(2):
        child.send_signal(signal.SIGINT)
        time.sleep(0.3)
    child.communicate(timeout=120)
    assert child.returncode == 130
    assert not (tmp_path / "kept").exists()


def test_it_saves_and_tells_by_its_exit_code_when_its_readers_were_killed_first(tmp_path: Path) -> None:
    child = start(tmp_path / "kept", 0.2)
    child.stdout.close()
    child.stderr.close()
    time.sleep(0.1)  # by now its prints fail
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 143
    assert (tmp_path / "kept").read_text() == "signal SIGTERM"


def test_what_the_shell_lets_ignore_interrupts_goes_on_doing_so(tmp_path: Path) -> None:
    child = start(tmp_path / "kept", ignored=(signal.SIGINT, signal.SIGUSR1))
    child.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert child.poll() is None
    child.send_signal(signal.SIGUSR1)  # Nextflow's wrapper ignores it for its children, too
    child.communicate(timeout=120)
    assert (tmp_path / "kept").read_text() == "signal SIGUSR1"


def test_handlers_and_streams_come_back_after_an_error() -> None:
    before = [signal.getsignal(number) for number in SIGNALS], sys.stdout, sys.stderr
    with pytest.raises(ZeroDivisionError), Preemption():
        assert signal.getsignal(signal.SIGTERM) != before[0][0]
        raise ZeroDivisionError
    assert ([signal.getsignal(number) for number in SIGNALS], sys.stdout, sys.stderr) == before


def test_a_thread_gets_no_handlers_but_its_time_limit() -> None:
    before, found = signal.getsignal(signal.SIGTERM), []

    def work() -> None:
        with Preemption(time_limit_s=10, started=time.monotonic() - 100) as preemption:
            found.extend([signal.getsignal(signal.SIGTERM) is before, preemption.near_limit(0)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True, True]


@pytest.mark.parametrize(
    ("limit", "spent", "step", "checkpoint", "near"),
    [
        (1000, 0, 10, 5, False),
        (1000, 880, 10, 5, False),  # 120 left, 100 of them margin
        (1000, 880, 10, 15, True),
        (1000, 880, 25, 0, True),
        (1000, 2000, 0, 0, True),
        (86400, 86400 - 150, 10, 5, False),  # the margin ends at two minutes
        (86400, 86400 - 130, 10, 5, True),
        (0, 1e9, 1e9, 1e9, False),  # no limit
    ],
)
def test_it_stops_while_a_step_and_a_checkpoint_still_fit(limit: float, spent: float, step: float, checkpoint: float, near: bool) -> None:
    told: list[str] = []
    with Preemption(limit, started=time.monotonic() - spent, on_request=told.append) as preemption:
        assert preemption.near_limit(step, checkpoint) == preemption.near_limit(step, checkpoint) == near
        assert bool(preemption.requested) == near
        assert told == ([f"time limit of {limit} s"] if near else [])


def test_what_is_said_depends_on_whether_there_is_a_checkpoint() -> None:
    assert "no checkpoint" in str(Preempted("signal SIGTERM", 3, None))
    assert "  at: here/000001-step-3\n" in str(Preempted("signal SIGTERM", 3, "here/000001-step-3"))
    assert Preempted("", 0, None).exit_code == 143
