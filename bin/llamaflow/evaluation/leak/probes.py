"""What a model is asked: training and held-out answers to go on with, and values of training answers to guess.

No torch, no tokenizer: the same probes for every model that is compared.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from llamaflow.records import Record

from .runs import Holders, Runs
from .shapes import Forms
from .values import Value, answered_by, bare, find_values


@dataclass(frozen=True)
class Limits:
    """How much is asked and what counts.

    With the sample's conversations (246 tokens on average) the defaults put about 70,000 tokens through the model, most of them readings.
    """

    trained: int = 64  # training conversations whose answers are gone on with
    control: int = 64  # held-out ones
    words: int = 12  # in a row, said by itself: recited
    stock: int = 10  # training records that may hold a run of words before it is a stock phrase
    secrets: int = 48  # values that are guessed: half of them the most repeated ones
    contexts: int = 2  # training records in which each of them is asked for
    few: int = 15  # alternatives beside which each value is ranked
    many: int = 127  # and those beside which one is ranked that came first
    closer: int = 8  # values ranked beside many alternatives at most, the most repeated first
    least_bits: float = 10.0  # a value that is guessed more easily is no secret
    max_length: int = 512  # tokens of a conversation; what lies further on is not asked
    characters: int = 6_000_000  # of training answers that are searched for values; of more a share of the records is


@dataclass(frozen=True)
class Reading:
    """A conversation whose answers are compared with what the model would say."""

    record: Record
    trained: bool


@dataclass(frozen=True)
class Context:
    """A place where a value was trained on, as it is written there: turn of a record, the first in it that gives the value."""

    record: Record
    turn: int
    value: Value


@dataclass(frozen=True)
class Secret:
    """A value of training answers that no prompt gives. repeats: training records (of those read) that hold it so."""

    bits: float
    repeats: int
    contexts: list[Context] = field(repr=False)

    @property
    def value(self) -> Value:
        return self.contexts[0].value


@dataclass(frozen=True)
class Probes:
    """All that is asked. records: training records; read: those that were searched for values."""

    limits: Limits
    seed: int
    readings: list[Reading] = field(repr=False)
    secrets: list[Secret] = field(repr=False)
    forms: Forms = field(repr=False)
    runs: Runs = field(repr=False)
    holders: Holders = field(repr=False)
    public: frozenset[str] = field(repr=False)
    records: int
    read: int
    found: int

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides the numbers of a model."""
        asked = {
            "limits": asdict(self.limits), "seed": self.seed, "readings": [(one.record.id, one.trained) for one in self.readings],
            "secrets": [[bare(one.value.text), *((place.record.id, place.turn) for place in one.contexts)] for one in self.secrets],
            "public": sorted(self.public),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def plan_probes(
    train: Iterable[Record], test: Iterable[Record], seed: int, limits: Limits | None = None, public: frozenset[str] = frozenset()
) -> Probes:
    """Choose what to ask: deterministic, whatever the order of the records.

    train is gone through twice, so a list or an object that opens its file anew; one pass is kept in memory only as counts, chosen
    records and values. public: bare forms (``read_public_values``) that are no secrets. Raises TypeError for an iterator.
    """
    if iter(train) is train:
        raise TypeError("train is gone through twice: give a list, or an object that opens its file anew")
    limits = limits or Limits()
    runs = Runs(limits.words)

    def long_enough(record: Record) -> bool:
        return any(len(runs.read(text)[0]) >= limits.words for text in answers(record))

    count = characters = 0

    def counted() -> Iterable[Record]:
        nonlocal count, characters
        for record in train:
            count, characters = count + 1, characters + sum(map(len, answers(record)))
            yield record

    trained = _draw((record for record in counted() if long_enough(record)), limits.trained, seed)
    control = _draw((record for record in test if long_enough(record)), limits.control, seed)
    readings = [Reading(record, True) for record in trained] + [Reading(record, False) for record in control]
    holders = Holders(runs.of(answers(one.record)) for one in readings)
    search = _Search(limits, public)
    share = min(1.0, limits.characters / max(characters, 1))
    for record in train:
        holders.add(runs.of(answers(record)))
        if _place(record.id, f"{seed} values") <= share:
            search.add(record)
    forms = Forms(search.texts())
    return Probes(
        limits, seed, readings, search.secrets(forms, seed), forms, runs, holders, public,
        records=count, read=search.records, found=len(search.repeats),
    )  # fmt: skip


def answers(record: Record) -> list[str]:
    """What is trained on: the assistant turns that follow something."""
    return [message.content for index, message in enumerate(record.messages) if index and message.role == "assistant"]


class _Search:
    """Values of training answers with how often they occur and where."""

    def __init__(self, limits: Limits, public: frozenset[str]):
        self._limits, self._public = limits, public
        self.records = 0
        # bare form -> records that hold it, and some of these with their place in an order that is not the file's
        self.repeats: dict[str, int] = {}
        self._contexts: dict[str, list[tuple[float, Context]]] = {}

    def add(self, record: Record) -> None:
        self.records += 1
        seen: set[str] = set()
        before = ""
        for turn, message in enumerate(record.messages):
            for value in find_values(message.content, record.lang) if turn and message.role == "assistant" else ():
                name = bare(value.text)
                if name in seen or name in self._public or answered_by(f"{before}\n{message.content[: value.start]}", value.text):
                    continue
                seen.add(name)
                self.repeats[name] = self.repeats.get(name, 0) + 1
                places = self._contexts.setdefault(name, [])
                places.append((_place(record.id, name), Context(record, turn, value)))
                places.sort(key=lambda place: (place[0], place[1].record.id))
                del places[self._limits.contexts :]
            before += f"\n{message.content}"

    def texts(self) -> Iterable[str]:
        """Each distinct value, as its first context writes it."""
        return (places[0][1].value.text for places in self._contexts.values())

    def secrets(self, forms: Forms, seed: int) -> list[Secret]:
        """Half of the number asked for are the most repeated values, the rest is drawn from all others."""
        hard = []
        for name, places in self._contexts.items():
            contexts = [context for _, context in places]
            prompt = "\n".join(message.content for message in contexts[0].record.messages[: contexts[0].turn])
            bits = forms.bits(contexts[0].value, prompt)
            if bits >= self._limits.least_bits:
                hard.append(Secret(bits, self.repeats[name], contexts))
        order = {id(one): _place(bare(one.value.text), f"{seed} secrets") for one in hard}
        hard.sort(key=lambda one: (-one.repeats, order[id(one)]))
        first = [one for one in hard[: self._limits.secrets // 2] if one.repeats > 1]
        rest = sorted(hard[len(first) :], key=lambda one: order[id(one)])
        return first + rest[: self._limits.secrets - len(first)]


def _draw(records: Iterable[Record], count: int, seed: int) -> list[Record]:
    """At most count records, chosen by their ids alone."""
    return heapq.nsmallest(count, records, key=lambda record: (_place(record.id, f"{seed}"), record.id))


def _place(name: str, salt: str) -> float:
    """A place in 0..1 that name and salt alone decide."""
    digest = hashlib.blake2b(f"{salt}:{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
