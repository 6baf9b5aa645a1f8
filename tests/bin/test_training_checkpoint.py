"""A state comes back to the last bit, and whatever kills the process or fills the disk, an intact one is found."""

from __future__ import annotations

import fcntl
import json
import math
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError, LlamaFlowError
from llamaflow.training.checkpoint import Checkpoints, read_state, write_state

BIN = Path(__file__).parents[2] / "bin"
KEY = "ab" * 32
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool]


def python(script: str, *args: object, **options: Any) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(BIN), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, args)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def one(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3,), value)}


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
    raw = draw(st.binary(min_size=size, max_size=size))
    if dtype == torch.bool:
        raw = bytes(byte & 1 for byte in raw)
    flat = torch.frombuffer(bytearray(raw), dtype=torch.uint8) if size else torch.empty(0, dtype=torch.uint8)
    tensor = flat.view(dtype).reshape(shape)
    return tensor.t() if tensor.dim() == 2 and draw(st.booleans()) else tensor


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
STATES = st.dictionaries(
    st.text(),
    st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
    max_size=4,
)


def bits(value: Any) -> Any:
    """Comparable to the last bit: NaN equals itself, -0.0 does not equal 0.0, 1 is neither 1.0 nor True."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.contiguous().reshape(-1).view(torch.uint8).tolist() if value.numel() else []
    if isinstance(value, dict):
        return [(name, bits(inner)) for name, inner in value.items()]
    if isinstance(value, (list, tuple)):
        return [bits(inner) for inner in value]
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("d", value)
    return type(value), value


@settings(max_examples=60, deadline=None)
@given(given=st.dictionaries(st.text("abc.", min_size=1), tensors(), max_size=4), state=STATES)
def test_a_state_comes_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, given: dict, state: dict) -> None:
    folder = tmp_path_factory.mktemp("state") / "a" / "b"
    write_state(folder, given, state, KEY)
    tensors_back, state_back = read_state(folder, KEY)
    assert bits(dict(sorted(tensors_back.items()))) == bits(dict(sorted(given.items())))
    assert bits(state_back) == bits(state)
    assert [path.name for path in folder.parent.iterdir()] == ["b"]


def test_views_of_one_memory_and_parts_of_it_are_kept_apart(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    given = {"whole": whole, "again": whole, "row": whole[1], "column": whole[:, 2], "parameter": torch.nn.Parameter(whole)}
    write_state(tmp_path / "s", given, {})
    assert bits(dict(sorted(read_state(tmp_path / "s")[0].items()))) == bits(dict(sorted(given.items())))
    write_state(tmp_path / "row", {"row": whole[1]}, {})
    assert (tmp_path / "row" / "tensors.safetensors").stat().st_size < 200  # not the whole that it is a part of


@pytest.mark.parametrize("state", [{"a": {1: 2}}, {"a": [{2.5: "x"}]}, {"a": b"x"}, {"a": np.float32(1)}, {"a": {3}}])
def test_what_json_cannot_hold_or_would_change_is_refused(tmp_path: Path, state: dict) -> None:
    with pytest.raises(TypeError):
        write_state(tmp_path / "s", {}, state)
    assert list(tmp_path.iterdir()) == []


def test_an_older_state_is_replaced(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        write_state(tmp_path / "s", one(value), {"value": value})
    assert read_state(tmp_path / "s")[1] == {"value": 2.0}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "empty"])
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path: Path, name: str, damage: str, capsys: pytest.CaptureFixture) -> None:
    with Checkpoints(tmp_path, KEY) as checkpoints:
        checkpoints.save(10, one(10), {"loss": 1.5})
        checkpoints.save(20, one(20), {"loss": 0.5})
        path = checkpoints.latest / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.unlink()
        if damage != "gone":
            path.write_bytes({"bit": content, "cut": content[:-1], "empty": b""}[damage])
    with Checkpoints(tmp_path, KEY) as checkpoints:
        step, back, state = checkpoints.load()
        assert (step, bits(back), state) == (10, bits(one(10)), {"loss": 1.5})
        assert len(checkpoints.warnings) == 1 and "damaged" in checkpoints.warnings[0]
        assert checkpoints.warnings[0] in capsys.readouterr().err
        assert checkpoints.save(20, one(20), {}) and checkpoints.load()[0] == 20


def test_nothing_intact_is_nothing(tmp_path: Path) -> None:
    with Checkpoints(tmp_path, KEY) as checkpoints:
        assert checkpoints.load() is None
        checkpoints.save(1, one(1), {})
        (checkpoints.latest / "state.json").unlink()
        assert checkpoints.load() is None


def test_a_state_of_another_training_is_never_loaded(tmp_path: Path) -> None:
    other = KEY[:16] + "cd" * 24  # the same folder
    with Checkpoints(tmp_path, KEY) as checkpoints:
        checkpoints.save(1, one(1), {})
    with Checkpoints(tmp_path, other) as checkpoints:
        assert checkpoints.load() is None
    with pytest.raises(BadInputError, match="another training"):
        read_state(checkpoints.folder / "000001-step-1", other)


def test_two_are_kept_and_after_a_roll_back_the_lower_step_is_the_newer(tmp_path: Path) -> None:
    with Checkpoints(tmp_path, KEY) as checkpoints:
        for step in (80, 100, 120, 90):
            assert checkpoints.save(step, one(step), {})
        assert sorted(path.name for path in checkpoints.folder.glob("*step*")) == ["000003-step-120", "000004-step-90"]
        assert checkpoints.load()[0] == 90
        checkpoints.clear()
        assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_happens() -> None:
    with Checkpoints(None, KEY) as checkpoints:
        assert not checkpoints.save(1, one(1), {})
        checkpoints.mark_running()
        assert checkpoints.load() is checkpoints.was_killed() is None
        checkpoints.clear()


def test_other_ranks_load_and_never_write(tmp_path: Path) -> None:
    with Checkpoints(tmp_path, KEY) as checkpoints, Checkpoints(tmp_path, KEY, writer=False) as other:
        checkpoints.save(1, one(1), {})
        assert not other.save(2, one(2), {})
        other.clear()
        assert other.load()[0] == 1


def test_a_folder_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Checkpoints(tmp_path / "file", KEY) as checkpoints:
        assert not checkpoints.save(1, one(1), {})
        assert "cannot be written" in checkpoints.warnings[0]


# Killed


def test_killed_between_writing_and_renaming_leaves_the_one_before(tmp_path: Path) -> None:
    child = python(
        """
        import os, signal, sys
        from pathlib import Path
        import torch
        from llamaflow.training.checkpoint import Checkpoints
        with Checkpoints(sys.argv[1], sys.argv[2]) as checkpoints:
            checkpoints.mark_running(micro_batch=4)
            checkpoints.save(1, {"a": torch.full((3,), 1.0)}, {})
            Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            checkpoints.save(2, {"a": torch.full((3,), 2.0)}, {})
        """, tmp_path, KEY,
    )  # fmt: skip
    assert child.wait(60) == -signal.SIGKILL
    with Checkpoints(tmp_path, KEY) as checkpoints:
        assert len(list(checkpoints.folder.glob("*.part-*"))) == 1
        assert checkpoints.load()[0] == 1
        killed = checkpoints.was_killed()
        assert killed["micro_batch"] == 4 and killed["pid"] == child.pid and killed["out_of_memory"] in (False, None)
        checkpoints.save(2, one(2), {})
        assert list(checkpoints.folder.glob("*.part-*")) == []
    with Checkpoints(tmp_path, KEY) as checkpoints:
        assert checkpoints.was_killed() is None


def test_killed_at_any_moment_an_intact_state_is_found(tmp_path: Path) -> None:
    child = python(
        """
        import os, random, signal, sys, time
        import torch
        from llamaflow.training.checkpoint import Checkpoints
        torch.set_num_threads(1)
        random.seed(3)
        found = 0
        for _ in range(25):
            child = os.fork()
            if child == 0:
                with Checkpoints(sys.argv[1], sys.argv[2]) as checkpoints:
                    step = found
                    while True:
                        step += 1
                        checkpoints.save(step, {"a": torch.full((20_000,), float(step))}, {"step": step})
            time.sleep(random.uniform(0, 0.08))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            with Checkpoints(sys.argv[1], sys.argv[2], wait_s=0) as checkpoints:  # its lock died with it
                loaded = checkpoints.load()
                assert not checkpoints.warnings, checkpoints.warnings
                if loaded:
                    step, tensors, state = loaded
                    assert state == {"step": step} and bool((tensors["a"] == step).all()) and step >= found
                    found = step
        print(found)
        """, tmp_path, KEY,
    )  # fmt: skip
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert int(out) > 0


def test_an_orderly_end_is_no_kill_and_a_signal_is_remembered(tmp_path: Path) -> None:
    with pytest.raises(LlamaFlowError), Checkpoints(tmp_path, KEY) as checkpoints:
        checkpoints.mark_running(micro_batch=2)
        checkpoints.mark_running(signal="SIGTERM")
        mark = json.loads((checkpoints.folder / "running.json").read_text())
        assert (mark["micro_batch"], mark["signal"]) == (2, "SIGTERM")
        raise LlamaFlowError("stopped")
    with Checkpoints(tmp_path, KEY) as checkpoints:
        assert checkpoints.was_killed() is None


# Two at once

HOLD = """
    import sys, time
    from llamaflow.training.checkpoint import Checkpoints
    with Checkpoints(sys.argv[1], sys.argv[2]) as checkpoints:
        print("held", flush=True)
        sys.stdin.readline()
        checkpoints.clear()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen]:
    child = python(HOLD, tmp_path, KEY, stdin=subprocess.PIPE)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()


