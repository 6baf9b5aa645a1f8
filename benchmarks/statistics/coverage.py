"""How often the bounds of COMPARE hold the truth: simulated test sets of which the truth is known.

    python -m benchmarks.statistics.coverage [--sets 2000] [--resamples 2000]

For each kind of number and size of test set: the share of sets whose lower and upper one-sided bound at 95 % confidence holds the true
difference and the candidate's true number. 0.95 is as stated; less is anticonservative. tests/bin/test_statistics.py runs it small.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2] / "bin"))

from llamaflow.evaluation.examples import SCHEMA
from llamaflow.evaluation.statistics import compare_suite

LOWER, UPPER = "0.05", "0.95"
SIZES = (20, 40, 100, 300, 1000)
# (generator, examples) -> columns of the reference, columns of each training of the candidate, clusters, true numbers of both
Drawn = tuple[dict, list[dict], np.ndarray | None, float, float]


def table(columns: dict[str, np.ndarray | list], clusters: np.ndarray | None = None) -> pa.Table:
    """Rows of one suite with these columns, the others null; ids in the order of the rows."""
    count = len(next(iter(columns.values())))
    ids = [f"{number:06d}" for number in range(count)]
    given = {"suite": ["test"] * count, "id": ids, "cluster": [""] * count if clusters is None else [f"c{name:06d}" for name in clusters]}
    given |= columns
    return pa.table(
        {field.name: pa.array(given[field.name], field.type) if field.name in given else pa.nulls(count, field.type) for field in SCHEMA},
        schema=SCHEMA,
    )


def rouge(draw: np.random.Generator, size: int) -> Drawn:
    """F-measures, a third of them 0, of models that find the same examples hard."""
    hard = draw.beta(2, 2, size)
    before = hard * draw.beta(1, 3, size) * (draw.random(size) > 0.3)
    after = hard * draw.beta(2, 3, size) * (draw.random(size) > 0.3)
    return {"rougeL": before}, [{"rougeL": after}], None, 0.7 * 0.5 * 0.25, 0.7 * 0.5 * 0.4


def perplexity(draw: np.random.Generator, size: int) -> Drawn:
    """Answers of 5 to 200 tokens whose loss is skewed and mostly shared by both models."""
    tokens = draw.integers(5, 200, size)
    shared = draw.gamma(4, 0.5, size)
    before, after = shared + draw.gamma(2, 0.15, size), shared + draw.gamma(2, 0.1, size)
    sides = [{"nats": loss * tokens, "tokens": tokens} for loss in (before, after)]
    return sides[0], [sides[1]], None, float(np.exp(2.3)), float(np.exp(2.2))


def accuracy(draw: np.random.Generator, size: int) -> Drawn:
    """Right or wrong: 12 % are won, 8 % are lost, half of the rest is right."""
    kind = draw.random(size)
    both = (kind < 0.4).astype(float)
    before, after = both + ((kind >= 0.4) & (kind < 0.48)), both + ((kind >= 0.48) & (kind < 0.6))
    return {"correct": before}, [{"correct": after}], None, 0.48, 0.52


def rare(draw: np.random.Generator, size: int) -> Drawn:
    """Refusals: 5 % by either model, not of the same prompts."""
    before, after = (draw.random(size) < 0.05).astype(float), (draw.random(size) < 0.05).astype(float)
    return {"refused": before}, [{"refused": after}], None, 0.05, 0.05


def variants(draw: np.random.Generator, size: int) -> Drawn:
    """Four variants of each source example (size counts sources), mostly right or wrong together."""
    sources = np.repeat(np.arange(size), 4)
    easy = draw.beta(1, 1, size)[sources]
    before, after = (draw.random(4 * size) < easy).astype(float), (draw.random(4 * size) < easy**0.8).astype(float)
    return {"correct": before}, [{"correct": after}], sources, 0.5, 1 / 1.8


def robustness(draw: np.random.Generator, size: int) -> Drawn:
    """Losses of ROUGE-L by perturbed prompts: none mostly, large sometimes."""
    before, after = (draw.beta(1, 2, size) * (draw.random(size) < share) for share in (0.15, 0.2))
    return {"clean_loss": before}, [{"clean_loss": after}], None, 0.05, 0.2 / 3


def seeds(draw: np.random.Generator, size: int) -> Drawn:
    """Three trainings of a recipe, which differ by about as much as the test set is uncertain."""
    hard = draw.normal(0, 0.1, size)
    before = 0.3 + hard + draw.normal(0, 0.1, size)
    after = [{"token_f1": 0.35 + hard + draw.normal(0, 0.02) + draw.normal(0, 0.1, size)} for _ in range(3)]
    return {"token_f1": before}, after, None, 0.3, 0.35


KINDS: dict[str, Callable[[np.random.Generator, int], Drawn]] = {
    one.__name__: one for one in (rouge, perplexity, accuracy, rare, variants, robustness, seeds)
}


def coverage(kind: str, size: int, sets: int, resamples: int, seed: int = 1) -> dict[str, float]:
    """Share of sets whose bound holds the truth: lower and upper of difference, ratio and the candidate's own number.

    nan for a ratio that has no interval in some set.
    """
    draw = np.random.default_rng([seed, size, zlib.crc32(kind.encode())])
    held: dict[str, list[float]] = {}
    for number in range(sets):
        before, after, clusters, reference, candidate = KINDS[kind](draw, size)
        found = compare_suite("test", table(before, clusters), [table(one, clusters) for one in after], number, resamples)[0]
        for name, quantiles, truth in (
            ("difference", found.difference_quantiles, candidate - reference),
            ("ratio", found.ratio_quantiles, candidate / reference),
            ("candidate", found.candidate_quantiles, candidate),
        ):
            held.setdefault(f"{name} lower", []).append(quantiles[LOWER] <= truth + 1e-12 if quantiles else np.nan)
            held.setdefault(f"{name} upper", []).append(quantiles[UPPER] >= truth - 1e-12 if quantiles else np.nan)
    return {name: float(np.mean(one)) for name, one in held.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    args = parser.parse_args()
    print("| number | examples | difference: lower | upper | ratio: lower | upper | candidate: lower | upper |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        for size in args.sizes:
            found = coverage(kind, size, args.sets, args.resamples)
            print(f"| {kind} | {size} | {' | '.join(f'{share:.3f}' for share in found.values())} |", flush=True)


if __name__ == "__main__":
    main()
