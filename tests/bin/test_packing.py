"""Packing: rows hold every example once, and a packed example learns exactly what it learns alone."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.chat import IGNORED, Encoded
from llamaflow.models import load_model
from llamaflow.packing import FULL, LEAST_SHARED, collate, pack_rows, shared_prefix, spread
from llamaflow.training.attention import attend_by_segment
from llamaflow.training.loss import supervised_nats

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"


@given(st.lists(st.integers(1, 64), max_size=60), st.integers(64, 128))
def test_every_example_lies_in_one_row_and_no_row_is_too_long(lengths, capacity):
    rows = pack_rows(lengths, capacity)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    fill = [sum(lengths[index] for index in row) for row in rows]
    assert all(0 < tokens <= capacity for tokens in fill)
    # Best fit leaves no two rows that could be one: there are fewer than twice as many as would do, and a little room.
    tight = max(1, 2 * sum(lengths) / capacity)
    assert len(rows) <= math.ceil(tight / FULL)
    assert rows == pack_rows(list(lengths), capacity)


@pytest.mark.parametrize("count", [40, 400])
def test_rows_are_as_full_as_each_other_and_hold_long_and_short_examples(count):
    lengths = [round(20 * 25 ** (i / count)) for i in range(count)]  # 20 to 500 tokens, most of them short
    rows = pack_rows(lengths, 1024)
    fill = [sum(lengths[index] for index in row) for row in rows]
    assert max(fill) <= 1.04 * min(fill) and min(fill) > 0.85 * 1024
    counts = [len(row) for row in rows]
    assert max(counts) - min(counts) <= 2
    assert len(rows) <= math.ceil(sum(lengths) / 1024 / FULL) + 1


@given(st.lists(st.integers(1, 500), max_size=40), st.integers(1, 6))
def test_what_is_spread_is_as_even_as_its_longest_allows(lengths, bins):
    parts = spread(lengths, bins)
    assert len(parts) == bins and sorted(index for part in parts for index in part) == list(range(len(lengths)))
    loads = [sum(lengths[index] for index in part) for part in parts]
    assert max(loads) - min(loads) <= max(lengths, default=0)


def test_example_longer_than_a_row_is_refused():
    with pytest.raises(ValueError, match="65 tokens.*64"):
        pack_rows([3, 65], 64)


@pytest.fixture(scope="module", params=["masked", "by_segment"])
def model(request):
    """The tiny model with weights so large that context decides its guesses: a leak between examples is loud."""
    import torch

    model = load_model(TINY, precision="fp32", device="cpu")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.mul_(8)
    if request.param == "by_segment":
        attend_by_segment(model)
    return model


def example(seed: int, length: int, learned: bool = True) -> Encoded:
    """Random tokens, the second half supervised."""
    import torch

    ids = torch.randint(3, 1024, (length,), generator=torch.Generator().manual_seed(seed)).tolist()
    start = length // 2 if learned else length
    return Encoded(ids, [IGNORED] * start + ids[start:])


def nats_and_gradient(model, batches):
    """Summed nats over batches and the gradient of all weights in one vector."""
    import torch

    model.zero_grad(set_to_none=True)
    total = 0.0
    for batch in batches:
        loss = supervised_nats(model, batch)
        loss.backward()
        total += loss.item()
    return total, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def assert_same(one, other):
    """Equal up to fp32 rounding: loss to 1e-4 of itself, gradient to 1e-4 of its length."""
    assert one[0] == pytest.approx(other[0], rel=1e-4)
    assert (one[1] - other[1]).norm() <= 1e-4 * other[1].norm()
    assert other[1].norm() > 0


EXAMPLES = [example(i, length) for i, length in enumerate((5, 19, 2, 33, 8, 27, 14, 3))]


def test_packed_loss_and_gradient_are_the_sum_of_the_unpacked(model):
    alone = nats_and_gradient(model, [collate([[one]], 0) for one in EXAMPLES])
    assert_same(nats_and_gradient(model, [collate([EXAMPLES], 0)]), alone)
    rows = [[EXAMPLES[i] for i in row] for row in pack_rows([len(one.input_ids) for one in EXAMPLES], 40)]
    assert len(rows) > 1
    assert_same(nats_and_gradient(model, [collate(rows, 0)]), alone)


def test_loss_alone_is_the_plain_definition(model):
    """The reference goes through transformers' own forward with one unpadded sequence and no mask at all."""
    import torch

    plain, ours = load_model(TINY, precision="fp32", device="cpu"), 0.0
    plain.load_state_dict(model.state_dict())
    one, expected = EXAMPLES[3], 0.0
    with torch.no_grad():
        logits = plain(torch.tensor([one.input_ids])).logits[0].log_softmax(-1)
        expected = -sum(logits[t - 1, label].item() for t, label in enumerate(one.labels) if label != IGNORED)
        ours = supervised_nats(model, collate([[one]], 0)).item()
    assert ours == pytest.approx(expected, rel=1e-5)