def test_a_second_process_is_told_who_is_at_work(tmp_path: Path, holder: subprocess.Popen) -> None:
    with pytest.raises(LlamaFlowError, match=f"process {holder.pid} on"), Checkpoints(tmp_path, KEY, wait_s=0):
        pass
    with Checkpoints(tmp_path, "ef" * 32, wait_s=0):
        pass  # another training in the same folder


@pytest.mark.parametrize("end", ["done and cleared", "killed"])
def test_a_second_process_waits_for_the_first(tmp_path: Path, holder: subprocess.Popen, end: str) -> None:
    second = python(HOLD, tmp_path, KEY, stdin=subprocess.PIPE)
    assert second.stdout.readline() == f"waiting for process {holder.pid} on {os.uname().nodename}, which trains the same\n"
    if end == "killed":
        holder.kill()
    else:
        holder.stdin.write("\n")
        holder.stdin.flush()
    assert second.stdout.readline() == "held\n"
    with pytest.raises(LlamaFlowError, match=f"process {second.pid}"), Checkpoints(tmp_path, KEY, wait_s=0):
        pass  # what it holds is the lock that others see, not the one that was cleared away
    second.communicate("\n", timeout=30)
    assert second.returncode == 0


def test_a_lock_that_was_cleared_away_while_it_was_taken_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, calls = fcntl.lockf, []

    def cleared_first(*args: object) -> None:
        if not calls:
            shutil.rmtree(tmp_path / KEY[:16])
        calls.append(lock(*args))

    monkeypatch.setattr(fcntl, "lockf", cleared_first)
    with Checkpoints(tmp_path, KEY) as checkpoints:
        assert len(calls) == 2 and checkpoints.save(1, one(1), {})
        other = python(HOLD, tmp_path, KEY, stdin=subprocess.PIPE)
        assert other.stdout.readline().startswith(f"waiting for process {os.getpid()} ")
        other.kill()
        other.wait()


# Disk full


@pytest.fixture(params=["tmpfs", "limit"])
def little_room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder in which a few small files find room, but not half a megabyte."""
    if request.param == "limit":
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
        yield tmp_path
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        return
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", tmp_path], check=False).returncode:
        pytest.skip("this user cannot mount a small file system")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk_ends_no_training_and_costs_no_checkpoint(little_room: Path, capsys: pytest.CaptureFixture) -> None:
    with Checkpoints(little_room, KEY) as checkpoints:
        assert checkpoints.save(1, one(1), {})
        for step in (2, 3):
            assert not checkpoints.save(step, {"a": torch.zeros(125_000)}, {})
        assert len(checkpoints.warnings) == 1 and capsys.readouterr().err.count("warning") == 1
        assert [path.name for path in checkpoints.folder.glob("*-step-*")] == ["000001-step-1"]
        assert checkpoints.load()[0] == 1
        assert checkpoints.save(4, one(4), {})
