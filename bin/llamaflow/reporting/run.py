"""One run as its summaries tell it: the sums over shards and steps that page and closing text share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..gate_metrics import SPEED_METRICS
from ..summaries import (
    AdjustSummary,
    AnonymizeSummary,
    BaseModelSummary,
    CompareSummary,
    Difference,
    EvaluateSummary,
    FinetuneSummary,
    GateSummary,
    MetricValue,
    PreflightSummary,
    PrepareSummary,
    RegisterSummary,
    SearchSummary,
    SplitSummary,
    Summary,
)
from .numbers import decimals_for

# They belong to the machine as much as to the model, so they are shown apart from what the model can do.
SPEED = SPEED_METRICS
# Whole things: "3 secrets", never "3.000".
COUNTS = ("extracted_secrets", "training_values_told")
# There to be compared with: more or less of it is neither better nor worse.
CONTROLS = ("recited_control",)
SUITE_KINDS = ("edge", "adversarial", "general", "user", "lm_eval")


@dataclass(frozen=True)
class Run:
    """The summaries of one run. None: preflight where it was not run, search where nothing was searched, compare_base and
    compare_production where models were not compared, adjust where there is no loop, production where no model is in use.
    """

    name: str
    prepare: PrepareSummary
    anonymize: list[AnonymizeSummary]
    split: SplitSummary
    base_model: BaseModelSummary
    finetune: FinetuneSummary
    base: EvaluateSummary
    candidate: EvaluateSummary
    gate: GateSummary
    register: RegisterSummary
    preflight: PreflightSummary | None = None
    search: SearchSummary | None = None
    compare_base: CompareSummary | None = None
    compare_production: CompareSummary | None = None
    adjust: AdjustSummary | None = None
    production: EvaluateSummary | None = None

    @property
    def verdict(self) -> str:
        return self.gate.verdict

    @property
    def pseudonymized(self) -> int:
        """Records that left ANONYMIZE."""
        return sum(shard.records for shard in self.anonymize)

    @property
    def quarantined(self) -> int:
        return sum(shard.quarantined for shard in self.anonymize)

    @property
    def actions(self) -> dict[str, str]:
        """Entity type -> what the policy does with it; all shards have one policy."""
        return {kind: action for shard in self.anonymize for kind, action in shard.actions.items()}

    @property
    def left_in(self) -> list[str]:
        """Entity types that the policy keeps on purpose."""
        return [kind for kind, action in self.actions.items() if action == "keep"]

    @property
    def erased(self) -> int:
        """Records left out because of a request for erasure."""
        return sum(shard.erased for shard in self.anonymize)

    @property
    def touched(self) -> int:
        """Records in which anything was replaced."""
        return sum(shard.records_with_entities for shard in self.anonymize)

    @property
    def leaks(self) -> int:
        return sum(shard.leaks for shard in self.anonymize)

    @property
    def entities(self) -> list[tuple[str, int]]:
        """Replaced spans by type, most frequent first."""
        return ranked(shard.entities for shard in self.anonymize)

    @property
    def replaced(self) -> int:
        return sum(count for _type, count in self.entities)

    @property
    def metric_names(self) -> list[str]:
        """What was measured of the test set but speed: what the gate judges first, in the order of its rules."""
        return [metric for metric in self.measured("test") if metric not in SPEED]

    @property
    def suites(self) -> list[str]:
        """Suites that any model answered, without "test" and the leak test: edge, adversarial, general, then others by name."""
        found = {name: scores.kind for side in self.sides for name, scores in side.suites.items() if scores.kind != "leak"}
        return sorted(found, key=lambda name: (SUITE_KINDS.index(found[name]), name))

    @property
    def sides(self) -> list[EvaluateSummary]:
        """The evaluations of base, production where there is one, and candidate."""
        return [self.base, *([self.production] if self.production else []), self.candidate]

    def measured(self, suite: str) -> list[str]:
        """Every metric of a suite, those that the gate judges first."""
        judged = [rule.metric for rule in self.gate.rules if rule.suite == suite]
        measured = list(dict.fromkeys(metric for side in reversed(self.sides) for metric in side.of(suite)))
        return list(dict.fromkeys([metric for metric in judged if metric in measured] + measured))

    def paired(self, suite: str, metric: str, reference: str = "base") -> Difference | None:
        """What COMPARE says of a metric against "base" or "production"; None where it says nothing."""
        compared = self.compare_base if reference == "base" else self.compare_production
        rows = compared.differences if compared else []
        return next((row for row in rows if (row.suite, row.metric) == (suite, metric)), None)

    @property
    def compared(self) -> bool:
        return bool(self.compare_base or self.compare_production)

    @property
    def steps(self) -> list[tuple[str, list[Summary]]]:
        """Every step's summaries in the order of the run."""
        steps: list[tuple[str, list[Summary]]] = [("preflight", [self.preflight])] if self.preflight else []
        return steps + [
            ("prepare", [self.prepare]),
            ("anonymize", list(self.anonymize)),
            ("split", [self.split]),
            ("fetch_base", [self.base_model]),
            *([("search", [self.search])] if self.search else []),
            ("finetune", [self.finetune]),
            ("evaluate_base", [self.base]),
            *([("evaluate_production", [self.production])] if self.production else []),
            ("evaluate_candidate", [self.candidate]),
            *([("compare", [part for part in (self.compare_base, self.compare_production) if part])] if self.compared else []),
            ("gate", [self.gate]),
            *([("adjust", [self.adjust])] if self.adjust else []),
            ("register", [self.register]),
        ]


