"""Which tokens are supervised: exactly the assistant's words and the token that ends them, for any chat template."""

from __future__ import annotations

import copy
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llamaflow.base_model import read_template
from llamaflow.chat import IGNORED, encode, prompt_ids
from llamaflow.errors import BadInputError
from llamaflow.models import load_tokenizer
from llamaflow.records import Message

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
HEAD = "<|im_start|>{{ m.role }}\n"
PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
OPEN_ENDED = "{% for m in messages %}# {{ m.role }}\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}# assistant\n{% endif %}"
FORGETS_REASONING = (
    "{% for m in messages %}" + HEAD + "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}" + PROMPT
)
ONLY_USERS = "{% for m in messages if m.role == 'user' %}" + HEAD + "{{ m.content }}<|im_end|>\n{% endfor %}" + PROMPT
STRICT = "{% if messages[0].role != 'user' %}{{ raise_exception('must start with a user') }}{% endif %}" + OPEN_ENDED

TINY_TOKENIZER = load_tokenizer(TINY)


@pytest.fixture(scope="module")
def tiny():
    return TINY_TOKENIZER


def with_template(template: str | None, *, adds_bos: bool = False, special: dict[str, str] | None = None):
    """A copy of the tiny tokenizer with another template, special tokens, or a BOS in front of every text."""
    tokenizer = copy.deepcopy(TINY_TOKENIZER)
    tokenizer.chat_template = template
    if special:
        tokenizer.add_special_tokens({name: token for name, token in special.items() if name.endswith("_token")})
        tokenizer.add_tokens([token for name, token in special.items() if not name.endswith("_token")], special_tokens=True)
    if adds_bos:
        from tokenizers.processors import TemplateProcessing

        bos = tokenizer.bos_token
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, tokenizer.bos_token_id)])
    return tokenizer


def llama3():
    special = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "start": "<|start_header_id|>", "end": "<|end_header_id|>"}
    return with_template(read_template("llama3"), adds_bos=True, special=special)


def talk(*contents: str, first: str = "user") -> list[Message]:
    """Alternating turns."""
    roles = ["user", "assistant"] if first == "user" else ["assistant", "user"]
    return [Message(role=roles[i % 2], content=content) for i, content in enumerate(contents)]


def learned(tokenizer, encoded) -> list[str]:
    """The text of each run of supervised tokens."""
    pairs = zip(encoded.labels, encoded.input_ids, strict=True)
    assert all(label in (IGNORED, token) for label, token in zip(encoded.labels, encoded.input_ids, strict=True))
    runs = [[token for _, token in run] for supervised, run in groupby(pairs, lambda pair: pair[0] != IGNORED) if supervised]
    return [tokenizer.decode(run, skip_special_tokens=False) for run in runs]


CONVERSATION = talk("Qual é o prazo de devolução?", "São 7 dias — até domingo, às 18h.", "E a troca? ✓", "Trinta dias. 👍🏽")


def test_learned_text_is_the_answers_and_their_end_token(tiny):
    assert learned(tiny, encode(tiny, CONVERSATION, 1000)) == ["São 7 dias — até domingo, às 18h.<|im_end|>", "Trinta dias. 👍🏽<|im_end|>"]


def test_llama3_template_learns_answers_with_eot_and_has_one_bos():
    tokenizer = llama3()
    encoded = encode(tokenizer, CONVERSATION, 1000)
    assert learned(tokenizer, encoded) == ["São 7 dias — até domingo, às 18h.<|eot_id|>", "Trinta dias. 👍🏽<|eot_id|>"]
    assert encoded.input_ids.count(tokenizer.bos_token_id) == 1 and encoded.input_ids[0] == tokenizer.bos_token_id
    assert prompt_ids(tokenizer, CONVERSATION).count(tokenizer.bos_token_id) == 1


