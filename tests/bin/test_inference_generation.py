"""Answers are those of greedy decoding one prompt at a time, whatever the batch, the back end and the tricks in between."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.chat import IGNORED, Encoded
from llamaflow.errors import BadInputError
from llamaflow.generation import generate_greedy
from llamaflow.inference.drafts import Drafter, Lookup
from llamaflow.metrics.likelihood import conversation_nats

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
TOKENS = st.integers(3, 1000)
PROMPTS = st.lists(st.lists(TOKENS, min_size=1, max_size=40), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def model():
    """The tiny Llama with weights so large that its guesses differ."""
    from llamaflow.models import load_model

    model = load_model(TINY, precision="fp32", device="cpu")
    for parameter in model.parameters():
        parameter.data *= 6 if parameter.dim() == 2 else 1
    return model


def alone(model, prompt: list[int], stops: set[int], limit: int) -> list[int]:
    """transformers' own answer to one prompt, stop token included."""
    import torch

    ids = torch.tensor([prompt])
    options = {"do_sample": False, "max_new_tokens": limit, "eos_token_id": sorted(stops) or None, "pad_token_id": 0}
    return model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)[0, len(prompt) :].tolist()


def check(model, prompts, stops, limit, batch_size, **more):
    run = generate_greedy(model, prompts, stop_ids=stops, pad_id=0, max_new_tokens=limit, batch_size=batch_size, **more)
    expected = [alone(model, prompt, stops, limit) for prompt in prompts]
    assert run.finished == [answer[-1] in stops for answer in expected]
    assert [answer + [expected[i][-1]] * run.finished[i] for i, answer in enumerate(run.answers)] == expected
    # One time for each token, those that stopped an answer included, and none of them negative.
    assert len(run.token_seconds) == len(run.token_first) == sum(map(len, expected)) and sum(run.token_first) == len(prompts)
    assert min(run.token_seconds) >= 0 and max(run.token_seconds) <= run.seconds


@settings(max_examples=40, deadline=None)
@given(
    prompts=PROMPTS,
    shared=st.lists(TOKENS, max_size=24),
    batch_size=st.integers(1, 12),
    limit=st.integers(1, 14),
    stops=st.sets(TOKENS, min_size=1, max_size=300),
    tokens=st.sampled_from([1, 90, 200, 10_000]),
    prefill=st.sampled_from([1, 50, 2048]),
)
def test_neither_batch_size_nor_company_changes_an_answer(model, prompts, shared, batch_size, limit, stops, tokens, prefill):
    from llamaflow.inference import batching

    with pytest.MonkeyPatch.context() as patch:  # little memory: few slots at first, more of them as prompts get shorter
        patch.setattr(batching, "affordable_tokens", lambda *_: tokens)
        patch.setattr(batching, "PREFILL", prefill)
        check(model, [shared + prompt for prompt in prompts], stops, limit, batch_size)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.lists(TOKENS, min_size=2, max_size=30), st.lists(TOKENS, max_size=20)), min_size=1, max_size=8),
    st.lists(TOKENS, max_size=24),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["auto", "transformers"]),
)
def test_conversations_are_scored_along_the_way(model, texts, shared, batch_size, earlier, backend):
    """Each gets what scoring alone gives, earlier supervised turns included, and no answer changes by it."""
    prompts, conversations = [], []
    for prompt, reference in texts:
        prompts.append(shared + prompt)
        labels = [IGNORED] * len(prompts[-1]) + reference
        if earlier:
            labels[len(shared)] = prompt[0]
        conversations.append(Encoded(prompts[-1] + reference + [7], [*labels, IGNORED]) if reference else None)
    options = {"stop_ids": {9, 10}, "pad_id": 0, "max_new_tokens": 6, "batch_size": batch_size}
    run = generate_greedy(model, prompts, conversations=conversations, backend=backend, **options)
    assert run.answers == generate_greedy(model, prompts, **options).answers
    expected = [conversation_nats(model, [one], 0, 1)[0] if one else 0.0 for one in conversations]
    assert run.nats == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_a_conversation_that_is_not_the_prompts_is_refused(model):
    for conversation in (Encoded([5, 6, 8, 9], [IGNORED] * 3 + [9]), Encoded([5, 6, 7], [IGNORED, IGNORED, 7])):
        with pytest.raises(ValueError, match="begin with its prompt"):
            generate_greedy(model, [[5, 6, 7]], stop_ids=set(), pad_id=0, max_new_tokens=1, batch_size=1, conversations=[conversation])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.lists(TOKENS, min_size=2, max_size=4), st.integers(1, 8)), min_size=1, max_size=6), st.integers(8, 64))
