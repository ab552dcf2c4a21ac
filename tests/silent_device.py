"""A device that never answers: what a training step asks of it is found without a GPU."""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

# operators whose answer the host needs before it can go on
READS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal")
COPIES = ("aten::_to_copy", "aten::copy_")


class SilentDevice(TorchDispatchMode):
    """Stands in for a GPU by torch's ``meta`` device and writes down where the host would wait.

    Tensors there have a shape and no values: reading one raises. A copy to it that does not say
    ``non_blocking`` would wait on a GPU; these are listed in ``waits``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.name().split(".")[0]
        inputs = [value for value in args if isinstance(value, Tensor)]
        if name in READS and any(value.is_meta for value in inputs):
            self.waits.append(name)
        result = func(*args, **kwargs)
        if name in COPIES and isinstance(result, Tensor):
            crosses = result.is_meta and not inputs[-1].is_meta
            non_blocking = kwargs.get("non_blocking", name == "aten::copy_" and args[-1] is True)
            if crosses and not non_blocking:
                self.waits.append(f"{name} of {tuple(result.shape)}")
        return result
