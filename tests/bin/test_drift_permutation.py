"""The joint test holds its level for dependent, skewed, discrete and constant features, and sees what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.drift.permutation import decide, draw_labels, surprise


def null_statistics(random: np.random.Generator, draws: int) -> np.ndarray:
    """Exchangeable draws of six features: two of them alike, one heavy-tailed, one with three values, one constant."""
    base = np.abs(random.normal(size=draws))
    other = base + 0.1 * random.normal(size=draws)
    return np.stack(
        [base, other, random.exponential(size=draws) ** 2, random.integers(0, 3, draws) / 3, np.full(draws, 0.5), random.random(draws)]
    )


def test_false_alarms_are_as_many_as_stated():
    random, alpha, times = np.random.default_rng(1), 0.1, 2000
    alarms = sum(decide(null_statistics(random, 100), alpha).p <= alpha for _ in range(times))
    # Exact: at most 10 %, and not far below it, else power is wasted. Four standard errors.
    error = 4 * (alpha * (1 - alpha) / times) ** 0.5
    assert alpha - 0.02 - error < alarms / times < alpha + error


def test_one_feature_that_moved_is_named_and_the_others_are_not():
    random = np.random.default_rng(2)
    statistics = null_statistics(random, 1000)
    statistics[5, 0] = 3.0
    found = decide(statistics, 0.01)
    assert found.p == found.adjusted[5] == 0.001
    assert (np.delete(found.adjusted, 5) > 0.01).all()
    assert found.alone[4] == found.adjusted[4] == 1.0  # a constant says nothing


def test_adjusted_values_are_never_below_those_alone_and_follow_their_order():
    for seed in range(20):
        found = decide(null_statistics(np.random.default_rng(seed), 200), 0.05)
        assert (found.adjusted >= found.alone - 1e-12).all()
        assert found.p == found.adjusted.min()


@pytest.mark.parametrize("feature", [0, 2, 5])
def test_detectable_is_where_significance_begins(feature: int):
    statistics = null_statistics(np.random.default_rng(3), 2000)
    statistics[:, 0] = np.median(statistics, axis=1)
    edge = decide(statistics, 0.05).detectable[feature]
    for factor, significant in ((1.1, True), (0.9, False)):
        moved = statistics.copy()
        moved[feature, 0] = edge * factor
        assert (decide(moved, 0.05).adjusted[feature] <= 0.05) == significant


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, allow_nan=False), min_size=100, max_size=200))
def test_surprise_never_falls_as_the_statistic_grows(values: list[float]):
    row = np.array(values)
    scores = surprise(row[None])[0]
    order = np.argsort(row, kind="stable")
    assert np.isfinite(scores).all() and (scores >= -1e-9).all()
    assert (np.diff(scores[order]) >= -1e-6).all()


def test_groups_stay_together_and_the_first_column_is_the_truth():
    groups = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
    production = np.array([1, 1, 0, 0, 0, 0, 1, 0, 1, 0], bool)
    labels = draw_labels(production, groups, 200, seed=5)
    assert (labels[:, 0] == production).all()
    for group in range(7):
        assert (labels[groups == group] == labels[groups == group][:1]).all()
    firsts = labels[[0, 2, 3, 6, 7, 8, 9]]
    assert (firsts.sum(axis=0) == 3).all() and len(np.unique(firsts, axis=1).T) > 20
    assert (labels == draw_labels(production, groups, 200, seed=5)).all()
