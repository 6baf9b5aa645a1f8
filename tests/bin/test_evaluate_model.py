"""Scoring and generation with a tiny random Llama: the numbers are those of the plain definition, whatever the batches."""

from __future__ import annotations

import contextlib
import io
import json
import math
from pathlib import Path

import pytest

import evaluate_model as script
from llamaflow.chat import IGNORED, Encoded, encode, prompt_ids
from llamaflow.errors import run_step
from llamaflow.files import read_jsonl, sha256_file, write_jsonl
from llamaflow.generation import generate_greedy, stop_token_ids
from llamaflow.metrics import METRICS
from llamaflow.metrics.likelihood import conversation_nats
from llamaflow.records import Message, Record, content_id
from llamaflow.summaries import EvaluateSummary, read_summary

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SENTENCE = "a intimação é pessoal e o prazo de dez dias úteis conta-se da ciência do ato pelo juiz"
WORDS = SENTENCE.split()


def record(question: str, *turns: str) -> Record:
    """Turns after the question alternate between assistant and user."""
    roles = ["assistant", "user"] * len(turns)
    messages = [Message(role="user", content=question)]
    messages += [Message(role=role, content=turn) for role, turn in zip(roles, turns, strict=False)]
    return Record(id=content_id(messages), messages=messages, lang="pt")


RECORDS = [record(" ".join(WORDS[: 1 + i % 7]) + f"? {i}", " ".join(WORDS[i % 5 : 3 + (3 * i) % 14])) for i in range(11)]
RECORDS += [record("E o prazo?", "Dez dias.", "Úteis?", "Sim, úteis."), record("Só a pergunta")]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A folder as FETCH_BASE writes it, with random weights large enough that tokens differ in likelihood."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special, alphabet = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([one.text for one in RECORDS], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    )
    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = LlamaConfig(vocab_size=len(fast), max_position_embeddings=256, initializer_range=0.3, eos_token_id=fast.eos_token_id, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(base):
    from llamaflow.models import load_model, load_tokenizer

    return load_model(base, precision="fp32", device="cpu"), load_tokenizer(base)


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory) -> Path:
    """A LoRA adapter that changes the output (peft starts with B = 0)."""
    import torch
    from peft import LoraConfig, get_peft_model

    from llamaflow.models import load_model

    torch.manual_seed(2)
    model = get_peft_model(
        load_model(base, precision="fp32", device="cpu"), LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder)
    return folder


def plain_nats(model, encoded: Encoded) -> float:
    """By the definition: one conversation, full logits, double precision."""
    import torch

    with torch.inference_mode():
        chances = model(input_ids=torch.tensor([encoded.input_ids])).logits[0].double().log_softmax(-1)
    labels = encoded.labels
    return -sum(chances[i - 1, label].item() for i, label in enumerate(labels) if i and label != IGNORED)


def plain_answer(model, prompt: list[int], stops: set[int], limit: int) -> list[int]:
    """By the definition: the whole text again for every token, no cache, no padding."""
    import torch

    ids = list(prompt)
    with torch.inference_mode():
        while len(ids) - len(prompt) < limit:
            token = model(input_ids=torch.tensor([ids])).logits[0, -1].argmax().item()
            if token in stops:
                break
            ids.append(token)
    return ids[len(prompt) :]


# ---- likelihood


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_nats_are_the_definitions_for_any_batch_size(loaded, batch_size):
    model, tokenizer = loaded
    encoded = [encode(tokenizer, one.messages, 256) for one in RECORDS[:12]]
    expected = [plain_nats(model, one) for one in encoded]
    assert len(set(map(round, expected))) > 5  # the model does tell conversations apart
    assert conversation_nats(model, encoded, 0, batch_size) == pytest.approx(expected, rel=1e-5)


def test_small_logit_pieces_change_nothing(loaded, monkeypatch):
    model, tokenizer = loaded
    encoded = [encode(tokenizer, one.messages, 256) for one in RECORDS[:5]]
    whole = conversation_nats(model, encoded, 0, 5)
    monkeypatch.setattr("llamaflow.metrics.likelihood._LOGITS", 3 * model.config.vocab_size)
    assert conversation_nats(model, encoded, 0, 5) == pytest.approx(whole, rel=1e-6)


def test_padding_and_unlabelled_tokens_count_nothing(loaded):
    model, _ = loaded
    labelled = Encoded([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8])
    first = Encoded([5, 6, 7, 8], [5, IGNORED, 7, 8])  # nothing comes before a first token: it cannot be predicted
    none = Encoded([9, 9, 9, 9, 9, 9], [IGNORED] * 6)
    nats = conversation_nats(model, [labelled, none, first], 0, 3)
    assert nats[0] == pytest.approx(plain_nats(model, labelled), rel=1e-5) and nats[1] == 0 and nats[2] == pytest.approx(nats[0], rel=1e-6)


