"""Linear layers by oneDNN on a CPU, with weights laid out once and GELU in the same pass.

PyTorch leaves float32 products to MKL, copies the bias into the answer beforehand and applies GELU
in a pass of its own. On AVX2 oneDNN is 1.02 to 1.2 times as fast, with GELU up to 1.5 times
(docs/log.md). Answers differ by rounding.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PackedLinear(nn.Linear):
    """A linear layer, maybe with GELU behind it; made of others by :func:`pack_linears`.

    Anything but inference in float32 on a CPU goes through PyTorch's own operators.
    """

    has_gelu = False

    def forward(self, input: Tensor) -> Tensor:
        """(..., C) to (..., C')."""
        if not self.takes(input):
            answer = F.linear(input, self.weight, self.bias)
            return F.gelu(answer) if self.has_gelu else answer
        rows = input.reshape(-1, self.in_features)
        kind = ("gelu", [], "none") if self.has_gelu else ("none", [], "")
        answer = torch.ops.mkldnn._linear_pointwise(rows, self._packed(len(rows)), self.bias, *kind)
        return answer.view(*input.shape[:-1], self.out_features)

    def takes(self, input: Tensor) -> bool:
        """Whether oneDNN can do it: plain inference, whose operators nobody records."""
        return (
            input.is_cpu
            and input.dtype == self.weight.dtype == torch.float32
            and input.numel() > 0
            and not torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and not torch.jit.is_tracing()
            and torch.backends.mkldnn.is_available()
            and not self.weight.is_inference()  # such weights count no changes
        )

    def train(self, mode: bool = True) -> "PackedLinear":
        """Set the training mode, and pack the weights anew when they are next used."""
        # averages are swapped in through `.data`, which counts no change, between two modes
        self._packed_state = None
        return super().train(mode)

    def _packed(self, num_rows: int) -> Tensor:
        # weights may be loaded or changed later: the copy must not outlive what it was made of
        state = self.weight.data_ptr(), self.weight._version
        if vars(self).get("_packed_state") != state:
            self._copy = torch.ops.mkldnn._reorder_linear_weight(self.weight.detach(), num_rows)
            self._packed_state = state
        return self._copy

    def __getstate__(self) -> dict[str, Any]:
        # a copy in oneDNN's layout can be neither copied nor written
        state = super().__getstate__()
        return {k: v for k, v in state.items() if k not in ("_copy", "_packed_state")}


def pack_linears(network: nn.Module) -> None:
    """Let the linear layers of a network be :class:`PackedLinear`, names and weights as they were.

    A GELU that follows one in a ``Sequential`` is joined to it, if that is all that runs it.
    """
    for module in network.modules():
        if type(module) is nn.Linear:
            module.__class__ = PackedLinear
    places = Counter(part for module in network.modules() for part in module._modules.values())
    for module in network.modules():
        if getattr(type(module), "forward", None) is nn.Sequential.forward:
            for n, (layer, after) in enumerate(pairwise(module)):
                is_alone = isinstance(layer, PackedLinear) and places[layer] == 1
                if is_alone and is_exact_gelu(after):
                    layer.has_gelu, module[n + 1] = True, nn.Identity()


def lay_out_for(device: torch.device | str, network: nn.Module) -> nn.Module:
    """The network, its convolutions as a device in float32 likes them: on a CPU channels last."""
    is_cpu = torch.device(device).type == "cpu"
    return network.to(memory_format=torch.channels_last) if is_cpu else network


def is_exact_gelu(module: nn.Module) -> bool:
    """Whether a module is the GELU that :class:`PackedLinear` can join to its product."""
    return isinstance(module, nn.GELU) and module.approximate == "none"
