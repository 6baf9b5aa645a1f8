"""One row for each scored example of each suite, in Parquet: what comparisons, blind pairs and people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import BadInputError
from ..files import whole_file

# null: not measured for this row. Shares, F-measures and flags are 0..1; nats: of the supervised tokens; bytes: UTF-8 of their text.
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("suite", "id", "cluster", "category", "lang", "kind", "prompt", "reference", "prediction")),
        *((name, pa.int64()) for name in ("tokens", "bytes", "new_tokens", "prediction_words", "reference_words")),
        *((name, pa.float64()) for name in ("nats", "rouge1", "rouge2", "rougeL", "rougeLsum", "bertscore_f1", "exact_match", "token_f1")),
        *((name, pa.float64()) for name in ("correct", "refused", "repetition", "finished", "clean_loss", "prompt_gain")),
        *((name, pa.float64()) for name in ("recited", "exposure_bits", "extracted")),  # of suite leak
        ("bleu_counts", pa.list_(pa.float64())),  # sacrebleu's sufficient statistics: summed over examples they give the corpus score
        ("chrf_counts", pa.list_(pa.float64())),
    ]
)


def write_examples(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows (missing columns become null); the file appears whole or not at all. Raises KeyError for an unknown column."""
    rows = list(rows)
    unknown = {name for row in rows for name in row} - set(SCHEMA.names)
    if unknown:
        raise KeyError(f"no such column: {', '.join(sorted(unknown))}")
    with whole_file(path, "wb") as stream:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), stream, compression="zstd")


def read_examples(path: Path) -> pa.Table:
    """The rows of one model. Raises BadInputError for another kind of file."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise BadInputError("the file of examples does not exist", where=str(path), fix="give EVALUATE's Parquet file") from None
    except (pa.ArrowInvalid, OSError) as error:
        why, fix = type(error).__name__, "give EVALUATE's Parquet file"
        raise BadInputError("this is no file of examples", where=str(path), why=why, fix=fix) from None
    if missing := set(SCHEMA.names) - set(table.column_names):
        why = f"columns missing: {', '.join(sorted(missing))}"
        raise BadInputError("this file of examples is of another version", where=str(path), why=why, fix="evaluate the model again")
    return table.select(SCHEMA.names)
