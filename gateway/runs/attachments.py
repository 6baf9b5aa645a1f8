"""Files that come with a submission: below the run's own folder, under names that cannot lead out of it."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MOST = 100
FOLDER = "attachments"


@dataclass(frozen=True)
class Attachment:
    """name: as the caller wrote it, folders allowed. file: read once, from its start."""

    name: str
    file: BinaryIO


class BadName(ValueError):
    """A sentence; it does not repeat the name."""


def safe_name(name: str) -> str:
    """The relative path under which a file is kept: letters, digits and ._- in each part. Raises BadName for what leads elsewhere."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or name.startswith("/") or name.endswith("/") or ".." in parts or len(name) > 400 or len(parts) > 10:
        raise BadName("the name of an attached file has to be a short relative path without ..")
    clean = [re.sub(r"[^A-Za-z0-9._-]+", "_", part).lstrip(".-")[:120] for part in parts]
    if not all(clean):
        raise BadName("the name of an attached file has a part without letters or digits")
    return "/".join(clean)


def places(folder: Path, names: Sequence[str]) -> tuple[dict[str, Path], list[str]]:
    """Where each file will lie, by its name and by its safe name, and sentences about names that cannot be used."""
    found: dict[str, Path] = {}
    problems = [f"more than {MOST} attached files"] if len(names) > MOST else []
    for name in names[:MOST]:
        try:
            safe = safe_name(name)
        except BadName as error:
            problems.append(str(error))
            continue
        path = folder / FOLDER / safe
        if path in found.values():
            problems.append("two attached files have the same name")
        found[name] = found[safe] = path
    if any(one != other and other.is_relative_to(one) for one in found.values() for other in found.values()):
        problems.append("an attached file has the name of a folder of another one")
    return found, problems


def digests(attachments: Sequence[Attachment]) -> list[tuple[str, str]]:
    """Name and SHA-256 of each file, which is rewound."""
    found = []
    for one in attachments:
        found.append((one.name, hashlib.file_digest(one.file, "sha256").hexdigest()))
        one.file.seek(0)
    return found


def stage(attachments: Sequence[Attachment], found: dict[str, Path]) -> None:
    """Write the files, for the owner alone: they may be raw records."""
    for one in attachments:
        path = found[one.name]
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as target:
            path.chmod(0o600)
            shutil.copyfileobj(one.file, target)
