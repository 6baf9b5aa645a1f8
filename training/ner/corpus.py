"""What the tagger is trained on: filled templates, LeNER-Br, English prose labelled by spaCy, Portuguese prose without labels.

Texts of the public sets are read where they lie and never kept. Names in them are mostly swapped for drawn ones, so
that the network learns how a name stands in a sentence and not whose case it was.
"""

from __future__ import annotations

import csv
import json
import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llamaflow.pii.ner.features import TURN, places_of, tokens_of
from llamaflow.pii.ner.tagger import KINDS
from llamaflow.pii.spans import fold

from .fillers import Fillers

TEMPLATES = Path(__file__).parent / "templates"
_KIND_OF_SLOT = {
    "PERSON": "first first_f first_m last full full_f full_m initial_last last_first nick",
    "ADDRESS": "street address address_lines unit po_box",
    "LOCATION": "city state country neighbourhood region place",
    "ORGANIZATION": "org bank hospital school agency shop",
}
KIND_OF_SLOT = {slot: kind for kind, slots in _KIND_OF_SLOT.items() for slot in slots.split()}
_CHOICE = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{(\w+)(?::(\d+))?\}")
TEMPLATE_SHARES = {"chat": 0.34, "service": 0.2, "prose": 0.2, "forms": 0.12, "negative": 0.14}
LENER_KINDS = {"PESSOA": "PERSON", "LOCAL": "LOCATION", "ORGANIZACAO": "ORGANIZATION"}


class Sample(NamedTuple):
    """A text, its entities as (start, end, kind) and stretches (start, end) about which nobody knows."""

    text: str
    spans: list[tuple[int, int, str]]
    unsure: list[tuple[int, int]]


def read_templates() -> dict[str, dict[str, list[str]]]:
    """lang -> file kind (chat, service …) -> templates."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(TEMPLATES.glob("*.txt")):
        lang, kind = path.stem.split("_", 1)
        lines = path.read_text(encoding="utf-8").split("\n")
        while lines and lines[0].startswith("#"):
            lines.pop(0)
        blocks = re.split(r"^---$", "\n".join(lines), flags=re.M)
        found.setdefault(lang, {})[kind] = [block.strip("\n") for block in blocks if block.strip()]
    return found


def _own(slot: str, lang: str, fillers: Fillers, rng: random.Random) -> str:
    """Capitalised words that are no entity: names of product lines, which sound like any other name, and abbreviations."""
    if slot == "model":
        words = re.findall(r"[^\W\d_]{3,}", fillers.fill(rng.choice(("city", "org", "last", "neighbourhood", "first")), lang))
        return rng.choice(words).capitalize() if words else "Modelo"
    return "".join(rng.choices("ABCDEFGIJKLMNOPRSTVXZ", k=rng.randint(2, 5))) if slot == "acronym" else ""


def _shouted(text: str, slot: re.Match[str]) -> bool:
    """Whether the line around a slot is in capitals."""
    start, end = text.rfind("\n", 0, slot.start()) + 1, text.find("\n", slot.end())
    words = _SLOT.sub("", text[start : end if end >= 0 else len(text)])
    return words.isupper() and sum(map(str.isupper, words)) > 3


def expand(template: str, lang: str, fillers: Fillers, rng: random.Random, lower: float = 0.0) -> Sample:
    """One text of a template. lower: chance that the values are in lower case whatever stands around them."""
    fillers.fresh_text()
    text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    parts: list[str] = []
    spans: list[tuple[int, int, str]] = []
    here = length = 0
    lower_values = rng.random() < lower
    for match in _SLOT.finditer(text):
        value = _own(match[1], lang, fillers, rng) or fillers.fill(match[1], lang, int(match[2]) if match[2] else None)
        if lower_values:
            value = value.lower()
        elif _shouted(text, match) and rng.random() < 0.7:
            value = value.upper()
        parts += [text[here : match.start()], value]
        length += match.start() - here
        kind = KIND_OF_SLOT.get(match[1])
        if kind == "PERSON" and match[1] == "last" and spans and spans[-1][2] == kind and parts[-2] == " ":
            # "{first} {last}" is one name.
            spans[-1] = (spans[-1][0], length + len(value), kind)
        elif kind:
            spans.append((length, length + len(value), kind))
        length += len(value)
        here = match.end()
    parts.append(text[here:])
    return Sample("".join(parts), spans, [])


def read_held_out(path: Path) -> frozenset[str]:
    """Folded words of a list of names, # lines left out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in fold(line).low.split())


