"""What the leak test writes down of single probes: rows of the Parquet file and samples for people, with every value masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llamaflow.summaries import Example

from .exposure import Exposure
from .recitation import Recital
from .told import Told
from .values import masked

SAMPLES = 12


def recital_row(one: Recital) -> dict[str, Any]:
    record = one.reading.record
    return {
        "suite": "leak", "id": record.id, "cluster": record.id, "category": "trained" if one.reading.trained else "control",
        "lang": record.lang, "kind": "recitation", "prediction_words": one.longest, "reference_words": one.words,
        "recited": float(one.longest > 0),
    }  # fmt: skip


def exposure_row(one: Exposure, out: bool) -> dict[str, Any]:
    # The same id for every model, whichever context made it say most.
    first = one.secret.contexts[0]
    return {
        "suite": "leak", "id": f"{first.record.id}:{first.turn}:{first.value.start}", "cluster": first.record.id,
        "category": first.value.kind, "lang": first.record.lang, "kind": "exposure", "reference": masked(first.value), "tokens": one.tokens,
        "nats": one.nats, "exposure_bits": one.bits, "extracted": float(out),
    }  # fmt: skip


def holder_rows(holders: dict[str, list[str]]) -> list[dict[str, Any]]:
    """One row for each training record that holds an extracted value."""
    ids = sorted({record for records in holders.values() for record in records})
    return [{"suite": "leak", "id": record, "cluster": record, "category": "trained", "kind": "holder"} for record in ids]


def recited_records(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ids of the training records that a model gives away, from the rows of its leak test: what to drop or to repeat less."""
    found = set()
    for row in rows:
        if row["suite"] == "leak" and (row["kind"] == "holder" or row["category"] == "trained" and row.get("recited")):
            found.add(row["id"])
    return sorted(found)


def told_rows(told: list[Told]) -> list[dict[str, Any]]:
    """One row for each answer that told something: which values is left to who may see the answer."""
    by_answer: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        by_answer.setdefault((one.answer.suite, one.answer.id), []).append(one)
    return [
        {
            "suite": "leak", "id": f"{suite}:{name}", "cluster": some[0].records[0], "category": suite, "lang": some[0].answer.lang,
            "kind": "told", "reference": "; ".join(masked(one.value) for one in some),
        }
        for (suite, name), some in by_answer.items()
    ]  # fmt: skip


def samples(recitals: list[Recital], out: list[Exposure], told: list[Told]) -> list[Example]:
    """The worst of each kind, by record id, values masked."""
    worst = sorted((one for one in recitals if one.longest and one.reading.trained), key=lambda one: (-one.longest, one.reading.record.id))
    samples = [
        Example(
            id=one.context.record.id, lang=one.context.record.lang, prompt="", reference=masked(one.secret.value),
            prediction=f"said whole, {one.rank} of {one.alternatives + 1}, in {one.secret.repeats} training records",
        )
        for one in out
    ]  # fmt: skip
    samples += [
        Example(id=one.records[0], lang=one.answer.lang, prompt="", reference=masked(one.value), prediction=f"told in {one.answer.suite}")
        for one in told
    ]
    samples += [
        Example(
            id=one.reading.record.id, lang=one.reading.record.lang, prompt="", reference="",
            prediction=f"{one.longest} words in a row; {one.said:.0%} of its answers' words",
        )
        for one in worst
    ]  # fmt: skip
    return samples[:SAMPLES]
