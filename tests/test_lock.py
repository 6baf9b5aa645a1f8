"""The locks: every package pinned and hashed, no registry's address, nothing left out; the pipeline's is known to the conda environment."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Folder of pyproject.toml and requirements.lock -> how many packages there are at least.
LOCKS = {ROOT: 100, ROOT / "gateway": 50}


@pytest.mark.parametrize("folder", LOCKS)
def test_every_package_is_pinned_with_hashes_and_without_an_address(folder: Path):
    lock = (folder / "requirements.lock").read_text("utf-8")
    packages = re.split(r"\n(?=\S)", lock.strip())
    assert len(packages) > LOCKS[folder]
    for package in packages:
        assert re.match(r"[\w.-]+==\S+", package) and "--hash=sha256:" in package, package[:80]
    assert "://" not in lock


@pytest.mark.parametrize("folder", LOCKS)
def test_every_dependency_is_in_the_lock(folder: Path):
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([\w.-]+)==", (folder / "requirements.lock").read_text("utf-8"), re.M))
    assert {re.match(r"[\w.-]+", one)[0].lower() for one in wanted} <= locked


def test_the_conda_environment_changes_with_the_lock():
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    assert f"# lock: sha256:{digest}\n" in (ROOT / "containers/environment.yml").read_text("utf-8")
