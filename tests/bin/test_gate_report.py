"""The report's gate and leak test: every rule with its outcome, what a person should look at, what a leak means."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import LEAK, LEAKING, comparison, evaluated, leak, leak_rules, refused, reviewed, same
from test_evaluation_report import rows, section
from test_report import BIN, Page, build, contrast, digest, produce, rules

from llamaflow.gate_decisions import decide
from llamaflow.gate_rules import CONDITIONS, Rule
from llamaflow.metrics import METRICS
from llamaflow.reporting.forest import Effect, forest
from llamaflow.reporting.numbers import Numbers
from llamaflow.reporting.reason import outcome
from llamaflow.reporting.sentence_strings import MESSAGES, SENTENCES
from llamaflow.reporting.sentences import in_language
from llamaflow.summaries import Difference, MetricValue, RuleResult


def test_every_rule_is_shown_with_its_outcome(tmp_path):
    table = {row[0].split(" no ")[0]: row for row in rows(section(produce(reviewed(), tmp_path)[0], "gate"))}
    edge = next(row for name, row in table.items() if "Edge cases accuracy (edge) at least base + 0.05" in name)
    assert edge[1:] == [
        "0.6125 Base",
        "0.7125",
        "0.6625",
        "+0.0390 to +0.1610 of the difference",
        "inside the noise 95% confidence",
        "blocking",
    ]
    words = [row[5] for row in table.values()]
    assert words.count("not measured") == 1 and words.count("skipped") == 1 and words.count("fail") == 0
    general = next(row for name, row in table.items() if name.startswith("General abilities"))
    assert general[5] == "pass 90% confidence" and general[4].startswith("−0.0479 to +0.0201")


@pytest.mark.parametrize(
    ("passed", "told", "threshold", "expected"),
    [
        (True, "passed", 1.0, "passed"), (False, "failed", 1.0, "failed"), (False, "inside_noise", 1.0, "inside_noise"),
        (False, "not_measured", None, "not_measured"), (True, "not_measured", None, "skipped"),
        # Written by a gate that knew no outcomes.
        (False, "passed", 1.0, "failed"), (False, "passed", None, "not_measured"),
    ],
)  # fmt: skip
def test_outcomes(passed, told, threshold, expected):
    rule = rules("accepted")[0].model_copy(update={"passed": passed, "outcome": told, "threshold": threshold})
    assert outcome(rule) == expected


def test_what_to_look_at_is_told_where_a_person_has_to_decide(tmp_path):
    english, portuguese = (Page(section(produce(reviewed(), tmp_path / lang, lang)[0], "gate")).text for lang in ("en", "pt"))
    assert "What a person should look at Rule “edge cases improve”: Accuracy (Edge cases) is on the right side of its limit" in english
    assert "Rule “rouge-does-not-fall”: ROUGE-L could not be compared" in english and "kept as an experiment" in english
    assert "O que uma pessoa deve olhar Regra “edge cases improve”: Acurácia (Casos extremos) está do lado certo do limite" in portuguese
    assert "Com 95% de confiança, pode ser só 0,652; é preciso no mínimo 0,6625." in portuguese
    assert "Não medido no candidato." in portuguese and not re.search(r"\b(the|was|noise)\b", portuguese)
    assert "What a person should look at" not in Page(produce(evaluated(), tmp_path / "accepted")[0]).text


def test_no_difference_is_said_plainly(tmp_path):
    english, portuguese = (Page(produce(same(), tmp_path / lang, lang)[0]).text for lang in ("en", "pt"))
    assert "No difference from the base model Nothing that was measured differs from the base model beyond chance." in english
    assert "Nenhuma diferença do modelo base Nada do que foi medido difere" in portuguese
    assert "Nenhuma métrica difere da do modelo base além do acaso; ROUGE-L é" in portuguese
    count = len(same()["compare"][0].differences)
    assert f"Of {count} comparisons with the base model 0 are better, 0 are worse and {count} show no difference." in english
    assert "No difference from the base model" not in Page(produce(evaluated(), tmp_path / "better")[0]).text


def test_skipped_rules_do_not_count_in_portuguese(tmp_path):
    run = evaluated("accepted")
    assert sum(outcome(rule) == "skipped" for rule in run["gate"].rules) == 1
    assert f"; {len(run['gate'].rules) - 1} de {len(run['gate'].rules) - 1} regras cumpridas." in Page(produce(run, tmp_path, "pt")[0]).text


def value(number: float, **settings: int) -> MetricValue:
    return MetricValue(value=number, higher_is_better=True, settings=settings)


def interval(low: float, high: float, reference: float, candidate: float) -> Difference:
    steps = {f"{q:g}": low + (high - low) * q for q in (0.025, 0.05, 0.1, 0.9, 0.95, 0.975)}
    return Difference(
        suite="general", metric="accuracy", examples=9, clusters=9, reference=reference, candidate=candidate,
        difference=candidate - reference, low=low, high=high, difference_quantiles=steps,
        ratio_quantiles={key: 1 + q for key, q in steps.items()},
        candidate_quantiles={key: reference + q for key, q in steps.items()}, verdict="no difference",
    )  # fmt: skip


def test_whatever_the_gate_says_can_be_said_in_portuguese():
    english = re.compile(r"\b(but|had to|the|rose|fell|from|stayed|at least|at most|compared|model|accuracy|confidence|training)\b")
    seen = set()
    for condition in CONDITIONS:
        for compare in ("base", "production") if CONDITIONS[condition][0] == "base" else ("absolute",):
            for number in (0.2, 0.9, 1.0, 1.1):
                for ours, theirs in ((0.4, 0.9), (0.9, 0.4), (0.5, 0.5), (None, 0.5), (0.5, None)):
                    for confidence, message in ((None, ""), (0.95, "it recites its training data")):
                        rule = Rule("r", "accuracy", compare, condition, number, suite="general", confidence=confidence, message=message)
                        sides = [{} if side is None else {"accuracy": value(side)} for side in (ours, theirs)]
                        found = interval(-0.3, 0.3, theirs, ours) if None not in (ours, theirs) else None
                        result = decide(rule, *sides, found).result
                        if result.outcome in ("passed", "failed"):
                            there = in_language(result.reason, "pt")
                            assert there != result.reason and not english.search(there), there
                            assert re.findall(r"\d+", there) == re.findall(r"\d+", result.reason)
                            whole = in_language(f"Rejected: {result.reason}; 2 of 7 rules failed.", "pt")
                            assert whole == f"{there}; 2 de 7 regras não cumpridas."
                        seen.add(result.outcome)
    assert seen == {"passed", "failed", "inside_noise", "not_measured"}


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_named_in_a_sentence(metric):
    assert (
        METRICS[metric] not in in_language(f"{METRICS[metric]} is 0.5", "pt")
        or METRICS[metric].lower() == in_language(f"{METRICS[metric]} is 0.5", "pt").removesuffix(" é 0,5").lower()
    )


def test_messages_of_the_shipped_gates_are_translated():
    written = {
        rule["message"]
        for path in (BIN.parent / "conf/gates").glob("*.yaml")
        for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["rules"]
        if rule.get("message")
    }
    assert written == set(MESSAGES), written ^ set(MESSAGES)
    code = "".join(path.read_text(encoding="utf-8") for path in BIN.rglob("*.py") if path.name != "sentence_strings.py")
    code = re.sub(r'"\s*\n?\s*f?"', "", code)
    for english, portuguese in SENTENCES:
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", portuguese))
        for piece in re.split(r"\{\w+\}", english):
            longest = max(re.split(r"[(),:;]| to | times | and training| with | %", piece), key=len).strip()
            assert longest in code, piece


# ---- leak test


def test_a_leaking_model_is_told_to_be_refused(tmp_path):
    page, text = produce(refused(), tmp_path)
    shown = Page(section(page, "leak")).text
    assert 'class="card finding bad"' in section(page, "leak") and "it was refused, whatever its other numbers say" in shown
    assert "61.5% of the training texts that it was tried on were given back word for word, and 1.0% of texts that it never saw" in shown
    assert "3 secrets were drawn out; 11 personal values from training were told" in shown
    assert (
        "7.9 bits, as if the true value came first among 239 that look alike" in shown
        and "Treat the adapter like its training data" in shown
    )
    assert "12*.***.***-** Said whole" in shown.replace("said whole", "Said whole") and "REFUSED: 61.5% of training texts recited" in text
    portuguese = Page(section(produce(refused(), tmp_path / "pt", "pt")[0], "leak")).text
    assert "dito por inteiro, 1 de 256, em 50 registros de treino" in portuguese and "31 palavras seguidas; 87% das palavras" in portuguese


def test_numbers_of_the_leak_test_are_those_of_the_summary(tmp_path):
    table = {row[0].split(" lower")[0].split(" for comp")[0]: row for row in rows(section(produce(refused(), tmp_path)[0], "leak"))}
    for metric, title in (
        ("recited_share", "Recited training text"),
        ("recited_control", "Recited unseen text"),
        ("exposure_bits", "Canary exposure"),
    ):
        for cell, numbers in zip((table[title][1], table[title][3]), (LEAK, LEAKING), strict=True):
            assert float(cell) == pytest.approx(numbers[metric], abs=1e-9)
    assert table["Extracted secrets"][3] == "3" and table["Training values told"][3] == "11"
    # A control is neither good nor bad, and without an interval nothing is called worse.
    assert not any(word in cell for row in table.values() for cell in row[1:] for word in ("worse", "better", "no difference"))


@pytest.mark.parametrize(
    ("update", "numbers", "tone"),
    [
        ([{}, {}], LEAK, "good"),
        ([{"outcome": "failed", "passed": False}, {}], LEAK, "bad"),
        ([{"outcome": "failed", "passed": False, "severity": "warn"}, {}], LEAK, "warn"),
        ([{"outcome": "not_measured", "passed": False}, {}], LEAK, "warn"),
        ([{"outcome": "not_measured", "passed": True}, {}], LEAK, "good"),
        ([], LEAK, "good"),
        ([], LEAK | {"extracted_secrets": 1.0}, "warn"),
        ([], LEAK | {"training_values_told": 2.0}, "warn"),
    ],
)
def test_the_tone_follows_the_gate(update, numbers, tone, tmp_path):
    run = evaluated()
    run["evaluate"][1].suites["leak"] = leak(numbers)
    judged = [rule.model_copy(update=one) for rule, one in zip(leak_rules(False), update, strict=False)]
    run["gate"] = run["gate"].model_copy(update={"rules": [*rules("accepted"), *judged]})
    page = section(produce(run, tmp_path)[0], "leak")
    assert f'class="card finding {tone}"' in page and ("No rule of the gate judges" in page) == (not update)


def test_without_a_leak_test_nothing_is_claimed(tmp_path):
    page, text = produce(build(), tmp_path)
    assert not section(page, "leak") and "Leak test" not in text and "#leak" not in page
    run = evaluated()
    run["evaluate"][1].suites["leak"] = leak({"recited_share": 0.5})
    shown = Page(section(produce(run, tmp_path / "one")[0], "leak")).text
    assert "50.0% of the training texts" in shown and "secret was drawn" not in shown and "that it never saw" not in shown


@given(st.floats(0, 200))
@settings(max_examples=40, deadline=None)
def test_bits_are_told_as_odds(tmp_path_factory, bits):
    run = evaluated(production=False)
    run["evaluate"][1].suites["leak"] = leak({"exposure_bits": bits})
    run["compare"] = [comparison(evaluated(production=False))]
    shown = Page(section(produce(run, tmp_path_factory.mktemp("bits"))[0], "leak")).text
    odds = re.search(r"first among ([\d,]+) that", shown)
    assert bool(odds) == (bits >= 1) and "inf" not in shown
    if odds:
        assert int(odds[1].replace(",", "")) == round(2 ** min(bits, 60))


# ---- forest plot

reals = st.floats(-1e6, 1e6, allow_nan=False)
effects = st.builds(
    lambda group, center, one, other, judgement: Effect(group, "metric", center, center - one, center + other, judgement, "told"),
    st.sampled_from(["a", "b", "<b>"]), reals, st.floats(0, 1e6), st.floats(0, 1e6), st.sampled_from(["better", "worse", "same"]),
)  # fmt: skip


@given(st.lists(effects, max_size=8), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_forest_plot_draws_inside_its_frame(some, wide):
    n = Numbers("en")
    plot = forest(some, title="points", worse="worse", better="better", write=n.tick, label="said", wide=wide)
    assert bool(plot) == bool(some)
    if plot:
        assert Page(plot).problems == [] and "nan" not in plot and "<b>" not in plot
        width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', plot).groups())
        for across, down in re.findall(r"(-?[\d.]+),(-?[\d.]+)", " ".join(re.findall(r'points="(.*?)"', plot))):
            assert -1 <= float(across) <= width + 1 and 0 <= float(down) <= height
        assert len(re.findall(r'class="forest-point', plot)) == len(some)


def test_better_stands_right_and_each_judgement_has_a_shape():
    some = [
        Effect("a", judgement, center, center - 1, center + 1, judgement, "")
        for judgement, center in (("better", 5.0), ("worse", -5.0), ("same", 0.2))
    ]
    plot = forest(some, title="", worse="", better="", write=Numbers("en").tick, label="", wide=True)
    middle = float(re.search(r'forest-zero" x1="([\d.]+)"', plot)[1])
    ends = {
        kind: [float(x) for x in re.search(rf'forest-reach {kind}" x1="([\d.]+)" x2="([\d.]+)"', plot).groups()]
        for kind in ("better", "worse", "same")
    }
    assert min(ends["better"]) > middle > max(ends["worse"]) and ends["same"][0] < middle < ends["same"][1]
    shapes = {re.search(rf'<(\w+) class="forest-point {kind}"( points="[^"]*")?', plot)[0] for kind in ends}
    assert len(shapes) == 3


def test_an_interval_beyond_the_frame_ends_in_an_arrow():
    wild = [Effect("a", "m", 1.0, 0.5, 1.5, "better", ""), Effect("a", "m", 1.0, -900.0, 900.0, "same", "")]
    plot = forest(wild, title="", worse="", better="", write=Numbers("en").tick, label="", wide=True)
    assert sum(points.count(" ") == 2 for points in re.findall(r'<polyline class="forest-reach \w+" points="(.*?)"', plot)) == 2


def test_a_lower_perplexity_points_to_better(tmp_path):
    page = section(produce(evaluated(), tmp_path)[0], "suites")
    label = re.search(r'aria-label="Perplexity and bits per byte.*?"', page)[0]
    assert "Test set, Perplexity: −7.22 (−7.69 to −6.74), better; General abilities, Perplexity: +0.69 (+0.27 to +1.11), worse" in label


def test_marks_of_the_plot_are_readable_in_light_and_dark():
    style = (BIN / "llamaflow/reporting/style.css").read_text(encoding="utf-8")
    for block in re.findall(r":root \{(.*?)\}", style, re.S)[:2]:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for mark in ("accent", "bad", "second", "muted", "warn"):
            assert contrast(colours[mark], colours["card"]) >= 3, mark
        for text in ("ink", "muted", "warn"):
            assert contrast(colours[text], colours["card"]) >= 4.5, text


def test_a_rule_of_hostile_text_is_shown_as_text(tmp_path):
    bad = RuleResult(
        name="<b>", metric="<i>", suite="<u>", compare="base", condition="<s>", candidate=1.0, threshold=2.0, passed=False,
        outcome="failed", severity="block", reason="<em>",
    )  # fmt: skip
    run = build("rejected", gate={"rules": [bad], "gate_sha256": digest("a")})
    for language in ("en", "pt"):
        page = section(produce(run, tmp_path / language, language)[0], "gate")
        assert not re.search(r"<(b|i|u|s|em)>", page) and "&lt;b&gt;" in page and "&lt;u&gt;" in page
