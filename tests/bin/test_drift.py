"""drift.py: its false alarms, what it sees, what it tells and what it never tells."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import drift
from llamaflow.drift.features import Feature
from llamaflow.drift.measuring import Settings, features_of
from llamaflow.drift.page_strings import DRIFT
from llamaflow.drift.permutation import decide, draw_labels
from llamaflow.drift.signals import SIGNALS
from llamaflow.drift.wording import FEATURES, TEXT
from llamaflow.errors import BadInputError, ManyProblems
from llamaflow.files import write_jsonl
from llamaflow.inputs import inspect_inputs, read_items
from llamaflow.records import Message, Record
from llamaflow.summaries import DriftFeature, DriftSummary, read_summary

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/data/sample"
PUBLIC = ROOT.parent / "shared/data/instruct"


@cache
def records_in(path: Path) -> list[Record]:
    """The distinct records of a file in any format."""
    if not path.exists():
        pytest.skip(f"{path} is not there")
    inspected, problems = inspect_inputs([path])
    assert not problems
    found = [
        item.record for file in inspected for item in read_items(file.source, file.file_format, file.format, file.mapping) if item.record
    ]
    return list({record.id: record for record in found}.values())


@cache
def by_intent() -> dict[tuple[str, str], list[Record]]:
    """The sample's conversations by (language, intent)."""
    lines = (SAMPLE / "conversations.jsonl").read_text("utf-8").splitlines()
    groups: dict[tuple[str, str], list[Record]] = {}
    for number, text in enumerate((SAMPLE / "truth.jsonl").read_text("utf-8").splitlines()):
        truth = json.loads(text)
        if truth["file"] == "conversations.jsonl" and not truth.get("planted"):
            messages = json.loads(lines[truth["line"] - 1])["messages"]
            record = Record(id=f"{number:032x}", messages=messages, lang=truth["lang"], source="conversations.jsonl:1")
            groups.setdefault((truth["lang"], truth["intent"]), []).append(record)
    return groups


def shuffled(records: Iterable, seed: int = 1) -> list:
    records = list(records)
    random.Random(seed).shuffle(records)
    return records


def portuguese() -> list[Record]:
    return shuffled(record for (language, _), group in by_intent().items() for record in group if language == "pt")


def english() -> list[Record]:
    return shuffled(record for (language, _), group in by_intent().items() for record in group if language == "en")


def run(folder: Path, reference: list[Record], production: list[Record], *options: str) -> DriftSummary:
    """drift.py on two lists of records, without embeddings unless asked for; its summary as it lies on disk."""
    folder.mkdir(exist_ok=True)
    write_jsonl(folder / "reference.jsonl", reference)
    write_jsonl(folder / "production.jsonl.zst", production)
    paths = {name: folder / file for name, file in (("summary", "drift.json"), ("report", "drift.html"), ("text", "summary.txt"))}
    model = () if "--model" in options else ("--model", "none")
    drift.main(
        ["--reference", str(folder / "reference.jsonl"), "--production", str(folder / "production.jsonl.zst"), *model, *options]
        + [part for name, path in paths.items() for part in (f"--{name}", str(path))]
    )
    return read_summary(paths["summary"], DriftSummary)


def answered(record: Record, answer: str) -> Record:
    """The record with another answer in each of the assistant's turns."""
    turns = [turn.model_copy(update={"content": answer}) if turn.role == "assistant" else turn for turn in record.messages]
    return record.model_copy(update={"messages": turns})


def of(found: DriftSummary, side: str, name: str) -> DriftFeature:
    return next(one for one in found.features if (one.side, one.name) == (side, name))


# ---- false alarms ---------------------------------------------------------------------------------------------------


def alarms(records: list[Record], halves: int, alpha: float) -> int:
    """Alarms in so many random halves of the records; no effect threshold, so the test alone holds the rate."""
    chosen = Settings(alpha=alpha, permutations=199, model="none")
    groups = np.arange(len(records))
    features: list[Feature] = features_of(records, groups, groups[:0], chosen)
    count, splits = 0, np.random.default_rng(7)
    for half in range(halves):
        production = splits.permutation(len(records)) % 2 == 0
        labels = draw_labels(production, groups, chosen.permutations, seed=half)
        count += decide(np.stack([feature.distances(labels) for feature in features]), alpha).p <= alpha
    return count