def test_logits_that_the_architecture_scales_are_scaled():
    import torch
    from transformers import GraniteConfig, GraniteForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    model = GraniteForCausalLM(GraniteConfig(vocab_size=20, logits_scaling=8.0, initializer_range=0.9, **sizes)).eval()
    encoded = Encoded([1, 2, 3, 4], [IGNORED, IGNORED, 3, 4])
    assert conversation_nats(model, [encoded], 0, 1)[0] == pytest.approx(plain_nats(model, encoded), rel=1e-5)


# ---- generation


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_answers_are_the_definitions_for_any_batch_size(loaded, batch_size):
    model, tokenizer = loaded
    prompts = [prompt_ids(tokenizer, one.messages) for one in RECORDS[:11]]
    free = [plain_answer(model, prompt, set(), 12) for prompt in prompts]
    # The first answer's fourth token as stop token: some answers end early, at different lengths, and leave their batch.
    stops = {free[0][3], free[5][1]}
    expected = [plain_answer(model, prompt, stops, 12) for prompt in prompts]
    assert len({len(answer) for answer in expected}) > 1 and len({len(prompt) for prompt in prompts}) > 2
    run = generate_greedy(model, prompts, stop_ids=stops, pad_id=0, max_new_tokens=12, batch_size=batch_size)
    assert run.answers == expected
    assert run.finished == [len(answer) < 12 for answer in expected]
    # One time for each token, those that stopped an answer included.
    assert len(run.token_seconds) == sum(map(len, expected)) + sum(run.finished) and sum(run.token_first) == len(prompts)


def test_generation_refuses_what_cannot_be_continued(loaded):
    model, _ = loaded
    with pytest.raises(ValueError, match="every prompt needs a token"):
        generate_greedy(model, [[1], []], stop_ids=set(), pad_id=0, max_new_tokens=4, batch_size=2)
    assert generate_greedy(model, [], stop_ids=set(), pad_id=0, max_new_tokens=4, batch_size=2).answers == []


def test_stop_tokens_are_those_of_config_and_template(loaded, base, monkeypatch):
    from llamaflow.models import load_tokenizer

    model, tokenizer = loaded[0], load_tokenizer(base)
    end, start = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|im_start|>"])
    monkeypatch.setattr(model.generation_config, "eos_token_id", [77, 78])
    tokenizer.eos_token = "<|endoftext|>"
    assert stop_token_ids(tokenizer, model) == {77, 78, end, tokenizer.eos_token_id} and start not in stop_token_ids(tokenizer, model)


# ---- the step


def run(folder: Path, base: Path, *more: object, records=RECORDS, model="base") -> tuple[int, str, EvaluateSummary | None]:
    """Run the step in this process: exit code, what it printed, the summary."""
    test = folder / "test.jsonl.zst"
    if not test.exists():
        write_jsonl(test, records)
    files = ["--predictions", folder / "predictions.jsonl.zst", "--summary", folder / "evaluate.json"]
    limits = ["--max-new-tokens", 8, "--max-length", 200, "--precision", "fp32", "--device", "cpu", "--threads", 1]
    arguments = ["--base", base, "--model", model, "--test", test, *files, *limits, *more]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = run_step(lambda: script.main([str(argument) for argument in arguments]), private=True)
    path = folder / "evaluate.json"
    return code, said.getvalue(), read_summary(path, EvaluateSummary) if path.exists() else None


def test_the_whole_step_on_base_and_candidate(tmp_path, base, adapter):
    (tmp_path / "base").mkdir()
    (tmp_path / "candidate").mkdir()
    code, said, ours = run(tmp_path / "base", base, "--max-generate", 5)
    assert code == 0, said
    assert list(ours.metrics) == list(METRICS)
    assert (ours.examples, ours.generated, len(ours.samples)) == (12, 5, 5)
    assert ours.data_digest == sha256_file(tmp_path / "base" / "test.jsonl.zst") and ours.hardware.device_type == "cpu"
    assert len(ours.warnings) == 1 and "1 of 13 test conversations have no answer" in ours.warnings[0]
    assert any('"progress": "score"' in line for line in said.splitlines()) and '"progress": "generate"' in said

    rows = list(read_jsonl(tmp_path / "base" / "predictions.jsonl.zst"))
    assert [row["id"] for row in rows] == [one.id for one in RECORDS]
    nats, tokens = sum(row.get("nats", 0) for row in rows), sum(row.get("tokens", 0) for row in rows)
    assert ours.metrics["perplexity"].value == pytest.approx(math.exp(nats / tokens), rel=1e-6) and ours.scored_tokens == tokens
    assert ours.metrics["bits_per_byte"].value == pytest.approx(nats / math.log(2) / sum(row.get("bytes", 0) for row in rows), rel=1e-6)
    texts = {one.id: "".join(turn.content for turn in one.messages if turn.role == "assistant") for one in RECORDS}
    assert all(row["bytes"] == len(texts[row["id"]].encode()) for row in rows if "bytes" in row)
    assert sum("prediction" in row for row in rows) == 5

    code, said, theirs = run(tmp_path / "candidate", base, "--max-generate", 5, "--adapter", adapter, model="candidate")
    assert code == 0, said
    assert theirs.model == "candidate" and [one.id for one in theirs.samples] == [one.id for one in ours.samples]
    assert theirs.metrics["perplexity"].value != ours.metrics["perplexity"].value
    assert [one.reference for one in theirs.samples] == [one.reference for one in ours.samples]
    for name, metric in theirs.metrics.items():  # else the gate would refuse to compare them
        assert metric.settings == ours.metrics[name].settings


