#!/usr/bin/env python3
"""Write the project's own sample data: the support desk of an invented furniture shop, with planted personal data.

    python tests/data/make_sample.py [--out tests/data/sample]

The same code always writes the same bytes. The texts are in sample_texts_pt.py and sample_texts_en.py, the invented
people and numbers in sample_values.py. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import copy
import csv
import io
import json
import random
import re
import sys
from pathlib import Path

import sample_texts_en
import sample_texts_pt
import sample_values as make

SEED = 20260412
TEXTS = {"pt": sample_texts_pt, "en": sample_texts_en}
CHATS = {"pt": 240, "en": 160}
FAQS = {"pt": 54, "en": 36}
COPIES = 12  # of each kind of duplicate
MAX_OVERLAP = 0.6  # Jaccard of word 5-shingles between any two good conversations
SLOT = re.compile(r"\{(\w+)\}")
PERSONAL = {"name": "PERSON", "first": "PERSON", "other": "PERSON", "email": "EMAIL", "email2": "EMAIL", "phone": "PHONE",
            "phone2": "PHONE", "cpf": "CPF", "cpf2": "CPF", "cnpj": "CNPJ", "card": "CREDIT_CARD", "card2": "CREDIT_CARD",
            "ip": "IP_ADDRESS", "ip2": "IP_ADDRESS"}
# The next steps (numbers into "step") that make sense after each question, the same in both languages; all three where absent.
FIT = {
    "order_status": ["012", "01", "012", "2"], "damaged_piece": ["012", "012", "012", "1"], "change_address": ["012", "1", "01", "1"],
    "invoice": ["01", "2", "2", "01"], "refund": ["01", "02", "02", "02"], "pix": ["0", "1", "2", "1"], "boleto": ["01", "1", "02", "01"],
    "card_declined": ["012", "012", "012", "12"], "warranty": ["012", "01", "012", "12"], "assembly": ["012", "012", "01", "12"],
    "cancel": ["012", "12", "01", "0"], "coupon": ["02", "02", "1", "0"], "account_access": ["0", "12", "0", "012"],
    "privacy": ["01", "01", "02", "0"], "stock": ["01", "12", "01", "12"], "measurements": ["0", "1", "2", "0"],
    "complaint": ["12", "01", "12", "1"], "wholesale": ["012", "012", "12", "12"], "pickup": ["02", "1", "0", "0"],
    "gift": ["012", "012", "02", "012"], "recall": ["1", "01", "02", "01"], "opening_hours": ["02", "1", "02", "2"],
    "newsletter": ["02", "12", "02", "02"],
}
# What a near duplicate changes: a word or a mark, never personal data.
TWEAKS = {
    "pt": [("Seu protocolo é", "O seu protocolo é"), ("Anote o protocolo", "Anote este protocolo"), ("Aqui é a Casa", "Aqui fala a Casa"),
           ("protocolo deste atendimento", "protocolo do atendimento"), ("por falar com", "por escrever para"),
           ("agradece o seu contato", "agradece seu contato")],
    "en": [("Your case number", "The case number"), ("Please keep the", "Please note the"), ("conversation has", "chat has"),
           ("This is Casa", "Here is Casa"), ("thank you for contacting", "thanks for contacting"),
           ("for writing to", "for your message to")],
}


class Conversation:
    """One conversation under construction: slot values are drawn when first used and kept, spans are noted as text is written."""

    def __init__(self, rng: random.Random, lang: str, intent: str):
        self.rng, self.lang, self.intent = rng, lang, intent
        self.texts, self.messages, self.spans = TEXTS[lang], [], []
        self.customer, self.third = make.person(rng, lang), make.person(rng, lang)
        while self.third["first"] == self.customer["first"]:
            self.third = make.person(rng, lang)
        self.values: dict[str, str] = {}
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        (self.item, self.gender), (other_item, self.gender2) = rng.sample(make.ITEMS[lang], 2)
        self.lines = rng.sample(make.LINES, 2)
        self.product = self.phrase(self.item, self.lines[0])
        self.product2 = self.phrase(other_item, self.lines[1])
        # One customer in five types as in a chat: no capitals, and half of those no accents.
        self.small = rng.random() < 0.2
        self.unaccented = self.small and rng.random() < 0.5

    def phrase(self, item: str, line: str) -> str:
        return f"{item} {line}" if self.lang == "pt" else f"{line} {item}"

    def value(self, slot: str, before: str) -> str:
        """The value of a slot. ``before`` is the text in front of it: a broken number must follow its label."""
        if slot not in self.values:
            self.values[slot] = self.draw(slot, before)
        return self.values[slot]

    def draw(self, slot: str, before: str) -> str:
        rng, lang, kind = self.rng, self.lang, PERSONAL.get(slot, slot)
        if slot == "name":
            return self.customer["full"]
        if kind == "PERSON":
            return self.customer["first"] if slot == "first" else self.third["full"]
        if kind in ("CPF", "CNPJ"):
            labelled = re.search(rf"{kind}:? $", before) is not None
            broken = labelled and rng.random() < 0.1
            self.broken |= {slot} if broken else set()
            return make.document(rng, kind, broken=broken, bare=labelled and rng.random() < 0.35)
        makers = {
            "email": lambda: make.email(rng, self.third if slot == "email2" else self.customer),
            "phone": lambda: make.phone(rng, lang),
            "card": lambda: make.card(rng),
            "ip": lambda: make.ip(rng),
            "price": lambda: make.price(rng, lang),
            "date": lambda: make.date(rng, lang, (5, 6) if slot == "date2" else (2, 4)),
            "protocol": lambda: f"CJ-2026-{rng.randint(41200, 49999):06d}",
            "order": lambda: str(rng.randint(4100000, 4999999)),
            "code": lambda: f"JT{rng.randint(10**8, 10**9 - 1)}BR",
            "sku": lambda: f"MJ-{rng.randint(10000, 99999)}",
            "lot": lambda: f"L26-{rng.randint(1, 52):02d}",
            "nfe": lambda: "3526" + "".join(str(rng.randint(0, 9)) for _ in range(40)),
            "coupon": lambda: rng.choice(make.COUPONS),
            "city": lambda: rng.choice([name for name in make.CITIES if name not in self.values.values()]),
            "color": lambda: rng.choice([name for name in make.COLORS[lang] if name not in self.values.values()]),
            "part": lambda: rng.choice(make.PARTS[lang]),
            "weekday": lambda: rng.choice(make.WEEKDAYS[lang]),
            "size": lambda: f"{rng.randint(90, 240) / 100:.2f} m x {rng.randint(38, 95)} cm".replace(".", "," if lang == "pt" else "."),
            "expiry": lambda: f"{rng.randint(1, 12):02d}/{rng.randint(27, 32)}",
            "few": lambda: str(rng.randint(2, 6)),
            "n": lambda: str(rng.randint(10, 48)),
            "days": lambda: str(rng.randint(7, 22)),
            "cm": lambda: str(rng.randint(58, 92)),
            "cm2": lambda: str(rng.randint(38, 57)),
            "kg": lambda: str(rng.randint(17, 76)),
            "hour": lambda: str(rng.randint(13, 19)),
            "rel": lambda: rng.choice(make.RELATIVES[lang][self.third["gender"]]),
        }
        return makers[slot if slot in makers else slot.rstrip("2")]()

    def word(self, slot: str) -> str | None:
        """Words that agree with something else, and the product; None for a slot with a value of its own."""
        male, third = self.gender == "m", self.third["gender"] == "m"
        forms = {
            "product": self.product, "product2": self.product2, "o": "o" if male else "a", "O": "O" if male else "A",
            "e": "e" if male else "a", "um2": "um" if self.gender2 == "m" else "uma",
            "um": "um" if male else "uma", "meu": "meu" if male else "minha",
            "Meu": "Meu" if male else "Minha", "c": "o" if self.customer["gender"] == "m" else "a", "t": "o" if third else "a",
            "O_t": "O" if third else "A", "a_t": "" if third else "a",
        }
        if slot == "Rel":
            relative = self.value("rel", "")
            return relative[0].upper() + relative[1:]
        return forms.get(slot)

    def say(self, role: str, template: str) -> None:
        """Fill the template's slots and add the message, with the offsets of what is personal in it."""
        text, number = "", len(self.messages)
        for index, piece in enumerate(SLOT.split(template)):
            kind, shown = None, piece
            if index % 2:
                kind, shown = PERSONAL.get(piece), self.word(piece) or ""
                if not shown and piece != "a_t":
                    shown = self.value(piece, text)
            written = self.typed(shown) if role == "user" else shown
            if kind:
                span = {"message": number, "start": len(text), "end": len(text) + len(written), "type": kind, "text": written}
                self.spans.append(span | self.note(piece, shown, written))
            text += written
        self.messages.append({"role": role, "content": text})

    def typed(self, text: str) -> str:
        """The text as this customer types it."""
        text = text.lower() if self.small else text
        return make.plain(text) if self.unaccented else text

    def note(self, slot: str, shown: str, written: str) -> dict:
        """Why a span is a hard one, if it is."""
        who = self.third if slot == "other" else self.customer
        hard = ["rare"] * (PERSONAL[slot] == "PERSON" and who["rare"]) + ["typed"] * (shown != written)
        hard += ["wrong_check_digit"] * (slot in self.broken)
        return {"note": ",".join(hard)} if hard else {}

    def start(self, *, nameless: float, detailed: float) -> None:
        """The customer's question and the house answer: greeting, rule, next step, protocol, signature."""
        rng, texts, intent = self.rng, self.texts, self.texts.INTENTS[self.intent]
        number = rng.randrange(len(intent["ask"]))
        ask, hello = intent["ask"][number], rng.choice(texts.HELLO)
        if rng.random() < detailed:
            ask += " " + rng.choice(intent["detail"])
        told = set(SLOT.findall(ask)) - {"name", "first"}
        ways = {way: weight for way, weight in texts.WHO.items() if not told & set(SLOT.findall(way))}
        who = "" if rng.random() < nameless else rng.choices(list(ways), list(ways.values()))[0]
        if who and (who[-1] not in ".?" or "\n" in who):
            ask = f"{hello} {ask}\n{who}"
        else:
            ask = " ".join(part for part in ((hello, who, ask) if rng.random() < 0.5 else (hello, ask, who)) if part)
        self.say("user", ask.strip())
        opening = rng.choice(texts.OPEN if self.named() else texts.OPEN_NAMELESS)
        steps = [intent["step"][int(place)] for place in FIT.get(self.intent, ["012"] * 4)[number]]
        answer = " ".join([opening, rng.choice(intent["fact"]), rng.choice(steps), rng.choice(texts.PROTOCOL)])
        self.say("assistant", answer + texts.CLOSE)

    def named(self) -> bool:
        return "name" in self.values or "first" in self.values

    def go_on(self, pairs: list[tuple[str, str]]) -> None:
        """One more question and answer that does not repeat what the customer already told."""
        told = set(self.values) & set(PERSONAL)
        fresh = [pair for pair in pairs if not told & set(SLOT.findall(pair[0])) and pair not in self.asked]
        question, answer = self.rng.choice(fresh or [pair for pair in pairs if pair not in self.asked])
        self.asked.append((question, answer))
        self.say("user", question)
        lead = self.rng.choice(self.texts.AGAIN if self.named() else self.texts.AGAIN_NAMELESS)
        self.say("assistant", f"{lead} {answer} {self.rng.choice(self.texts.END_MORE)}{self.texts.CLOSE}")

    def chat(self) -> Conversation:
        """Two to six turns, one in six with a system turn in front."""
        if self.rng.random() < 0.17:
            self.say("system", self.rng.choice(self.texts.SYSTEM))
        self.start(nameless=0.06, detailed=0.55)
        for turn in range(self.rng.choices([0, 1, 2], [46, 41, 13])[0]):
            own = self.rng.random() < (0.65 if turn == 0 else 0.3)
            self.go_on(self.texts.INTENTS[self.intent]["more"] if own else self.texts.MORE)
        return self

    def faq(self) -> Conversation:
        self.start(nameless=0.35, detailed=0.4)
        return self


