"""The peers' locks: pinned and hashed, without addresses; TRL runs on the very libraries that LlamaFlow runs on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def versions(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text("utf-8"), re.M))


@pytest.mark.parametrize("name", ["finetune-trl.lock", "finetune-llamafactory.lock"])
def test_every_package_is_pinned_with_hashes_and_without_an_address(name):
    text = (ROOT / "benchmarks" / name).read_text("utf-8")
    packages = [one for one in re.split(r"\n(?=\S)", text.strip()) if not one.startswith("#")]
    assert len(packages) > 50 and "://" not in text
    for package in packages:
        assert re.match(r"[\w.-]+==\S+", package) and "--hash=sha256:" in package, package[:80]


def test_trl_is_measured_on_our_libraries():
    ours, theirs = versions(ROOT / "requirements.lock"), versions(ROOT / "benchmarks" / "finetune-trl.lock")
    for library in ("torch", "transformers", "peft", "accelerate", "tokenizers"):
        assert ours[library] == theirs[library]


def test_llamafactory_is_measured_on_our_torch():
    assert versions(ROOT / "requirements.lock")["torch"] == versions(ROOT / "benchmarks" / "finetune-llamafactory.lock")["torch"]
