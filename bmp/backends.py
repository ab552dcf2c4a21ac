"""Which library computes a network: torch, or OpenVINO, which is faster on a CPU."""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from bmp.environment import import_extra
from mmpose.apis.model import read_dtype
from mmpose.engine.fast_steps import compile_part

BACKENDS = ("torch", "openvino")

logger = logging.getLogger(__name__)


def check_backend(backend: str, device: torch.device | str, *, compile: bool | str = False) -> str:
    """The backend, if it is known, installed, and works together with the other settings.

    Args:
        backend: ``torch`` or ``openvino``.
        device: where the network is to work.
        compile: whether torch is asked to compile it.

    Raises:
        ValueError: another backend, another device than the CPU, or both kinds of compilation.
        ImportError: OpenVINO is not installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if backend == "torch":
        return backend
    if torch.device(device).type != "cpu":
        raise ValueError(
            f"backend='openvino' works on the CPU, the device is {str(device)!r}: take "
            "device='cpu', or backend='torch' with dtype='bf16' and compile=True"
        )
    if compile:
        raise ValueError(
            "compile=True is about torch, and backend='openvino' compiles by itself: leave one out"
        )
    import_extra("openvino", "openvino", "backend='openvino'")
    return backend


def compile_network(module: nn.Module, compile: bool | str) -> None:
    """Let ``torch.compile`` translate a module when it first runs; a text names its backend."""
    if compile:
        compile_part(module, backend=compile if isinstance(compile, str) else "inductor")


def run_with_openvino(
    module: nn.Module,
    dtype: str | torch.dtype = torch.float32,
    select: Callable[[Any], Any] = lambda answer: answer,
) -> None:
    """Let OpenVINO answer for a module from its next call on; it cannot be trained any more.

    It is converted when inputs of a size first come, in memory, with the weights of that time.
    The number of images, crops or people, the first axis of all inputs and answers, is free.

    Args:
        module: called with float tensors on the CPU, or tuples and lists of them.
        dtype: ``fp32`` or ``bf16``, where the processor knows it, for its products; answers are
            float32.
        select: what of its answer is wanted; the rest is not computed.
    """
    hint = "f32" if read_dtype(dtype) == torch.float32 else "bf16"
    converted: dict[tuple, Callable[[Sequence[Tensor]], Any]] = {}
    network = _Network(module, module.forward, select)

    def forward(*inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs)
        _check_use(module, leaves)
        sizes = tuple(leaf.shape[1:] for leaf in leaves)
        if sizes not in converted:
            network.spec = spec
            converted[sizes] = _convert(network, leaves, hint)
        return converted[sizes](leaves)

    module.forward = forward


def _check_use(module: nn.Module, inputs: Sequence[Tensor]) -> None:
    name = type(module).__name__
    if module.training:
        raise ValueError(f"OpenVINO answers for {name} and cannot train it: take backend='torch'")
    if any(leaf.device.type != "cpu" for leaf in inputs):
        raise ValueError(
            f"OpenVINO answers for {name} on the CPU, its input is on "
            f"{str(inputs[0].device)!r}: take backend='torch' there"
        )


class _Network(nn.Module):
    """A module as it was before, called with tensors one after the other, as exporters want it."""

    def __init__(self, module: nn.Module, run: Callable, select: Callable) -> None:
        super().__init__()
        self.module, self.run, self.select = module, run, select
        self.spec: Any = None  # how the tensors were nested
        self.eval()

    def forward(self, *leaves: Tensor) -> Any:
        return self.select(self.run(*tree_unflatten(leaves, self.spec)))


@torch.no_grad()
def _convert(
    network: _Network, inputs: Sequence[Tensor], hint: str
) -> Callable[[Sequence[Tensor]], Any]:
    """The network for inputs of these sizes, any number of them."""
    openvino = import_extra("openvino", "openvino", "backend='openvino'")
    start = time.monotonic()
    # two: of one, torch takes the number for fixed
    examples = [leaf[:1].detach().float().repeat(2, *[1] * (leaf.ndim - 1)) for leaf in inputs]
    with torch.autocast("cpu", enabled=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about its own tracing
        # before tracing: what functions keep for later must not come from it
        spec = tree_flatten(network(*examples))[1]
        free = {0: torch.export.Dim.DYNAMIC}
        program = torch.export.export(
            network, tuple(examples), dynamic_shapes=((free,) * len(examples),), strict=False
        )
        model = openvino.convert_model(program)
    sizes = [tuple(leaf.shape[1:]) for leaf in inputs]
    model.reshape({n: [-1, *size] for n, size in enumerate(sizes)})
    # its default on newer processors is bfloat16
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    name = type(network.module).__name__
    logger.info("OpenVINO: %s of %s in %.0f s", name, sizes, time.monotonic() - start)

    def run(leaves: Sequence[Tensor]) -> Any:
        arrays = [leaf.detach().float().contiguous().numpy() for leaf in leaves]
        answers = compiled(arrays, share_inputs=True).to_tuple()
        return tree_unflatten([torch.from_numpy(answer) for answer in answers], spec)

    return run
