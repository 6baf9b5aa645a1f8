"""Language identification: right on plain text of each language, total on any text."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.languages import identify

DATA = Path("/work/shared/data/instruct")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Olá, você pode me dizer qual é o prazo de entrega do pedido?", "pt"),
        ("Oi, tudo bem?", "pt"),
        ("A nota fiscal não foi enviada para o cliente, e o pagamento ainda está em aberto.", "pt"),
        ("Could you please tell me when the order will be delivered?", "en"),
        ("Thank you, the invoice was paid yesterday and we have the receipt.", "en"),
        ("The cat is on the table and it does not want to leave. O gato está na mesa e não quer sair de lá.", "mixed"),
        ("", "unknown"),
        ("12345 67 -- 89", "unknown"),
        ("x = f(y) + 3; z[0] *= 2", "unknown"),
        ("El perro de mi vecino está en la calle y no quiere volver a casa con él", "unknown"),
        ("¿Dónde está la biblioteca? No la encuentro por ninguna parte", "unknown"),
        ("Je ne sais pas où est la gare, pouvez-vous nous aider avec les billets ?", "unknown"),
        ("Der Vertrag ist nicht von mir, und ich weiß nicht, wer ihn hat", "unknown"),
    ],
)
def test_plain_texts(text: str, language: str) -> None:
    assert identify(text) == language


def test_a_few_foreign_words_do_not_make_it_mixed() -> None:
    text = "O time fez o deploy do backend na sexta, mas o pull request ainda não foi aprovado por quem cuida do feature toggle. " * 3
    assert identify(text) == "pt"


@given(st.text())
def test_any_text_gets_one_of_four_answers_whatever_its_case(text: str) -> None:
    assert identify(text) in {"pt", "en", "mixed", "unknown"}
    assert identify(text) == identify(text)


@pytest.mark.skipif(not (DATA / "porsimplessent.tsv").exists(), reason="shared data set is absent")
def test_real_portuguese_sentences() -> None:
    with (DATA / "porsimplessent.tsv").open(encoding="utf-8") as stream:
        sentences = [row["sentence_text_from"] for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)]
    found = [identify(sentence) for sentence in sentences]
    assert found.count("pt") >= 0.97 * len(found)
    assert found.count("en") + found.count("mixed") <= 0.003 * len(found)


@pytest.mark.skipif(not (DATA / "alpaca-en-999.json").exists(), reason="shared data set is absent")
def test_real_english_answers() -> None:
    found = [identify(row["output"]) for row in json.loads((DATA / "alpaca-en-999.json").read_text(encoding="utf-8"))]
    assert found.count("en") >= 0.95 * len(found)
    assert found.count("pt") + found.count("mixed") <= 0.005 * len(found)