@pytest.mark.parametrize("name", ["sample", "faquad-train.json", "alpaca-en-999.json"])
def test_random_halves_of_the_same_data_alarm_no_more_often_than_stated(name: str):
    records = records_in(SAMPLE / "conversations.jsonl" if name == "sample" else PUBLIC / name)
    # 50 halves at 5 %: more than 8 would happen once in 500 times. The seeds are fixed, so this test does not flicker.
    assert alarms(shuffled(records)[:400], halves=50, alpha=0.05) <= 8


def test_repeated_snapshots_of_conversations_are_no_evidence(tmp_path: Path):
    """Each conversation stands in production after each of its turns: five states of one are not five records."""

    def states(records: list[Record]) -> list[Record]:
        found = []
        for number, record in enumerate(records):
            turns = [*record.messages]
            for more in range(5):
                found.append(Record(id=f"{number:016x}{more:016x}", messages=[*turns]))
                turns += [Message(role="user", content=f"e {more}?"), Message(role="assistant", content="Sim, como já foi dito.")]
        return found

    pool = [record for record in portuguese() if len(record.messages) == 2]
    naive = []
    for seed in range(4):
        mixed = shuffled(pool, seed)[:92]
        sides = states(mixed[:46]), states(mixed[46:])
        found = run(tmp_path, *sides, "--min-records", "40", "--alpha", "0.02", "--permutations", "199")
        assert found.verdict == "no_drift" and found.production.compared == 230 and found.production.groups == 46
        records, groups = [*sides[0], *sides[1]], np.arange(460)
        chosen = Settings(permutations=199, model="none")
        labels = draw_labels(groups >= 230, groups, 199, seed=1)
        naive.append(decide(np.stack([one.distances(labels) for one in features_of(records, groups, groups[:0], chosen)]), 0.02).p)
    assert max(naive) <= 0.02  # taken for independent, the same records would alarm each time


# ---- what it sees ---------------------------------------------------------------------------------------------------


def test_the_same_records_on_both_sides_are_no_drift(tmp_path: Path):
    found = run(tmp_path, portuguese(), portuguese()[::-1])
    assert found.verdict == found.input == found.output == "no_drift"
    assert found.p_value == 1 and all(one.effect == 0 for one in found.features)


def test_a_language_switch_is_drift(tmp_path: Path):
    found = run(tmp_path, portuguese(), english())
    assert found.verdict == found.input == found.output == "drift"
    language = of(found, "input", "language")
    assert language.effect > 0.9 and language.drifted and language.psi_band == "large"
    assert "Portuguese 100% to 0" in language.direction and "languages" in found.reason


def test_a_topic_switch_within_one_language_and_form_is_drift_of_wording(tmp_path: Path):
    intents = sorted(intent for language, intent in by_intent() if language == "pt")
    sides = [[record for intent in half for record in by_intent()["pt", intent]] for half in (intents[::2], intents[1::2])]
    found = run(tmp_path, *sides)
    assert found.input == "drift" and of(found, "input", "wording").drifted and not of(found, "input", "language").drifted
    assert of(found, "input", "wording").p_adjusted <= 0.01


def test_longer_answers_are_drift_of_the_output_alone(tmp_path: Path):
    pool = portuguese()
    more = "Se precisar de mais alguma coisa, é só responder a esta mensagem."
    longer = [answered(record, f"{record.messages[-1].content} {more}") for record in pool[130:] if len(record.messages) == 2]
    found = run(tmp_path, [record for record in pool[:130] if len(record.messages) == 2], longer, "--min-records", "40")
    assert found.verdict == found.output == "drift" and found.input == "no_drift"
    words = of(found, "output", "words")
    assert words.drifted and words.production > words.reference and words.direction.startswith("answers are longer: median")
    assert of(found, "output", "wording").more and "precisar" in of(found, "output", "wording").more


