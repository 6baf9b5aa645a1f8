"""The lock: every package pinned and hashed, no registry's address, and known to the conda environment."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")


def test_every_package_is_pinned_with_hashes_and_without_an_address():
    packages = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(packages) > 100
    for package in packages:
        assert re.match(r"[\w.-]+==\S+", package) and "--hash=sha256:" in package, package[:80]
    assert "://" not in LOCK


def test_every_dependency_is_in_the_lock():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([\w.-]+)==", LOCK, re.M))
    assert {re.match(r"[\w.-]+", one)[0].lower() for one in wanted} <= locked


def test_the_conda_environment_changes_with_the_lock():
    assert f"# lock: sha256:{hashlib.sha256(LOCK.encode()).hexdigest()}\n" in (ROOT / "containers/environment.yml").read_text("utf-8")
