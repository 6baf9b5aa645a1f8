"""The report's story of the rounds: what changed and why, what came out, what was concluded, and why the loop ended."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import CURED, a_round, adjusted, evaluated, given_up, same, unstable_round
from test_evaluation_report import rows, section
from test_report import Page, build, produce

from llamaflow import diagnosis
from llamaflow.adjustment import adjusted as next_recipe
from llamaflow.recipe import Recipe
from llamaflow.reporting.numbers import Numbers
from llamaflow.reporting.round_chart import HEIGHT, WIDTH, round_chart
from llamaflow.reporting.rounds_strings import DIAGNOSES, FIELDS, REASONS
from llamaflow.reporting.sentences import in_language
from llamaflow.summaries import AdjustSummary


def page_of(run, folder, language="en") -> str:
    return section(produce(run, folder, language)[0], "rounds")


@pytest.mark.parametrize(
    ("run", "language", "sentence"),
    [
        (
            adjusted,
            "en",
            "Round 1 was rejected because its training was unstable; the learning rate was lowered (0.02 → 0.0002); the warm-up was raised "
            "(0 → 0.1); round 2 passed.",
        ),
        (
            adjusted,
            "pt",
            "A rodada 1 foi reprovada porque o treinamento foi instável; a taxa de aprendizado foi reduzida (0,02 → 0,0002); o aquecimento "
            "foi aumentado (0 → 0,1); a rodada 2 foi aprovada.",
        ),
        (
            given_up,
            "en",
            "Round 1 was rejected because its training was unstable; the learning rate was lowered (0.02 → 0.0002); the warm-up was raised "
            "(0 → 0.1); round 2 was rejected because it was trained too little; the number of epochs was raised (3 → 5); round 3 was "
            "rejected because it had learned what this recipe can teach; the model of round 2 goes on.",
        ),
    ],
)
def test_one_sentence_tells_the_story_on_page_and_terminal(run, language, sentence, tmp_path):
    page, text = produce(run(), tmp_path, language)
    assert sentence in Page(page.partition("<nav")[0]).text and sentence in " ".join(text.split())


def test_an_unknown_diagnosis_falls_back_to_the_rules(tmp_path):
    run = adjusted()
    run["adjust"].rounds[0].diagnosis = ["format of the moon"]
    told = " ".join(produce(run, tmp_path)[1].split())
    assert "Round 1 was rejected because the rules “perplexity-improves”, “rouge-does-not-fall” did not hold;" in told
    assert "format of the moon" in Page(page_of(run, tmp_path / "again")).text


def test_a_round_shows_what_it_was_trained_with_and_what_was_concluded(tmp_path):
    articles = [Page(part).text for part in re.findall(r"<article.*?</article>", page_of(given_up(), tmp_path), re.S)]
    assert [text.split()[1] for text in articles] == ["1", "2", "3"]
    for piece in (
        ("Rejected", "Learning rate 0.02", "Number of epochs 3", "Validation loss 8.931", "Unstable training"),
        ("chosen", "The learning rate was lowered (0.02 → 0.0002). Steps were too large.", "Trained too little", "Forgets what"),
        ("The number of epochs was raised (3 → 5). Validation loss was still falling.", "Also different", "Seed 17 → 18"),
    ):  # fmt: skip
        text = articles.pop(0)
        assert all(words in text for words in piece), (piece, text)
    assert "chosen" not in text


def test_changes_that_nobody_gave_a_reason_for_are_shown(tmp_path):
    run = adjusted()
    run["adjust"].rounds[1].recipe = CURED | {"lora_rank": 8, "new_field": "x"}
    text = Page(page_of(run, tmp_path)).text
    assert "Also different from the round before LoRA rank 16 → 8 New_field – → x" in text


def test_numbers_by_round_are_the_summaries(tmp_path):
    page = page_of(given_up(), tmp_path)
    table = {row[0]: row[1:] for row in rows(page)}
    assert table["Metric"] == ["Round 1", "Round 2", "Round 3"]
    assert table["Validation loss"] == ["8.931", "1.910", "1.930"] and table["ROUGE-L"] == ["0.0121", "0.2101", "0.2090"]
    assert table["Perplexity"] == ["7,563.2", "13.4", "13.6"]
    # Most rounds failed by ROUGE-L, so that is what is drawn, with the limit of its rule.
    assert 'aria-label="ROUGE-L by round: 1: 0.0121, 2: 0.2101, 3: 0.2090; at least 0.2186"' in page


def test_one_accepted_round_has_no_story(tmp_path):
    run = evaluated()
    run["adjust"] = AdjustSummary(rounds=[a_round(1, "accepted")], max_rounds=2, next=False, chosen=1, stopped="accepted")
    page, text = produce(run, tmp_path)
    assert not section(page, "rounds") and "Rounds" not in text and "#rounds" not in page
    assert produce(build(), tmp_path / "without")[0].count("Round ") == 0


def test_one_rejected_round_is_told_in_short(tmp_path):
    page = page_of(same(), tmp_path)
    assert page.count("<article") == 1 and '<svg class="chart' not in page
    text = Page(page).text
    assert (
        "One round was trained." in text
        and "Nothing more to learn this way" in text
        and "Nothing in the recipe promises to mend it" in text
    )


@pytest.mark.parametrize(
    ("stopped", "english", "portuguese"),
    [
        ("accepted", "The gate accepted this round", "Os critérios foram cumpridos"),
        ("rounds_used_up", "All rounds that were allowed are used up.", "Todas as rodadas permitidas foram usadas."),
        ("did_not_help", "The last change did not help", "A última mudança não ajudou"),
        ("nothing_to_change", "Nothing in the recipe promises", "Nada na receita promete"),
        ("needs_review", "A person has to decide first", "Uma pessoa precisa decidir primeiro"),
        ("", "Another round follows.", "Outra rodada segue."),
    ],
)
def test_why_it_ended_is_told(stopped, english, portuguese, tmp_path):
    run = given_up()
    run["adjust"].stopped = stopped
    assert english in Page(page_of(run, tmp_path / "en")).text and portuguese in Page(page_of(run, tmp_path / "pt", "pt")).text


def test_a_chosen_round_of_another_verdict_is_a_contradiction(tmp_path):
    run = adjusted()
    run["adjust"].chosen = 1
    assert "ADJUST chose round 1, which was Rejected, but the gate shown here decided Accepted." in Page(produce(run, tmp_path)[0]).text
    assert "ADJUST chose" not in Page(produce(adjusted(), tmp_path / "sound")[0]).text


def test_a_page_in_portuguese_has_no_english_sentence(tmp_path):
    for number, run in enumerate((adjusted(), given_up(), same())):
        text = Page(page_of(run, tmp_path / str(number), "pt")).text
        assert not re.search(r"\b(the|was|and|fell|rose|steps?|training|loss)\b", text.replace("early stopping", "")), text
        assert 'lang="en"' not in page_of(run, tmp_path / f"again-{number}", "pt")


def test_a_finding_that_is_not_known_is_marked_as_english(tmp_path):
    run = adjusted()
    run["adjust"].rounds[0].findings = ["a sentence of tomorrow's version"]
    assert '<li lang="en">A sentence of tomorrow' in page_of(run, tmp_path, "pt")
    assert 'lang="en">A sentence' not in page_of(run, tmp_path / "en")


def test_every_diagnosis_field_and_reason_is_known():
    assert set(DIAGNOSES) == set(diagnosis.DIAGNOSES)
    assert {*Recipe.model_fields, "seed"} == set(FIELDS)
    for english, portuguese, article in FIELDS.values():
        assert english and portuguese.startswith(f"{article} ") and article in ("o", "a")
    finetune = build()["finetune"]
    recipes = [
        Recipe(epochs=epochs, max_steps=steps, lora_rank=rank, learning_rate=rate, max_grad_norm=norm)
        for epochs, steps, rank, rate, norm in itertools.product((1, 9), (0, 10, 900), (4, 128), (1e-5, 0.05), (1.0, 5.0))
    ]
    seen = set()
    for code, recipe, losses in itertools.product(diagnosis.DIAGNOSES, recipes, ((2.9, 2.89), (2.9, 1.7))):
        trained = {"recipe": recipe.model_dump(), "validation_loss_start": losses[0], "validation_loss": losses[1]}
        changes = next_recipe(finetune.model_copy(update=trained), [diagnosis.Finding(code, "")])[1]
        seen |= {(code, change.name) for change in changes}
    assert seen == set(REASONS), seen ^ set(REASONS)


def test_findings_of_the_diagnosis_are_translated():
    finetune, candidate, gate = build()["finetune"], build()["evaluate"][1], build("rejected")["gate"]
    point = finetune.curve[0]

    def found(losses, **change):
        curve = [point.model_copy(update={"step": 10 * (n + 1), "validation_loss": loss}) for n, loss in enumerate(losses)]
        values = {"curve": curve, "validation_loss_start": 3.0, "stopped": "epochs", "steps": 10 * len(losses)} | change
        return diagnosis.diagnose(finetune.model_copy(update=values), candidate, gate)

    stories = [
        found([9.0, 8.0], best_step=0), found([2.0, 1.5, 2.5], best_step=20), found([2.0, 1.0], best_step=20),
        found([2.0, 2.0], best_step=20),
        found([2.0], stopped="diverged", recipe={"learning_rate": 0.02}), found([2.0], rolled_back_at=[7], recipe={"learning_rate": 0.02}),
    ]  # fmt: skip
    sentences = {finding.sentence for story in stories for finding in story}
    assert len(sentences) == len(stories)
    for sentence in sentences:
        there = in_language(sentence, "pt")
        assert there != sentence and not re.search(r"\b(the|loss|steps|rose|fell)\b", there), there
        assert re.findall(r"\d+", there) == re.findall(r"\d+", sentence)


@given(
    st.lists(st.floats(1e-9, 1e9) | st.floats(-1e3, 1e3), min_size=1, max_size=8),
    st.none() | st.floats(-1e3, 1e6),
)
@settings(max_examples=150, deadline=None)
def test_a_chart_by_round_draws_inside_its_frame(values, limit):
    n = Numbers("en")
    chart = round_chart(
        list(enumerate(values, 1)), n.value, title="t", log_title="l", limit=limit, said="at least", label="x", name=str, chosen=1
    )
    assert Page(chart).problems == [] and "nan" not in chart and chart.count('class="dot') == len(values)
    for across, down in re.findall(r'c?x="(-?[\d.]+)" c?y="(-?[\d.]+)"', chart):
        assert 0 <= float(across) <= WIDTH and 0 <= float(down) <= HEIGHT
    spots = [float(down) for down in re.findall(r'<circle class="dot validation" cx="[\d.]+" cy="([\d.]+)"', chart)]
    # A higher number never stands lower.
    assert all(one <= other + 0.11 for (a, one), (b, other) in itertools.permutations(zip(values, spots, strict=True), 2) if a >= b)


def test_the_fixture_of_an_unstable_round_is_one():
    assert unstable_round().diagnosis == ["unstable"] and unstable_round().changes[0].name == "learning_rate"
