"""Every text metric and perplexity against the reference implementation, to 1e-6, example by example and in sum."""

from __future__ import annotations

import math
import random
import re
import string
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenizers

from llamaflow.metrics.corpus import bleu_score, chrf_score
from llamaflow.metrics.lcs import lcs_length, lcs_places
from llamaflow.metrics.rouge import KINDS, Rouge
from llamaflow.metrics.sacre import Sacre
from llamaflow.metrics.squad import Squad
from llamaflow.metrics.words import WordTokenizer

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
SENTENCE = "o a os prazo prazos dez dias úteis ação ações the running runner cats cat sat 3.5 10/03 d'água e-mail não . , !"
VOCABULARY = [*SENTENCE.split(), "\n", "\n\n"]


def texts(count: int, seed: int, vocabulary: list[str] = VOCABULARY, longest: int = 60) -> list[str]:
    """Random texts with few different words, so that n-grams and subsequences are in common in many ways; some are empty."""
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(vocabulary, k=chosen.randrange(longest))) for _ in range(count)]


PREDICTIONS, REFERENCES = texts(60, 1), texts(60, 2)
WILD = st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), min_size=1, max_size=5)
FEW = st.text(alphabet="ab c\nç.", max_size=30)


# ---- ROUGE


@pytest.mark.parametrize("stemmer", ["none", "porter", "snowball-portuguese"])
def test_rouge_equals_rouge_score_with_the_same_tokenizer(stemmer):
    scorer = rouge_scorer.RougeScorer(list(KINDS), tokenizer=WordTokenizer(stemmer))
    expected = [scorer.score(reference, prediction) for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True)]
    columns = Rouge(stemmer).examples(PREDICTIONS, REFERENCES)
    values = Rouge(stemmer).compute(predictions=PREDICTIONS, references=REFERENCES)
    for kind in KINDS:
        assert columns[kind] == pytest.approx([one[kind].fmeasure for one in expected], abs=1e-9)
        assert values[kind].value == pytest.approx(np.mean([one[kind].fmeasure for one in expected]), abs=1e-9)
        assert 0 < values[kind].low < values[kind].value < values[kind].high < 1


@pytest.mark.parametrize("stem", [False, True])
def test_rouge_equals_rouge_score_as_it_comes_on_plain_english(stem):
    ascii_only = [word for word in VOCABULARY if word.isascii()]
    predictions, references = texts(40, 3, ascii_only), texts(40, 4, ascii_only)
    scorer = rouge_scorer.RougeScorer(list(KINDS), tokenizer=tokenizers.DefaultTokenizer(use_stemmer=stem))
    columns = Rouge("porter" if stem else "none").examples(predictions, references)
    for row, (prediction, reference) in enumerate(zip(predictions, references, strict=True)):
        expected = scorer.score(reference, prediction)
        assert [columns[kind][row] for kind in KINDS] == pytest.approx([expected[kind].fmeasure for kind in KINDS], abs=1e-9)


@settings(max_examples=300)
@given(FEW, FEW)
def test_rouge_equals_rouge_score_on_lines_in_any_order(prediction, reference):
    expected = rouge_scorer.RougeScorer(list(KINDS), tokenizer=WordTokenizer()).score(reference, prediction)
    columns = Rouge().examples([prediction], [reference])
    assert [columns[kind][0] for kind in KINDS] == pytest.approx([expected[kind].fmeasure for kind in KINDS], abs=1e-12)


@settings(max_examples=300)
@given(st.lists(st.sampled_from("abc"), max_size=90), st.lists(st.sampled_from("abcd"), max_size=90))
def test_bits_find_the_subsequence_that_the_table_finds(reference, prediction):
    table = rouge_scorer._lcs_table(reference, prediction)
    assert lcs_length(reference, prediction) == table[-1][-1]
    assert lcs_places(reference, prediction) == rouge_scorer._backtrack_norec(table, reference, prediction)


def test_rouge_score_still_tears_accented_words():
    """The reason for a tokenizer of our own: with rouge-score's, a Portuguese word is several."""
    prediction, reference = "coração", "cora o"
    assert rouge_scorer.RougeScorer(["rouge1"]).score(reference, prediction)["rouge1"].fmeasure == 1
    assert Rouge().examples([prediction], [reference])["rouge1"] == [0]


# ---- BLEU and chrF


def test_bleu_and_chrf_equal_sacrebleu():
    import sacrebleu

    values = Sacre().compute(predictions=PREDICTIONS, references=REFERENCES)
    assert values["bleu"].value == pytest.approx(sacrebleu.corpus_bleu(PREDICTIONS, [REFERENCES]).score, abs=1e-9)
    assert values["chrf"].value == pytest.approx(sacrebleu.corpus_chrf(PREDICTIONS, [REFERENCES]).score, abs=1e-9)
    assert "tok:13a" in values["bleu"].settings["signature"] and f"version:{sacrebleu.__version__}" in values["chrf"].settings["signature"]
    for value in values.values():
        assert 0 < value.low < value.value < value.high < 100


