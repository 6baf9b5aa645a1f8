"""Words that say what the number behind them is, and the reading of one text that all families of patterns share."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from ..spans import Folded, digits_of

Found = tuple[int, int, str, str]  # start and end in the folded text, type, rule

# "other" says: a number of a thing, not of a person. Phrases are separated by commas, folded and in lower case.
_PHRASES = {
    "CPF": "cpf, cpfs, cpf/mf, cic, cin, cadastro de pessoa fisica, cadastro de pessoas fisicas, cadastro pessoa fisica, "
    "carteira de identidade nacional",
    "CNPJ": "cnpj, cnpjs, cnpj/mf, cgc, cadastro nacional da pessoa juridica",
    "CREDIT_CARD": "cartao, cartoes, card, cards, card number, credit card, debit card, cartao de credito, cartao de debito, visa, "
    "mastercard, amex, elo, hipercard, credit card number, cc number, numero do cartao, creditcard, cardnumber",
    "CNS": "cns, cartao sus, sus, cartao do sus, cartao nacional de saude, carteira do sus, carteirinha do sus, cartao de saude",
    "PIS": "pis, pasep, nis, nit, pis/pasep, inss, numero de identificacao social",
    "VOTER_ID": "titulo de eleitor, titulo, titulo eleitoral, inscricao eleitoral, titulo eleitor, voter id, voter registration",
    "CNH": "cnh, habilitacao, carteira de motorista, carteira de habilitacao, carta de motorista, registro da cnh, numero da cnh",
    "RENAVAM": "renavam",
    "CASE_NUMBER": "autos, numero unico, processo judicial, processo cnj",
    "IBAN": "iban",
    "SSN": "ssn, social security, social security number, social security no, social, itin, socialsecuritynumber, tax id",
    "PASSPORT": "passaporte, passport, passport number, passport no, passaporte numero, passportnumber",
    "DRIVER_LICENSE": "drivers license, driver license, driver's license, drivers licence, driver licence, "
    "driver's licence, driving licence, "
    "driving license, driver's license number, drivers license number, driver license number, license number, licence number, "
    "driver's licence number, driving licence number, dl, dl number, license no, driverslicense, driverlicense, licencenumber",
    "PHONE": "telefone, telefones, tel, fone, fones, celular, celulares, cel, whats, whatsapp, wats, watsapp, wpp, zap, zapzap, contato, "
    "contatos, recado, recados, liga, ligue, ligar, ligo, ligou, me chama, chama no, meu numero, phone, phones, mobile, cell, cellphone, "
    "telephone, call, callback, text me, reach me, reached at, answering at, sms, fax, ramal, my number, phone number, hotline, dial, "
    "phonenumber, home number, work number, number to call",
    "IP_ADDRESS": "ip, ips, ipv4, ipv6",
    "CEP": "cep, ceps, codigo postal, zip, zipcode, zip code, postal code, postcode, post code, postalcode",
    "RG": "rg, registro geral, carteira de identidade, identidade, cedula de identidade, documento de identidade",
    "PIX_KEY": "pix, chave aleatoria, evp, chave pix",
    "PLATE": "placa, placas, license plate, plate, number plate, registration plate",
    "BANK_ACCOUNT": "agencia, ag, conta, conta corrente, conta poupanca, poupanca, c/c, cc, c/p, corrente, account, "
    "account number, acct, account no, "
    "bank account, routing, routing number, aba, sort code, checking, savings, savings account, numero da conta, "
    "accountnumber, acct number",
    "BIRTH_DATE": "nascimento, nasc, nascido, nascida, nascido em, nascida em, nasci, nasci em, nasci no dia, nasceu, nasceu em, dn, dob, "
    "date of birth, birth date, birthdate, dateofbirth, birthday, born, born on, born in, aniversario, data de nascimento, data nasc, "
    "datanascimento, dt nasc, birth",
    "other": "pedido, pedidos, protocolo, protocolos, order, orders, ticket, tickets, chamado, chamados, nota fiscal, "
    "nf, nfe, nota, notas, "
    "sku, skus, codigo, codigos, code, rastreio, rastreamento, tracking, boleto, boletos, invoice, fatura, processo, "
    "processos, case, lote, serie, "
    "serial, ref, referencia, reference, modelo, model, versao, version, build, release, firmware, v, isbn, ean, matricula, contrato, os, "
    "r$, us$, $, id, valor, preco, total, apolice, ordem, artigo, lei, produto, order number, order id, tracking number, pagina, page",
}
# Runs of letters.
_ANY_WORD = re.compile(r"[^\W\d_]+")
_LABELS = {phrase.strip(): kind for kind, phrases in _PHRASES.items() for phrase in phrases.split(",")}
_LONGEST = max(phrase.count(" ") for phrase in _LABELS) + 1
LABEL_WORDS = {
    kind: frozenset(word for phrase, k in _LABELS.items() if k == kind for word in _ANY_WORD.findall(phrase)) for kind in _PHRASES
}
_LAST_WORDS = frozenset(phrase.rsplit(" ", 1)[-1] for phrase in _LABELS)
_WORD = re.compile(r"[a-z](?:\.[a-z]){1,3}(?![a-z])|[a-z]{0,2}\$|ipv[46]|(?:[a-z]{1,4}/)?[a-z]+(?:'s(?![a-z]))?")
_WINDOW = 40
_BREAK = re.compile(r"[0-9\n]|[.!?;] ")
_TOUCHING = re.compile(r"[\s:=#*.\"'\-]{0,12}(?:n[o.]{0,2}[:. ]{0,2})?")
_CHUNK = re.compile(r"[0-9](?:[ ._\-/()]{0,3}[0-9])*")
_SEPARATORS = str.maketrans("", "", " ._-/()")


class Reading:
    """One folded text with what is worked out once for all families: its chunks of digits and the labels before places."""

    def __init__(self, text: Folded, lang: str):
        self.plain, self.low, self.lang = text.plain, text.low, lang

    @cached_property
    def chunks(self) -> list[tuple[int, int, int]]:
        """(start, end, count of digits) of digits that at most three separators part."""
        return [(m.start(), m.end(), len(m[0].translate(_SEPARATORS))) for m in _CHUNK.finditer(self.low)]

    @cached_property
    def words(self) -> frozenset[str]:
        """All runs of letters, in lower case: families ask it whether their words occur at all."""
        return frozenset(_ANY_WORD.findall(self.low))

    @cached_property
    def longest(self) -> int:
        """Digits of the longest chunk."""
        return max((count for _start, _end, count in self.chunks), default=0)

    def near(self, pattern: re.Pattern[str], least: int) -> Iterator[re.Match[str]]:
        """Matches of a pattern, of lower-case text, around the chunks of at least so many digits: much less to read than the text."""
        for start, end, count in self.chunks:
            if count >= least:
                for match in pattern.finditer(self.low, max(0, start - 7), end + 20):
                    if match.start() >= end:
                        break
                    yield match

    @cached_property
    def _labels(self) -> tuple[list[int], list[str]]:
        """Where the labels of the text end, and their kinds."""
        ends: list[int] = []
        kinds: list[str] = []
        if _LAST_WORDS.isdisjoint(self.words) and "." not in self.low and "$" not in self.low:
            return ends, kinds
        before: list[str] = []
        for match in _WORD.finditer(self.low):
            word = match[0].replace(".", "")
            before.append(word)
            if word in _LAST_WORDS:
                for size in range(min(_LONGEST, len(before)), 0, -1):
                    kind = _LABELS.get(" ".join(before[-size:]))
                    if kind:
                        ends.append(match.end())
                        kinds.append(kind)
                        break
        return ends, kinds

    def label(self, start: int) -> str:
        """The kind of the last label before ``start``, '' if there is none; see ``labelled``."""
        return self.labelled(start)[0]

    def labelled(self, start: int) -> tuple[str, int]:
        """The kind of the last label before ``start`` and where it ends; no digit and no end of a sentence may stand between.

        A label on the line before counts when nothing else stands between.
        """
        ends, kinds = self._labels
        place = bisect_right(ends, start) - 1
        if place < 0 or start - ends[place] > _WINDOW:
            return "", start
        end = ends[place]
        if _BREAK.search(self.low, end, start) and not _TOUCHING.fullmatch(self.low, end, start):
            return "", start
        return kinds[place], end


def cut(number: str, start: int, least: int, most: int) -> int:
    """Where the part of a number ends that has the right count of digits (0: none), never inside a run of digits."""
    count = end = 0
    for place, char in enumerate(number):
        if char.isdigit():
            count += 1
            if count > most:
                break
            if count >= least and not number[place + 1 : place + 2].isdigit():
                end = place + 1
    return start + end if end else 0


# How many digits a number behind its label has; a missing zero in front (spreadsheets drop it) is forgiven.
_LENGTHS = {
    "CPF": (9, 11),
    "CNPJ": (12, 14),
    "CREDIT_CARD": (13, 19),
    "CNS": (15, 15),
    "PIS": (10, 11),
    "VOTER_ID": (10, 13),
    "CNH": (9, 11),
    "RENAVAM": (8, 11),
    "SSN": (9, 9),
    "CASE_NUMBER": (20, 20),
}
_ZONE = re.compile(r"[\s,;/\-]{0,3}zona ?(?:eleitoral)?:? ?[0-9]{1,4}(?:[\s,;/\-]{0,3}secao ?:? ?[0-9]{1,4})?")


def behind_labels(text: Reading) -> Iterator[Found]:
    """Numbers behind their label: personal whatever the check digit says, and however the digits are spaced."""
    for start, end, count in text.chunks:
        if count < 8:
            continue
        kind = text.label(start)
        if kind not in _LENGTHS:
            continue
        least, most = _LENGTHS[kind]
        stop = cut(text.low[start:end] if end - start < 80 else text.low[start : start + 80], start, least, most)
        glued = text.low[start - 1 : start].isalpha() and text.labelled(start)[1] != start
        if not stop or glued or text.low[stop : stop + 1].isalpha():
            continue
        if kind == "CREDIT_CARD" and len(digits_of(text.low[start:stop])) < 13:
            continue
        if kind == "VOTER_ID" and (zone := _ZONE.match(text.low, stop)):
            stop = zone.end()
        yield start, stop, kind, f"{kind.lower()}.label"
