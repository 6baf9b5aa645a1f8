"""The ``<step>.json`` of every step: the only thing that GATE, REGISTER, REPORT and the gateway read of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Summary(BaseModel):
    """Common to all steps. seconds is wall time; warnings are sentences for people."""

    model_config = ConfigDict(extra="forbid")
    step: str
    seconds: float = 0.0
    warnings: list[str] = Field(default_factory=list)


class InputFile(BaseModel):
    """One input file: its name (never a path above the given folder), format and what became of its records."""

    name: str
    format: str
    compression: Literal["none", "gzip", "zstd"] = "none"
    detected: bool = Field(True, description="False when the user named the format")
    bytes: int
    sha256: str
    records: int = Field(description="records found, rejected ones included")
    rejected: int = 0
    own_test: bool = Field(False, description="part of the user's own test set")


class Lengths(BaseModel):
    """How long records are, in the unit that the field's name says; nearest-rank percentiles."""

    records: int
    mean: float
    p5: int
    p50: int
    p95: int
    p99: int
    longest: int


class PrepareSummary(Summary):
    """records_in = kept + rejected + exact_duplicates + near_duplicates (a too long record counts as rejected)."""

    step: Literal["prepare"] = "prepare"
    files: list[InputFile]
    records_in: int
    kept: int
    rejected: int
    rejected_by_reason: dict[str, int]
    exact_duplicates: int
    near_duplicates: int
    languages: dict[str, int] = Field(description="kept records by language")
    test_records: int = Field(0, description="kept records of the user's own test set")
    words: dict[str, Lengths] = Field(default_factory=dict, description="language -> words of a kept record, all turns")
    characters: dict[str, Lengths] = Field(default_factory=dict, description="language -> characters of a kept record, all turns")
    shards: int
    data_digest: str = Field(description="SHA-256 over the shards")


class LeakRate(BaseModel):
    """What the second look found of one type: rate = leaks / checked, and its 95 % interval (Wilson)."""

    checked: int = Field(description="values of the type that were replaced or left over")
    leaks: int
    rate: float
    low: float
    high: float


class CanaryCount(BaseModel):
    """Planted values of one type, which never go on, and how many of them were found."""

    planted: int
    found: int


class AnonymizeSummary(Summary):
    """One shard. Records in = records + quarantined + erased. entities counts replaced spans by type; leaks what is left in the output."""

    step: Literal["anonymize"] = "anonymize"
    shard: str
    records: int = Field(description="records that went on")
    quarantined: int
    quarantined_by_reason: dict[str, int] = Field(default_factory=dict)
    erased: int = Field(0, description="records left out because of a request for erasure")
    records_with_entities: int
    entities: dict[str, int]
    kept: dict[str, int] = Field(default_factory=dict, description="found and left in, as the policy says, by type")
    actions: dict[str, str] = Field(default_factory=dict, description="entity type -> what the policy does with it")
    fields: dict[str, int] = Field(default_factory=dict, description="drop, redact -> fields of meta treated so by the policy")
    leaks: int
    proof: dict[str, LeakRate] = Field(default_factory=dict, description="type -> what the second look says of the output")
    suspected_names: LeakRate | None = Field(None, description="an estimate: words of the output that look like names")
    canaries: dict[str, CanaryCount] = Field(default_factory=dict, description="type -> planted and found")
    reversible: bool = Field(False, description="an encrypted map back to the originals was written")
    policy: str
    policy_sha256: str
    key_id: str = Field(description="fingerprint of the pseudonymization key, not the key")


class Stratum(BaseModel):
    """Records of one language from one file (and of one value of --stratify_by) in the three sets."""

    language: str
    file: str
    group: str = ""
    train: int
    validation: int
    test: int


class Contamination(BaseModel):
    """Training records that the user's own test set meets; one may count under several headings."""

    exact: int = Field(description="equal text")
    near: int = Field(description="similarity at least the threshold, equal ones included")
    overlap_13: int = Field(description="13 words in a row in common")
    records: int = Field(description="under any of the three: dropped")


