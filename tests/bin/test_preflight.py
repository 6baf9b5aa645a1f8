"""PREFLIGHT: one run tells everything that is wrong, and a good one tells what the training will take."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import preflight
from llamaflow.errors import BadInputError, ManyProblems, run_step
from llamaflow.summaries import PreflightSummary, read_summary

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
TINY = DATA / "tiny-llama"
GOOD = {
    "--input": DATA / "sample" / "conversations.jsonl",
    "--base-model": TINY,
    "--recipe": ROOT / "conf" / "recipes" / "smoke.yaml",
    "--gate": ROOT / "conf" / "gates" / "smoke.yaml",
    "--policy": ROOT / "conf" / "anonymize" / "surrogate.yaml",
}


def command(folder: Path, changes: dict[str, object] | None = None) -> list[str]:
    options = GOOD | (changes or {}) | {"--summary": folder / "preflight.json"}
    return [part for name, value in options.items() for part in (name, *map(str, value if isinstance(value, list) else [value]))]


def run(folder: Path, changes: dict[str, object] | None = None) -> PreflightSummary:
    preflight.main(command(folder, changes))
    return read_summary(folder / "preflight.json", PreflightSummary)


def refused(folder: Path, changes: dict[str, object]) -> str:
    with pytest.raises(BadInputError) as caught:
        run(folder, changes)
    assert not (folder / "preflight.json").exists()
    return str(caught.value)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_run_says_what_it_will_take(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    summary = run(tmp_path)
    assert all(value > 0 for value in summary.estimates.values()), summary.estimates
    assert {"input", "recipe", "gate", "anonymization policy", "base model", "tokenizer", "chat template", "disk", "memory"} <= {
        check.name for check in summary.checks if check.ok
    }
    lines = len(GOOD["--input"].read_text("utf-8").splitlines())
    assert abs(summary.estimates["records"] - lines) <= 0.1 * lines
    told = capsys.readouterr().out
    for secret in ("Luciana", "933.829", "Nogueira"):
        assert secret not in told + (tmp_path / "preflight.json").read_text("utf-8")


def test_estimates_follow_the_recipe(tmp_path: Path) -> None:
    small = run(tmp_path).estimates
    large = run(tmp_path, {"--overrides": json.dumps({"max_steps": 16, "lora_rank": 8})}).estimates
    assert large["training_tokens"] == 2 * small["training_tokens"]
    assert large["adapter_parameters"] == 2 * small["adapter_parameters"]
    assert (large["records"], large["tokens_per_record"], large["parameters"]) == (
        small["records"],
        small["tokens_per_record"],
        small["parameters"],
    )
    half = run(tmp_path, {"--overrides": json.dumps({"max_steps": 0, "epochs": 2}), "--train-share": 0.4}).estimates
    whole = run(tmp_path, {"--overrides": json.dumps({"max_steps": 0, "epochs": 2}), "--train-share": 0.8}).estimates
    assert whole["training_tokens"] == pytest.approx(2 * half["training_tokens"])


def test_parameters_of_adapter_and_model_are_those_of_peft_and_torch(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    estimates = run(tmp_path).estimates
    model = AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    total = sum(parameter.numel() for parameter in model.parameters())
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert estimates["adapter_parameters"] == sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert estimates["parameters"] == pytest.approx(total, rel=0.01)  # norms are left out


def test_all_problems_are_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    changes = {
        "--input": [write(tmp_path / "broken.jsonl", '{"messages": 5}\nnot json\n'), tmp_path / "absent.jsonl"],
        "--recipe": write(tmp_path / "recipe.yaml", "learning_rat: 0.1\n"),
        "--gate": write(tmp_path / "gate.yaml", "name: x\nrules:\n  - name: y\n    metric: no_such_metric\n"),
        "--policy": write(tmp_path / "policy.yaml", "name: x\nno_such_key: 1\n"),
        "--base-model": tmp_path / "absent-model",
    }
    assert run_step(lambda: run(tmp_path, changes), private=True) == 2
    told = capsys.readouterr().err
    for name in ("broken.jsonl", "recipe.yaml:1", "gate.yaml", "policy.yaml", "absent-model"):
        assert name in told, name
    assert "learning_rate" in told  # did you mean
    assert told.count("error: ") >= 5 and told.count("fix: ") >= 5
    assert "Traceback" not in told and not (tmp_path / "preflight.json").exists()
    with pytest.raises(ManyProblems):
        run(tmp_path, changes)


@pytest.mark.parametrize("several", [["a.jsonl", "b.csv"], ["b.csv", "a.jsonl"]])
def test_every_bad_input_file_is_named(tmp_path: Path, several: list[str]) -> None:
    for name in several:
        write(tmp_path / name, "x\x00")
    told = refused(tmp_path, {"--input": [tmp_path / name for name in several]})
    assert all(name in told for name in several)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--overrides": '{"lora_rank": 0}'}, "lora_rank"),
        ({"--base-model": "package:no-such-package"}, "no-such-package"),
        ({"--chat-template": "no_such"}, "no_such"),
        ({"--gate": "absent.yaml"}, "absent.yaml"),
        ({"--policy": "absent.yaml"}, "absent.yaml"),
        ({"--recipe": "absent.yaml"}, "absent.yaml"),
        ({"--input": "absent/*.jsonl"}, "absent"),
    ],
)
def test_a_single_problem_comes_alone(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        run(tmp_path, changes)
    assert not isinstance(caught.value, ManyProblems)
    assert words in str(caught.value) and caught.value.fix
    assert not (tmp_path / "preflight.json").exists()


def test_nothing_to_learn_is_bad_input(tmp_path: Path) -> None:
    told = refused(tmp_path, {"--overrides": '{"max_length": 16, "pack_length": 16}'})
    assert "no token to learn" in told and "16 tokens" in told and "--max_length" in told


def test_a_model_without_a_chat_template_is_found_before_the_training(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "model")
    (tmp_path / "model" / "chat_template.jinja").unlink()
    assert "--chat_template" in refused(tmp_path, {"--base-model": tmp_path / "model"})
    assert run(tmp_path, {"--base-model": tmp_path / "model", "--chat-template": "chatml"}).estimates["tokens_per_record"] > 0


@pytest.mark.parametrize("template", ["{% for m in messages %}", "{{ raise_exception('roles must alternate') }}", "the same for everyone"])
def test_a_template_that_cannot_write_a_conversation(tmp_path: Path, template: str) -> None:
    path = write(tmp_path / "own.jinja", template)
    told = refused(tmp_path, {"--chat-template": path})
    assert "template" in told and "--chat_template" in told


@pytest.mark.parametrize(
    "config",
    ["{}", '{"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "vocab_size": 10}', '{"model_type": "llama", "num_hidden_layers": null}'],
)
def test_a_configuration_of_another_kind_of_model(tmp_path: Path, config: str) -> None:
    shutil.copytree(TINY, tmp_path / "model")
    write(tmp_path / "model" / "config.json", config)
    told = refused(tmp_path, {"--base-model": tmp_path / "model"})
    assert str(tmp_path / "model") in told and "error: " in told


def test_a_warning_where_an_example_is_longer_than_the_models_context(tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "model")
    config = json.loads((TINY / "config.json").read_text())
    write(tmp_path / "model" / "config.json", json.dumps(config | {"max_position_embeddings": 256}))
    assert any("256 tokens" in warning for warning in run(tmp_path, {"--base-model": tmp_path / "model"}).warnings)
    assert not any("context" in warning for warning in run(tmp_path).warnings)


def test_identifiers_in_a_suite_are_noted_and_names_are_not(tmp_path):
    import json

    from llamaflow.evaluation.suite_files import load_suite

    def suite(question: str):
        path = tmp_path / "mine.jsonl"
        path.write_text(json.dumps({"id": "a", "messages": [{"role": "user", "content": question}], "reference": "Sim."}) + "\n")
        return load_suite(path)

    assert preflight.personal_items(suite("Meu e-mail é joana.prado@correio.com.br, pode anotar?")) == 1
    assert preflight.personal_items(suite("A Joana Prado mora em Recife desde 3 de maio?")) == 0
