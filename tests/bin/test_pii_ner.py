"""The tagger: the same result whatever was read before or beside it, and nothing readable in its weights."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.pii.ner.features import BUCKETS, features, places_of, tokens_of
from llamaflow.pii.ner.plugins import load_recognizer
from llamaflow.pii.ner.tagger import KINDS, TAGS, WEIGHTS, Tagger, entities, tagger
from llamaflow.pii.spans import fold

WORDS = [
    "Oi",
    ",",
    "aqui",
    "é",
    "a",
    "Zulmira",
    "Paxiúba",
    "!",
    "falei",
    "com",
    "o",
    "josenilton",
    "em",
    "Recife",
    "ontem",
    "12",
    "I",
    "met",
    "Kestrin",
    "Vantrease",
    "at",
    "Norvik",
    "Ltd",
]


def read(*texts: str, with_tagger: Tagger | None = None):
    return (with_tagger or tagger()).read([fold(text) for text in texts])[0]


def fresh() -> Tagger:
    with np.load(WEIGHTS) as archive:
        return Tagger({name: archive[name] for name in archive.files})


@given(st.text(max_size=200))
def test_spans_of_any_text_are_sound(text):
    spans = read(text)[0]
    assert all(0 <= span.start < span.end <= len(text) and span.type in KINDS for span in spans)
    assert all(left.end <= right.start for left, right in zip(spans, spans[1:], strict=False))


def test_what_was_read_before_has_no_influence():
    text = "Oi, aqui é a Zulmira Paxiúba, falei com o josenilton ontem."
    alone = read(text, with_tagger=fresh())
    busy, draw = fresh(), random.Random(3)
    for _ in range(50):
        read(" ".join(draw.sample(WORDS, 12)), with_tagger=busy)
    assert read(text, with_tagger=busy) == alone
    assert np.array_equal(busy.scores(tokens_of(fold(text))), fresh().scores(tokens_of(fold(text))))


def test_a_text_longer_than_a_window_is_read_as_one(monkeypatch):
    draw = random.Random(5)
    text = " ".join(draw.choice(WORDS) for _ in range(3000))
    tokens = tokens_of(fold(text))
    whole = tagger().scores(tokens)
    monkeypatch.setattr(sys.modules[Tagger.__module__], "_WINDOW", 100)
    assert np.allclose(tagger().scores(tokens), whole, atol=1e-4)


def test_tokens_beyond_the_cache_change_nothing(monkeypatch):
    text = "Oi, aqui é a Zulmira Paxiúba, falei com o josenilton ontem."
    monkeypatch.setattr(sys.modules[Tagger.__module__], "_TOKENS_KEPT", 15)
    small = fresh()
    first = read(text, with_tagger=small)
    read(" ".join(WORDS), with_tagger=small)
    assert read(text, with_tagger=small) == first == read(text)


@given(st.text(max_size=120))
def test_tokens_lie_where_they_say(text):
    folded = fold(text)
    tokens, places = tokens_of(folded), places_of(folded)
    assert all(folded.plain[start:end] == token[start - end :] for token, (start, end) in zip(tokens, places, strict=True))
    assert all(0 <= bucket < BUCKETS for token in tokens for bucket in features(token))


def test_the_weights_hold_numbers_only():
    with np.load(WEIGHTS, allow_pickle=False) as archive:
        assert {archive[name].dtype.kind for name in archive.files} <= set("iuf")
    assert WEIGHTS.stat().st_size < 6_000_000


def test_runs_of_tags_become_entities():
    begin, inside = 1, 2
    place = 3
    tags, owners = [0, begin, inside, begin, 0, inside, 0, place, inside], [0, 0, 0, 0, 0, 0, -1, 1, 1]
    assert entities(tags, owners) == [(1, 2, 0), (3, 3, 0), (5, 5, 0), (7, 7, 1), (8, 8, 0)]
    assert 1 + 2 * len(KINDS) == TAGS


def test_the_network_in_torch_and_in_numpy_agree(tmp_path):
    torch = pytest.importorskip("torch")
    train = pytest.importorskip("training.ner.train")
    torch.manual_seed(1)
    network = train.Network().eval()
    train.save(network, tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as archive:
        small = Tagger({name: archive[name] for name in archive.files})
    tokens = tokens_of(fold(" ".join(WORDS)))
    known = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    lists = [features(token) for token in known]
    offsets = np.cumsum([0] + [len(one) for one in lists[:-1]])
    with torch.no_grad():
        expected = network(
            torch.tensor(sum(lists, [])),
            torch.tensor(offsets),
            torch.tensor([known[token] for token in tokens]),
            torch.ones(len(tokens), 1),
        )
    assert np.allclose(small.scores(tokens), expected.numpy(), atol=0.05)


@pytest.mark.parametrize("reference", ["spacy:no_such_model", "hf:/no/such/folder", "other:x", "spacy:"])
def test_a_recognizer_that_is_not_there_is_a_clear_error(reference):
    with pytest.raises(BadInputError):
        load_recognizer(reference)