class SplitSummary(Summary):
    """Sizes of the three sets, in records. Records that came in = train + validation + test + removed."""

    step: Literal["split"] = "split"
    train: int
    validation: int
    test: int
    duplicates_removed: int = Field(description="records equal to another once both are pseudonymized")
    similar_removed: dict[str, int] = Field(default_factory=dict, description="set -> records dropped as near a held-out one")
    contamination: Contamination | None = Field(None, description="only with a test set of the user's own")
    own_test: bool = False
    group_threshold: float = Field(0.0, description="similarity from which on records may not straddle two sets; 0: not looked at")
    strata: list[Stratum] = Field(default_factory=list, description="the largest 100")
    largest_deviation: float = Field(0.0, description="largest |share - share asked for| in a stratum of 30 records or more")
    languages: dict[str, dict[str, int]] = Field(description="set name -> language -> records")
    data_digest: str = Field(description="SHA-256 over the three files")

    @property
    def removed(self) -> int:
        """Records that are in none of the sets."""
        return self.duplicates_removed + sum(self.similar_removed.values()) + (self.contamination.records if self.contamination else 0)


class SearchRung(BaseModel):
    """A point at which trials are compared."""

    share: float = Field(description="of a trial's steps, 0..1")
    trials: int = Field(description="trials that train as far as this")
    keep: int = Field(description="trials that go on")


class SearchTrial(BaseModel):
    """One training of a search, as far as it came."""

    id: str
    recipe: str = Field(description="name of the recipe that it changes")
    values: dict[str, Any] = Field(description="its value of every recipe field in which the trials are not all alike")
    seed: int
    losses: list[float | None] = Field(default_factory=list, description="validation loss at each of its rungs; None: diverged or failed")
    kept: bool = Field(True, description="still in the race; at the end only the winner")
    steps: int = 0
    tokens_seen: int = 0


class SearchSummary(Summary):
    """A search by successive halving. seconds counts the tasks of all trials, less the winner's last stretch, which is FINETUNE's."""

    step: Literal["search"] = "search"
    name: str
    rungs: list[SearchRung]
    compared: int = Field(0, description="rungs that are behind it")
    trials: list[SearchTrial]
    winner: str = Field("", description="id of the trial that trains to its end; empty while others are in the race")


class BaseModelSummary(Summary):
    """The base model as it lies in the work folder: bf16 safetensors plus tokenizer."""

    step: Literal["fetch_base"] = "fetch_base"
    name: str
    source: str = Field(description="what the user named: package:…, a hub id or a folder")
    revision: str = ""
    architecture: str
    parameters: int
    context_length: int
    vocabulary: int
    dtype: str
    bytes: int
    license: str = ""
    digest: str


class CurvePoint(BaseModel):
    """One logged optimizer step; validation_loss where it was measured."""

    step: int
    epoch: float
    tokens: int = Field(description="real (non-padding) tokens through the model so far")
    train_loss: float | None = Field(None, description="nats per supervised token, mean since the last point")
    validation_loss: float | None = None
    learning_rate: float
    grad_norm: float | None = None


class Check(BaseModel):
    """One thing that was looked at before the run."""

    name: str
    ok: bool
    detail: str


class PreflightSummary(Summary):
    """What was checked and estimated before any long task. Only written when nothing stands in the way."""

    step: Literal["preflight"] = "preflight"
    checks: list[Check]
    estimates: dict[str, float] = Field(description="name with its unit -> value")


class Hardware(BaseModel):
    """Where a step ran."""

    device: str = Field(description="for people: 'NVIDIA H200' or the CPU's model name")
    device_type: Literal["cpu", "cuda", "mps", "xpu"]
    devices: int = 1
    cpu_cores: int
    memory_bytes: int


class Utilisation(BaseModel):
    """How busy the machine was while training, sampled every few seconds. Shares 0..1; None where it is not told."""

    samples: int
    cpu_mean: float = Field(description="of the cores that the task may use")
    cpu_peak: float
    gpu_mean: float | None = None
    gpu_peak: float | None = None
    gpu_memory_peak: float | None = Field(None, description="share of the GPU's memory")
    energy_joules: float | None = Field(None, description="of the GPUs, by NVML")


