"""Search files: every mistake is named with its place; trials are complete, different and few. Halving keeps the best."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import plan_search
import select_trials
from llamaflow.errors import BadInputError, LlamaFlowError, ManyProblems, run_step
from llamaflow.halving import select
from llamaflow.recipe import Recipe, load_recipe
from llamaflow.search import MAX_TRIALS, Plan, differing, halvings
from llamaflow.summaries import FinetuneSummary, Hardware, SearchRung, SearchSummary, SearchTrial, read_summary

CONF = Path(__file__).parents[2] / "conf"
SHIPPED = sorted((CONF / "search").glob("*.yaml"))
DEFAULT = {"default": Recipe()}


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "search.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(path: Path, recipes=None, overrides=None) -> LlamaFlowError:
    with pytest.raises(BadInputError) as caught:
        Plan(path).trials(recipes or DEFAULT, overrides or {}, 17)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_searches_give_trials(path):
    trials, equal = Plan(path).trials(DEFAULT, {}, 17)
    assert 2 <= len(trials) <= MAX_TRIALS and not equal
    assert [trial.id for trial in trials] == [f"trial-{number:02d}" for number in range(len(trials))]


def test_trials_are_recipes_times_grid_and_single_points(write):
    path = write("grid: {lora_rank: [8, 16], seed: [1, 2]}\ntrials: [{method: dora}]\n")
    recipes = {"a": Recipe(epochs=1), "b": Recipe(epochs=2)}
    trials, equal = Plan(path).trials(recipes, {}, 17)
    said = {(t.recipe_name, t.recipe.epochs, t.recipe.lora_rank, t.seed, t.recipe.method) for t in trials}
    grid = {(name, recipes[name].epochs, rank, seed, "lora") for name, rank, seed in itertools.product("ab", (8, 16), (1, 2))}
    assert said == grid | {("a", 1, 16, 17, "dora"), ("b", 2, 16, 17, "dora")} and equal == 0
    assert differing(trials) == ["method", "lora_rank", "epochs"]


def test_recipes_alone_are_trials(write):
    trials, _ = Plan(write("recipes: [a, b]\n")).trials({"a": Recipe(), "b": Recipe(lora_rank=4)}, {}, 3)
    assert [(trial.recipe_name, trial.recipe.lora_rank, trial.seed) for trial in trials] == [("a", 16, 3), ("b", 4, 3)]


def test_equal_trials_are_dropped_whatever_they_are_called(write):
    path = write("grid: {lora_rank: [8, 16, 8.0]}\ntrials: [{seed: 17, lora_rank: 8}, {learning_rate: 2e-4}]\nrecipes: [a, b]\n")
    trials, equal = Plan(path).trials({"a": Recipe(), "b": Recipe()}, {}, 17)
    assert [trial.recipe.lora_rank for trial in trials] == [8, 16] and equal == 8


WRONG = [
    ("grid:\n  lora_rnk: [1]\n  seed: [1, 2]\n", ":2", "did you mean lora_rank"),
    ("grdi:\n  seed: [1, 2]\n", ":1", "did you mean grid"),
    ("grid:\n  seed: [1, 2]\n  lora_rank: 8\n", ":3", "valid list"),
    ("grid:\n  lora_rank: []\n", ":2", "at least 1 item"),
    ("grid:\n  lora_rank:\n    - 8\n    - 0\n", ":2", "greater than or equal to 1"),
    ("trials:\n  - seed: 1\n  - seed: 2\n    learning_rate: high\n", ":4", "valid number"),
    ("trials:\n  - {seed: 1}\n  - {seed: -1}\n", ":3", "greater than or equal to 0"),
    ("trials:\n  - {seed: 1}\n  - {seed: 4294967296}\n", ":3", "less than"),
    ("grid: {seed: [1, 2]}\nkeep: 1\n", ":2", "greater than or equal to 2"),
    ("grid: {seed: [1, 2]}\n\nrungs: [0.5, 0.1]\n", ":1", "have to rise"),
    ("grid: {seed: [1, 2]}\nrungs: [0.5, 1.5]\n", ":1", "at most 1"),
    ("grid: {seed: [1, 2]}\nrungs: [0, 0.5]\n", ":1", "above 0"),
    ("grid: {seed: [1, 2]}\nrungs: [.nan]\n", ":2", "finite"),
    ("grid: {seed: [1, 2]}\nrungs: [.1, .2, .3, .4]\n", ":2", "at most 3"),
    ("grid: {seed: [1, 2]}\nrungs: []\n", ":2", "at least 1"),
    ("trials:\n  - {seed: 1}\n  - {pack_length: 512}\n", ":3", "pack_length must be at least max_length"),
    ("keep: 2\ngrid:\n  seed: [17]\n", ":1", "all trials are the same"),
    ("{}", ":1", "all trials are the same"),
    ("grid:\n  max_length: [512, 1024]\n", ":2", "max_length"),
    ("keep: 2\nkeep: 3\n", "", "stands twice, again in line 2"),
    ("[]", ":1", "not a mapping"),
    ("", ":1", "not a mapping"),
    ("grid: [", ":1", ""),
    ("grid:\n\tseed: [1]\n", ":2", ""),
]


@pytest.mark.parametrize(("text", "line", "words"), WRONG)
def test_a_mistake_is_named_with_file_and_line(write, text, line, words):
    path = write(text)
    error = refused(path)
    assert f"{path}{line}" in str(error) and words in str(error)


def test_all_mistakes_are_told_at_once_and_each_once(write):
    error = refused(write("grid:\n  lora_rank: [0, 8]\n  seed: [1, 2, 3]\n  learning_rate: [2]\n"))
    assert isinstance(error, ManyProblems) and len(error.problems) == 2


def test_a_value_given_and_searched_is_refused(write):
    path = write("trials:\n  - {seed: 1}\n  - {lora_rank: 8}\n")
    error = refused(path, overrides={"lora_rank": 4, "epochs": 1})
    assert "--lora_rank" in error.what and error.where == f"{path}:3"


def test_recipes_that_cut_examples_differently_are_not_compared(write):
    path = write("recipes: [a, b]\n")
    error = refused(path, {"a": Recipe(max_length=512), "b": Recipe(max_length=256)})
    assert "max_length differs" in error.what and "--max_length" in error.fix and error.where == f"{path}:1"


def test_too_many_trials_are_refused_before_they_are_made(write):
    names = ["lora_rank", "lora_alpha", "learning_rate", "epochs", "warmup_ratio", "weight_decay", "batch_size", "seed"]
    started = time.monotonic()
    error = refused(write("grid:\n" + "".join(f"  {name}: {list(range(1, 101))}\n" for name in names)))
    assert f"{100**8} trials, at most {MAX_TRIALS}" in error.what and time.monotonic() - started < 10


def test_missing_or_binary_file_is_bad_input(tmp_path):
    assert str(tmp_path / "no.yaml") in refused(tmp_path / "no.yaml").where
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00\x80")
    refused(tmp_path / "b.yaml")


WORDS = st.sampled_from(["grid", "trials", "recipes", "keep", "rungs", "seed", "lora_rank", "x", "1", "0.5", "null", *"[]{}:-, \n"])


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map("".join)))
def test_any_text_gives_trials_or_bad_input(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any-search.yaml"
    path.write_text(text, encoding="utf-8")
    with contextlib.suppress(BadInputError):
        trials, _ = Plan(path).trials(DEFAULT, {}, 17)
        assert 2 <= len(trials) <= MAX_TRIALS


@given(st.integers(2, MAX_TRIALS), st.integers(2, 5), st.lists(st.floats(0.01, 1), min_size=1, max_size=3, unique=True).map(sorted))
def test_rungs_shrink_to_one_and_none_is_for_one_trial(trials, keep, shares):
    rungs = halvings(trials, keep, shares)
    assert [rung.share for rung in rungs] == shares[: len(rungs)]
    assert rungs[0].trials == trials and rungs[-1].keep == 1
    assert all(one.keep == other.trials for one, other in itertools.pairwise(rungs))
    assert all(1 <= rung.keep < rung.trials for rung in rungs)
    assert all(rung.keep == math.ceil(rung.trials / keep) for rung in rungs[:-1])


def result(loss: float, stopped: str = "rung", **changes) -> FinetuneSummary:
    values = dict(
        method="lora", recipe={}, seed=17, base="b", base_digest="b", data_digest="d", adapter_digest="a", trainable_parameters=1,
        total_parameters=2, examples=3, examples_truncated=0, examples_dropped=0, tokens=None, steps=2, best_step=2, epochs=1.0,
        tokens_seen=100, supervised_tokens=50, supervised_share=0.5, tokens_per_second=10.0, packing_efficiency=0.9, train_loss=1.0,
        validation_loss_start=9.0, validation_loss=loss, precision="bf16", peak_memory_bytes=1, stopped=stopped, curve=[], versions={},
        seconds=3.0, hardware=Hardware(device="c", device_type="cpu", cpu_cores=1, memory_bytes=1),
    )  # fmt: skip
    return FinetuneSummary(**values | changes)


def race(trials: int, *keeps: int) -> SearchSummary:
    counts = [trials, *keeps]
    rungs = [SearchRung(share=(n + 1) / 10, trials=counts[n], keep=counts[n + 1]) for n in range(len(keeps))]
    racing = [SearchTrial(id=f"trial-{n:02d}", recipe="r", values={}, seed=n) for n in range(trials)]
    return SearchSummary(name="s", rungs=rungs, trials=racing)


def test_the_best_third_stays_and_its_best_wins():
    losses = {"trial-00": 3.0, "trial-01": 1.0, "trial-02": 2.0, "trial-03": 5.0, "trial-04": 4.0, "trial-05": 6.0}
    first = select(race(6, 2, 1), {name: result(loss) for name, loss in losses.items()})
    assert [trial.id for trial in first.trials if trial.kept] == ["trial-01", "trial-02"] and first.winner == "" and first.compared == 1
    last = select(first, {"trial-01": result(0.9, steps=5), "trial-02": result(0.8, steps=5)})
    assert last.winner == "trial-02" and [trial.id for trial in last.trials if trial.kept] == ["trial-02"]
    assert [trial.losses for trial in last.trials] == [[3.0], [1.0, 0.9], [2.0, 0.8], [5.0], [4.0], [6.0]]
    assert [trial.steps for trial in last.trials] == [2, 5, 5, 2, 2, 2] and last.seconds == 8 * 3.0


def test_equal_losses_are_decided_by_id():
    assert select(race(3, 1), {f"trial-{n:02d}": result(1.0) for n in (2, 1, 0)}).winner == "trial-00"


def test_diverged_failed_and_not_finite_trials_are_out_even_where_places_are_free():
    results = {"trial-00": result(0.1, "diverged"), "trial-01": result(math.nan), "trial-02": result(7.0)}
    after = select(race(4, 3, 1), results)  # trial-03 wrote nothing
    assert after.winner == "trial-02"  # nobody else is left, although a rung is
    assert [trial.losses for trial in after.trials] == [[None], [None], [7.0], [None]]


def test_no_trial_left_is_an_error():
    with pytest.raises(LlamaFlowError) as caught:
        select(race(2, 1), {"trial-00": result(math.inf)})
    assert caught.value.exit_code == 1 and "no trial is left" in caught.value.what


LOSS = st.one_of(st.none(), st.floats(0, 20), st.sampled_from([1.0, math.nan, math.inf]))


@given(st.lists(LOSS, min_size=2, max_size=20), st.integers(2, 4), st.randoms())
@settings(deadline=None)
def test_whoever_stays_is_no_worse_than_whoever_goes(losses, keep, random):
    rungs = halvings(len(losses), keep, [0.1, 0.5])
    before = race(len(losses), *(rung.keep for rung in rungs))
    results = [(trial.id, result(loss)) for trial, loss in zip(before.trials, losses, strict=True) if loss is not None]
    if not any(math.isfinite(one.validation_loss) for _, one in results):
        return
    after = select(before, dict(results))
    stay = [trial.losses[0] for trial in after.trials if trial.kept]
    go = [trial.losses[0] for trial in after.trials if not trial.kept and trial.losses[0] is not None]
    assert 1 <= len(stay) <= rungs[0].keep and None not in stay and all(one <= other for one in stay for other in go)
    assert bool(after.winner) == (len(stay) == 1)
    random.shuffle(results)
    assert select(before, dict(results)) == after


def test_plan_writes_complete_recipes_and_the_same_bytes_again(tmp_path):
    def run(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        plan_search.main(
            ["--search", str(CONF / "search/smoke.yaml"), "--recipes", str(CONF / "recipes/smoke.yaml"), "--overrides", '{"max_steps": 5}',
             "--seed", "3", "--trials", str(folder / "trials"), "--summary", str(folder / "search.json")]
        )  # fmt: skip
        return folder

    one, other = run("one"), run("other")
    search = read_summary(one / "search.json", SearchSummary)
    assert [(trial.values, trial.seed) for trial in search.trials] == [({"lora_rank": rank}, seed) for rank in (2, 4) for seed in (17, 18)]
    assert [(rung.trials, rung.keep) for rung in search.rungs] == [(4, 2), (2, 1)] and search.name == "smoke"
    base = load_recipe(CONF / "recipes/smoke.yaml", {"max_steps": 5})
    files = sorted((one / "trials").iterdir())
    for trial, file in zip(search.trials, files, strict=True):
        assert file.stem == trial.id and set(yaml.safe_load(file.read_text())) == set(Recipe.model_fields)
        assert load_recipe(file) == base.model_copy(update=trial.values)
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in sorted((other / "trials").iterdir())]


def test_plan_takes_recipes_in_the_order_of_the_file(tmp_path, write, capsys):
    files = [tmp_path / "1" / "r.yaml", tmp_path / "2" / "r.yaml"]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(f"lora_rank: {number + 1}\n")
    search = write("recipes: [x/r.yaml, y/r.yaml]\n")
    arguments = ["--search", str(search), "--trials", str(tmp_path / "t"), "--summary", str(tmp_path / "s.json")]
    plan_search.main([*arguments, "--recipes", *map(str, files)])
    search = read_summary(tmp_path / "s.json", SearchSummary)
    assert [(trial.recipe, trial.values) for trial in search.trials] == [("x/r.yaml", {"lora_rank": 1}), ("y/r.yaml", {"lora_rank": 2})]
    assert run_step(lambda: plan_search.main([*arguments, "--recipes", str(files[0])])) == 2
    assert "names 2 recipes and 1 files were given" in capsys.readouterr().err


def test_selection_is_written_after_each_rung_and_the_summary_once(tmp_path):
    def path(name: str, value) -> Path:
        (tmp_path / name).write_text(value.model_dump_json())
        return tmp_path / name

    def run(search: Path, number: int, **losses: float) -> Path:
        trials = [f"--trial={name.replace('_', '-')}={path(f'{name}.json', result(loss))}" for name, loss in losses.items()]
        after = tmp_path / f"rung-{number}.json"
        select_trials.main(["--search", str(search), *trials, "--race", str(after), "--summary", str(tmp_path / "search.json")])
        return after

    first = run(path("before.json", race(4, 2, 1)), 1, trial_00=4.0, trial_01=3.0, trial_03=2.0)
    assert not (tmp_path / "search.json").exists()
    last = run(first, 2, trial_01=1.0, trial_03=1.5)
    assert read_summary(last, SearchSummary).winner == "trial-01"
    assert (tmp_path / "search.json").read_bytes() == last.read_bytes()
