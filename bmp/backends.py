"""Which library computes a network: torch, or OpenVINO, which is faster on a CPU."""

import logging
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from bmp.environment import import_extra
from mmpose.apis.model import read_dtype
from mmpose.engine.fast_steps import compile_part

BACKENDS = ("torch", "openvino")

_CONVERTING = Lock()  # torch can export for one thread at a time

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

    It is converted when inputs of a size first come, in memory, and anew when weights changed.
    The number of images, crops or people, the first axis of all inputs and answers, is free.

    Args:
        module: called with float tensors on the CPU, or tuples and lists of them.
        dtype: ``fp32`` or ``bf16``, where the processor knows it, for its products; answers are
            float32.
        select: what of its answer is wanted; the rest is not computed.
    """
    hint = "f32" if read_dtype(dtype) == torch.float32 else "bf16"
    module.forward = _OpenVINOForward(module, hint, select)


class _OpenVINOForward:
    """What answers for a module; no closure, so that a copy of the module has its own weights."""

    def __init__(self, module: nn.Module, hint: str, select: Callable[[Any], Any]) -> None:
        self.module, self.run = module, module.forward
        self.hint, self.select = hint, select
        self.converted: dict[tuple, Callable[[Sequence[Tensor]], Any]] = {}
        self.state: list[tuple[int, int]] = []

    def __call__(self, *inputs: Any) -> Any:
        leaves, spec = tree_flatten(inputs)
        _check_use(self.module, leaves)
        sizes = tuple(leaf.shape[1:] for leaf in leaves)
        with _CONVERTING:
            # weights may be loaded or changed later
            if (state := _state_of(self.module)) != self.state:
                self.state, self.converted = state, {}
            if sizes not in self.converted:
                network = _Network(self.module, self.run, self.select, spec)
                self.converted[sizes] = _convert(network, leaves, self.hint)
            answer = self.converted[sizes]
        return answer(leaves)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "converted": {}}


def _state_of(module: nn.Module) -> list[tuple[int, int]]:
    """What changes with the weights; tensors of the inference mode count no changes."""
    tensors = chain(module.parameters(), module.buffers())
    return [(t.data_ptr(), 0 if t.is_inference() else t._version) for t in tensors]


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

    def __init__(self, module: nn.Module, run: Callable, select: Callable, spec: Any) -> None:
        super().__init__()
        self.module, self.run, self.select = module, run, select
        self.spec = spec  # how the tensors were nested
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
    examples = [torch.zeros(2, *leaf.shape[1:]) for leaf in inputs]
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
