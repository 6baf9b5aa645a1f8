"""The model registry: folders that appear whole under their final name, or not at all.

models/base/<name>-<digest>/                     weights, tokenizer, metadata.json; shared by all its adapters
models/fine-tuned/vX.Y.Z/                        accepted adapters
models/experiments/lora-adapters/<digest>/       every other adapter, kept for comparison
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .files import sha256_file, write_json

VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


class Registry:
    """A registry below a folder, made on first use. Raises OSError when the folder cannot be written."""

    def __init__(self, root: Path | str):
        self.models = Path(root).resolve() / "models"
        self.base, self.fine_tuned = self.models / "base", self.models / "fine-tuned"
        self.experiments = self.models / "experiments" / "lora-adapters"
        for folder in (self.base, self.fine_tuned, self.experiments):
            folder.mkdir(parents=True, exist_ok=True)

    def add_base(self, folder: Path, name: str, metadata: dict[str, Any]) -> Path:
        """Store a base model once for each content; returns its folder."""
        target = self.base / f"{re.sub(r'[^A-Za-z0-9._-]+', '--', name)}-{metadata['digest'][:12]}"
        if not target.exists():
            self._place(lambda part: _fill(part, folder, metadata), target)
        return target

    def versions(self) -> list[tuple[tuple[int, int, int], dict[str, Any]]]:
        """Accepted versions with their metadata, oldest first."""
        found = [(VERSION.fullmatch(path.name), path / "metadata.json") for path in self.fine_tuned.iterdir()]
        return sorted(((*map(int, match.groups()),), json.loads(path.read_text("utf-8"))) for match, path in found if match)

    @staticmethod
    def next_version(versions: list, base_digest: str, data_digest: str) -> tuple[int, int, int]:
        """Semantic version after these: another base is a major step, other data a minor one, the rest a patch."""
        if not versions:
            return (1, 0, 0)
        (major, minor, patch), last = versions[-1]
        lineage = last["lineage"]
        if lineage["base_digest"] != base_digest:
            return (major + 1, 0, 0)
        return (major, minor + 1, 0) if lineage["data_digest"] != data_digest else (major, minor, patch + 1)

    def add_adapter(self, folder: Path, metadata: dict[str, Any], accepted: bool) -> tuple[Path, str, bool]:
        """Store an adapter; returns its folder, its version (empty for an experiment) and whether it is new.

        The same adapter is stored once: asking again gives the place it already has.
        """
        lineage = metadata["lineage"]
        if not accepted:
            target = self.experiments / lineage["adapter_digest"][:16]
            return target, "", self._place(lambda part: _fill(part, folder, metadata), target)
        while True:  # another run may take the number between the look and the move: then look again
            versions = self.versions()
            for numbers, known in versions:
                if known["lineage"]["adapter_digest"] == lineage["adapter_digest"]:
                    version = "v" + ".".join(map(str, numbers))
                    return self.fine_tuned / version, version, False
            version = "v" + ".".join(map(str, self.next_version(versions, lineage["base_digest"], lineage["data_digest"])))
            target = self.fine_tuned / version
            if self._place(lambda part, version=version: _fill(part, folder, metadata | {"version": version}), target):
                return target, version, True

    def _place(self, fill: Callable[[Path], None], target: Path) -> bool:
        """Fill a hidden folder beside the target and rename it; False when the target was there already."""
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
        try:
            fill(part)
            part.chmod(0o755)
            part.rename(target)
            return True
        except OSError:
            if target.exists():
                return False
            raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _fill(part: Path, folder: Path, metadata: dict[str, Any]) -> None:
    files = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        target = part / path.name
        try:
            os.link(path.resolve(), target)  # a base model is large: share it with the work folder where one disk holds both
        except OSError:
            shutil.copyfile(path, target)
        with contextlib.suppress(PermissionError):
            target.chmod(0o644)  # safetensors writes for its owner alone
        files[path.name] = sha256_file(target)
    write_json(part / "metadata.json", metadata | {"files": files})
