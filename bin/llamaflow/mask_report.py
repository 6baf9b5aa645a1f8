"""A page that shows, for some conversations of the training set, which tokens the model learns and which it only reads.

It is made from the tokens and labels that training uses, not from the turns: what a chat template does wrong can be seen.
"""

from __future__ import annotations

import html
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from .chat import IGNORED, encode, render
from .records import Message, Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

EACH, MOST, LOOKED_AT, SHOWN_TOKENS = 3, 24, 5000, 1500
TEXTS = {
    "en": {
        "title": "What the model learns", "role": "role", "tokens": "tokens", "learned": "learned", "cut": "cut off", "read": "read only",
        "legend": "Learned tokens stand in ⟦brackets⟧, bold and underlined. The rest is only read. Struck through: beyond max_length "
        "({length} tokens), never seen.",
        "about": "{count} pseudonymized conversations of the training set, at most {each} of each language and order of roles.",
        "total": "Tokens by role, in these conversations", "more": "… and {count} more tokens", "template": "template",
    },
    "pt": {
        "title": "O que o modelo aprende", "role": "papel", "tokens": "tokens", "learned": "aprendidos", "cut": "cortados",
        "read": "só lidos",
        "legend": "Os tokens aprendidos estão entre ⟦colchetes⟧, em negrito e sublinhados. O resto é só lido. Riscado: além de max_length "
        "({length} tokens), nunca visto.",
        "about": "{count} conversas pseudonimizadas do conjunto de treino, no máximo {each} de cada idioma e ordem de papéis.",
        "total": "Tokens por papel, nestas conversas", "more": "… e mais {count} tokens", "template": "modelo de conversa",
    },
}  # fmt: skip
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}"
    "table{border-collapse:collapse}td,th{border:1px solid #767676;padding:.2rem .6rem;text-align:right}th:first-child{text-align:left}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #767676;padding:.8rem;font-size:.9rem}"
    "mark{background:#d9f0d3;color:#111;font-weight:bold;text-decoration:underline}del{color:#595959}"
)


class Token(NamedTuple):
    """A token's text, the role of the turn it belongs to ('template' when to none), and 'learned', 'read' or 'cut'."""

    text: str
    role: str
    state: str


def tokens_of(tokenizer: PreTrainedTokenizerBase, messages: list[Message], max_length: int) -> list[Token]:
    """The tokens of a conversation as ``encode`` labels them for training, cut ones included."""
    text = render(tokenizer, messages)
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    whole, seen = encode(tokenizer, messages, sys.maxsize), encode(tokenizer, messages, max_length)
    first = int(whole.input_ids[:1] != encoding["input_ids"][:1])  # a BOS in front that the template did not write
    ends = _turn_ends(tokenizer, messages, text)
    tokens, done = [], 0
    for index, (token, label) in enumerate(zip(whole.input_ids, whole.labels, strict=True)):
        place = index - first
        inside = 0 <= place < len(encoding["input_ids"]) and encoding["input_ids"][place] == token
        start, end = encoding["offset_mapping"][place] if inside else (done, done)
        # Tokens that are parts of one character have the same place: the first of them shows it.
        piece = text[max(start, done) : end] if inside else tokenizer.decode([token])
        done = max(done, end)
        turn = next((turn for turn, stop in enumerate(ends) if start < stop), len(messages) - 1)
        state = "cut" if index >= len(seen.input_ids) else "learned" if label != IGNORED and index else "read"
        tokens.append(Token(piece, messages[turn].role if ends and inside else "template", state))
    return tokens


def _turn_ends(tokenizer: PreTrainedTokenizerBase, messages: list[Message], text: str) -> list[int]:
    """Where each turn ends in the rendered text; [] for a template that rewrites turns once others follow."""
    ends = []
    for count in range(1, len(messages) + 1):
        part = render(tokenizer, messages[:count])
        if not text.startswith(part):
            return []
        ends.append(len(part))
    return ends


def samples(records: Iterable[Record]) -> Iterator[Record]:
    """The first records of each language and order of roles, among the first few thousand."""
    taken: Counter[tuple[str, ...]] = Counter()
    for record in islice(records, LOOKED_AT):
        key = (record.lang, *(message.role for message in record.messages[:4]))
        if taken[key] < EACH:
            taken[key] += 1
            yield record
        if taken.total() == MOST:
            return


def mask_report(tokenizer: PreTrainedTokenizerBase, records: Iterable[Record], max_length: int, language: str) -> str:
    """The page as HTML, without scripts or anything from a network."""
    words = TEXTS[language]
    sections, totals, count = [], Counter[tuple[str, str]](), 0
    for count, record in enumerate(samples(records), 1):
        tokens = tokens_of(tokenizer, record.messages, max_length)
        totals.update((token.role, token.state) for token in tokens)
        roles = " → ".join(message.role for message in record.messages)
        learned = sum(token.state == "learned" for token in tokens)
        head = f"{record.lang} · {roles} · {learned}/{len(tokens)} {words['learned']}"
        sections.append(f"<section><h2>{count}. {html.escape(head)}</h2><pre>{_marked(tokens, words)}</pre></section>")
    rows = []
    for role in dict.fromkeys(role for role, _ in totals):
        cells = [totals[role, state] for state in ("learned", "read", "cut")]
        name = words["template"] if role == "template" else role
        rows.append(f"<tr><th scope=row>{name}</th><td>{sum(cells)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(f"<th scope=col>{words[name]}</th>" for name in ("role", "tokens", "learned", "read", "cut"))
    return (
        f"<!doctype html><html lang={language}><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{words['title']}</title><style>{STYLE}</style></head><body><main><h1>{words['title']}</h1>"
        f"<p>{words['about'].format(count=count, each=EACH)}</p><p>{words['legend'].format(length=max_length)}</p>"
        f"<table><caption>{words['total']}</caption><tr>{heads}</tr>{''.join(rows)}</table>{''.join(sections)}</main></body></html>\n"
    )


def _marked(tokens: list[Token], words: dict[str, str]) -> str:
    parts = []
    for state, run in groupby(tokens[:SHOWN_TOKENS], lambda token: token.state):
        text = html.escape("".join(token.text for token in run))
        parts.append({"learned": f"<mark>⟦{text}⟧</mark>", "read": text, "cut": f"<del>{text}</del>"}[state])
    if len(tokens) > SHOWN_TOKENS:
        parts.append("\n" + words["more"].format(count=len(tokens) - SHOWN_TOKENS))
    return "".join(parts)
