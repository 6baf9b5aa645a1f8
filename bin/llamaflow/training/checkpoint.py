"""The whole state of a training on disk, so that one that was killed goes on as if nothing had happened.

A state is a folder: ``tensors.safetensors`` (exact bits), ``state.json`` (everything else) and ``manifest.json`` with their checksums.
Random numbers need none of it: each step draws from a seed of its own. Nothing is unpickled, so a state from elsewhere can be wrong
but runs no code.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInputError, LlamaFlowError
from ..files import sha256_file, write_json

if TYPE_CHECKING:
    from torch import Tensor

TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"(\d+)-step-(\d+)")  # the first number counts what was saved: after a roll-back a lower step is the newer one


class Checkpoints:
    """The checkpoints of one training, in ``folder/<key[:16]>``; a context manager that one process at a time can enter.

    folder: shared by all attempts; None: nothing is kept and every method does nothing.
    key: hex digest of all that decides the trajectory; a state of another key is never loaded.
    writer: False in all but one of several processes that train together: these only load.
    wait_s: how long to wait for another process that holds this key; Nextflow starts an attempt while the one before still saves.
    Raises LlamaFlowError when the other one does not end in that time.
    """

    def __init__(self, folder: Path | str | None, key: str, *, writer: bool = True, wait_s: float = 600.0):
        self.folder = Path(folder) / key[:16] if folder else None
        self.key, self.writer, self.wait_s = key, writer, wait_s
        self.warnings: list[str] = []  # for the summary; also printed when found
        self.latest: Path | None = None  # what was last saved or loaded
        self.seconds = 0.0  # what the last save took
        self._lock: int | None = None
        self._mark: dict[str, Any] = {}
        self._killed: dict[str, Any] | None = None

    def __enter__(self) -> Checkpoints:
        if self.folder and self.writer:
            try:
                self._lock = self._acquire(self.folder / "lock")
            except OSError as error:
                self._warn(f"No checkpoints are kept: {self.folder} cannot be written ({error.strerror}).")
                self.folder = None
                return self
            with contextlib.suppress(OSError, ValueError):
                self._killed = dict(json.loads((self.folder / "running.json").read_text(encoding="utf-8")))
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._lock is not None:
            (self.folder / "running.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> bool:
        """Write the state after ``step`` whole or not at all and keep the newest two. A disk that fills up is a warning: then False."""
        if not (self.folder and self.writer):
            return False
        started = time.monotonic()
        number = max((number for number, _, _ in self._saved()), default=0) + 1
        path = self.folder / f"{number:06d}-step-{step}"
        try:
            write_state(path, tensors, state, self.key)
        except OSError as error:
            self._warn(f"No checkpoint could be written in {self.folder} ({error.strerror or error}); training went on.")
            return False
        self.latest = path
        for _, _, old in self._saved()[2:]:
            shutil.rmtree(old, ignore_errors=True)
        for rest in self.folder.glob("*.part-*"):  # of a process that was killed while it wrote: this one holds the lock
            shutil.rmtree(rest, ignore_errors=True)
        self.seconds = time.monotonic() - started
        return True

    def load(self) -> tuple[int, dict[str, Tensor], dict[str, Any]] | None:
        """Step, tensors (on the CPU) and state of the newest whole checkpoint; None when there is none."""
        for _, step, path in self._saved():
            try:
                tensors, state = read_state(path, self.key)
            except BadInputError as error:
                self._warn(f"Checkpoint {path} was damaged ({error.why}); the one before it was taken.")
                continue
            self.latest = path
            return step, tensors, state
        return None

    def clear(self) -> None:
        """Remove everything that is kept under this key: the training is done."""
        if self.folder and self.writer:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.latest = None

    def mark_running(self, **values: Any) -> None:
        """Leave a mark, gone when this process ends in order, for the attempt that comes after a death without a word.

        values: plain JSON, such as the micro-batch size, or the signal that was received; later calls add to earlier ones.
        """
        if self.folder and self.writer:
            if not self._mark:
                self._mark = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time(), "kills": _memory_kills()}
            self._mark |= values
            with contextlib.suppress(OSError):
                write_json(self.folder / "running.json", self._mark)

    def was_killed(self) -> dict[str, Any] | None:
        """The mark of the attempt before when that one ended by SIGKILL or with its node, else None.

        ``out_of_memory`` is True when this machine has since killed some process for want of memory, False when it has not,
        None when that cannot be known (another machine, or started anew).
        """
        if self._killed is None:
            return None
        before, now = self._killed.get("kills"), _memory_kills()
        known = before and now and before[0] == now[0]
        return self._killed | {"out_of_memory": now[1] > before[1] if known else None}

    def _saved(self) -> list[tuple[int, int, Path]]:
        """Number, step and folder of what was saved, newest first."""
        found = []
        for path in self.folder.iterdir() if self.folder and self.folder.is_dir() else ():
            if match := _NAME.fullmatch(path.name):
                found.append((int(match[1]), int(match[2]), path))
        return sorted(found, reverse=True)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            print(f"warning: {text}", file=sys.stderr, flush=True)

    def _acquire(self, path: Path) -> int | None:
        """A lock that ends with the process, however that ends; None where the file system knows no locks."""
        until, told = time.monotonic() + self.wait_s, False
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                holder = os.pread(file, 200, 0).decode(errors="replace") or "another process"
                os.close(file)
                if time.monotonic() > until:
                    raise LlamaFlowError(
                        "this very training is already running", where=str(path), why=f"{holder} holds its checkpoints",
                        fix="wait for it or end it, then start again",
                    ) from None  # fmt: skip
                if not told:
                    print(f"waiting for {holder}, which trains the same", flush=True)
                    told = True
                time.sleep(0.2)
                continue
            except OSError as error:
                os.close(file)
                self._warn(f"{path.parent} is on a file system without locks ({error.strerror}): train there only once at a time.")
                return None
            with contextlib.suppress(FileNotFoundError):  # the one before may have cleared the folder, its lock included
                if os.path.samestat(os.fstat(file), path.stat()):
                    os.truncate(file, 0)
                    os.pwrite(file, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
                    return file
            os.close(file)


def write_state(folder: Path | str, tensors: dict[str, Tensor], state: dict[str, Any], key: str = "") -> None:
    """Write a state as a folder that is on disk as a whole before it appears under its name; an older one there is replaced.

    tensors: any device, any dtype; views come back as tensors of their own. state: JSON values; tuples come back as lists.
    Raises OSError when it cannot be written (nothing is left then), TypeError for a state that JSON cannot hold or would change.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    folder = Path(folder)
    _require_text_keys(state)
    text = json.dumps(state)
    part, old = (folder.with_name(f"{folder.name}.part-{kind}{os.getpid()}") for kind in ("", "old-"))
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        try:
            save_file(_apart(tensors), part / TENSORS)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        (part / STATE).write_text(text, encoding="utf-8")
        files = {name: sha256_file(part / name) for name in (TENSORS, STATE)}
        (part / MANIFEST).write_text(json.dumps({"format": 1, "key": key, "sha256": files}), encoding="utf-8")
        for path in (*part.iterdir(), part):
            _to_disk(path)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        part.rename(folder)
        _to_disk(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def read_state(folder: Path | str, key: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (on the CPU) and state of a folder that write_state wrote.

    Raises BadInputError, naming the file, when anything is missing, changed or of another training.
    """
    from safetensors.torch import load

    folder = Path(folder)
    at = folder / MANIFEST
    try:
        manifest = json.loads(at.read_bytes())
        if manifest["format"] != 1 or manifest["key"] != key:
            raise ValueError("it belongs to another training")
        contents = {}
        for name in (TENSORS, STATE):
            at = folder / name
            contents[name] = at.read_bytes()
            if hashlib.sha256(contents[name]).hexdigest() != manifest["sha256"][name]:
                raise ValueError("its checksum is another one")
        return load(contents[TENSORS]), json.loads(contents[STATE])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInputError("a training state cannot be read", where=str(at), why=why, fix="train from the start") from None


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, no two in the same memory: safetensors takes no others."""
    seen, result = set(), {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if memory in seen else tensor
        seen.add(memory)
    return result


def _require_text_keys(value: Any) -> None:
    """JSON silently makes text of other keys: raises TypeError for them."""
    if isinstance(value, dict) and (wrong := [key for key in value if not isinstance(key, str)]):
        raise TypeError(f"keys of a state have to be text: {wrong[:3]}")
    if isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            _require_text_keys(part)


def _to_disk(path: Path) -> None:
    """Have a file or a folder's entries written through; some network file systems refuse that for folders."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError:
        if not path.is_dir():
            raise
    finally:
        os.close(file)


def _memory_kills() -> list[Any] | None:
    """This machine's boot, and how many processes it has since killed for want of memory (Linux; control groups' own included)."""
    try:
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), int(counters["oom_kill"])]
    except (OSError, ValueError, KeyError):
        return None
