"""One run as its summaries tell it: the sums over shards and steps that page and closing text share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..summaries import (
    AnonymizeSummary,
    BaseModelSummary,
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


@dataclass(frozen=True)
class Run:
    """The summaries of one run; preflight is None where it was not run, search where nothing was searched."""

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
        """Every measured metric: those that the gate judges first, in the order of its rules."""
        judged = [rule.metric for rule in self.gate.rules]
        measured = [*self.candidate.metrics, *self.base.metrics]
        return list(dict.fromkeys([name for name in judged if name in measured] + measured))

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
            ("evaluate_candidate", [self.candidate]),
            ("gate", [self.gate]),
            ("register", [self.register]),
        ]


def ranked(counts: Iterable[dict[str, int]]) -> list[tuple[str, int]]:
    """Counts added up by key, without zeros, the largest first and equals by name."""
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return sorted(((key, count) for key, count in total.items() if count), key=lambda item: (-item[1], item[0]))


@dataclass(frozen=True)
class Change:
    """A metric of base and candidate. judgement: 'better', 'worse', 'equal' or 'unknown' (one is missing or not finite)."""

    base: MetricValue | None
    candidate: MetricValue | None

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
        if self.best is not None:
            nearer = abs(self.base.value - self.best) - abs(self.candidate.value - self.best)
            return "equal" if nearer == 0 else "better" if nearer > 0 else "worse"
        if self.difference == 0:
            return "equal"
        return "better" if (self.difference > 0) == self.candidate.higher_is_better else "worse"

    @property
    def overlap(self) -> bool:
        """Whether both have an interval and these overlap."""
        limits = [limit for side in (self.base, self.candidate) if side for limit in (side.low, side.high)]
        if len(limits) < 4 or not all(limit is not None and math.isfinite(limit) for limit in limits):
            return False
        return limits[0] <= limits[3] and limits[2] <= limits[1]


def change(run: Run, metric: str) -> Change:
    """A metric of base and candidate; a side that did not measure it is None."""
    return Change(run.base.metrics.get(metric), run.candidate.metrics.get(metric))
