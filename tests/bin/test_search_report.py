"""The report's search section: every trial, what sets it apart, where it ended; nothing where nothing was searched."""

from __future__ import annotations

import pytest
from test_report import ATTACK, Page, build, produce

from llamaflow.reporting.search import spent
from llamaflow.summaries import SearchRung, SearchSummary, SearchTrial


def searched(**change: object) -> SearchSummary:
    """Four trials, two rungs: one diverged, one left at each rung, one won."""
    losses = [[2.5, None], [2.25], [2.4, 1.875], [None]]
    trials = [
        SearchTrial(
            id=f"trial-{n:02d}", recipe="default", values={"lora_rank": 8 * (n // 2 + 1), "method": "dora" if n % 2 else "lora"}, seed=17,
            losses=losses[n], kept=n == 2, steps=10, tokens_seen=1000,
        )
        for n in range(4)
    ]  # fmt: skip
    rungs = [SearchRung(share=0.25, trials=4, keep=2), SearchRung(share=0.5, trials=2, keep=1)]
    values = {"seconds": 61.0, "name": "small", "rungs": rungs, "compared": 2, "trials": trials, "winner": "trial-02"} | change
    return SearchSummary(**values)


def rows(page: str) -> list[str]:
    """Text of each trial's row, in the order of the page."""
    section = page.partition('<section id="search"')[2].partition("</section>")[0]
    return [" ".join(Page(row).text.split()) for row in section.partition("<tbody")[2].split("<tr")[1:]]


def test_without_a_search_there_is_no_section(tmp_path):
    page, _ = produce(build(), tmp_path)
    assert 'id="search"' not in page and '#search"' not in page


def test_every_trial_is_shown_from_the_winner_to_the_first_out(tmp_path):
    page, _ = produce({**build(), "search": searched()}, tmp_path)
    shown = rows(page)
    assert [row.partition("trial-")[2][:2] for row in shown] == ["02", "00", "01", "03"]
    said = [
        ("16", "lora", "2.400", "1.875", "winner"), ("8", "2.500", "failed or diverged at 50%"),
        ("dora", "2.250", "out at 25%"), ("failed or diverged at 25%",),
    ]  # fmt: skip
    for row, words in zip(shown, said, strict=True):
        assert all(word in row for word in words), (row, words)
    text = Page(page).text
    assert "4 trainings were compared" in text and "trial-02 was trained to its end" in text
    assert 'href="#search"' in page and "1 min 01 s" in text
    assert text.count("Seed") == 1  # all trials have one seed: only the lineage names it


def test_columns_are_what_differs(tmp_path):
    trials = [trial.model_copy(update={"seed": n, "recipe": f"r{n}.yaml", "values": {}}) for n, trial in enumerate(searched().trials)]
    page, _ = produce({**build(), "search": searched(trials=trials)}, tmp_path)
    head = Page(page.partition('<section id="search"')[2].partition("</thead>")[0]).text
    assert "Seed" in head and "Recipe" in head and "lora_rank" not in head
    assert "r2.yaml" in rows(page)[0]


def test_portuguese(tmp_path):
    page, _ = produce({**build(), "search": searched(warnings=["2 trials are equal to another one and were left out."])}, tmp_path, "pt")
    text = Page(page).text
    for words in ("Busca", "Perda em 25%", "2,400", "vencedora", "saiu em 25%", "falhou ou divergiu em 50%", "2 tentativas são iguais"):
        assert words in text, words


def test_cost_is_counted_in_whole_trainings():
    assert spent(searched()) == pytest.approx(4 * 0.25 + 2 * 0.25 + 0.5)
    early = searched(compared=1, trials=[trial.model_copy(update={"losses": trial.losses[:1]}) for trial in searched().trials])
    assert spent(early) == pytest.approx(4 * 0.25 + 0.75)


def test_names_of_a_search_stay_text(tmp_path):
    trials = [trial.model_copy(update={"recipe": ATTACK + trial.id}) for trial in searched().trials]
    page, _ = produce({**build(), "search": searched(name=ATTACK, trials=trials)}, tmp_path)
    assert "<script" not in page.partition('<section id="search"')[2].partition("</section>")[0]
    assert page.count("<svg onload") == 0
