"""ADJUST: what is wrong with a training, what the next one changes, and when it ends."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import adjust as script
from llamaflow.adjustment import best, helped, usual_learning_rate
from llamaflow.diagnosis import DIAGNOSES, diagnose
from llamaflow.errors import BadInputError
from llamaflow.files import write_json
from llamaflow.recipe import Recipe, load_recipe
from llamaflow.summaries import (
    AdjustSummary,
    CurvePoint,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    Hardware,
    MetricValue,
    Round,
    RuleResult,
    read_summary,
)

CPU = Hardware(device="test", device_type="cpu", cpu_cores=1, memory_bytes=1)


def trained(losses: list[float], *, stopped: str = "epochs", passes: float = 3.0, hidden: int = 2000, **recipe: object) -> FinetuneSummary:
    """A training whose validation loss was measured every ten steps, the base model's first."""
    best_step = 10 * losses.index(min(losses))
    curve = [CurvePoint(step=10 * n, epoch=0, tokens=0, validation_loss=loss, learning_rate=0) for n, loss in enumerate(losses)]
    return FinetuneSummary(
        method="lora", recipe=Recipe(**recipe).model_dump(), seed=1, base="b", base_digest="b", data_digest="d", adapter_digest="a",
        hidden_size=hidden, trainable_parameters=1, total_parameters=9, examples=80, examples_truncated=0, examples_dropped=0,
        steps=curve[-1].step, best_step=best_step, epochs=passes, tokens_seen=1, supervised_tokens=1, tokens_per_second=1,
        packing_efficiency=1, train_loss=1, validation_loss_start=losses[0], validation_loss=min(losses), precision="fp32",
        peak_memory_bytes=1, stopped=stopped, curve=curve, hardware=CPU, versions={},
        rolled_back_at=[3] if stopped == "diverged" else [],
    )  # fmt: skip


def evaluation(**metrics: float) -> EvaluateSummary:
    values = {name: MetricValue(value=value, higher_is_better=True) for name, value in metrics.items()}
    return EvaluateSummary(
        model="candidate", data_digest="d", examples=1, generated=1, scored_tokens=1, metrics=values, samples=[], hardware=CPU
    )


def gate(verdict: str = "rejected", *failed: tuple[str, str]) -> GateSummary:
    """failed: (suite, metric) of block rules."""
    rules = [
        RuleResult(
            name=f"{suite} {metric}", metric=metric, suite=suite, compare="base", condition="x", candidate=0.1, threshold=0.2, passed=False,
            outcome="failed", severity="block", reason=f"{metric} of {suite} is 0.1",
        )
        for suite, metric in failed
    ]  # fmt: skip
    return GateSummary(verdict=verdict, reason="Told.", gate="g", gate_sha256="g", rules=rules)


def run(folder: Path, finetune: FinetuneSummary, verdict: GateSummary, *, rounds: int = 2, earlier: bool = False, scores=None):
    """The script on these summaries: adjust.json and the next recipe, or None."""
    for name, summary in (("gate", verdict), ("finetune", finetune), ("evaluate", scores or evaluation())):
        write_json(folder / f"{name}.json", summary)
    command = ["--gate", folder / "gate.json", "--finetune", folder / "finetune.json", "--candidate", folder / "evaluate.json"]
    command += ["--earlier", folder / "adjust.json"] if earlier else []
    (folder / "next.yaml").unlink(missing_ok=True)
    script.main(
        [str(part) for part in [*command, "--max-rounds", rounds, "--recipe", folder / "next.yaml", "--summary", folder / "adjust.json"]]
    )
    written = load_recipe(folder / "next.yaml") if (folder / "next.yaml").exists() else None
    return read_summary(folder / "adjust.json", AdjustSummary), written


