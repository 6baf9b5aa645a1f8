"""The sample is what its README and truth file say: reproducible, fully labelled, and without near duplicates of its own."""

from __future__ import annotations

import csv
import ipaddress
import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[1] / "data"
SAMPLE = DATA / "sample"
FILES = ("conversations.jsonl", "faq.csv", "truth.jsonl", "README.md")
TYPES = {"PERSON", "EMAIL", "PHONE", "CPF", "CNPJ", "CREDIT_CARD", "IP_ADDRESS"}
# What personal data looks like, written apart from the generator; used only to find what the truth file misses.
SHAPES = {
    "EMAIL": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*",
    "CPF": r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b|\b\d{11}\b",
    "CNPJ": r"\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b|\b\d{14}\b",
    "PHONE": r"\+\d{1,2}[ (]|\(\d{2,3}\) ?\d|\b9\d{4}-\d{4}\b",
    "CREDIT_CARD": r"\b(?:\d{4}[ -]){3}\d{4}\b|\b\d{15,16}\b|\b\d{4}[ -]\d{6}[ -]\d{5}\b",
    "IP_ADDRESS": r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-fA-F]{1,4}:[0-9a-fA-F:]*::[0-9a-fA-F]+",
}
# One policy fact of the house in every first answer of an intent (pt, en).
FACTS = {
    "order_status": ("12 dias úteis", "12 business days"),
    "late_delivery": ("vale de R$ 40", "R$ 40 voucher"),
    "return": ("7 dias", "7 days"),
    "damaged_piece": ("10 dias úteis", "10 business days"),
    "missing_screws": ("4 dias úteis", "4 business days"),
    "change_address": ("24 horas antes", "24 hours before"),
    "invoice": ("24 horas", "24 hours"),
    "refund": ("2 faturas", "2 statements"),
    "pix": ("5% de desconto", "5% off"),
    "boleto": ("3 dias úteis", "3 business days"),
    "card_declined": ("24 horas", "24 hours"),
    "warranty": ("24 meses", "24"),
    "assembly": ("5 dias úteis", "5 business days"),
    "cancel": ("7 dias", "7 days"),
    "coupon": ("R$ 199", "R$ 199"),
    "account_access": ("30 minutos", "30 minutes"),
    "privacy": ("15 dias", "15 days"),
    "stock": ("24 horas", "24 hours"),
    "measurements": ("10 cm", "10 cm"),
    "complaint": ("3 dias úteis", "3 business days"),
    "wholesale": ("10 unidades", "10 units"),
    "pickup": ("10 dias", "10 days"),
    "gift": ("R$ 19,90", "R$ 19.90"),
    "recall": ("10 dias úteis", "10 business days"),
    "opening_hours": ("das 8h às 20h", "8 am to 8 pm"),
    "newsletter": ("48 horas", "48 hours"),
}