def test_guesses_never_change_an_answer(model, texts, batch_size):
    # Texts that repeat themselves draw guesses; with every guess welcome, wrong ones have to be thrown away.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drafter, "learn", lambda self, *_: setattr(self, "right", 1.0))
        check(model, [tokens * times for tokens, times in texts], {2}, 20, batch_size)


@settings(max_examples=10, deadline=None)
@given(PROMPTS, st.integers(1, 5), st.sets(TOKENS, min_size=1, max_size=300))
def test_transformers_gives_the_same_in_batches(model, prompts, batch_size, stops):
    check(model, prompts, stops, 10, batch_size, backend="transformers")


def test_near_ties_are_decided_without_the_batch(model):
    """With every token taken for a near tie the answers are still those of each text alone."""
    from llamaflow.inference import batching

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "NEAR", 10.0)
        check(model, [[5, 6, 7], [8, 9, 10, 11, 12], [13]], {2}, 9, 2)


def test_two_tokens_that_tie_exactly_give_the_first():
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(5)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=40, initializer_range=0.5, **sizes)).eval()
    model.lm_head.weight.data[20:] = model.lm_head.weight.data[:20]  # each token has a twin
    check(model, [[5, 6, 7], [8, 29, 10, 31, 12], [13]], {2}, 12, 3)


def test_an_adapter_is_used(model, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model

    from llamaflow.models import load_model

    torch.manual_seed(0)
    adapted = get_peft_model(load_model(TINY, precision="fp32", device="cpu"), LoraConfig(r=2, target_modules="all-linear"))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    adapted.eval()
    prompts = [[5, 6, 7, 8], [9, 10], list(range(20, 60))]
    check(adapted, prompts, {2}, 12, 2)
    with adapted.disable_adapter():
        plain = generate_greedy(adapted, prompts, stop_ids={2}, pad_id=0, max_new_tokens=12, batch_size=2)
    assert plain.answers != generate_greedy(adapted, prompts, stop_ids={2}, pad_id=0, max_new_tokens=12, batch_size=2).answers


def test_an_architecture_that_cannot_be_packed_is_continued_all_the_same():
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = MistralForCausalLM(MistralConfig(vocab_size=50, initializer_range=0.5, sliding_window=4, **sizes)).eval()
    check(model, [[3, 4, 5, 6, 7, 8], [9, 10]], {1}, 10, 2)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_a_back_end_that_is_not_there_is_named(model):
    with pytest.raises(BadInputError, match="vLLM is not installed"):
        generate_greedy(model, [[5]], stop_ids=set(), pad_id=0, max_new_tokens=1, batch_size=1, backend="vllm")
    with pytest.raises(ValueError, match="no back end"):
        generate_greedy(model, [[5]], stop_ids=set(), pad_id=0, max_new_tokens=1, batch_size=1, backend="llama.cpp")


def test_guesses_come_from_the_text():
    assert Lookup([1, 2, 3, 4, 5]).guess(3) == []
    assert Lookup([1, 2, 3, 4, 1, 2]).guess(3) == [3, 4, 1]
    assert Lookup([7, 1, 2, 1, 2]).guess(5) == [1, 2, 1, 2, 1]  # a text in a loop goes on in it
    text = [1, 2, 3, 1, 2]
    lookup = Lookup(text)
    assert lookup.guess(1) == [3]
    text += [9, 1, 2]
    assert lookup.guess(2) == [9, 1]  # the last precedent counts
