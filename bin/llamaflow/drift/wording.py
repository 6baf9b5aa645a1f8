"""What a comparison says, in words, English and Brazilian Portuguese: one place for summary, terminal and page."""

from __future__ import annotations

from ..reporting.names import LANGUAGES
from ..reporting.names import name as known_name
from ..reporting.numbers import Numbers
from ..summaries import DriftFeature, DriftSummary

MOST = 3  # features named in the sentence
# side.name -> what is compared, what is said where it rises, where it falls: each in English and in Portuguese. Categories and
# texts do not rise: they have one sentence.
FEATURES: dict[str, tuple[tuple[str, str], ...]] = {
    "input.words": (
        ("Length in words", "Tamanho em palavras"),
        ("questions are longer", "as perguntas estão mais longas"), ("questions are shorter", "as perguntas estão mais curtas"),
    ),
    "input.characters": (
        ("Length in characters", "Tamanho em caracteres"),
        ("questions have more characters", "as perguntas têm mais caracteres"),
        ("questions have fewer characters", "as perguntas têm menos caracteres"),
    ),
    "input.turns": (
        ("Turns of the user", "Mensagens do usuário"),
        ("conversations have more turns", "as conversas têm mais mensagens"),
        ("conversations have fewer turns", "as conversas têm menos mensagens"),
    ),
    "input.language": (("Language", "Idioma"), ("questions are in other languages", "as perguntas estão em outros idiomas")),
    "input.wording": (("Wording", "Vocabulário"), ("questions use other words", "as perguntas usam outras palavras")),
    "input.meaning": (("Meaning", "Significado"), ("questions are about other things", "as perguntas tratam de outros assuntos")),
    "output.words": (
        ("Length in words", "Tamanho em palavras"),
        ("answers are longer", "as respostas estão mais longas"), ("answers are shorter", "as respostas estão mais curtas"),
    ),
    "output.characters": (
        ("Length in characters", "Tamanho em caracteres"),
        ("answers have more characters", "as respostas têm mais caracteres"),
        ("answers have fewer characters", "as respostas têm menos caracteres"),
    ),
    "output.language": (("Language", "Idioma"), ("answers are in other languages", "as respostas estão em outros idiomas")),
    "output.other_language": (
        ("Answer not in the question's language", "Resposta em idioma diferente da pergunta"),
        ("answers are more often not in the question's language", "mais respostas não estão no idioma da pergunta"),
        ("answers are more often in the question's language", "mais respostas estão no idioma da pergunta"),
    ),
    "output.refusals": (
        ("Refusals", "Recusas"), ("more answers refuse", "mais respostas recusam"), ("fewer answers refuse", "menos respostas recusam"),
    ),
    "output.repetition": (
        ("Repetition within an answer", "Repetição dentro da resposta"),
        ("answers repeat themselves more", "as respostas se repetem mais"),
        ("answers repeat themselves less", "as respostas se repetem menos"),
    ),
    "output.unfinished": (
        ("Answers that break off", "Respostas interrompidas"),
        ("more answers break off", "mais respostas são interrompidas"), ("fewer answers break off", "menos respostas são interrompidas"),
    ),
    "output.wording": (("Wording", "Vocabulário"), ("answers use other words", "as respostas usam outras palavras")),
    "output.meaning": (("Meaning", "Significado"), ("answers are about other things", "as respostas tratam de outros assuntos")),
}  # fmt: skip
TEXT: dict[str, tuple[str, str]] = {
    "alike": ("no difference beyond chance", "nenhuma diferença além do acaso"),
    "median": ("median {before} to {after}", "mediana de {before} para {after}"),
    "share": ("{before} to {after}", "de {before} para {after}"),
    "category": ("{name} {before} to {after}", "{name} de {before} para {after}"),
    "spread": ("same median {before}, other spread", "mesma mediana {before}, outra distribuição"),
    "told_apart": (
        "of a pair, the production record is recognized {share} of the time (chance 50%)",
        "em um par, o registro de produção é reconhecido {share} das vezes (acaso 50%)",
    ),
    "drift": ("Production has moved away from the reference: {what}.", "A produção se afastou da referência: {what}."),
    "more_of_them": ("and {count} more", "e mais {count}"),
    "no_drift": (
        "Production looks like the reference: none of the {count} things compared differs beyond chance.",
        "A produção se parece com a referência: nenhuma das {count} coisas comparadas difere além do acaso.",
    ),
    "too_small": (
        "Production looks like the reference: what differs beyond chance is too small to matter ({what}; {effect}, while drift "
        "begins at {least}).",
        "A produção se parece com a referência: o que difere além do acaso é pequeno demais para importar ({what}; {effect}, "
        "enquanto o desvio começa em {least}).",
    ),
}