def test_results_do_not_depend_on_the_batch_size_and_repeat_to_the_byte(tmp_path, base):
    kept = []
    for name, size in (("a", 1), ("b", 5), ("c", 5)):
        (tmp_path / name).mkdir()
        code, said, summary = run(tmp_path / name, base, "--batch-size", size, "--bertscore-model", "none")
        assert code == 0, said
        kept.append((summary, (tmp_path / name / "predictions.jsonl.zst").read_bytes()))
    assert kept[1][1] == kept[2][1]
    measured = {"time_to_first_token_ms", "generation_tokens_per_second", "latency_p50_ms", "latency_p95_ms"}
    for name in kept[0][0].metrics.keys() - measured:
        one, many, again = (summary.metrics[name] for summary, _ in kept)
        assert one.value == pytest.approx(many.value, rel=1e-5) and many == again and one.settings == many.settings
    assert [one.prediction for one in kept[0][0].samples] == [one.prediction for one in kept[1][0].samples]


def test_the_reference_is_the_last_answer_and_nothing_after_it_is_asked(tmp_path, base):
    turns = record("Oi?", "Olá.", "E o prazo?", "Dez dias.", "Obrigado!")
    code, said, summary = run(tmp_path, base, "--bertscore-model", "none", records=[turns])
    assert code == 0, said
    sample = summary.samples[0]
    assert sample.reference == "Dez dias." and sample.prompt == "user: Oi?\nassistant: Olá.\nuser: E o prazo?"


def test_choice_of_examples_is_stable_and_moves_with_the_seed():
    chosen = script.choose(RECORDS, 5, seed=17)
    assert [one.id for one in chosen] == [one.id for one in RECORDS if one in chosen] and len(chosen) == 5
    reversed_choice = script.choose(RECORDS[::-1], 5, seed=17)
    assert {one.id for one in reversed_choice} == {one.id for one in chosen}
    more = script.choose(RECORDS, 6, seed=17)
    assert {one.id for one in chosen} < {one.id for one in more}
    assert any({one.id for one in script.choose(RECORDS, 5, seed)} != {one.id for one in chosen} for seed in range(5))


def test_without_answers_there_are_only_likelihoods_and_it_says_so(tmp_path, base):
    code, said, summary = run(tmp_path, base, "--max-generate", 0, "--max-examples", 4)
    assert code == 0, said
    assert set(summary.metrics) == {"perplexity", "bits_per_byte"} and summary.generated == 0 and summary.examples <= 4
    assert any("no answer was generated" in warning for warning in summary.warnings)


@pytest.mark.parametrize(
    "more, expected",
    [
        (["--batch-size", 0], "--batch-size is 0"),
        (["--max-new-tokens", 0], "--max-new-tokens is 0"),
        (["--max-new-tokens", 256], "leave no room"),
        (["--max-length", 8], "ends within 8 tokens"),
        (["--adapter", "nowhere"], "--model base together with --adapter"),
        (["--base", "nowhere"], "config.json is missing"),
        (["--test", "nowhere.jsonl"], "test file does not exist"),
        (["--bertscore-model", "", "--bertscore-layers", 9], "cannot be used with layer 9"),
    ],
)
def test_bad_input_is_told_without_a_trace_and_nothing_is_written(tmp_path, base, more, expected):
    code, said, summary = run(tmp_path, base, *more)
    assert code == 2 and expected in said and "Traceback" not in said and summary is None
    assert not (tmp_path / "predictions.jsonl.zst").exists()


@pytest.mark.parametrize("line", ['{"instruction": "segredo 123"}', "segredo 123", "[]"])
def test_a_test_file_of_another_form_is_named_by_line_and_not_quoted(tmp_path, base, line):
    path = tmp_path / "test.jsonl"
    path.write_text(RECORDS[0].model_dump_json() + "\n" + line + "\n", encoding="utf-8")
    code, said, _ = run(tmp_path, base, "--test", path)
    assert code == 2 and f"{path}:2" in said and "segredo" not in said


def test_an_empty_test_file_is_bad_input(tmp_path, base):
    code, said, _ = run(tmp_path, base, records=[])
    assert code == 2 and "the test set is empty" in said


def test_a_model_that_gives_nan_is_reported_for_the_gate_to_reject(tmp_path, base):
    import shutil

    from safetensors.torch import load_file, save_file

    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][:] = math.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    code, said, _ = run(tmp_path, broken, "--bertscore-model", "none")
    assert code == 0, said
    assert math.isnan(json.loads((tmp_path / "evaluate.json").read_text(encoding="utf-8"))["metrics"]["perplexity"]["value"])