@given(WILD)
def test_summed_counts_are_sacrebleus_for_any_text(pairs):
    import sacrebleu

    predictions, references = map(list, zip(*pairs, strict=True))
    columns = Sacre().examples(predictions, references)
    for name, score, reference in (("bleu", bleu_score, sacrebleu.corpus_bleu), ("chrf", chrf_score, sacrebleu.corpus_chrf)):
        total = np.sum(columns[f"{name}_counts"], axis=0, keepdims=True)
        assert score(total)[0] == pytest.approx(reference(predictions, [references]).score, abs=1e-6)


def counts(width: int):
    return st.lists(st.lists(st.integers(0, 5), min_size=width, max_size=width), min_size=1, max_size=4)


@given(counts(10))
def test_bleu_of_many_sums_is_sacrebleus_of_each(rows):
    from sacrebleu.metrics import BLEU

    rows = [[*row[:2], *(min(hits, total) for hits, total in zip(row[2:6], row[6:], strict=True)), *row[6:]] for row in rows]
    expected = [BLEU()._compute_score_from_stats(list(row)).score for row in rows]
    assert bleu_score(np.array(rows)) == pytest.approx(expected, abs=1e-9)


@given(counts(18))
def test_chrf_of_many_sums_is_sacrebleus_of_each(rows):
    from sacrebleu.metrics import CHRF

    rows = [[cell if place % 3 < 2 else min(row[place - 2 : place + 1]) for place, cell in enumerate(row)] for row in rows]
    expected = [CHRF()._compute_score_from_stats(list(row)).score for row in rows]
    assert chrf_score(np.array(rows)) == pytest.approx(expected, abs=1e-9)


# ---- SQuAD


def published(prediction: str, reference: str) -> tuple[float, float]:
    """Exact match and F1 as section 6.1 of the paper defines them: bags of words, punctuation and articles ignored."""

    def normalized(text: str) -> list[str]:
        without = "".join(character for character in text.lower() if character not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", without).split()

    guess, gold = normalized(prediction), normalized(reference)
    shared = sum((Counter(guess) & Counter(gold)).values())
    if not guess or not gold:
        return float(guess == gold), float(guess == gold)
    if not shared:
        return float(guess == gold), 0.0
    precision, recall = shared / len(guess), shared / len(gold)
    return float(guess == gold), 2 * precision * recall / (precision + recall)


ENGLISH = st.text(alphabet=string.ascii_letters[:6] + string.punctuation + " 37", max_size=25)


@settings(max_examples=300)
@given(st.lists(st.tuples(ENGLISH, ENGLISH), min_size=1, max_size=4))
def test_squad_is_the_published_definition_on_english(pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    columns = Squad(articles="en").examples(predictions, references)
    expected = [published(*pair) for pair in pairs]
    assert columns["exact_match"] == [exact for exact, _ in expected]
    assert columns["token_f1"] == pytest.approx([f1 for _, f1 in expected], abs=1e-9)


def test_squad_on_answers_as_people_write_them():
    predictions = ["The cat, as ever!", "$3.50", "An e-mail", "He can't", "a"]
    references = ["cat as ever", "350", "email", "he cant go", "the"]
    values = Squad(articles="en").compute(predictions=predictions, references=references)
    expected = np.mean([published(*pair) for pair in zip(predictions, references, strict=True)], axis=0)
    assert [values["exact_match"].value, values["token_f1"].value] == pytest.approx(list(expected), abs=1e-9) and expected[0] == 0.8


# ---- perplexity


def test_perplexity_equals_transformers_own_loss():
    import torch

    from llamaflow.chat import IGNORED, encode
    from llamaflow.metrics.likelihood import Likelihood, conversation_nats
    from llamaflow.models import load_model, load_tokenizer
    from llamaflow.records import Message

    model, tokenizer = load_model(TINY, precision="fp32", device="cpu"), load_tokenizer(TINY)
    answers = ["Dez dias úteis.", "The cat sat on the mat, as ever.", "Sim.", "Não há prazo: é pessoal. " * 4]
    asked = [[Message(role="user", content="E então?"), Message(role="assistant", content=answer)] for answer in answers]
    encoded = [encode(tokenizer, turns, 512) for turns in asked]
    with torch.inference_mode():
        losses = [model(input_ids=torch.tensor([one.input_ids]), labels=torch.tensor([one.labels])).loss.item() for one in encoded]
    tokens = [sum(label != IGNORED for label in one.labels) for one in encoded]
    value = Likelihood().compute(
        nats=conversation_nats(model, encoded, 0, 3), tokens=tokens, text_bytes=[len(answer.encode()) for answer in answers]
    )  # fmt: skip
    nats = np.dot(losses, tokens)
    assert value["perplexity"].value == pytest.approx(math.exp(nats / sum(tokens)), rel=1e-6)
    assert value["bits_per_byte"].value == pytest.approx(nats / math.log(2) / sum(len(one.encode()) for one in answers), rel=1e-6)
