"""NEFTune: noise on the input embeddings while training, so that a model learns answers less by heart.

https://arxiv.org/abs/2310.05914: to the embeddings of an example of L tokens and width d, uniform(-1, 1) · alpha / sqrt(L · d) is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class Neftune:
    """Adds the noise to every training forward pass of the model from now on, and none in eval mode.

    L is the length of each example, not of the packed row: examples are told apart by their position_ids, which start at
    0 with each. Without position_ids a row is one example. Noise comes from a generator of its own, to be
    reseeded with every step, so that a step's noise depends on nothing before it; data-parallel processes need different seeds.
    """

    def __init__(self, model: PreTrainedModel, alpha: float, seed: int):
        import torch

        embedding = model.get_input_embeddings()
        self._alpha = alpha
        self._positions: torch.Tensor | None = None
        self._generator = torch.Generator(embedding.weight.device).manual_seed(seed)
        causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._hooks = [
            causal_lm.base_model.register_forward_pre_hook(self._remember_positions, with_kwargs=True),
            embedding.register_forward_hook(self._add_noise),
        ]

    def reseed(self, seed: int) -> None:
        """Draw from here on what a fresh object with this seed draws."""
        self._generator.manual_seed(seed)

    def remove(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()

    def _remember_positions(self, _module, _args, kwargs) -> None:
        self._positions = kwargs.get("position_ids")

    def _add_noise(self, module: torch.nn.Module, _args, embedded: torch.Tensor) -> torch.Tensor:
        """embedded [rows, tokens, width] in, the same shape and precision out."""
        import torch

        if not module.training:
            return embedded
        bound = self._alpha / (self._lengths(embedded) * embedded.shape[-1]).sqrt()
        noise = torch.empty(embedded.shape, dtype=torch.float32, device=embedded.device).uniform_(-1, 1, generator=self._generator)
        return (embedded + noise * bound[..., None]).to(embedded.dtype)

    def _lengths(self, embedded: torch.Tensor) -> torch.Tensor:
        """Tokens of the example to which each token belongs, [rows, tokens] fp32, without waiting for the device."""
        import torch

        rows, tokens, _ = embedded.shape
        if self._positions is None:
            return torch.full((rows, tokens), float(tokens), device=embedded.device)
        example = (self._positions == 0).cumsum(-1)
        counts = torch.zeros((len(example), tokens + 1), device=embedded.device)
        return counts.scatter_add_(-1, example, torch.ones_like(example, dtype=counts.dtype)).gather(-1, example)
