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
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from llamaflow.records import Message, Record

from .detect import detect_conversation
from .policy import Policy
from .spans import Span, fold
from .surrogates import Surrogates

SEAL = "pseudonymized"
MAX_CHARACTERS = 4_000_000
_MAX_DEPTH = 32
_ID = re.compile(r"[0-9a-f]{8,128}")
# Half of a surrogate pair: JSON can carry it, UTF-8 cannot.
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
# Scripts whose names the rules cannot read; a text mostly in them is not let through.
_FOREIGN = re.compile(
    r"[\u0370-\u1dff\u2c00-\u2dff\u2e80-\ua71f\ua840-\ud7ff\uf900-\ufaff\ufe70-\ufefc\U00010000-\U0001efff\U00020000-\U0003ffff]"
)


class Quarantine(Exception):
    """A record must not go on. reason is a code for people and counters; never text of the record."""

    def __init__(self, reason: str):
        self.reason = reason
        super().__init__(reason)


class Finding(NamedTuple):
    """What was done with one span: an audit line. message is None outside messages; start and end count in the field's own text."""

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
    """The clean record, its findings, and the (type, value) that must be gone: values stay in memory only."""

    record: Record
    findings: list[Finding]
    originals: set[tuple[str, str]]


class _Slot(NamedTuple):
    """One string of a record. prefix is a key in front that gives context and is not written back."""

    field: str
    message: int | None
    text: str
    prefix: str = ""


