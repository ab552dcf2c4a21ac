"""How much memory of a GPU a training of a pose model takes, counted without a GPU.

What autograd keeps for the backward pass is counted while the network runs forward on tensors
without values. So it is exact for what the network keeps; what is added on top is an allowance.
"""

from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import mmpose.models  # noqa: F401 - registers
from mmpose.registry import MODELS

NUM_PROBED = (2, 4)  # people; what grows with them is counted by the difference
ALLOWANCE = 1.15  # fragments, gradients of activations and workspaces of kernels, of all
CONTEXT = 0.8e9  # bytes, of CUDA and its libraries
ADAM_BYTES = 12  # a trained number in float32: gradient and two averages


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of a training.

    Attributes:
        num_parameters: of the model.
        num_trained: those that are not frozen.
        fixed: weights, gradients, AdamW's two averages, and the average of the weights where the
            config keeps one; copies in bfloat16.
        per_person: kept for the backward pass, and inputs and targets.
    """

    num_parameters: int
    num_trained: int
    fixed: float
    per_person: float

    def of_batch(self, people: int) -> float:
        """Bytes for a batch, allowances included."""
        return CONTEXT + ALLOWANCE * (self.fixed + people * self.per_person)

    def most_people(self, memory: float) -> int:
        """The largest batch for so many bytes; 0 where none fits."""
        free = (memory - CONTEXT) / ALLOWANCE - self.fixed
        return max(int(free / self.per_person), 0)


def training_memory(config: Config, *, bfloat16: bool = False) -> TrainingMemory:
    """Count what a training keeps.

    Args:
        config: of a top-down pose model with a codec in its head.
        bfloat16: matrix products and convolutions in bfloat16, as ``tools/train.py --amp``.
    """
    with DefaultScope.overwrite_default_scope("mmpose"), torch.device("meta"):
        model = MODELS.build(config.model).train()
    del model.data_preprocessor  # its buffers are no part of the network
    width, height = config.model.head.decoder["input_size"]
    # a copy of each weight without values; the model itself has none either
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = model.to_empty(device="cpu")
        few, many = (
            _kept_bytes(network, torch.empty(count, 3, height, width), bfloat16=bfloat16)
            for count in NUM_PROBED
        )
    per_person = (many - few) / (NUM_PROBED[1] - NUM_PROBED[0])
    num_parameters = sum(weight.numel() for weight in model.parameters())
    num_trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    hooks = config.get("custom_hooks") or ()
    copies = 1 + any(str(hook["type"]).endswith("EMAHook") for hook in hooks)
    fixed = 4 * copies * num_parameters + ADAM_BYTES * num_trained
    # with bfloat16 the copies of the weights are kept too
    fixed += few - NUM_PROBED[0] * per_person
    return TrainingMemory(num_parameters, num_trained, fixed, per_person)


def _kept_bytes(network: nn.Module, images: torch.Tensor, *, bfloat16: bool) -> int:
    """Bytes that autograd keeps of a forward pass, weights aside, with inputs and targets."""
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage  # held, or its number would be given again
        return tensor

    weights = {weight.untyped_storage()._cdata for weight in network.parameters()}
    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=bfloat16),
    ):
        outputs = network.head(network.extract_feat(images))
    kept[images.untyped_storage()._cdata] = images.untyped_storage()
    maps = outputs if isinstance(outputs, torch.Tensor) else outputs[0]  # targets are as large
    sizes = (storage.nbytes() for number, storage in kept.items() if number not in weights)
    return sum(sizes) + maps.nbytes
