"""One model, loaded once, through everything that is asked of it."""

from __future__ import annotations

import contextlib
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import BadInputError
from ..hardware import describe_hardware, peak_memory_bytes
from ..records import Record
from ..summaries import EvaluateSummary, Example, MetricValue, SuiteScores
from .items import Item, Suite
from .questions import choose, test_questions
from .suites import rows_for_checks, rows_for_choices

SAMPLES = 12


class Scorecard:
    """Collects the rows of all suites and what they come to. args: the options of evaluate_model.py."""

    def __init__(self, args: Namespace, quantization: str):
        import torch

        from ..inference.ready import ready_for_inference
        from ..models import load_model, load_tokenizer, set_threads

        set_threads(args.threads)
        torch.manual_seed(args.seed)
        self.args, self.started, self.warnings = args, time.monotonic(), []
        self.tokenizer = load_tokenizer(args.base)
        precision = evaluation_precision(args.precision, args.device)
        model = load_model(args.base, args.adapter, precision=precision, device=args.device, quantization=quantization)
        self.model = ready_for_inference(model)
        self._load = lambda: ready_for_inference(load_model(args.base, precision=precision, device=args.device, quantization=quantization))
        self.device = next(self.model.parameters()).device.type
        self.context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30
        self.precision = str(self.model.dtype).removeprefix("torch.")
        self.rows: list[dict[str, Any]] = []
        self.metrics: dict[str, MetricValue] = {}
        self.suites: dict[str, SuiteScores] = {}
        self.samples: list[Example] = []
        self.nats: dict[str, float] = {}  # of test conversations, by record id
        self.scored = self.generated = self.scored_tokens = 0

    def read(self, records: Sequence[Record]) -> None:
        """The test set as tokens: a row for each conversation. Raises BadInputError when none has an answer to score."""
        from ..chat import encode

        self.length = min(self.args.max_length, self.context)
        self.encoded = {record.id: encode(self.tokenizer, record.messages, self.length) for record in records}
        self.rows = [{"suite": "test", "id": one.id, "cluster": one.id, "lang": one.lang, "kind": "reference"} for one in records]
        scored = [one for one in self.encoded.values() if one.supervised]
        if cut := sum(one.truncated for one in scored):
            self.warnings.append(f"{cut} of {len(records)} test conversations were cut at a turn's end to fit {self.length} tokens")
        if lost := len(self.encoded) - len(scored):
            told = f"{lost} of {len(records)} test conversations have no answer that ends within {self.length} tokens: not scored"
            self.warnings.append(told)
        if not scored:
            what = f"no test conversation has an answer that ends within {self.length} tokens"
            fix = "raise --max_length, or give conversations that end with an assistant turn"
            raise BadInputError(what, where=str(self.args.test), fix=fix)

    def likelihood(self) -> None:
        """How well the model expects the answers of the test set. What was scored while its prompt was read is known already."""
        from ..chat import IGNORED
        from ..metrics.likelihood import Likelihood, conversation_nats
        from ..progress import Progress

        scored = {name: one for name, one in self.encoded.items() if one.supervised}
        rest = [name for name in scored if name not in self.nats]
        with Progress("score", len(scored), "conversations", done=len(scored) - len(rest)) as progress:
            found = conversation_nats(
                self.model, [scored[name] for name in rest], self.tokenizer.pad_token_id or 0, self.args.batch_size,
                done=lambda count, values: progress.update(count, **values),
            )  # fmt: skip
        self.nats |= dict(zip(rest, found, strict=True))
        # What was scored, as text: a cut conversation counts with the turns that are left of it.
        answers = ([label for label in one.labels if label != IGNORED] for one in scored.values())
        sizes = [len(self.tokenizer.decode(ids, skip_special_tokens=True).encode("utf-8", "replace")) for ids in answers]
        values = {
            name: {"nats": self.nats[name], "tokens": one.supervised, "bytes": size}
            for (name, one), size in zip(scored.items(), sizes, strict=True)
        }
        settings = {"max length": self.length, "precision": self.precision, "conversations": len(scored)}
        columns = {name: [one[name] for one in values.values()] for name in ("nats", "tokens", "bytes")}
        self.metrics |= Likelihood(seed=self.args.seed).compute(
            nats=columns["nats"], tokens=columns["tokens"], text_bytes=columns["bytes"], settings=settings
        )  # fmt: skip
        self.scored, self.scored_tokens = len(scored), sum(columns["tokens"])
        for row in self.rows:
            if row["suite"] == "test":
                row |= values.get(row["id"], {})

    def answer(self, records: Sequence[Record], suites: Sequence[Suite]) -> None:
        """Generate the answers of the test set and of all suites in one go, score them, and choose where there are choices."""
        from ..metrics.texts import score_texts

        asked = test_questions(records)
        questions = [("test", item) for item in choose(asked, self.args.max_generate, self.args.seed)] if self.args.max_generate else []
        questions += [(suite.name, item) for suite in suites for item in suite.items if item.kind != "choice"]
        rows = self._generate(questions) if questions else []
        if not any(name == "test" for name, _item in questions):
            self.warnings.append("no answer was generated to the test set, so it has no text metrics")
        bertscore = None if self.args.bertscore_model == "none" else (self.args.bertscore_model, self.args.bertscore_layers)
        scores = score_texts(
            [row["prediction"] for row in rows], [row["reference"] for row in rows], bertscore=bertscore, seed=self.args.seed,
            device="cpu" if self.device == "mps" else self.device,
        )  # fmt: skip
        for name, column in scores.columns.items():
            for row, value in zip(rows, column, strict=True):
                row[name] = value
        clean = {row["id"]: row.get("rougeL") for row in rows if row["suite"] == "test"}
        for row in rows:
            if row["suite"] == "adversarial" and row["reference"] is not None and clean.get(row["cluster"]) is not None:
                row["clean_loss"] = clean[row["cluster"]] - row["rougeL"]
        rows += self._choices(suites)
        self._summarize(rows, suites, scores.summarize_rows)
        # The test set's rows have their likelihood already.
        known = {row["id"]: row for row in self.rows}
        for row in rows:
            if row["suite"] == "test":
                known[row["id"]].update(row)
            else:
                self.rows.append(row)

    def relevance(self, records: Sequence[Record]) -> None:
        """How much the question tells the model of the test set's answers."""
        from ..metrics.shares import share_values
        from ..progress import Progress
        from .relevance import ANSWERS, prompt_gain

        items = choose(test_questions(records), ANSWERS, self.args.seed)
        with Progress("relevance", 2 * len(items), "answers") as progress:
            gains = prompt_gain(
                self.model, self.tokenizer, items, max_length=min(self.args.max_length, self.context), seed=self.args.seed,
                batch_size=self.args.batch_size, done=lambda count, values: progress.update(count, **values),
            )  # fmt: skip
        for row in self.rows:
            if row["suite"] == "test" and row["id"] in gains:
                row["prompt_gain"] = gains[row["id"]]
        if gains:
            settings = {"precision": self.precision, "answers": len(gains), "other prompt": "of the same language"}
            self.metrics |= share_values({"prompt_gain": list(gains.values())}, self.args.seed, settings)

    def _generate(self, questions: Sequence[tuple[str, Item]]) -> list[dict[str, Any]]:
        """A row with its answer for each question."""
        from ..chat import prompt_ids
        from ..metrics.speed import Speed
        from ..progress import Progress

        room = min(self.args.max_length, self.context - self.args.max_new_tokens)
        if room < 1:
            fix = f"give --max_new_tokens less than {self.context}"
            raise BadInputError(f"{self.args.max_new_tokens} new tokens leave no room for a prompt in this model's context", fix=fix)
        prompts = [prompt_ids(self.tokenizer, item.messages) for _name, item in questions]
        if long := sum(len(prompt) > room for prompt in prompts):
            self.warnings.append(f"{long} of {len(prompts)} prompts were cut on the left to their last {room} tokens")
        with Progress("generate", len(prompts), "answers") as progress:
            run = self._run(questions, [prompt[-room:] for prompt in prompts], progress)
        texts = [text.strip() for text in self.tokenizer.batch_decode(run.answers, skip_special_tokens=True)]
        self.limits = {
            "decoding": "greedy", "max new tokens": self.args.max_new_tokens, "prompt tokens at most": room, "precision": self.precision,
        }  # fmt: skip
        machine = {
            "batch size": self.args.batch_size,
            "device": self.device,
            "back end": self.args.backend,
            "first token": "the test set is scored meanwhile",
        }
        settings = {**self.limits, "answers": len(prompts), **machine}
        self.metrics |= Speed(seed=self.args.seed).compute(
            seconds=run.token_seconds, first=run.token_first, total_seconds=run.seconds, settings=settings
        )  # fmt: skip
        rows = []
        for (name, item), text, ids, finished in zip(questions, texts, run.answers, run.finished, strict=True):
            checked = rows_for_checks(name, [item], [text], [finished])[0]
            if item.kind == "reference":
                del checked["correct"]  # no check decides it
            rows.append(checked | {"new_tokens": len(ids)})
        return rows

    def _run(self, questions: Sequence[tuple[str, Item]], prompts: list[list[int]], progress: Any) -> Any:
        """Greedy answers as token ids, in ``generation.Generated``; test conversations are scored while their prompts are read."""
        from ..generation import continues, generate_greedy, stop_token_ids

        wholes = [self.encoded[item.id] if name == "test" else None for name, item in questions]
        wholes = [one if one and continues(one, prompt) else None for one, prompt in zip(wholes, prompts, strict=True)]
        run = generate_greedy(
            self.model, prompts, conversations=wholes, stop_ids=stop_token_ids(self.tokenizer, self.model),
            pad_id=self.tokenizer.pad_token_id or 0, max_new_tokens=self.args.max_new_tokens, batch_size=self.args.batch_size,
            backend=self.args.backend, folders=(self.args.base, self.args.adapter),
            done=lambda count, values: progress.update(count, **values),
        )  # fmt: skip
        self.nats |= {item.id: nats for (_name, item), one, nats in zip(questions, wholes, run.nats, strict=True) if one}
        return run

    def _choices(self, suites: Sequence[Suite]) -> list[dict[str, Any]]:
        """A row for each multiple-choice item, answered by likelihood."""
        from ..progress import Progress
        from .choices import answer_choices

        asked = [(suite.name, item) for suite in suites for item in suite.items if item.kind == "choice"]
        if not asked:
            return []
        items = [item for _name, item in asked]
        with Progress("choose", sum(len(item.choices) for item in items), "options") as progress:
            chosen = answer_choices(
                self.model, self.tokenizer, items, max_length=min(self.args.max_length, self.context), batch_size=self.args.batch_size,
                done=lambda count, values: progress.update(count, **values),
            )  # fmt: skip
        return [rows_for_choices(name, [item], [one])[0] for (name, item), one in zip(asked, chosen, strict=True)]

    def _summarize(self, rows: list[dict[str, Any]], suites: Sequence[Suite], summarize: Any) -> None:
        """What the rows come to: the test set's metrics, and those of each suite and of its categories."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {name: [row.get(name) for row in rows] for name in names}

        def of(chosen: list[int]) -> dict[str, MetricValue]:
            return summarize(columns, chosen, {**getattr(self, "limits", {}), "answers": len(chosen)}) if chosen else {}

        test = [place for place, row in enumerate(rows) if row["suite"] == "test"]
        self.metrics |= of(test)
        self.generated = len(test)
        self.samples = [_example(rows[place]) for place in test[:SAMPLES]]
        for suite in suites:
            places = [place for place, row in enumerate(rows) if row["suite"] == suite.name]
            categories = sorted({rows[place]["category"] for place in places} - {""})
            wrong_first = sorted(places, key=lambda place: rows[place].get("correct") not in (0, 0.0))
            self.suites[suite.name] = SuiteScores(
                kind=suite.kind, digest=suite.digest, examples=len(places), metrics=of(places),
                categories={name: of([place for place in places if rows[place]["category"] == name]) for name in categories},
                samples=[_example(rows[place]) for place in wrong_first[:SAMPLES]],
            )  # fmt: skip

    @property
    def _before(self) -> Any:
        """Opens the base model, for what a merged candidate says; None where the adapter is still beside the weights, or there is none."""
        if self.args.adapter is None or hasattr(self.model, "disable_adapter"):
            return None
        return lambda: contextlib.nullcontext(self._load())

    def leak(self, probes: Any, train: Iterable[Record]) -> None:
        """Ask for training data, and look for it in all that was answered."""
        from ..progress import Progress
        from .leak import Answer, leak_suite, total

        said = [
            Answer(suite=row["suite"], id=row["id"], lang=row["lang"], prompt=row["prompt"], answer=row["prediction"])
            for row in self.rows
            if row.get("prediction") and row["kind"] != "choice"
        ]
        with Progress("leak test", total(probes), "probes") as progress:
            scores, rows = leak_suite(
                self.model, self.tokenizer, probes, answers=said, train=train, batch_size=self.args.batch_size, before=self._before,
                done=lambda count, values: progress.update(count, **values),
            )  # fmt: skip
        self.suites["leak"] = scores
        self.rows += rows

    def harness(self, tasks: Sequence[str]) -> None:
        """Tasks of lm-evaluation-harness, each as a suite of its name."""
        from .harness import run_tasks

        self.suites |= run_tasks(
            tasks, self.model, self.tokenizer, limit=self.args.max_suite_examples, batch_size=self.args.batch_size, seed=self.args.seed
        )  # fmt: skip

    def summary(self, data_digest: str) -> EvaluateSummary:
        """Everything so far as the step's summary."""
        from ..metrics import METRICS

        peak = peak_memory_bytes(self.device)
        settings = {"device": self.device, "batch size": self.args.batch_size, "precision": self.precision}
        self.metrics["peak_memory_gib"] = MetricValue(value=peak / 2**30, higher_is_better=False, unit="GiB", settings=settings)
        return EvaluateSummary(
            warnings=self.warnings, model=self.args.model, data_digest=data_digest, examples=self.scored, generated=self.generated,
            scored_tokens=self.scored_tokens, metrics={name: self.metrics[name] for name in METRICS if name in self.metrics},
            suites=self.suites, samples=self.samples, hardware=describe_hardware(self.device),
        )  # fmt: skip


def evaluation_precision(wanted: str, device: str) -> str:
    """fp32 arithmetic on a CPU, where bf16 would let the batch decide between near-tied tokens; else as everywhere."""
    from ..hardware import pick_device

    return "fp32" if wanted == "auto" and pick_device(device) == "cpu" else wanted


def _example(row: dict[str, Any]) -> Example:
    return Example(
        id=row["id"], lang=row["lang"], prompt=row.get("prompt") or "", reference=row.get("reference") or "",
        prediction=row.get("prediction") or "",
    )  # fmt: skip
