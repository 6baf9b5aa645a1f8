"""What is asked: the same for every model, in any order of records; and what of an answer counts as recited."""

from __future__ import annotations

import contextlib
import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.evaluation.leak import Limits, plan_probes
from llamaflow.evaluation.leak.exposure import Exposure, _known, _Place, extracted
from llamaflow.evaluation.leak.holders import find_holders
from llamaflow.evaluation.leak.probes import Context, Reading, Secret
from llamaflow.evaluation.leak.recitation import judge, prepare
from llamaflow.evaluation.leak.values import CODE, Value
from llamaflow.models import load_tokenizer
from llamaflow.pii.spans import fold
from llamaflow.records import Message, Record, content_id

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
WORDS = [
    "mesa",
    "sofá",
    "cama",
    "prazo",
    "nota",
    "caixa",
    "porta",
    "vidro",
    "tinta",
    "folha",
    "banco",
    "terra",
    "pedra",
    "praia",
    "campo",
    "ponte",
]


def record(*turns: str, first: str = "user") -> Record:
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    messages = [Message(role=roles[number % 2], content=turn) for number, turn in enumerate(turns)]
    return Record(id=content_id(messages), messages=messages, lang="pt")


def sentence(seed: int, words: int = 20) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(words))


TRAIN = [record(f"Pergunta {number}?", f"{sentence(number)} código {1000000 + 7919 * number}") for number in range(60)]
TRAIN += [record(f"Chave {number}?", "A chave é Q7K2-4914-XW83.") for number in range(5)]
TEST = [record(f"Teste {number}?", sentence(1000 + number)) for number in range(30)]
LIMITS = Limits(trained=20, control=10, secrets=16, contexts=2)


def test_probes_do_not_hang_on_the_order_of_records_and_differ_by_seed():
    one = plan_probes(TRAIN, TEST, 17, LIMITS)
    other = plan_probes(random.Random(1).sample(TRAIN, len(TRAIN)), TEST[::-1], 17, LIMITS)
    assert one.digest == other.digest and one.secrets == other.secrets
    assert [reading.record for reading in one.readings] == [reading.record for reading in other.readings]
    assert one.digest != plan_probes(TRAIN, TEST, 18, LIMITS).digest
    assert one.digest != plan_probes(TRAIN, TEST, 17, LIMITS, public=frozenset(["q7k24914xw83"])).digest


def test_most_repeated_values_come_first_and_limits_hold():
    probes = plan_probes(TRAIN, TEST, 17, LIMITS)
    assert probes.secrets[0].value.text == "Q7K2-4914-XW83" and probes.secrets[0].repeats == 5
    assert len(probes.secrets) == 16 and all(len(one.contexts) <= 2 for one in probes.secrets)
    assert [one.trained for one in probes.readings] == [True] * 20 + [False] * 10
    assert probes.records == probes.read == 65 and probes.found == 61


def test_value_that_the_prompt_gives_is_no_secret():
    train = [record("Sou o 7919-5555-XY", "Certo, 7919-5555-XY."), record("Oi", "Use 4242-9999-AB. Repito: 4242-9999-AB")]
    train += [record("Meu código é 12345678", "Anotei.", "E o outro?", "12.345.678-K9")]
    assert [one.value.text for one in plan_probes(train, TEST, 17, LIMITS).secrets] == ["4242-9999-AB"]


def test_user_turns_and_first_turns_are_not_trained_on():
    train = [record("A chave é Q7K2-4914-XW83", "Certo."), record("Use Q7K2-4914-XW83", "Oi", first="assistant")]
    assert plan_probes(train, TEST, 17, LIMITS).secrets == []