class FinetuneSummary(Summary):
    """Everything that is needed to believe, repeat and compare a training run."""

    step: Literal["finetune"] = "finetune"
    method: str
    recipe: dict[str, Any] = Field(description="every hyper-parameter as used")
    seed: int
    base: str
    base_digest: str
    data_digest: str
    adapter_digest: str
    hidden_size: int = Field(0, description="width of the base model; 0 where an older version did not tell")
    trainable_parameters: int
    total_parameters: int
    examples: int
    examples_truncated: int
    examples_dropped: int
    tokens: Lengths | None = Field(None, description="tokens of a training record before anything is cut or dropped")
    supervised_share: float = Field(0.0, description="supervised tokens / tokens of the examples that are trained on")
    steps: int
    best_step: int
    epochs: float
    tokens_seen: int = Field(description="real (non-padding) tokens of the examples, once each time that one is learned from")
    computed_share: float = Field(1.0, description="share of them that are computed: what a pass's examples begin with alike is once")
    supervised_tokens: int
    tokens_per_second: float = Field(description="tokens_seen per second of training, evaluation excluded")
    packing_efficiency: float = Field(description="real tokens / (rows × pack_length), 0..1")
    train_loss: float | None = Field(description="nats per supervised token over the last log interval; None without a single good step")
    validation_loss_start: float
    validation_loss: float = Field(description="of the weights that come out")
    precision: str
    peak_memory_bytes: int
    stopped: str = Field(description="why training ended: 'epochs', 'max_steps', 'early_stopping', 'diverged', 'rung'")
    matmul_flops: float = Field(0.0, description="what this machine's matrix product reaches, operations a second")
    share_of_peak: float = Field(0.0, description="operations that the training needs, a second / matmul_flops")
    predicted: dict[str, float] = Field(default_factory=dict, description="memory_gib and minutes as estimated before the model was loaded")
    training_seconds: float = Field(0.0, description="time in optimizer steps, of all attempts")
    micro_batch_size: int = Field(1, description="as used at the end: out of memory halves it")
    out_of_memory: int = Field(0, description="how often the micro-batch was halved")
    resumed_at: list[int] = Field(default_factory=list, description="steps at which an interrupted training was taken up again")
    rolled_back_at: list[int] = Field(default_factory=list, description="steps whose loss exploded; the rate was lowered")
    attention: str = Field("", description="how attention was computed")
    compiled: bool = False
    processes: int = 1
    utilisation: Utilisation | None = None
    curve: list[CurvePoint]
    hardware: Hardware
    versions: dict[str, str]
    tracking_uri: str = ""
    tracking_run_id: str = ""


class Parity(BaseModel):
    """Distance of an exported model's logits from those of base plus adapter, over all positions of the probe texts."""

    positions: int
    max_logit_difference: float
    relative_difference: float = Field(description="norm of the difference / norm of the logits, each position's mean taken off")
    divergence: float = Field(description="Kullback-Leibler, nats a position, mean")
    same_choice: float = Field(description="share of positions with the same most likely token, 0..1")


class ExportedModel(BaseModel):
    """One model that was written, and how it was found to answer after it was loaded again from disk."""

    format: Literal["merged", "gguf-bf16", "gguf-f16", "gguf-q8_0"]
    path: str = Field(description="file or folder within the exported folder")
    bytes: int
    sha256: str
    parity: Parity


class ExportSummary(Summary):
    """The accepted model in formats that run without its adapter. Only written when every format answers alike."""

    step: Literal["export"] = "export"
    base: str
    base_digest: str
    adapter_digest: str
    method: str
    quantization: Literal["none", "nf4"] = Field(description="nf4: merged into the dequantized weights that the adapter was trained on")
    precision: Literal["bf16", "fp32"] = Field(description="in which the models were compared")
    effect: Parity = Field(description="of the base alone: how far the adapter moves the answers")
    models: list[ExportedModel]
    hardware: Hardware
    versions: dict[str, str]


class MetricValue(BaseModel):
    """One number with all that is needed to reproduce it."""

    value: float
    higher_is_better: bool
    unit: str = ""
    low: float | None = Field(None, description="95 % bootstrap interval over examples")
    high: float | None = None
    settings: dict[str, Any] = Field(default_factory=dict, description="library, version, tokenization, signature …")


class Example(BaseModel):
    """One generated answer, already pseudonymized, for people to read side by side."""

    id: str
    lang: str
    prompt: str
    reference: str
    prediction: str


class SuiteScores(BaseModel):
    """One suite of one model: its numbers as a whole and by category."""

    kind: Literal["edge", "adversarial", "general", "leak", "user", "lm_eval"]
    digest: str = Field(description="SHA-256 over the items: suites are compared only when it is equal")
    examples: int
    metrics: dict[str, MetricValue]
    categories: dict[str, dict[str, MetricValue]] = Field(default_factory=dict, description="category -> the suite's metrics within it")
    samples: list[Example] = Field(default_factory=list, description="some answers for people, wrong ones first")


