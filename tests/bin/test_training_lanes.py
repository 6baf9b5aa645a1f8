"""Lanes: threads that train side by side compute what one does, the same bits each time, and run only where that is sure."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_packing import going_on

from llamaflow.chat import IGNORED, Encoded
from llamaflow.models import load_model
from llamaflow.recipe import Recipe

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


def example(seed: int, length: int) -> Encoded:
    """Random tokens, the last two thirds supervised."""
    import torch

    ids = torch.randint(3, 1000, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    return Encoded(ids, [IGNORED] * (length // 3) + ids[length // 3 :])


# Sizes that two lanes can share evenly, and two rows of them four.
ROWS = [[example(10 * row + i, length) for i, length in enumerate((24 + row, 23, 22, 12, 11, 10))] for row in range(6)]
RECIPES = {
    "plain": {},
    "micro-batches": {"micro_batch_size": 2},
    "dora": {"method": "dora"},
    "checkpointing": {"gradient_checkpointing": True},
    "some modules": {"target_modules": ["q_proj", "v_proj", "down_proj"]},
}


@pytest.fixture
def threads():
    """Four threads, whatever this machine has, and short lanes."""
    import torch

    from llamaflow.training import lanes

    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "LANE_TOKENS", 40)
        torch.set_num_threads(4)
        yield
    torch.set_num_threads(before)


def engine(lanes: bool = True, precision: str = "fp32", **values):
    """As bin/finetune.py composes it."""
    import torch

    from llamaflow.training.adapter import attach
    from llamaflow.training.attention import attend_by_segment
    from llamaflow.training.engine import Engine
    from llamaflow.training.kernels import fuse

    torch.manual_seed(17)
    recipe = Recipe(
        lora_rank=4, learning_rate=1e-2, warmup_ratio=0, precision=precision, max_length=64, pack_length=104, batch_size=4, **values
    )
    model = load_model(TINY, precision=precision, device="cpu")
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    model = attach(model, recipe, "tiny")
    fuse(model)
    attend_by_segment(model.get_base_model())
    made = Engine(model, recipe, ROWS, ROWS[:3], 0, 17, "cpu", 8)
    if not lanes:
        made.lanes.share = lambda micro_batches, _prefix_of: ([], micro_batches)
    return made


def in_lanes(made) -> set[str]:
    """Let an engine note which threads compute; empty as long as none did."""
    names, plain = set(), made._nats

    def noting(*args, **options):
        names.add(threading.current_thread().name)
        return plain(*args, **options)

    made._nats = noting
    return names


@pytest.mark.parametrize("name", RECIPES)
def test_lanes_learn_what_one_thread_learns(threads, name):
    import torch

    alone, shared = engine(lanes=False, **RECIPES[name]), engine(**RECIPES[name])
    assert shared.lanes.count > 1
    names = in_lanes(shared)
    assert shared.validation_loss() == pytest.approx(alone.validation_loss(), rel=1e-6)
    for step in range(3):
        wanted, got = alone.train_step(step), shared.train_step(step)
        assert got.nats.item() == pytest.approx(wanted.nats.item(), rel=1e-5) and got[2:] == wanted[2:]
        gradient = alone.weights.flat_gradients()
        assert (shared.weights.flat_gradients() - gradient).norm() <= 1e-4 * gradient.norm() > 0
        shared.weights.restore(alone.weights.snapshot())  # AdamW makes much of gradients that are almost zero
    assert names and all(one.startswith("lane") for one in names)
    assert not any(parameter.grad is not None for parameter in shared.weights.parameters)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_bits_each_time_and_after_taking_up(threads, precision):
    import torch

    def weights(*parts: range) -> torch.Tensor:
        state = None
        for part in parts:
            made = engine(precision=precision)
            if state:
                made.restore(state)
            for step in part:
                made.train_step(step)
            state = {name: value.clone() for name, value in made.state().items()}
        return torch.cat([value.flatten() for name, value in state.items() if name.startswith("weights/")])

    whole = weights(range(6))
    for _ in range(4):
        assert torch.equal(weights(range(6)), whole)
    assert torch.equal(weights(range(2), range(2, 6)), whole)


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("name", RECIPES)
def test_what_examples_begin_with_is_learned_as_if_each_computed_it(threads, monkeypatch, name, lanes):
    prefix = example(99, 11).input_ids
    monkeypatch.setattr(sys.modules[__name__], "ROWS", [[going_on(prefix, one) for one in row] for row in ROWS])
    apart, shared = engine(lanes, **RECIPES[name]), engine(lanes, **RECIPES[name])
    apart._shares_prefix = False
    computed = computing(shared)
    assert shared.validation_loss() == pytest.approx(apart.validation_loss(), rel=1e-6)
    for step in range(3):
        computed.clear()
        wanted, got = apart.train_step(step), shared.train_step(step)
        assert got.nats.item() == pytest.approx(wanted.nats.item(), rel=1e-5) and got[2:] == wanted[2:]
        assert sum(computed) <= 0.8 * got.tokens
        gradient = apart.weights.flat_gradients()
        assert (shared.weights.flat_gradients() - gradient).norm() <= 1e-4 * gradient.norm() > 0
        shared.weights.restore(apart.weights.snapshot())
    assert apart.computed_share() == 1
    computed.clear()
    shared.batches = [range(len(shared.rows))]
    outcome = shared.train_step(0)
    assert shared.computed_share() == pytest.approx(sum(computed) / outcome.tokens)


@pytest.mark.parametrize("recipe", [{"lora_dropout": 0.1}, {"neftune_alpha": 5}])
def test_examples_that_draw_random_numbers_share_nothing(threads, monkeypatch, recipe):
    prefix = example(99, 11).input_ids
    monkeypatch.setattr(sys.modules[__name__], "ROWS", [[going_on(prefix, one) for one in row] for row in ROWS])
    made = engine(**recipe)
    computed = computing(made)
    assert made.train_step(0).tokens == sum(computed) and made.computed_share() == 1


def computing(made) -> list[int]:
    """Let an engine note how many tokens go through the model in each pass."""
    counts, plain = [], made._nats

    def noting(model, batch, **options):
        counts.append(batch.real_tokens)
        return plain(model, batch, **options)

    made._nats = noting
    return counts


def test_memory_that_runs_out_in_a_lane_halves_the_micro_batch(threads):
    wanted, made = engine(), engine(micro_batch_size=4)
    plain, failed = made._nats, []

    def starving(model, batch, **options):
        if batch.real_tokens > 80:
            failed.append(threading.current_thread().name)
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return plain(model, batch, **options)

    made._nats = starving
    outcome = made.train_step(0)
    assert failed and all(name.startswith("lane") for name in failed)
    assert made.halved and made.micro_batch_size < 4
    assert outcome.nats.item() == pytest.approx(wanted.train_step(0).nats.item(), rel=1e-5)
    first, second = made.weights.flat_gradients(), wanted.weights.flat_gradients()
    assert (first - second).norm() <= 1e-4 * second.norm()


def test_an_error_is_told_when_no_lane_runs_any_more(threads):
    made, running = engine(), []

    def work(number: int) -> int:
        running.append(number)
        try:
            if number == 1:
                raise ValueError("one")
            threading.Event().wait(0.05)
            return number
        finally:
            running.remove(number)

    with pytest.raises(ValueError, match="one"):
        list(made.lanes.each(work, range(40)))
    assert not running
    assert list(made.lanes.each(lambda number: number, range(40))) == list(range(40))


@cache
def tiny():
    return load_model(TINY, precision="fp32", device="cpu")


def two_lanes():
    """Lanes of a machine with two threads."""
    import torch

    from llamaflow.training.lanes import Lanes

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        return Lanes(tiny(), Recipe(pack_length=1024), "cpu")
    finally:
        torch.set_num_threads(before)


def of_lengths(rows: list[list[int]]) -> list[list[Encoded]]:
    return [[Encoded([100 * place + number] * length, []) for number, length in enumerate(row)] for place, row in enumerate(rows)]


@given(st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=12), min_size=1, max_size=6))
def test_every_example_is_in_one_part_or_one_whole_and_parts_are_even(lengths):
    from llamaflow.packing import spread

    work = of_lengths(lengths)
    parts, whole = two_lanes().share(work)
    assert sorted(one.input_ids for some in parts + whole for one in some) == sorted(one.input_ids for row in work for one in row)
    assert [examples for examples in work if examples in whole] == whole
    sizes = [sum(len(one.input_ids) for one in part) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    if parts:
        loads = [sum(sizes[i] for i in lane) for lane in spread(sizes, 2)]
        assert max(loads) <= 1.1 * sum(loads) / 2
        assert sum(sizes[:2]) <= 1.1 * max(sum(row) for row, examples in zip(lengths, work, strict=True) if examples not in whole)


def test_what_does_not_split_evenly_is_left_to_all_threads():
    even, uneven, single = of_lengths([[9, 8, 2, 1], [9, 2, 1], [20]])
    parts, whole = two_lanes().share([single, even, uneven])
    assert [[len(one.input_ids) for one in part] for part in parts] == [[9, 1], [8, 2]]
    assert whole == [single, uneven]


ALTERNATING = """
import resource, sys
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from llamaflow.chat import Encoded
from llamaflow.recipe import Recipe
from llamaflow.training import engine
from llamaflow.training.adapter import attach
from llamaflow.training.attention import attend_by_segment
from llamaflow.training.kernels import fuse

