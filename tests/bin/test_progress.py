"""Progress off a terminal: lines that any JSON reader takes, and a last one that tells the end."""

from __future__ import annotations

import json
import math
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llamaflow.progress import Progress

BIN = Path(__file__).parents[2] / "bin"


def strict(line: str) -> dict:
    """As a reader outside Python: NaN and Infinity are no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(line, parse_constant=refuse)


@given(
    total=st.none() | st.integers(0, 50),
    advances=st.lists(st.integers(0, 9), max_size=20),
    values=st.dictionaries(st.sampled_from(["loss", "tokens_per_s", "faixa"]), st.floats() | st.integers() | st.text(max_size=5)),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_is_json_and_the_last_tells_all(total, advances, values, capsys: pytest.CaptureFixture) -> None:
    capsys.readouterr()
    with Progress("split", total, "record", every=0) as progress:
        for advance in advances:
            progress.update(advance, **values)
    text = capsys.readouterr().out
    lines = [strict(line) for line in text.splitlines()]
    assert len(lines) == len(advances) + 1
    assert all(line["progress"] == "split" and line["total"] == total and line["unit"] == "record" for line in lines)
    assert [line["done"] for line in lines] == sorted(line["done"] for line in lines)
    assert lines[-1]["done"] == sum(advances)
    assert all(line.startswith('{"progress"') for line in text.splitlines())  # what watch.py and the gateway look for
    if advances:
        for name, value in values.items():
            expected = None if isinstance(value, float) and not math.isfinite(value) else value
            assert lines[-1][name] == (pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected)


def test_time_left_only_where_it_can_be_known(capsys: pytest.CaptureFixture) -> None:
    with Progress("a", 4, every=0) as progress:
        for _ in range(4):
            progress.update()
    lines = [strict(line) for line in capsys.readouterr().out.splitlines()]
    assert ["eta_s" in line for line in lines] == [True, True, True, False, False]
    with Progress("a", None, every=0) as progress:
        progress.update()
    assert "eta_s" not in capsys.readouterr().out


def test_lines_are_kept_apart_by_the_interval_but_the_last_one_comes(capsys: pytest.CaptureFixture) -> None:
    with Progress("a", 10_000, every=3600) as progress:
        for _ in range(10_000):
            progress.update()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert strict(lines[0])["done"] == 10_000


def test_an_exception_passes_and_what_was_done_is_still_told(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), Progress("a", 10, every=3600) as progress:
        progress.update(3)
        raise ZeroDivisionError
    assert strict(capsys.readouterr().out)["done"] == 3


def test_a_terminal_gets_a_bar_and_no_json() -> None:
    code = "from llamaflow.progress import Progress\n"
    code += "with Progress('train', 3) as p:\n    [p.update(1, loss=0.5) for _ in range(3)]\nprint('after')"
    terminal, other = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(BIN), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=other, stderr=other, env=environment) as process:
        os.close(other)
        shown = b""
        while True:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # Linux: the other side closed
                break
            if not chunk:
                break
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    text = shown.decode()
    assert "train" in text and "3/3" in text and "loss 0.5" in text and "after" in text
    assert '"progress"' not in text
