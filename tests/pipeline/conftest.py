"""Running the real pipeline with the real Nextflow, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/data/sample"


@dataclass
class Run:
    """A finished `nextflow run`: exit code, everything it printed, and where it ran."""

    code: int
    output: str
    folder: Path

    @property
    def submitted(self) -> set[str]:
        """Names of the processes of which at least one task really ran."""
        return set(re.findall(r"^\[\w\w/\w{6}\] (?:Re-s|S)ubmitted process > (?:\w+:)*(\w+)", self.output, re.M))

    @property
    def cached(self) -> set[str]:
        """Names of the processes of which at least one task came from the cache."""
        return set(re.findall(r"^\[\w\w/\w{6}\] Cached process > (?:\w+:)*(\w+)", self.output, re.M))


class Nextflow:
    """The launcher that tests/rigs/nextflow/up found."""

    def __init__(self, launcher: str, environment: Mapping[str, str] = os.environ):
        self.launcher = launcher
        self.environment = dict(environment) | {"NXF_ANSI_LOG": "false", "NXF_OFFLINE": "true"}

    def start(self, folder: Path, *arguments: str, project: Path = ROOT) -> subprocess.Popen:
        """Start `nextflow run project …` in a folder, output to one pipe."""
        folder.mkdir(parents=True, exist_ok=True)
        command = [self.launcher, "run", str(project), *arguments]
        return subprocess.Popen(command, cwd=folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, folder: Path, *arguments: str, project: Path = ROOT) -> Run:
        """The same, to its end."""
        process = self.start(folder, *arguments, project=project)
        output, _ = process.communicate()
        return Run(process.returncode, output, folder)

    def config(self, *arguments: str) -> subprocess.CompletedProcess:
        """`nextflow config` of the project."""
        return subprocess.run([self.launcher, "config", str(ROOT), *arguments], env=self.environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def nextflow() -> Nextflow:
    """Nextflow, found or installed; a missing one is an error, not a skip: without it nothing is tested."""
    found = subprocess.run([ROOT / "tests/rigs/nextflow/up"], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return Nextflow(found.stdout.strip())