class EvaluateSummary(Summary):
    """One model on all suites. metrics are those of the test set; suites holds the others by name."""

    step: Literal["evaluate"] = "evaluate"
    model: Literal["base", "candidate", "production"]
    name: str = Field("", description="of production its version")
    data_digest: str
    examples: int = Field(description="test conversations scored by likelihood")
    generated: int = Field(description="answers generated for the text metrics")
    scored_tokens: int
    metrics: dict[str, MetricValue]
    suites: dict[str, SuiteScores] = Field(default_factory=dict)
    cached: bool = Field(False, description="taken from an earlier run: same weights, data and settings")
    samples: list[Example]
    hardware: Hardware

    def of(self, suite: str) -> dict[str, MetricValue]:
        """Metrics of a suite, "test" included; empty for one that was not run."""
        return self.metrics if suite == "test" else self.suites[suite].metrics if suite in self.suites else {}


class Difference(BaseModel):
    """A metric of the candidate beside a reference model, by paired bootstrap over the same examples.

    Quantiles: of the resampled value at these probabilities, keys as in "0.05"; one-sided bounds at a confidence c are the
    quantiles 1 - c (lower) and c (upper).
    """

    suite: str
    metric: str
    examples: int = Field(description="scored for both models")
    clusters: int = Field(description="what is drawn: variants of one source example are drawn together")
    reference: float
    candidate: float
    difference: float = Field(description="candidate - reference")
    low: float = Field(description="95 % interval of the difference, two-sided")
    high: float
    difference_quantiles: dict[str, float]
    ratio_quantiles: dict[str, float] = Field(description="of candidate / reference; empty where the reference may be 0")
    candidate_quantiles: dict[str, float]
    verdict: Literal["better", "worse", "no difference"] = Field(description="no difference: the 95 % interval holds 0")


class CompareSummary(Summary):
    """Candidate against one reference model on everything that both answered."""

    step: Literal["compare"] = "compare"
    reference: str = Field(description="base, production, or a version's name")
    candidate: str = "candidate"
    resamples: int
    seed: int
    seeds: int = Field(1, description="trainings of the candidate that were drawn from, too")
    differences: list[Difference]


class RuleResult(BaseModel):
    """One gate rule with its numbers. threshold is the value that candidate had to reach.

    outcome: passed; failed; inside_noise (the number is on the right side, the confidence asked for is not reached); not_measured.
    """

    name: str
    metric: str
    suite: str = "test"
    compare: Literal["base", "production", "absolute"]
    condition: str = Field(description="for people: 'perplexity at most 0.98 × base'")
    candidate: float | None
    reference: float | None = None
    threshold: float | None
    confidence: float | None = Field(None, description="one-sided; None: the number alone decides")
    low: float | None = Field(None, description="95 % interval of the difference to the reference, or of the number itself")
    high: float | None = None
    passed: bool
    outcome: Literal["passed", "failed", "inside_noise", "not_measured"] = "passed"
    severity: Literal["block", "warn"]
    reason: str


class GateSummary(Summary):
    """The decision. reason is one sentence that a manager understands."""

    step: Literal["gate"] = "gate"
    verdict: Literal["accepted", "rejected", "needs_review"]
    reason: str
    gate: str = Field(description="name of the rule file")
    gate_sha256: str
    no_difference: bool = Field(False, description="no metric of any suite differs from the base model's beyond noise")
    rules: list[RuleResult]


class RecipeChange(BaseModel):
    """One value of the recipe that the next round changes, and why."""

    name: str
    before: Any
    after: Any
    reason: str


class Round(BaseModel):
    """One training with its verdict, and what was concluded from it."""

    number: int
    verdict: Literal["accepted", "rejected", "needs_review"]
    reason: str = Field(description="the gate's sentence")
    recipe: dict[str, Any] = Field(description="every hyper-parameter as used")
    seed: int
    validation_loss: float
    metrics: dict[str, float] = Field(description="'suite.metric' -> number, of those that the gate's rules name")
    failed: list[str] = Field(description="names of the block rules that did not pass")
    diagnosis: list[str] = Field(default_factory=list, description="most urgent first, as diagnosis.py names them")
    findings: list[str] = Field(default_factory=list, description="what the diagnosis rests on, sentences with numbers")
    changes: list[RecipeChange] = Field(default_factory=list, description="made for the next round")


