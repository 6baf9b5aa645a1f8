"""SPLIT: a record's set depends on itself alone, nothing is lost or doubled, and a refusal leaves no file."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import split
from llamaflow import splitting
from llamaflow.duplicates import MinHash
from llamaflow.errors import BadInputError, run_step
from llamaflow.files import read_jsonl, sha256_file, write_jsonl
from llamaflow.records import Message, Record, content_id
from llamaflow.spool import Spool
from llamaflow.summaries import SplitSummary, read_summary

SETS = ("train", "validation", "test")


def record(text: str, record_id: str | None = None, lang: str = "pt") -> Record:
    messages = [Message(role="user", content=text), Message(role="assistant", content="ok")]
    return Record(id=record_id or content_id(messages), messages=messages, lang=lang)


def run(shards: list[list[Record]], *arguments: object, names: list[str] | None = None) -> tuple[dict[str, list[str]], SplitSummary]:
    """Ids by set, in file order, and the summary."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = [folder / (names[i] if names else f"shard-{i:04}.jsonl.zst") for i in range(len(shards))]
        for path, shard in zip(paths, shards, strict=True):
            write_jsonl(path, shard)
        split.main(["--shards", *map(str, paths), "--outdir", place, "--summary", str(folder / "s.json"), *map(str, arguments)])
        ids = {name: [value["id"] for value in read_jsonl(folder / f"{name}.jsonl")] for name in SETS}
        return ids, read_summary(folder / "s.json", SplitSummary)


def place_of(ids: dict[str, list[str]]) -> dict[str, str]:
    return {record_id: name for name, members in ids.items() for record_id in members}


RECORDS = [record(f"pergunta número {number}", lang="pt" if number % 3 else "en") for number in range(400)]


def test_sets_are_disjoint_whole_and_counted() -> None:
    ids, summary = run([RECORDS[:150], RECORDS[150:]])
    everything = [record_id for members in ids.values() for record_id in members]
    assert sorted(everything) == sorted(r.id for r in RECORDS)
    assert {name: getattr(summary, name) for name in SETS} == {name: len(ids[name]) for name in SETS}
    languages = {r.id: r.lang for r in RECORDS}
    for name in SETS:
        assert summary.languages[name] == {lang: sum(languages[i] == lang for i in ids[name]) for lang in ("en", "pt")}
    assert summary.removed == 0
    assert sum(row.train + row.validation + row.test for row in summary.strata) == len(RECORDS)


@given(
    st.lists(st.text("abcdefghijklmnop0123456789", min_size=1, max_size=30), unique=True, max_size=60), st.randoms(use_true_random=False)
)
@settings(max_examples=15, deadline=None)
def test_adding_records_never_moves_others(extra: list[str], rng: random.Random) -> None:
    before = place_of(run([RECORDS])[0])
    mixed = RECORDS + [record(text) for text in extra]
    rng.shuffle(mixed)
    cut = rng.randrange(len(mixed))
    after = place_of(run([mixed[:cut], mixed[cut:]])[0])
    assert {record_id: after[record_id] for record_id in before} == before


def test_shard_order_and_number_do_not_matter() -> None:
    whole = run([RECORDS])[0]
    quarters = [RECORDS[i::4] for i in range(4)]
    assert place_of(run(quarters)[0]) == place_of(whole)
    forward = run([RECORDS[:200], RECORDS[200:]], names=["a.jsonl", "b.jsonl"])
    backward = run([RECORDS[350:], RECORDS[:350]], names=["b.jsonl", "a.jsonl"])
    assert forward[0] == backward[0] == whole
    assert forward[1].data_digest == backward[1].data_digest