way = sys.argv[1]
torch.set_num_threads(2)
torch.manual_seed(0)
shape = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 4, "vocab_size": 1024}
recipe = Recipe(pack_length=512, max_length=512, batch_size=1, max_steps=4)
model = attach(LlamaForCausalLM(LlamaConfig(**shape)), recipe, "random")
fuse(model)
attend_by_segment(model.get_base_model())
row = lambda *lengths: [Encoded([5] * length, [5] * length) for length in lengths]
rows = [row(250, 250), row(450, 50)] * 2  # the one in two lanes, the other by both threads together
made = engine.Engine(model, recipe, rows, rows[:1], 0, 17, "cpu", 4)
assert made.lanes.count == 2
if way == "together":
    made.lanes.share = lambda micro_batches, _prefix_of: ([], micro_batches)
if way == "kept":
    engine.release = lambda: None
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for step in range(4):
    made.train_step(step)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_lanes_and_all_threads_do_not_hold_memory_beside_each_other():
    def taken(way: str) -> int:
        # By a shell in between: Linux hands the peak memory of a process on to what it starts.
        command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", ALTERNATING, way]
        done = subprocess.run(command, capture_output=True, text=True, cwd=TINY.parents[2] / "bin")
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1])

    together = taken("together")
    assert taken("alternating") < 1.35 * together
    assert taken("kept") > 1.5 * together  # the check above would see it


@pytest.mark.parametrize(
    "values",
    [{"lora_dropout": 0.1}, {"neftune_alpha": 5}, {"quantization": "nf4"}, {"sharding": "fsdp"}, {"compiled": True}, {"device": "cuda"}],
)
def test_no_lanes_where_they_would_change_something_or_not_pay(threads, values):
    from llamaflow.training.lanes import Lanes, can_share

    model = tiny()
    assert can_share(model, Recipe(), "cpu", False) and Lanes(model, Recipe(), "cpu").count == 4
    own = {name: value for name, value in values.items() if name not in ("compiled", "device")}
    assert not can_share(model, Recipe(**own), values.get("device", "cpu"), values.get("compiled", False))
    assert Lanes(model, Recipe(pack_length=64, max_length=64), "cpu").count == 1
    assert Lanes(model, Recipe(pack_length=130, max_length=64), "cpu").count == 2  # three do not divide four threads


def test_no_lanes_where_rope_remembers_the_longest_input(threads):
    from llamaflow.training.lanes import can_share

    model = load_model(TINY, precision="fp32", device="cpu")
    model.model.rotary_emb.rope_type = "dynamic"
    assert not can_share(model, Recipe(), "cpu", False)
