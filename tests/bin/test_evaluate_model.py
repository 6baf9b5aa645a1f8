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
from llamaflow.evaluation.examples import read_examples
from llamaflow.evaluation.questions import choose, spread
from llamaflow.evaluation.suite_files import load_suite
from llamaflow.files import sha256_file, write_jsonl
from llamaflow.gate_metrics import SPEED_METRICS
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
    monkeypatch.setattr("llamaflow.inference.forward.LOGITS", 3 * model.config.vocab_size)
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
    files = ["--examples", folder / "examples.parquet", "--summary", folder / "evaluate.json"]
    limits = ["--max-new-tokens", 8, "--max-length", 200, "--precision", "fp32", "--device", "cpu", "--threads", 1]
    arguments = ["--base", base, "--model", model, "--test", test, *files, *limits, *more]
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
        code = run_step(lambda: script.main([str(argument) for argument in arguments]), private=True)
    path = folder / "evaluate.json"
    return code, said.getvalue(), read_summary(path, EvaluateSummary) if path.exists() else None


def rows_of(folder: Path, suite: str = "test") -> list[dict]:
    return [row for row in read_examples(folder / "examples.parquet").to_pylist() if row["suite"] == suite]


def test_the_whole_step_on_base_and_candidate(tmp_path, base, adapter):
    (tmp_path / "base").mkdir()
    (tmp_path / "candidate").mkdir()
    code, said, ours = run(tmp_path / "base", base, "--max-generate", 5)
    assert code == 0, said
    assert list(ours.metrics) == [name for name in METRICS if name in ours.metrics] and {"perplexity", "chrf"} < set(ours.metrics)
    assert (ours.examples, ours.generated, len(ours.samples)) == (12, 5, 5)
    assert ours.data_digest == sha256_file(tmp_path / "base" / "test.jsonl.zst") and ours.hardware.device_type == "cpu"
    assert len(ours.warnings) == 1 and "1 of 13 test conversations have no answer" in ours.warnings[0]
    assert any('"progress": "score"' in line for line in said.splitlines()) and '"progress": "generate"' in said

    rows = rows_of(tmp_path / "base")
    assert [row["id"] for row in rows] == [one.id for one in RECORDS]
    nats, tokens = sum(row["nats"] or 0 for row in rows), sum(row["tokens"] or 0 for row in rows)
    assert ours.metrics["perplexity"].value == pytest.approx(math.exp(nats / tokens), rel=1e-6) and ours.scored_tokens == tokens
    assert ours.metrics["bits_per_byte"].value == pytest.approx(nats / math.log(2) / sum(row["bytes"] or 0 for row in rows), rel=1e-6)
    texts = {one.id: "".join(turn.content for turn in one.messages if turn.role == "assistant") for one in RECORDS}
    assert all(row["bytes"] == len(texts[row["id"]].encode()) for row in rows if row["bytes"] is not None)
    assert sum(row["prediction"] is not None for row in rows) == 5

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
        kept.append((summary, (tmp_path / name / "examples.parquet").read_bytes()))
    assert kept[1][1] == kept[2][1]
    for name in kept[0][0].metrics.keys() - set(SPEED_METRICS):
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
    chosen = choose(RECORDS, 5, seed=17)
    assert [one.id for one in chosen] == [one.id for one in RECORDS if one in chosen] and len(chosen) == 5
    reversed_choice = choose(RECORDS[::-1], 5, seed=17)
    assert {one.id for one in reversed_choice} == {one.id for one in chosen}
    more = choose(RECORDS, 6, seed=17)
    assert {one.id for one in chosen} < {one.id for one in more}
    assert any({one.id for one in choose(RECORDS, 5, seed)} != {one.id for one in chosen} for seed in range(5))


def test_without_answers_there_are_only_likelihoods_and_it_says_so(tmp_path, base):
    code, said, summary = run(tmp_path, base, "--max-generate", 0, "--max-examples", 4)
    assert code == 0, said
    assert (
        set(summary.metrics) == {"perplexity", "bits_per_byte", "prompt_gain", "peak_memory_gib"}
        and summary.generated == 0
        and summary.examples <= 4
    )
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
    assert not (tmp_path / "examples.parquet").exists()


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


# ---- suites, leak test, cache


@pytest.fixture(scope="module")
def everything(base, adapter, tmp_path_factory) -> dict[str, tuple[Path, EvaluateSummary]]:
    """Base and candidate on test set, all suites and the leak test."""
    folder = tmp_path_factory.mktemp("all")
    own = [
        {"id": "q1", "messages": [{"role": "user", "content": "E o prazo?"}], "lang": "pt", "reference": "Sim, úteis."},
        {
            "id": "q2",
            "messages": [{"role": "user", "content": "Diga algo."}],
            "lang": "pt",
            "checks": [{"kind": "words_at_most", "value": 500}],
        },
        {"id": "q3", "messages": [{"role": "user", "content": "Dois?"}], "lang": "pt", "choices": ["2", "dois mil"], "answer": 0},
    ]
    write_jsonl(folder / "own.jsonl", own)
    write_jsonl(
        folder / "train.jsonl",
        [record(f"Pergunta longa número {n}, com detalhes?", f"Resposta {n} do protocolo 48{n:04}-7.") for n in range(12)],
    )
    more = [
        "--suites",
        "edge,general,adversarial",
        "--suite-files",
        folder / "own.jsonl",
        "--max-suite-examples",
        12,
        "--max-adversarial",
        9,
    ]
    more += ["--train", folder / "train.jsonl", "--bertscore-model", "none", "--cache", folder / "cache"]
    found = {}
    for name, extra in (("base", []), ("candidate", ["--adapter", adapter])):
        (folder / name).mkdir()
        code, said, summary = run(folder / name, base, *more, *extra, model=name)
        assert code == 0, said
        found[name] = (folder / name, summary)
    found["again"] = (folder, more)
    return found