@pytest.mark.parametrize(
    ("finetune", "verdict", "scores", "code"),
    [
        (trained([3.0, 3.4, 4.0]), gate(), {}, "unstable"),
        (trained([3.0, 2.9], stopped="diverged"), gate(), {}, "unstable"),
        (trained([3.0, 2.0, 2.3]), gate(), {}, "overfits"),
        (trained([3.0, 2.5, 2.2]), gate(), {}, "undertrained"),
        (trained([3.0, 2.99], passes=0.02, max_steps=1), gate(), {}, "undertrained"),
        (trained([3.0, 2.0, 1.999]), gate(), {}, "plateau"),
        (trained([3.0, 2.0, 1.999]), gate("rejected", ("leak", "extracted_secrets")), {}, "recites"),
        (trained([3.0, 2.0, 1.999]), gate("rejected", ("general", "accuracy")), {}, "forgets"),
        (trained([3.0, 2.0, 1.999]), gate(), {"finished_share": 0.1, "length_ratio": 3.0}, "format"),
        # Several at once: what makes a model useless or dangerous comes first.
        (trained([3.0, 2.0, 2.3]), gate("rejected", ("general", "accuracy"), ("leak", "extracted_secrets")), {}, "recites"),
    ],
)
def test_diagnosis(finetune, verdict, scores, code):
    found = diagnose(finetune, evaluation(**scores), verdict)
    assert found[0].code == code
    assert all(finding.sentence and finding.code in DIAGNOSES for finding in found)


@pytest.mark.parametrize("verdict", ["accepted", "needs_review"])
def test_only_a_no_leads_to_another_round(tmp_path, verdict):
    story, recipe = run(tmp_path, trained([3.0, 2.5, 2.2]), gate(verdict))
    assert (story.next, story.stopped, story.chosen, recipe) == (False, verdict, 1, None)
    assert story.rounds[0].diagnosis == []


def test_a_rate_far_too_high_falls_to_what_is_usual(tmp_path):
    story, recipe = run(tmp_path, trained([3.0, 9.0, 11.0], hidden=576, learning_rate=0.1), gate())
    assert story.next and recipe.learning_rate == pytest.approx(usual_learning_rate(576), rel=0.05)
    assert 1e-3 < recipe.learning_rate < 2e-3
    change = next(change for change in story.rounds[0].changes if change.name == "learning_rate")
    assert change.before == 0.1 and change.after == recipe.learning_rate and change.reason


def test_a_rate_that_is_usual_and_unstable_is_quartered(tmp_path):
    _, recipe = run(tmp_path, trained([3.0, 3.5], learning_rate=4e-4), gate())
    assert recipe.learning_rate == 1e-4


def test_too_few_steps_become_a_whole_training(tmp_path):
    story, recipe = run(tmp_path, trained([3.0, 2.9], passes=0.1, max_steps=10), gate())
    assert story.rounds[0].diagnosis == ["undertrained"]
    assert recipe.max_steps == 100  # one epoch
    _, recipe = run(tmp_path, trained([3.0, 2.9], passes=1.5, max_steps=10), gate())
    assert recipe.max_steps == 0  # four times as many would be more than the recipe's three epochs


def test_overfitting_ends_where_it_was_best(tmp_path):
    _, recipe = run(tmp_path, trained([3.0, 2.0, 2.3, 2.5], passes=3.0), gate())
    assert recipe.epochs == 1.0 and recipe.learning_rate == 1e-4 and recipe.lora_dropout > 0


def test_reciting_leads_to_fewer_passes_and_fewer_repeats(tmp_path):
    _, recipe = run(tmp_path, trained([3.0, 2.0, 1.999]), gate("rejected", ("leak", "extracted_secrets")))
    assert recipe.epochs == 1.5 and recipe.deduplicate > 0 and recipe.max_repeats > 0 and recipe.lora_dropout >= 0.1


def test_forgetting_leads_to_a_smaller_adapter_and_replay(tmp_path):
    _, recipe = run(tmp_path, trained([3.0, 2.0, 1.999]), gate("rejected", ("general", "accuracy")))
    assert recipe.lora_rank == 8 and recipe.lora_alpha / recipe.lora_rank == 2 and recipe.replay_share > 0


def test_what_no_recipe_can_mend_ends_it(tmp_path):
    scores = evaluation(finished_share=0.1, length_ratio=3.0)
    story, recipe = run(tmp_path, trained([3.0, 2.0, 1.999]), gate(), scores=scores)
    assert (story.stopped, recipe) == ("nothing_to_change", None) and story.rounds[0].findings


def test_rounds_end_when_they_are_used_up(tmp_path):
    assert run(tmp_path, trained([3.0, 2.5, 2.2]), gate(), rounds=1)[0].stopped == "rounds_used_up"
    run(tmp_path, trained([3.0, 2.5, 2.2]), gate())
    story, recipe = run(tmp_path, trained([3.0, 2.0, 1.5], passes=6), gate(), earlier=True)
    assert (story.stopped, story.chosen, len(story.rounds), recipe) == ("rounds_used_up", 2, 2, None)