def test_same_input_same_bytes_and_another_seed_another_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "shard.jsonl.zst", RECORDS)
    digests = []
    for number, seed in enumerate((17, 17, 18)):
        out = tmp_path / str(number)
        out.mkdir()
        split.main(
            ["--shards", str(tmp_path / "shard.jsonl.zst"), "--outdir", str(out), "--summary", str(out / "s.json"), "--seed", str(seed)]
        )
        digests.append([sha256_file(out / f"{name}.jsonl") for name in SETS] + [read_summary(out / "s.json", SplitSummary).data_digest])
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.1), (0.05, 0.3), (0.45, 0.45)])
def test_shares_are_about_right(validation: float, test: float) -> None:
    ids = [content_id([Message(role="user", content=str(number))]) for number in range(20_000)]
    places = [splitting.home(record_id, 17, validation, test) for record_id in ids]
    for name, share in ((splitting.VALIDATION, validation), (splitting.TEST, test), (splitting.TRAIN, 1 - validation - test)):
        assert abs(places.count(name) / len(ids) - share) < 0.015  # more than four standard deviations


@given(st.text(max_size=40), st.integers(), st.floats(0.05, 0.4), st.floats(0.05, 0.4), st.floats(0.05, 0.19))
@settings(max_examples=200, deadline=None)
def test_a_larger_test_share_only_adds_to_the_test_set(record_id: str, seed: int, validation: float, test: float, more: float) -> None:
    """Growing a share must not swap what was tested before."""
    if splitting.home(record_id, seed, validation, test) == splitting.TEST:
        assert splitting.home(record_id, seed, validation, test + more) == splitting.TEST


def test_records_that_became_equal_are_kept_once() -> None:
    twins = [record("[PESSOA] pergunta pelo pedido", record_id=f"{number:032x}") for number in range(9)]
    ids, summary = run([RECORDS + twins[:4], twins[4:]])
    assert summary.duplicates_removed == 8
    assert sum(len(members) for members in ids.values()) == len(RECORDS) + 1
    assert len(set(place_of(ids)) & {twin.id for twin in twins}) == 1


def test_equal_text_in_other_roles_is_no_duplicate() -> None:
    other = Record(id="f" * 32, messages=[Message(role="system", content=m.content) for m in RECORDS[0].messages])
    assert run([[*RECORDS, other]])[1].duplicates_removed == 0


@pytest.mark.parametrize("shards", [[[]], [RECORDS[:4]], [[record("igual", record_id=f"{n:032x}") for n in range(500)]]])
def test_too_few_records_is_bad_input_and_leaves_nothing(tmp_path: Path, shards: list[list[Record]], capsys: pytest.CaptureFixture) -> None:
    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    out.mkdir()
    write_jsonl(inputs / "shard.jsonl", shards[0])
    command = ["--shards", str(inputs / "shard.jsonl"), "--outdir", str(out), "--summary", str(out / "s.json")]
    assert run_step(lambda: split.main(command), private=True) == 2
    assert list(out.iterdir()) == []
    told = capsys.readouterr().err
    assert "too few records" in told and "fix:" in told and "igual" not in told


def test_the_fewest_records_can_be_set() -> None:
    sizes = {name: len(members) for name, members in run([RECORDS])[0].items()}
    smallest = min(sizes.values())
    run([RECORDS], "--min-records", smallest)
    with pytest.raises(BadInputError, match=f"{smallest} in "):
        run([RECORDS], "--min-records", smallest + 1)


@pytest.mark.parametrize(
    ("validation", "test"), [(0, 0.1), (0.1, 0), (0.5, 0.5), (0.9, 0.9), (-0.1, 0.1), (0.1, 1), ("nan", 0.1), (0.1, "inf")]
)
def test_shares_that_leave_nothing_are_refused(validation: object, test: object, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="shares"):
        run([RECORDS], "--validation", validation, "--test", test)