class AdjustSummary(Summary):
    """The story of all rounds so far, and whether another one follows."""

    step: Literal["adjust"] = "adjust"
    rounds: list[Round]
    max_rounds: int
    next: bool = Field(description="another round trains, by the recipe written beside this file")
    chosen: int = Field(description="number of the round whose model goes on")
    stopped: Literal["", "accepted", "needs_review", "rounds_used_up", "did_not_help", "nothing_to_change"] = Field(
        description="why no other round follows; empty where one does"
    )


class RegisterSummary(Summary):
    """Where the adapter went. version is empty for a model that was not accepted."""

    step: Literal["register"] = "register"
    verdict: str
    kind: Literal["fine-tuned", "experiment"]
    version: str = ""
    path: str = Field(description="the adapter's folder in the registry")
    base_path: str
    created: bool = Field(description="False when this very adapter was registered before")


class DriftRecords(BaseModel):
    """How the records of one side came to be those that were compared."""

    read: int = Field(description="records found in the files, rejected ones included")
    rejected: int = 0
    duplicates: int = Field(0, description="exact and near duplicates of another record of the side, left out on both sides alike")
    held_back: int = Field(0, description="records that could not be proved clean, and erased ones")
    distinct: int = Field(description="records that came through ANONYMIZE, each text once")
    compared: int = Field(description="of these the random choice that was compared")
    groups: int = Field(description="independent units among the compared: conversations, or what --drift_group names")


class DriftBin(BaseModel):
    """One bar of a feature's distribution: its share of each side's records."""

    low: float | None = Field(None, description="a number's or score's lower end; None for a named value")
    high: float | None = None
    name: str = ""
    reference: float
    production: float


class DriftFeature(BaseModel):
    """One thing that was compared between the two sides."""

    side: Literal["input", "output"]
    name: str
    kind: Literal["number", "share", "category", "text"]
    statistic: str = Field(description="how effect is computed")
    effect: float = Field(description="distance of the two sides, 0 (alike) to 1 (nothing in common)")
    detectable: float | None = Field(None, description="smallest effect that these numbers of records would have shown")
    p_value: float = Field(description="of this feature alone")
    p_adjusted: float = Field(description="with all features counted in, those of the other side too")
    psi: float
    psi_band: Literal["stable", "moderate", "large"]
    drifted: bool = Field(description="p_adjusted and effect both beyond their thresholds")
    reference: float | None = Field(None, description="a number's median, a flag's share; of a text None")
    production: float | None = None
    direction: str = Field(description="in words, English: 'longer: median 12 to 30'")
    more: list[str] = Field(default_factory=list, description="of a text: words that many more records of production have")
    less: list[str] = Field(default_factory=list)
    records: tuple[int, int] = Field(description="reference and production records in which it is known")
    bins: list[DriftBin]


class DriftSummary(Summary):
    """Whether production records have moved away from the reference. Drift is a result, not an error."""

    step: Literal["drift"] = "drift"
    verdict: Literal["drift", "no_drift"]
    input: Literal["drift", "no_drift"] = Field(description="what people ask")
    output: Literal["drift", "no_drift"] = Field(description="what is answered")
    reason: str = Field(description="one sentence for a manager")
    p_value: float = Field(description="of all features of both sides together")
    alpha: float = Field(description="chance of an alarm without any drift, of the whole run")
    least_effect: float = Field(description="effect below which a difference is no drift, however certain")
    permutations: int
    seed: int
    reference: DriftRecords
    production: DriftRecords
    features: list[DriftFeature]
    settings: dict[str, Any] = Field(default_factory=dict, description="what texts were turned into vectors by …")


class ReportSummary(Summary):
    """The files written by REPORT (names, not paths) and the verdict that they show."""

    step: Literal["report"] = "report"
    verdict: Literal["accepted", "rejected", "needs_review"]
    language: Literal["en", "pt"] = "en"
    files: list[str]


AnySummary = TypeVar("AnySummary", bound=Summary)


def read_summary(path: Path | str, kind: type[AnySummary]) -> AnySummary:
    """Load and check a ``<step>.json``; raises pydantic.ValidationError when it is not of that kind."""
    return kind.model_validate_json(Path(path).read_text(encoding="utf-8"))
