"""A network under torch, onnxruntime and OpenVINO, one thread each, in turns.

    python benchmarks/onnx_speed.py pose CONFIG WEIGHTS FILE.onnx

The arguments are those that ``tools/export_onnx.py`` made the file with. Milliseconds of the
processor a call: others on the machine change them little.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from reporting import now, print_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from export_onnx import make_plan, read_arguments

from bmp.export.writing import Plan

ROUNDS = 15


def runners(plan: Plan, path: str) -> dict[str, Callable[[dict], object]]:
    """Each way to run the network; OpenVINO only where it is installed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    found = {
        "torch": lambda inputs: plan.network(*inputs.values()),
        "onnxruntime": lambda inputs: session.run(None, {k: v.numpy() for k, v in inputs.items()}),
    }
    try:
        import openvino
    except ModuleNotFoundError:
        return found
    # its default on newer CPUs is bfloat16
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return found | {"OpenVINO": lambda inputs: compiled([v.numpy() for v in inputs.values()])}


@torch.no_grad()
def main() -> None:
    args = read_arguments()
    torch.set_num_threads(1)
    plan = make_plan(args)
    ways = runners(plan, args.out)
    rows = []
    for count in (1, 8):
        inputs = plan.make_inputs(count)
        times = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):
            for name, run in ways.items():
                start = now()
                run(inputs)
                times[name].append(1e3 * (now() - start))
        torch_ms = median(times["torch"][1:])
        for name, values in times.items():
            ms = median(values[1:])
            rows.append([count, name, f"{ms:.1f}", f"{ms / torch_ms:.2f}"])
    print_table(f"{Path(args.out).name}, {ROUNDS} calls", ["count", "by", "ms", "ratio"], rows)


if __name__ == "__main__":
    main()