def say(key: str, language: str, **values: object) -> str:
    """A sentence or word of TEXT."""
    return TEXT[key][LANGUAGES.index(language)].format(**values)


def title(feature: DriftFeature, language: str) -> str:
    """What is compared."""
    return FEATURES[f"{feature.side}.{feature.name}"][0][LANGUAGES.index(language)]


def phrase(feature: DriftFeature, language: str) -> str:
    """What has changed: 'questions are longer'."""
    _, rises, *falls = FEATURES[f"{feature.side}.{feature.name}"]
    return (falls[0] if falls and _falls(feature) else rises)[LANGUAGES.index(language)]


def _falls(feature: DriftFeature) -> bool:
    """By the medians or shares; where these are equal, by the mean place among the bars."""
    if feature.reference != feature.production:
        return (feature.production or 0) < (feature.reference or 0)
    return sum(place * (bar.production - bar.reference) for place, bar in enumerate(feature.bins)) < 0


def numbers(feature: DriftFeature, language: str) -> str:
    """The change in numbers: 'median 12 to 30'."""
    n = Numbers(language)
    if feature.kind == "text":
        return say("told_apart", language, share=n.percent((1 + feature.effect) / 2, 0))
    if feature.kind == "share":
        return say("share", language, before=_share(feature.reference, n), after=_share(feature.production, n))
    if feature.kind == "category":
        most = max(feature.bins, key=lambda bar: abs(bar.production - bar.reference))
        return say(
            "category", language, name=known_name(most.name, language), before=_share(most.reference, n), after=_share(most.production, n)
        )
    if feature.name == "repetition":
        before, after = _share(feature.reference, n), _share(feature.production, n)
    else:
        before, after = (
            n.value(value, 0 if value == round(value) else 1) for value in (feature.reference or 0.0, feature.production or 0.0)
        )
    return say("spread" if before == after else "median", language, before=before, after=after)


def _share(value: float | None, n: Numbers) -> str:
    return n.percent(value, 1 if value and value < 0.1 else 0)


def direction(feature: DriftFeature, language: str, alpha: float) -> str:
    """Phrase and numbers of what differs beyond chance; of the rest, that it does not."""
    return f"{phrase(feature, language)}: {numbers(feature, language)}" if feature.p_adjusted <= alpha else say("alike", language)


def reason(found: DriftSummary, language: str) -> str:
    """The outcome in one sentence."""
    n = Numbers(language)
    moved = sorted((one for one in found.features if one.drifted), key=lambda one: -one.effect)
    certain = [one for one in found.features if one.p_adjusted <= found.alpha]
    if not moved and certain:
        most = max(certain, key=lambda one: one.effect)
        effect, least = n.percent(most.effect), n.percent(found.least_effect, 0)
        return say("too_small", language, what=phrase(most, language), effect=effect, least=least)
    if not moved:
        return say("no_drift", language, count=n.count(len(found.features)))
    # Words and characters say the same: one of them is enough.
    lengths = {one.side for one in moved if one.name == "words"}
    told = [one for one in moved if one.name != "characters" or one.side not in lengths]
    parts = [phrase(one, language) if one.kind == "text" else f"{phrase(one, language)} ({numbers(one, language)})" for one in told[:MOST]]
    if len(told) > MOST:
        parts.append(say("more_of_them", language, count=n.count(len(told) - MOST)))
    return say("drift", language, what=", ".join(parts))
