"""One record in, the same record without personal data out; or an exception, and then the record must not go on.

Idempotence. A pseudonymized record carries a seal in ``meta`` (an input's own entry of that name is dropped): a keyed
digest over its whole content, the policy and the detection rules. A record whose seal is right comes back untouched,
names included. A seal cannot be made without the key, so nothing gets through by claiming to be sealed; a record that
was edited, or made under another policy or older rules, is read anew. Without the seal (texts taken out of a record)
e-mail, CPF, CNPJ, card, Brazilian phone, CEP, RG, plate, PIX, IPv6 and profile surrogates are still known as own and
stay; IPv4 addresses, North American phones, dates and names are drawn again, because other people's values, real or
made up, look the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llamaflow.languages import identify
from llamaflow.records import Message, Record

from .detect import detect, detect_conversation
from .fields import Piece, Segment, UnreadableText, View, read, write
from .lexicon import TITLE, lexicon
from .ner.plugins import load_recognizer
from .policy import Policy
from .spans import Span, fold
from .surrogates import Surrogates
from .unsupported import in_other_language, in_other_script

SEAL = "pseudonymized"
REDACTED = "[REDACTED]"
MAX_CHARACTERS = 4_000_000
_MAX_DEPTH = 32
# What a file's name ends with: its kind and, behind it, a line.
_SUFFIXES = re.compile(r"(?:\.(?:jsonl?|csv|tsv|parquet|txt|md|gz|zst))*(?::[0-9]+)?$")
_ID = re.compile(r"[0-9a-f]{8,128}")
# Half of a surrogate pair: JSON can carry it, UTF-8 cannot.
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
# What source code is full of: found only inside a fenced block, it is an example or a variable.
_STAYS_IN_CODE = frozenset(["PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "AGE", "DATE"])
_FOR_LANGUAGE = 20_000  # characters are enough to tell a language


class Quarantine(Exception):
    """A record must not go on. reason is a code for people and counters; never text of the record."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(reason)


class Finding(NamedTuple):
    """What was done with one span: an audit line. message is None outside messages.

    start and end count in the message's content, in source, or in meta as JSON (keys in their order, nothing escaped
    beyond what JSON asks for).
    """

    id: str
    message: int | None
    field: str
    start: int
    end: int
    type: str
    rule: str
    action: str
    hash: str


class Outcome(NamedTuple):
    """The clean record, its findings, and what was done, for the proof and the reversal map: values stay in memory only.

    made: (type, original) -> what stands in its place; kept: values that were found and left; fields: how many fields
    of meta the policy dropped or redacted.
    """

    record: Record
    findings: list[Finding]
    made: dict[tuple[str, str], str]
    kept: frozenset[str]
    fields: Counter[str]

    @property
    def originals(self) -> set[tuple[str, str]]:
        """The (type, value) that must be gone."""
        return set(self.made)


class _Text(NamedTuple):
    """One text of a record: where it is, as it is, as detectors read it, and its language."""

    field: str
    message: int | None
    raw: str
    view: View
    lang: str


class _Found(NamedTuple):
    """A part of a span that stands in one of the texts."""

    text: _Text
    piece: Piece
    type: str
    rule: str
    value: str


@cache
def rules_digest() -> str:
    """Digest over the code, lists and weights of this package: a seal of older rules does not hold."""
    digest, folder = hashlib.blake2b(digest_size=16), Path(__file__).parent
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


