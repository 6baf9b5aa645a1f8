"""EXPORT: the maths of merging, files that other programs read, and a proof that cannot be passed by a wrong model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import export as script
from llamaflow.errors import BadInputError, LlamaFlowError, run_step
from llamaflow.export import gguf_file, gguf_tokenizer
from llamaflow.export.gguf_file import load_gguf, write_gguf
from llamaflow.export.merge import LowRank, merge, read_adapter
from llamaflow.export.parity import TEXTS, compare, logits, probes, require_parity
from llamaflow.files import sha256_file, sha256_folder, write_json
from llamaflow.hardware import describe_hardware
from llamaflow.models import load_model, load_tokenizer
from llamaflow.recipe import Recipe
from llamaflow.summaries import ExportSummary, FinetuneSummary, read_summary
from llamaflow.training.adapter import attach, save

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
ALL = "merged,gguf-bf16,gguf-f16,gguf-q8_0"
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,
}  # fmt: skip


def base_model(folder: Path, kind: str = "Llama", save_options: dict | None = None, **changes) -> Path:
    """A two-layer model whose weights are so large that each of its parts shows in the logits, with the tiny tokenizer."""
    import torch
    import transformers

    values = {
        "vocab_size": 1024, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "max_position_embeddings": 2048, "initializer_range": 0.2, "tie_word_embeddings": False,
        "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    torch.manual_seed(5)
    model = getattr(transformers, f"{kind}ForCausalLM")(getattr(transformers, f"{kind}Config")(**(values | changes)))
    for name, parameter in model.named_parameters():  # transformers starts biases at 0 and norms at 1
        if parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
        assert name
    model.to(torch.bfloat16).save_pretrained(folder, **(save_options or {}))
    load_tokenizer(TINY).save_pretrained(folder)
    return folder


def trained(base: Path, folder: Path, **values) -> Path:
    """An adapter as training would leave it (B and magnitudes have moved), and finetune.json beside it."""
    import torch

    recipe = Recipe(**{"lora_rank": 4, "lora_alpha": 8, **values})
    torch.manual_seed(3)
    model = attach(load_model(base, precision="bf16", device="cpu"), recipe, "tiny")
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "embedding_A" in name or "embedding_B" in name:
            parameter.data.normal_(0, 0.05)
        if "magnitude" in name:
            parameter.data *= 1 + 0.1 * torch.randn_like(parameter)
    digest = save(model, folder / "adapter")
    write_json(folder / "finetune.json", FinetuneSummary(
        method=recipe.method, recipe=recipe.model_dump(), seed=3, base="tiny", base_digest=sha256_folder(base), data_digest="",
        adapter_digest=digest, trainable_parameters=1, total_parameters=1, examples=1, examples_truncated=0, examples_dropped=0, steps=1,
        best_step=1, epochs=1, tokens_seen=1, supervised_tokens=1, tokens_per_second=1, packing_efficiency=1, train_loss=1,
        validation_loss_start=1, validation_loss=1, precision="bfloat16", peak_memory_bytes=1, stopped="epochs", curve=[],
        hardware=describe_hardware("cpu"), versions={},
    ))  # fmt: skip
    return folder


def command(base: Path, folder: Path, formats: str = ALL) -> list[str]:
    return [
        "--base", str(base), "--adapter", str(folder / "adapter"), "--finetune-summary", str(folder / "finetune.json"),
        "--formats", formats,
        "--output", str(folder / "exported"), "--summary", str(folder / "export.json"), "--device", "cpu", "--threads", "1",
    ]  # fmt: skip


def tensors(folder: Path) -> dict:
    from safetensors.torch import load_file

    return {name: value for path in folder.glob("*.safetensors") for name, value in load_file(path).items()}


def answers(model, base: Path, context: int = 2048) -> list:
    return logits(model, probes(load_tokenizer(base), context))


@pytest.fixture(scope="module")
def llama(tmp_path_factory) -> Path:
    return base_model(tmp_path_factory.mktemp("base") / "llama")


@pytest.fixture(scope="module")
def lora(llama, tmp_path_factory) -> Path:
    return trained(llama, tmp_path_factory.mktemp("lora"))


# Merging


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_merged_weights_are_what_the_papers_say_rounded_once(llama, tmp_path, method):
    import torch

    folder = trained(llama, tmp_path, method=method, target_modules=["q_proj", "down_proj"])
    merge(llama, folder / "adapter", tmp_path / "merged")
    before, after, adapter = tensors(llama), tensors(tmp_path / "merged"), tensors(folder / "adapter")
    assert set(before) == set(after)
    scale = 8 / 4**0.5 if method == "rslora" else 8 / 4
    for name, weight in before.items():
        prefix = f"base_model.model.{name.removesuffix('.weight')}"
        if f"{prefix}.lora_A.weight" not in adapter:
            assert torch.equal(after[name], weight)
            continue
        wanted = weight.float() + scale * (adapter[f"{prefix}.lora_B.weight"].float() @ adapter[f"{prefix}.lora_A.weight"].float())
        if method == "dora":
            wanted = adapter[f"{prefix}.lora_magnitude_vector"].float()[:, None] * wanted / wanted.pow(2).sum(1, keepdim=True).sqrt()
        assert after[name].dtype == weight.dtype == torch.bfloat16 and not torch.equal(after[name], weight)
        torch.testing.assert_close(after[name].float(), wanted, rtol=2**-8, atol=0)  # half a unit in the last place, of 8 bits
    assert {path.name for path in (tmp_path / "merged").iterdir()} == {path.name for path in llama.iterdir()}


def test_one_rounding_is_nearer_to_the_truth_than_pefts_two(llama, lora, tmp_path):
    from peft import PeftModel

    merge(llama, lora / "adapter", tmp_path / "merged")
    ours, before, adapter = tensors(tmp_path / "merged"), tensors(llama), read_adapter(lora / "adapter")
    peft = PeftModel.from_pretrained(load_model(llama, precision="bf16", device="cpu"), lora / "adapter", autocast_adapter_dtype=False)
    theirs = peft.merge_and_unload().state_dict()
    far, near = 0.0, 0.0
    for module, matrices in adapter.items():
        name = f"{module}.weight"
        truth = before[name].double() + 2 * (matrices.b.double() @ matrices.a.double())
        near += (ours[name].double() - truth).abs().sum().item()
        far += (theirs[name].double() - truth).abs().sum().item()
    assert near < far


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.floats(0.1, 64), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_merging_one_matrix_is_exact_in_fp32_for_any_shape(rows, columns, rank, alpha, rslora, dora, seed):
    import torch

    draw = torch.Generator().manual_seed(seed)
    weight, b, a = (torch.randn(size, generator=draw) for size in ((rows, columns), (rows, rank), (rank, columns)))
    magnitude = torch.rand(rows, generator=draw) + 0.1 if dora else None
    found = LowRank(a=a, b=b, magnitude=magnitude, rslora=rslora, alpha=alpha).merged(weight)
    wanted = weight.double() + alpha / (rank**0.5 if rslora else rank) * (b.double() @ a.double())
    if dora:
        torch.testing.assert_close(found.norm(dim=1), magnitude)  # a row of the result has just the learned length
        wanted = magnitude[:, None] * wanted / wanted.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, wanted.float(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("modules", [["lm_head"], ["embed_tokens"], ["embed_tokens", "lm_head", "v_proj"]])
def test_shared_embeddings_part_when_the_adapter_changes_one_of_them(tmp_path, modules):
    base = base_model(tmp_path / "base", tie_word_embeddings=True, save_options={"max_shard_size": "100KB"})
    folder = trained(base, tmp_path, target_modules=modules)
    assert run_step(lambda: script.main(command(base, folder, "merged,gguf-bf16"))) == 0
    assert json.loads((folder / "exported" / "merged" / "config.json").read_text())["tie_word_embeddings"] is False
    summary = read_summary(folder / "export.json", ExportSummary)
    assert all(model.parity.relative_difference < 0.01 for model in summary.models)


def test_a_base_in_several_files_stays_in_several_files(tmp_path):
    base = base_model(tmp_path / "base", save_options={"max_shard_size": "100KB"})
    folder = trained(base, tmp_path)
    script.main(command(base, folder, "merged"))
    merged = folder / "exported" / "merged"
    assert len(list(merged.glob("model-*.safetensors"))) > 2
    assert {path.name for path in merged.iterdir()} == {path.name for path in base.iterdir()}


def test_a_qlora_adapter_is_merged_into_the_weights_that_it_was_trained_on(llama, tmp_path):
    """Every linear layer comes out as NF4 left it, also those without an adapter."""
    import torch
    from bitsandbytes.functional import dequantize_4bit

    folder = trained(llama, tmp_path, quantization="nf4", target_modules=["q_proj"])
    script.main(command(llama, folder, "merged,gguf-bf16"))
    summary = read_summary(folder / "export.json", ExportSummary)
    assert summary.quantization == "nf4" and summary.precision == "bf16"
    assert all(model.parity.divergence < 0.01 for model in summary.models)
    merged, plain, adapter = tensors(folder / "exported" / "merged"), tensors(llama), tensors(folder / "adapter")
    loaded = load_model(llama, precision="bf16", device="cpu", quantization="nf4")
    for name, module in loaded.named_modules():
        if not hasattr(getattr(module, "weight", None), "quant_state"):
            continue
        wanted = dequantize_4bit(module.weight.data, module.weight.quant_state)
        if "q_proj" in name:
            b, a = (adapter[f"base_model.model.{name}.lora_{letter}.weight"].float() for letter in "BA")
            wanted = (wanted.float() + 2 * (b @ a)).to(torch.bfloat16)
        assert torch.equal(merged[f"{name}.weight"], wanted) and not torch.equal(wanted, plain[f"{name}.weight"])
    assert torch.equal(merged["model.embed_tokens.weight"], plain["model.embed_tokens.weight"])
    config = json.loads((folder / "exported" / "merged" / "config.json").read_text())
    assert "quantization_config" not in config and config["dtype"] == "bfloat16"


def test_adapters_that_do_not_fit_are_bad_input(llama, lora, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    small = base_model(tmp_path / "small", num_hidden_layers=1)
    with pytest.raises(BadInputError, match="no module model.layers.1"):
        merge(small, lora / "adapter", tmp_path / "out")
    shutil.copytree(lora / "adapter", tmp_path / "more")
    path = tmp_path / "more" / "adapter_model.safetensors"
    content = load_file(path)
    save_file(content | {"base_model.model.lm_head.weight": next(iter(content.values())).clone()}, path)
    with pytest.raises(BadInputError, match="more than LoRA"):
        merge(llama, tmp_path / "more", tmp_path / "other")


# The step


def test_every_format_comes_out_and_tells_how_near_it_is(llama, lora):
    import torch

    script.main(command(llama, lora))
    summary = read_summary(lora / "export.json", ExportSummary)
    assert [model.format for model in summary.models] == ALL.split(",") and summary.precision == "fp32"
    assert sorted(path.name for path in (lora / "exported").iterdir()) == ["merged", "model-bf16.gguf", "model-f16.gguf", "model-q8_0.gguf"]
    assert not list(lora.glob(".*"))
    by_format = {model.format: model for model in summary.models}
    for model in summary.models:
        path = lora / "exported" / model.path
        assert model.sha256 == (sha256_folder(path) if path.is_dir() else sha256_file(path))
        assert model.parity.relative_difference > 0 and model.parity.same_choice > 0.9 and model.parity.divergence < 0.01
    assert by_format["gguf-bf16"].parity == by_format["merged"].parity  # bf16 to bf16 loses nothing
    assert by_format["gguf-q8_0"].parity.relative_difference > by_format["gguf-f16"].parity.relative_difference
    assert by_format["gguf-q8_0"].bytes < 0.7 * by_format["gguf-f16"].bytes
    plain = load_model(llama, precision="fp32", device="cpu")
    adapted = load_model(llama, lora / "adapter", precision="fp32", device="cpu")
    merged = load_model(lora / "exported" / "merged", precision="fp32", device="cpu")
    assert compare(answers(adapted, llama), answers(merged, llama)) == by_format["merged"].parity
    assert compare(answers(adapted, llama), answers(plain, llama)) == summary.effect and not summary.warnings
    assert summary.effect.divergence > 10 * by_format["merged"].parity.divergence
    assert torch.equal(answers(load_gguf(lora / "exported" / "model-bf16.gguf", torch.float32, "cpu"), llama)[0], answers(merged, llama)[0])


def test_same_input_same_bytes_and_only_what_was_asked_for(llama, lora, tmp_path):
    for name in ("one", "two"):
        arguments = command(llama, lora, "gguf-q8_0")
        arguments[arguments.index("--output") + 1] = str(tmp_path / name)
        script.main(arguments)
        assert [path.name for path in (tmp_path / name).iterdir()] == ["model-q8_0.gguf"]
    assert (tmp_path / "one" / "model-q8_0.gguf").read_bytes() == (tmp_path / "two" / "model-q8_0.gguf").read_bytes()


def test_a_model_that_answers_otherwise_is_not_exported(llama, lora, tmp_path, monkeypatch):
    """Rows of q and k left in transformers' order: the file loads and is wrong."""
    monkeypatch.setattr(gguf_file, "_interleaved", lambda weight, heads: weight)
    arguments = command(llama, lora, "merged,gguf-f16")
    arguments[arguments.index("--output") + 1] = str(tmp_path / "exported")
    with pytest.raises(LlamaFlowError, match="does not answer like base and adapter"):
        script.main(arguments)
    assert not list(tmp_path.iterdir())


