"""Recipes: what a person mistypes is named with its place; what is left out keeps a default."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.recipe import Recipe, load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "conf" / "recipes").glob("*.yaml"))


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(*arguments) -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        load_recipe(*arguments)
    assert caught.value.exit_code == 2
    return caught.value


def test_the_shipped_recipes_load():
    assert RECIPES
    for path in RECIPES:
        assert isinstance(load_recipe(path), Recipe)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n", "~"])
def test_empty_recipe_is_the_defaults(write, text):
    assert load_recipe(write(text)) == load_recipe(None) == Recipe()


def test_scientific_numbers_of_yaml_are_numbers(write):
    assert load_recipe(write("learning_rate: 2e-4\n")).learning_rate == 2e-4  # YAML 1.1 calls this a string


def test_overrides_win_and_none_is_no_override(write):
    path = write("lora_rank: 4\nepochs: 2\n")
    recipe = load_recipe(path, {"lora_rank": 32, "epochs": None, "max_steps": 7})
    assert (recipe.lora_rank, recipe.epochs, recipe.max_steps) == (32, 2, 7)


def test_unknown_key_names_line_and_nearest_name(write):
    error = refused(write("lora_rank: 4\n\n# strength\nlora_alfa: 3\n"))
    assert error.where.endswith("recipe.yaml:4") and "lora_alfa" in error.what
    assert "lora_alpha" in error.fix
    assert "lora_alpha" in refused(None, {"lora_alfa": 1}).fix


def test_unknown_key_like_nothing_lists_what_is_known(write):
    fix = refused(write("qqqq: 1\n")).fix
    assert all(name in fix for name in Recipe.model_fields)


OUT_OF_BOUNDS = [
    ("lora_rank", 0), ("lora_rank", 1025), ("lora_rank", 1.5), ("lora_alpha", 0), ("lora_dropout", 1), ("lora_dropout", -0.1),
    ("learning_rate", 0), ("learning_rate", 1.1), ("warmup_ratio", 1), ("weight_decay", -1), ("max_grad_norm", 0), ("epochs", 0),
    ("max_steps", -1), ("max_length", 15), ("pack_length", 15), ("batch_size", 0), ("micro_batch_size", -1), ("evaluations", 0),
    ("early_stopping", -1), ("precision", "fp8"), ("method", "qlora"), ("schedule", "step"), ("gradient_checkpointing", "maybe"),
    ("learning_rate", ".nan"), ("weight_decay", ".nan"), ("lora_alpha", ".inf"), ("epochs", ".inf"), ("epochs", ".nan"),
    ("lora_dropout", ".nan"), ("lora_rank", "null"), ("lora_rank", "[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), OUT_OF_BOUNDS)
def test_value_out_of_bounds_names_file_line_and_key(write, name, value):
    error = refused(write(f"# first\n\n{name}: {value}\n"))
    assert error.where.endswith("recipe.yaml:3") and name in error.what and error.fix


def test_bad_override_is_named_as_the_option_even_where_the_file_has_the_key(write):
    error = refused(write("lora_rank: 4\n"), {"lora_rank": 0})
    assert error.where == "--lora_rank"


@pytest.mark.parametrize(
    ("text", "reason"), [("batch_size: 8\nmicro_batch_size: 3\n", "multiple"), ("max_length: 512\npack_length: 256\n", "pack_length")]
)
def test_values_that_do_not_fit_each_other_are_refused(write, text, reason):
    error = refused(write(text))
    assert reason in error.what and error.where.endswith("recipe.yaml")


def test_syntax_error_names_its_line(write):
    error = refused(write("lora_rank: 4\nepochs: 2\nmethod: [lora\n"))
    assert "recipe.yaml:" in error.where and int(error.where.rsplit(":", 1)[1]) in (3, 4)
    assert refused(write("lora_rank: 4\n\tepochs: 2\n")).where.endswith(":2")


@pytest.mark.parametrize("text", ["[]", "- lora_rank\n", "lora_rank", "0", "false", "''", "3.5"])
def test_what_is_not_a_mapping_is_refused(write, text):
    assert "not a mapping" in refused(write(text)).what


@pytest.mark.parametrize(
    "text", ["1: 2\n", "? [a, b]\n: 1\n", "lora_rank: 2026-13-45\n", "a: \x07\n", "*x : 1\n", "lora_rank: !!python/object:os.system 1\n"]
)
def test_strange_yaml_is_bad_input_and_never_a_trace(write, text):
    refused(write(text))


def test_missing_or_binary_file_is_bad_input(tmp_path):
    assert str(tmp_path / "no.yaml") in refused(tmp_path / "no.yaml").where
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00\x80")
    refused(tmp_path / "b.yaml")


@given(st.text(max_size=60))
def test_any_text_gives_a_recipe_or_bad_input(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(BadInputError):
        assert isinstance(load_recipe(path), Recipe)
