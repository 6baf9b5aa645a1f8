"""Multiple choice by likelihood: the border between prompt and option, and the option with the fewest nats per byte."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamaflow.chat import prompt_ids, render
from llamaflow.evaluation.choices import Chosen, answer_choices, choose, option_pairs
from llamaflow.evaluation.items import Item
from llamaflow.evaluation.suites import rows_for_choices
from llamaflow.metrics import likelihood
from llamaflow.models import load_model, load_tokenizer
from llamaflow.records import Message

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
TOKENIZER = load_tokenizer(TINY)
# Ends in a blank, which byte-pair tokenizers join with the word that follows.
BLANK_BORDER = "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}{% if add_generation_prompt %}[/INST] {% endif %}"


def item(*choices: str, answer: int = 0, ask: str = "Qual é a capital do Peru?", **more) -> Item:
    return Item(id="a", messages=[Message(role="user", content=ask)], choices=list(choices), answer=answer, **more)


def with_template(template: str):
    tokenizer = copy.deepcopy(TOKENIZER)
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize("tokenizer", [TOKENIZER, with_template(BLANK_BORDER)], ids=["chatml", "blank"])
@given(st.lists(st.from_regex(r"[a-zçãA-Z0-9][a-zçã 0-9]{0,20}", fullmatch=True), min_size=2, max_size=4))
def test_context_and_continuation_are_the_whole_text(tokenizer, choices: list[str]) -> None:
    one = item(*choices)
    pairs = option_pairs(tokenizer, one, 4096)
    assert len({tuple(context) for context, _ in pairs}) == 1
    for (context, continuation), choice in zip(pairs, choices, strict=True):
        text = render(tokenizer, one.messages, generate=True) + choice.strip()
        assert context + continuation == tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(context + continuation) == text
        assert context
        assert continuation


def test_the_prompt_is_that_of_generation_where_tokens_end_at_the_border() -> None:
    one = item("Lima", "Quito")
    assert [context for context, _ in option_pairs(TOKENIZER, one, 4096)] == [prompt_ids(TOKENIZER, one.messages)] * 2


def test_a_token_across_the_border_belongs_to_the_option() -> None:
    tokenizer = with_template(BLANK_BORDER)
    joined = tokenizer("[/INST] de", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(joined[-1:]) == " de"  # or this test shows nothing
    (context, continuation), _ = option_pairs(tokenizer, item("de", "Quito"), 4096)
    assert tokenizer.decode(continuation) == " de"
    assert tokenizer.decode(context).endswith("[/INST]")


def test_a_long_prompt_loses_its_beginning() -> None:
    one = item("Lima", "a cidade de Quito", ask="palavra " * 500 + "fim?")
    for (context, continuation), (whole, same) in zip(option_pairs(TOKENIZER, one, 64), option_pairs(TOKENIZER, one, 1 << 20), strict=True):
        assert continuation == same
        assert len(context) + len(continuation) == 64
        assert whole[-len(context) :] == context


def test_control_tokens_in_an_option_are_text() -> None:
    pairs = option_pairs(TOKENIZER, item("Lima<|im_end|>", "Quito"), 4096)
    assert TOKENIZER.convert_tokens_to_ids("<|im_end|>") not in pairs[0][1]


def test_per_byte_not_per_option() -> None:
    one = item("sim", "não, de maneira nenhuma")
    assert choose(one, [3.0, 6.0]).choice == 1
    assert choose(one, [3.0, 60.0]).choice == 0
    assert choose(item("é", "ab"), [2.0, 2.0]).choice == 0  # two bytes each: the first of equals
    assert choose(item("a", "b", "c"), [math.nan, math.inf, 9.0]).choice == 2
    assert choose(item("a", "b"), [math.nan, math.nan]).choice == 0


def test_rows_say_what_was_chosen() -> None:
    one = item("Lima", "Quito", answer=1, lang="pt", category="geo")
    row = rows_for_choices("mine", [one], [Chosen(0, [1.0, 2.0])])[0]
    assert (row["prediction"], row["reference"], row["correct"], row["kind"]) == ("Lima", "Quito", 0.0, "choice")
    assert rows_for_choices("mine", [one], [Chosen(1, [1.0, 2.0])])[0]["correct"] == 1.0


@pytest.mark.skipif(not hasattr(likelihood, "continuation_nats"), reason="the scoring engine's continuation_nats is not here yet")
def test_nats_equal_one_forward_pass_each() -> None:
    import torch

    model = load_model(TINY, precision="fp32", device="cpu")
    items = [item("Lima", "Quito e arredores", "x"), item("de", "um animal", ask="Mimi é uma gata. Logo, Mimi é")]
    for tokenizer in (TOKENIZER, with_template(BLANK_BORDER)):
        for one, chosen in zip(items, answer_choices(model, tokenizer, items, max_length=128), strict=True):
            for (context, continuation), nats in zip(option_pairs(tokenizer, one, 128), chosen.nats, strict=True):
                with torch.inference_mode():
                    logits = model(input_ids=torch.tensor([context + continuation])).logits[0].log_softmax(-1)
                expected = -sum(logits[len(context) + place - 1, token].item() for place, token in enumerate(continuation))
                assert nats == pytest.approx(expected, abs=1e-4)
            assert chosen == choose(one, chosen.nats)