def test_a_broken_shard_leaves_nothing_and_says_nothing_of_its_text(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", RECORDS)
    with (tmp_path / "a.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"id": "x", "messages": "Luciana Nogueira 529.982.247-25"}\n')
    (tmp_path / "out").mkdir()
    script = Path(split.__file__)
    command = [str(script), "--shards", "a.jsonl", "--outdir", "out", "--summary", "out/s.json"]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert list((tmp_path / "out").iterdir()) == []
    assert not re.search("Luciana|529", done.stdout + done.stderr)
    assert os.access(script, os.X_OK)


# ---- near duplicates --------------------------------------------------------------------------------------------------


def variant(rng: random.Random, words: list[str], changes: int) -> Record:
    words = list(words)
    for place in rng.sample(range(len(words)), changes):
        words[place] = f"outra{rng.randrange(10**9)}"
    return record(" ".join(words))


def families(rng: random.Random, count: int, size: int, changes: int) -> list[Record]:
    """Families of texts that differ from their first one in a few of 60 words."""
    made = []
    for _ in range(count):
        words = [f"palavra{rng.randrange(10**9)}" for _ in range(60)]
        made += [record(" ".join(words)), *(variant(rng, words, changes) for _ in range(size - 1))]
    return made


def jaccard(one: Record, other: Record) -> float:
    a, b = (
        {tuple(words[i : i + 3]) for i in range(len(words) - 2)}
        for words in (splitting.compared(r).casefold().split() for r in (one, other))
    )
    return len(a & b) / len(a | b)


@pytest.mark.parametrize(("changes", "least"), [(1, 0.85), (3, 0.7), (5, 0.5)])
def test_no_pair_above_the_threshold_straddles(changes: int, least: float) -> None:
    records = families(random.Random(changes), 250, 4, changes)
    assert sum(jaccard(records[i], records[i + 1]) >= least for i in range(0, 1000, 4)) > 240
    ids, summary = run([records], "--group-threshold", 0.5)
    places = place_of(ids)
    pairs = [(a, b) for i in range(0, 1000, 4) for n, a in enumerate(records[i : i + 4]) for b in records[i + n + 1 : i + 4]]
    # The similarity is an estimate of deviation up to 0.044: a pair this far above the threshold has to be found.
    clear = [(a, b) for a, b in pairs if jaccard(a, b) > 0.62 and a.id in places and b.id in places]
    near = [(a, b) for a, b in pairs if jaccard(a, b) >= 0.5 and a.id in places and b.id in places]
    assert not [1 for a, b in clear if places[a.id] != places[b.id]]
    assert sum(places[a.id] != places[b.id] for a, b in near) <= 0.02 * len(near)
    assert len(places) + sum(summary.similar_removed.values()) == len(records)
    # Records of independent homes would lose half of such families' training records: these go mostly together.
    assert summary.similar_removed["train"] < (0.1, 0.25, 0.35)[(1, 3, 5).index(changes)] * len(records)
    loose = place_of(run([records], "--group-threshold", 0)[0])
    assert any(loose[a.id] != loose[b.id] for a, b in near)


@given(st.integers(0, 10**6), st.lists(st.tuples(st.integers(0, 59), st.integers(1, 20)), max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_adding_near_duplicates_never_moves_others(seed: int, extra: list[tuple[int, int]], rng: random.Random) -> None:
    old = families(random.Random(seed), 60, 3, 4)
    more = [variant(rng, old[3 * n].messages[0].content.split(), changes) for n, changes in extra]
    before, after = place_of(run([old], "--min-records", 0)[0]), place_of(run([more, old], "--min-records", 0)[0])
    for record_id, place in before.items():
        # A held-out record may be dropped from validation and a training record from training; neither changes sides.
        assert after.get(record_id, place) == place
        assert place != "test" or record_id in after
    assert not set(after) - set(before) & {r.id for r in old}


@given(st.integers(0, 100), st.lists(st.integers(0, 30), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_order_and_sharding_have_no_say_in_what_is_dropped(seed: int, cuts: list[int]) -> None:
    records = families(random.Random(seed), 40, 3, 5) + [record("igual", record_id=f"{n:032x}") for n in range(5)]
    shuffled = random.Random(seed + 1).sample(records, len(records))
    edges = [0, *sorted(cuts), len(shuffled)]
    shards = [shuffled[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    one, other = run([records], "--min-records", 0), run(shards, "--min-records", 0)
    assert one[0] == other[0]
    left, right = (summary.model_copy(update={"seconds": 0}) for summary in (one[1], other[1]))
    assert left == right


def test_homes_of_similar_texts_differ_as_seldom_as_the_rule_says() -> None:
    """Sets of shares 0.8, 0.1, 0.1 differ for independent homes in 34 % of the pairs, for similarity J in (1 - J²) of those."""
    rng, hashes = random.Random(23), MinHash()
    home = lambda text: splitting.home(splitting.home_key(hashes.signature(text)), 17, 0.1, 0.1)  # noqa: E731
    for changes, at_least in ((1, 0.85), (3, 0.7), (6, 0.5)):
        differ, expected, count = 0, 0.0, 1500
        for _ in range(count):
            words = [str(rng.randrange(10**9)) for _ in range(60)]
            one, other = record(" ".join(words)), variant(rng, words, changes)
            similarity = jaccard(one, other)
            differ += home(splitting.compared(one)) != home(splitting.compared(other))
            expected += 0.34 * (1 - similarity**2)
        assert similarity > at_least - 0.1
        assert abs(differ - expected) < 4 * expected**0.5 + 1


def test_a_shared_system_text_makes_nobody_alike() -> None:
    shared = Message(role="system", content=" ".join(f"regra{n}" for n in range(300)))
    records = [r.model_copy(update={"messages": [shared, *r.messages]}) for r in RECORDS]
    assert run([records])[1].removed == 0


def test_a_stock_phrase_that_rules_the_shares_is_told() -> None:
    rng = random.Random(4)
    records = [record(" ".join([*(f"sempre{n}" for n in range(12)), *(str(rng.randrange(10**9)) for _ in range(30))])) for _ in range(600)]
    assert any("stock phrase" in sentence for sentence in run([records], "--min-records", 0)[1].warnings)
    assert not run([RECORDS])[1].warnings


# ---- strata -----------------------------------------------------------------------------------------------------------


def test_shares_hold_in_each_stratum_and_deviations_are_told() -> None:
    records = []
    for number in range(12_000):
        text = record(f"texto {number} de {number * 7}", lang=("pt", "en", "mixed")[number % 3])
        records.append(text.model_copy(update={"source": f"{'ab'[number % 2]}.csv:{number}", "meta": {"stratum": str(number % 2)}}))
    few = [record(f"raro {n}").model_copy(update={"source": f"c.csv:{n}"}) for n in range(7)]
    summary = run([records + few])[1]
    assert len(summary.strata) == 7 and summary.strata[-1].file == "c.csv"
    assert {(row.language, row.file, row.group) for row in summary.strata[:6]} == {
        (lang, file, group) for lang in ("pt", "en", "mixed") for file, group in (("a.csv", "0"), ("b.csv", "1"))
    }
    # 2000 records a stratum: four standard deviations of a share of 0.1.
    assert 0 < summary.largest_deviation < 0.027
    assert any("1 of 7 strata" in sentence for sentence in summary.warnings)


# ---- a test set of the user's own ---------------------------------------------------------------------------------------


def own(text: str, line: int) -> Record:
    return record(text).model_copy(update={"source": f"prova.jsonl:{line}", "meta": {"split": "test"}})


def contaminated_set() -> tuple[list[Record], list[Record]]:
    rng = random.Random(9)
    words = lambda count: [f"termo{rng.randrange(10**9)}" for _ in range(count)]  # noqa: E731
    passage, thirteen, twelve = words(60), words(13), words(12)
    tests = [own(" ".join(passage), 1), own(" ".join([*words(20), *thirteen, *words(20)]), 2), own(" ".join([*words(9), *twelve]), 3)]
    tests += [own(f"pergunta de prova {n}", n) for n in range(4, 30)]
    train = [r.model_copy(update={"source": f"treino.csv:{n}"}) for n, r in enumerate(RECORDS, 1)]
    near = [*passage[:30], "outro", *passage[31:]]
    bad = [record(" ".join(passage)), record(" ".join(near)), record(" ".join([*words(40), *(w.upper() + "," for w in thirteen), "."]))]
    good = [record(" ".join([*twelve, *words(30)]))]
    return [*train, *good, *(r.model_copy(update={"source": f"copia.csv:{n}"}) for n, r in enumerate(bad, 1))], tests


def test_an_own_test_set_is_the_test_set_and_what_meets_it_is_dropped() -> None:
    train, tests = contaminated_set()
    ids, summary = run([train, tests], "--test", 0)
    assert sorted(ids["test"]) == sorted(r.id for r in tests) and summary.own_test
    assert summary.contamination is not None
    assert (summary.contamination.exact, summary.contamination.near, summary.contamination.overlap_13) == (1, 2, 3)
    assert summary.contamination.records == 3 and summary.removed == 3
    assert sorted(ids["train"] + ids["validation"]) == sorted(r.id for r in train[:-3])
    with_share = run([tests, train], "--test", 0.3)[0]
    assert with_share["test"] == ids["test"] and len(with_share["train"] + with_share["validation"]) == len(train) - 3


def test_validation_is_the_same_with_and_without_an_own_test_set() -> None:
    tests = contaminated_set()[1]
    without, with_own = run([RECORDS])[0], run([RECORDS, tests])[0]
    assert without["validation"] == with_own["validation"]


def test_contamination_can_stop_the_run_and_names_lines_without_text(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    train, tests = contaminated_set()
    write_jsonl(tmp_path / "a.jsonl", train + tests)
    out = tmp_path / "out"
    out.mkdir()
    command = ["--shards", str(tmp_path / "a.jsonl"), "--outdir", str(out), "--summary", str(out / "s.json"), "--contamination", "stop"]
    assert run_step(lambda: split.main(command), private=True) == 2
    told = capsys.readouterr().err
    for line in ("copia.csv:1 meets test prova.jsonl:1", "copia.csv:2 meets test prova.jsonl:1", "copia.csv:3 meets test prova.jsonl:2"):
        assert line in told
    assert "termo" not in told and list(out.iterdir()) == []
    write_jsonl(tmp_path / "a.jsonl", train[:-3] + tests)
    assert run_step(lambda: split.main(command), private=True) == 0


def test_a_phrase_that_many_training_records_hold_is_no_contamination() -> None:
    rng, phrase = random.Random(2), " ".join(f"frase{n}" for n in range(13))
    filler = lambda: " ".join(str(rng.randrange(10**9)) for _ in range(60))  # noqa: E731
    for holders, met in ((10, 10), (11, 0)):
        train = RECORDS + [record(f"{filler()} {phrase} {filler()}") for _ in range(holders)]
        summary = run([train, [own(f"{phrase} {filler()}", 1), own("segunda", 2), own("terceira", 3)]])[1]
        assert summary.contamination is not None and summary.contamination.overlap_13 == met


def test_the_test_set_may_not_get_lost_on_the_way() -> None:
    with pytest.raises(BadInputError, match="no record of the test set"):
        run([RECORDS], "--own-test")


def test_a_spool_gives_the_same_order_for_every_order_of_coming(tmp_path: Path) -> None:
    orders = []
    for seed in range(3):
        shuffled = random.Random(seed).sample(RECORDS, len(RECORDS))
        with Spool(tmp_path) as spool:
            for one in shuffled:
                spool.add(one)
            lines = list(spool.lines())
            assert lines == list(spool.lines())
        orders.append(lines)
        assert not list(tmp_path.iterdir())
    assert orders[0] == orders[1] == orders[2]
    assert sorted(Record.model_validate_json(line).id for line in orders[0]) == sorted(r.id for r in RECORDS)