def test_every_suite_has_its_numbers_rows_and_samples(everything):
    folder, summary = everything["base"]
    assert set(summary.suites) == {"edge", "adversarial", "general", "own", "leak"}
    assert {name: suite.kind for name, suite in summary.suites.items()}["own"] == "user"
    for name in ("edge", "general", "own"):
        suite, rows = summary.suites[name], rows_of(folder, name)
        decided = [row["correct"] for row in rows if row["correct"] is not None]
        assert suite.metrics["accuracy"].value == pytest.approx(sum(decided) / len(decided))
        assert len(rows) == suite.examples and len(suite.digest) == 64
    assert summary.suites["own"].examples == 3 and summary.suites["general"].examples == 12
    assert {row["kind"] for row in rows_of(folder, "own")} == {"reference", "check", "choice"}


def test_perturbed_answers_are_measured_against_their_clean_ones(everything):
    folder, summary = everything["candidate"]
    clean = {row["id"]: row["rougeL"] for row in rows_of(folder)}
    rows = [row for row in rows_of(folder, "adversarial") if row["reference"] is not None and row["kind"] == "reference"]
    assert rows and all(row["clean_loss"] == pytest.approx(clean[row["cluster"]] - row["rougeL"]) for row in rows)
    mean = sum(row["clean_loss"] for row in rows) / len(rows)
    assert summary.suites["adversarial"].metrics["robustness_loss"].value == pytest.approx(mean)


def test_what_is_compared_was_asked_alike(everything):
    (_, ours), (_, theirs) = everything["base"], everything["candidate"]
    for name, suite in ours.suites.items():
        assert theirs.suites[name].digest == suite.digest
        # The candidate's leak test knows what the base model says without having learnt it.
        for metric, value in suite.metrics.items() if name != "leak" else ():
            assert theirs.suites[name].metrics[metric].settings == value.settings


def test_gain_from_the_prompt_is_what_the_definition_says(everything, loaded):
    import torch

    from llamaflow.evaluation.questions import test_questions as questions
    from llamaflow.evaluation.relevance import partners

    model, tokenizer = loaded
    items = {item.id: item for item in questions(RECORDS)}
    other = partners(list(items.values()), 17)

    def nats(prompt: list[int], answer: list[int]) -> float:
        with torch.inference_mode():
            chances = model(input_ids=torch.tensor([prompt + answer])).logits[0].double().log_softmax(-1)
        return -sum(chances[len(prompt) + place - 1, token].item() for place, token in enumerate(answer))

    rows = {row["id"]: row["prompt_gain"] for row in rows_of(everything["base"][0]) if row["prompt_gain"] is not None}
    assert set(rows) == set(items) and all(other[name] != name for name in rows)
    for name in list(rows)[:5]:
        text = f"{items[name].reference}<|im_end|>"
        answer = tokenizer(text, add_special_tokens=False)["input_ids"]
        own, foreign = (prompt_ids(tokenizer, items[one].messages) for one in (name, other[name]))
        assert rows[name] == pytest.approx((nats(foreign, answer) - nats(own, answer)) / len(answer) / math.log(2), rel=1e-4, abs=1e-5)


def test_the_same_scores_are_not_taken_twice(everything, base, adapter, tmp_path):
    folder, more = everything["again"]
    write_jsonl(tmp_path / "test.jsonl.zst", RECORDS)
    code, said, summary = run(tmp_path, base, *more)
    assert code == 0 and summary.cached and "earlier run" in said
    assert summary.metrics == everything["base"][1].metrics
    assert (tmp_path / "examples.parquet").read_bytes() == (everything["base"][0] / "examples.parquet").read_bytes()
    code, said, summary = run(tmp_path, base, *more, "--max-new-tokens", 7)
    assert code == 0 and not summary.cached
    for entry in (folder / "cache").iterdir():
        (entry / "evaluate.json").write_text("{")
    code, said, summary = run(tmp_path, base, *more, "--max-new-tokens", 7)
    assert code == 0 and not summary.cached
    code, said, summary = run(tmp_path, base, *more, "--max-new-tokens", 7)
    assert code == 0 and summary.cached


def test_a_suite_that_was_trained_on_stops_with_its_ids(tmp_path, base):
    asked = "Como faço para pedir a segunda via da fatura pelo aplicativo da empresa?"
    write_jsonl(tmp_path / "train.jsonl", [record(asked, "Abra o menu.")])
    write_jsonl(
        tmp_path / "own.jsonl", [{"id": "fatura-7", "messages": [{"role": "user", "content": asked}], "lang": "pt", "reference": "Menu."}]
    )
    code, said, summary = run(tmp_path, base, "--train", tmp_path / "train.jsonl", "--suite-files", tmp_path / "own.jsonl")
    assert code == 2 and "fatura-7" in said and summary is None


def test_few_items_of_a_suite_are_spread_over_its_categories():
    suite = load_suite(Path(__file__).parents[2] / "conf/suites/general.jsonl", kind="general")
    few = spread(suite, 24, 17)
    assert len(few.items) == 24 and spread(suite, 24, 17) == few and spread(suite, 0, 17) == suite
    assert len({item.category for item in few.items}) >= min(12, len({item.category for item in suite.items}))
    assert abs(sum(item.lang == "pt" for item in few.items) - 12) <= 6
