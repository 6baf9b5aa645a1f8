"""Does an exported model answer like base plus adapter? Logits of both on fixed texts, and tolerances by format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..chat import render
from ..errors import LlamaFlowError
from ..records import Message
from ..summaries import Parity

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Own sentences in several scripts, with numbers, code, contractions and white space: where tokenizers differ.
TEXTS = [
    ("Qual é o prazo de entrega?", "O prazo é de 12 dias úteis; não há custo extra até R$ 1.234,56."),
    ("What's the capital of Australia?", "It's Canberra. They'd CHOSEN it in 1908, I'VE read."),
    ("Schreibe def f(x):\n\treturn x**2  # Größe", "```python\nfor i in range(10):\n    print(f'{i:>3}', end=\"\\n\\n\")\n```"),
    ("Привет! 你好，世界。", "こんにちは 안녕하세요 नमस्ते مرحبا ✅👩‍💻 ½ ² naïve   spaced   out "),
]  # fmt: skip
LONGEST = 96  # tokens of one text
# Largest relative difference and mean divergence (nats) by format: above rounding as measured, far below any mistake.
TOLERANCES = {"merged": (0.03, 3e-3), "gguf-bf16": (0.03, 3e-3), "gguf-f16": (0.03, 3e-3), "gguf-q8_0": (0.08, 1e-2)}
BF16_ARITHMETIC = (0.05, 1e-2)  # added where both models compute in bf16 themselves


@dataclass(frozen=True)
class Probe:
    """Token ids and their positions, both (1, T)."""

    ids: torch.Tensor
    positions: torch.Tensor


def conversations(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The texts as the model sees them: rendered by its chat template."""
    return [
        render(tokenizer, [Message(role="user", content=question), Message(role="assistant", content=answer)]) for question, answer in TEXTS
    ]


def probes(tokenizer: PreTrainedTokenizerBase, context: int) -> list[Probe]:
    """The conversations as tokens, and the first one again with its second half at the end of a context of so many positions.

    Far positions turn every rotary frequency, so that a wrong scaling of long contexts shows in a short text.
    """
    import torch

    ids = [
        tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids[:, : min(LONGEST, context)]
        for text in conversations(tokenizer)
    ]
    plain = [Probe(one, torch.arange(one.shape[1])[None]) for one in ids]
    far = plain[0].positions.clone()
    far[:, far.shape[1] // 2 :] += context - far.shape[1]
    return [*plain, Probe(ids[0], far)]


def logits(model: PreTrainedModel, probes: list[Probe]) -> list[torch.Tensor]:
    """Logits (T, vocabulary) of each probe, fp32 on the CPU."""
    import torch

    device = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for probe in probes:
            ids = probe.ids.to(device)
            # Without a mask transformers would take a jump of positions for the start of another packed text.
            mask = torch.ones_like(ids)
            found.append(model(ids, attention_mask=mask, position_ids=probe.positions.to(device), use_cache=False).logits[0].float().cpu())
    return found


def compare(reference: list[torch.Tensor], candidate: list[torch.Tensor]) -> Parity:
    """How far candidate logits are from the reference, over all positions of all probes."""
    import torch

    one, other = torch.cat(reference), torch.cat(candidate)
    difference = one - other
    # A constant added to all logits of a position changes no answer: deviations are taken from the position's mean.
    relative = (difference - difference.mean(-1, keepdim=True)).norm() / (one - one.mean(-1, keepdim=True)).norm()
    divergence = torch.nn.functional.kl_div(other.log_softmax(-1), one.log_softmax(-1), log_target=True, reduction="none").sum(-1)
    return Parity(
        positions=len(one), max_logit_difference=difference.abs().max().item(), relative_difference=relative.item(),
        divergence=max(0.0, divergence.mean().item()), same_choice=(one.argmax(-1) == other.argmax(-1)).float().mean().item(),
    )  # fmt: skip


def require_parity(parity: Parity, format: str, precision: str, where: Path) -> None:
    """Raise LlamaFlowError when the model is farther from base plus adapter than rounding can explain."""
    relative, divergence = TOLERANCES[format]
    if precision == "bf16":
        relative, divergence = relative + BF16_ARITHMETIC[0], divergence + BF16_ARITHMETIC[1]
    if not (parity.relative_difference <= relative and parity.divergence <= divergence):  # so that NaN fails
        raise LlamaFlowError(
            f"the exported model ({format}) does not answer like base and adapter: nothing was exported",
            where=str(where),
            why=f"logits differ by {parity.relative_difference:.2%} (at most {relative:.0%} is rounding), "
            f"answers by {parity.divergence:.2g} nats (at most {divergence:.2g})",
            fix="export another format (merged or gguf-bf16 are nearest), and report this with the base model's name",
        )


def too_coarse(parity: Parity, effect: Parity, format: str) -> list[str]:
    """A sentence for people when rounding moves the answers more than half as far as the training did, else nothing."""
    if not effect.divergence or parity.divergence <= 0.5 * effect.divergence:
        return []
    return [
        f"{format}: rounding moves the answers by {parity.divergence:.2g} nats, the adapter by {effect.divergence:.2g}: use it together "
        "with its base instead, or a finer format"
    ]
