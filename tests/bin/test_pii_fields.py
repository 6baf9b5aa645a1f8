"""What detectors are given to read, and that what is written back leaves everything else as it was."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.pii.anonymizer import Anonymizer, Quarantine
from llamaflow.pii.fields import UnreadableText, fences, read, write
from llamaflow.pii.policy import Policy
from llamaflow.pii.spans import Span
from llamaflow.records import Message, Record, content_id

KEY = b"k" * 32
CPF, EMAIL = "529.982.247-25", "maria.souza@gmail.com"


def clean(*texts: str, lang="pt", policy=None, **meta) -> Record:
    messages = [Message(role="tool" if index else "user", content=text) for index, text in enumerate(texts)]
    record = Record(id=content_id(messages), messages=messages, lang=lang, meta=meta)
    return Anonymizer(policy or Policy(version=1), KEY).anonymize(record)[0]


def content(text: str, **more) -> str:
    return clean(text, **more).messages[0].content


def replaced(text: str, old: str, new: str) -> str:
    """A text with every place of old in its view replaced."""
    view = read(text)
    spans = [Span(match.start(), match.end(), "PERSON", "") for match in re.finditer(re.escape(old), view.text)]
    return write(text, view, [(piece, new) for span in spans for piece in view.pieces(span)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


# ---- views --------------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.dictionaries(st.text(max_size=10), json_values, min_size=1, max_size=4), st.booleans(), st.integers(0, 3))
def test_every_segment_stands_where_it_says(prose, value, ascii, depth):
    text = json.dumps(value, ensure_ascii=ascii)
    for _ in range(depth):
        text = json.dumps({"arguments": text}, ensure_ascii=ascii)
    raw = f"{prose} <tool_call>{text}</tool_call> {prose}"
    view = read(raw)
    last = 0
    for segment in view.segments:
        start, end = segment.raw(segment.start), segment.raw(segment.end)
        assert last <= start < end <= len(raw)
        last = end
        stood = raw[start:end]
        for _ in range(segment.level):
            stood = json.loads(f'"{stood}"', strict=False)
        assert stood.replace("_", " ") == view.text[segment.start : segment.end].replace("_", " ") or "\ufffd" in view.text
    assert write(raw, view, []) == raw


@settings(max_examples=200, deadline=None)
@given(json_values, st.booleans(), st.integers(0, 3), st.sampled_from(['Zé "Q" \\ ok', "Ana", "😀", "a\nb"]))
def test_a_value_replaced_at_any_depth_leaves_the_rest_and_the_json_valid(other, ascii, depth, new):
    def nest(name: str) -> str:
        text = json.dumps({"x": other, "nome": f"diz {name}!", "y": [name, other]}, ensure_ascii=ascii)
        for _ in range(depth):
            text = json.dumps({"a": 1, "arguments": text}, ensure_ascii=ascii)
        return text

    before, after = nest("JOÃO OU MARIA"), nest(new)
    made = replaced(before, "JOÃO OU MARIA", new)
    value, wanted = made, after
    for _ in range(depth):
        value, wanted = json.loads(value)["arguments"], json.loads(wanted)["arguments"]
    assert json.loads(value) == json.loads(wanted)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]":,\\u00e3a1 \n`~', max_size=60))
def test_any_text_can_be_read(text):
    try:
        view = read(text)
    except UnreadableText:
        return
    assert write(text, view, []) == text
    assert all(left.end <= right.start for left, right in zip(view.segments, view.segments[1:], strict=False))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (r'{"nome": "Jo\u00e3o \"Z\u00e9\" d\/a"}', 'nome: João "Zé" d/a'),
        (r'{"customer_name": "A", "firstName": "B"}', "customer name: A\nfirst Name: B"),
        (r'{"cpf": 52998224725, "x": [true, null, 1.5e3]}', "cpf: 52998224725\nx: 1.5e3"),
        (r'{"nomes": ["A", "B"]}', "nomes: A\nnomes: B"),
        (r'{"e": "\ud83d\ude00!"}', "e: 😀!"),
        (r'{"cut": "Jo\u00e3o', '{"cut": "João'),
    ],
)
def test_json_is_read_decoded_beside_its_keys(raw, shown):
    assert read(raw).text.strip() == shown


def test_fences():
    text = 'a\n```python\nx\n```\nb\n~~~\ny\n```\n~~~\n```json\n{"a": 1}\n```\n```js\nz'
    assert [text[start:end] for start, end, code in fences(text) if code] == [
        "```python\nx\n```",
        "~~~\ny\n```\n~~~",
        "```js\nz",
    ]
    assert [code for *_rest, code in fences('```\n{"a": 1}\n```')] == [False, False, False]
    assert [code for *_rest, code in fences("use ```x``` here\n```x``` too")] == [False]


# ---- records -------------------------------------------------------------------------------------------------------


def test_tool_calls_are_cleaned_and_stay_json():
    inner = json.dumps({"cpf": CPF, "nome": "João Almeida", "pedido": 45871236}, ensure_ascii=True)
    call = json.dumps({"name": "buscar_cliente", "arguments": inner})
    out = content(f"<tool_call>\n{call}\n</tool_call>")
    made = json.loads(re.search(r"<tool_call>\n(.*)\n</tool_call>", out)[1])
    arguments = json.loads(made["arguments"])
    assert made["name"] == "buscar_cliente"
    assert arguments["pedido"] == 45871236
    assert arguments["cpf"] != CPF
    assert arguments["nome"] not in ("João Almeida", "Jo\\u00e3o Almeida")
    assert made["arguments"].isascii()


def test_numbers_that_identify_go_and_all_other_bytes_stay():
    raw = '{ "cpf" : 52998224725 ,\n\t"total":1.50, "qtd": 3,"ok":true, "email":"maria.souza\\u0040gmail.com"  }'
    out = content(raw)
    value = json.loads(out)
    assert isinstance(value["cpf"], int | str)
    assert str(value["cpf"]) != "52998224725"
    assert value["email"].endswith("@example.com")
    pattern = (
        re.escape(raw).replace("52998224725", '"?[0-9]{11}"?').replace(re.escape("maria.souza\\u0040gmail.com"), r"[\w.]+@example\.com")
    )
    assert re.fullmatch(pattern, out)


@pytest.mark.parametrize("ascii", [True, False])
def test_escaped_names_are_seen(ascii):
    for raw in (
        json.dumps({"nome": "Antônio Gonçalves"}, ensure_ascii=ascii),
        json.dumps([{"nome": "Antônio Gonçalves"}], ensure_ascii=ascii) + " é a resposta",
        "```json\n" + json.dumps({"nome": "Antônio Gonçalves"}, ensure_ascii=ascii, indent=2) + "\n```",
    ):
        out = content(raw)
        assert not re.search(r"Ant(ô|\\u00f4)nio|Gon(ç|\\u00e7)alves", out), raw


def test_a_name_only_in_code_stays_and_identifiers_go():
    code = f'```python\ncliente = "Carlos Teixeira"  # meu nome é Carlos Teixeira\nemail = "{EMAIL}"\ncpf = "{CPF}"\n'
    for end in ("```\nok", ""):
        out = content("Veja:\n" + code + end)
        assert out.count("Carlos Teixeira") == 2
        assert EMAIL not in out
        assert CPF not in out


def test_a_name_found_outside_goes_from_code_too():
    out = clean("Sou o Carlos Teixeira, veja o código", '```python\nuser = "Carlos Teixeira"\n```')
    assert "Carlos" not in out.text
    assert "Teixeira" not in out.text


def test_names_as_keys_go_and_field_names_stay():
    out = content('{"Kauany Vasques": {"nome": "Maria Souza", "rosa": 1, "qtdItens": 2, "maria@gmail.com": 3}}')
    assert "Kauany" not in out
    assert "maria@" not in out
    assert '"rosa": 1, "qtdItens": 2,' in out
    assert '"maria"' not in content('{"maria": 1, "x": "meu nome é Maria Souza"}')


def test_names_in_json_go_though_it_is_fenced():
    assert "Kauany" not in content('```json\n{"nome": "Kauany Vasques"}\n```')


def test_meta_fields_follow_the_policy():
    policy = Policy(version=1, fields={"nota_*": "keep", "cust*": "drop", "Texto": "redact"})
    out = clean("oi", policy=policy, nota_x="meu nome é Rosa", customer={"cpf": CPF}, deep=[{"texto": [1, 2], "nome": "Kauany Vasques"}])
    assert out.meta["nota_x"] == "meu nome é Rosa"
    assert "customer" not in out.meta
    assert out.meta["deep"][0]["texto"] == "[REDACTED]"
    assert out.meta["deep"][0]["nome"] != "Kauany Vasques"


def test_json_within_meta_is_cleaned():
    out = clean("oi", arguments=json.dumps({"cpf": CPF, "n": 1}), log=f'resultado: {{"email": "{EMAIL}"}}')
    assert json.loads(out.meta["arguments"])["n"] == 1
    assert CPF not in out.meta["arguments"]
    assert EMAIL not in out.meta["log"]


@settings(max_examples=60, deadline=None)
@given(json_values, st.booleans())
def test_cleaning_keeps_json_valid(value, ascii):
    raw = json.dumps({"dados": value, "cpf": CPF, "nome": "Kauany Vasques", "email": EMAIL}, ensure_ascii=ascii)
    try:
        out = content(raw)
    except Quarantine:
        return
    json.loads(out)
    assert CPF not in out
    assert EMAIL not in out
    assert "Kauany" not in out


# ---- tricks ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "С\u0420F: 529.982.247-25",  # Cyrillic letters in the label
        "cpf ５２９.９８２.２４７-２５",
        "cpf 529\u200b.982\u200b.247-25",
        "c\u200dpf 52998224725",
        "cpf ٥٢٩٩٨٢٢٤٧٢٥",
        "رقم cpf 529.982.247-25 شكرا, it is my number, ok? please check it today",
    ],
)
def test_disguised_numbers_go(text):
    out = content(text, lang="unknown")
    digits = "".join(str(int(char)) for char in out if char.isdecimal())
    assert "52998224725" not in digits


@pytest.mark.parametrize(
    "text", ["mаria.souza@gmail.com", "maria.souza＠gmail.com", "ma\u200bria.souza@gmail.com", "mαria.souza@gmail.com"]
)
def test_disguised_mailboxes_go_or_hold_the_record_back(text):
    from llamaflow.pii.proof import pattern_leaks

    out = clean(f"escreva para {text} hoje")
    assert "gmail" not in out.text or pattern_leaks(out)


def test_look_alike_letters_do_not_hide_a_name():
    out = content("Meu nome é Mаriа Sоuzа, tudo bem?")  # Cyrillic а and о
    assert "Sоuz" not in out
    assert "Mаri" not in out


def test_a_megabyte_on_one_line_is_cleaned():
    for text in (
        ("Meu nome é Maria Souza, cpf 529.982.247-25, ok? " * 22_000)[:1_000_000],
        json.dumps({"itens": ["x"] * 150_000, "cpf": CPF}),
        "\\u00e3" * 160_000 + CPF,
        "`" * 1_000_000 + CPF,
        "😀" * 500_000 + f" {CPF} ",
    ):
        assert CPF not in content(text)


@pytest.mark.parametrize(
    ("text", "reason"), [('{"a":' * 3000 + "1" + "}" * 3000, "too_deep"), ("[" * 100_000, "too_deep"), ('{"' * 100_000, "odd_json")]
)
def test_json_that_nobody_writes_is_held_back(text, reason):
    with pytest.raises(Quarantine) as caught:
        content(text)
    assert caught.value.reason == reason


# ---- languages ---------------------------------------------------------------------------------------------------------------

SPANISH = (
    "Hola, me llamo Juan y quiero saber cuándo llegará mi pedido porque ya han pasado tres semanas y nadie me contesta. El número de "
    "seguimiento no funciona en la página y cuando llamo por teléfono me dicen que tengo que esperar. Muchas gracias por su ayuda."
)


@pytest.mark.parametrize("text", [SPANISH, "Traduza para o português:\n\n" + SPANISH])
def test_a_paragraph_in_another_language_is_held_back(text):
    with pytest.raises(Quarantine) as caught:
        content(text)
    assert caught.value.reason == "unsupported_language"
    assert content(text, policy=Policy(version=1, unsupported_language="allow"))


@pytest.mark.parametrize(
    "text", ["Hola, ¿cómo estás? Quiero saber dónde está mi pedido.", "Como se diz 'спасибо' em português?", "la la la " * 60]
)
def test_short_foreign_text_passes(text):
    assert content(text)


def test_one_long_message_in_another_script_is_held_back():
    with pytest.raises(Quarantine) as caught:
        clean(
            "Answer the following question as well as you can, please, and be brief. " * 20, "меня зовут Кауани Иванова, позвоните мне " * 6
        )
    assert caught.value.reason == "unsupported_script"


def test_each_message_is_read_in_its_own_language():
    mixed = clean(
        "Meu telefone é (11) 98765-4321, obrigada pela ajuda", "Call me at 020 7946 0958, thank you very much for this", lang="mixed"
    )
    assert "98765" not in mixed.text
    assert "7946" not in mixed.text
