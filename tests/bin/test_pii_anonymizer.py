"""Replacement: what the output must keep, must not hold, and must be under the same and under another key."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamaflow.errors import BadInputError
from llamaflow.pii.anonymizer import SEAL, Anonymizer, Quarantine
from llamaflow.pii.checkdigits import cnpj_digits, cpf_digits, is_cnpj, is_cpf, is_luhn
from llamaflow.pii.detect import detect
from llamaflow.pii.policy import Policy, load_policy
from llamaflow.pii.proof import number_kind, pattern_leaks, strings, surviving
from llamaflow.pii.surrogates import Surrogates, is_fictional_phone, normal
from llamaflow.records import Message, Record, content_id

KEY, OTHER = b"k" * 32, b"o" * 32
POLICIES = Path(__file__).parents[2] / "conf" / "anonymize"
SURROGATE = Policy(version=1)


def record(*texts: str, lang="pt", source="a.jsonl", **meta) -> Record:
    messages = [Message(role="user" if index % 2 == 0 else "assistant", content=text) for index, text in enumerate(texts)]
    return Record(id=content_id(messages), messages=messages, lang=lang, source=source, meta=meta)


def clean(*texts: str, policy=SURROGATE, key=KEY, **more) -> Record:
    return Anonymizer(policy, key).anonymize(record(*texts, **more))[0]


def luhn(body: str) -> str:
    return next(body + last for last in "0123456789" if is_luhn(body + last))


digit_text = lambda size: st.text("0123456789", min_size=size, max_size=size).filter(lambda text: len(set(text)) > 1)  # noqa: E731
cpfs = digit_text(9).map(lambda body: body + cpf_digits(body))
cnpjs = digit_text(12).map(lambda body: body + cnpj_digits(body))
cards = digit_text(14).map(lambda body: luhn("4" + body))
emails = st.from_regex(r"[a-z]{2,8}\.[a-z]{2,8}[0-9]{0,3}@(gmail|hotmail|empresa)\.com(\.br)?", fullmatch=True)
phones = st.tuples(st.sampled_from(["11", "21", "85"]), st.from_regex(r"9[6-9][0-9]{3}-[0-9]{4}", fullmatch=True)).map(
    lambda p: f"({p[0]}) {p[1]}"
)
addresses = st.tuples(*[st.integers(1, 126)] * 4).map(lambda parts: ".".join(map(str, parts)))


def dotted(cpf: str) -> str:
    return f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}"


# ---- surrogates -----------------------------------------------------------------------------------------------------


@given(cpfs)
def test_cpf_surrogates_keep_the_form_and_belong_to_nobody(cpf):
    surrogates = Surrogates(KEY)
    plain, form = surrogates.replace("CPF", cpf), surrogates.replace("CPF", dotted(cpf))
    assert re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d{2}", form)
    assert re.sub(r"\D", "", form) == plain != cpf
    assert not is_cpf(plain)
    assert surrogates.is_own("CPF", form)
    assert not Surrogates(OTHER).is_own("CPF", form) or Surrogates(OTHER).replace("CPF", cpf) == plain


@given(cnpjs, cards)
def test_cnpj_and_card_surrogates_fail_their_check_digits(cnpj, card):
    surrogates = Surrogates(KEY)
    assert not is_cnpj(surrogates.replace("CNPJ", cnpj))
    made = surrogates.replace("CREDIT_CARD", " ".join(re.findall("....", card)))
    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", made)
    assert not is_luhn(made.replace(" ", ""))


def test_an_alphanumeric_cnpj_keeps_letters_where_they_were():
    made = Surrogates(KEY).replace("CNPJ", "12.ABC.345/01DE-35")
    assert re.fullmatch(r"\d{2}\.[A-Z]{3}\.\d{3}/\d{2}[A-Z]{2}-\d{2}", made)


@given(cpfs)
def test_a_real_cpf_is_never_taken_for_a_surrogate(cpf):
    assert not Surrogates(KEY).is_own("CPF", cpf)


def test_few_mistyped_numbers_pass_as_surrogates():
    surrogates, draw = Surrogates(KEY), random.Random(1)
    numbers = [f"{draw.randrange(10**11):011d}" for _ in range(20_000)]
    assert sum(surrogates.is_own("CPF", number) for number in numbers) <= 20


@pytest.mark.parametrize(
    "phone",
    ["(11) 98765-4321", "+55 11 98765-4321", "5511987654321", "11987654321", "98765-4321", "(11) 3456-7890", "3456-7890", "011 98765-4321"],
)
def test_brazilian_phones_keep_form_and_area(phone):
    made = Surrogates(KEY).replace("PHONE", phone)
    assert re.sub(r"\d", "#", made) == re.sub(r"\d", "#", phone)
    assert is_fictional_phone(made)
    assert not is_fictional_phone(phone)
    assert re.sub(r"\D", "", phone)[:-9] == re.sub(r"\D", "", made)[:-9]


@pytest.mark.parametrize(
    "phone", ["+1 415 555 2671", "(415) 345-2671", "415-345-2671", "+44 20 7946 0958", "+351 912 345 678", "+14153452671"]
)
def test_foreign_phones_keep_form_and_country(phone):
    made = Surrogates(KEY).replace("PHONE", phone)
    assert re.sub(r"\d", "#", made) == re.sub(r"\d", "#", phone)
    assert is_fictional_phone(made)
    assert phone.split(" ")[0][:2] == made.split(" ")[0][:2] or phone[0] != "+"


def test_one_phone_in_two_spellings_has_one_surrogate():
    made = {
        Surrogates(KEY).replace("PHONE", phone)[-4:] for phone in ("(11) 98765-4321", "+55 11 98765 4321", "11987654321", "011 98765-4321")
    }
    assert len(made) == 1
    assert normal("EMAIL", "Maria@X.com") == normal("EMAIL", "maria@x.COM")


def test_addresses_lie_in_documentation_ranges():
    surrogates = Surrogates(KEY)
    assert re.match(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$", surrogates.replace("IP_ADDRESS", "8.8.8.8"))
    assert surrogates.replace("IP_ADDRESS", "2804:14d::1").startswith("2001:db8:")
    assert surrogates.replace("IP_ADDRESS", "192.0.2.7") != "192.0.2.7"
    assert surrogates.replace("EMAIL", "maria@gmail.com").endswith("@example.com")


def test_another_key_gives_other_values():
    text = "Maria Souza, cpf 529.982.247-25, maria@gmail.com, (11) 98765-4321"
    assert clean(text).messages[0].content != clean(text, key=OTHER).messages[0].content


# ---- names -------------------------------------------------------------------------------------------------------


def test_parts_of_a_name_follow_the_full_name_with_their_case():
    out = clean("Meu nome é Maria Souza.", "Olá, Maria! MARIA SOUZA confirma?", "sim, maria souza aqui", "Dona Maria, sra. Souza, ok")
    first, last = re.search(r"nome é (\w+) (\w+)\.", out.messages[0].content).groups()
    assert out.messages[1].content == f"Olá, {first}! {first.upper()} {last.upper()} confirma?"
    assert out.messages[3].content == f"Dona {first}, sra. {last}, ok"
    assert "maria" not in out.text.lower()
    assert "souza" not in out.text.lower()


def test_gender_is_kept_and_particles_stay():
    from llamaflow.pii.lexicon import read_list

    women, men = set(read_list("first_pt_f")), set(read_list("first_pt_m"))
    for name in ("Fernanda", "Juliana", "Camila", "Patrícia"):
        out = clean(f"Meu nome é {name} da Silva.").messages[0].content
        assert re.fullmatch(r"Meu nome é (\w+) da (\w+)\.", out)[1] in women - men
    for name in ("Ricardo", "Rodrigo", "João"):
        assert re.search(r"é (\w+) dos", clean(f"Meu nome é {name} dos Santos.").messages[0].content)[1] in men - women


def test_unaccented_lower_case_stays_unaccented():
    for name in ("joao", "antonio", "jose", "marcia", "fabio", "lucia", "claudia"):
        assert clean(f"meu nome eh {name}").messages[0].content.isascii()


def test_a_surrogate_is_never_a_name_of_its_own_record():
    from llamaflow.pii.lexicon import read_list

    names = [name for name in read_list("first_pt_f") if len(name) > 4][:120]
    out = clean(". ".join(f"Falei com a {name} Ferreira hoje" for name in names))
    assert not any(re.search(rf"\b{name}\b", out.text) for name in names)


# ---- whole records -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(cpfs, cnpjs, cards, emails, phones, addresses)
def test_no_identifier_survives_and_a_second_pass_changes_nothing(cpf, cnpj, card, email, phone, address):
    values = [cpf, dotted(cpf), cnpj, card, email, phone, address]
    anonymizer = Anonymizer(SURROGATE, KEY)
    before = record(
        f"CPF {dotted(cpf)}, CNPJ {cnpj}, cartão {card}",
        f"{email} / {phone}",
        f"ip {address}",
        f"de novo: {cpf} {phone}",
        nota=email,
        doc=int("1" + cpf[1:]),
    )
    outcome = anonymizer.process(before)
    after = outcome.record
    whole = "\n".join(strings(after))
    for value in values:
        assert not re.search(rf"(?<![\w.]){re.escape(value)}(?![\w.])", whole, re.I), value
    assert not pattern_leaks(after)
    assert not surviving(after, outcome.originals)
    again, findings = anonymizer.anonymize(after)
    assert again == after
    assert findings == []


@settings(max_examples=60, deadline=None)
@given(cpfs, cnpjs, cards, emails, phones)
def test_structured_surrogates_are_known_as_own_without_the_seal(cpf, cnpj, card, email, phone):
    anonymizer = Anonymizer(SURROGATE, KEY)
    text = (
        f"meu cpf {dotted(cpf)}, cnpj: {cnpj}, cartão {card}, email {email}, whats {phone}, cep 01310-100, placa ABC1D23, rg 12.345.678-9"
    )
    once = anonymizer.anonymize(record(text))[0]
    twice, findings = anonymizer.anonymize(record(once.messages[0].content))
    assert twice.messages == once.messages
    assert findings == []


def test_a_forged_or_stale_seal_does_not_help():
    out = clean("Meu nome é Maria Souza")
    edited = out.model_copy(update={"messages": [Message(role="user", content="Meu nome é Maria Souza")]})
    assert "Maria" not in Anonymizer(SURROGATE, KEY).anonymize(edited)[0].text
    assert Anonymizer(SURROGATE, OTHER).anonymize(out)[1] != []
    assert Anonymizer(Policy(version=1, default="redact"), KEY).anonymize(out)[1] != []
    assert "Maria" not in clean("Meu nome é Maria Souza", **{SEAL: "f" * 32}).text


def test_order_and_company_do_not_matter():
    texts = ["Sou a Maria Souza, cpf 529.982.247-25", "Maria Souza: maria@gmail.com", "This is John Smith, (415) 345-2671"]
    alone = [clean(text) for text in texts]
    anonymizer = Anonymizer(SURROGATE, KEY)
    backwards = [anonymizer.anonymize(record(text))[0] for text in reversed(texts)]
    assert backwards[::-1] == alone
    assert re.search(r"a (\w+ \w+),", alone[0].text)[1] in alone[1].text


def test_meta_keys_numbers_and_nesting_are_cleaned():
    out = clean(
        "oi",
        source="/home/maria.souza/exports/conversas_maria.csv",
        nome="kauany vasques",
        cpf=52998224725,
        deep=[
            {"maria@gmail.com": ["(11) 98765-4321", {"telefone": "11987654321"}], "pedido": 45871236, "nota": 4.5, "ok": True, "x": None}
        ],
    )
    flat = json.dumps(out.model_dump(), ensure_ascii=False)
    for value in ("kauany", "vasques", "52998224725", "maria", "98765", "gmail", "/home"):
        assert value not in flat.lower()
    assert isinstance(out.meta["cpf"], int)
    inner = out.meta["deep"][0]
    assert (inner["pedido"], inner["nota"], inner["ok"], inner["x"]) == (45871236, 4.5, True, None)
    assert re.fullmatch(r"[0-9a-f]{32}", out.id) and out.id != record("oi").id
    assert clean("oi").source == "a.jsonl"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda: record("x").model_copy(update={"id": "maria@gmail.com"}), "odd_id"),
        (lambda: record("x" * 4_000_001), "too_long"),
        (lambda: record("Maria \ud800"), "odd_text"),
        (lambda: record('{"a":' * 3000 + "1" + "}" * 3000), "too_deep"),
        (lambda: record("меня зовут Мария Иванова, позвоните мне"), "unsupported_script"),
        (lambda: record("x", a={"maria@a.com": 1, "nested": {1: 2}}), "odd_meta"),
        (lambda: record("x", a=__import__("functools").reduce(lambda inner, _: [inner], range(40), "x")), "too_deep"),
    ],
)
def test_what_cannot_be_vouched_for_is_not_let_through(bad, reason):
    with pytest.raises(Quarantine) as caught:
        Anonymizer(SURROGATE, KEY).anonymize(bad())
    assert caught.value.reason == reason


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=120),
    st.text(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_any_record_is_cleaned_or_held_back_and_comes_out_the_same_twice(text, other, meta):
    before = record(text, other, lang="unknown", value=meta)
    anonymizer = Anonymizer(SURROGATE, KEY)
    try:
        after, findings = anonymizer.anonymize(before)
    except Quarantine:
        return
    assert anonymizer.anonymize(before) == (after, findings)
    assert anonymizer.anonymize(after) == (after, [])
    for finding in findings:
        if finding.message is not None:
            assert 0 <= finding.start < finding.end <= len(before.messages[finding.message].content)


def test_findings_hold_no_values():
    _out, findings = Anonymizer(SURROGATE, KEY).anonymize(record("Maria Souza, cpf 529.982.247-25, maria@gmail.com", tel="(11) 98765-4321"))
    flat = json.dumps(findings)
    assert {finding.type for finding in findings} == {"PERSON", "CPF", "EMAIL", "PHONE"}
    assert not re.search("maria|souza|529|98765|gmail", flat, re.I)


# ---- policies --------------------------------------------------------------------------------------------------------


TEXT = "Meu nome é Maria Souza, cpf 529.982.247-25, email maria@gmail.com"


def test_actions():
    masked, redacted = (clean(TEXT, policy=Policy(version=1, default=action)).messages[0].content for action in ("mask", "redact"))
    assert masked == "Meu nome é ***** *****, cpf ***.***.***-**, email *****@*****.***"
    assert redacted == "Meu nome é [PERSON], cpf [CPF], email [EMAIL]"
    hashed = clean(TEXT, policy=Policy(version=1, default="hash")).messages[0].content
    assert re.fullmatch(r"Meu nome é \[PERSON:[0-9a-f]{16}\], cpf \[CPF:[0-9a-f]{16}\], email \[EMAIL:[0-9a-f]{16}\]", hashed)
    kept = clean(TEXT, policy=Policy(version=1, default="redact", entities={"EMAIL": "keep"})).messages[0].content
    assert kept == "Meu nome é [PERSON], cpf [CPF], email maria@gmail.com"


@pytest.mark.parametrize("action", ["mask", "redact", "hash"])
def test_other_actions_are_idempotent_on_plain_text(action):
    policy = Policy(version=1, default=action)
    once = clean(TEXT, policy=policy).messages[0].content
    assert clean(once, policy=policy).messages[0].content == once


def test_shipped_policies_load():
    assert [load_policy(POLICIES / f"{name}.yaml").action("CPF") for name in ("surrogate", "mask", "redact")] == [
        "surrogate",
        "mask",
        "redact",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("version: 1\nentities:\n  CPF: mask\n  NAME: mask\n", 4, "PERSON"),
        ("version: 1\nentities:\n  CPF: masked\n", 3, "mask"),
        ("version: 1\ndefualt: mask\n", 2, "defualt"),
        ("version: 2\n", 1, "version"),
        ("version: 1\ndefault: mask\ndefault: keep\n", 3, "default"),
        ("version: 1\nentities: [\n", 3, "YAML"),
        ("- 1\n", 1, "mapping"),
        ("", 1, "mapping"),
        ("default: mask\n", 1, "version"),
        ("version: 1\nsha256: abc\n", 2, "sha256"),
        ("version: 1\nfields:\n  nota: mask\n", 3, "redact"),
        ("version: 1\ncanaries: -1\n", 2, "canaries"),
        ("version: 1\ncanaries: many\n", 2, "canaries"),
        ("version: 1\nmax_leak_rate: 2\n", 2, "max_leak_rate"),
        ("version: 1\nunsupported_language: drop\n", 2, "quarantine"),
    ],
)
def test_a_wrong_policy_is_refused_with_its_line(tmp_path, text, line, words):
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(BadInputError) as caught:
        load_policy(file)
    assert f"policy.yaml:{line}" in str(caught.value)
    assert words in str(caught.value)


# ---- proof ---------------------------------------------------------------------------------------------------------


@given(cpfs, cnpjs, cards)
def test_the_second_look_finds_what_detection_would(cpf, cnpj, card):
    assert number_kind(cpf) == "CPF"
    assert number_kind(cnpj) == "CNPJ"
    assert number_kind(card) == "CREDIT_CARD"
    assert pattern_leaks(record(f"a {cpf} b", f"{dotted(cpf)}; {cnpj}", x=[card])) == {"CPF": 2, "CNPJ": 1, "CREDIT_CARD": 1}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            digit_text(11),
            digit_text(14),
            digit_text(16),
            cpfs,
            cards,
            emails,
            addresses,
            st.sampled_from(["pedido", "protocolo", "versão", "ip", "-", ",", "e"]),
        ),
        max_size=8,
    )
)
@example(["5723345557576778"])
def test_the_second_look_never_contradicts_detection(pieces):
    outcome = Anonymizer(SURROGATE, KEY).process(record(" ".join(pieces)))
    assert pattern_leaks(outcome.record) == {}
    assert surviving(outcome.record, outcome.originals) == {}


def test_leaks_are_counted_by_type():
    dirty = record("maria@gmail.com e 187.4.5.6", "ok: ana@example.com 192.0.2.1", x={"maria@b.org": 1})
    assert pattern_leaks(dirty) == {"EMAIL": 2, "IP_ADDRESS": 1}
    assert pattern_leaks(dirty, frozenset(["EMAIL"])) == {"IP_ADDRESS": 1}
    assert surviving(record("oi KAUANY, 123.456.789-00"), [("PERSON", "Kauany"), ("CPF", "123.456.789-00"), ("PERSON", "Bia")]) == {
        "PERSON": 1,
        "CPF": 1,
    }
    assert surviving(record("moro em São Paulo, cor rosa"), [("PERSON", "Paulo"), ("PERSON", "Rosa")]) == {}
    assert surviving(record("o número é 12345678900"), [("CPF", "123.456.789-00")]) == {"CPF": 1}


def test_a_name_within_a_value_that_was_kept_is_no_leak():
    text = "A Casa Jatobá agradece. Jatobá assinou."
    assert surviving(record(text), [("PERSON", "Jatobá")], ["Casa Jatobá"]) == {"PERSON": 1}
    assert surviving(record(text[:24]), [("PERSON", "Jatobá")], ["Casa Jatobá"]) == {}


def test_what_is_a_person_once_is_kept_nowhere(monkeypatch):
    from llamaflow.pii import anonymizer
    from llamaflow.pii.spans import Span

    monkeypatch.setattr(anonymizer, "detect_conversation", lambda *_: [[Span(0, 6, "PERSON", "x"), Span(8, 14, "LOCATION", "x")], []])
    out = clean("Kauany, KAUANY!", policy=Policy(version=1, entities={"LOCATION": "keep"}))
    assert "kauany" not in out.text.lower()


def test_detection_reads_its_own_output_without_a_leak():
    out = clean("Meu nome é Maria Souza, cpf 529.982.247-25, (11) 98765-4321").messages[0].content
    assert {span.type for span in detect(out)} >= {"PERSON", "CPF", "PHONE"}


@pytest.mark.parametrize("source", ["conversations.jsonl:12", "treino.jsonl", "tickets.csv.gz:3", "dados.json"])
def test_a_file_keeps_its_name_whatever_its_records_tell(source):
    told = ["Oi, aqui é a Zenilda Tavares, cpf 529.982.247-25", "vale jsonl treino tickets", "ok"]
    assert {clean(text, source=source).source for text in told} == {source}


def test_a_file_named_after_somebody_is_renamed_alike_in_all_records():
    names = {clean(text, source="maria_souza.jsonl:4").source for text in ("oi", "Aqui é a Zenilda Tavares")}
    assert len(names) == 1 and "maria" not in names.pop()
