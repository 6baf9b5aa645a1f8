"""What counts as an exploding loss, and what does not."""

from __future__ import annotations

import math

import pytest

from llamaflow.training.divergence import Watch


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_count_at_once(bad):
    assert Watch(3.0).diverged(bad) and Watch(3.0).diverged(2.0, bad)


def test_losses_far_above_the_untrained_models_count_when_they_last():
    watch = Watch(3.0)
    assert [watch.diverged(loss) for loss in (2.5, 9.0, 9.0, 2.5, 9.0, 9.0, 9.0)] == [False] * 6 + [True]
    watch.forget()
    assert [watch.diverged(loss) for loss in (9.0, 9.0, 9.0)] == [False, False, True]


def test_a_training_that_never_improves_is_not_an_explosion():
    watch = Watch(3.0)
    assert not any(watch.diverged(loss) for loss in [3.0, 3.4, 5.4, 4.9, 5.2] * 10)