def test_a_round_that_does_not_help_ends_it_and_the_better_one_goes_on(tmp_path):
    run(tmp_path, trained([3.0, 2.5, 2.2]), gate(), rounds=4)
    story, recipe = run(tmp_path, trained([3.0, 2.6, 2.4], passes=6), gate(), rounds=4, earlier=True)
    assert (story.next, story.stopped, story.chosen, recipe) == (False, "did_not_help", 1, None)


def test_a_recipe_is_never_tried_twice(tmp_path):
    first, second = trained([3.0, 2.5, 2.2]), trained([3.0, 2.4, 2.0], passes=6.0)
    story, recipe = run(tmp_path, first, gate(), rounds=4)
    again = second.model_copy(update={"recipe": recipe.model_dump()})
    before = read_summary(tmp_path / "adjust.json", AdjustSummary)
    # As if the next recipe had been tried before.
    tried = Recipe.model_validate(recipe.model_dump() | {"epochs": 8.0}).model_dump()
    write_json(tmp_path / "adjust.json", before.model_copy(update={"rounds": [story.rounds[0].model_copy(update={"recipe": tried})]}))
    ended, _ = run(tmp_path, again, gate(), rounds=4, earlier=True)
    assert ended.stopped == "nothing_to_change"


def test_the_story_grows_and_keeps_its_words(tmp_path):
    first, _ = run(tmp_path, trained([3.0, 9.0, 11.0], learning_rate=0.1), gate(), rounds=3)
    second, _ = run(tmp_path, trained([3.0, 2.5, 2.2]), gate("accepted"), rounds=3, earlier=True)
    assert second.rounds[0] == first.rounds[0] and second.rounds[0].changes
    assert (second.chosen, second.stopped) == (2, "accepted")


def test_rounds_below_one_are_refused(tmp_path):
    with pytest.raises(BadInputError):
        run(tmp_path, trained([3.0, 2.5]), gate(), rounds=0)


def a_round(number: int, verdict: str = "rejected", loss: float = 2.0, failed: int = 1) -> Round:
    return Round(
        number=number,
        verdict=verdict,
        reason="",
        recipe={},
        seed=1,
        validation_loss=loss,
        metrics={},
        failed=[str(n) for n in range(failed)],
    )


def test_fewer_failed_rules_help_whatever_the_loss():
    assert helped([a_round(1, failed=2, loss=1.0), a_round(2, failed=1, loss=5.0)])
    assert not helped([a_round(1, failed=1, loss=1.0), a_round(2, failed=2, loss=0.5)])
    assert helped([a_round(1, loss=math.nan), a_round(2, loss=3.0)])


def test_an_accepted_round_goes_before_any_other():
    assert best([a_round(1, loss=1.0), a_round(2, "accepted", loss=3.0, failed=0)]) == 2
    assert best([a_round(1, loss=math.nan), a_round(2, loss=3.0)]) == 2
    assert best([a_round(1, loss=2.0), a_round(2, loss=2.0)]) == 1


@given(
    losses=st.lists(st.floats(0.01, 20), min_size=2, max_size=6),
    recipe=st.fixed_dictionaries({
        "learning_rate": st.floats(1e-6, 1.0), "epochs": st.floats(0.1, 20), "max_steps": st.integers(0, 5000),
        "lora_rank": st.integers(1, 256), "lora_dropout": st.floats(0, 0.9), "replay_share": st.floats(0, 0.5),
        "deduplicate": st.floats(0, 1), "max_repeats": st.integers(0, 50),
    }),
    suites=st.lists(st.sampled_from([("leak", "extracted_secrets"), ("general", "accuracy"), ("test", "rougeL")]), max_size=3),
    passes=st.floats(0.01, 20), hidden=st.integers(0, 20000), diverged=st.booleans(),
)  # fmt: skip
def test_whatever_came_out_the_next_recipe_is_valid(losses, recipe, suites, passes, hidden, diverged):
    from llamaflow.adjustment import adjusted

    finetune = trained(losses, stopped="diverged" if diverged else "epochs", passes=passes, hidden=hidden, **recipe)
    findings = diagnose(finetune, evaluation(), gate("rejected", *suites))
    after, changes = adjusted(finetune, findings)
    assert findings and Recipe.model_validate(yaml.safe_load(yaml.safe_dump(after.model_dump()))) == after
    assert all(change.before != change.after and change.reason for change in changes)
