"""The whole comparison of two sides of pseudonymized records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..records import Record
from ..summaries import DriftFeature
from . import terms
from .bins import bins_of, psi_of
from .features import Feature, Texts
from .measuring import Settings, features_of
from .permutation import Decision, decide, draw_labels
from .psi import band
from .sampling import Side
from .signals import input_of, output_of
from .wording import direction

STATISTICS = {
    "number": "Kolmogorov-Smirnov D", "share": "difference of shares", "category": "total variation",
    "text": "2 AUC - 1 of a ridge classifier, each record scored without itself",
}  # fmt: skip


class Comparison(NamedTuple):
    """p: of everything together; features in the order of the page; settings: how texts became vectors."""

    p: float
    features: list[DriftFeature]
    settings: dict[str, Any]


def compare(reference: Side, production: Side, settings: Settings, done: Callable[[int], None] = lambda count: None) -> Comparison:
    """Compare all features of both sides in one test. done(count) counts records as they are measured and embedded."""
    # Rows in an order that knows nothing of the sides: where scores are equal, the order decides.
    order = np.random.default_rng(settings.seed).permutation(len(reference.records) + len(production.records))
    both = [*reference.records, *production.records]
    records = [both[place] for place in order]
    is_production = order >= len(reference.records)
    names = [f"{side} {name}" for side, part in (("r", reference), ("p", production)) for name in part.groups]
    groups = np.unique([names[place] for place in order], return_inverse=True)[1]
    # The first of each side, which are in the order of their random keys.
    embedded = np.flatnonzero(np.where(is_production, order - len(reference.records), order) < settings.embedded)
    features = features_of(records, groups, embedded, settings, done)
    labels = draw_labels(is_production, groups, settings.permutations, settings.seed)
    statistics = np.stack([feature.distances(labels) for feature in features])
    decision = decide(statistics, settings.alpha)
    told = [_told(one, number, statistics[number, 0], decision, is_production, settings) for number, one in enumerate(features)]
    told = [_with_terms(one, records, is_production) if one.name == "wording" and one.p_adjusted <= settings.alpha else one for one in told]
    used = {"wording": "character 3- to 5-grams hashed to 4096 places, idf, main directions", "classifier": "ridge, 30 degrees of freedom"}
    if settings.model != "none":
        folder = Path(settings.model)  # its own name, where it is a link into a task's folder
        shown = "all-MiniLM-L6-v2 (English)" if not settings.model else folder.resolve().name if folder.is_dir() else settings.model
        used |= {"meaning": shown, "meaning records per side": settings.embedded}
    return Comparison(decision.p, told, used)


def _told(feature: Feature, number: int, effect: float, decision: Decision, is_production: np.ndarray, settings: Settings) -> DriftFeature:
    sides = is_production if feature.known is None else is_production[feature.known]
    values = feature.values
    if isinstance(feature.distance, Texts):
        values = feature.distance.scores(sides[:, None].astype(np.float32))[:, 0]
    left, right = values[~sides], values[sides]
    index = psi_of(feature.kind, left, right, feature.names)
    adjusted, detectable = float(decision.adjusted[number]), float(decision.detectable[number])
    drifted = adjusted <= settings.alpha and effect >= settings.least_effect
    middle = {"number": np.median, "share": np.mean}.get(feature.kind)
    told = DriftFeature(
        side=feature.side, name=feature.name, kind=feature.kind, statistic=STATISTICS[feature.kind], effect=round(float(effect), 6),
        detectable=round(min(detectable, 1.0), 6) if np.isfinite(detectable) else None,
        p_value=float(decision.alone[number]), p_adjusted=adjusted, psi=round(index, 6), psi_band=band(index), drifted=drifted,
        reference=round(float(middle(left)), 6) if middle and len(left) else None,
        production=round(float(middle(right)), 6) if middle and len(right) else None,
        direction="", records=(len(left), len(right)), bins=bins_of(feature.kind, left, right, feature.names),
    )  # fmt: skip
    return told.model_copy(update={"direction": direction(told, "en", settings.alpha)})


def _with_terms(told: DriftFeature, records: Sequence[Record], is_production: np.ndarray) -> DriftFeature:
    text_of = input_of if told.side == "input" else output_of
    texts = [text_of(record) for record in records]
    more, less = terms.changed_terms(*([texts[place] for place in np.flatnonzero(side)] for side in (~is_production, is_production)))
    return told.model_copy(update={"more": more, "less": less})
