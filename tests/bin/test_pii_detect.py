"""Detection: what has to be found, what must not be, and what holds for every text."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llamaflow.pii.checkdigits import cnpj_digits, cpf_digits, is_luhn
from llamaflow.pii.detect import detect, detect_conversation

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def found(text: str, lang: str = "unknown") -> dict[str, list[str]]:
    values = defaultdict(list)
    for span in detect(text, lang):
        values[span.type].append(text[span.start : span.end])
    return dict(values)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("meu cpf é 529.982.247-25", "CPF", "529.982.247-25"),
        ("52998224725", "CPF", "52998224725"),
        ("529 982 247 25 é o documento", "CPF", "529 982 247 25"),
        ("CPF: 123.456.789-00", "CPF", "123.456.789-00"),
        ("o cpf do titular é 12345678900, pode conferir", "CPF", "12345678900"),
        ("cpf 1 2 3 4 5 6 7 8 9 0 0", "CPF", "1 2 3 4 5 6 7 8 9 0 0"),
        ("saiu sem CPF. O certo é CPF 12345678900.", "CPF", "12345678900"),
        ("CPF 529．982．247－25", "CPF", "529．982．247－25"),
        ("cpf 529.982\u200b.247-25", "CPF", "529.982\u200b.247-25"),
        ("11.222.333/0001-81", "CNPJ", "11.222.333/0001-81"),
        ("empresa 11222333000181", "CNPJ", "11222333000181"),
        ("CNPJ 12.ABC.345/01DE-35", "CNPJ", "12.ABC.345/01DE-35"),
        ("cnpj 12abc34501de35", "CNPJ", "12abc34501de35"),
        ("cnpj: 11222333000100", "CNPJ", "11222333000100"),
        ("paguei com 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("4111111111111111", "CREDIT_CARD", "4111111111111111"),
        ("4111-1111-1111-1111", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("3782 822463 10005", "CREDIT_CARD", "3782 822463 10005"),
        ("o cartão 4111 1111 1111 1112 foi recusado", "CREDIT_CARD", "4111 1111 1111 1112"),
        ("my card number is 5555555555554440", "CREDIT_CARD", "5555555555554440"),
        ("de 187.45.12.9 ontem", "IP_ADDRESS", "187.45.12.9"),
        ("from 2804:14d:7e80::1a2b", "IP_ADDRESS", "2804:14d:7e80::1a2b"),
        ("fe80::1ff:fe23:4567:890a", "IP_ADDRESS", "fe80::1ff:fe23:4567:890a"),
        ("fala com joao.silva+teste@sub.empresa.com.br.", "EMAIL", "joao.silva+teste@sub.empresa.com.br"),
        ("<maria@example.com>", "EMAIL", "maria@example.com"),
        ("joão@açaí.com.br", "EMAIL", "joão@açaí.com.br"),
        ("maria arroba gmail ponto com", "EMAIL", "maria arroba gmail ponto com"),
        ("maria.s (at) gmail.com", "EMAIL", "maria.s (at) gmail.com"),
        ("meu email é maria @ gmail.com", "EMAIL", "maria @ gmail.com"),
        ("cep 01310-100", "CEP", "01310-100"),
        ("CEP: 01310100", "CEP", "01310100"),
        ("RG 12.345.678-9", "RG", "12.345.678-9"),
        ("rg MG-12.345.678", "RG", "12.345.678"),
        ("chave pix 123e4567-e89b-42d3-a456-426614174000", "PIX_KEY", "123e4567-e89b-42d3-a456-426614174000"),
        ("placa ABC1D23", "PLATE", "ABC1D23"),
        ("a placa é abc-1234", "PLATE", "abc-1234"),
        ("nascido em 12/03/1985", "BIRTH_DATE", "12/03/1985"),
        ("data de nascimento: 5 de maio de 1990", "BIRTH_DATE", "5 de maio de 1990"),
        ("date of birth: May 5, 1990", "BIRTH_DATE", "May 5, 1990"),
        ("https://www.linkedin.com/in/maria-souza-123/", "URL", "maria-souza-123"),
    ],
)
def test_identifiers_are_found_whole(text, kind, value):
    assert value in found(text).get(kind, [])


@pytest.mark.parametrize(
    "number",
    """(11) 98765-4321|(11)98765-4321|11 98765-4321|11 98765 4321|11987654321|(11) 9 8765-4321|11-98765-4321|11.98765.4321|+55 11 98765-4321
    +5511987654321|+55 (11) 98765-4321|55 11 98765-4321|5511987654321|0055 11 98765-4321|(011) 3456-7890|(11) 3456-7890|11 3456-7890
    +55 11 3456-7890|98765-4321|011 98765-4321|(0xx11) 3456-7890|+1 (415) 555-2671|+1 415 555 2671|(415) 555-2671|415-555-2671|415.555.2671
    +44 20 7946 0958|+351 912 345 678|+14155552671""".replace("\n", "|").split("|"),
)
def test_phones_of_all_usual_forms(number):
    number = number.strip()
    for text in (f"me liga no {number} por favor", f"whats: {number}", f"{number}.", f"({number})" if "(" not in number else number):
        assert found(text, "pt").get("PHONE") == [number], text


@pytest.mark.parametrize(
    "text",
    [
        "me liga no 987654321",
        "o telefone é 34567890",
        "tel 1134567890",
        "call me at 4155552671",
        "my number, phone 020 7946 0958",
    ],
)
def test_bare_phones_behind_their_label(text):
    assert len(found(text).get("PHONE", [])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "O pedido 45871236 sai dia 12/05/2024 e custa R$ 1.299,00.",
        "Protocolo 20240512345678901, nota fiscal 000.123.456.",
        "SKU ABC-1234, lote 2024-0512, código 7891234567895.",
        "A mesa mede 120 x 80 x 75 cm e pesa 35,5 kg.",
        "das 10:30 às 18:45, de 2019-2024, em 2024-05-12T10:30:00",
        "versão 1.2.3.4 do aplicativo, release 10.0.19041.1",
        "Order 4785857 is 22 days late; tracking BR123456789BR.",
        "It costs $1,234,567.89 and the score was 3-2.",
        "chave de acesso 3519 0912 3456 7890 1234 5500 1000 0001 2310 0000 1234",
        "the id is 123e4567-e89b-42d3-a456-426614174000",
        "ligue 0800 123 4567 ou 4004-1234",
        "use std::vector and a::b, 127.0.0.1 is localhost",
        "npm install @types/node@18.2.1 e siga @empresa",
        "artigo 5º, lei 12.527/2011, R$ 12.345.678,90",
        "Casa Jatobá fica em São Paulo",
        "Quero a cor rosa, uma mesa de carvalho e um vale presente",
        "May I ask? Will you mark the date? The price is fair and the park is green.",
        "Moro em Santos, trabalho em Lima e nasci em Vitória",
        "Boa tarde! Preciso de ajuda. Obrigado, Equipe de Suporte",
        "Oi, Tudo bem? Olá, Bom dia! Hi there, Dear customer, Dear Sir or Madam",
        "Rio de Janeiro, Belo Horizonte, São José dos Campos e Santa Catarina",
        "Banco do Brasil, Hospital Albert Einstein",
        "Hoje o dia está claro, a vista é bela e o sol brilha em abril",
        "In May and June the Summer sale starts; Grace period ends in August.",
        "Seu pedido chegou. Sua casa é linda. Dona da loja. Senhor cliente",
        "I am happy. This is great. It is important. I'm sorry.",
        "sou cliente de vocês, aqui é complicado, sou o responsável",
    ],
)
def test_what_is_not_personal_stays(text):
    for lang in ("pt", "en"):
        assert set(found(text, lang)) <= {"DATE", "LOCATION", "ORGANIZATION", "DOMAIN"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Meu nome é Maria da Silva Souza.", ["Maria da Silva Souza"]),
        ("me chamo kauany e quero ajuda", ["kauany"]),
        ("meu nome eh joao dos santos", ["joao dos santos"]),
        ("Oi, aqui é a Drielly!", ["Drielly"]),
        ("aqui é o josenilton, tudo certo?", ["josenilton"]),
        ("Sr. Quirivaldo Boquirana, bom dia", ["Quirivaldo Boquirana"]),
        ("Dona Zulmerinda ligou ontem", ["Zulmerinda"]),
        ("Olá, Fernanda! Tudo bem?", ["Fernanda"]),
        ("Prezada Weslânia, seu pedido saiu", ["Weslânia"]),
        ("MARIA SOUZA PEDIU REEMBOLSO", ["MARIA SOUZA"]),
        ("falei com a mariana ontem", ["mariana"]),
        ("o pedido da Rosa Oliveira atrasou", ["Rosa Oliveira"]),
        ("perguntei para a Rosa sobre isso", ["Rosa"]),
        ("Atenciosamente,\nLucimar Vantrease", ["Lucimar Vantrease"]),
        ("Obrigada!\n\nAbraços,\nTainara", ["Tainara"]),
        ("Titular: Ivoneuda Paxiúba", ["Ivoneuda Paxiúba"]),
        ("em nome de Ubirajara Trindoso", ["Ubirajara Trindoso"]),
        ("My name is Xiomara Vantrease.", ["Xiomara Vantrease"]),
        ("my name is kestrin and I need help", ["kestrin"]),
        ("This is Brannick speaking", ["Brannick"]),
        ("I'm Tamsin, calling about my order", ["Tamsin"]),
        ("Hi Quenby, thanks for writing", ["Quenby"]),
        ("Dear Mr. Hallowmere, we are sorry", ["Hallowmere"]),
        ("Please ask Mark about it", ["Mark"]),
        ("Will Smith called twice", ["Will Smith"]),
        ("Best regards,\nGrace Hopper", ["Grace Hopper"]),
        ("I spoke with john about it", ["john"]),
        ("Maria's order is late", ["Maria"]),
        ("João P. Almeida assinou", ["João P. Almeida"]),
        ("Joa\u0303o assinou o contrato", ["Joa\u0303o"]),
        ("minha esposa, Zenólia Paxiúba, vai receber", ["Zenólia Paxiúba"]),
        ("para anaíre trindoso, cpf: 300.587.844-90", ["anaíre trindoso"]),
    ],
)
def test_names_are_found_in_both_languages(text, names):
    values = found(text).get("PERSON", [])
    for name in names:
        assert any(name in value for value in values), values


def test_a_name_found_once_is_found_in_the_whole_conversation():
    texts = ["Meu nome é Kauany Paxiúba.", "Certo, Kauany.", "obrigada, kauany mesmo", "A senhora Paxiúba confirmou."]
    spans = detect_conversation(texts, "pt")
    values = [[text[s.start : s.end] for s in one if s.type == "PERSON"] for text, one in zip(texts, spans, strict=True)]
    assert values == [["Kauany Paxiúba"], ["Kauany"], ["kauany"], ["Paxiúba"]]


def test_a_number_found_by_its_label_is_found_bare_too():
    texts = ["CPF 123.456.789-00", "confirmando 12345678900 ok"]
    assert [span.type for one in detect_conversation(texts) for span in one] == ["CPF", "CPF"]


def formatted(number: str, shape: str) -> str:
    digits = iter(number)
    return "".join(next(digits) if char == "#" else char for char in shape)


CONTEXTS = ["{}", "é {} mesmo", "({})", "doc:{};", "«{}»", "\n{}\n", "número {}."]


@given(
    st.text("0123456789", min_size=9, max_size=9).filter(lambda body: len(set(body)) > 1),
    st.sampled_from(["###.###.###-##", "###########", "### ### ### ##", "#########-##"]),
    st.sampled_from(CONTEXTS),
)
def test_every_right_cpf_is_found(body, shape, context):
    value = formatted(body + cpf_digits(body), shape)
    text = context.format(value)
    start = text.index(value)
    assert any(span.start <= start and span.end >= start + len(value) for span in detect(text))


@given(
    st.text("0123456789", min_size=12, max_size=12).filter(lambda body: len(set(body)) > 1),
    st.sampled_from(["##.###.###/####-##", "##############", "########/####-##"]),
    st.sampled_from(CONTEXTS),
)
def test_every_right_cnpj_is_found(body, shape, context):
    value = formatted(body + cnpj_digits(body), shape)
    text = context.format(value)
    start = text.index(value)
    assert any(span.start <= start and span.end >= start + len(value) for span in detect(text))


@given(
    st.tuples(st.sampled_from(["40", "45", "51", "55"]), st.text("0123456789", min_size=13, max_size=13)).map("".join),
    st.sampled_from(["################", "#### #### #### ####", "####-####-####-####"]),
    st.sampled_from(CONTEXTS),
)
def test_every_right_card_is_found(body, shape, context):
    numbers = [body + last for last in "0123456789" if is_luhn(body + last)]
    for number in numbers:
        value = formatted(number, shape)
        text = context.format(value)
        start = text.index(value)
        assert any(span.start <= start and span.end >= start + len(value) for span in detect(text))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["pt", "en", "mixed", "unknown"]))
@example("İ ß ﬁ \u0130ab@c.com ㎏ \ud800", "pt")
@example("Jo\u0303a\u0303o\u200d Sr. \u202eJose\u0301", "unknown")
def test_any_text_gives_spans_in_bounds_that_do_not_overlap(text, lang):
    last = 0
    for span in detect(text, lang):
        assert last <= span.start < span.end <= len(text)
        last = span.end


PIECES = [
    "maria",
    "João",
    "Sr.",
    "cpf",
    "529.982.247-25",
    "@",
    "a@b.com",
    "(11)",
    "98765-4321",
    "\u200b",
    "é",
    "\n",
    ",",
    "4111 1111 1111 1111",
    "::",
    "1.2.3.4",
    "Rua",
    "meu nome é",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["", " "]))
def test_mixed_pieces_give_sound_spans(pieces, glue):
    text = glue.join(pieces)
    last = 0
    for span in detect(text):
        assert last <= span.start < span.end <= len(text)
        last = span.end


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "1 ", "1.", "a@", "a.", "@", ":", "(1", "A ", "cpf ", "Maria ", "1-", "9999-", "\u0301", "1a:", "meu nome é ", "+1", "é-"],
)
def test_a_line_of_a_megabyte_ends(unit):
    text = unit * (200_000 // len(unit))
    spans = detect(text)
    assert all(span.end <= len(text) for span in spans)


def sample():
    """(texts, lang, spans) of each labelled conversation of the sample."""
    with (SAMPLE / "conversations.jsonl").open(newline="\n", encoding="utf-8") as stream:
        lines = stream.read().split("\n")
    with (SAMPLE / "faq.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for line in (SAMPLE / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        truth = json.loads(line)
        if "planted" in truth:
            continue
        if truth["file"] == "faq.csv":
            row = rows[truth["line"] - 1]
            yield [row["prompt"], row["completion"]], truth["lang"], truth["spans"]
        else:
            yield [message["content"] for message in json.loads(lines[truth["line"] - 1])["messages"]], truth["lang"], truth["spans"]


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="tests/data/sample is absent")
@pytest.mark.parametrize("declared", [True, False])
def test_recall_and_precision_on_the_sample(declared):
    labelled, covered, wrong, all_found = Counter(), Counter(), Counter(), Counter()
    for texts, lang, truth in sample():
        spans = detect_conversation(texts, lang if declared else "unknown")
        for one in truth:
            places = set(range(one["start"], one["end"]))
            hit = {p for s in spans[one["message"]] if s.type == one["type"] for p in range(s.start, s.end)}
            labelled[one["type"]] += len(places)
            covered[one["type"]] += len(places & hit)
        for number, found_spans in enumerate(spans):
            for span in found_spans:
                all_found[span.type] += 1
                wrong[span.type] += not any(t["message"] == number and t["start"] < span.end and span.start < t["end"] for t in truth)
    assert set(labelled) == {"PERSON", "EMAIL", "PHONE", "CPF", "CNPJ", "CREDIT_CARD", "IP_ADDRESS"}
    for kind, count in labelled.items():
        if kind == "PERSON":
            assert covered[kind] / count >= 0.95
            assert wrong[kind] / all_found[kind] <= 0.05
        else:
            assert covered[kind] == count, kind
            assert wrong[kind] == 0, kind


def test_an_ordinary_word_read_as_a_name_once_is_a_word_where_it_is_one_elsewhere():
    text = "Entendi, Renan. O vale aparece em seus créditos. E como eu uso esse vale de R$ 40? Esse vale vence."
    assert {text[span.start : span.end] for span in detect(text, "pt") if span.type == "PERSON"} == {"Renan"}


def test_a_name_reaches_to_its_last_capital_word_and_no_further_than_and():
    def names(text: str) -> set[str]:
        return {text[span.start : span.end] for span in detect(text, "pt") if span.type == "PERSON"}

    assert names("Oi, aqui é Kauany Tremembé Pitanga.") == {"Kauany Tremembé Pitanga"}
    assert names("Falei com Renan e Fernanda ontem.") == {"Renan", "Fernanda"}
