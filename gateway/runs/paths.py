"""Files that parameters name: only where the operator, an upload or the caller's own runs put them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..settings import Settings
from .requests import nearest

DATASET = "dataset:"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
GLOB = re.compile(r"[*?\[{]")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w.-]+)?", re.ASCII)
PACKAGE = re.compile(r"package:[A-Za-z0-9][A-Za-z0-9._-]*")
MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Forbidden(ValueError):
    """A sentence about why a path is not used; it does not repeat the path."""


@dataclass
class Files:
    """Finds the files of one submission and remembers what it used.

    attachments: name as the caller writes it -> where it will lie. dataset: id -> path of a data set that the caller may use, or None.
    own_run: whether the run of this id is the caller's.
    """

    settings: Settings
    attachments: Mapping[str, Path]
    dataset: Callable[[str], Path | None]
    own_run: Callable[[str], bool]
    datasets: list[str] = field(default_factory=list)
    bytes: int | None = 0  # of all input files together; None where one is remote or a pattern

    def many(self, text: str) -> str:
        """Files separated by commas, patterns allowed. Raises Forbidden."""
        parts = [part.strip() for part in re.split(r",(?![^{}]*\})", text) if part.strip()]
        if not parts:
            raise Forbidden("names no file")
        return ",".join(self.one(part, pattern=True, counted=True) for part in parts)

    def one(self, text: str, *, pattern: bool = False, counted: bool = False) -> str:
        """The absolute path, or the remote address, of one file. Raises Forbidden."""
        if text.startswith(DATASET):
            path = self._of_dataset(text.removeprefix(DATASET))
        elif SCHEME.match(text):
            self.bytes = None if counted else self.bytes
            return self._remote(text)
        elif text in self.attachments:
            path = self.attachments[text]
            return str(path)  # not there yet: staged before the run is written
        elif text.startswith("/"):
            path = self._local(text, pattern)
        else:
            raise Forbidden("has to be an absolute path, dataset:ID, or the name of an attached file")
        if counted:
            self.bytes = None if self.bytes is None or not path.is_file() else self.bytes + path.stat().st_size
        return str(path)

    def model(self, text: str) -> str:
        """A model: package:NAME, a hub id owner/name[@revision], or a folder or file. Raises Forbidden."""
        return text if PACKAGE.fullmatch(text) or HUB_ID.fullmatch(text) else self.one(text)

    def named(self, folder: str, text: str) -> str:
        """A name in conf/<folder>, or a file. Raises Forbidden."""
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", text) and text not in self.attachments:
            known = [path.stem for path in (self.settings.project / "conf" / folder).glob("*.yaml")]
            if text not in known:
                raise Forbidden(f"is neither in conf/{folder} nor a file" + (f": did you mean {nearest(text, known)}?" if known else ""))
            return text
        return self.one(text)

    def _of_dataset(self, dataset_id: str) -> Path:
        path = self.dataset(dataset_id)
        if path is None:
            raise Forbidden("names a data set that is not there")
        self.datasets.append(dataset_id)
        return path

    def _remote(self, text: str) -> str:
        if not any(prefix and text.startswith(prefix) for prefix in self.settings.remote_inputs):
            raise Forbidden("is remote, and not below one of the allowed prefixes (LLAMAFLOW_REMOTE_INPUTS)")
        if re.search(r"(^|[/\\])\.\.([/\\]|$)|%2e|[\\?#]", text, re.IGNORECASE):
            raise Forbidden("may not lead out of its prefix")
        return text

    def _local(self, text: str, pattern: bool) -> Path:
        """A path, whose fixed part lies in an allowed folder once links are followed."""
        if "\\" in text or ".." in Path(text).parts:
            raise Forbidden("may hold neither .. nor a backslash")
        parts = Path(text).parts
        fixed = next((number for number, part in enumerate(parts) if GLOB.search(part)), len(parts))
        if fixed < len(parts) and not pattern:
            raise Forbidden("has to be one file, not a pattern")
        start = Path(*parts[:fixed]).resolve()
        if not self._allowed(start):
            raise Forbidden("lies outside the folders that runs may read: upload it, attach it, or ask for LLAMAFLOW_INPUT_ROOTS")
        if not start.exists():
            raise Forbidden("does not exist")
        return start.joinpath(*parts[fixed:])

    def _allowed(self, path: Path) -> bool:
        settings, home = self.settings, self.settings.home.resolve()
        roots = [*settings.input_roots, home / "inputs", settings.project / "tests" / "data", settings.registry_folder / "models" / "base"]
        if any(path.is_relative_to(root.resolve()) for root in roots):
            return True
        # Of home itself only results of the caller's own runs: it holds the secret key, the database and other people's records.
        runs = home / "runs"
        if not path.is_relative_to(runs) or len(path.relative_to(runs).parts) < 2:
            return False
        run_id, folder = path.relative_to(runs).parts[:2]
        return folder in ("results", "attachments") and self.own_run(run_id)