def test_example_does_not_feel_its_neighbours(model):
    wanted = nats_and_gradient(model, [collate([[EXAMPLES[1]]], 0)])
    for seed in (50, 51):
        before, after = example(seed, 23, learned=False), example(seed + 10, 9, learned=False)
        assert_same(nats_and_gradient(model, [collate([[before, EXAMPLES[1], after]], 0)]), wanted)


def test_the_check_above_would_see_a_leak(model):
    """The same tokens as one example, so that the second half sees the first: another loss."""
    before = example(50, 23, learned=False)
    joined = Encoded(before.input_ids + EXAMPLES[1].input_ids, before.labels + EXAMPLES[1].labels)
    leaked, alone = (supervised_nats(model, collate([[one]], 0)).item() for one in (joined, EXAMPLES[1]))
    assert abs(leaked - alone) > 100 * 1e-4 * alone, (leaked, alone)


def test_padding_changes_nothing(model):
    rows = [[EXAMPLES[3]], [EXAMPLES[2]], [EXAMPLES[0], EXAMPLES[7]]]
    wanted = nats_and_gradient(model, [collate([row], 0) for row in rows])
    for pad in (0, 2, 777):
        batch = collate(rows, pad)
        assert batch.real_tokens == sum(len(one.input_ids) for row in rows for one in row)
        assert batch.supervised_tokens == sum(one.supervised for row in rows for one in row)
        assert_same(nats_and_gradient(model, [batch]), wanted)


def going_on(prefix: list[int], one: Encoded) -> Encoded:
    """An example that begins with a prefix."""
    return Encoded(prefix + one.input_ids, [IGNORED] * len(prefix) + one.labels)


@pytest.mark.parametrize("length", [LEAST_SHARED, 23, 70])
def test_what_examples_begin_with_is_computed_once_and_changes_nothing(model, length):
    prefix = example(9, length).input_ids
    examples = [going_on(prefix, one) for one in EXAMPLES]
    batch = collate([examples[:3], examples[3:]], 0, prefix=shared_prefix(examples))
    tokens, once = (sum(len(one.input_ids) for one in some) for some in (examples, EXAMPLES))
    assert (batch.real_tokens, batch.supervised_tokens) == (once + length, sum(one.supervised for one in examples)) and once < tokens
    assert_same(nats_and_gradient(model, [batch]), nats_and_gradient(model, [collate([[one]], 0) for one in examples]))


tokens = st.lists(st.integers(3, 5), max_size=30)


@given(tokens, st.lists(st.tuples(tokens.filter(bool), st.integers(0, 60)), max_size=6))
def test_a_shared_prefix_is_the_longest_in_which_nothing_is_learned(begin, others):
    examples = [Encoded(begin + rest, [IGNORED] * min(learned, len(begin + rest)) + (begin + rest)[learned:]) for rest, learned in others]

    def fits(length: int) -> bool:
        """Whether all begin with the same tokens, none of which predicts what is learned, and each goes on."""
        alike = all(one.input_ids[:length] == examples[0].input_ids[:length] and len(one.input_ids) > length for one in examples)
        return alike and all(label == IGNORED for one in examples for label in one.labels[1 : length + 1])

    lengths = [length for length in range(LEAST_SHARED, 61) if len(examples) > 1 and fits(length)]
    assert shared_prefix(examples) == max(lengths, default=0)


def test_one_pass_of_eight_rows_equals_eight_passes_of_one(model):
    rows = [[one, example(100 + i, 11)] for i, one in enumerate(EXAMPLES)]
    one_by_one = nats_and_gradient(model, [collate([row], 0) for row in rows])
    assert_same(nats_and_gradient(model, [collate(rows, 0)]), one_by_one)
    assert_same(nats_and_gradient(model, [collate(rows[:4], 0), collate(rows[4:], 0)]), one_by_one)
