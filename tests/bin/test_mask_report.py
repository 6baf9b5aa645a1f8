"""The mask report shows the very tokens that training learns, for any template, and reads without colours."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.base_model import read_template
from llamaflow.chat import IGNORED, encode, render
from llamaflow.mask_report import EACH, TEXTS, mask_report, tokens_of
from llamaflow.models import load_tokenizer
from llamaflow.records import Message, Record

TINY = load_tokenizer(Path(__file__).parents[1] / "data" / "tiny-llama")
CHATML = read_template("chatml")
OPEN_ENDED = "{% for m in messages %}# {{ m.role }}\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}# assistant\n{% endif %}"


def talk(*contents: str) -> list[Message]:
    return [Message(role=("user", "assistant")[i % 2], content=content) for i, content in enumerate(contents)]


def record(number: int, lang: str = "pt", system: bool = False) -> Record:
    messages = [Message(role="system", content="Seja breve.")] * system + talk(f"Qual o prazo {number}?", f"São {number} dias.")
    return Record(id=f"{number:032x}", messages=messages, lang=lang)


@pytest.fixture(params=[None, CHATML, OPEN_ENDED], ids=["own", "chatml", "open-ended"])
def tokenizer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param:
        monkeypatch.setattr(TINY, "chat_template", request.param)
    return TINY


@pytest.mark.parametrize("length", [sys.maxsize, 30, 12])
def test_states_are_those_of_the_training_labels(tokenizer, length: int) -> None:
    messages = talk("Olá, tudo bem? 👩‍👩‍👧 ação", "Sim, e você? ção €", "Também", "Que bom!")
    tokens, encoded = tokens_of(tokenizer, messages, length), encode(tokenizer, messages, length)
    whole = encode(tokenizer, messages, sys.maxsize)
    assert len(tokens) == len(whole.input_ids)
    learned = [index for index, label in enumerate(encoded.labels) if label != IGNORED and index]
    assert [index for index, token in enumerate(tokens) if token.state == "learned"] == learned
    assert [index for index, token in enumerate(tokens) if token.state == "cut"] == list(range(len(encoded.input_ids), len(tokens)))
    assert {token.role for token in tokens if token.state == "learned"} <= {"assistant", "template"}
    if length == sys.maxsize:
        said = "".join(token.text for token in tokens if token.state == "learned")
        assert "Sim, e você? ção €" in said and "Que bom!" in said and "Também" not in said and "Olá" not in said


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=40).map(str.strip).filter(bool), min_size=2, max_size=4).filter(lambda t: len(t) % 2 == 0))
def test_the_shown_text_is_the_whole_rendered_conversation(contents: list[str]) -> None:
    messages = talk(*contents)
    assert "".join(token.text for token in tokens_of(TINY, messages, sys.maxsize)).startswith(render(TINY, messages).rstrip())


@pytest.mark.parametrize("language", ["en", "pt"])
def test_a_page_of_a_few_of_each_kind_with_totals_and_nothing_unescaped(language: str) -> None:
    nasty = Record(id="f" * 32, messages=talk("<script>alert(1)</script>", "a & b"), lang="en")
    records = [record(n) for n in range(20)] + [record(n, system=True) for n in range(20, 22)] + [nasty]
    page = mask_report(TINY, iter(records), 64, language)
    assert page.count("<section>") == EACH + 2 + 1
    assert "<script>" not in page and "&lt;script&gt;" in page and f"lang={language}" in page
    assert TEXTS[language]["title"] in page and TEXTS["pt" if language == "en" else "en"]["title"] not in page
    # Learned tokens are told by brackets too, not by colour alone.
    marks = [html.unescape(text) for text in re.findall(r"<mark>(.*?)</mark>", page, re.S)]
    assert all(text.startswith("⟦") and text.endswith("⟧") for text in marks) and any("São 0 dias." in text for text in marks)
    row = re.search(r"<th scope=row>user</th>((?:<td>\d+</td>)+)", page)
    total, learned, read, cut = (int(cell) for cell in re.findall(r"\d+", row[1]))
    assert total == read + cut > 0 and learned == 0


def test_what_is_beyond_the_limit_is_struck_through() -> None:
    messages = talk("a", "b", "c", "palavra " * 200)
    page = mask_report(TINY, [Record(id="1" * 32, messages=messages)], 40, "en")
    assert "<del>" in page and page.count("<mark>") == 1
