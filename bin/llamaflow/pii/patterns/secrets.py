"""API keys, tokens, passwords and private keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

from .labels import Found, Reading

# Prefixes that providers document for their own secrets, so that they can be found in leaks.
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_\-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9\-]{10,250}|xapp-[0-9A-Za-z\-]{20,250}"
    r"|AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,500}"
    r"|sk-(?:proj-|ant-|or-)?[A-Za-z0-9_\-]{20,250}|[rsp]k_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9]{20,250}"
    r"|hf_[A-Za-z0-9]{30,100}|npm_[A-Za-z0-9]{30,100}|pypi-[A-Za-z0-9_\-]{30,250}|SG\.[A-Za-z0-9_\-]{16,64}\.[A-Za-z0-9_\-]{16,64}"
    r"|EAAC[A-Za-z0-9]{30,300}|APP_USR-[A-Za-z0-9\-]{20,250}|hvs\.[A-Za-z0-9_\-]{20,250}|dop_v1_[a-f0-9]{60,70}"
    r"|eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{4,8000}\.[A-Za-z0-9_\-]{0,2000}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{50,70}"
    r")"
)
_TOKEN_STEM = re.compile(
    r"AKIA|ASIA|AROA|AIDA|gh[pousr]_|github_pat|glpat|xox|xapp|AIza|ya29|sk-|k_live|k_test|whsec|hf_|npm_|pypi-|SG\.|"
    r"EAAC|APP_USR|hvs\.|dop_v1|eyJ|AGE-S"
)
_PEM_START = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_SCHEME = re.compile(r"(?<![a-z0-9])[a-z][a-z0-9+]{1,20}://(?P<user>[^\s:/@<>\"']{0,80}):(?P<password>[^\s/@<>\"']{1,120})@")

_PASSWORD_STEM = ("senha", "passw", "passphrase", "pwd", "pass:", "contrasena")
_KEY_STEM = ("key", "token", "secret", "bearer", "chave", "credential", "authorization", "segredo", "x-auth", "signature")
_PASSWORD = re.compile(
    r"(?<![a-z0-9])(?P<label>(?:[a-z]{1,20}_){0,4}(?:senhas?|passwords?|passwd|passphrase|passcode|pwd|pass|contrasena)(?:_[a-z]{1,12})?)"
    r"(?P<words>(?:[ _](?:do|da|de|of|for|to|my|minha|atual|nova|antiga|provisoria|temporaria|temporary|new|old|"
    r"wi-?fi|email|app|site|banco|conta|"
    r"cartao|internet|acesso|sistema|root|admin|the|account|current)){0,4})[\"'*`]{0,3}"
    r"(?P<sep> ?(?::|=|=>|->) ?| (?:e|eh|is|era|was|foi|sera|fica|ficou)(?: ?:)? | )[\"'*`<]{0,3}(?P<value>[^\s\"'`<>,;*{}()\[\]]{3,80})"
)
_KEY = re.compile(
    r"(?<![a-z0-9])(?:api|app|auth|access|secret|client|private|refresh|bearer|session|chave|token|key|signature|"
    r"credential|segredo|authorization|aws|x)"
    r"(?:[ _\-]?(?:de|da|do|id|key|keys|secret|token|access|acesso|api|bearer|auth|code|chave|secreta|app|sessao|"
    r"basic|value)){0,4}[\"'`]{0,2}"
    r"(?: ?[:=]{1,2}>? ?| (?:is|e|eh) |[ \t])[\"'`<]{0,3}(?:(?:bearer|basic|token) )?(?P<value>[A-Za-z0-9+/_=.\-]{12,500})",
    re.I,
)
_BEARER = re.compile(r"(?<![a-z0-9])(?:bearer|basic) (?P<value>[A-Za-z0-9+/_=.~\-]{16,2000})", re.I)
_HIDDEN = re.compile(r"[*xX.\-_?#]+$|\*{2,}")
_WORDLIKE = re.compile(r"[a-z]+[.!?:)]*$|[A-Z]?[a-z]+[.!?:)]*$")


def entropy(value: str) -> float:
    """Shannon entropy of a string's characters, in bits per character."""
    return -sum(count / len(value) * log2(count / len(value)) for count in Counter(value).values()) if value else 0.0


def _random(value: str) -> bool:
    """Whether a value of a key label looks drawn, not written: digits and letters mixed, or long, and many different characters."""
    kinds = any(c.isdigit() for c in value) + any(c.islower() for c in value) + any(c.isupper() for c in value)
    return (
        kinds >= 2
        and any(c.isdigit() for c in value)
        and entropy(value) >= 2.8
        or (len(value) >= 24 and kinds >= 2 and entropy(value) >= 3.5)
    )


def secrets(text: Reading) -> Iterator[Found]:
    """Values that open something: by their provider's prefix, by a label, or inside a connection string."""
    plain, low = text.plain, text.low
    if _TOKEN_STEM.search(plain):
        for match in _TOKENS.finditer(plain):
            yield match.start(), match.end(), "SECRET", "secret.prefix"
    if "-----BEGIN" in plain:
        for match in _PEM_START.finditer(plain):
            end = _PEM_END.search(plain, match.end())
            nothing = plain.find("\n\n", match.end())
            # Without its end line the block goes to the next empty line: half a key is a key.
            yield match.start(), end.end() if end else nothing if nothing > 0 else len(plain), "SECRET", "secret.pem"
            if not end:
                break
    if "://" in low and "@" in low:
        for match in _SCHEME.finditer(low):
            yield *match.span("password"), "SECRET", "secret.url"
            if match["user"]:
                yield *match.span("user"), "USERNAME", "user.url"
    if any(stem in low for stem in _PASSWORD_STEM):
        yield from _passwords(text)
    if any(stem in low for stem in _KEY_STEM):
        for pattern in (_KEY, _BEARER):
            for match in pattern.finditer(plain):
                if _random(match["value"]):
                    start, end = match.span("value")
                    yield start, end - (plain[end - 1] == "."), "SECRET", "secret.label"


def _passwords(text: Reading) -> Iterator[Found]:
    """The value behind a word for password. Behind a colon any single word; otherwise it must not look like an ordinary word."""
    for match in _PASSWORD.finditer(text.low):
        start, end = match.span("value")
        while end > start and text.plain[end - 1] in ".,:!?" and (end == len(text.low) or text.low[end : end + 1].isspace()):
            end -= 1
        value = text.plain[start:end]
        if end - start < 3 or _HIDDEN.match(value):
            continue
        marked = match["sep"].strip() in (":", "=", "=>", "->")
        wordlike = _WORDLIKE.match(value)
        following = text.low[end : end + 40].lstrip(" ")
        # "senha: quero trocar a minha" is a sentence, "senha: girassol" is not.
        sentence = wordlike and following[:1].isalpha() and text.low[end : end + 1] == " "
        if (marked and not sentence) or (not wordlike and any(c.isdigit() for c in value) and (match["sep"] != " " or not value.isdigit())):
            yield start, end, "SECRET", "secret.password"
