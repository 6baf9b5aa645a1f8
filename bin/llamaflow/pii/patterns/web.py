"""E-mail, web addresses, user names, IP and MAC addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ..wordlist import words
from .labels import Found, Reading

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


def emails(text: Reading) -> Iterator[Found]:
    """Addresses as they are written, with spaces around the @, and spelt out ("maria arroba gmail ponto com")."""
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
    r"(?:https?://)?(?:[a-z]{2,3}\.)?(?:linkedin\.com/in|facebook\.com|fb\.com|instagram\.com|twitter\.com|x\.com|"
    r"tiktok\.com|github\.com|gitlab\.com|"
    r"t\.me|wa\.me|threads\.net|youtube\.com|medium\.com|pinterest\.com|reddit\.com/u(?:ser)?|lattes\.cnpq\.br|orcid\.org)/@?"
    r"(?!(?:p|groups|pages|watch|share|search|help|explore|company|about|login|intent|hashtag|reel|r|orgs|topics|"
    r"features|pricing|settings)\b)"
    r"(?P<who>[\w.%+\-]{2,100})"
)
_URL = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"'`|\\^{}]{2,2000}")
_PERSONAL_PATH = re.compile(
    r"/(?:users?|u|profiles?|perfil|perfis|usuarios?|members?|people|pessoas?|clientes?|customers?|accounts?|alunos?|"
    r"students?|pacientes?|patients?|"
    r"authors?|autor|home)/@?(?P<who>[^/?#&\s]{2,100})|/[~@](?P<home>[^/?#&\s]{2,100})"
)
_PERSONAL_FIELD = re.compile(
    r"[?&;#](?:[a-z]{1,12}[_\-])?(?:e-?mail|user(?:name|id)?|usuario|login|name|nome|fullname|first_?name|last_?name|"
    r"cpf|cnpj|phone|tel|telefone|celular|"
    r"whatsapp|document|documento|account|conta|customer|cliente|address|endereco|cep|dob|birth|nascimento|ssn|uid|"
    r"user_?id)=(?P<who>[^&#\s]{2,500})"
)
_SECRET_FIELD = re.compile(
    r"[?&;#](?:[a-z]{1,12}[_\-])?(?:token|key|api_?key|sig|signature|secret|password|senha|code|auth|session|sid)=(?P<who>[^&#\s]{8,1000})"
)
# Top-level domains that, after a word and a dot, mean an address; ones that are words or file endings are left out.
_TLD = (
    "com|org|net|edu|gov|mil|info|biz|br|pt|uk|us|ca|fr|nl|au|nz|ie|eu|ch|pl|se|dk|fi|jp|cn|ru|mx|ar|cl|pe|uy|kr|gr|cz|hu|ro|ua|za|"
    "io|dev|ai|app|tv|online|site|shop|store|blog|cloud|xyz|tech|club|live|website|space|agency|museum|global|digital|social|page|link"
)
_BARE = re.compile(
    rf"(?<![a-z0-9@._\-/\\=%])(?:[a-z0-9](?:[a-z0-9\-]{{0,61}}[a-z0-9])?\.){{1,5}}(?:{_TLD})(?![a-z0-9@_\-(]|"
    rf"\.[a-z0-9])(?:[:/][^\s<>\"'`|\\^{{}}]{{0,2000}})?"
)
_BARE_STEM = re.compile(rf"\.(?:{_TLD})(?![a-z0-9@_])")
_DOTTED_CODE = re.compile(r"(?:self|this|np|pd|os|sys|torch|plt|df|math|json|re|req|res|app|std|obj|config|model)\.")


def addresses(text: Reading) -> Iterator[Found]:
    """URL: the part of a web address that names somebody. DOMAIN: every other web address, whole."""
    low = text.low
    if ".com/" in low or ".me/" in low or ".net/" in low or ".br/" in low or ".org/" in low:
        for match in _PROFILE.finditer(low):
            if not low[match.start() - 1 : match.start()].isalnum():
                yield match.start("who"), match.end("who") - (match["who"][-1] == "."), "URL", "url.profile"
    ends: dict[int, int] = {}
    for match in _URL.finditer(low):
        start, end = match.start(), _trimmed(low, match.start(), match.end())
        for pattern, rule in ((_PERSONAL_PATH, "url.path"), (_PERSONAL_FIELD, "url.field"), (_SECRET_FIELD, "url.secret")):
            for part in pattern.finditer(low, start + 8, end):
                group = "who" if part["who"] else "home"
                if rule == "url.path" and not part[group].strip("0123456789") and len(part[group]) < 3:
                    continue
                yield *part.span(group), "SECRET" if rule == "url.secret" else "URL", rule
        ends.update(dict.fromkeys(range(start, min(start + 12, end)), end))
        host = low.find("@", start, end)
        if host < 0 and end - start > 4:
            yield start, end, "DOMAIN", "domain.url"
    if _BARE_STEM.search(low):
        for match in _BARE.finditer(low):
            if match.start() in ends or _DOTTED_CODE.match(match[0]):
                continue
            yield match.start(), _trimmed(low, match.start(), match.end()), "DOMAIN", "domain.bare"


def _trimmed(low: str, start: int, end: int) -> int:
    """The end of an address without the punctuation of the sentence around it."""
    while end > start and (
        low[end - 1] in ".,;:!?*_" or low[end - 1] == ")" and low.count("(", start, end) < low.count(")", start, end) or low[end - 1] in "]"
    ):
        end -= 1
    return end


_USER = re.compile(
    r"(?<![a-z0-9])(?P<label>login|usuario|username|user ?name|user ?id|user|nick(?:name)?|gamertag|screen ?name|"
    r"insta(?:gram)?|ig|twitter|telegram|tiktok|"
    r"discord|skype|github|facebook|face|snap(?:chat)?|arroba|perfil|handle)[\"'*`]{0,3}"
    r"(?: (?:do|da|no|de|on|name|atual|is|meu|my|insta|twitter|instagram|github|x)){0,2}"
    r"(?P<sep> ?(?::|=) ?| (?:e|eh|is) | )[\"'*`]{0,3}(?P<value>@?[a-z0-9](?:[a-z0-9._\-]{0,37}[a-z0-9_])?)(?![a-z0-9@]|\.[a-z])"
)
_USER_STEM = (
    "login",
    "usuari",
    "user",
    "nick",
    "insta",
    "twitter",
    "telegram",
    "tiktok",
    "discord",
    "skype",
    "github",
    "perfil",
    "handle",
    "snap",
    "gamertag",
)
_HANDLE_SITE = re.compile(
    r"\binsta(?:gram)?\b|twitter|telegram|tiktok|threads|snap|handle|\bx\b|perfil|arroba|discord|youtube|github|linkedin|\bdm\b|direct"
)
_HANDLE = re.compile(r"(?<![\w@./+\-])@(?P<name>[a-z0-9_](?:[a-z0-9_.]{1,38}[a-z0-9_]))(?![\w@/]|\.[a-z])")
_ON_SITE = re.compile(r" (?:no|on|do) (?:insta|twitter|tiktok|telegram|x\b)")
_NO_USER = frozenset(
    words("nome email senha password name login usuario user novo nova admin root false true null none sim nao the and test teste id")
)


def users(text: Reading) -> Iterator[Found]:
    """User names behind their label, and @handles near the name of a network."""
    low = text.low
    if any(stem in low for stem in _USER_STEM):
        for match in _USER.finditer(low):
            value, sep, label = match["value"], match["sep"].strip(), match["label"]
            formed = value.startswith("@") or bool(re.search(r"[0-9_]|[a-z][.\-][a-z]", value)) and not value.isdigit()
            if value in _NO_USER or len(value.lstrip("@")) < 3:
                continue
            # "Usuário: bom dia" opens a turn of a transcript.
            turn = low[max(0, match.start() - 1) : match.start()] in ("", "\n") and label in (
                "user",
                "usuario",
                "perfil",
                "discord",
                "facebook",
            )
            closed = (
                low[match.end() : match.end() + 2].strip(" \n\"'`") in ("", ".", ",", ";", ")", "/", "}", "]")
                or not low[match.end() : match.end() + 1].isspace()
            )
            if (
                formed
                or (sep in (":", "=") and not turn and (closed or label in ("login", "username", "nick", "nickname")))
                or (value.isdigit() and sep in (":", "=") and len(value) >= 4 and label in ("login", "user id", "userid", "username"))
            ):
                yield *match.span("value"), "USERNAME", "user.label"
    if "@" in low and _HANDLE_SITE.search(low):
        for match in _HANDLE.finditer(low):
            if _HANDLE_SITE.search(low, max(0, match.start() - 40), match.start()) or _ON_SITE.match(low, match.end()):
                yield match.start(), match.end(), "USERNAME", "user.handle"


_IPV4 = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9]\.)(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|"
    r"1?[0-9]?[0-9])(?![0-9A-Za-z])(?!\.[0-9])"
)
_VERSION = re.compile(r"(?:versao|version|\bver|\bv|build|release|firmware)[ .:]{0,3}$")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9a-f:]{3,39}(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z:])")
_MAC = re.compile(
    r"(?<![0-9a-z:\-])[0-9a-f]{2}(?P<s>[:\-])(?:[0-9a-f]{2}(?P=s)){4}[0-9a-f]{2}(?![0-9a-z:\-])|"
    r"(?<![0-9a-z.])(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}(?![0-9a-z.])"
)

_MAC_DOTS = re.compile(r"\.[0-9a-f]{4}\.")


def machines(text: Reading) -> Iterator[Found]:
    """IP version 4 and 6 and MAC addresses; loopback, masks and version numbers name no machine of a person."""
    low = text.low
    if low.count(".") >= 3 and text.longest >= 4:
        for match in _IPV4.finditer(low):
            address = match[0]
            if address.startswith(("127.", "0.", "255.")) or _VERSION.search(low[max(0, match.start() - 16) : match.start()]):
                continue
            yield match.start(), match.end(), "IP_ADDRESS", "ip.v4"
    if low.count(":") >= 2:
        for match in _IPV6.finditer(low):
            candidate = match[0].rstrip(":") if not match[0].endswith("::") else match[0]
            groups = [group for group in candidate.split(":") if group]
            if len(groups) < 3 and not candidate.startswith(("fe80", "fc", "fd", "2", "3")):
                continue
            if candidate.isdigit() or not any(char.isdigit() for char in candidate):
                continue
            try:
                ipaddress.IPv6Address(candidate)
            except ValueError:
                continue
            yield match.start(), match.start() + len(candidate), "IP_ADDRESS", "ip.v6"
    if low.count(":") >= 5 or low.count("-") >= 5 or _MAC_DOTS.search(low):
        for match in _MAC.finditer(low):
            bare = match[0].replace(":", "").replace("-", "").replace(".", "")
            if len(set(bare)) > 1 and (match["s"] == ":" or not bare.isdigit()):
                yield match.start(), match.end(), "MAC_ADDRESS", "mac"