def test_refusals_repetition_and_answers_in_the_wrong_language_are_each_named(tmp_path: Path):
    pool = portuguese()
    answers = {
        "refusals": lambda number: "Desculpe, mas não posso ajudar com isso.",
        "repetition": lambda number: "o pedido sai hoje " * 12,
        "other_language": lambda number: (
            f"Thank you, your order number {number} will be with you on Friday and we are sorry for the delay."
        ),
        "unfinished": lambda number: f"```json\n{{'pedido': {number}",
    }
    for name, answer in answers.items():
        changed = [answered(record, answer(number)) if number % 3 == 0 else record for number, record in enumerate(pool[130:])]
        found = run(tmp_path, pool[:130], changed)
        one = of(found, "output", name)
        assert one.drifted and one.p_adjusted <= 0.01, name
        assert 0.2 < one.effect < 0.45 and found.input == "no_drift", name


def test_a_certain_but_small_difference_is_no_drift_and_is_told(tmp_path: Path):
    pool = [
        Record(id=f"{number:032x}", messages=[Message(role="user", content=f"pedido {number}"), Message(role="assistant", content="sim")])
        for number in shuffled(range(1000, 3000))
    ]
    twice = [Message(role="user", content="mais"), Message(role="assistant", content="não")]
    longer = [record.model_copy(update={"messages": [*record.messages, *twice]}) for record in pool[1000:1050]]
    changed = [*longer, *pool[1050:]]
    found = run(tmp_path, pool[:1000], changed, "--permutations", "199")
    turns = of(found, "input", "turns")
    assert turns.p_adjusted <= 0.01 and turns.effect == pytest.approx(0.05) and not turns.drifted
    assert found.verdict == "no_drift" and "too small to matter" in found.reason
    assert run(tmp_path, pool[:1000], changed, "--permutations", "199", "--least-effect", "0.04").verdict == "drift"


def test_records_without_any_input_are_compared_by_their_output(tmp_path: Path):
    texts = [Record(id=record.id, messages=[record.messages[-1]]) for record in portuguese()]
    found = run(tmp_path, texts[:130], texts[130:])
    assert found.verdict == "no_drift" and all(one.effect == 0 for one in found.features if one.side == "input")


def test_embeddings_see_another_topic(tmp_path: Path):
    found = run(tmp_path, portuguese()[:60], english()[:60], "--model", "", "--permutations", "199")
    for side in ("input", "output"):
        assert of(found, side, "meaning").drifted
    assert found.settings["meaning"].startswith("all-MiniLM")


# ---- errors and promises --------------------------------------------------------------------------------------------


def test_the_order_of_records_and_a_second_run_change_nothing(tmp_path: Path):
    sides = portuguese()[:100], portuguese()[100:]
    pages = []
    for number, order in enumerate((lambda side: side, lambda side: side[::-1], lambda side: side)):
        found = run(tmp_path / str(number), *map(order, sides), "--max-records", "90")
        page = (
            (tmp_path / str(number) / "drift.html").read_bytes(),
            (tmp_path / str(number) / "summary.txt").read_text().replace(str(tmp_path), ""),
        )
        pages.append((page, found.model_copy(update={"seconds": 0})))
    assert pages[0] == pages[1] == pages[2]
    assert pages[0][1].production.compared == 90


@pytest.mark.parametrize("few", [0, 1, 49])
def test_too_few_records_are_an_error_that_says_what_to_do(tmp_path: Path, few: int):
    for sides in ((portuguese()[:few], english()), (english(), portuguese()[:few])):
        with pytest.raises(BadInputError) as problem:
            run(tmp_path, *sides)
        assert f"{few} distinct records" in problem.value.what and "--drift_min_records" in problem.value.fix
    assert not (tmp_path / "drift.json").exists()


def test_one_conversation_repeated_is_too_few(tmp_path: Path):
    one = portuguese()[:1] * 200
    with pytest.raises(BadInputError, match="1 distinct records"):
        run(tmp_path, english(), one)


