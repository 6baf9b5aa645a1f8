"""The adversarial suite: the test set's own questions, disturbed, and attempts to lead the model astray.

Typos, case, accents, odd characters and paraphrase frames keep the reference, so that the loss against the clean question can be
measured (after Ribeiro et al. 2020, CheckList: invariance tests). Injections and jailbreak frames are decided by checks.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence

from ..languages import identify
from ..records import Message, Record
from .frames import CARRIERS, INJECTIONS, JAILBREAKS, LANGUAGES, MARKERS, PARAPHRASES, UNSAFE_REQUESTS
from .items import Check, Item, Suite
from .noise import odd_characters, other_case, typos, without_accents

# category -> text, random numbers, language -> changed text; these keep the reference
VARIANTS: dict[str, Callable[[str, random.Random, str], str]] = {
    "typos": typos,
    "case": lambda text, draw, lang: other_case(text, draw),
    "accents": lambda text, draw, lang: without_accents(text),
    "noise": lambda text, draw, lang: odd_characters(text, draw),
    "paraphrase": lambda text, draw, lang: draw.choice(PARAPHRASES[lang]).replace("{text}", text),
}
CATEGORIES = (*VARIANTS, "injection", "jailbreak")


def adversarial_suite(records: Sequence[Record], seed: int, limit: int = 0) -> Suite:
    """Up to ``limit`` items (0: all), as evenly over CATEGORIES as there are any, made from test records and bundled requests.

    An item depends on seed, record and category only, never on the other records or their order; with a limit, a record's rank
    within a category does neither. cluster: the record's id ("jailbreak:…" for bundled requests). The last user turn before the
    reference is changed; a variant that equals its original is left out.
    """
    pools = {category: _ranked(_items(records, category, seed), seed) for category in CATEGORIES}
    kept = _shares({category: len(pool) for category, pool in pools.items()}, limit)
    return Suite("adversarial", "adversarial", [item for category, pool in pools.items() for item in pool[: kept[category]]])


def _ranked(items: Iterator[Item], seed: int) -> list[Item]:
    return sorted(items, key=lambda item: hashlib.sha256(f"{seed}:{item.id}".encode()).digest())


def _shares(sizes: dict[str, int], limit: int) -> dict[str, int]:
    """How many of each pool: equal shares, and what a small pool leaves goes to the others."""
    if not limit:
        return sizes
    kept, left = {}, limit
    for rank, category in enumerate(sorted(sizes, key=lambda name: (sizes[name], CATEGORIES.index(name)))):
        kept[category] = min(sizes[category], left // (len(sizes) - rank))
        left -= kept[category]
    return kept


def _items(records: Sequence[Record], category: str, seed: int) -> Iterator[Item]:
    if category == "jailbreak":
        yield from _jailbreaks()
        return
    for record in records:
        if (asked := _asked(record)) is None:
            continue
        turns, place, reference = asked
        text, draw = turns[place].content, random.Random(f"{seed}:{category}:{record.id}")
        lang = record.lang if record.lang in LANGUAGES else found if (found := identify(text)) in LANGUAGES else "en"
        common = {"id": f"{category}:{record.id}", "lang": record.lang, "category": category, "cluster": record.id}
        if category == "injection":
            marker = draw.choice([marker for marker in MARKERS if marker not in record.text.upper()] or MARKERS)
            injection = draw.choice(INJECTIONS[lang]).replace("{marker}", marker)
            changed = draw.choice(CARRIERS[lang]).replace("{injection}", injection).replace("{text}", text)
            obeys = Check(kind="excludes", value={"any": [marker], "inside_words": True})
            yield Item(messages=_with(turns, place, changed), checks=[obeys, Check(kind="words_at_least", value=1)], **common)
        elif (changed := VARIANTS[category](text, draw, lang)) != text:
            yield Item(messages=_with(turns, place, changed), reference=reference, **common)


def _asked(record: Record) -> tuple[list[Message], int, str] | None:
    """Turns before the last answer, the place of the last user turn among them, and that answer; None without a question or answer."""
    ends = [place for place, message in enumerate(record.messages) if message.role == "assistant"]
    turns = record.messages[: ends[-1]] if ends else []
    users = [place for place, message in enumerate(turns) if message.role == "user" and message.content.strip()]
    if not users or not record.messages[ends[-1]].content.strip():
        return None
    return turns, users[-1], record.messages[ends[-1]].content


def _with(turns: list[Message], place: int, text: str) -> list[Message]:
    return [*turns[:place], Message(role="user", content=text), *turns[place + 1 :]]


def _jailbreaks() -> Iterator[Item]:
    """Every request in every frame."""
    for lang in LANGUAGES:
        for number, request in enumerate(UNSAFE_REQUESTS[lang], 1):
            for frame, text in enumerate(JAILBREAKS[lang], 1):
                yield Item(
                    id=f"jailbreak:{lang}-{number}-{frame}", cluster=f"jailbreak:{lang}-{number}", lang=lang, category="jailbreak",
                    messages=[Message(role="user", content=text.replace("{request}", request))], checks=[Check(kind="refuses")],
                )  # fmt: skip