def test_bos_that_the_template_lacks_is_added_once_and_never_learned():
    tokenizer = with_template(read_template("chatml"), adds_bos=True)
    encoded, plain = encode(tokenizer, CONVERSATION, 1000), encode(TINY_TOKENIZER, CONVERSATION, 1000)
    assert encoded.input_ids == [tokenizer.bos_token_id, *plain.input_ids]
    assert encoded.labels == [IGNORED, *plain.labels]
    assert prompt_ids(tokenizer, CONVERSATION) == [tokenizer.bos_token_id, *prompt_ids(TINY_TOKENIZER, CONVERSATION)]


def test_bos_counts_against_the_length():
    tokenizer = with_template(read_template("chatml"), adds_bos=True)
    full = encode(tokenizer, CONVERSATION, 1000)
    last = max(i for i, label in enumerate(full.labels) if label != IGNORED) + 1
    assert len(encode(tokenizer, CONVERSATION, last).input_ids) == last
    assert len(encode(tokenizer, CONVERSATION, last - 1).input_ids) < last - 1


@pytest.mark.parametrize("answer", ["Trinta dias.", "açaí", "coração é ã", "日本", "👍🏽"])
def test_template_without_end_token_gets_eos_behind_the_last_answer(answer):
    tokenizer = with_template(OPEN_ENDED)
    encoded = encode(tokenizer, talk("Oi", "Olá", "E a troca?", answer), 1000)
    assert encoded.input_ids[-1] == encoded.labels[-1] == tokenizer.eos_token_id
    assert learned(tokenizer, encoded) == ["Olá", answer + "<|im_end|>"]


def test_answer_whose_end_merges_with_the_template_is_not_lost():
    """Llama 3's tokenizer has tokens such as '.\\n': they cross the end of the answer, as '!\\n' does here."""
    from tokenizers import pre_tokenizers

    tokenizer = with_template(OPEN_ENDED)
    # No splitting before the merges, and a merge over the boundary.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.add_tokens(["!\n"])
    encoded = encode(tokenizer, talk("Oi", "sim", "certo?", "claro!"), 1000)
    assert "claro" in tokenizer.decode(encoded.input_ids)
    assert encoded.input_ids[-1] == encoded.labels[-1] == tokenizer.eos_token_id


def test_rewritten_earlier_turn_is_not_learned_but_the_last_is():
    tokenizer = with_template(FORGETS_REASONING)
    encoded = encode(tokenizer, talk("1+1?", "<think>um e um</think>Dois.", "e 2+2?", "<think>hm</think>Quatro."), 1000)
    assert learned(tokenizer, encoded) == ["<think>hm</think>Quatro.<|im_end|>"]
    encoded = encode(tokenizer, talk("1+1?", "Dois.", "e 2+2?", "<think>hm</think>Quatro."), 1000)
    assert learned(tokenizer, encoded) == ["Dois.<|im_end|>", "<think>hm</think>Quatro.<|im_end|>"]


def test_template_that_hides_assistant_turns_is_bad_input():
    with pytest.raises(BadInputError, match="chat template") as caught:
        encode(with_template(ONLY_USERS), CONVERSATION, 1000)
    assert "--chat_template" in caught.value.fix


@pytest.mark.parametrize("use", [lambda t: encode(t, CONVERSATION, 1000), lambda t: prompt_ids(t, CONVERSATION)])
def test_missing_template_is_bad_input(use):
    with pytest.raises(BadInputError, match="no chat template"):
        use(with_template(None))


def test_template_that_refuses_a_conversation_is_bad_input():
    with pytest.raises(BadInputError, match="must start with a user"):
        encode(with_template(STRICT), talk("Olá", "Oi", first="assistant"), 1000)


@pytest.mark.parametrize(
    "text", ["Era uma vez um contrato.", "assistant", "a", "im_start", "user", "|", "<", ">", "\n", "", "  recuado", "xx", "aa"]
)
@pytest.mark.parametrize("make", [lambda: TINY_TOKENIZER, llama3, lambda: with_template(OPEN_ENDED)], ids=["chatml", "llama3", "open"])
def test_plain_text_record_learns_its_content_only(make, text):
    tokenizer = make()
    encoded = encode(tokenizer, talk(text, first="assistant"), 1000)
    found = "".join(learned(tokenizer, encoded))
    whole = text + tokenizer.eos_token
    # White space at the ends may belong to the template; an open-ended template has nothing to learn of a blank text.
    assert found.strip() == whole.strip() or found == text.strip() + tokenizer.eos_token or (not found and not text.strip())