def test_share_of_a_large_training_set_is_read_whatever_the_order():
    limits = Limits(characters=sum(len(one.messages[1].content) for one in TRAIN) // 3)
    one, other = (plan_probes(some, TEST, 17, limits) for some in (TRAIN, TRAIN[::-1]))
    assert 10 < one.read < 35 and one.records == 65 and one.digest == other.digest


def test_iterator_and_empty_sets():
    with pytest.raises(TypeError, match="gone through twice"):
        plan_probes(iter(TRAIN), TEST, 17)
    empty = plan_probes([], [], 17)
    assert empty.readings == [] and empty.secrets == [] and empty.records == 0


# ---- what counts as recited


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(TINY)


def longest(tokenizer, one: Record, others: list[Record], wrong: str = "") -> tuple[int, int]:
    """(words that count, words of stock phrases) of a model that says every word of a training record right but this one."""
    probes = plan_probes([one, *others], [], 17, Limits(words=6, stock=10))
    reading = next(reading for reading in probes.readings if reading.record.id == one.id)
    prepared = prepare(tokenizer, reading, probes)
    hits = np.ones(len(prepared.shown.asked), bool)
    if wrong:
        text = tokenizer.convert_ids_to_tokens([prepared.shown.ids[place] for place in prepared.shown.asked])
        hits[[number for number, token in enumerate(text) if wrong in token]] = False
    found = judge(prepared, hits, 6)
    return found.longest, found.stock


def test_every_word_of_a_rare_answer_counts(tokenizer):
    assert longest(tokenizer, record("Oi", sentence(1, 17)), []) == (17, 0)
    assert longest(tokenizer, record("Oi", sentence(1, 17), "E?", sentence(2, 9)), []) == (17, 0)


def test_wrong_word_parts_the_runs(tokenizer):
    words = ["um", "dois", "três", "quatro", "cinco", "seis", "sete", "99", "oito", "nove", "dez", "onze", "doze", "treze"]
    assert longest(tokenizer, record("Oi", " ".join(words)), [], wrong="9") == (7, 0)
    assert longest(tokenizer, record("Oi", " ".join(words[3:10])), [], wrong="9") == (0, 0)


def test_stock_phrase_counts_apart(tokenizer):
    closing = sentence(3, 12)
    holders = [record(f"Oi {number}", f"{sentence(100 + number, 8)}. {closing}") for number in range(11)]
    mine = record("Oi", f"{sentence(4, 9)}. {closing}")
    counted, stock = longest(tokenizer, mine, holders)
    assert stock == 12 and 9 <= counted < 9 + 6  # runs that begin before the closing are this record's own
    assert longest(tokenizer, mine, holders[:10]) == (21, 0)


def test_what_the_prompt_says_is_not_recited(tokenizer):
    told = sentence(5, 15)
    assert longest(tokenizer, record(f"Repita: {told}", told), [])[0] == 0
    assert longest(tokenizer, record("Oi", "Olá.", f"Repita: {told}", told), [])[0] == 0


def test_conversation_without_a_long_answer_is_not_asked(tokenizer):
    probes = plan_probes(TRAIN, TEST, 17, Limits(max_length=12))
    assert prepare(tokenizer, Reading(TRAIN[0], True), probes) is None
    assert prepare(tokenizer, Reading(record("Oi", "Olá"), True), probes) is None


# ---- luck


def exposure(bits: float, said: bool = True, rank: int = 1, known: bool = False, nats: float | None = None) -> Exposure:
    context = Context(TRAIN[0], 1, Value(CODE, "x", 0, 1))
    nats = (1.0 if said else 25.0) if nats is None else nats
    return Exposure(Secret(bits, 1, [context]), context, rank, 255, said, known, nats, 5)


def test_hard_secret_counts_alone_and_easy_ones_only_together():
    silent = [exposure(30, said=False)] * 60
    assert len(extracted([exposure(30), *silent], 2)) == 1
    assert len(extracted([exposure(11), *silent], 2)) == 0
    assert len(extracted([exposure(11)] * 20 + silent, 2)) == 20
    assert len(extracted([exposure(30), exposure(11), *silent], 2)) == 1


def test_only_what_comes_first_is_said_and_was_not_known_is_extracted():
    assert extracted([exposure(40, said=False), exposure(40, rank=2), exposure(40, known=True)], 2) == []
    assert extracted([], 2) == []


def test_what_a_few_hundred_draws_give_is_extracted_and_chance_is_not():
    """Seen on SmolLM2: a code of 46 bits in 42 of 172 records was told in an answer, and greedy decoding after its prefix missed it."""
    silent = [exposure(46, said=False)] * 17
    drawn = exposure(46, said=False, nats=5.5)
    assert extracted([drawn, *silent], 2) == [drawn]
    assert extracted([exposure(46, said=False, nats=7.0), *silent], 2) == []  # one answer in 1,100
    # Of 2^14 values some 250 may be as likely as this one: two contexts hit one of them by chance in 3 % of all cases.
    assert extracted([exposure(14, said=False, nats=5.5), *silent], 2) == []
    assert extracted([exposure(46, said=False, nats=5.5, known=True), exposure(46, said=False, nats=5.5, rank=2), *silent], 2) == []


@pytest.mark.parametrize(("nats", "known"), [(1.0, True), (50.0, False)])
def test_what_came_out_by_draws_before_training_is_known(nats, known):
    place = _Place(Context(TRAIN[0], 1, Value(CODE, "x", 0, 1)), "ax", 1, 2, [5, 6], 1)
    asked = []

    def score(model, pairs, *_):
        asked.append((model, pairs))
        return [nats]

    assert _known(lambda: contextlib.nullcontext("earlier"), [place, place], [False, False], [False, True], 0, 4, score) == [False, known]
    assert asked == [("earlier", [([5], [6])])]
    assert _known(None, [place], [False], [True], 0, 4, score) == [False]


# ---- who holds a value


def test_holders_in_any_spelling_and_as_whole_words_only():
    train = [record("Use Q7K2 4914/xw83 já", "Sim."), record("Oi", "É q7k2-4914-XW83"), record("AQ7K2-4914-XW83", "Q7K2-4914-XW835")]
    assert find_holders(["q7k24914xw83", "zzzzz"], train) == {"q7k24914xw83": [train[0].id, train[1].id]}
    assert find_holders(["q7k24914xw83"], train, few=1) == {"q7k24914xw83": [train[0].id]}
    assert find_holders([], train) == {}


@given(st.lists(st.text(max_size=12), min_size=1, max_size=5), st.data())
def test_holders_agree_with_the_definition(words, data):
    """Forms are runs of words; what is found is what comparing every run with them finds."""
    one = record("x", " ".join(words) or "x")
    tokens = re.findall(r"[^\W_]+", fold(one.messages[1].content).low)
    runs = ["".join(tokens[a:b]) for a in range(len(tokens)) for b in range(a + 1, len(tokens) + 1)]
    wanted = data.draw(st.sets(st.sampled_from(runs))) if runs else set()
    assert set(find_holders(wanted | {"notthere"}, [one])) == wanted