def shingles(messages: list[dict], size: int) -> set[tuple[str, ...]]:
    """Runs of ``size`` lower-case words over all turns."""
    words = re.findall(r"\w+", " ".join(message.get("content", "") for message in messages).lower())
    return {tuple(words[at:at + size]) for at in range(len(words) - size + 1)}


def overlap(one: set, two: set) -> float:
    """Jaccard similarity."""
    return len(one & two) / len(one | two)


def good_conversations(rng: random.Random) -> tuple[list[Conversation], list[Conversation]]:
    """All distinct conversations (chats, faqs); one too close to an earlier one is drawn again."""
    made: dict[str, list[Conversation]] = {"chat": [], "faq": []}
    for lang in TEXTS:
        seen: list[set] = []
        intents = list(TEXTS[lang].INTENTS)
        for form, count in (("chat", CHATS[lang]), ("faq", FAQS[lang])):
            for number in range(count):
                while True:
                    conversation = getattr(Conversation(rng, lang, intents[number % len(intents)]), form)()
                    words = shingles(conversation.messages, 5)
                    if all(overlap(words, other) < MAX_OVERLAP for other in seen):
                        break
                seen.append(words)
                made[form].append(conversation)
    rng.shuffle(made["chat"])
    rng.shuffle(made["faq"])
    return made["chat"], made["faq"]


