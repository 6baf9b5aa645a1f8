"""Brazilian documents: CPF, CNPJ, CNS, PIS, RG, CEP, plates, PIX keys and numbers of court cases."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..checkdigits import is_case_number, is_cnpj, is_cns, is_cpf, is_pis
from ..spans import digits_of
from ..wordlist import words
from .labels import Found, Reading

_CPF = re.compile(r"(?<![0-9])[0-9]{3}(?P<a>[. ]?)[0-9]{3}[. ]?[0-9]{3}(?P<b> ?[-/. ]? ?)[0-9]{2}(?![0-9])")
_CNPJ = re.compile(r"(?<![a-z0-9])[0-9]{2}(?P<a>[. ]?)[0-9]{3}[. ]?[0-9]{3}(?P<b> ?[/ ]? ?)[0-9]{4} ?[- ]? ?[0-9]{2}(?![a-z0-9])")
_CNPJ_LETTERS = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{2}\.[A-Za-z0-9]{3}\.[A-Za-z0-9]{3} ?(?P<slash>/) ?[A-Za-z0-9]{4} ?- ?[0-9]{2}"
    r"|[A-Za-z0-9]{2} [A-Za-z0-9]{3} [A-Za-z0-9]{3} [A-Za-z0-9]{4} [0-9]{2}"
    r"|[A-Za-z0-9]{8}/?[A-Za-z0-9]{4}-?[0-9]{2})(?![A-Za-z0-9])"
)
_CNS = re.compile(r"(?<![0-9])[1-2789][0-9]{2}(?P<s>[ .]?)[0-9]{4}(?P=s)[0-9]{4}(?P=s)[0-9]{4}(?![0-9])")
_PIS = re.compile(r"(?<![0-9.])[0-9]{3}\.[0-9]{5}\.[0-9]{2}-[0-9](?![0-9])")
_CASE = re.compile(r"(?<![0-9])[0-9]{7} ?- ?[0-9]{2}\.[0-9]{4}\.[0-9]\.[0-9]{2}\.[0-9]{4}(?![0-9])")
_CASE_BARE = re.compile(r"(?<![0-9])[0-9]{9}(?:19[89][0-9]|20[0-4][0-9])[1-9][0-9]{6}(?![0-9])")


def documents(text: Reading) -> Iterator[Found]:
    """Numbers that their form or their check digits prove."""
    plain = text.plain
    if text.longest >= 11:
        for match in text.near(_CPF, 11):
            formatted = match["a"] == "." and match["b"].strip() == "-"
            if formatted or is_cpf(digits_of(match[0])):
                yield match.start(), match.end(), "CPF", "cpf.form" if formatted else "cpf.check"
        if "." in plain:
            for match in text.near(_PIS, 11):
                if is_pis(digits_of(match[0])):
                    yield match.start(), match.end(), "PIS", "pis.check"
    if text.longest >= 14:
        for match in text.near(_CNPJ, 14):
            if match["a"] == "." and "/" in match["b"]:
                yield match.start(), match.end(), "CNPJ", "cnpj.form"
            elif is_cnpj(digits_of(match[0])):
                yield match.start(), match.end(), "CNPJ", "cnpj.check"
    if text.longest >= 15:
        for match in text.near(_CNS, 15):
            bare = digits_of(match[0])
            # One random number in eleven passes; written without spaces, only the series that are given out are taken.
            if is_cns(bare) and (match["s"] or bare.startswith(("1", "2", "70", "80", "898"))):
                yield match.start(), match.end(), "CNS", "cns.check"
    if text.longest >= 20:
        for match in text.near(_CASE, 20):
            yield match.start(), match.end(), "CASE_NUMBER", "case.form"
        for start, end, count in text.chunks:
            if count == 20 and text.label(start) in ("CASE_NUMBER", "other") and is_case_number(digits_of(plain[start:end])):
                yield start, end, "CASE_NUMBER", "case.check"
        for match in text.near(_CASE_BARE, 20):
            if is_case_number(match[0]):
                yield match.start(), match.end(), "CASE_NUMBER", "case.check"
    for match in _CNPJ_LETTERS.finditer(plain):
        number = "".join(char for char in match[0] if char.isalnum())
        if number.isdigit() or sum(char.isdigit() for char in number) < 2:
            continue
        if match["slash"]:
            yield match.start(), match.end(), "CNPJ", "cnpj.form"
        elif number == number.upper() and is_cnpj(number):
            yield match.start(), match.end(), "CNPJ", "cnpj.check"
        elif text.label(match.start()) == "CNPJ":
            yield match.start(), match.end(), "CNPJ", "cnpj.label"


_STATES = "ac|al|ap|am|ba|ce|df|es|go|ma|mt|ms|mg|pa|pb|pr|pe|pi|rj|rn|rs|ro|rr|sc|sp|se|to"
_ISSUERS = r"ssp|sds|sesp|ssp-?ds|sejusp|pc|policia civil|detran|ifp|iirgd|igp|itep|dgpc|pol(?:icia)? ?fed(?:eral)?|dpf|mre|sejsp|oab"
_RG = re.compile(
    r"(?<![0-9a-z])(?:[a-z]{1,2}[ .\-]{0,3})?(?P<number>[0-9]{1,3}(?:\.?[0-9]{3}){1,3}(?:[ \-/]{0,2}[0-9x])?|"
    r"[0-9]{5,13}(?:[ \-]{0,2}[0-9x])?)"
    r"(?![0-9a-z])"
)
_RG_FORM = re.compile(r"(?<![0-9a-z.])[0-9]{2}\.[0-9]{3}\.[0-9]{3}-[0-9x](?![0-9a-z])")
_ISSUER_WORDS = frozenset(words("ssp sds sesp sejusp pc policia detran ifp iirgd igp itep dgpc pol polfed dpf mre sejsp oab"))
_RG_ISSUER = re.compile(
    rf"(?<![0-9a-z.,])[0-9]{{1,3}}(?:\.?[0-9]{{3}}){{1,3}}(?:-?[0-9x])?(?=[ ,\-]{{0,3}}(?:orgao (?:emissor|"
    rf"expedidor):? ?)?(?:{_ISSUERS})[ /\-]{{1,3}}(?:{_STATES})(?![a-z]))"
)


def identity(text: Reading) -> Iterator[Found]:
    """RG numbers: behind their label, in the form NN.NNN.NNN-N, or before the office that issued them."""
    low = text.low
    if "rg" in low or "r.g" in low or "registro" in low or "identidade" in low:
        for match in _RG.finditer(low):
            if text.label(match.start("number")) == "RG":
                yield match.start("number"), match.end("number"), "RG", "rg.label"
    if text.longest >= 8 and "-" in low:
        for match in text.near(_RG_FORM, 8):
            if text.label(match.start()) in ("", "RG"):
                yield match.start(), match.end(), "RG", "rg.form"
    if text.longest >= 5 and not _ISSUER_WORDS.isdisjoint(text.words):
        for match in _RG_ISSUER.finditer(low):
            yield match.start(), match.end(), "RG", "rg.issuer"


_CEP = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,/\-])(?:[0-9]{2}\.?[0-9]{3}-[0-9]{3}|"
    r"(?P<bare>[0-9]{2}\.?[0-9]{3} ?[0-9]{3}))(?![0-9A-Za-z])(?![\-/][0-9])"
)
_PLATE = re.compile(r"(?<![0-9a-z])[a-z]{3}[ \-]?[0-9][0-9a-z][0-9]{2}(?![0-9a-z])")
_MERCOSUL = re.compile(r"(?<![0-9A-Za-z\-_/])[A-Z]{3}[0-9][A-Z][0-9]{2}(?![0-9A-Za-z\-_/])")


def places_and_plates(text: Reading) -> Iterator[Found]:
    """CEP, and vehicle plates: the Mercosul form in capitals speaks for itself, other spellings need their label."""
    low = text.low
    if text.longest >= 8:
        for match in text.near(_CEP, 8):
            label = text.label(match.start())
            if label == "CEP" or (not match["bare"] and not label):
                yield match.start(), match.end(), "CEP", "cep"
    if "plac" in low or "plate" in low:
        for match in _PLATE.finditer(low):
            if text.label(match.start()) == "PLATE":
                yield match.start(), match.end(), "PLATE", "plate.label"
    for match in _MERCOSUL.finditer(text.plain):
        if text.label(match.start()) != "other":
            yield match.start(), match.end(), "PLATE", "plate.form"


_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])")
_PAYLOAD_END = re.compile(r"6304[0-9a-f]{4}(?![0-9a-z])")


def pix(text: Reading) -> Iterator[Found]:
    """Random keys (EVP) near the word, and whole BR Code payloads (Banco Central, Manual do BR Code: EMV fields 00 to 63)."""
    low = text.low
    if "pix" in low or "chave" in low or "evp" in low:
        for match in _UUID.finditer(low):
            if text.label(match.start()) == "PIX_KEY" or "chave" in low[max(0, match.start() - 30) : match.start()]:
                yield match.start(), match.end(), "PIX_KEY", "pix.evp"
    at = low.find("000201")
    while at >= 0:
        end = _PAYLOAD_END.search(low, at + 6, at + 640)
        if end and not low[at - 1 : at].isalnum() and ("br.gov.bcb.pix" in low[at : end.end()] or "5802br" in low[at : end.end()]):
            yield at, end.end(), "PIX_KEY", "pix.brcode"
            at = end.end()
        at = low.find("000201", at + 6)