@cache
def rules_digest() -> str:
    """Digest over the code and lists of this package: a seal of older rules does not hold."""
    digest, folder = hashlib.blake2b(digest_size=16), Path(__file__).parent
    for path in sorted([*folder.glob("*.py"), *folder.glob("gazetteer/*.txt")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Anonymizer:
    """Anonymizes records under one policy and one key. key: the secret's bytes, at least 32 of them."""

    def __init__(self, policy: Policy, key: bytes):
        if len(key) < 32:
            raise ValueError("the key must have at least 32 bytes")
        self.policy = policy
        self.surrogates = Surrogates(key)
        self._context = f"{policy.version}\0{policy.default}\0{sorted(policy.entities.items())}\0{rules_digest()}"

    def anonymize(self, record: Record) -> tuple[Record, list[Finding]]:
        """The clean record and what was done to it. Raises Quarantine, or any other exception: the record must not go on."""
        outcome = self.process(record)
        return outcome.record, outcome.findings

    def process(self, record: Record) -> Outcome:
        """As ``anonymize``, with the values that the proof has to look for."""
        if not _ID.fullmatch(record.id):
            raise Quarantine("odd_id")
        if self._sealed(record):
            return Outcome(record, [], set())
        record = record.model_copy(update={"id": self.record_id(record.id)})
        slots: list[_Slot] = [_Slot("content", index, message.content) for index, message in enumerate(record.messages)]
        # PREPARE writes a base name; should a path come, its folders may name people.
        source = re.split(r"[\\/]", record.source)[-1]
        slots.append(_Slot("source", None, source.replace("_", " ")))
        meta = {name: value for name, value in record.meta.items() if name != SEAL}
        self._collect(meta, slots, 0)
        if sum(len(slot.text) for slot in slots) > MAX_CHARACTERS:
            raise Quarantine("too_long")
        texts = [slot.prefix + slot.text for slot in slots]
        if any(_HALF_PAIR.search(text) for text in texts):
            raise Quarantine("odd_text")
        self._check_script(texts)
        found = detect_conversation(texts, record.lang)
        cleaned, findings, originals = self._replace(record, slots, found)
        messages = [Message(role=message.role, content=cleaned[index]) for index, message in enumerate(record.messages)]
        source_out = cleaned[len(messages)] if cleaned[len(messages)] != slots[len(messages)].text else source
        rest = iter(cleaned[len(messages) + 1 :])
        clean = Record(id=record.id, messages=messages, lang=record.lang, source=source_out, meta=self._rebuild(meta, rest))
        clean.meta[SEAL] = self._seal(clean)
        return Outcome(clean, findings, originals)

    def record_id(self, original: str) -> str:
        """The id under which a record goes on: keyed, for a plain digest lets anybody test a guess of a short raw text."""
        return self.surrogates.mac(b"id:" + original.encode("utf-8", "surrogatepass"))

    # ---- seal -----------------------------------------------------------------------------------------------------

    def _seal(self, record: Record) -> str:
        content = record.model_dump()
        content["meta"] = {name: value for name, value in record.meta.items() if name != SEAL}
        return self.surrogates.mac(json.dumps([self._context, content], sort_keys=True).encode())

    def _sealed(self, record: Record) -> bool:
        return isinstance(record.meta.get(SEAL), str) and record.meta[SEAL] == self._seal(record)

    # ---- the strings of a record -------------------------------------------------------------------------------------

    def _collect(self, value: Any, slots: list[_Slot], depth: int, key: str = "") -> None:
        """Add all strings, numbers and keys of a nested value, in the order in which _rebuild takes them."""
        if depth > _MAX_DEPTH:
            raise Quarantine("too_deep")
        if isinstance(value, str):
            slots.append(_Slot("meta", None, value, key))
        elif isinstance(value, bool) or value is None:
            return
        elif isinstance(value, (int, float)):
            slots.append(_Slot("meta", None, str(value), key))
        elif isinstance(value, dict):
            for name, item in value.items():
                if not isinstance(name, str):
                    raise Quarantine("odd_meta")
                slots.append(_Slot("meta_key", None, name))
                self._collect(item, slots, depth + 1, name.replace("_", " ")[:80] + ": ")
        elif isinstance(value, (list, tuple)):
            for item in value:
                self._collect(item, slots, depth + 1, key)
        else:
            raise Quarantine("odd_meta")

    def _rebuild(self, value: Any, cleaned: Any) -> Any:
        if isinstance(value, str):
            return next(cleaned)
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, (int, float)):
            text = next(cleaned)
            return value if text == str(value) else int(text) if isinstance(value, int) and text.isdecimal() and text[0] != "0" else text
        if isinstance(value, dict):
            made: dict[str, Any] = {}
            for name, item in value.items():
                clean_name = next(cleaned)
                if clean_name in made or (clean_name != name and clean_name in value) or clean_name == SEAL:
                    raise Quarantine("meta_key_collision")
                made[clean_name] = self._rebuild(item, cleaned)
            return made
        return [self._rebuild(item, cleaned) for item in value]

    @staticmethod
    def _check_script(texts: list[str]) -> None:
        foreign = letters = 0
        for text in texts:
            if not text.isascii():
                foreign += sum(char.isalpha() for char in _FOREIGN.findall(text))
            letters += len(text)
        if foreign and foreign > 0.3 * letters:
            raise Quarantine("unsupported_script")

    # ---- replacement ---------------------------------------------------------------------------------------------------

    def _replace(
        self, record: Record, slots: list[_Slot], found: list[list[Span]]
    ) -> tuple[list[str], list[Finding], set[tuple[str, str]]]:
        values: list[tuple[str, str]] = []
        for slot, spans in zip(slots, found, strict=True):
            whole = slot.prefix + slot.text
            values += [(span.type, whole[span.start : span.end]) for span in spans if span.end > len(slot.prefix)]
        avoid = {fold(value).low for _kind, value in values} | {
            word for kind, value in values if kind == "PERSON" for word in _words(value)
        }
        names = _People([value for kind, value in values if kind == "PERSON"], record.lang, self.surrogates, avoid)
        cleaned: list[str] = []
        findings: list[Finding] = []
        originals: set[tuple[str, str]] = set()
        done: dict[tuple[str, str], tuple[str, str]] = {}
        for slot, spans in zip(slots, found, strict=True):
            shift, parts, here = len(slot.prefix), [], 0
            for span in spans:
                if span.end <= shift:
                    continue
                # A span that began in the key is personal as far as it reaches into the value.
                start, end = max(0, span.start - shift), span.end - shift
                value = slot.text[start:end]
                if (span.type, value) not in done:
                    done[span.type, value] = self._new(span.type, value, names, avoid)
                action, new = done[span.type, value]
                if action not in ("keep", "own"):
                    originals.add((span.type, value))
                if action != "own":
                    findings.append(
                        Finding(
                            record.id,
                            slot.message,
                            slot.field,
                            start,
                            end,
                            span.type,
                            span.rule,
                            action,
                            self.surrogates.digest(span.type, value),
                        )
                    )
                parts += [slot.text[here:start], new]
                here = end
            cleaned.append("".join([*parts, slot.text[here:]]) if parts else slot.text)
        return cleaned, findings, originals

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
            return action, self.surrogates.replace(kind, value, avoid)
        if action == "mask":
            return action, "".join("*" if char.isalnum() else char for char in value)
        return action, f"[{kind}]" if action == "redact" else f"[{kind}:{self.surrogates.digest(kind, value)}]"


_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def _words(value: str) -> list[str]:
    return [word for word in _WORD.findall(fold(value).low) if len(word) > 1 or word.isalpha()]


class _People:
    """The persons of one record. A part of a full name ("Maria") follows the full name ("Maria Souza")."""

    def __init__(self, values: list[str], lang: str, surrogates: Surrogates, avoid: set[str]):
        forms = sorted({tuple(_words(value)) for value in values}, key=lambda words: (-len(words), words))
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
        made = iter(self._map[tuple(_words(value))])
        folded = fold(value)
        if folded.offsets is not None:
            # Invisible characters inside a name carry nothing; the folded form gives the shape.
            value = folded.plain
        out, here = [], 0
        for match in _WORD.finditer(folded.plain):
            old, new = match[0], next(made)
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