def test_a_wrong_scaling_of_long_contexts_shows(tmp_path, monkeypatch):
    base = base_model(tmp_path / "base", rope_parameters=LLAMA3)
    folder = trained(base, tmp_path)
    monkeypatch.setattr(gguf_file, "rotary_factors", lambda config: None)
    with pytest.raises(LlamaFlowError, match="does not answer"):
        script.main(command(base, folder, "gguf-bf16"))
    monkeypatch.undo()
    script.main(command(base, folder, "gguf-bf16"))


def test_an_adapter_that_rounding_swallows_is_told(llama, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = trained(llama, tmp_path)
    path = folder / "adapter" / "adapter_model.safetensors"
    save_file({name: value * 0.003 if "lora_B" in name else value for name, value in load_file(path).items()}, path)
    summary = read_summary(folder / "finetune.json", FinetuneSummary)
    write_json(folder / "finetune.json", summary.model_copy(update={"adapter_digest": sha256_file(path)}))
    script.main(command(llama, folder, "merged,gguf-q8_0"))
    warnings = read_summary(folder / "export.json", ExportSummary).warnings
    assert len(warnings) == 2 and "rounding moves the answers" in warnings[1]


def test_logits_that_are_no_numbers_never_pass():
    import torch

    good = [torch.randn(4, 9)]
    require_parity(compare(good, good), "merged", "fp32", Path("x"))
    with pytest.raises(LlamaFlowError):
        require_parity(compare(good, [good[0] * float("nan")]), "merged", "fp32", Path("x"))


@pytest.mark.parametrize("spoiled", ["format", "adapter", "base", "output", "missing"])
def test_what_cannot_work_is_refused_before_anything_is_written(llama, lora, tmp_path, spoiled, capsys):
    folder = trained(llama, tmp_path)
    arguments = command(llama, folder, "merged,onnx" if spoiled == "format" else "merged")
    if spoiled == "adapter":
        (folder / "adapter" / "adapter_model.safetensors").write_bytes((lora / "adapter" / "adapter_model.safetensors").read_bytes()[:-1])
    if spoiled == "base":
        arguments[arguments.index("--base") + 1] = str(TINY)
    if spoiled == "output":
        (folder / "exported").mkdir()
    if spoiled == "missing":
        (folder / "adapter" / "adapter_model.safetensors").unlink()
    assert run_step(lambda: script.main(arguments)) == 2
    assert "fix:" in capsys.readouterr().err and not (folder / "export.json").exists() and not list(folder.glob(".*"))


# GGUF


@pytest.mark.parametrize(
    "kind, changes",
    [
        ("Llama", {"tie_word_embeddings": True}),
        ("Llama", {"rope_parameters": LLAMA3, "num_key_value_heads": 4}),
        ("Llama", {"head_dim": 32}),
        ("Mistral", {"sliding_window": None}),
        ("Qwen2", {"num_attention_heads": 8, "num_key_value_heads": 1}),
    ],
)
def test_bf16_gguf_is_the_same_model_to_the_last_bit(tmp_path, kind, changes):
    import torch

    base = base_model(tmp_path / "base", kind, **changes)
    write_gguf(base, tmp_path / "model.gguf", "gguf-bf16", "tiny")
    loaded = load_gguf(tmp_path / "model.gguf", torch.float32, "cpu")
    for one, other in zip(answers(load_model(base, precision="fp32", device="cpu"), base), answers(loaded, base), strict=True):
        if changes.get("rope_parameters"):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)  # the factors divide again what was divided
        else:
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    "kind, changes, reason",
    [
        ("Qwen3", {"head_dim": 16}, "architecture is Qwen3ForCausalLM"),
        ("Llama", {"attention_bias": True}, "biases"),
        ("Llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}}, "scaling is yarn"),
        ("Llama", {"hidden_act": "gelu"}, "activation is gelu"),
    ],
)
def test_what_gguf_cannot_say_is_refused_by_name_and_merged_still_works(tmp_path, capsys, kind, changes, reason):
    base = base_model(tmp_path / "base", kind, **changes)
    folder = trained(base, tmp_path, target_modules=["q_proj"])
    assert run_step(lambda: script.main(command(base, folder, "merged,gguf-f16"))) == 2
    assert reason in capsys.readouterr().err and not (folder / "exported").exists()
    script.main(command(base, folder, "merged"))


