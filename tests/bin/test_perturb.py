"""Disturbed questions: the same for the same seed whatever stands beside them, with their meaning, numbers and code intact."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.evaluation.checks import check_problem, passes_all
from llamaflow.evaluation.noise import KEPT, odd_characters, other_case, typos, without_accents
from llamaflow.evaluation.perturb import CATEGORIES, VARIANTS, adversarial_suite
from llamaflow.records import Message, Record, content_id

CODE = (
    "Explique o código `soma_total(x)` e a fatura nº 1.234,56 de 10/02/2024:\n```\nfor linha in arquivo:\n    imprime(linha)\n```\n"
    "Obrigado pela atenção, João Pereira."
)
WORDS = st.sampled_from(
    [
        "entrega",
        "Quando",
        "chega",
        "não",
        "pedido",
        "pagamento",
        "coração",
        "the",
        "Invoice",
        "delivery",
        "John",
        "12",
        "R$",
        "3,50",
        "a@b.co",
    ]
)
TEXTS = st.one_of(st.text(max_size=120), st.lists(WORDS, min_size=1, max_size=25).map(" ".join), st.just(CODE))
SEEDS = st.integers(0, 2**32)


def record(text: str, answer: str = "Sim, chega amanhã.", lang: str = "pt") -> Record:
    messages = [Message(role="user", content=text), Message(role="assistant", content=answer)]
    return Record(id=content_id(messages), messages=messages, lang=lang)


RECORDS = [
    record(f"Olá, o pedido número {number} não chegou em São Paulo até a data combinada. Quando será a entrega do meu pedido?")
    for number in range(100, 130)
] + [record(f"Hello, please tell me when order {number} will be delivered to my house in Boston.", "Soon.", "en") for number in range(40)]


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


@given(TEXTS, SEEDS)
def test_kept_parts_and_numbers_stay(text: str, seed: int) -> None:
    for category in ("typos", "case", "accents", "noise"):
        changed = VARIANTS[category](text, random.Random(seed), "pt")
        assert [found[0] for found in KEPT.finditer(changed)] == [found[0] for found in KEPT.finditer(text)], category
        assert numbers(changed) == numbers(text)


@given(TEXTS, SEEDS)
def test_each_change_is_undone_by_what_it_disturbs(text: str, seed: int) -> None:
    draw = random.Random(seed)
    assert other_case(text, draw).lower() == text.lower()
    assert len(other_case(text, draw)) == len(text)
    strip = lambda one: "".join(char for char in unicodedata.normalize("NFD", one) if not unicodedata.combining(char))  # noqa: E731
    assert strip(without_accents(text)) == strip(text)
    assert len(typos(text, draw).split()) == len(text.split())


def test_code_and_names_survive_typos() -> None:
    for seed in range(200):
        changed = typos(CODE, random.Random(seed), "pt", share=0.9)
        for part in ("`soma_total(x)`", "1.234,56", "10/02/2024", "```\nfor linha in arquivo:\n    imprime(linha)\n```", "João Pereira"):
            assert part in changed
        assert changed != CODE


def test_typos_stay_near_on_the_keyboard_and_keep_first_letters() -> None:
    text = "quando chega minha encomenda que deveria chegar ontem pela manhã"
    for seed in range(100):
        changed = typos(text, random.Random(seed), "pt", share=1.0)
        assert [word[0] for word in changed.split()] == [word[0] for word in text.split()]
        assert all(abs(len(new) - len(old)) <= 1 for new, old in zip(changed.split(), text.split(), strict=True))
        long = [(new, old) for new, old in zip(changed.split(), text.split(), strict=True) if len(old) >= 4]
        assert all(new != old for new, old in long)
    assert "ç" in "".join(typos("boladolaço " * 3, random.Random(seed), "pt", share=1.0) for seed in range(50))


def test_accents_of_other_scripts_stay() -> None:
    assert without_accents("coração é ação") == "coracao e acao"
    assert without_accents("يَوْم हिन्दी がぎ") == "يَوْم हिन्दी がぎ"


def test_noise_shows_in_bytes_and_hardly_to_the_eye() -> None:
    text = "please send the package to my office before noon"
    changed = odd_characters(text, random.Random(3))
    assert changed != text
    assert abs(len(changed) - len(text)) < len(text) / 2


@settings(max_examples=15)
@given(SEEDS, st.randoms(use_true_random=False), st.integers(0, 60))
def test_order_and_neighbours_do_not_matter(seed: int, shuffler: random.Random, count: int) -> None:
    whole = {item.id: item for item in adversarial_suite(RECORDS, seed).items}
    some = shuffler.sample(RECORDS, count)
    for item in adversarial_suite(some, seed).items:
        assert whole[item.id] == item
    assert adversarial_suite(RECORDS[::-1], seed).digest == adversarial_suite(RECORDS, seed).digest


def test_items_keep_reference_and_cluster() -> None:
    suite = adversarial_suite(RECORDS, seed=17)
    by_id = {one.id: one for one in RECORDS}
    assert {item.category for item in suite.items} == set(CATEGORIES)
    assert len({item.id for item in suite.items}) == len(suite.items)
    for item in suite.items:
        if item.category in VARIANTS:
            source = by_id[item.cluster]
            assert item.reference == source.messages[-1].content
            assert item.messages[-1].content != source.messages[0].content
            assert item.lang == source.lang
        else:
            assert item.kind == "check"
            assert not [check_problem(check) for check in item.checks if check_problem(check)]


def test_an_injection_is_in_the_prompt_and_obeying_it_fails() -> None:
    for item in adversarial_suite(RECORDS, seed=5).items:
        if item.category == "injection":
            marker = item.checks[0].value["any"][0]
            assert marker in item.messages[-1].content
            assert not passes_all(item, marker.capitalize() + "!")
            assert not passes_all(item, "")
            assert passes_all(item, "O pedido chega na terça-feira.")


@pytest.mark.parametrize("limit", [1, 5, 7, 20, 100, 10_000])
def test_a_limit_is_shared_evenly(limit: int) -> None:
    whole, some = adversarial_suite(RECORDS, 17), adversarial_suite(RECORDS, 17, limit)
    assert len(some.items) == min(limit, len(whole.items))
    assert {item.id for item in some.items} <= {item.id for item in whole.items}
    if limit == 20:
        counts = [sum(item.category == name for item in some.items) for name in CATEGORIES]
        assert max(counts) - min(counts) <= 1


def test_multi_turn_and_odd_records() -> None:
    turns = [
        Message(role="system", content="Seja breve."), Message(role="user", content="Primeira pergunta sobre entregas?"),
        Message(role="assistant", content="Sim."), Message(role="user", content="E quando chega a encomenda?"),
        Message(role="tool", content='{"status": "em trânsito"}'), Message(role="assistant", content="Amanhã."),
        Message(role="user", content="Obrigado pela ajuda"),
    ]  # fmt: skip
    item = next(item for item in adversarial_suite([Record(id="a", messages=turns, lang="pt")], 1).items if item.category == "paraphrase")
    assert item.reference == "Amanhã."
    assert [one.role for one in item.messages] == ["system", "user", "assistant", "user", "tool"]
    assert item.messages[1] == turns[1]
    assert "E quando chega a encomenda?" in item.messages[3].content
    silent = [
        Record(id="b", messages=[Message(role="assistant", content="Só eu falo.")]),
        Record(id="c", messages=[Message(role="user", content="  "), Message(role="assistant", content="Oi")]),
        Record(id="d", messages=[Message(role="user", content="Sem resposta")]),
    ]
    assert {item.category for item in adversarial_suite(silent, 1).items} == {"jailbreak"}


def test_a_long_word_is_read_in_no_time() -> None:
    text = "a" * 200_000 + " " + "{" * 50_000
    assert typos(text, random.Random(1)) != text
