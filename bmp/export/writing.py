"""Writing an ONNX file: one file, axes that are free, metadata that say what goes in.

The rules behind it were found by trying torch 2.14: only the newer exporter keeps free axes;
``Dim.DYNAMIC`` fails where an axis would be fixed in silence; weights in a second file get lost.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bmp.environment import import_extra
from mmpose.files import whole_file

EXAMPLES = 2  # of people, crops, images: of one, torch takes the number for fixed
COUNTS = (1, 3, 5)
LARGEST = 2**31  # bytes: Protocol Buffers hold no more


@dataclass(frozen=True)
class Plan:
    """What an ONNX file is made of.

    Attributes:
        network: called with the inputs in their order; gives a tensor for each output.
        make_inputs: of a count (of crops, people or images), named inputs to try it with.
        outputs: their names.
        free_axes: name of an input -> axes of any length.
        metadata: kept in the file; values that are no text are written as JSON.
    """

    network: nn.Module
    make_inputs: Callable[[int], dict[str, Tensor]]
    outputs: Sequence[str]
    free_axes: Mapping[str, Sequence[int]]
    metadata: Mapping[str, Any]


@torch.no_grad()
def write_onnx(plan: Plan, path: str | Path, *, opset: int = 18) -> Path:
    """Export a network; the file appears whole or not at all.

    Args:
        plan: what goes into it.
        path: ends in ``.onnx``.
        opset: of ONNX.

    Raises:
        ImportError: the packages of the extra ``onnx`` are not installed.
        ValueError: the name has another ending, or the weights do not fit into one file.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"the file name must end in .onnx, got {path.name}")
    size = sum(p.numel() * p.element_size() for p in plan.network.parameters())
    if size >= LARGEST:
        raise ValueError(
            f"an ONNX file holds 2 GiB, the weights take {size / 2**30:.1f}; take a smaller model"
        )
    onnx = import_extra("onnx", "onnx", "an ONNX file")
    import_extra("onnxscript", "onnx", "torch's exporter")  # it asks for it late
    free = torch.export.Dim.DYNAMIC  # a named Dim would be fixed in silence
    examples = plan.make_inputs(EXAMPLES)
    network = plan.network.eval()
    network(*examples.values())  # what functions keep for later must not come from the tracing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about its own tracing
        program = torch.onnx.export(
            network,
            tuple(examples.values()),
            input_names=list(examples),
            output_names=list(plan.outputs),
            dynamic_shapes=[dict.fromkeys(plan.free_axes.get(name, ()), free) for name in examples],
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    known = {entry.key for entry in model.metadata_props}
    for key, value in plan.metadata.items():
        if key not in known:
            text = value if isinstance(value, str) else json.dumps(value)
            model.metadata_props.add(key=key, value=text)
    with whole_file(path) as partial:
        onnx.save(model, str(partial))
    return path


@torch.no_grad()
def differences(
    plan: Plan, path: str | Path, counts: Sequence[int] = COUNTS
) -> dict[int, dict[str, float]]:
    """How far onnxruntime's answers, on the CPU, are from torch's.

    Args:
        plan: what the file was made of.
        path: of the file.
        counts: of crops, people or images.

    Returns:
        Count -> output -> largest difference, as a share of the output's largest value where that
        is above 1 (pixels of 320 have fewer digits behind the point than scores); inf where the
        shapes differ.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    onnxruntime = import_extra("onnxruntime", "onnx", "a comparison with torch")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = {}
    for count in counts:
        inputs = plan.make_inputs(count)
        answers = session.run(None, {name: value.numpy() for name, value in inputs.items()})
        wanted = plan.network(*inputs.values())
        found[count] = {
            name: _difference(torch.from_numpy(answer), right)
            for name, answer, right in zip(plan.outputs, answers, wanted, strict=True)
        }
    return found


def _difference(answer: Tensor, wanted: Tensor) -> float:
    if answer.shape != wanted.shape:
        return float("inf")
    if wanted.numel() == 0:
        return 0.0
    return float((answer - wanted).abs().max() / wanted.abs().max().clamp(min=1))


def smooth_noise(*shape: int) -> Tensor:
    """(N, C, h, w) with spots of some pixels, from -2 to 2, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    *rest, height, width = shape
    cells = torch.rand(*rest, max(1, height // 8), max(1, width // 8), generator=generator)
    return 4 * nn.functional.interpolate(cells, (height, width), mode="bicubic").clamp(0, 1) - 2