def read(path: Path) -> tuple[list[str], list[dict], list[dict]]:
    """Physical lines of the conversations, rows of the table, entries of the truth."""
    lines = (path / "conversations.jsonl").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    with (path / "faq.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    truth = [json.loads(line) for line in (path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    return lines, rows, truth


LINES, ROWS, TRUTH = read(SAMPLE)
GOOD = [entry for entry in TRUTH if "planted" not in entry]
PLANTED = [entry for entry in TRUTH if "planted" in entry]
SPANS = [span for entry in GOOD for span in entry["spans"]]


def messages_of(entry: dict) -> list[dict]:
    if entry["file"] == "faq.csv":
        row = ROWS[entry["line"] - 1]
        return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
    return json.loads(LINES[entry["line"] - 1])["messages"]


def text_of(messages: list[dict]) -> str:
    return " ".join(message["content"] for message in messages)


def shingles(messages: list[dict], size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text_of(messages).lower())
    return set(zip(*(words[start:] for start in range(size)), strict=False))


def jaccard(one: set, two: set) -> float:
    return len(one & two) / len(one | two)


def covered(spans: list[dict], message: int, start: int, end: int) -> bool:
    return any(span["message"] == message and span["start"] <= start and end <= span["end"] for span in spans)


def spans_of(kind: str, *, broken: bool = False) -> list[dict]:
    return [span for span in SPANS if span["type"] == kind and ("wrong_check_digit" in span.get("note", "")) == broken]


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_generator_writes_the_committed_bytes(tmp_path, hash_seed):
    command = [sys.executable, str(DATA / "make_sample.py"), "--out", str(tmp_path / "again")]
    subprocess.run(command, check=True, cwd=tmp_path, env=os.environ | {"PYTHONHASHSEED": hash_seed})
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (SAMPLE / name).read_bytes(), name


def test_truth_names_every_line_and_row_once():
    places = Counter((entry["file"], entry["line"]) for entry in TRUTH)
    wanted = [("conversations.jsonl", number) for number in range(1, len(LINES) + 1)]
    wanted += [("faq.csv", number) for number in range(1, len(ROWS) + 1)]
    assert places == Counter(wanted)


def test_size_languages_and_shape():
    assert len(GOOD) >= 480
    assert len(ROWS) >= 85
    assert 0.55 <= sum(entry["lang"] == "pt" for entry in GOOD) / len(GOOD) <= 0.65
    intents = defaultdict(set)
    words, turns = [], Counter()
    for entry in GOOD:
        intents[entry["lang"]].add(entry["intent"])
        messages = messages_of(entry)
        roles = [message["role"] for message in messages]
        if roles[0] == "system":
            roles = roles[1:]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        turns[len(roles)] += 1
        words.append(len(text_of(messages).split()))
        for message in messages:
            assert message["content"] == message["content"].strip() != ""
            assert "  " not in message["content"]
            assert not re.search(r"[{}]", message["content"]), "an unfilled slot"
            if message["role"] == "assistant":
                assert 25 <= len(message["content"].split()) <= 70
    assert all(len(names) >= 24 for names in intents.values()) and intents["pt"] == intents["en"]
    assert set(turns) == {2, 4, 6} and min(turns.values()) >= 30
    assert 90 <= sum(words) / len(words) <= 130


def test_answers_keep_the_house_style_and_the_policy_of_their_intent():
    for entry in GOOD:
        answers = [message["content"] for message in messages_of(entry) if message["role"] == "assistant"]
        close = {"pt": "\n\nEquipe Casa Jatobá", "en": "\n\nCasa Jatobá Team"}[entry["lang"]]
        assert all(answer.endswith(close) for answer in answers)
        assert FACTS[entry["intent"]][entry["lang"] == "en"] in answers[0], entry
        assert len({number for answer in answers for number in re.findall(r"CJ-2026-\d{6}", answer)}) == 1


def test_spans_point_at_their_text_and_never_overlap():
    for entry in GOOD:
        messages = messages_of(entry)
        last = (-1, 0)
        for span in entry["spans"]:
            assert span["type"] in TYPES
            assert messages[span["message"]]["content"][span["start"] : span["end"]] == span["text"] != ""
            assert (span["message"], span["start"]) >= last
            last = (span["message"], span["end"])


def test_every_repetition_of_a_name_or_number_is_listed():
    for entry in GOOD:
        wanted = {span["text"] for span in entry["spans"]}
        wanted |= {span["text"].split()[0] for span in entry["spans"] if span["type"] == "PERSON"}
        for number, message in enumerate(messages_of(entry)):
            for text in wanted:
                for found in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", message["content"], re.IGNORECASE):
                    assert covered(entry["spans"], number, *found.span()), (entry["file"], entry["line"], found.span())


@pytest.mark.parametrize("kind", SHAPES)
def test_nothing_shaped_like_personal_data_is_unlisted(kind):
    listed = 0
    for entry in GOOD:
        for number, message in enumerate(messages_of(entry)):
            for found in re.finditer(SHAPES[kind], message["content"]):
                assert covered(entry["spans"], number, *found.span()), (entry["file"], entry["line"], found.span())
                listed += 1
    assert listed >= len(spans_of(kind)) / 2, "the shape finds what it looks for"


def brazilian_check(text: str, length: int, top: int) -> bool:
    """CPF (11 digits, weights without limit) and CNPJ (14, weights 2 to 9): each check digit makes the weighted sum 0 modulo 11."""
    digits = [int(char) for char in text if char.isdigit()]
    assert len(digits) == length
    for size in (length - 1, length):
        body, check = digits[: size - 1], digits[size - 1]
        total = sum(digit * (2 + place % (top - 1)) for place, digit in enumerate(reversed(body)))
        if (10 * total % 11) % 10 != check:
            return False
    return True


@pytest.mark.parametrize(("kind", "length", "top"), [("CPF", 11, 12), ("CNPJ", 14, 9)])
def test_document_check_digits(kind, length, top):
    right = spans_of(kind)
    assert len(right) >= 10 and all(brazilian_check(span["text"], length, top) for span in right)
    assert {span["text"].isdigit() for span in right} == {True, False}, "formatted and bare"
    assert not any(brazilian_check(span["text"], length, top) for span in spans_of(kind, broken=True))


def test_broken_documents_and_bare_ones_follow_their_label():
    broken = 0
    for entry in GOOD:
        seen = set()
        for span in entry["spans"]:
            if span["type"] not in ("CPF", "CNPJ") or span["text"] in seen:
                continue
            seen.add(span["text"])
            before = messages_of(entry)[span["message"]]["content"][: span["start"]]
            wrong = "wrong_check_digit" in span.get("note", "")
            broken += wrong
            if wrong or span["text"].isdigit():
                assert re.search(rf"{span['type']}:? $", before, re.IGNORECASE)
    assert broken >= 5


def test_cards_addresses_and_mailboxes():
    for span in spans_of("CREDIT_CARD"):
        digits = [int(char) for char in span["text"] if char.isdigit()][::-1]
        assert len(digits) in (15, 16)
        assert sum(digits[::2] + [int("0246813579"[digit]) for digit in digits[1::2]]) % 10 == 0
    assert {ipaddress.ip_address(span["text"]).version for span in spans_of("IP_ADDRESS")} == {4, 6}
    assert all(span["text"].endswith((".example", ".test")) for span in spans_of("EMAIL"))
    # Eleven bare digits must mean one thing only.
    assert not any(brazilian_check(span["text"], 11, 12) for span in spans_of("PHONE") if re.fullmatch(r"\d{11}", span["text"]))
    counts = Counter(span["type"] for span in SPANS)
    assert counts.keys() == TYPES and min(counts.values()) >= 15


def test_phones_come_in_many_forms():
    forms = {re.sub(r"\d", "9", span["text"]) for span in spans_of("PHONE")}
    assert {"(99) 99999-9999", "+99 99 999999999", "99999999999"} <= forms
    assert any(span["text"].startswith("+1 555") for span in spans_of("PHONE"))


def test_names_are_partly_rare_and_partly_typed_carelessly():
    names = spans_of("PERSON")
    rare = [span for span in names if "rare" in span.get("note", "")]
    typed = [span for span in names if "typed" in span.get("note", "")]
    assert 0.05 <= len(rare) / len(names) <= 0.2
    assert len(typed) >= 40 and all(span["text"] == span["text"].lower() for span in typed)
    assert any(" " in span["text"] for span in names) and any(" " not in span["text"] for span in names)


def test_good_conversations_are_no_near_duplicates_of_each_other():
    for size in (3, 5):
        sets = [shingles(messages_of(entry), size) for entry in GOOD]
        assert max(jaccard(one, two) for one, two in itertools.combinations(sets, 2)) < 0.75


def test_planted_duplicates_stand_after_their_original():
    good_lines = {entry["line"] for entry in GOOD if entry["file"] == "conversations.jsonl"}
    counts = Counter(entry["planted"] for entry in PLANTED)
    assert counts == {"exact_duplicate": 12, "near_duplicate": 12, "malformed": 4, "too_long": 1}
    for entry in PLANTED:
        if "duplicate" not in entry["planted"]:
            continue
        assert entry["of"] in good_lines and entry["of"] < entry["line"]
        copy, original = (json.loads(LINES[line - 1])["messages"] for line in (entry["line"], entry["of"]))
        if entry["planted"] == "exact_duplicate":
            assert copy == original
        else:
            assert copy != original
            assert all(jaccard(shingles(copy, size), shingles(original, size)) >= 0.85 for size in (3, 5))


def test_malformed_lines_fail_in_four_ways_and_are_few():
    def complaint(line: str) -> str:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            return "not JSON"
        if "messages" not in record:
            return "no messages"
        if not record["messages"]:
            return "empty messages"
        return "" if all({"role", "content"} <= set(message) for message in record["messages"]) else "no content"

    malformed = {entry["line"] for entry in PLANTED if entry["planted"] == "malformed"}
    found = {number: complaint(line) for number, line in enumerate(LINES, 1) if complaint(line)}
    assert set(found) == malformed and len(set(found.values())) == 4
    assert len(malformed) / len(LINES) < 0.02


def test_one_line_is_far_too_long():
    malformed = {entry["line"] for entry in PLANTED if entry["planted"] == "malformed"}
    whole = {number: json.loads(line)["messages"] for number, line in enumerate(LINES, 1) if number not in malformed}
    lengths = {number: len(text_of(messages).split()) for number, messages in whole.items()}
    [too_long] = [entry["line"] for entry in PLANTED if entry["planted"] == "too_long"]
    assert lengths.pop(too_long) >= 9000
    assert max(lengths.values()) < 400


def test_table_needs_a_real_csv_reader():
    raw = (SAMPLE / "faq.csv").read_bytes().decode("utf-8")
    assert list(ROWS[0]) == ["prompt", "completion"]
    assert raw.count("\n") > len(ROWS) + 1 and '""' in raw
    assert all(row["prompt"] and row["completion"] and None not in row for row in ROWS)
