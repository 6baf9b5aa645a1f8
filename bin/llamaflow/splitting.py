"""Which set a record belongs to, and what has to leave the training set so that no near duplicate straddles two sets.

The rule. A record's home depends on nothing but its own text and the seed: two MinHash values of its word 3-shingles are
hashed to a place in 0..1. Two texts of Jaccard similarity J share both, and so their home, with probability J²; other
records have no say, so adding some never moves one. One value would keep more near duplicates together, but each phrase
that many records begin or end with would then move all of them at once, and the shares with it. Pairs that still
straddle are settled on the safe side: the test set stands, a validation record near a test record is dropped, and so is
a training record near either of them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from .contamination import Overlaps
from .duplicates import MinHash, nearest
from .records import Record, content_id
from .spool import Spool
from .summaries import Contamination, Stratum

SETS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST, DUPLICATE, SIMILAR, CONTAMINATED = range(6)
# In meta: the user's own test set, and the value of the column named by --stratify-by. PREPARE writes both.
SPLIT_MARK, STRATUM_MARK = "split", "stratum"


@dataclass
class Table:
    """What is known of n records in the spool's order. place (n,) uint8: the codes above; signatures (n, 128) uint16."""

    place: np.ndarray
    signatures: np.ndarray
    digests: np.ndarray
    stratum: np.ndarray
    strata: list[tuple[str, str, str]] = field(repr=False)
    own_test: bool = False

    def of(self, *codes: int) -> np.ndarray:
        """Numbers of the records in these places."""
        return np.flatnonzero(np.isin(self.place, codes))


def compared(record: Record) -> str:
    """The text by which records are similar: all turns but the system's, which many distinct records share."""
    return "\n".join(message.content for message in record.messages if message.role != "system")


def home_key(signature: np.ndarray) -> str:
    """What of a signature decides the home."""
    return f"{signature[-2]} {signature[-1]}"


def home(key: str, seed: int, validation: float, test: float) -> int:
    """TRAIN, VALIDATION or TEST for a key; growing the test share only adds to the test set."""
    digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    return TEST if place < test else VALIDATION if place < test + validation else TRAIN


def survey(spool: Spool, records: int, *, seed: int, validation: float, test: float, threshold: float) -> Table:
    """Every record's home, with equal texts kept once. About 0.4 KB a record.

    threshold 0: homes by the digest of the whole text, near duplicates not looked for. With records marked as the user's
    own test set, they are the test set and the test share stays with the training set.
    """
    hashes, seen = MinHash(seed=seed), (set[int](), set[int]())
    place, stratum = np.zeros(records, np.uint8), np.zeros(records, np.uint32)
    signatures, digests = np.zeros((records if threshold else 0, 128), np.uint16), np.zeros(records, np.uint64)
    strata: dict[tuple[str, str, str], int] = {}
    owned = np.zeros(records, bool)
    for number, line in enumerate(spool.lines()):
        record = Record.model_validate_json(line)
        content = content_id(record.messages)
        digests[number] = int(content[:16], 16)
        owned[number] = record.meta.get(SPLIT_MARK) == "test"
        known = seen[int(owned[number])]
        key = content
        if threshold:
            signatures[number] = hashes.signature(compared(record))
            key = home_key(signatures[number])
        place[number] = DUPLICATE if int(content, 16) in known else home(key, seed, validation, test)
        known.add(int(content, 16))
        name = (record.lang, record.source.rpartition(":")[0], str(record.meta.get(STRATUM_MARK, "")))
        stratum[number] = strata.setdefault(name, len(strata))
    own_test = bool(owned.any())
    if own_test:
        place[~owned & (place == TEST)] = TRAIN
        place[owned & (place != DUPLICATE)] = TEST
    return Table(place, signatures, digests, stratum, list(strata), own_test)


def contaminated(table: Table, spool: Spool, *, threshold: float, seed: int) -> tuple[dict[int, int], Contamination]:
    """Training and validation records that the user's own test set meets: {number: number of the test record}, and counts."""
    tests, others = table.of(TEST), table.of(TRAIN, VALIDATION)
    by_digest = dict(zip(table.digests[tests].tolist(), tests.tolist(), strict=True))
    exact = {int(n): by_digest[int(table.digests[n])] for n in others if int(table.digests[n]) in by_digest}
    near: dict[int, int] = {}
    if threshold:
        found = nearest(table.signatures[tests], table.signatures[others], threshold, seed)
        near = {int(others[i]): int(tests[found[i]]) for i in np.flatnonzero(found >= 0)} | exact
    overlaps = Overlaps()
    for number, line in enumerate(spool.lines()):
        if table.place[number] == TEST:
            overlaps.add_test(number, compared(Record.model_validate_json(line)))
    overlaps.freeze()
    for number, line in enumerate(spool.lines()):
        if table.place[number] in (TRAIN, VALIDATION):
            overlaps.add_training(number, compared(Record.model_validate_json(line)))
    shared = overlaps.found()
    pairs = shared | near | exact
    return pairs, Contamination(exact=len(exact), near=len(near), overlap_13=len(shared), records=len(pairs))


def settle(table: Table, *, threshold: float, seed: int) -> dict[str, int]:
    """Mark what would straddle as SIMILAR; returns how many by set. Nothing that was dropped counts as kept out for others.

    The homes decide, also of a record that is dropped itself: what is dropped then only grows when records are added.
    """
    test, validation, train = table.of(TEST), table.of(VALIDATION), table.of(TRAIN)
    held_out = np.concatenate([test, validation])
    removed = {}
    for name, members, queries in (("train", held_out, train), ("validation", test, validation)):
        found = nearest(table.signatures[members], table.signatures[queries], threshold, seed)
        table.place[queries[found >= 0]] = SIMILAR
        removed[name] = int((found >= 0).sum())
    return removed


def stratified(table: Table) -> list[Stratum]:
    """The sizes of the three sets in each stratum, largest stratum first."""
    counts: defaultdict[int, np.ndarray] = defaultdict(lambda: np.zeros(3, int))
    for code in (TRAIN, VALIDATION, TEST):
        for number, count in enumerate(np.bincount(table.stratum[table.place == code], minlength=len(table.strata))):
            counts[number][code] = count
    rows = [
        Stratum(language=lang, file=file, group=group, **dict(zip(SETS, counts[number].tolist(), strict=True)))
        for number, (lang, file, group) in enumerate(table.strata) if counts[number].any()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (-(row.train + row.validation + row.test), row.language, row.file, row.group))
