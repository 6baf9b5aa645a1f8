"""Reading labelled sets: offsets stay right, and a set that is absent or broken is named."""

import json

import pytest

from benchmarks.anonymize.corpora import Example, joined, lener_sentences, presidio_set
from benchmarks.anonymize.measures import Label
from llamaflow.errors import BadInputError

CONLL = """Relator B-PESSOA
Xisto I-PESSOA
em O
Brasília B-LOCAL
hoje B-TEMPO
amanhã B-TEMPO

\t
Odila B-PESSOA
, O
Zenon I-PESSOA
"""


def marked(example: Example) -> list[tuple[str, str]]:
    return [(label.type, example.text[label.start : label.end]) for label in example.labels]


def test_conll_tokens_become_spans(tmp_path):
    path = tmp_path / "set.conll"
    path.write_text(CONLL, encoding="utf-8")
    first, second = lener_sentences(path)
    assert first.text == "Relator Xisto em Brasília hoje amanhã"
    assert marked(first) == [("PESSOA", "Relator Xisto"), ("LOCAL", "Brasília"), ("TEMPO", "hoje"), ("TEMPO", "amanhã")]
    # A stray I- behind something else begins a span of its own.
    assert marked(second) == [("PESSOA", "Odila"), ("PESSOA", "Zenon")]


def test_documents_keep_the_labels_of_their_sentences(tmp_path):
    path = tmp_path / "set.conll"
    path.write_text(CONLL, encoding="utf-8")
    sentences = lener_sentences(path)
    (document,) = joined(sentences)
    assert document.text == "\n".join(sentence.text for sentence in sentences)
    assert marked(document) == [label for sentence in sentences for label in marked(sentence)]
    assert joined(sentences, size=1) == sentences


def test_presidio_json_becomes_spans(tmp_path):
    path = tmp_path / "set.json"
    span = {"entity_type": "GPE", "entity_value": "Betim", "start_position": 3, "end_position": 8}
    path.write_text(json.dumps([{"full_text": "em Betim", "spans": [span]}]))
    assert presidio_set(path) == [Example("em Betim", [Label(3, 8, "GPE")])]


@pytest.mark.parametrize("content", [None, b"{", b"[1]", b'[{"spans": []}]', b"\xff\xfe"])
@pytest.mark.parametrize("read", [presidio_set, lener_sentences])
def test_a_broken_set_is_named(tmp_path, content, read):
    path = tmp_path / "set"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match="set") as caught:
        read(path)
    assert caught.value.exit_code == 2
