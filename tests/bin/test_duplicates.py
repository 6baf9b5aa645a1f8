"""Exact and near duplicates against exact Jaccard similarity and against datasketch."""

from __future__ import annotations

import random

import numpy as np
import pytest
from datasketch import MinHash as DatasketchMinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.duplicates import CROWD, ExactDuplicates, MinHash, NearDuplicates, bands_for, nearest

VOCABULARY = [f"palavra{i}" for i in range(3000)]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.casefold().split()
    return {tuple(words[i : i + 3]) for i in range(max(1, len(words) - 2))}


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def document(rng: random.Random, words: int) -> list[str]:
    return [rng.choice(VOCABULARY) for _ in range(words)]


def changed(words: list[str], rng: random.Random, changes: int) -> list[str]:
    words = list(words)
    for place in rng.sample(range(len(words)), changes):
        words[place] = rng.choice(VOCABULARY)
    return words


def test_exact_knows_what_came_before() -> None:
    seen = ExactDuplicates()
    assert [seen.add(f"{n:032x}") for n in (1, 2, 1, 3, 2**127, 2**127)] == [False, False, True, False, False, True]


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7, 0.85, 0.95, 1.0])
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    bands, rows = bands_for(threshold, 128)
    assert bands * rows <= 128
    assert 1 - (1 - threshold**rows) ** bands >= 0.99


def test_the_estimate_is_the_jaccard_similarity_without_bias() -> None:
    rng, index, errors = random.Random(5), NearDuplicates(), []
    for changes in (0, 1, 3, 8, 20, 60):
        for _ in range(40):
            words = document(rng, 120)
            one, other = " ".join(words), " ".join(changed(words, rng, changes))
            errors.append(float((index.signature(one) == index.signature(other)).mean()) - jaccard(one, other))
    # 240 estimates of standard deviation below 0.045: the mean error is below 0.01 unless the hash functions are poor.
    assert abs(np.mean(errors)) < 0.01
    assert np.std(errors) < 0.045


def test_clear_cases_are_decided_as_by_exact_jaccard_and_across_table_growth() -> None:
    rng, index = random.Random(7), NearDuplicates(0.85, capacity=4)
    originals = [document(rng, rng.randint(60, 200)) for _ in range(600)]
    assert not any(index.add(" ".join(words)) for words in originals)
    missed = wrong = 0
    for words in originals:
        near, far = " ".join(changed(words, rng, 1)), " ".join(changed(words, rng, max(6, len(words) // 10)))
        assert jaccard(" ".join(words), near) > 0.9 and jaccard(" ".join(words), far) < 0.75
        missed += not index.add(near)
        wrong += index.add(far)
    assert missed <= 6 and wrong <= 3
    assert all(index.add(" ".join(words)) for words in originals)


def test_agrees_with_datasketch_away_from_the_threshold() -> None:
    rng, index = random.Random(11), NearDuplicates(0.85)
    for _ in range(60):
        words = document(rng, 100)
        one, other = " ".join(words), " ".join(changed(words, rng, rng.randint(0, 30)))
        theirs = []
        for text in (one, other):
            theirs.append(DatasketchMinHash(num_perm=128, seed=3))
            theirs[-1].update_batch([" ".join(shingle).encode() for shingle in shingles(text)])
        # Two estimates of deviation up to 0.044 each: 5 deviations of their difference.
        assert abs(theirs[0].jaccard(theirs[1]) - float((index.signature(one) == index.signature(other)).mean())) < 0.32


def test_short_texts_of_different_words_are_not_taken_for_one_another() -> None:
    """5000 texts of one or two shingles make 12 million pairs: a signature that comes from 16 bits alone would confuse hundreds."""
    hashes = MinHash()
    for words in (2, 4):
        signatures = {hashes.signature(" ".join(f"p{n}w{i}" for i in range(words))).tobytes() for n in range(5000)}
        assert len(signatures) == 5000
    index = NearDuplicates(0.5)
    assert not any(index.add(f"resposta p{n} ok") for n in range(5000))


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=30))
def test_an_equal_text_is_always_found_and_order_decides_who_stays(texts: list[str]) -> None:
    index = NearDuplicates(1.0, capacity=2)
    first: set[str] = set()
    for text in texts:
        key = " ".join(text.casefold().split())
        assert index.add(text) == (key in first)
        first.add(key)
    assert index.size == len(first)


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.text(max_size=200))
def test_signatures_depend_on_text_and_seed_only(seed: int, text: str) -> None:
    one, other = NearDuplicates(seed=seed), NearDuplicates(seed=seed)
    other.add("something else before")
    assert np.array_equal(one.signature(text), other.signature(text))


def test_a_long_text_is_cut_into_parts_without_a_seam() -> None:
    rng, index = random.Random(3), NearDuplicates()
    words = document(rng, 9000)
    parts = [index.signature(" ".join(words[start : start + 4500 + 2])) for start in (0, 4500)]
    whole = index.signature(" ".join(words))
    # Every minimum of the whole is the minimum of one of two parts that overlap by a shingle.
    assert ((whole == parts[0]) | (whole == parts[1])).all()


@pytest.mark.parametrize("threshold", [0, -1, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        NearDuplicates(threshold)


# ---- the nearest of a known set -----------------------------------------------------------------------------------------


def signatures(texts: list[str]) -> np.ndarray:
    hashes = MinHash()
    return np.array([hashes.signature(text) for text in texts], np.uint16).reshape(-1, 128)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.85])
def test_nearest_finds_what_comparing_all_pairs_finds(threshold: float) -> None:
    rng = random.Random(13)
    originals = [document(rng, 60) for _ in range(300)]
    members = signatures([" ".join(words) for words in originals])
    similar = [changed(words, rng, rng.randint(0, 12) // 3) for words in originals]
    queries = signatures([" ".join(words) for words in similar + [document(rng, 60)] * 50])
    found = nearest(members, queries, threshold)
    similar = np.array([(members == query).mean(axis=1) for query in queries])
    assert all(similar[query, member] >= threshold for query, member in enumerate(found) if member >= 0)
    truly = similar.max(axis=1) >= threshold
    assert not (found[~truly] >= 0).any()
    # RECALL is 0.99 for a pair right at the threshold, more above it.
    assert (found[truly] >= 0).mean() > 0.98 and truly.sum() > 100


def test_nearest_finds_its_neighbour_in_a_crowd_with_a_stock_phrase() -> None:
    rng = random.Random(17)
    stock = [f"sempre{n}" for n in range(25)]
    originals = [stock + document(rng, 40) for _ in range(10 * CROWD)]
    members = signatures([" ".join(words) for words in originals])
    queries = signatures([" ".join(changed(words, rng, 2)) for words in originals])
    exact = [(members == query).mean(axis=1).max() >= 0.7 for query in queries]
    found = nearest(members, queries, 0.7)
    assert (found[exact] >= 0).mean() > 0.99
    assert (found[np.logical_not(exact)] < 0).all()


def test_nearest_of_nothing_is_nothing() -> None:
    some, none = signatures(["um dois três"]), np.zeros((0, 128), np.uint16)
    assert nearest(none, some, 0.5).tolist() == [-1]
    assert nearest(some, none, 0.5).tolist() == []
    assert nearest(some, some, 0.5).tolist() == [0]
