"""A tokenizer as GGUF metadata, by the rules with which llama.cpp reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInputError, LlamaFlowError
from ..models import load_tokenizer
from .parity import TEXTS, conversations

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from transformers import PreTrainedTokenizerBase

_WORDS = r" ?[^\s\p{L}\p{N}]+"
_BLANKS = r"\s+(?!\S)|\s+"
_GPT2 = rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+|{_WORDS}|{_BLANKS}"
_LLAMA3 = rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_WORDS}[\r\n]*|\s*[\r\n]+|{_BLANKS}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}|{_WORDS}[\r\n/]*|\s*[\r\n]+|{_BLANKS}"
)
# GGUF's name (tokenizer.ggml.pre) -> how text is cut before merging, one expression after the other.
SPLITS = {
    "gpt-2": [_GPT2],
    "smollm": [r"\p{N}", _GPT2],
    "llama-bpe": [_LLAMA3],
    "qwen2": [_LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")],
    "tekken": [_TEKKEN],
}
# Here llama.cpp takes a piece that is a token whole, without looking at the merges.
_IGNORE_MERGES = {"llama-bpe", "tekken"}


def add_tokenizer(writer: GGUFWriter, folder: Path, vocabulary: int) -> None:
    """Tokens, types, merges or scores, special ids, chat template. vocabulary: rows of the embedding matrix.

    Byte-level BPE and SentencePiece-like BPE. Raises BadInputError for any other tokenizer.
    """
    from gguf import SpecialVocab, TokenType

    tokenizer = load_tokenizer(folder)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    ids = tokenizer.get_vocab()
    if model["type"] != "BPE" or max(ids.values()) >= vocabulary:
        raise BadInputError(
            "the tokenizer cannot be written as GGUF", where=str(folder),
            why=f"it is {model['type']}, not BPE" if model["type"] != "BPE" else f"it has more than the model's {vocabulary} tokens",
            fix="export merged only",
        )  # fmt: skip
    pieces = bool(model.get("byte_fallback"))  # SentencePiece: pieces with ▁ and <0x..>, else bytes as letters
    tokens, types = [f"[PAD{i}]" for i in range(vocabulary)], [TokenType.UNUSED] * vocabulary
    for token, i in ids.items():
        added = tokenizer.added_tokens_decoder.get(i)
        byte = pieces and len(token) == 6 and token.startswith("<0x")
        plain = TokenType.UNKNOWN if pieces and token == model.get("unk_token") else TokenType.BYTE if byte else TokenType.NORMAL
        tokens[i] = token
        types[i] = plain if added is None or plain != TokenType.NORMAL else TokenType.CONTROL if added.special else TokenType.USER_DEFINED
    writer.add_tokenizer_model("llama" if pieces else "gpt2")
    writer.add_tokenizer_pre("default" if pieces else split_name(tokenizer))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if pieces:
        writer.add_token_scores(_scores(tokens, model["merges"]))
        # llama.cpp sets the blank in front of a text behind each control token too: what a conversation needs decides.
        writer.add_add_space_prefix(tokenizer.tokenize(f"{tokenizer.eos_token}a")[1].startswith("▁"))
    special = SpecialVocab(folder, load_merges=not pieces, n_vocab=vocabulary)
    special.add_special_token["bos"] = tokenizer.bos_token_id is not None and tokenizer("a").input_ids[0] == tokenizer.bos_token_id
    special.add_to_gguf(writer, quiet=True)


def split_name(tokenizer: PreTrainedTokenizerBase) -> str:
    """GGUF's name for the way in which the tokenizer cuts text before merging, found by cutting the same text."""
    text = " ".join(part for pair in TEXTS for part in pair)
    own = _pieces(tokenizer.backend_tokenizer.pre_tokenizer, text)
    found = next((name for name in SPLITS if _pieces(_pre_tokenizer(name), text) == own), None)
    if found is None:
        raise BadInputError(
            "the tokenizer cannot be written as GGUF", where="base model", why="it cuts text in a way that llama.cpp has no name for here",
            fix=f"export merged only (known: {', '.join(SPLITS)}, and SentencePiece-like ones)",
        )  # fmt: skip
    return found


def read_tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a GGUF file as llama.cpp would apply it: transformers knows not all of its rules."""
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    fields = GGUFReader(path).fields
    name = fields["tokenizer.ggml.pre"].contents()
    if fields["tokenizer.ggml.model"].contents() == "llama":
        scheme = "always" if fields["tokenizer.ggml.add_space_prefix"].contents() else "never"
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    if name in SPLITS:
        tokenizer.backend_tokenizer.pre_tokenizer = _pre_tokenizer(name)
        tokenizer.backend_tokenizer.model.ignore_merges = name in _IGNORE_MERGES
    return tokenizer


def require_same_tokens(base: Path, path: Path) -> None:
    """Raise LlamaFlowError when a GGUF file's tokenizer reads any of the texts in another way than the base's."""
    own, other = load_tokenizer(base), read_tokenizer(path)
    for text in [*(f"{own.eos_token}{part}" for pair in TEXTS for part in pair), *conversations(own)]:
        if own(text).input_ids != other(text).input_ids:
            raise LlamaFlowError(
                "the tokenizer in the GGUF file does not read text like the base's: nothing was exported", where=str(path),
                why=f"first in {text[:20]!r}", fix="export merged only, and report this with the base model's name",
            )  # fmt: skip
    if (own.chat_template, own.eos_token, own.bos_token) != (other.chat_template, other.eos_token, other.bos_token):
        raise LlamaFlowError(
            "the GGUF file lost the chat template or a special token: nothing was exported", where=str(path), fix="export merged only"
        )


def _pieces(pre_tokenizer, text: str) -> list[str]:
    return [piece for piece, _ in pre_tokenizer.pre_tokenize_str(text)] if pre_tokenizer else []


def _pre_tokenizer(name: str):
    from tokenizers import Regex, pre_tokenizers

    cuts = [pre_tokenizers.Split(Regex(expression), behavior="isolated") for expression in SPLITS[name]]
    return pre_tokenizers.Sequence([*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _scores(tokens: list[str], merges: list) -> list[float]:
    """SentencePiece joins the pair whose result scores highest: the rank of the first merge that makes it, negated."""
    ranks: dict[str, int] = {}
    for rank, pair in enumerate(merges):
        ranks.setdefault("".join(pair.split(" ") if isinstance(pair, str) else pair), rank)
    return [-float(ranks.get(token, 0)) for token in tokens]
