"""Work that does not end is ended: by an alarm, and where no alarm reaches, by the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llamaflow.deadline import Deadline, Overdue

BIN = Path(__file__).parents[2] / "bin"


def test_what_takes_too_long_is_ended_even_where_everything_is_caught():
    deadline = Deadline(0.05)
    with pytest.raises(Overdue), deadline.limit():
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass


def test_a_pattern_that_never_ends_is_ended():
    import re

    with pytest.raises(Overdue), Deadline(0.2).limit():
        re.match(r"(a+)+$", "a" * 60 + "b")


def test_no_alarm_comes_after_the_work():
    deadline = Deadline(0.02)
    for _ in range(200):
        with deadline.limit():
            pass
    time.sleep(0.05)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert not deadline.hung()


def supervise(body: str, seconds: float = 30.0) -> subprocess.CompletedProcess[str]:
    code = f"""
import os, signal, sys, time
sys.path.insert(0, {str(BIN)!r})
import llamaflow.deadline as d
d._GRACE = 0.2
deadline = d.Deadline({seconds})
def work():
{body}
sys.exit(d.supervised(work, deadline, lambda child: (print("killed"), 3)[1]))
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_what_no_alarm_reaches_is_killed_with_code_3():
    # Blocked as it would be within C code.
    blocked = (
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    with deadline.limit():\n        time.sleep(50)\n    return 0"
    )
    done = supervise(blocked, 0.2)
    assert (done.returncode, done.stdout) == (3, "killed\n")


@pytest.mark.parametrize(("body", "code"), [("    return 2", 2), ("    print('x'); return 0", 0), ("    os.kill(os.getpid(), 9)", 137)])
def test_the_childs_end_is_the_parents(body, code):
    assert supervise(body).returncode == code


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_child_dies_with_its_parent(tmp_path):
    file = tmp_path / "pid"
    body = f"    open({str(file)!r}, 'w').write(str(os.getpid()))\n    os.kill(os.getppid(), 9)\n    time.sleep(50)\n    return 0"
    assert supervise(body).returncode == -9
    child = int(file.read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        # A zombie whose parent is gone is reaped by init, which may be slow to.
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")
