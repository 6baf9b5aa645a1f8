"""Parameters: one truth, help from it, and nothing unknown or ill-typed gets as far as a task."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import ROOT, Nextflow

SCHEMA = json.loads((ROOT / "nextflow_schema.json").read_text())
PROPERTIES = {name: value for group in SCHEMA["$defs"].values() for name, value in group["properties"].items()}
PROFILES = ["demo", "test", "local", "gpu", "slurm", "k8s", "docker", "podman", "singularity", "conda"]


def test_config_has_the_schemas_parameters_and_defaults():
    block = re.search(r"params \{(.*?)\n\}", (ROOT / "nextflow.config").read_text(), re.S)[1]
    found = {name: value for name, value in re.findall(r"^\s+(\w+)\s*=\s*(.+?)\s*$", block, re.M)}
    plain = {name: None if value == "null" else json.loads(value.replace("'", '"')) for name, value in found.items()}
    assert plain == {name: value.get("default") for name, value in PROPERTIES.items()}


def test_every_recipe_name_is_a_parameter_with_the_same_bounds():
    from llamaflow.recipe import Recipe

    from_config = re.search(r"recipe_names = \[(.*?)\]", (ROOT / "modules/plan.nf").read_text(), re.S)[1]
    names = re.findall(r"'(\w+)'", from_config)
    assert set(names) <= set(Recipe.model_fields) and set(names) <= set(PROPERTIES)
    for name in names:
        assert "default" not in PROPERTIES[name], f"a default of --{name} would win over every recipe"


@pytest.mark.parametrize("profile", [*PROFILES, "slurm,gpu,test"])
def test_profile_resolves(nextflow: Nextflow, profile: str):
    result = nextflow.config("-profile", profile)
    assert result.returncode == 0, result.stderr
    assert "withLabel:model" in result.stdout


def test_help_names_every_parameter(nextflow: Nextflow, tmp_path):
    run = nextflow.run(tmp_path, "--help")
    assert run.code == 0
    for name, value in PROPERTIES.items():
        assert re.search(rf"--{name}\s+{value['type']}\s+{re.escape(value['description'])}", run.output), name


def test_all_wrong_parameters_are_told_at_once_before_any_task(nextflow: Nextflow, tmp_path):
    wrong = [
        "--epcohs",
        "2",
        "--seed",
        "x",
        "--format",
        "opanai",
        "--test_share",
        "1.5",
        "--mapping",
        "a='b'",
        "--outdir",
        str(tmp_path / "out"),
    ]
    run = nextflow.run(tmp_path, *wrong)
    assert run.code == 2, run.output
    for words in (
        "unknown parameter --epcohs: did you mean --epochs?",
        "missing parameter --input",
        "--seed has to be an integer, not 'x'",
        "--format is one of auto, openai, sharegpt, alpaca, prompt, squad, text, not 'opanai': did you mean openai?",
        "--test_share has to be at most 1, not 1.5",
        "--mapping 'a='b'' holds a character that is not allowed here",
    ):
        assert words in run.output
    assert not run.submitted


def test_params_file_and_own_recipe_reach_the_training(nextflow: Nextflow, tmp_path):
    (tmp_path / "mine.yaml").write_text("lora_rank: 3\n")
    (tmp_path / "params.yaml").write_text(f"recipe: {tmp_path}/mine.yaml\nlearning_rate: 0.125\nrun_name: named\n")
    run = nextflow.run(tmp_path, "-profile", "test", "-stub", "-params-file", str(tmp_path / "params.yaml"))
    assert run.code == 0, run.output
    folder = next(path.parent for path in (tmp_path / "work").rglob(".command.sh") if "finetune.json" in path.read_text())
    assert (folder / "mine.yaml").resolve() == tmp_path / "mine.yaml"
    assert "FINETUNE (named)" in run.output