class Anonymizer:
    """Anonymizes records under one policy and one key.

    key: the secret's bytes, at least 32 of them; ner: a bigger model beside the shipped one (``spacy:NAME``, ``hf:MODEL``).
    """

    def __init__(self, policy: Policy, key: bytes, ner: str | None = None):
        if len(key) < 32:
            raise ValueError("the key must have at least 32 bytes")
        self.policy = policy
        self._recognizer = load_recognizer(ner) if ner else None
        self.surrogates = Surrogates(key)
        self._context = f"{policy.rules()}\0{ner}\0{rules_digest()}"

    def anonymize(self, record: Record) -> tuple[Record, list[Finding]]:
        """The clean record and what was done to it. Raises Quarantine, or any other exception: the record must not go on."""
        outcome = self.process(record)
        return outcome.record, outcome.findings

    def process(self, record: Record) -> Outcome:
        """As ``anonymize``, with the values that the proof has to look for."""
        if not _ID.fullmatch(record.id):
            raise Quarantine("odd_id")
        if self.is_sealed(record):
            return Outcome(record, [], {}, frozenset(), Counter())
        record = record.model_copy(update={"id": self.record_id(record.id)})
        # PREPARE writes a base name; should a path come, its folders may name people.
        source = re.split(r"[\\/]", record.source)[-1]
        fields: Counter[str] = Counter()
        meta = self._reduced({name: value for name, value in record.meta.items() if name != SEAL}, 0, fields)
        # The values that the policy keeps unread are put back at the end.
        meta_json = json.dumps(self._unread_out(meta), ensure_ascii=False) if meta else ""
        raws = [message.content for message in record.messages]
        if sum(map(len, raws)) + len(source) + len(meta_json) > MAX_CHARACTERS:
            raise Quarantine("too_long")
        if any(_HALF_PAIR.search(raw) for raw in (*raws, source, meta_json)):
            raise Quarantine("odd_text")
        if self.policy.unsupported_language == "quarantine":
            if in_other_script([*raws, source, meta_json]):
                raise Quarantine("unsupported_script")
            if any(in_other_language(raw) for raw in raws):
                raise Quarantine("unsupported_language")
        try:
            texts = [_Text("content", index, raw, read(raw), _language(record, raw)) for index, raw in enumerate(raws)]
            stem = source[: _SUFFIXES.search(source).start()]
            texts.append(_Text("source", None, source, View(stem.replace("_", " "), [Segment(0, len(stem), 0)]), record.lang))
            texts.append(_Text("meta", None, meta_json, read(meta_json), record.lang))
        except UnreadableText as error:
            raise Quarantine(error.reason) from None
        # The file's name is read apart, so that all records of a file keep naming one file.
        talk = [text for text in texts if text.field != "source"]
        found = detect_conversation([text.view.text for text in talk], [text.lang for text in talk], self._recognizer)
        found.insert(-1, detect(texts[-2].view.text, recognizer=self._recognizer))
        cleaned, findings, made, kept = self._replace(record, texts, found)
        messages = [Message(role=message.role, content=cleaned[index]) for index, message in enumerate(record.messages)]
        clean_meta = self._unread_in(meta, _loads(cleaned[-1])) if meta else {}
        clean = Record(id=record.id, messages=messages, lang=record.lang, source=cleaned[-2], meta=clean_meta)
        clean.meta[SEAL] = self._seal(clean)
        return Outcome(clean, findings, made, kept, fields)

    def record_id(self, original: str) -> str:
        """The id under which a record goes on: keyed, for a plain digest lets anybody test a guess of a short raw text."""
        return self.surrogates.mac(b"id:" + original.encode("utf-8", "surrogatepass"))

    # ---- seal -----------------------------------------------------------------------------------------------------

    def _seal(self, record: Record) -> str:
        content = record.model_dump()
        content["meta"] = {name: value for name, value in record.meta.items() if name != SEAL}
        return self.surrogates.mac(json.dumps([self._context, content], sort_keys=True).encode())

    def is_sealed(self, record: Record) -> bool:
        """Whether this key, under this policy and these rules, has made the record as it is."""
        return isinstance(record.meta.get(SEAL), str) and record.meta[SEAL] == self._seal(record)

    # ---- meta ------------------------------------------------------------------------------------------------------

    def _reduced(self, value: Any, depth: int, fields: Counter[str]) -> Any:
        """Meta without the fields that the policy drops and with those redacted that it redacts."""
        if depth > _MAX_DEPTH:
            raise Quarantine("too_deep")
        if isinstance(value, dict):
            made = {}
            for name, item in value.items():
                if not isinstance(name, str):
                    raise Quarantine("odd_meta")
                action = self.policy.field_action(name)
                if action in ("drop", "redact"):
                    fields[action] += 1
                if action != "drop":
                    made[name] = REDACTED if action == "redact" else self._reduced(item, depth + 1, fields)
            return made
        if isinstance(value, (list, tuple)):
            return [self._reduced(item, depth + 1, fields) for item in value]
        if value is None or isinstance(value, (str, bool, int, float)):
            return value
        raise Quarantine("odd_meta")

    def _unread_out(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: None if self.policy.field_action(name) == "keep" else self._unread_out(item) for name, item in value.items()}
        return [self._unread_out(item) for item in value] if isinstance(value, list) else value

    def _unread_in(self, value: Any, cleaned: Any) -> Any:
        if isinstance(value, dict):
            return {
                clean_name: item if self.policy.field_action(name) == "keep" else self._unread_in(item, clean_item)
                for (name, item), (clean_name, clean_item) in zip(value.items(), cleaned.items(), strict=True)
            }
        return [self._unread_in(*pair) for pair in zip(value, cleaned, strict=True)] if isinstance(value, list) else cleaned

    # ---- replacement ---------------------------------------------------------------------------------------------------

    def _replace(
        self, record: Record, texts: list[_Text], found: list[list[Span]]
    ) -> tuple[list[str], list[Finding], dict[tuple[str, str], str], frozenset[str]]:
        parts: list[list[_Found]] = []
        for text, spans in zip(texts, found, strict=True):
            pieces = [(piece, span) for span in spans for piece in text.view.pieces(span)]
            parts.append([_Found(text, piece, span.type, span.rule, text.view.text[piece.start : piece.end]) for piece, span in pieces])
        parts = self._agreed(parts)
        every = [one for part in parts for one in part]
        is_example = _examples(every)
        values = [(one.type, one.value) for one in every if not is_example(one)]
        avoid = {fold(value).low for _kind, value in values} | {
            word for kind, value in values if kind == "PERSON" for word in _words(value)
        }
        names = _People([value for kind, value in values if kind == "PERSON"], record.lang, self.surrogates, avoid)
        done: dict[tuple[str, str], tuple[str, str]] = {}
        cleaned: list[str] = []
        findings: list[Finding] = []
        kept: set[str] = set()
        for text, part in zip(texts, parts, strict=True):
            changes: list[tuple[Piece, str]] = []
            for one in part:
                if is_example(one):
                    action, new = "keep", one.value
                else:
                    if (one.type, one.value) not in done:
                        done[one.type, one.value] = self._new(one.type, one.value, names, avoid)
                    action, new = done[one.type, one.value]
                if action in ("keep", "own"):
                    kept.add(one.value)
                else:
                    changes.append((one.piece, new))
                if action != "own":
                    start, end = one.piece.segment.raw(one.piece.start), one.piece.segment.raw(one.piece.end)
                    digest = self.surrogates.digest(one.type, one.value)
                    findings.append(Finding(record.id, text.message, text.field, start, end, one.type, one.rule, action, digest))
            cleaned.append(write(text.raw, text.view, changes) if changes else text.raw)
        made = {key: new for key, (action, new) in done.items() if action not in ("keep", "own")}
        return cleaned, findings, made, frozenset(kept)

    def _agreed(self, parts: list[list[_Found]]) -> list[list[_Found]]:
        """One value is of one type where it matters: what was found once as something to be replaced is not kept elsewhere."""
        kept = self.policy.kept
        goes = {fold(one.value).low: one.type for part in parts for one in part if one.type not in kept}
        return [[one._replace(type=goes.get(fold(one.value).low, one.type)) if one.type in kept else one for one in part] for part in parts]

    def _new(self, kind: str, value: str, names: _People, avoid: set[str]) -> tuple[str, str]:
        """What is done to a value, and what stands in its place."""
        action = self.policy.action(kind)
        if action == "keep":
            return action, value
        if action == "surrogate":
            if kind == "PERSON":
                return action, names.surrogate(value)
            if self.surrogates.is_own(kind, value):
                return "own", value
            try:
                return action, self.surrogates.replace(kind, value, avoid)
            except RuntimeError:
                raise Quarantine("no_surrogate") from None
        if action == "mask":
            return action, "".join("*" if char.isalnum() else char for char in value)
        return action, f"[{kind}]" if action == "redact" else f"[{kind}:{self.surrogates.digest(kind, value)}]"