def test_what_is_no_record_is_told_by_line_and_never_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for broken in ('{"messages": "Maria"}\n', "Maria da Silva\n"):
        (tmp_path / "bad.jsonl").write_text(portuguese()[0].model_dump_json() + "\n" + broken)
        write_jsonl(tmp_path / "good.jsonl", english())
        with pytest.raises(BadInputError) as problem:
            drift.main(["--reference", str(tmp_path / "good.jsonl"), "--production", str(tmp_path / "bad.jsonl")])
        assert "bad.jsonl:2" in str(problem.value) and "Maria" not in str(problem.value)


def test_all_values_out_of_range_are_told_at_once():
    wrong = ["--alpha", "0.001", "--permutations", "99", "--min-records", "5", "--least-effect", "2"]
    with pytest.raises(ManyProblems) as problems:
        drift.main(["--reference", "x", "--production", "y", *wrong])
    assert {problem.where for problem in problems.value.problems} == {"--permutations", "--min-records", "--least-effect"}


def test_no_word_that_few_records_have_reaches_the_page(tmp_path: Path):
    """Names, numbers and rare words stay out, even where each record of one side has the same name."""
    named = [
        record.model_copy(update={"messages": [Message(role="user", content="Zulmira Kowalczyk 987654321"), *record.messages]})
        for record in portuguese()[100:]
    ]
    found = run(tmp_path, portuguese()[:100], named)
    assert found.verdict == "drift"
    told = (tmp_path / "drift.html").read_text() + (tmp_path / "drift.json").read_text() + (tmp_path / "summary.txt").read_text()
    assert "987654321" not in told and "zulmira" not in told.lower()
    assert not any(record.id in told for record in named)


def test_page_and_text_in_both_languages(tmp_path: Path):
    said = {
        "en": ("Drift report", "What people ask", "questions are in other languages"),
        "pt": ("Relatório de desvio", "O que se pergunta", "outros idiomas"),
    }
    for language, words in said.items():
        found = run(tmp_path, portuguese(), english(), "--language", language, "--run-name", "<b>week 7</b>")
        page, text = (tmp_path / "drift.html").read_text(), (tmp_path / "summary.txt").read_text()
        assert all(word in page for word in words) and "<b>week" not in page and "&lt;b&gt;week 7" in page
        assert "http" not in page.replace("http-equiv", "") and page.count("<svg") > 12
        assert words[2] in " ".join(text.split()) and max(map(len, text.splitlines())) <= 100
    assert found.reason.startswith("Production has moved away")  # the summary stays English


def test_strings_are_complete_in_both_languages_and_every_feature_has_its_own():
    for key, pair in {**DRIFT, **TEXT}.items():
        fields = [sorted(field for _, field, _, _ in string.Formatter().parse(text) if field) for text in pair]
        assert len(pair) == 2 and all(pair) and fields[0] == fields[1], key
    page = (ROOT / "bin/llamaflow/drift/page.html.j2").read_text() + (ROOT / "bin/llamaflow/drift/page.py").read_text()
    assert set(re.findall(r"\bt\.(\w+)", page)) <= set(DRIFT)
    texts = {f"{side}.{name}" for side in ("input", "output") for name in ("wording", "meaning")}
    assert set(FEATURES) == set(SIGNALS) | texts
    assert all(len(pair) == 2 and all(pair) for pairs in FEATURES.values() for pair in pairs)


def test_more_repeats_in_production_are_a_warning_in_both_languages(tmp_path: Path):
    flood = [*portuguese()[120:], *portuguese()[120:160]]
    for language, words in (
        ("en", "25% of production's records repeat another one"),
        ("pt", "25% dos registros da produção repetem outro"),
    ):
        found = run(tmp_path, portuguese()[:120], flood, "--language", language)
        assert found.production.duplicates >= 40 and found.verdict == "no_drift"
        assert words in (tmp_path / "drift.html").read_text().replace("&#39;", "'")
