"""Identifiers that have a form: e-mail, phone, CPF, CNPJ, card, IP and, beside their label, a few more.

Every pattern is anchored at a digit or a mark and bounded, so a text is read in linear time.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from .checkdigits import is_card, is_card_prefix, is_cnpj, is_cpf
from .spans import Folded, Span, digits_of

_DIGIT = re.compile(r"[0-9]")
_TWO_DIGITS = re.compile(r"[0-9][ .\-/()]{0,3}[0-9]")

# Words that say what the number behind them is; the last one before a number decides. "other" says: not personal.
_LABEL = re.compile(
    r"(?<![a-z0-9])(?:"
    r"(?P<CPF>cpfs?|c\.p\.f\.?|cadastro de pessoas? fisicas?)"
    r"|(?P<CNPJ>cnpjs?|c\.n\.p\.j\.?)"
    r"|(?P<CREDIT_CARD>cartao|cartoes|card|credit card|debit card|visa|mastercard|amex|elo|hipercard)"
    r"|(?P<PHONE>telefones?|tel|fones?|celular(?:es)?|cel|whats|whatsapp|wats|watsapp|wpp|zap|zapzap|contatos?|recados?|liga|ligue|ligar|ligo|"
    r"ligou|phones?|mobile|cell|cellphone|telephone|call|callback|text me|reach me|sms|fax|ramal)"
    r"|(?P<IP_ADDRESS>ips?|ipv4|ipv6)"
    r"|(?P<CEP>ceps?|codigo postal|zip|zip ?code|postal code)"
    r"|(?P<RG>rg|r\.g\.?|registro geral|carteira de identidade|identidade)"
    r"|(?P<PIX_KEY>pix|chave aleatoria|evp)"
    r"|(?P<PLATE>placas?|license plate|plate)"
    r"|(?P<BIRTH_DATE>nascimento|nasc|nascid[oa](?: em)?|nasci(?: em| no dia)?|nasceu(?: em)?|d\.?n\.?|dob|d\.o\.b\.?|date of birth|"
    r"birth ?date|birthday|born(?: on)?|aniversario)"
    r"|(?P<other>pedidos?|protocolos?|orders?|tickets?|chamados?|nota fiscal|nf-?e?|notas?|skus?|codigos?|code|rastreio|rastreamento|"
    r"tracking|boletos?|invoice|fatura|processos?|case|lote|serie|serial|ref|referencia|reference|modelo|model|versao|version|build|release|firmware|"
    r"v|isbn|ean|matricula|contrato|os|r\$|us\$|\$|id|valor|preco|total|apolice|ordem|artigo|lei|produto)"
    r")(?![a-z0-9])"
)
_WINDOW = 40
_BREAK = re.compile(r"[0-9\n]|[.!?;] ")


def label_before(low: str, start: int) -> tuple[str, int]:
    """The kind of label that stands before ``start`` ('' if none) and where it ends; nothing numeric may stand between."""
    found, window = ("", start), max(0, start - _WINDOW)
    for match in _LABEL.finditer(low, window, start):
        found = (match.lastgroup or "", match.end())
    if found[0] and _BREAK.search(low, found[1], start):
        return "", start
    return found


# ---- e-mail and addresses of the web -------------------------------------------------------------------------------

_DOMAIN = re.compile(r"(?:[a-z0-9\u00a1-\uffff](?:[a-z0-9\u00a1-\uffff_\-]{0,62})\.){1,8}[a-z\u00a1-\uffff][a-z0-9\u00a1-\uffff\-]{1,62}")
_LOCAL_EXTRA = frozenset("._%+-'!#$&*/=?^`{|}~")
_LOOSE_DOMAIN = re.compile(
    r"\s?(?:gmail|hotmail|outlook|yahoo|live|icloud|uol|bol|terra|ig|globo|protonmail|proton|msn|aol)\s?(?:\.|\sponto\s|\sdot\s)\s?"
    r"(?:com|net|me)(?:\s?(?:\.|\sponto\s|\sdot\s)\s?(?:br|pt|uk))?(?![a-z0-9])"
)
_SPOKEN = re.compile(
    r"(?<![a-z0-9._+\-])[a-z0-9][a-z0-9._+\-]{0,63}\s?[(\[]?\s?(?:\barroba\b|(?<=[(\[])at(?=[)\]])|\bat\b)\s?[)\]]?\s?"
    r"[a-z0-9\-]{1,63}(?:\s?(?:\.|[(\[]?\b(?:ponto|dot)\b[)\]]?)\s?[a-z0-9\-]{2,63}){0,2}"
    r"(?:\.|\s?[(\[]?\b(?:ponto|dot)\b[)\]]?\s?)(?:com|net|org|br|me|edu|gov)(?:(?:\.|\s(?:ponto|dot)\s)(?:br|pt|uk))?(?![a-z0-9])"
)


def _emails(text: Folded) -> Iterator[tuple[int, int, str, str]]:
    low, at, floor = text.low, text.low.find("@"), 0
    while at >= 0:
        domain, rule = _DOMAIN.match(low, at + 1), "email"
        right = at
        if not domain:
            domain, rule = _LOOSE_DOMAIN.match(low, at + 1), "email.spaced"
        if domain:
            if low[at - 1 : at] == " ":
                right = at - 1 if _LOOSE_DOMAIN.match(low, at + 1) else at
            left = right
            while left > floor and (low[left - 1].isalnum() or low[left - 1] in _LOCAL_EXTRA):
                left -= 1
            while left < right and low[left] in "./'!#$&*=?^`{|}~-":
                left += 1
            if left < right:
                yield left, domain.end(), "EMAIL", rule
            floor = domain.end()
        at = low.find("@", at + 1)
    if "arroba" in low or "(at)" in low or "[at]" in low or " dot " in low:
        for match in _SPOKEN.finditer(low):
            yield match.start(), match.end(), "EMAIL", "email.spoken"


_PROFILE = re.compile(
    r"(?:https?://)?(?:[a-z]{2,3}\.)?(?:linkedin\.com/in|facebook\.com|fb\.com|instagram\.com|twitter\.com|x\.com|tiktok\.com|github\.com|"
    r"t\.me|wa\.me|threads\.net|youtube\.com)/@?(?!(?:p|groups|pages|watch|share|search|help|explore|company|about|login|intent|hashtag|reel)\b)"
    r"(?P<who>[\w.%+\-]{2,100})"
)


def _profiles(text: Folded) -> Iterator[tuple[int, int, str, str]]:
    for match in _PROFILE.finditer(text.low):
        if text.low[match.start() - 1 : match.start()].isalnum():
            continue
        yield match.start("who"), match.end("who") - (match["who"][-1] == "."), "URL", "url.profile"


# ---- numbers --------------------------------------------------------------------------------------------------------

_CPF = re.compile(r"(?<![0-9])[0-9]{3}(?P<a>[. ]?)[0-9]{3}[. ]?[0-9]{3}(?P<b> ?[-/. \u2013]? ?)[0-9]{2}(?![0-9])")
_CNPJ = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z0-9]{2}(?P<a>[. ]?)[A-Za-z0-9]{3}[. ]?[A-Za-z0-9]{3}(?P<b> ?[/ ]? ?)"
    r"[A-Za-z0-9]{4} ?[- ]? ?[0-9]{2}(?![A-Za-z0-9])"
)
# A look-ahead, so that digits in front ("pedido 4587 4111 1111 …") do not hide a card behind them.
_CARD = re.compile(
    r"(?<![0-9])(?=(?P<number>[0-9]{4}(?P<s>[ .\-])[0-9]{4}(?P=s)[0-9]{4}(?P=s)[0-9]{1,7}"
    r"|3[0-9]{3}[ .\-]?[0-9]{6}[ .\-]?[0-9]{4,5}|[0-9]{13,19})(?![0-9]))"
)
# The 44 digits of a Brazilian invoice key and the like, in groups of four.
_LONG_KEY = re.compile(r"(?<![0-9])(?:[0-9]{4}[ .\-]){6,20}[0-9]{1,4}(?![0-9])")
_LOOSE_NUMBER = re.compile(r"[0-9](?:[ ._\-/]{0,3}[0-9]){8,18}(?![0-9])")
_LABELLED = re.compile(
    r"(?<![a-z0-9])(?P<label>cpf|c\.p\.f\.?|cnpj|c\.n\.p\.j\.?|cartao(?: de (?:credito|debito))?|(?:credit |debit )?card(?: number)?)"
    r"(?![a-z0-9])(?=(?P<gap>[^0-9\n]{0,30})[0-9])"
)
_LENGTH = {"CPF": (11, 11), "CNPJ": (14, 14), "CREDIT_CARD": (13, 19)}


def _documents(text: Folded) -> Iterator[tuple[int, int, str, str]]:
    plain, low = text.plain, text.low
    for match in _CPF.finditer(plain):
        number, formatted = digits_of(match[0]), match["a"] == "." and match["b"].strip() == "-"
        if formatted or is_cpf(number):
            yield match.start(), match.end(), "CPF", "cpf.form" if formatted else "cpf.check"
    for match in _CNPJ.finditer(plain):
        number = "".join(char for char in match[0] if char.isalnum()).upper()
        if match["a"] == "." and "/" in match["b"]:
            yield match.start(), match.end(), "CNPJ", "cnpj.form"
        elif sum(char.isdigit() for char in number) < 2:
            continue
        elif is_cnpj(number) and (number.isdigit() or (label_before(low, match.start())[0] == "CNPJ")):
            yield match.start(), match.end(), "CNPJ", "cnpj.check"
        elif not number.isdigit() and label_before(low, match.start())[0] == "CNPJ":
            yield match.start(), match.end(), "CNPJ", "cnpj.label"
    keys = [match.span() for match in _LONG_KEY.finditer(plain)]
    for match in _CARD.finditer(plain):
        start, end = match.span("number")
        if is_card(digits_of(match["number"])) and not any(left <= start < right for left, right in keys):
            yield start, end, "CREDIT_CARD", "card.check"
    # A number behind its label is personal whatever its check digit says, and however its digits are spaced.
    for match in _LABELLED.finditer(low):
        name = match["label"].replace(".", "")
        kind = name.upper() if name in ("cpf", "cnpj") else "CREDIT_CARD"
        gap, start = match["gap"], match.end("gap")
        number = _LOOSE_NUMBER.match(low, start)
        if number and not _LABEL.search(gap) and not re.search(r"[.!?;] ", gap):
            end = _cut(number[0], start, *_LENGTH[kind])
            if end and (kind != "CREDIT_CARD" or is_card_prefix(digits_of(low[start:end]))):
                yield start, end, kind, kind.lower().replace("credit_", "") + ".label"


def _cut(number: str, start: int, least: int, most: int) -> int:
    """Where the part of a number ends that has the right count of digits (0: none), never inside a run of digits."""
    if least <= len(digits_of(number)) <= most:
        return start + len(number)
    count = end = 0
    for place, char in enumerate(number):
        if char.isdigit():
            count += 1
            after = number[place + 1 : place + 2]
            if least <= count <= most and not after.isdigit():
                end = place + 1
    return start + end if end else 0


_DDD = r"(?:1[1-9]|2[12478]|3[1-578]|4[1-9]|5[1345]|6[1-9]|7[134579]|8[1-9]|9[1-9])"  # area codes of Anatel's plan
_BR_PHONE = re.compile(
    r"(?<![0-9A-Za-z])(?:(?P<country>(?:\+|00 ?)?(?:55|\(55\)))[ .\-]{0,2})?"
    rf"(?:(?P<area>\( ?0?(?:xx|[0-9]{{2}})? ?{_DDD} ?\)|(?:0(?:xx)? ?)?{_DDD})(?P<s>[ .\-/]{{0,3}}))"
    r"(?P<first>9(?P<n>[ .\-]?)[0-9]{4}|[2-5][0-9]{3})(?P<t> ?[ .\-]? ?)[0-9]{4}(?![0-9])"
)
_BR_LOCAL = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,/\-])(?:9[ .]?[0-9]{4}[ .\-][0-9]{4}|[2-59][0-9]{3}-[0-9]{4})(?![0-9])(?![.,/\-][0-9])"
)
_US_PHONE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.\-/])(?:(?:\+|00)?1[ .\-]{0,2})?"
    r"(?:\([2-9][0-9]{2}\)[ .\-]?|[2-9][0-9]{2}(?P<s>[ .\-]))[2-9][0-9]{2}[ .\-][0-9]{4}"
    r"(?![0-9])(?: ?(?:x|ext\.?|extension|ramal) ?[0-9]{1,5}(?![0-9]))?"
)
_PLUS_PHONE = re.compile(r"(?<![0-9A-Za-z+])\+ ?[1-9](?:[ .\-/]{0,2}\(?[0-9]\)?){6,16}(?![0-9])")
_UK_PHONE = re.compile(r"(?<![0-9A-Za-z+])(?:\(0[0-9]{2,4}\)|0[1-37][0-9]{1,3})[ \-][0-9]{3,6}(?:[ \-][0-9]{3,4})?(?![0-9])")
_ANY_PHONE = re.compile(r"(?<![0-9A-Za-z])[+(]{0,2}[0-9](?:[ .\-/()]{0,3}[0-9]){6,16}(?![0-9])")
_NOT_PERSONAL = re.compile(r"0[38]00|[34]00[34][0-9]{4}$")
_DATE_LIKE = re.compile(r"(?:19|20)[0-9]{2}[ .\-/]+(?:19|20)[0-9]{2}|[0-9]{1,4}[/.\-][0-9]{1,2}[/.\-][0-9]{1,4}")


def _phones(text: Folded, lang: str) -> Iterator[tuple[int, int, str, str]]:
    low = text.low
    for match in _PLUS_PHONE.finditer(low):
        if 8 <= len(digits_of(match[0])) <= 15:
            yield match.start(), match.end(), "PHONE", "phone.plus"
    for match in _BR_PHONE.finditer(low):
        bare = not (match["country"] or match["s"] or match["t"] or match["n"] or "(" in match["area"])
        mobile = match["first"].startswith("9")
        marked = "(" in match["area"] or (match["country"] or "").startswith(("+", "00"))
        if not marked:
            label = label_before(low, match.start())[0]
            year_pair = not mobile and _DATE_LIKE.search(match[0])
            if (label not in ("", "PHONE", "PIX_KEY", "CPF") or year_pair) or (bare and not mobile and label != "PHONE"):
                continue
            if bare and match["country"] is None and match["area"].startswith("0") and label != "PHONE":
                continue
        yield match.start(), match.end(), "PHONE", "phone.br"
    for match in _US_PHONE.finditer(low):
        label = label_before(low, match.start())[0]
        if label == "other" and "(" not in match[0] and "+" not in match[0]:
            continue
        yield match.start(), match.end(), "PHONE", "phone.nanp"
    for match in _BR_LOCAL.finditer(low):
        label = label_before(low, match.start())[0]
        mobile = len(digits_of(match[0])) == 9
        if label != "PHONE" and (not mobile or label or lang == "en"):
            continue
        if not _DATE_LIKE.fullmatch(match[0]) and not _NOT_PERSONAL.match(digits_of(match[0])):
            yield match.start(), match.end(), "PHONE", "phone.local"
    if lang != "pt":
        for match in _UK_PHONE.finditer(low):
            size = len(digits_of(match[0]))
            if 10 <= size <= 11 and label_before(low, match.start())[0] in ("", "PHONE"):
                yield match.start(), match.end(), "PHONE", "phone.uk"
    for match in _ANY_PHONE.finditer(low):
        number = digits_of(match[0])
        if label_before(low, match.start())[0] != "PHONE" or _NOT_PERSONAL.match(number) or _DATE_LIKE.search(match[0]):
            continue
        if 8 <= len(number) <= 15 or (len(number) == 7 and "-" in match[0]):
            yield match.start(), match.end(), "PHONE", "phone.label"


_IPV4 = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9]\.)(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![0-9A-Za-z])(?!\.[0-9])"
)
_VERSION = re.compile(r"(?:versao|version|\bver|\bv|build|release|firmware)[ .:]{0,3}$")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9a-f:]{3,39}(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z:])")


def _addresses(text: Folded) -> Iterator[tuple[int, int, str, str]]:
    low = text.low
    if low.count(".") >= 3:
        for match in _IPV4.finditer(low):
            address = match[0]
            # Loopback, "any" and masks name no machine of a person.
            if address.startswith(("127.", "0.", "255.")) or _VERSION.search(low[max(0, match.start() - 16) : match.start()]):
                continue
            yield match.start(), match.end(), "IP_ADDRESS", "ip.v4"
    if low.count(":") >= 2:
        for match in _IPV6.finditer(low):
            candidate = match[0].rstrip(":") if not match[0].endswith("::") else match[0]
            groups = [group for group in candidate.split(":") if group]
            if len(groups) < 3 and not candidate.startswith(("fe80", "fc", "fd", "2", "3")):
                continue
            if not _DIGIT.search(candidate):
                continue
            try:
                ipaddress.IPv6Address(candidate)
            except ValueError:
                continue
            yield match.start(), match.start() + len(candidate), "IP_ADDRESS", "ip.v6"


_CEP = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][.,/\-])(?:[0-9]{2}\.?[0-9]{3}-[0-9]{3}|(?P<bare>[0-9]{2}\.?[0-9]{3} ?[0-9]{3}))"
    r"(?![0-9A-Za-z])(?![\-/][0-9])"
)
_RG = re.compile(r"(?<![0-9a-z])(?:[a-z]{2}[ \-]{0,3})?(?P<number>[0-9]{1,2}\.?[0-9]{3}\.?[0-9]{3}(?:[ \-]{0,2}[0-9x])?)(?![0-9a-z])")
_UUID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])")
_PLATE = re.compile(r"(?<![0-9a-z])[a-z]{3}[ \-]?[0-9][0-9a-j][0-9]{2}(?![0-9a-z])")
_MONTH = (
    r"(?:jan(?:eiro|uary)?|fev(?:ereiro)?|feb(?:ruary)?|mar(?:co|ch)?|abr(?:il)?|apr(?:il)?|mai(?:o)?|may|jun(?:ho|e)?|jul(?:ho|y)?|ago(?:sto)?|"
    r"aug(?:ust)?|set(?:embro)?|sep(?:t|tember)?|out(?:ubro)?|oct(?:ober)?|nov(?:embro|ember)?|dez(?:embro)?|dec(?:ember)?)"
)
_DATE = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[/.\- ][0-9]{1,2}[/.\- ](?:[12][0-9]{3}|[0-9]{2})|[12][0-9]{3}[/.\-][0-9]{1,2}[/.\-][0-9]{1,2}"
    rf"|[0-9]{{1,2}}(?:o|st|nd|rd|th)?(?: de| of)? {_MONTH}(?: de|,)? [12][0-9]{{3}}"
    rf"|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?,? [12][0-9]{{3}})(?![0-9])"
)


def _labelled_others(text: Folded) -> Iterator[tuple[int, int, str, str]]:
    low = text.low
    for match in _CEP.finditer(low):
        label = label_before(low, match.start())[0]
        if label == "CEP" or (not match["bare"] and not label):
            yield match.start(), match.end(), "CEP", "cep"
    if "rg" in low or "r.g" in low or "registro geral" in low or "identidade" in low:
        for match in _RG.finditer(low):
            if label_before(low, match.start("number"))[0] == "RG":
                yield match.start("number"), match.end("number"), "RG", "rg.label"
    if "pix" in low or "chave" in low:
        for match in _UUID.finditer(low):
            if label_before(low, match.start())[0] == "PIX_KEY" or "chave" in low[max(0, match.start() - 30) : match.start()]:
                yield match.start(), match.end(), "PIX_KEY", "pix.evp"
    if "plac" in low or "plate" in low:
        for match in _PLATE.finditer(low):
            if label_before(low, match.start())[0] == "PLATE":
                yield match.start(), match.end(), "PLATE", "plate.label"
    for match in _DATE.finditer(low):
        if label_before(low, match.start())[0] == "BIRTH_DATE":
            yield match.start(), match.end(), "BIRTH_DATE", "birth.label"


def _balanced(low: str, start: int, end: int, kind: str, rule: str) -> tuple[int, int, str, str]:
    """A span without a bracket whose partner is outside."""
    part = low[start:end]
    if part.endswith(")") and part.count("(") < part.count(")"):
        end -= 1
    elif part.startswith("(") and part.count(")") < part.count("("):
        start += 1
    return start, end, kind, rule


def identifiers(text: Folded, lang: str) -> list[Span]:
    """All spans that have a form, overlapping ones included. lang 'pt' and 'en' only change national phone forms."""
    found: list[tuple[int, int, str, str]] = []
    low = text.low
    if "@" in low or "arroba" in low or "(at)" in low or "[at]" in low or " dot " in low:
        found += _emails(text)
    if "/" in low and "." in low:
        found += _profiles(text)
    if _TWO_DIGITS.search(low):
        found += _documents(text)
        found += [_balanced(low, *one) for one in _phones(text, lang)]
        found += _addresses(text)
        found += _labelled_others(text)
    elif "::" in low:
        found += _addresses(text)
    return [text.span(*one) for one in found]