def near_copy(rng: random.Random, original: Conversation) -> list[dict] | None:
    """The messages with one or two words or marks changed, or None where that would change too much."""
    messages = copy.deepcopy(original.messages)
    todo = rng.randint(1, 2)
    for old, new in rng.sample(TWEAKS[original.lang], len(TWEAKS[original.lang])):
        for message in messages:
            if todo and message["role"] == "assistant" and old in message["content"]:
                message["content"] = message["content"].replace(old, new, 1)
                todo -= 1
    before, after = (shingles(version, 5) for version in (original.messages, messages))
    return messages if before != after and overlap(before, after) >= 0.87 else None


def log_text(rng: random.Random, words: int) -> str:
    """A pasted application log: long, dull, and without anything personal."""
    lines, total = [], 0
    while total < words:
        second = len(lines)
        lines.append(f"2026-03-14 {8 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d} "
                     f"{rng.choice(['INFO', 'INFO', 'WARN', 'DEBUG'])} {rng.choice(['cart', 'checkout', 'catalog', 'session'])} "
                     f"{rng.choice(['loaded', 'retry', 'timeout', 'saved'])} sku=MJ-{rng.randint(10000, 99999)} ms={rng.randint(3, 900)}")
        total += len(lines[-1].split())
    return "\n".join(lines)


