"""The report of runs with suites, comparisons, a model in use and rounds: sound pages, no number but the summaries' own."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
import test_report
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import CASES, CATEGORIES, NUMBERS, SIDES, evaluated, scored, suite
from test_report import ATTACK, BIN, Page, build, produce, write

import report
from llamaflow.errors import BadInputError
from llamaflow.evaluation.perturb import CATEGORIES as PERTURBATIONS
from llamaflow.metrics import METRICS
from llamaflow.reporting import names, strings
from llamaflow.reporting.numbers import MINUS, Numbers, decimals_for
from llamaflow.summaries import Difference, EvaluateSummary, Utilisation

LANGUAGES = ("en", "pt")


@pytest.fixture(scope="module", params=itertools.product(CASES, LANGUAGES), ids="-".join)
def written(request, tmp_path_factory):
    """(case, language, page, closing text)."""
    case, language = request.param
    return case, language, *produce(CASES[case](), tmp_path_factory.mktemp("report"), language)


def section(page: str, key: str) -> str:
    """Markup of one section; '' where the page has none."""
    found = re.search(rf'<section id="{key}".*?</section>', page, re.S)
    return found[0] if found else ""


def rows(markup: str) -> list[list[str]]:
    """Text of every cell of every table row."""
    parts = re.findall(r"<tr\b.*?</tr>", markup, re.S)
    return [[Page(cell).text for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", part, re.S)] for part in parts]


def number(text: str) -> float:
    """The first number of an English cell."""
    return float(re.search(rf"[{MINUS}+]?[\d,]*\.?\d+(?:e-?\d+)?", text)[0].replace(",", "").replace(MINUS, "-"))


def test_every_case_is_a_sound_page(written):
    test_report.test_page_is_well_formed(written)
    test_report.test_page_loads_nothing(written)
    test_report.test_page_is_accessible(written)
    test_report.test_no_internals_are_shown(written)


def test_headings_go_down_one_by_one(written):
    levels = [int(tag[1]) for tag, _attributes in Page(written[2]).elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), levels


def test_every_link_of_the_navigation_leads_to_a_section_and_every_section_has_one(written):
    links = re.findall(r'href="#([\w-]+)"', written[2].partition("<nav")[2].partition("</nav>")[0])
    assert links == [key for key in re.findall(r'<section id="([\w-]+)"', written[2]) if key != "preflight"]


def test_charts_have_text_in_their_place_and_hold_no_word_of_the_other_language(written):
    _case, language, page, _text = written
    for label in re.findall(r'role="img" aria-label="(.*?)"', page, re.S):
        assert not re.search(
            r"\b(better|worse|round|at least)\b" if language == "pt" else r"\b(melhor|pior|rodada|no mínimo)\b", label, re.I
        )


def test_closing_text_fits_a_terminal(written):
    lines = written[3].splitlines()
    assert all(len(line) <= 100 for line in lines) and not any(ord(char) < 32 for char in written[3].replace("\n", ""))
    if written[0] != "attack":
        assert len(lines) <= 36


def test_hostile_text_stays_text(tmp_path):
    page, _text = produce(CASES["attack"](), tmp_path)
    assert "<script" not in page and "<img" not in page and "onload=alert(2)>" not in page and "onerror=alert(1)>" not in page
    # Shown in the table of a suite, a wrong answer, a rule, a change, a diagnosis, a finding and the name of the model in use.
    for key in ("suites", "gate", "rounds", "metrics"):
        assert " ".join(ATTACK.split()) in Page(section(page, key)).text, key
    assert "{{ 7*7 }}" in section(page, "rounds")


@pytest.mark.parametrize("case", ["adjusted and accepted", "rejected after all rounds"])
def test_any_order_of_inputs_gives_the_same_bytes(case, tmp_path):
    first, again = produce(CASES[case](), tmp_path / "a"), CASES[case]()
    again["compare"].reverse()
    again["evaluate"].reverse()
    for side in [*again["evaluate"], again["production"]]:
        side.suites = dict(reversed(side.suites.items()))
    assert produce(dict(reversed(again.items())), tmp_path / "b") == first


@pytest.mark.parametrize(
    "left_out", [set(one) for n in range(5) for one in itertools.combinations(("compare", "production", "adjust", "suites"), n)]
)
def test_it_works_without_each_optional_input(left_out, tmp_path):
    run = CASES["adjusted and accepted"]()
    for key in left_out - {"suites"}:
        del run[key]
    if "suites" in left_out:
        for side in [*run["evaluate"], *([run["production"]] if "production" in run else [])]:
            side.suites = {}
    page, text = produce(run, tmp_path)
    assert Page(page).problems == []
    assert bool(section(page, "rounds")) == ("adjust" not in left_out) == ("Rounds" in text)
    assert bool(section(page, "leak")) == ("suites" not in left_out) == ("Leak test" in text)
    assert bool(section(page, "suites")) == ("suites" not in left_out or "compare" not in left_out)
    if {"compare", "production"} <= left_out:
        assert "In use" not in Page(section(page, "metrics")).text


def test_numbers_of_suites_are_those_of_the_summaries(tmp_path):
    run = evaluated()
    page = section(produce(run, tmp_path)[0], "suites")
    n = Numbers("en")
    for name, metrics in NUMBERS.items():
        card = next(part for part in page.split('<div class="card suite">')[1:] if f"<h3>{names.suite_name(name, '', 'en')}<" in part)
        table = {row[0].split(" lower")[0].split(" higher")[0]: row for row in rows(card.partition("</table>")[0])[1:]}
        assert len(table) == len(metrics)
        for metric, (base, used, candidate, _higher, half) in metrics.items():
            decimals = decimals_for(base, used, candidate)
            row = table[names.name(metric, "en")]
            for cell, value in zip(row[1:4], (base, used, candidate), strict=True):
                assert cell.startswith(n.value(value, decimals))
            difference = candidate - base
            low, high = (n.value(bound, decimals, signed=True) for bound in (difference - half, difference + half))
            assert n.value(difference, decimals, signed=True) in row[4] and f"{low} to {high}" in row[4]
            sure = not difference - half <= 0 <= difference + half
            assert (row[5] == "no difference") == (not sure) and n.value(candidate - used, decimals, signed=True) in row[6]


@given(st.lists(st.floats(1e-3, 1e6), min_size=3, max_size=3), st.floats(1e-3, 1e3), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_row_can_be_read_back(tmp_path_factory, values, half, higher):
    run = evaluated()
    row = {"rouge1": (*values, higher, half)}
    for side in [*run["evaluate"], run["production"]]:
        side.suites = {"general": suite("general", side.model, row)}
    moved = values[2] - values[0]
    verdict = "no difference" if abs(moved) <= half else "better" if (moved > 0) == higher else "worse"
    found = Difference(
        suite="general", metric="rouge1", examples=9, clusters=9, reference=values[0], candidate=values[2], difference=moved,
        low=moved - half, high=moved + half, difference_quantiles={}, ratio_quantiles={}, candidate_quantiles={}, verdict=verdict,
    )  # fmt: skip
    run["compare"] = [run["compare"][0].model_copy(update={"differences": [found]})]
    page = section(produce(run, tmp_path_factory.mktemp("wild"))[0], "suites")
    cells = next(row for row in rows(page) if row[0].startswith("ROUGE-1"))
    largest = max(values)
    for cell, value in zip(cells[1:4], values, strict=True):
        assert number(cell) == pytest.approx(value, rel=1e-2, abs=largest * 6e-4)
    assert number(cells[4]) == pytest.approx(moved, rel=1e-2, abs=largest * 6e-4)
    assert cells[5].startswith(verdict)


def test_categories_are_shown_with_their_numbers(tmp_path):
    run = evaluated()
    page = section(produce(run, tmp_path)[0], "suites")
    n, cells = Numbers("en"), {row[0]: row for row in rows(page)}
    for name, keys in CATEGORIES.items():
        for key in keys:
            sides = [side.suites[name].categories[key]["accuracy"].value for side in (run["evaluate"][1], run["evaluate"][0])]
            decimals = decimals_for(
                *(scores.categories[other]["accuracy"].value for scores in (suite(name, s) for s in SIDES) for other in keys)
            )
            shown = cells[names.category_name(key, "en")][1]
            assert shown.startswith(n.value(sides[0], decimals)) and f"Base {n.value(sides[1], decimals)}" in shown


def test_wrong_answers_are_shown_and_none_is_invented(tmp_path):
    run = evaluated()
    run["evaluate"][0].suites["edge"].samples = run["evaluate"][0].suites["edge"].samples[:1]
    page = section(produce(run, tmp_path)[0], "suites")
    card = Page(next(part for part in page.split('<div class="card suite">') if "<h3>Edge cases<" in part)).text
    assert all(f"candidate says {n} to edge" in card for n in range(3))
    # The base model answered the others, too; only its answers are not in the summary.
    assert "base says 0 to edge" in card and "base says 1" not in card and "not generated" not in card


def test_models_that_answered_different_items_are_told_apart(tmp_path):
    run = evaluated()
    run["evaluate"][1].suites["edge"].digest = "0" * 64
    text = Page(produce(run, tmp_path)[0]).text
    assert "The models were asked different questions" in text and "different items of Edge cases" in text
    assert "different items" not in Page(produce(evaluated(), tmp_path / "sound")[0]).text


def test_a_comparison_of_other_numbers_is_told(tmp_path):
    run = evaluated()
    run["compare"][0].differences[0].candidate += 1
    name = names.name(run["compare"][0].differences[0].metric, "en")
    assert f"COMPARE and EVALUATE have different numbers for {name}." in Page(produce(run, tmp_path)[0]).text
    assert "different numbers" not in Page(produce(evaluated(), tmp_path / "sound")[0]).text


def test_speed_is_told_apart_and_as_what_it_is(tmp_path):
    run = evaluated()
    page = produce(run, tmp_path)[0]
    quality, speed = section(page, "metrics").split("Speed and memory when answering</h3>")
    assert "95th percentile latency" in speed and "latency" not in quality.lower()
    assert not re.search(r">(better|worse)<", speed) and "Measured on AMD EPYC 9474F" in speed
    assert "The speed of the model in use was measured in an earlier run." in speed
    run["evaluate"][1].hardware = run["evaluate"][1].hardware.model_copy(update={"device": "NVIDIA H200"})
    assert "different machines (AMD EPYC 9474F; NVIDIA H200)" in produce(run, tmp_path / "other")[0]


def test_cached_evaluations_are_told(tmp_path):
    run = evaluated(production=False)
    assert "earlier run" not in Page(produce(run, tmp_path)[0]).text
    run["evaluate"][0].cached = True
    english, portuguese = (Page(produce(run, tmp_path / language, language)[0]).text for language in LANGUAGES)
    assert (
        "The numbers of the base model were taken from an earlier run: same weights" in english
        and "Evaluate base from an earlier run" in english
    )
    assert "Os números do modelo base vieram de uma execução anterior" in portuguese


def test_use_of_the_machine_is_shown(tmp_path):
    text = Page(section(produce(evaluated(), tmp_path)[0], "resources")).text
    for piece in (
        "Share of the machine's peak 41.3% of 231.7 GFLOP/s measured", "CPU load 91% on average; peak 100%",
        "Peak memory 2.6 GB 2.3 GB 90%",
        "Time 24 min 06 s 21 min 45 s 90%", "interrupted 1 time and taken up again at step 120.",
    ):  # fmt: skip
        assert piece in text, piece
    load = Utilisation(samples=9, cpu_mean=0.2, cpu_peak=0.4, gpu_mean=0.93, gpu_peak=1.0, gpu_memory_peak=0.61, energy_joules=720_000)
    run = build(finetune={"utilisation": load, "out_of_memory": 2, "micro_batch_size": 2, "rolled_back_at": [40]})
    text = Page(section(produce(run, tmp_path / "gpu")[0], "resources")).text
    assert "GPU load 93% on average; peak 100%" in text and "GPU memory 61%" in text and "Energy 200.0 Wh" in text
    assert "Memory ran out 2 times; the micro-batch was halved to 2." in text and "The loss exploded at step 40;" in text
    plain = Page(section(produce(build(), tmp_path / "plain")[0], "resources")).text
    assert not any(word in plain for word in ("Predicted", "CPU load", "peak of", "Share of"))


def test_abilities_are_said_to_be_kept_or_lost(tmp_path):
    run = evaluated()
    text = " ".join(produce(run, tmp_path)[1].split())
    assert "General abilities: kept (64.2% → 62.8% right)" in text
    row = next(row for row in run["compare"][0].differences if (row.suite, row.metric) == ("general", "accuracy"))
    row.verdict = "worse"
    assert "General abilities: LOST (64.2% → 62.8% right)" in " ".join(produce(run, tmp_path / "lost")[1].split())
    assert "Capacidades gerais: PERDIDAS" in " ".join(produce(run, tmp_path / "pt", "pt")[1].split())


@pytest.mark.parametrize(
    ("key", "wrong", "what"), [("production", "evaluate", "evaluation of the base"), ("compare", "compare", "two comparisons")]
)
def test_summaries_in_the_wrong_place_are_refused(key, wrong, what, tmp_path):
    run = evaluated()
    run[key] = run[wrong][0] if key == "production" else [run[wrong][0]] * 2
    with pytest.raises(BadInputError, match=what) as caught:
        report.main(write(run, tmp_path))
    assert key in caught.value.where and caught.value.fix and not (tmp_path / "report.html").exists()


def test_the_newest_version_is_named(tmp_path):
    run = evaluated()
    assert "In use (v6)" in produce(run, tmp_path)[0]
    run["production"].name = ""
    run["compare"][1].reference = "production"
    page = produce(run, tmp_path / "unnamed")[0]
    assert "In use" in page and "In use (" not in page
    # Without its evaluation, the comparison tells of it.
    del run["production"]
    page = section(produce(run, tmp_path / "compared")[0], "metrics")
    assert next(row for row in rows(page) if row[0].startswith("Perplexity"))[2] == "12.65"


def test_everything_that_can_be_named_has_a_name_in_both_languages():
    assert set(METRICS) <= set(names.NAMES)
    bundled = [
        json.loads(line)["category"] for path in (BIN.parent / "conf/suites").glob("*.jsonl") for line in path.open(encoding="utf-8")
    ]
    assert {*bundled, *PERTURBATIONS} <= set(names.CATEGORIES), {*bundled, *PERTURBATIONS} - set(names.CATEGORIES)
    for pair in [*names.SUITE_NAMES.values(), *names.CATEGORIES.values()]:
        assert len(pair) == 2 and all(pair)
    # A user's suite keeps its name, whatever it is.
    assert names.suite_name("general", "user", "pt") == "general" and names.suite_name("general", "general", "pt") == "Capacidades gerais"
    parts = [strings.GATE, strings.SUITES, strings.LEAK_TEXT, strings.ROUNDS, strings.RESOURCES, strings.PRIVACY, strings.SEARCH]
    keys = list(itertools.chain(*parts)) + re.findall(r'^    "(\w+)": \(', Path(strings.__file__).read_text(encoding="utf-8"), re.M)
    assert len(keys) == len(set(keys)), {key for key in keys if keys.count(key) > 1}


def test_the_fixture_is_what_the_steps_write():
    for case in CASES:
        for side in CASES[case]()["evaluate"]:
            assert EvaluateSummary.model_validate_json(side.model_dump_json()) == side
    assert scored(0.5, True, 0.1).low == 0.4
