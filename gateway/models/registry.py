"""The pipeline's registry as the gateway reads it: folders models/fine-tuned/vX.Y.Z, each with metadata.json."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
DIGEST = re.compile(r"[0-9a-f]{16,64}")
PRODUCTION = "production.json"


@dataclass(frozen=True)
class Version:
    """One accepted model. metadata: as REGISTER wrote it."""

    name: str
    path: Path
    metadata: dict[str, Any]
    withdrawn: bool

    @property
    def usable(self) -> bool:
        """Whether it may serve: accepted, and not withdrawn since."""
        return self.metadata.get("verdict") == "accepted" and not self.withdrawn

    @property
    def numbers(self) -> tuple[int, ...]:
        return _numbers(self.name)


class ModelRegistry:
    """Reads the registry below a folder, which may not be there yet."""

    def __init__(self, root: Path):
        self.root = root
        self.fine_tuned = root / "models" / "fine-tuned"
        self.experiments = root / "models" / "experiments" / "lora-adapters"
        self.production_file = root / "models" / PRODUCTION

    def versions(self) -> list[Version]:
        """All versions, newest first."""
        try:
            names = [entry.name for entry in os.scandir(self.fine_tuned) if VERSION.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        return [one for name in sorted(names, key=_numbers, reverse=True) if (one := self.version(name))]

    def version(self, name: str) -> Version | None:
        """One version, or None where it is not there (or has no readable metadata: it cannot be told what it is)."""
        if not VERSION.fullmatch(name):
            return None
        path = self.fine_tuned / name
        metadata = _json(path / "metadata.json")
        return Version(name, path, metadata, (self.fine_tuned / f"{name}.withdrawn.json").exists()) if metadata else None

    def experiment(self, digest: str) -> Version | None:
        """An adapter that was not accepted, by the name of its folder."""
        path = self.experiments / digest
        metadata = _json(path / "metadata.json") if DIGEST.fullmatch(digest) else None
        return Version(digest, path, metadata, (self.experiments / f"{digest}.withdrawn.json").exists()) if metadata else None

    def accept(self, experiment: Version, review: dict[str, Any]) -> Version:
        """Make a version of an experiment that a person has approved; the folder appears whole. The same adapter is one version only.

        Numbers step as the pipeline's do: another base is a major step, other data a minor one, the rest a patch.
        """
        digest = experiment.metadata["lineage"]["adapter_digest"]
        self.fine_tuned.mkdir(parents=True, exist_ok=True)
        while True:
            versions = self.versions()
            if known := next((one for one in versions if one.metadata.get("lineage", {}).get("adapter_digest") == digest), None):
                return known
            name = _next(versions[0] if versions else None, experiment.metadata["lineage"])
            part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.fine_tuned))
            try:
                shutil.copytree(experiment.path, part, dirs_exist_ok=True)
                write_json(part / "metadata.json", experiment.metadata | {"verdict": "accepted", "version": name, "review": review})
                part.chmod(0o755)
                os.rename(part, self.fine_tuned / name)
            except OSError:
                if not (self.fine_tuned / name).exists():
                    raise
            finally:
                shutil.rmtree(part, ignore_errors=True)
            made = self.version(name)
            if made and made.metadata["lineage"]["adapter_digest"] == digest:  # else another run took the number: look again
                return made

    def say_production(self, content: dict[str, Any] | None) -> None:
        """Write models/production.json, for whatever serves models; None takes it away."""
        if content is None:
            self.production_file.unlink(missing_ok=True)
        else:
            write_json(self.production_file, content)

    def said_production(self) -> dict[str, Any] | None:
        return _json(self.production_file)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """The file is the old or the new one, whenever the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(new, 0o644)
        os.replace(new, path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _next(last: Version | None, lineage: dict[str, Any]) -> str:
    if last is None:
        return "v1.0.0"
    major, minor, patch = last.numbers
    before = last.metadata.get("lineage", {})
    if before.get("base_digest") != lineage.get("base_digest"):
        return f"v{major + 1}.0.0"
    return f"v{major}.{minor + 1}.0" if before.get("data_digest") != lineage.get("data_digest") else f"v{major}.{minor}.{patch + 1}"


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in VERSION.fullmatch(name).groups())


def _json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
