"""Sentences of GATE, ADJUST and the leak test, which write English, in Portuguese: taken apart by their form and put together anew."""

from __future__ import annotations

import re

from ..metrics import METRICS
from .names import name, suite_name
from .sentence_strings import MESSAGES, PATTERNS

_LIMIT = r"(?: but had to be at (?P<side>most|least) (?P<limit>\S+?))?(?:: (?P<message>.+))?"
_NUMBER = r"-?\d\S*?|-?inf|nan"
_METRIC = r"(?P<against>compared with production, )?(?P<metric>.+?)"
_MOVED = re.compile(rf"{_METRIC} (?P<verb>rose|fell) from (?P<before>{_NUMBER}) to (?P<after>{_NUMBER}){_LIMIT}")
_STANDS = re.compile(rf"{_METRIC} (?P<verb>is|stayed at) (?P<after>{_NUMBER}){_LIMIT}")
_VERDICT = re.compile(
    r"Rejected: (?P<same>No difference: .+? beyond chance; )?(?P<told>.+); (?:(?P<part>\d+) of (?P<total>\d+) rules|the one rule) failed\."
)
_KEYS = {words: key for key, words in METRICS.items()}


def in_language(sentence: str, language: str) -> str:
    """A sentence in the language, or as it is where its form is not known."""
    if language != "pt":
        return sentence
    for english, portuguese in PATTERNS:
        if found := english.fullmatch(sentence):
            return portuguese.format(**{key: decimal_comma(value or "") for key, value in found.groupdict().items()})
    return _verdict(sentence) or _rule(sentence) or sentence


def message(text: str, language: str) -> str:
    """The message of a rule: those of the project's own gates in the language, users' as they wrote them."""
    return MESSAGES.get(text, text) if language == "pt" else text


def decimal_comma(text: str) -> str:
    """0.21 as 0,21."""
    return re.sub(r"(?<=\d)\.(?=\d)", ",", text)


def _rule(sentence: str) -> str:
    """'ROUGE-L fell from 0.31 to 0.21 but had to be at least 0.3: …'; '' for another form."""
    found = _MOVED.fullmatch(sentence) or _STANDS.fullmatch(sentence)
    if not found:
        return ""
    part = found.groupdict()
    after = decimal_comma(part["after"])
    verb = {"rose": "subiu", "fell": "caiu", "is": "é", "stayed at": "ficou em"}[part["verb"]]
    told = f"{_metric(part['metric'])} {verb} " + (f"de {decimal_comma(part['before'])} para {after}" if part.get("before") else after)
    if part["against"]:
        told = f"comparado com o modelo em uso, {told}"
    if part["side"]:
        told += f", mas precisava ser no {'máximo' if part['side'] == 'most' else 'mínimo'} {decimal_comma(part['limit'])}"
    return told + (f": {message(part['message'], 'pt')}" if part["message"] else "")


def _verdict(sentence: str) -> str:
    """GATE's sentence on a rejected model; '' for another one."""
    found = _VERDICT.fullmatch(sentence)
    told = _rule(found["told"]) if found else ""
    if not told:
        return ""
    ending = f"{found['part']} de {found['total']} regras não cumpridas" if found["part"] else "a única regra não foi cumprida"
    return f"{'Nenhuma diferença do modelo base além do acaso; ' if found['same'] else ''}{told}; {ending}."


def _metric(words: str) -> str:
    """GATE's name of a metric, '(suite)' behind it included, in Portuguese."""
    whole, _, suite = words.removesuffix(")").partition(" (")
    if suite == "finetune":
        return name(f"finetune.{whole.replace(' ', '_')}", "pt")
    translated = name(_KEYS[whole], "pt") if whole in _KEYS else whole
    return f"{translated} ({suite_name(suite, '', 'pt')})" if suite else translated
