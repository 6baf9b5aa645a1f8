"""Base weights over several GPUs, for models that one cannot hold: by shards (FSDP2) or by layers (device_map).

The adapter stays whole everywhere: it is small, and so its master weights, checkpoints and sums of gradients are those of any training.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from ..errors import BadInputError, LlamaFlowError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

    from ..recipe import Recipe


def shard(model: PeftModel, device: str) -> None:
    """Leave each process its part of the decoder layers' frozen weights, and everything else whole, on its device.

    model: with its adapter, on the CPU, where weights loaded in their own precision are pages of a file that all processes
    share: what a device holds at most is its shards and one whole layer. A layer's weights are gathered for its forward pass
    and again for its backward pass, in which every process has to take part. Needs torch.distributed.
    Not through accelerate: prepare() would shard the adapter, too, and raise weights to fp32.
    """
    import torch
    from torch.distributed import get_world_size
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    decoder = model.get_base_model().get_decoder()
    frozen = {parameter for layer in decoder.layers for parameter in layer.parameters() if not parameter.requires_grad}
    # Embeddings, last norm and output layer are read outside of the decoder's forward pass, or all the time: whole, too.
    whole = {parameter for parameter in model.parameters() if parameter not in frozen}
    for parameter in whole:
        parameter.data = parameter.data.to(device)
    mesh = init_device_mesh(torch.device(device).type, (get_world_size(),))
    for layer in decoder.layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")  # nothing is written into the decoder's output
    fully_shard(decoder, mesh=mesh, ignored_params=whole)  # the root, which lets one layer be gathered while another computes


def out_of_memory_together(micro_batch_size: int, checkpointing: bool) -> LlamaFlowError:
    """What to raise when memory runs out in a pass that all processes run together: none of them can repeat it alone."""
    from .out_of_memory import smaller

    half = smaller(micro_batch_size, checkpointing)
    return LlamaFlowError(
        f"memory ran out with {micro_batch_size} rows in the micro-batch", where="FINETUNE",
        why="processes that share base weights cannot repeat a step one by one",
        fix=f"use --micro_batch_size {half}: the training goes on from its checkpoint, and the result stays the same",
    )  # fmt: skip


def placement(recipe: Recipe, sharded: bool) -> str | dict | None:
    """Where load_model puts the layers; None: all on the process's own device. sharded: shard() follows, which takes them from the CPU."""
    if sharded:
        return {"": "cpu"}
    return "auto" if recipe.sharding == "device_map" else None


def require_on_accelerators(model: PreTrainedModel, device: str) -> None:
    """Raise BadInputError when a device map left layers to the host: training would copy them for every pass, or fail."""
    places = {str(place) for place in getattr(model, "hf_device_map", {}).values()}
    if device.startswith("cuda") and places & {"cpu", "disk"}:
        raise BadInputError(
            "the base model does not fit on the GPUs of this task", where="recipe: sharding",
            why=f"some layers would lie on the {' and '.join(sorted(places & {'cpu', 'disk'}))}",
            fix="give the task more GPUs (--gpus), or use quantization: nf4",
        )  # fmt: skip