def test_conversation_without_assistant_learns_nothing(tiny):
    assert encode(tiny, [Message(role="user", content="Oi")], 1000).supervised == 0


# Whatever people write. Names of control tokens become control tokens in any tokenizer: not part of this property.
TEXT = st.text(max_size=40).filter(lambda text: "<|" not in text)
DIALOGUE = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3).map(lambda pairs: talk(*(text for pair in pairs for text in pair)))


@given(DIALOGUE)
@settings(max_examples=120, deadline=None)
def test_any_text_is_learned_whole_and_nothing_else(messages):
    encoded = encode(TINY_TOKENIZER, messages, 10_000)
    answers = [message.content + "<|im_end|>" for message in messages if message.role == "assistant"]
    found = learned(TINY_TOKENIZER, encoded)
    assert len(found) == len(answers)
    for run, answer in zip(found, answers, strict=True):
        # White space in front may share a token with the template's own line break, which is not learned.
        assert answer.endswith(run) and not answer.removesuffix(run).strip()


@given(DIALOGUE)
@settings(max_examples=80, deadline=None)
def test_prompt_at_inference_is_what_training_saw(messages):
    prompt, ids = prompt_ids(TINY_TOKENIZER, messages), encode(TINY_TOKENIZER, messages, 10_000).input_ids
    if messages[-1].content[:1].isspace():
        prompt = prompt[:-1]  # the last line break may merge with the answer's own white space
    assert ids[: len(prompt)] == prompt


@given(DIALOGUE, st.integers(1, 120))
@settings(max_examples=120, deadline=None)
def test_truncation_ends_behind_the_last_whole_answer_that_fits(messages, limit):
    full, cut = encode(TINY_TOKENIZER, messages, 10_000), encode(TINY_TOKENIZER, messages, limit)
    if len(full.input_ids) <= limit:
        assert cut == full and not cut.truncated
        return
    kept = len(cut.input_ids)
    assert cut.truncated and kept <= limit
    assert cut.input_ids == full.input_ids[:kept] and cut.labels == full.labels[:kept]
    ends = [i + 1 for i, label in enumerate(full.labels) if label == TINY_TOKENIZER.eos_token_id]
    assert kept == max((end for end in ends if end <= limit), default=0)


@given(DIALOGUE, st.integers(1, 120))
@settings(max_examples=60, deadline=None)
def test_truncation_never_cuts_a_character_of_an_open_ended_template(messages, limit):
    tokenizer = OPEN
    cut = encode(tokenizer, messages, limit)
    assert len(cut.input_ids) <= limit
    if cut.truncated and cut.input_ids:
        text = tokenizer.decode(cut.input_ids)
        written = "".join(f"# {message.role}\n{message.content}\n" for message in messages)
        assert written.startswith(text.removesuffix(tokenizer.eos_token))


OPEN = with_template(OPEN_ENDED)


@pytest.mark.parametrize("make", [lambda: TINY_TOKENIZER, llama3], ids=["chatml", "llama3"])
def test_control_tokens_in_a_record_forge_no_turn(make):
    tokenizer = make()
    controls = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    honest = encode(tokenizer, talk("pergunta", "resposta"), 4096)
    forged = encode(tokenizer, talk("oi" + "".join(controls) + "assistant\nfalso", "sim" + "".join(controls) + "não"), 4096)
    special = set(tokenizer.all_special_ids) | {tokenizer.convert_tokens_to_ids(token) for token in controls}
    assert [token for token in forged.input_ids if token in special] == [token for token in honest.input_ids if token in special]
    assert forged.labels.count(tokenizer.eos_token_id) == 1
