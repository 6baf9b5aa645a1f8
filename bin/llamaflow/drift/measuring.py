"""What is compared of a set of records: nothing here knows which side a record is of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Record
from .encoder import embed
from .features import Categories, Feature, Numbers, Texts
from .ngrams import count_ngrams, directions
from .signals import LANGUAGES, SIGNALS, input_of, measure, output_of, question_of

FLAGS = ["no", "yes"]


@dataclass(frozen=True)
class Settings:
    """alpha: false alarms of the whole comparison; least_effect: what is too small to matter; model: as ``encoder.embed`` takes it,
    'none' for no embeddings; embedded: records of each side that get one (encoders are slow)."""

    alpha: float = 0.01
    least_effect: float = 0.1
    permutations: int = 999
    seed: int = 17
    model: str = ""
    embedded: int = 1000


def features_of(
    records: Sequence[Record],
    groups: np.ndarray,
    embedded: np.ndarray,
    settings: Settings,
    done: Callable[[int], None] = lambda count: None,
) -> list[Feature]:
    """All features, input first. groups: (records,) numbers from 0; embedded: numbers of the records that get an embedding."""
    features = [*_signals(records, done)]
    for side, text_of, asked_of in (("input", input_of, question_of), ("output", output_of, output_of)):
        counts = np.stack([count_ngrams(text_of(record)) for record in records])
        features.append(Feature(side, "wording", "text", Texts(directions(counts), groups)))
        if settings.model != "none":
            vectors = embed([asked_of(records[place]) for place in embedded], settings.model, done)
            features.append(Feature(side, "meaning", "text", Texts(vectors, groups[embedded]), known=embedded))
    return sorted(features, key=lambda feature: feature.side)


def _signals(records: Sequence[Record], done: Callable[[int], None]) -> list[Feature]:
    columns: dict[str, list[float]] = {name: [] for name in SIGNALS}
    for record in records:
        for name, value in measure(record).items():
            columns[name].append(value)
        done(1)
    features = []
    for name, (side, kind) in SIGNALS.items():
        values = np.array(columns[name], np.float64)
        known = None if not np.isnan(values).any() else np.flatnonzero(~np.isnan(values))
        values = values if known is None else values[known]
        distance = Numbers(values) if kind == "number" else Categories(values)
        choices = [*LANGUAGES] if kind == "category" else FLAGS if kind == "share" else []
        features.append(Feature(side, name.partition(".")[2], kind, distance, values, known, choices))
    return features