def test_weights_beyond_f16_are_refused(llama, tmp_path):
    import torch
    from safetensors.torch import save_file

    for path in llama.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = tensors(llama)
    content["model.layers.0.mlp.up_proj.weight"][0, 0] = 1e6
    save_file(content, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInputError, match="F16"):
        write_gguf(tmp_path, tmp_path / "model.gguf", "gguf-f16", "tiny")
    write_gguf(tmp_path, tmp_path / "model.gguf", "gguf-bf16", "tiny")
    assert load_gguf(tmp_path / "model.gguf", torch.bfloat16, "cpu").model.layers[0].mlp.up_proj.weight.max() > 9e5


# Tokenizers


def tokenizer_folder(folder: Path, pre=None, pieces: bool = False, model=None, **parts) -> Path:
    """The tiny model with another tokenizer, trained on the texts that are compared."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    for path in TINY.iterdir():
        if not path.name.startswith("token"):
            folder.mkdir(exist_ok=True)
            (folder / path.name).write_bytes(path.read_bytes())
    special = ["<unk>", "<|im_start|>", "<|im_end|>"]
    letters = [f"<0x{byte:02X}>" for byte in range(256)] if pieces else pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(model or (models.BPE(byte_fallback=True, unk_token="<unk>") if pieces else models.BPE()))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]) if pieces else decoders.ByteLevel()
    for name, value in parts.items():
        setattr(tokenizer, name, value)
    options = (
        {"special_tokens": special + letters, "limit_alphabet": 60} if pieces else {"special_tokens": special, "initial_alphabet": letters}
    )
    trainer = trainers.BpeTrainer(vocab_size=700, show_progress=False, **options)
    if model is None:
        # Not all of the text: some of its characters have to be spelled as bytes.
        tokenizer.train_from_iterator([part for pair in TEXTS[:3] for part in pair] * 3, trainer)
    if pieces:  # the trainer marks bytes as special; they are ordinary tokens of the model
        state = json.loads(tokenizer.to_str())
        state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
        tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<unk>" if pieces else None
    ).save_pretrained(folder)
    (folder / "chat_template.jinja").write_bytes((TINY / "chat_template.jinja").read_bytes())
    return folder


@pytest.mark.parametrize("name", list(gguf_tokenizer.SPLITS))
def test_each_way_of_cutting_text_is_recognized_and_read_back(tmp_path, name):
    from gguf import GGUFReader

    base = tokenizer_folder(tmp_path / "base", gguf_tokenizer._pre_tokenizer(name))
    assert gguf_tokenizer.split_name(load_tokenizer(base)) == name
    write_gguf(base, tmp_path / "model.gguf", "gguf-q8_0", "tiny")
    gguf_tokenizer.require_same_tokens(base, tmp_path / "model.gguf")
    fields = GGUFReader(tmp_path / "model.gguf").fields
    assert fields["tokenizer.ggml.pre"].contents() == name and fields["tokenizer.ggml.add_bos_token"].contents() is False
    assert len(fields["tokenizer.ggml.tokens"].contents()) == 1024
    ids = load_tokenizer(base).convert_tokens_to_ids(["<|im_end|>", "<tool>", "a"])
    assert [fields["tokenizer.ggml.token_type"].contents()[i] for i in ids] == [3, 4, 1]


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
def test_sentencepiece_like_tokenizers_are_written_with_scores(tmp_path, scheme):
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers

    base = tokenizer_folder(tmp_path / "base", pre_tokenizers.Metaspace(prepend_scheme=scheme), pieces=True)
    write_gguf(base, tmp_path / "model.gguf", "gguf-q8_0", "tiny")
    gguf_tokenizer.require_same_tokens(base, tmp_path / "model.gguf")
    fields = GGUFReader(tmp_path / "model.gguf").fields
    assert fields["tokenizer.ggml.add_space_prefix"].contents() is (scheme == "always")
    assert fields["tokenizer.ggml.model"].contents() == "llama" and "tokenizer.ggml.merges" not in fields
    assert fields["tokenizer.ggml.token_type"].contents()[0] == 2 and fields["tokenizer.ggml.token_type"].contents()[100] == 6


def test_tokenizers_that_gguf_would_read_otherwise_are_refused(tmp_path):
    from tokenizers import models, normalizers, pre_tokenizers

    words = tokenizer_folder(tmp_path / "words", model=models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    with pytest.raises(BadInputError, match="not BPE"):
        write_gguf(words, tmp_path / "words.gguf", "gguf-f16", "tiny")
    blanks = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(use_regex=False)])
    with pytest.raises(BadInputError, match="cuts text"):
        write_gguf(tokenizer_folder(tmp_path / "blanks", blanks), tmp_path / "blanks.gguf", "gguf-f16", "tiny")
    lower = tokenizer_folder(tmp_path / "lower", gguf_tokenizer._pre_tokenizer("gpt-2"), normalizer=normalizers.Lowercase())
    write_gguf(lower, tmp_path / "lower.gguf", "gguf-f16", "tiny")
    with pytest.raises(LlamaFlowError, match="does not read text like"):
        gguf_tokenizer.require_same_tokens(lower, tmp_path / "lower.gguf")
