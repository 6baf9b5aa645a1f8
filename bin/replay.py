#!/usr/bin/env python3
"""Let the base model answer prompts of the project: records to learn again, so that a training forgets less.

    replay.py --base base --prompts conf/replay/prompts.jsonl --output replay.jsonl

Rehearsal with the model's own answers needs none of the data it was once trained on (Huang et al. 2024, "Mitigating Catastrophic
Forgetting in Large Language Models with Self-Synthesized Rehearsal", https://aclanthology.org/2024.acl-long.77).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from llamaflow.errors import BadInputError, run_step
from llamaflow.files import write_jsonl
from llamaflow.records import Message, Record, content_id, read_records


def main(argv: list[str] | None = None) -> None:
    """Read prompts, generate, write the answers that ended by themselves. Raises BadInputError when none did."""
    args = parse(argv)
    prompts = list(read_records(args.prompts))

    from llamaflow.chat import prompt_ids
    from llamaflow.generation import generate_greedy, stop_token_ids
    from llamaflow.models import load_model, load_tokenizer, set_threads
    from llamaflow.progress import Progress

    set_threads(args.threads)
    tokenizer = load_tokenizer(args.base)
    model = load_model(args.base, precision=args.precision, device=args.device)
    with Progress("replay", len(prompts), "answers") as progress:
        run = generate_greedy(
            model, [prompt_ids(tokenizer, record.messages) for record in prompts], stop_ids=stop_token_ids(tokenizer, model),
            pad_id=tokenizer.pad_token_id or 0, max_new_tokens=args.max_new_tokens, batch_size=args.batch_size,
            done=lambda count, values: progress.update(count, **values),
        )  # fmt: skip
    answers = [text.strip() for text in tokenizer.batch_decode(run.answers, skip_special_tokens=True)]
    records = [
        answered(record, answer)
        for record, answer, finished in zip(prompts, answers, run.finished, strict=True)
        if answer and finished  # an answer without its end would be learned without its end
    ]
    if not records:
        fix = "raise --max-new-tokens, or train without replay_share"
        raise BadInputError("the base model finished no answer", where=str(args.prompts), fix=fix)
    print(f"{write_jsonl(args.output, records)} of {len(prompts)} prompts were answered to their end")


def answered(record: Record, answer: str) -> Record:
    """The prompt with its answer."""
    messages = [*record.messages, Message(role="assistant", content=answer)]
    return record.model_copy(update={"id": content_id(messages), "messages": messages, "source": "replay"})


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder that FETCH_BASE wrote")
    parser.add_argument("--prompts", type=Path, required=True, help="canonical records whose last turn waits for an answer")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--max-new-tokens", type=int, default=160)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run_step(main))
