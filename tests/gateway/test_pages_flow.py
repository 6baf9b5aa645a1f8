"""The picture of a run's progress, from the counts that the worker writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages_seed import count, trained

from gateway.pages import metrics
from gateway.pages.flow import Phase, Step, picture
from gateway.runs.states import State

TRAIN = {"run_name": "x"}
GOING = State.RUNNING


def shape(phases: list[Phase]) -> dict[str, list[str]]:
    return {f"{phase.key}{phase.number or ''}": [f"{step.process}:{step.state}" for step in phase.steps] for phase in phases}


def test_before_anything_ran_the_whole_way_is_drawn():
    assert shape(picture({}, TRAIN, GOING)) == {
        "data": ["PREFLIGHT:waiting", "PREPARE:waiting", "ANONYMIZE:waiting", "SPLIT:waiting"],
        "base": ["FETCH_BASE:waiting", "EVALUATE:waiting"],
        "round1": ["FINETUNE:waiting", "EVALUATE:waiting", "GATE:waiting"],
        "release": ["REGISTER:waiting", "REPORT:waiting"],
    }


def test_what_was_asked_for_beside_it_is_drawn_too():
    drawn = shape(picture({}, TRAIN | {"search": "conf/search/small.yaml", "export": True}, GOING))
    assert list(drawn) == ["data", "base", "search", "round1", "release"] and "EXPORT:waiting" in drawn["release"]
    drift = shape(picture({"PREPARE_REFERENCE": count()}, {"mode": "drift"}, GOING))
    assert list(drift) == ["reference", "production", "drift"] and drift["reference"][0] == "PREPARE_REFERENCE:done"


def test_rounds_are_rows_and_the_base_models_evaluation_is_none_of_them():
    drawn = shape(picture(trained(2, last_running=True), TRAIN, GOING))
    assert drawn["base"] == ["FETCH_BASE:done", "EVALUATE:done"]
    assert drawn["round1"] == ["FINETUNE:done", "EVALUATE:done", "COMPARE:done", "GATE:done", "ADJUST:done"]
    assert drawn["round2"] == ["FINETUNE:running", "EVALUATE:waiting", "GATE:waiting"]


def test_detail_belongs_to_the_round_that_runs():
    phases = {f"{phase.key}{phase.number}": phase for phase in picture(trained(2, last_running=True), TRAIN, GOING)}
    assert phases["round1"].steps[0].detail == {} and phases["round2"].steps[0].detail["loss"] == 1.3172
    assert phases["round2"].steps[0].share == pytest.approx(148 / 240)


def test_the_base_evaluation_while_a_round_evaluates():
    progress = {"EVALUATE": count(1, 1, rounds={"1": count(0, 1)}, detail={"done": 3, "total": 9})}
    phases = {phase.key: phase for phase in picture(progress, TRAIN, GOING)}
    assert [step.state for step in phases["base"].steps] == ["waiting", "done"] and phases["base"].steps[1].detail == {}
    assert phases["round"].steps[1].detail == {"done": 3, "total": 9}


def test_shards_and_attempts():
    (step,) = [
        step
        for phase in picture({"ANONYMIZE": count(13, 4, 1, total=32)}, TRAIN, GOING)
        for step in phase.steps
        if step.process == "ANONYMIZE"
    ]
    assert (step.state, step.tasks, step.share) == ("running", 32, pytest.approx(13 / 32))
    assert (
        Step("X", done=1, failed=1).state == "done"
        and Step("X", failed=1).state == "failed"
        and Step("X", done=2, cached=2).state == "cached"
    )


def test_a_run_that_ended_has_nothing_running_or_waiting():
    failed = picture({"PREPARE": count(), "ANONYMIZE": count(5, 1, 0)}, TRAIN, State.CANCELED)
    states = {step.state for phase in failed for step in phase.steps}
    assert states == {"done", "stopped", "skipped"}
    succeeded = picture(trained(1) | {"REGISTER": count(), "REPORT": count()}, TRAIN | {"export": True}, State.COMPLETE)
    assert {step.state for phase in succeeded for step in phase.steps} == {"done"}  # what was not needed is not drawn


def test_the_failure_that_ended_the_run_is_told_from_one_that_was_tried_again():
    progress = {"PREPARE": count(1, 0, 1), "ANONYMIZE": count(5, 0, 1)}
    assert [step.state for step in picture(progress, TRAIN, State.EXECUTOR_ERROR)[0].steps] == ["skipped", "done", "failed", "skipped"]
    assert [step.state for step in picture(progress, TRAIN, GOING)[0].steps] == ["waiting", "done", "done", "waiting"]
    rounds = trained(2) | {"GATE": count(1, 0, 1, rounds={"1": count(), "2": count(0, 0, 1)})}
    assert [phase.state for phase in picture(rounds, TRAIN, State.EXECUTOR_ERROR) if phase.key == "round"] == ["done", "failed"]


def test_new_processes_are_drawn_at_the_end():
    assert shape(picture({"SIGN": count()}, TRAIN, GOING))["other"] == ["SIGN:done"]


counts = st.fixed_dictionaries(
    {}, optional={name: st.one_of(st.integers(-3, 10**9), st.none()) for name in ("done", "running", "failed", "cached", "total")}
)
entries = st.one_of(
    counts,
    st.none(),
    st.integers(),
    st.builds(
        lambda one, rounds: one | {"rounds": rounds, "detail": {"total": 0}},
        counts,
        st.dictionaries(st.sampled_from(["1", "2", "x"]), counts),
    ),
)


@given(st.dictionaries(st.sampled_from(["FINETUNE", "EVALUATE", "ANONYMIZE", "GATE", "TRIAL", "OTHER"]), entries), st.sampled_from(State))
def test_whatever_stands_in_the_database_can_be_drawn(progress, state):
    for phase in picture(progress, TRAIN, state):
        assert phase.state and all(step.state and (step.share is None or 0 <= step.share <= 1) for step in phase.steps)


def test_metrics_of_broken_summaries():
    for broken in (
        {},
        {"gate": None, "compare-base": [], "evaluate-candidate": {"metrics": None, "suites": None}},
        {"evaluate-base": 3, "gate": {"rules": [1, {}]}},
    ):
        assert (
            metrics.scores(broken) == []
            and len(metrics.rules(broken)) <= 1
            and metrics.features(broken) == []
            and metrics.facts(broken) == {}
        )


def test_scores_in_the_order_that_people_look_at_them():
    def scored(**values):
        return {
            "metrics": {name: {"value": value} for name, value in values.items()},
            "suites": {"leak": {"metrics": {"leak_rate": {"value": 0.0}}}},
        }

    summaries = {
        "evaluate-candidate": scored(latency_p50_ms=3.0, chrf=30.0, perplexity=9.0),
        "evaluate-base": scored(perplexity=12.0),
        "compare-base": {"differences": [{"suite": "test", "metric": "perplexity", "verdict": "better"}]},
    }
    found = metrics.scores(summaries)
    assert [one.name for one in found] == ["perplexity", "chrf", "leak_rate", "latency_p50_ms"]
    assert (found[0].base, found[0].production, found[0].verdict) == (12.0, None, "better")
