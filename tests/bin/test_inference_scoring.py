"""Packed scores are those of each text by itself, whatever lies beside it in the row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.chat import IGNORED, Encoded
from llamaflow.metrics.likelihood import continuation_nats, conversation_nats

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
TOKENS = st.integers(3, 1000)


@pytest.fixture(scope="module")
def model():
    """The tiny Llama with weights so large that its guesses differ."""
    import torch

    from llamaflow.models import load_model

    torch.manual_seed(0)
    model = load_model(TINY, precision="fp32", device="cpu")
    for parameter in model.parameters():
        parameter.data *= 6 if parameter.dim() == 2 else 1
    return model


def plain_nats(model, prompt: list[int], continuation: list[int]) -> float:
    import torch

    with torch.inference_mode():
        chances = model(input_ids=torch.tensor([prompt + continuation])).logits[0].double().log_softmax(-1)
    return -sum(chances[len(prompt) + place - 1, token].item() for place, token in enumerate(continuation))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.lists(TOKENS, min_size=1, max_size=40), st.lists(TOKENS, max_size=30)), min_size=1, max_size=8),
    st.integers(1, 4),
)
def test_conversations_in_a_row_do_not_see_each_other(model, texts, batch_size):
    encoded = [Encoded(prompt + answer, [IGNORED] * len(prompt) + answer) for prompt, answer in texts]
    expected = [plain_nats(model, *text) for text in texts]
    assert conversation_nats(model, encoded, 0, batch_size) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(TOKENS, min_size=1, max_size=30), st.lists(st.lists(TOKENS, max_size=12), min_size=1, max_size=12)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([8, 40, 2048]),
    st.randoms(use_true_random=False),
)
def test_continuations_share_a_prompt_and_nothing_else(model, trees, row, random):
    from llamaflow.inference import scoring

    pairs = [(prompt, continuation) for prompt, ones in trees for continuation in ones]
    random.shuffle(pairs)
    expected, finished = [plain_nats(model, *pair) for pair in pairs], []
    with pytest.MonkeyPatch.context() as patch:  # short rows: prompts are kept for continuations of later rows
        patch.setattr(scoring, "TOKENS_PER_EXAMPLE", row)
        patch.setattr(scoring, "BLOCK", 16)
        nats = continuation_nats(model, pairs, 0, 1, done=lambda count, values: finished.append(count))
    assert nats == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert sum(finished) == len(pairs)


def test_a_continuation_without_a_prompt_is_refused(model):
    with pytest.raises(ValueError, match="prompt of at least one token"):
        continuation_nats(model, [([], [5])], 0)
    assert continuation_nats(model, [], 0) == [] and continuation_nats(model, [([5], [])], 0) == [0.0]


def test_the_model_attends_as_before_afterwards(model):
    import torch

    ids = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.inference_mode():
        before, way = model(input_ids=ids).logits, model.config._attn_implementation
        continuation_nats(model, [([5, 6], [7, 8])], 0)
        assert model.config._attn_implementation == way and torch.equal(model(input_ids=ids).logits, before)


def mistral(window):
    from transformers import MistralConfig, MistralForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    return MistralForCausalLM(MistralConfig(vocab_size=50, initializer_range=0.5, sliding_window=window, **sizes)).eval()


def gemma():
    from transformers import Gemma2Config, Gemma2ForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    return Gemma2ForCausalLM(Gemma2Config(vocab_size=50, head_dim=8, initializer_range=0.9, attn_logit_softcapping=2.0, **sizes)).eval()


@pytest.mark.parametrize("build", [lambda: mistral(None), lambda: mistral(6), gemma], ids=["mistral", "short window", "soft caps"])
def test_other_architectures_are_scored_right_packed_or_not(build):
    import torch

    torch.manual_seed(3)
    model = build()
    pairs = [([3, 4, 5, 6, 7, 8, 9], [10, 11, 12]), ([3, 4], [5, 6, 7]), ([3, 4], [8])]
    expected = [plain_nats(model, *pair) for pair in pairs]
    assert continuation_nats(model, pairs, 0) == pytest.approx(expected, rel=1e-4)
