"""Writing an ONNX file: one file, axes that are free, metadata that say what goes in.

The rules behind it were found by trying torch 2.14: only the newer exporter keeps free axes;
``Dim.DYNAMIC`` fails where an axis would be fixed in silence; weights in a second file get lost.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmpose.files import whole_file

MISSING = "ONNX files need onnx, onnxscript and onnxruntime: pip install -e '.[onnx]'"
FREE = torch.export.Dim.DYNAMIC


def write_onnx(
    network: nn.Module,
    examples: Sequence[Tensor],
    path: str | Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free_axes: Mapping[str, Sequence[int]],
    metadata: Mapping[str, Any],
    opset: int = 18,
) -> Path:
    """Export a network; the file appears whole or not at all.

    Args:
        network: called with the examples, gives a tensor or a tuple of them.
        examples: one for each input; free axes at 2 or more, so that none is taken for 1.
        path: ends in ``.onnx``.
        inputs: their names.
        outputs: names of what comes out.
        free_axes: name of an input -> axes of any length.
        metadata: kept in the file; values that are no text are written as JSON.
        opset: of ONNX.

    Raises:
        ImportError: the packages of the extra ``onnx`` are not installed.
        ValueError: the name has another ending.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"the file name must end in .onnx, got {path.name}")
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter asks for it
    except ModuleNotFoundError as error:
        raise ImportError(MISSING) from error
    shapes = [dict.fromkeys(free_axes.get(name, ()), FREE) for name in inputs]
    program = torch.onnx.export(
        network.eval(),
        tuple(examples),
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=shapes,
        opset_version=opset,
        dynamo=True,
        verbose=False,
    )
    model = program.model_proto
    known = {entry.key for entry in model.metadata_props}
    for key, value in metadata.items():
        if key not in known:
            text = value if isinstance(value, str) else json.dumps(value)
            model.metadata_props.add(key=key, value=text)
    with whole_file(path) as partial:
        onnx.save(model, str(partial))
    return path


def run_onnx(path: str | Path, values: Mapping[str, Tensor]) -> list[Tensor]:
    """What onnxruntime answers on the CPU; for checks.

    Raises:
        ImportError: onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ImportError(MISSING) from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    arrays = {name: value.numpy() for name, value in values.items()}
    return [torch.from_numpy(answer) for answer in session.run(None, arrays)]