def _language(record: Record, text: str) -> str:
    """The language in which a message is read: the record's, unless that is mixed or unknown."""
    if record.lang in ("pt", "en"):
        return record.lang
    found = identify(text[:_FOR_LANGUAGE])
    return record.lang if found == "unknown" else found


def _loads(text: str) -> Any:
    """Meta read back. Two keys that became one would lose a value."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs) or SEAL in made:
            raise Quarantine("meta_key_collision")
        return made

    return json.loads(text, object_pairs_hook=unique)


def _examples(found: list[_Found]) -> Any:
    """Which findings are examples in source code: of a kind that stays there, and nowhere outside of it."""
    outside = {fold(one.value).low for one in found if not one.piece.segment.code}
    persons = {word for one in found if one.type == "PERSON" and not one.piece.segment.code for word in _words(one.value) if len(word) > 2}

    def is_example(one: _Found) -> bool:
        if not one.piece.segment.code or one.type not in _STAYS_IN_CODE or fold(one.value).low in outside:
            return False
        return one.type != "PERSON" or persons.isdisjoint(_words(one.value))

    return is_example


_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def _words(value: str) -> list[str]:
    return _WORD.findall(fold(value).low)


def _title(words: list[str]) -> int:
    """How many words in front of a name are titles ("Dona Maria"): they stay, and the name is the name without them."""
    flags = lexicon().flags
    return next((place for place, word in enumerate(words[:-1]) if not flags.get(word, 0) & TITLE), len(words) - 1) if words else 0


class _People:
    """The persons of one record. A part of a full name ("Maria") follows the full name ("Maria Souza")."""

    def __init__(self, values: list[str], lang: str, surrogates: Surrogates, avoid: set[str]):
        named = [_words(value) for value in values]
        forms = sorted({tuple(words[_title(words) :]) for words in named}, key=lambda words: (-len(words), words))
        self._map: dict[tuple[str, ...], list[str]] = {}
        fulls: list[tuple[tuple[str, ...], list[str]]] = []
        for words in forms:
            made = None
            for full, new in fulls:
                places = _part_of(words, full)
                if places is not None:
                    made = [new[place] for place in places]
                    break
            if made is None:
                made = surrogates.person(list(words), "pt" if lang == "unknown" else lang, avoid)
                fulls.append((words, made))
            self._map[words] = made

    def surrogate(self, value: str) -> str:
        """The surrogate with the spelling habits of the value: case, missing accents, what stands between the words."""
        words = _words(value)
        titles = _title(words)
        made = iter([*words[:titles], *self._map[tuple(words[titles:])]])
        folded = fold(value)
        if folded.offsets is not None:
            # Invisible characters inside a name carry nothing; the folded form gives the shape.
            value = folded.plain
        out, here = [], 0
        for match in _WORD.finditer(folded.plain):
            old, new = match[0], next(made)
            if titles > 0:
                titles -= 1
                continue
            accented = value[match.start() : match.end()] != old or any(ord(char) > 127 for char in value)
            out += [value[here : match.start()], _like(old, new, accented)]
            here = match.end()
        return "".join([*out, value[here:]])


def _part_of(words: tuple[str, ...], full: tuple[str, ...]) -> list[int] | None:
    """The places in a full name at which the words stand, in order; None when they are not a part of it."""
    places, start = [], 0
    for word in words:
        if word not in full[start:]:
            return None
        start = full.index(word, start) + 1
        places.append(start - 1)
    return places


def _like(old: str, new: str, accented: bool) -> str:
    """A name in the case of another; typed in lower case without accents stays so."""
    if old.islower():
        return new.lower() if accented else fold(new).low
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[:1].upper() + new[1:]
