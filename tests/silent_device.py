"""A device that never answers: where a training step waits for it is found without a GPU."""

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# operators whose answer the host needs before it can go on
READS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal")
COPIES = ("aten::_to_copy", "aten::copy_")
FROM_LISTS = (torch.tensor, torch.as_tensor, Tensor.new_tensor)


class SilentDevice(TorchDispatchMode):
    """Stands in for a GPU by torch's ``meta`` device and lists in ``waits`` where the host would.

    Tensors there have a shape and no values: reading one raises. Copies to it that do not say
    ``non_blocking`` would wait on a GPU, and so would lists made into tensors there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.lists = _Lists(self.waits)

    def __enter__(self) -> "SilentDevice":
        self.lists.__enter__()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self.lists.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.name().split(".")[0]
        inputs = [value for value in args if isinstance(value, Tensor)]
        if name in READS and any(value.is_meta for value in inputs):
            self.waits.append(name)
        result = func(*args, **kwargs)
        if name in COPIES and isinstance(result, Tensor):
            crosses = result.is_meta and not inputs[-1].is_meta
            goes_on = kwargs.get("non_blocking", name == "aten::copy_" and args[-1] is True)
            if crosses and not goes_on:
                self.waits.append(f"{name} of {tuple(result.shape)}")
        return result


class _Lists(TorchFunctionMode):
    def __init__(self, waits: list[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        source = args[-1] if args else None
        if func in FROM_LISTS and result.is_meta and not isinstance(source, Tensor):
            self.waits.append(f"{func.__name__} of {tuple(result.shape)}")
        return result
