"""Exit codes, and that a private step's standard error never holds what an exception says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems, PrivacyError, run_step

CPF = "529.982.247-25"
SECRET = f"Luciana Nogueira, CPF {CPF}"


def raising(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    ("main", "code"),
    [
        (lambda: None, 0),
        (lambda: 5, 0),  # what main returns is no exit code
        (raising(LlamaFlowError("x")), 1),
        (raising(BadInputError("x")), 2),
        (raising(ManyProblems([PrivacyError("x")])), 2),
        (raising(PrivacyError("x")), 3),
        (raising(OSError(28, "No space left on device")), 1),
        (raising(KeyboardInterrupt()), 130),
    ],
)
def test_exit_codes(main: Callable, code: int, private: bool, capsys: pytest.CaptureFixture) -> None:
    assert run_step(main, private=private) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert bool(told.err) == (code not in (0, 130))


def test_an_unexpected_error_of_a_public_step_keeps_its_trace() -> None:
    with pytest.raises(ZeroDivisionError):
        run_step(lambda: 1 / 0)


def test_an_error_says_what_where_why_and_fix(capsys: pytest.CaptureFixture) -> None:
    run_step(raising(BadInputError("no column", where="a.csv:3", why="found b", fix="name it")), private=True)
    assert capsys.readouterr().err == "error: no column\n  at: a.csv:3\n  why: found b\n  fix: name it\n"
    assert str(BadInputError("only what")) == "error: only what"


def test_many_problems_prints_every_one(capsys: pytest.CaptureFixture) -> None:
    problems = [BadInputError(f"problem {number}", where=f"f{number}:1", fix=f"remedy {number}") for number in range(20)]
    assert run_step(raising(ManyProblems(problems))) == 2
    told = capsys.readouterr().err
    assert told.strip() == "\n".join(map(str, problems))


class Model(BaseModel):
    age: int


def chained() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise RuntimeError(f"while at {SECRET}") from error


def in_context() -> None:
    try:
        json.loads(f'{{"a": {SECRET}')
    except ValueError:
        {}[SECRET]


def noted() -> None:
    error = ValueError(SECRET)
    error.add_note(SECRET)
    raise error


def text_as_path() -> None:
    os.stat(f"{SECRET} " * 200)  # as Path(text).exists() does: 'File name too long', with the text as its filename


def text_as_missing_path() -> None:
    open(SECRET)  # noqa: SIM115


def literal_in_source_line() -> None:
    raise ValueError("Luciana Nogueira, CPF 529.982.247-25")


UNEXPECTED = {
    "plain": raising(ValueError(SECRET)),
    "key": raising(KeyError(SECRET)),
    "chained": chained,
    "in context": in_context,
    "note": noted,
    "group": raising(ExceptionGroup(SECRET, [ValueError(SECRET)])),
    "unicode": lambda: SECRET.encode().decode("utf-16") + f"{SECRET}\udc80".encode().decode(),
    "pydantic": lambda: Model.model_validate({"age": SECRET}),
    "assertion": raising(AssertionError(SECRET)),
    "source line": literal_in_source_line,
    "os error of one word": raising(OSError(SECRET)),
    "os error in a library's words": raising(OSError(5, SECRET)),
    "os error with two names": raising(OSError(2, "No such file", SECRET, None, SECRET)),
    "long path": text_as_path,
    "missing path": text_as_missing_path,
    "chained os error": lambda: (_ for _ in ()).throw(PermissionError(13, SECRET, SECRET)),
}


@pytest.mark.parametrize("main", UNEXPECTED.values(), ids=UNEXPECTED)
def test_a_private_step_tells_nothing_of_an_unexpected_message(main: Callable, capsys: pytest.CaptureFixture) -> None:
    assert run_step(main, private=True) == 1
    told = "".join(capsys.readouterr())
    for part in ("Luciana", "Nogueira", "CPF", CPF, "529", "982", "247-25"):
        assert part not in told.replace(__file__, ""), part
    assert "error: " in told
    assert f"at: {__file__}:" in told  # a developer still learns where


def test_a_private_step_names_a_path_that_the_command_line_named(tmp_path: Path) -> None:
    code = "import sys; from llamaflow.errors import run_step; sys.exit(run_step(lambda: open(sys.argv[1]), private=True))"
    bin_folder = Path(__file__).parents[2] / "bin"
    command = [sys.executable, "-c", code, str(tmp_path / "input.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(bin_folder)}, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: No such file or directory\n  at: {tmp_path / 'input.jsonl'}\n")
    assert "Traceback" not in done.stderr


def test_a_public_step_shows_the_path_and_the_trace(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    assert run_step(lambda: open(tmp_path / "gone")) == 1  # noqa: SIM115
    told = capsys.readouterr().err
    assert told.startswith(f"error: No such file or directory\n  at: {tmp_path / 'gone'}\n")
    assert "Traceback" in told