def read_lener(path: Path) -> list[Sample]:
    """Sentences of LeNER-Br, tokens joined by one space."""
    samples = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        words, spans, length = [], [], 0
        for line in block.splitlines():
            if not line.strip():
                continue
            word, tag = line.rsplit(" ", 1)
            kind = LENER_KINDS.get(tag[2:])
            if kind and tag[0] == "I" and spans and spans[-1][2] == kind and spans[-1][1] == length - 1:
                spans[-1] = (spans[-1][0], length + len(word), kind)
            elif kind:
                spans.append((length, length + len(word), kind))
            words.append(word)
            length += len(word) + 1
        if words:
            samples.append(Sample(" ".join(words), spans, []))
    return samples


def read_silver(path: Path) -> list[Sample]:
    """What silver.py wrote."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Sample(row["text"], [tuple(span) for span in row["spans"]], [tuple(span) for span in row["unsure"]]) for row in rows]


_LOWER = re.compile(r"(?<![^\W_])[a-z]{3,}(?![^\W_])")
_CAPITAL = re.compile(r"(?<![.!?:\"'] )(?<=\S )[A-ZÀ-Ú][\w'-]*")


def read_portuguese(folder: Path) -> list[Sample]:
    """Portuguese prose in which only words without a capital are known to be no names."""
    texts: dict[str, None] = {}
    for article in json.loads((folder / "faquad-train.json").read_text())["data"]:
        for paragraph in article["paragraphs"]:
            texts[paragraph["context"]] = None
            texts.update((qa["question"], None) for qa in paragraph["qas"])
    with (folder / "porsimplessent.tsv").open(encoding="utf-8") as lines:
        for row in csv.reader(lines, delimiter="\t"):
            texts.update((cell, None) for cell in row if cell.count(" ") > 5)
    return [Sample(text, [], [match.span() for match in _CAPITAL.finditer(text)]) for text in texts]


def swapped(sample: Sample, lang: str, fillers: Fillers, rng: random.Random) -> Sample:
    """The sample with most of its names, and many of its places and companies, replaced by drawn ones."""
    if not sample.spans:
        return sample
    fillers.fresh_text()
    drawn: dict[str, str] = {}
    parts, spans, unsure = [], [], []
    here = shift = 0
    moves = []
    for start, end, kind in sorted(sample.spans):
        old = sample.text[start:end]
        if old not in drawn:
            drawn[old] = old
            share = {"PERSON": 0.75, "LOCATION": 0.3, "ORGANIZATION": 0.15}.get(kind, 0)
            if rng.random() < share:
                words = old.count(" ") + 1
                slot = {"PERSON": rng.choice(("first", "last")) if words == 1 else "full", "LOCATION": "place"}.get(kind, "org")
                new = fillers.fill(slot, lang)
                drawn[old] = new.upper() if old.isupper() and len(old) > 3 else new
        new = drawn[old]
        parts += [sample.text[here:start], new]
        spans.append((start + shift, start + shift + len(new), kind))
        shift += len(new) - (end - start)
        moves.append((end, shift))
        here = end
    parts.append(sample.text[here:])
    for start, end in sample.unsure:
        move = next((by for at, by in reversed(moves) if at <= start), 0)
        unsure.append((start + move, end + move))
    return Sample("".join(parts), spans, unsure)


def recased(sample: Sample, rng: random.Random, lower: float, upper: float) -> Sample:
    """The sample as somebody typed it who does not care for capitals."""
    draw = rng.random()
    text = sample.text
    if draw < lower:
        changed = text.lower()
    elif draw < lower + upper:
        changed = text.upper()
    elif draw < lower + upper + 0.03:
        changed = text.title()
    else:
        return sample
    return sample._replace(text=changed) if len(changed) == len(text) else sample


class Coined:
    """Words that nobody has read before but that sound like the language: a chain of letters over ordinary words.

    Standing where ordinary words stand they teach that an unknown word is not yet a name.
    """

    def __init__(self, texts: list[Sample], order: int = 3):
        words = Counter(word for sample in texts for word in _LOWER.findall(fold(sample.text).plain))
        self._order = order
        self._next: dict[str, list[str]] = {}
        for word in sorted(word for word, count in words.items() if count > 1):
            padded = "^" * order + word + "$"
            for place in range(len(padded) - order):
                self._next.setdefault(padded[place : place + order], []).append(padded[place + order])

    def draw(self, rng: random.Random) -> str:
        """One word of at most 16 letters."""
        state, word = "^" * self._order, ""
        while len(word) < 16:
            letter = rng.choice(self._next[state])
            if letter == "$":
                break
            word, state = word + letter, (state + letter)[-self._order :]
        return word

    def sprinkled(self, sample: Sample, rng: random.Random, share: float = 0.08) -> Sample:
        """The sample with some of its lower-case words, entities left out, replaced by coined ones."""
        marks = [(start, end) for start, end, _ in sample.spans] + sample.unsure
        parts, moves, here, shift = [], [], 0, 0
        for match in _LOWER.finditer(sample.text):
            start, end = match.span()
            if end - start < 4 or rng.random() > share or any(a < end and b > start for a, b in marks):
                continue
            word = self.draw(rng)
            parts += [sample.text[here:start], word]
            shift += len(word) - (end - start)
            moves.append((end, shift))
            here = end
        parts.append(sample.text[here:])

        def moved(place: int) -> int:
            return place + next((by for at, by in reversed(moves) if at <= place), 0)

        spans = [(moved(start), moved(end), kind) for start, end, kind in sample.spans]
        return Sample("".join(parts), spans, [(moved(start), moved(end)) for start, end in sample.unsure])


class Corpus:
    """Draws training samples without end, the same ones for the same seed."""

    def __init__(self, data: Path, silver: Path | None, seed: int, held_out: frozenset[str] = frozenset()):
        self.rng = random.Random(seed)
        self.fillers = Fillers(seed, held_out)
        self.templates = read_templates()
        self.lener = read_lener(data / "pii" / "lener-train.conll")
        self.portuguese = read_portuguese(data / "instruct")
        self.silver = read_silver(silver) if silver else []
        self.coined = {"pt": Coined(self.portuguese + self.lener), "en": Coined(self.silver or self.portuguese)}

    def samples(self) -> Iterator[list[Sample]]:
        """Conversations: lists of one to five texts."""
        rng = self.rng
        while True:
            draw = rng.random()
            if draw < 0.15:
                start = rng.randrange(len(self.lener))
                size = rng.choice((1, 1, 2, 4))
                chosen = [swapped(one, "pt", self.fillers, rng) for one in self.lener[start : start + size]]
                lang, talk = "pt", [recased(one, rng, 0.12, 0.05) for one in chosen]
            elif draw < 0.29 and self.silver:
                lang, talk = "en", [recased(swapped(rng.choice(self.silver), "en", self.fillers, rng), rng, 0.25, 0.04)]
            elif draw < 0.36:
                lang, talk = "pt", [recased(rng.choice(self.portuguese), rng, 0.35, 0.04)]
            else:
                lang = rng.choice(("pt", "en"))
                talk = self._filled(lang)
            yield [self.coined[lang].sprinkled(one, rng) for one in talk] if rng.random() < 0.5 else talk

    def _filled(self, lang: str) -> list[Sample]:
        """One to four filled templates of one kind, a chat in lower case at times."""
        rng, templates = self.rng, self.templates[lang]
        kind = rng.choices(list(TEMPLATE_SHARES), list(TEMPLATE_SHARES.values()))[0]
        lower = 1.0 if rng.random() < 0.3 else 0.04
        talk = []
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4)) if kind in ("chat", "service") else 1):
            group = kind if rng.random() < 0.85 else "negative"
            one = expand(rng.choice(templates[group]), lang, self.fillers, rng, 0.5 if group == "chat" else 0.06)
            talk.append(recased(one, rng, lower * 0.9, 0.04))
        return talk

    def examples(self) -> Iterator[tuple[list[str], list[int]]]:
        """(tokens, tags) of conversations; tag -1 stands where nobody knows."""
        for talk in self.samples():
            tokens: list[str] = []
            tags: list[int] = []
            for sample in talk:
                words, marks = tagged(sample)
                if tokens and words:
                    tokens.append(TURN)
                    tags.append(0)
                tokens += words
                tags += marks
            if tokens:
                yield tokens, tags


def tagged(sample: Sample) -> tuple[list[str], list[int]]:
    """Tokens of a sample and the tag of each (-1: unknown)."""
    folded = fold(sample.text)
    tokens, places = tokens_of(folded), places_of(folded)
    if folded.offsets is not None:
        places = [(folded.offsets[start], folded.offsets[end]) for start, end in places]
    starts, ends = [start for start, _ in places], [end for _, end in places]
    tags = [0] * len(tokens)
    marks = [(start, end, KINDS.index(kind)) for start, end, kind in sample.spans] + [(start, end, -1) for start, end in sample.unsure]
    for start, end, kind in marks:
        first = True
        for place in _between(starts, ends, start, end):
            if kind < 0:
                tags[place] = -1 if tags[place] == 0 else tags[place]
            else:
                tags[place] = 1 + 2 * kind + (not first)
                first = False
    return tokens, tags


def _between(starts: list[int], ends: list[int], start: int, end: int) -> range:
    return range(bisect_right(ends, start), bisect_left(starts, end))