def planted(rng: random.Random, chats: list[Conversation]) -> list[tuple[str, str, Conversation | None]]:
    """Lines that PREPARE has to drop: (line, what it is, the conversation it copies)."""
    longer = [chat for chat in chats if len(shingles(chat.messages, 1)) > 60]
    chosen = rng.sample(longer, len(longer))
    out = [(as_line(chat.messages), "exact_duplicate", chat) for chat in chosen[:COPIES]]
    near = [(near_copy(rng, chat), chat) for chat in chosen[COPIES:]]
    out += [(as_line(messages), "near_duplicate", chat) for messages, chat in near if messages][:COPIES]
    malformed = [
        '{"messages": [{"role": "user", "content": "Oi, meu pedido',
        json.dumps({"conversation": "Oi, queria saber o horário da loja."}, ensure_ascii=False),
        json.dumps({"messages": [{"role": "user"}, {"role": "assistant", "content": "Olá! Aqui é a Casa Jatobá."}]}, ensure_ascii=False),
        json.dumps({"messages": []}),
    ]
    out += [(line, "malformed", None) for line in malformed]
    question = "O aplicativo trava na tela de pagamento, segue o log completo:\n" + log_text(rng, 9000)
    answer = "Olá! Aqui é a Casa Jatobá. Recebemos o log e a equipe técnica responde em até 3 dias úteis."
    long_one = [{"role": "user", "content": question}, {"role": "assistant", "content": answer + TEXTS["pt"].CLOSE}]
    return [*out, (as_line(long_one), "too_long", None)]


