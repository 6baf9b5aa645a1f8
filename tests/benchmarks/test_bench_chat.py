"""The chat benchmark is fair: its names are in no list, every name is labelled, and it is the same each time."""

import re
from collections import Counter

import pytest

from benchmarks.anonymize.chat import FEMALE, MALE, SURNAMES, conversations, held_out_names, scenarios
from llamaflow.pii import lexicon
from llamaflow.pii.spans import fold

WORD = re.compile(r"[^\W\d_]+")
PARTICLES = {"de", "da", "do", "dos"}


def folded_names() -> list[str]:
    return [fold(name).low for names in held_out_names().values() for name in names]


@pytest.fixture(scope="module")
def made():
    return conversations()


def test_names_are_many_and_each_stands_once():
    names = held_out_names()
    assert set(names) == {FEMALE, MALE, SURNAMES}
    assert len(names[FEMALE]) + len(names[MALE]) >= 300 and len(names[SURNAMES]) >= 300
    assert [name for name, count in Counter(folded_names()).items() if count > 1] == []
    assert all(WORD.fullmatch(name) and name.istitle() for group in names.values() for name in group)


def test_no_name_is_in_a_list_of_the_detector():
    listed = set()
    for path in (lexicon.resources.files("llamaflow.pii") / "gazetteer").iterdir():
        listed |= set(WORD.findall(fold(path.read_text(encoding="utf-8")).low))
    assert sorted(listed & set(folded_names())) == []


def test_the_same_seed_gives_the_same_conversations(made):
    assert conversations() == made
    assert conversations(seed=5) != made


def test_conversations_have_their_promised_form(made):
    assert len(scenarios()) >= 60
    assert len(made) == 1000
    assert {len(turns) for turns in made} <= set(range(4, 13))
    assert all({turn.role for turn in turns} == {"a", "c"} for turns in made)
    assert [turn.text for turns in made for turn in turns if re.search(r"[{}<>|]", turn.text)] == []


def test_about_half_of_what_customers_write_is_lower_case_without_accents(made):
    customers = [turn.text for turns in made for turn in turns if turn.role == "c"]
    low = [text for text in customers if text == text.lower() and text.isascii()]
    assert 0.4 < len(low) / len(customers) < 0.6
    assert all(turn.text != turn.text.lower() for turns in made for turn in turns if turn.role == "a")


def test_labels_are_names_and_all_names_are_labelled(made):
    names = set(folded_names())
    for turns in made:
        for turn in turns:
            rest, here = "", 0
            for label in turn.labels:
                assert label.start >= here
                words = WORD.findall(fold(turn.text[label.start : label.end]).low)
                assert words and set(words) <= names | PARTICLES and words[0] in names and words[-1] in names
                rest += turn.text[here : label.start] + " "
                here = label.end
            rest = re.sub(r"\S+@\S+", "", rest + turn.text[here:])
            assert not names & set(WORD.findall(fold(rest).low))


def test_no_two_people_of_a_conversation_share_a_given_name_by_chance(made):
    # Five people for each of at most two scenarios.
    for turns in made:
        text = {turn.text[label.start : label.end] for turn in turns for label in turn.labels}
        assert len({fold(name).low.split()[0] for name in text}) <= 16


@pytest.mark.parametrize("role", ["a", "c"])
def test_every_scenario_turn_is_written_by_somebody(role):
    assert all(any(turn[0] == role for turn in scenario) for scenario in scenarios())
    assert all(turn[0] in "ac" and turn[2] for scenario in scenarios() for turn in scenario)