def ranked(counts: Iterable[dict[str, int]]) -> list[tuple[str, int]]:
    """Counts added up by key, without zeros, the largest first and equals by name."""
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return sorted(((key, count) for key, count in total.items() if count), key=lambda item: (-item[1], item[0]))


def decimals_of(metric: str, *numbers: float | None) -> int:
    """Decimals for some numbers of a metric."""
    return 0 if metric in COUNTS and all(number is None or float(number).is_integer() for number in numbers) else decimals_for(*numbers)


@dataclass(frozen=True)
class Change:
    """A metric of base and candidate, and what COMPARE says of both where it looked.

    judgement: 'better', 'worse', 'same' (no difference beyond chance, by COMPARE), 'equal' (the same number) or 'unknown' (one is
    missing or not finite).
    """

    base: MetricValue | None
    candidate: MetricValue | None
    paired: Difference | None = None

    @property
    def known(self) -> bool:
        return all(side is not None and math.isfinite(side.value) for side in (self.base, self.candidate))

    @property
    def difference(self) -> float | None:
        return self.candidate.value - self.base.value if self.known else None

    @property
    def relative(self) -> float | None:
        """The difference as a share of the base; None where that means nothing (a base of zero or below)."""
        return self.difference / self.base.value if self.known and self.base.value > 0 else None

    @property
    def best(self) -> float | None:
        """The value that is best where neither direction is (a length ratio of 1), from the metric's settings."""
        best = (self.candidate or self.base).settings.get("best")
        return float(best) if isinstance(best, int | float) else None

    @property
    def judgement(self) -> str:
        if not self.known:
            return "unknown"
        if self.paired:
            return "same" if self.paired.verdict == "no difference" else self.paired.verdict
        if self.best is not None:
            nearer = abs(self.base.value - self.best) - abs(self.candidate.value - self.best)
            return "equal" if nearer == 0 else "better" if nearer > 0 else "worse"
        if self.difference == 0:
            return "equal"
        return "better" if (self.difference > 0) == self.candidate.higher_is_better else "worse"

    @property
    def overlap(self) -> bool:
        """Whether both have an interval and these overlap, where nothing better than that is known."""
        limits = [limit for side in (self.base, self.candidate) if side for limit in (side.low, side.high)]
        if self.paired or len(limits) < 4 or not all(limit is not None and math.isfinite(limit) for limit in limits):
            return False
        return limits[0] <= limits[3] and limits[2] <= limits[1]


def change(run: Run, metric: str, suite: str = "test") -> Change:
    """A metric of base and candidate; a side that did not measure it is None."""
    return Change(run.base.of(suite).get(metric), run.candidate.of(suite).get(metric), run.paired(suite, metric))


def from_production(run: Run, metric: str, suite: str = "test") -> Change:
    """The same against the model in use; without its evaluation, COMPARE's number of it stands in."""
    production, candidate = run.production.of(suite).get(metric) if run.production else None, run.candidate.of(suite).get(metric)
    paired = run.paired(suite, metric, "production")
    if production is None and paired and candidate:
        production = MetricValue(value=paired.reference, higher_is_better=candidate.higher_is_better)
    return Change(production, candidate, paired)
