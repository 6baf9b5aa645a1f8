"""The gateway's lock: every package pinned and hashed, no registry's address, nothing that pyproject.toml asks for left out."""

from __future__ import annotations

import re
import tomllib

from served import ROOT

LOCK = (ROOT / "gateway/requirements.lock").read_text("utf-8")


def test_every_package_is_pinned_with_hashes_and_without_an_address():
    packages = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(packages) > 50
    for package in packages:
        assert re.match(r"[\w.-]+==\S+", package) and "--hash=sha256:" in package, package[:80]
    assert "://" not in LOCK


def test_every_dependency_is_in_the_lock():
    project = tomllib.loads((ROOT / "gateway/pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    locked = set(re.findall(r"^([\w.-]+)==", LOCK, re.M))
    assert {re.match(r"[\w.-]+", one)[0].lower() for one in wanted} <= locked
