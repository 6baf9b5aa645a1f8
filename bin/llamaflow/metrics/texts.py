"""All metrics of answers at once: what each example has, and what any choice of rows comes to.

columns, metrics, summarize_rows = score_texts(predictions, references, bertscore=("", 6), seed=17, settings=limits)
columns["correct"] = …                                        # more columns of examples.SCHEMA, as far as there are
edge = summarize_rows(columns, rows_of_edge, {"suite": "edge"})   # only rows of that suite
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..summaries import MetricValue
from .base import Columns, TextMetric
from .bertscore import BertScore
from .rouge import Rouge
from .sacre import Sacre
from .shape import Shape
from .shares import share_values
from .squad import Squad


class Texts(TextMetric):
    """ROUGE, BLEU, chrF, exact match, token F1, shape and (with bertscore) BERTScore of the same texts.

    bertscore: (model, layer) as for ``BertScore``, None for none; stemmer: of ROUGE, one of ``words.STEMMERS``; articles and
    accents: of ``Squad``. values also gives the means of ``shares.SHARES`` where their columns are there.
    """

    description = "text metrics of generated answers"

    def __init__(
        self, bertscore: tuple[str, int] | None = None, stemmer: str = "none", articles: str = "pt+en", accents: str = "kept",
        device: str = "cpu", seed: int = 17,
    ):  # fmt: skip
        super().__init__(seed=seed)
        self.parts: list[TextMetric] = [Rouge(stemmer, seed), Sacre(seed), Squad(articles, accents, seed), Shape(seed)]
        if bertscore:
            self.parts.append(BertScore(*bertscore, device=device, seed=seed))

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        columns: Columns = {}
        for part in self.parts:
            columns |= part.examples(predictions, references)
        return columns

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        values: dict[str, MetricValue] = {}
        for part in self.parts:
            values |= part.values(columns, settings)
        return values | share_values(columns, self.seed, settings)

    def summarize_rows(
        self, columns: Mapping[str, Sequence], rows: Sequence[int], settings: Mapping[str, Any] | None = None
    ) -> dict[str, MetricValue]:
        """Metrics of some rows, by their places in the columns. Settings are added to each metric's own."""
        return self.values({name: [column[row] for row in rows] for name, column in columns.items()}, settings)


class TextScores(NamedTuple):
    """columns: one entry for each answer; metrics: of all of them; summarize_rows: ``Texts.summarize_rows`` with the same options."""

    columns: Columns
    metrics: dict[str, MetricValue]
    summarize_rows: Callable[..., dict[str, MetricValue]]


def score_texts(
    predictions: Sequence[str],
    references: Sequence[str | None],
    *,
    bertscore: tuple[str, int] | None = None,
    seed: int = 17,
    settings: Mapping[str, Any] | None = None,
    device: str = "cpu",
    stemmer: str = "none",
    articles: str = "pt+en",
    accents: str = "kept",
) -> TextScores:
    """Score answers of all suites together; an answer without a reference (None) has the shape metrics only.

    Options as for ``Texts``. Raises ValueError for an unknown option or unequal lengths, BadInputError for a BERTScore
    model that cannot be used.
    """
    texts = Texts(bertscore, stemmer, articles, accents, device, seed)
    columns = texts.examples(predictions, references)
    return TextScores(columns, texts.values(columns, settings), texts.summarize_rows)
