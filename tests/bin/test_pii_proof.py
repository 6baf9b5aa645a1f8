"""The second look and the planted records: what each has to see, what neither may call a leak."""

from __future__ import annotations

import random
import re

import pytest
import validate_docbr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from llamaflow.pii.anonymizer import Anonymizer
from llamaflow.pii.canaries import BY_CONTEXT, Tally, count_found, plant, unproved
from llamaflow.pii.policy import Policy
from llamaflow.pii.proof import pattern_leaks
from llamaflow.pii.second_look import is_case, is_cnh, is_cns, is_iban, is_pis, is_renavam, is_voter, more_leaks, suspects, wilson
from llamaflow.pii.spans import ENTITY_TYPES
from llamaflow.records import Message, Record

KEPT = dict.fromkeys(["LOCATION", "ORGANIZATION", "DATE", "DOMAIN"], "keep")


def record(text: str, **meta) -> Record:
    return Record(id="a" * 32, messages=[Message(role="user", content=text)], lang="pt", meta=meta)


def leaks(text: str, own: tuple[str, ...] = ()) -> dict[str, int]:
    return dict(more_leaks(record(text), frozenset(), own))


@pytest.mark.parametrize(
    ("oracle", "test", "size"),
    [
        (validate_docbr.PIS, is_pis, 11),
        (validate_docbr.CNS, is_cns, 15),
        (validate_docbr.TituloEleitoral, is_voter, 12),
        (validate_docbr.CNH, is_cnh, 11),
        (validate_docbr.RENAVAM, is_renavam, 11),
    ],
)
def test_check_digits_agree_with_the_oracle(oracle, test, size):
    oracle, draw = oracle(), random.Random(7)
    assert all(test(oracle.generate()) for _ in range(300))
    for _ in range(10_000):
        number = f"{draw.randrange(10**size):0{size}d}"
        assert test(number) == oracle.validate(number), number


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("PIS: 120.03480.28-7", "PIS"),
        ("IBAN GB82 WEST 1234 5698 7654 32", "IBAN"),
        ("de89370400440532013000 é DE89370400440532013000", "IBAN"),
        ("ssn 219-09-9999", "SSN"),
        ("mac 3c:22:fb:1a:2b:3c", "MAC_ADDRESS"),
        ("fone +44 20 7946 0958", "PHONE"),
        ("fone +55 (11) 98765-4321", "PHONE"),
        ("fone (11) 98765-4321", "PHONE"),
        ("fone (１１) ９８７６５-４３２１", "PHONE"),
        ("ghp_" + "a1B2" * 9, "SECRET"),
        ("AKIAIOSFODNN7EXAMPLE", "SECRET"),
        ("-----BEGIN RSA PRIVATE KEY-----", "SECRET"),
    ],
)
def test_what_reads_like_personal_data_is_a_leak_unless_it_was_put_there(text, kind):
    assert leaks(text) == {kind: 1}
    assert leaks(text, (text,)) == {}


@pytest.mark.parametrize(
    "text",
    [
        "pedido 120.03480.28-7",
        "PIS 120.03480.28-8",
        "IBAN GB83 WEST 1234 5698 7654 32",
        "987-65-4320 e 000-12-3456",
        "mac 00:00:5e:00:53:1c",
        "fone (11) 90000-4321, (11) 0000-4321, +55 11 90000-4321, +1 415 555 0134, +44 000 1234 567",
        "às 10:20:30, (10) 2000 unidades",
        "processo 0001234-00.2020.8.26.0100",
    ],
)
def test_surrogates_and_other_numbers_are_no_leak(text):
    assert leaks(text) == {}


def test_a_case_number_has_its_digits():
    assert is_case("0000001-45.2020.8.26.0100") is (int("00000012020826010045") % 97 == 1)
    assert not is_iban("")
    right = [f"{number:02d}" for number in range(100) if is_case(f"0012345-{number:02d}.2021.8.26.0100")]
    assert len(right) in (1, 2)
    assert leaks(f"processo 0012345-{right[0]}.2021.8.26.0100") == {"CASE_NUMBER": 1}


def test_names_that_nobody_put_there_are_suspected():
    text = "A Fernanda e o rodrigo foram à reunião em Curitiba. A rosa é bonita.\n```\nricardo = 1\n```"
    assert suspects(record(text), ()) == 2
    assert suspects(record(text), ("Fernanda Lima",)) == 1


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_is_wilsons(hits, more):
    total = hits + more
    wanted = binomtest(hits, total).proportion_ci(0.95, "wilson")
    assert wilson(hits, total) == pytest.approx((wanted.low, wanted.high), abs=1e-6)
    low, high = wilson(hits, total)
    assert 0 <= low <= hits / total <= high <= 1


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_the_second_look_reads_any_text(text):
    assert sum(more_leaks(record(text, a=text), frozenset(ENTITY_TYPES), ()).values()) == 0
    assert suspects(record(text), ()) >= 0
    pattern_leaks(record(text))


# ---- canaries --------------------------------------------------------------------------------------------------------


def test_canaries_hold_every_type_in_both_languages_where_they_say():
    canaries = plant(50, "shard-00000")
    assert {one.type for canary in canaries for one in canary.planted} == set(ENTITY_TYPES)
    assert {canary.record.lang for canary in canaries} == {"pt", "en"}
    for lang in ("pt", "en"):
        assert {one.type for canary in canaries if canary.record.lang == lang for one in canary.planted} == set(ENTITY_TYPES)
    for canary in canaries:
        for one in canary.planted:
            assert canary.record.messages[0].content[one.start :].startswith(one.value)
    assert plant(50, "shard-00000") == canaries
    assert not {c.record.id for c in plant(50, "shard-00001")} & {c.record.id for c in canaries}


def test_no_list_knows_a_canarys_name():
    from llamaflow.pii.lexicon import lexicon

    names = {word for canary in plant(300, "x") for one in canary.planted if one.type == "PERSON" for word in one.value.lower().split()}
    assert len(names) > 200
    assert not names & lexicon().flags.keys()


def test_all_planted_identifiers_are_found_and_most_names():
    for policy in (Policy(version=1, entities=KEPT), Policy(version=1), Policy(version=1, default="redact")):
        found = count_found(Anonymizer(policy, b"k" * 32), plant(132, "test"))
        assert unproved(found, policy.kept, 0.8) == []


def test_a_detector_gone_blind_is_noticed(monkeypatch):
    from llamaflow.pii import anonymizer

    monkeypatch.setattr(anonymizer, "detect_conversation", lambda texts, *_: [[] for _ in texts])
    found = count_found(Anonymizer(Policy(version=1, entities=KEPT), b"k" * 32), plant(40, "x"))
    assert all(tally.found == 0 < tally.planted for tally in found.values())
    missed = unproved(found, frozenset(KEPT), 0.8)
    assert {text.split()[0] for text in missed} == set(ENTITY_TYPES) - set(KEPT)
    assert not re.search("[a-z]", " ".join(missed).replace(" of ", ""))


def test_names_may_be_missed_within_measure_and_identifiers_may_not():
    kinds = {kind: Tally(10, 8) for kind in (*BY_CONTEXT, "CPF")}
    assert unproved(kinds, frozenset(), 0.8) == ["CPF 8 of 10"]
    assert sorted(unproved(kinds, frozenset(["CPF"]), 0.9)) == ["ADDRESS 8 of 10", "PERSON 8 of 10"]
