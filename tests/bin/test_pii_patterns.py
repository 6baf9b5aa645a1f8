"""Identifiers by form: what each family finds, what it leaves, and that the longest line ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validate_docbr import CNH, CNS, PIS, RENAVAM, TituloEleitoral

from llamaflow.pii.patterns import identifiers
from llamaflow.pii.spans import fold, without_overlap


def found(text: str, lang: str = "unknown") -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in without_overlap(identifiers(fold(text), lang))]


CASES = [
    ("meu pis é 120.56874.10-7", "PIS", "120.56874.10-7"),
    ("nit 12056874100", "PIS", "12056874100"),
    ("título de eleitor 1234 5678 9012 zona 123 seção 0456", "VOTER_ID", "1234 5678 9012 zona 123 seção 0456"),
    ("cnh 12345678901", "CNH", "12345678901"),
    ("renavam: 123456789", "RENAVAM", "123456789"),
    ("cartão sus 123456789012345", "CNS", "123456789012345"),
    ("RG 12.345.678-X SSP/SP", "RG", "12.345.678-X"),
    ("12.345.678-9 órgão emissor SSP/SP", "RG", "12.345.678-9"),
    ("1234567 SSP-BA", "RG", "1234567"),
    ("CIN: 529.982.247-26", "CPF", "529.982.247-26"),
    ("CPF:\n52998224726", "CPF", "52998224726"),
    ("cpf52998224726", "CPF", "52998224726"),
    ("empresa 12ABC34501DE35", "CNPJ", "12ABC34501DE35"),
    ("o carro BRA2E19 sumiu", "PLATE", "BRA2E19"),
    ("ag 1234-5 cc 12345-6", "BANK_ACCOUNT", "1234-5"),
    ("agência 0001 conta 123456-7", "BANK_ACCOUNT", "123456-7"),
    ("routing 021000021", "BANK_ACCOUNT", "021000021"),
    ("sort code 12-34-56", "BANK_ACCOUNT", "12-34-56"),
    ("passaporte FX123456", "PASSPORT", "FX123456"),
    ("processo 0001234-56.2020.8.26.0100", "CASE_NUMBER", "0001234-56.2020.8.26.0100"),
    ("mac 00:1A:2B:3C:4D:5E", "MAC_ADDRESS", "00:1A:2B:3C:4D:5E"),
    ("IBAN GB82 WEST 1234 5698 7654 32.", "IBAN", "GB82 WEST 1234 5698 7654 32"),
    ("to DE89370400440532013000 please", "IBAN", "DE89370400440532013000"),
    ("ssn 078-05-1120", "SSN", "078-05-1120"),
    ("it is 999-88-7777", "SSN", "999-88-7777"),
    ("my social security number is 078051120", "SSN", "078051120"),
    ("reach 001-555-123-4567x1234 now", "PHONE", "001-555-123-4567x1234"),
    ("at (88) 684-334", "PHONE", "(88) 684-334"),
    ("mon 04 12 34 56 78", "PHONE", "04 12 34 56 78"),
    ("my phone: 41-73-18-06", "PHONE", "41-73-18-06"),
    ("11923456789", "PHONE", "11923456789"),
    ("my driver's license number is D1234567", "DRIVER_LICENSE", "D1234567"),
    ("my license number is 123456789", "DRIVER_LICENSE", "123456789"),
    ("dob 3/23/1940", "BIRTH_DATE", "3/23/1940"),
    ("nascido em 1985", "BIRTH_DATE", "1985"),
    ("on Tuesday, March 3rd, 2020", "DATE", "Tuesday, March 3rd, 2020"),
    ("2024-05-12T10:30:00Z", "DATE", "2024-05-12T10:30:00Z"),
    ("em 3 de maio", "DATE", "3 de maio"),
    ("tenho 34 anos", "AGE", "34 anos"),
    ("a 34-year-old man", "AGE", "34-year-old"),
    ("aged 34", "AGE", "aged 34"),
    ("https://site.test/user/joaosilva", "URL", "joaosilva"),
    ("https://example.org/path.", "DOMAIN", "https://example.org/path"),
    ("veja google.com.br.", "DOMAIN", "google.com.br"),
    ("login: maria", "USERNAME", "maria"),
    ("insta @maria.souza", "USERNAME", "@maria.souza"),
    ("key AKIAIOSFODNN7EXAMPLE", "SECRET", "AKIAIOSFODNN7EXAMPLE"),
    ("senha: girassol1", "SECRET", "girassol1"),
    ("a senha é Abc@123", "SECRET", "Abc@123"),
    ("postgres://admin:s3cr3t@db.test:5432/x", "SECRET", "s3cr3t"),
    ('api_key = "a8f5f167f44f4964e6c998dee827110c"', "SECRET", "a8f5f167f44f4964e6c998dee827110c"),
    ("Rua das Acácias, 123, apto 45, bairro Centro, CEP 01310-100", "ADDRESS", "Rua das Acácias, 123, apto 45, bairro Centro"),
    ("av. paulista 1000 apto 12", "ADDRESS", "av. paulista 1000 apto 12"),
    ("Flat 3, 12 High Street, London SW1A 1AA", "ADDRESS", "Flat 3, 12 High Street"),
    ("London SW1A 1AA", "CEP", "SW1A 1AA"),
    ("Springfield, IL 62704", "CEP", "62704"),
    ("P.O. Box 12", "ADDRESS", "P.O. Box 12"),
    ("Hauptstraße 12", "ADDRESS", "Hauptstraße 12"),
]


@pytest.mark.parametrize(("text", "kind", "value"), CASES)
def test_each_form_is_found_whole(text, kind, value):
    assert (kind, value) in found(text)
    # Among other words, and in a record's other line, too.
    assert (kind, value) in found(f"Bom dia!\n{text}\nObrigado")


def test_a_private_key_and_a_pix_payload_are_one_span_each():
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    payload = (
        "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5903ABC6006CIDADE62070503***63041D3D"
    )
    assert found(f"x\n{key}\ny") == [("SECRET", key)]
    assert found(f"pague {payload} hoje") == [("PIX_KEY", payload)]


@pytest.mark.parametrize(
    "text",
    [
        "frações 1/2 e 3.5.2, version 2.0.1, in 2019",
        "há 5 anos, 5 anos de garantia, 5 years ago, 5 years of experience, 10 anos de experiência",
        "main.py, etc.Foo, README.md, e.g.this, node.js",
        "User: hello, how are you",
        "Usuário: bom dia",
        "minha senha não funciona, senha: quero trocar a minha",
        "moro na rua em que moro há 5 anos",
        "walked 5 times down the street, 10 minutes way",
        "ligue 0800 123 4567 ou 4004-1234",
        "12056874107 e 12345678901 e 4111111111111112",
    ],
)
def test_what_has_no_form_of_a_person_stays(text):
    assert found(text) == []


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([("cnh", CNH), ("pis", PIS), ("renavam", RENAVAM), ("título de eleitor", TituloEleitoral), ("cns", CNS)]), st.booleans()
)
def test_numbers_with_right_digits_are_found_behind_their_label(pair, spaced):
    label, oracle = pair
    number = oracle().generate()
    value = " ".join(number) if spaced else number
    kinds = {"cnh": "CNH", "pis": "PIS", "renavam": "RENAVAM", "título de eleitor": "VOTER_ID", "cns": "CNS"}
    assert (kinds[label], value) in found(f"segue o {label}: {value}, obrigado")


UNITS = [
    "1",
    "1 ",
    "1.",
    "a@",
    "a.",
    ":",
    "(1",
    "(",
    "9999-",
    "12/05 ",
    "rua a,",
    "1 a ",
    "http://a/user/",
    "senha: a ",
    "key: a1B2 ",
    "user a ",
    "gb82 ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_line_of_a_megabyte_ends(unit):
    text = unit * (1_000_000 // len(unit))
    assert all(span.end <= len(text) for span in identifiers(fold(text), "unknown"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CNH 62137117088", "CNH"),
        ("CNH 652 659 116 77", "CNH"),
        ("PIS: 65504953340", "PIS"),
        ("RENAVAM nº 29424009437", "RENAVAM"),
        ("3746 781605 38782", "CREDIT_CARD"),
    ],
)
def test_a_label_or_a_longer_number_beats_the_check_digits_of_another(text, kind):
    assert [span.type for span in without_overlap(identifiers(fold(text), "pt")) if span.type != "PERSON"] == [kind]


@pytest.mark.parametrize("spelling", ["12 ABC 345 01DE 35", "12.ABC.345/01DE-35", "12ABC34501DE35"])
def test_a_cnpj_with_letters_in_any_spelling(spelling):
    assert [
        (span.type, span.end - span.start) for span in without_overlap(identifiers(fold(f"CNPJ {spelling}"), "pt")) if span.type == "CNPJ"
    ] == [("CNPJ", len(spelling))]


def test_a_case_number_in_spaced_digits():
    number = "0001234-" + f"{98 - int('0001234' + '2023' + '8260100' + '00') % 97:02}" + ".2023.8.26.0100"
    spaced = " ".join(char for char in number if char.isdigit())
    for text in (
        f"processo {number}",
        f"processo {spaced}",
        f"case number: {spaced}",
        "processo " + number.replace("-", " ").replace(".", " "),
    ):
        assert [
            span.type for span in without_overlap(identifiers(fold(text), "pt")) if span.type in ("CASE_NUMBER", "CPF", "CNPJ", "PHONE")
        ] == ["CASE_NUMBER"], text
