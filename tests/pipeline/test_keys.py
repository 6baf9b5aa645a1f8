"""Keys, reversal maps and erasures as parameters: what contradicts itself stops the run at once, and no secret is shown."""

from __future__ import annotations

import pyrage

from .conftest import Nextflow


def test_contradictions_are_told_at_once_and_a_private_identity_is_not_shown(nextflow: Nextflow, tmp_path):
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "team.txt").write_text(f"# wrong half of the pair\n{identity}\n")
    arguments = [
        "--anonymize_key",
        "env:LLAMAFLOW_KEY",
        "--reversal_map",
        "true",
        "--reversal_recipients",
        "team.txt",
        "--erasures",
        "absent.json",
    ]
    run = nextflow.run(tmp_path, "-profile", "test", *arguments)  # the profile names a key file
    assert run.code == 2 and not run.submitted
    for words in ("exclude each other", "--reversal_map needs --reversal_recipients", "--erasures absent.json does not exist"):
        assert words in run.output
    assert str(identity) not in run.output and str(identity) not in (tmp_path / ".nextflow.log").read_text()


def test_a_key_reference_takes_the_place_of_the_file(nextflow: Nextflow, tmp_path):
    (tmp_path / "own.config").write_text("params.anonymize_key_file = null\n")
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    (tmp_path / "team.txt").write_text(f"# the officer\n{recipient}\n")
    arguments = ["--anonymize_key", "vault:secret/llamaflow#key", "--reversal_map", "true", "--reversal_recipients", "team.txt"]
    run = nextflow.run(tmp_path, "-profile", "test", "-stub", "-c", "own.config", *arguments)
    assert run.code == 0, run.output
    assert "ANONYMIZE" in run.submitted
    assert not list((tmp_path / "work").rglob("*.key"))
