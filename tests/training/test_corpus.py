"""The training material of the tagger: sound templates, labels where the values stand, nothing of the measuring sets."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from llamaflow.pii.ner.tagger import KINDS
from llamaflow.pii.spans import fold
from training.ner.corpus import _SLOT, Coined, Sample, expand, read_held_out, read_templates, swapped, tagged
from training.ner.fillers import Fillers

SHARED = Path(__file__).parents[3] / "shared" / "data"
HELD_OUT = Path(__file__).parents[2] / "benchmarks" / "anonymize" / "held_out_names.txt"
TEMPLATES = [(lang, kind, one) for lang, kinds in read_templates().items() for kind, group in kinds.items() for one in group]


@pytest.fixture(scope="module")
def fillers() -> Fillers:

    return Fillers(1, read_held_out(HELD_OUT))


def test_every_template_fills_and_its_labels_lie_on_the_values(fillers):
    draw = random.Random(2)
    assert len(TEMPLATES) > 1000
    for lang, _kind, template in TEMPLATES:
        sample = expand(template, lang, fillers, draw)
        assert not _SLOT.search(sample.text), template
        for start, end, kind in sample.spans:
            assert kind in KINDS
            assert sample.text[start:end].strip() == sample.text[start:end] != "", template
        tokens, tags = tagged(sample)
        assert len(tokens) == len(tags)
        assert sum(tag > 0 and tag % 2 == 1 for tag in tags) >= len({span[:2] for span in sample.spans}), template


def test_held_out_names_are_never_drawn(fillers):
    held_out = read_held_out(HELD_OUT)
    for lang in ("pt", "en"):
        for slot in ("full", "first", "last", "nick", "org"):
            words = {fold(word).low for _ in range(3000) for word in re.findall(r"[^\W\d_]+", fillers.fill(slot, lang))}
            assert not words & held_out


def test_swapping_names_moves_the_labels():
    fillers, draw = Fillers(4), random.Random(4)
    text = "Ana Souza mora em Recife e Ana Souza trabalha na Vale com Rui."
    spans = [(0, 9, "PERSON"), (18, 24, "LOCATION"), (27, 36, "PERSON"), (49, 53, "ORGANIZATION"), (58, 61, "PERSON")]
    for _ in range(200):
        made = swapped(Sample(text, spans, [(37, 46)]), "pt", fillers, draw)
        assert made.text[made.unsure[0][0] : made.unsure[0][1]] == "trabalha "
        assert made.text[made.spans[0][0] : made.spans[0][1]] == made.text[made.spans[2][0] : made.spans[2][1]]
        assert re.sub(r"\s", "", made.text).endswith(".")
        assert len(made.spans) == len(spans)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_no_six_words_in_a_row_stand_in_the_measuring_set():
    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z']+", text.lower())
        return {tuple(words[place : place + 6]) for place in range(len(words) - 5)}

    rows = json.loads((SHARED / "pii" / "presidio-generated-large.json").read_text(encoding="utf-8"))
    measured = set().union(*(runs(re.sub(r"\{\{\w+\}\}", " ", row["masked"])) for row in rows))
    draw = random.Random(8)
    for lang, _kind, template in TEMPLATES:
        for _ in range(20 if lang == "en" else 0):
            plain = re.sub(r"<([^<>]*)>", lambda choice: draw.choice(choice[1].split("|")), template)
            assert not runs(re.sub(r"\{[\w:]+\}", " ", plain)) & measured, template


def test_coined_words_leave_the_labels_on_their_words():
    draw = random.Random(6)
    text = "ontem a zuleide comprou uma cadeira azul para rui gostar muito dela"
    spans = [(8, 15, "PERSON"), (46, 49, "PERSON")]
    coined = Coined([Sample(text, [], []), Sample(text, [], [])])
    changed = 0
    for _ in range(100):
        made = coined.sprinkled(Sample(text, spans, [(36, 40)]), draw, 0.5)
        assert [made.text[start:end] for start, end, _kind in made.spans] == ["zuleide", "rui"]
        assert made.text[made.unsure[0][0] : made.unsure[0][1]] == "azul"
        changed += made.text != text
    assert changed > 90