def as_line(messages: list[dict]) -> str:
    return json.dumps({"messages": messages}, ensure_ascii=False)


def build() -> dict[str, str]:
    """The text of each file of the sample."""
    rng = random.Random(SEED)
    chats, faqs = good_conversations(rng)
    lines: list[tuple[str, str | None, Conversation | None]] = [(as_line(chat.messages), None, chat) for chat in chats]
    for line, what, original in planted(rng, chats):
        first = 0 if original is None else next(at for at, (_, kind, chat) in enumerate(lines) if chat is original and not kind)
        lines.insert(rng.randint(first + 1, len(lines)), (line, what, original))
    place = {id(chat): number for number, (_, what, chat) in enumerate(lines, 1) if not what}
    truth: list[dict] = []
    for number, (_, what, chat) in enumerate(lines, 1):
        row: dict = {"file": "conversations.jsonl", "line": number}
        if what:
            truth.append(row | {"planted": what} | ({"of": place[id(chat)]} if chat else {}))
        else:
            truth.append(row | {"lang": chat.lang, "intent": chat.intent, "spans": chat.spans})
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["prompt", "completion"])
    for number, faq in enumerate(faqs, 1):
        writer.writerow([message["content"] for message in faq.messages])
        truth.append({"file": "faq.csv", "line": number, "lang": faq.lang, "intent": faq.intent, "spans": faq.spans})
    files = {
        "conversations.jsonl": "".join(line + "\n" for line, _, _ in lines),
        "faq.csv": table.getvalue(),
        "truth.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in truth),
    }
    return files | {"README.md": readme(truth, len(lines))}


def readme(truth: list[dict], lines: int) -> str:
    good = [row for row in truth if "spans" in row]
    spans = [span for row in good for span in row["spans"]]
    types = ", ".join(f"{kind} {sum(span['type'] == kind for span in spans)}" for kind in dict.fromkeys(PERSONAL.values()))
    kinds = {row["planted"]: sum(other.get("planted") == row["planted"] for other in truth) for row in truth if "planted" in row}
    notes = {note: sum(note in span.get("note", "") for span in spans) for note in ("rare", "typed", "wrong_check_digit")}
    return f"""# Sample: the support desk of "Casa Jatobá"

An invented Brazilian shop for furniture and home goods. Every person, number and event is invented: names are random
combinations, e-mail domains end in .example or .test, IP addresses lie in the documentation blocks, card numbers use
test prefixes. Document numbers have right check digits by calculation only; if one belongs to somebody, that is chance.

- conversations.jsonl: {lines} lines of {{"messages": [{{"role", "content"}}]}}, 2 to 6 turns, some with a system turn in front.
- faq.csv: {sum(row["file"] == "faq.csv" for row in good)} rows, columns prompt and completion.
- truth.jsonl: for each of the {len(good)} good conversations or rows its lang ({sum(row["lang"] == "pt" for row in good)} pt, \
{sum(row["lang"] == "en" for row in good)} en), intent and personal spans.
  `line` counts from 1 (rows of faq.csv without the header; there message 0 is the prompt, 1 the completion);
  `start` and `end` are Python str offsets into that message's content.
  Spans: {types}.
  `note` marks hard spans: rare (name in no common list) {notes["rare"]}, typed (lower case or without accents) \
{notes["typed"]}, wrong_check_digit {notes["wrong_check_digit"]}.
- Planted lines of conversations.jsonl, with `planted` instead of spans: {", ".join(f"{kind} {kinds[kind]}" for kind in sorted(kinds))};
  a duplicate stands after its original, whose line is in `of`.

Written by `python tests/data/make_sample.py`: same code, same bytes. Own text, under the project's licence.
"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "sample", help="folder to write into (default: %(default)s)")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, text in build().items():
        (args.out / name).write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
