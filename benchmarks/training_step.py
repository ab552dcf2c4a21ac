"""A training step of a pose model: each option that makes it fast, switched on after the other.

Baseline of a row is the row before. The batch lies in the host's memory, as the data loader gives
it. FLOP are counted once, without computing (fused attention included), two a multiply-add.
"""

import argparse
import gc
import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from reporting import describe_hardware, now, print_table
from step_costs import made_up_batch, matrix_peak, peak_of, step_flops
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import mmpose.engine  # noqa: F401 - registers
from mmpose.engine.config import load_config
from mmpose.engine.fast_steps import compile_parts, fast_optim_wrapper, lay_out_channels_last
from mmpose.engine.late_scalars import log_late
from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT
from mmpose.registry import MODELS

POSE = PROJECT_ROOT / "configs" / "vitpose"
# config and people of a batch where there is a GPU, and where there is none
DEFAULTS = {
    "cuda": (POSE / "td-hm_ViTPose-base_8xb64-210e_coco-256x192.py", 256),
    "cpu": (POSE / "td-hm_ViTPose-small_8xb64-210e_coco-256x192.py", 2),
}
OPTIONS = {
    "no waiting": "losses and the norm of gradients are read later",
    "fused": "one kernel for the optimiser",
    "sdpa": "fused attention",
    "bf16": "matrix products in bfloat16",
    "channels_last": "convolutions in NHWC",
    "compile": "torch.compile",
}
WARM_UP = 3  # steps


def make_step(
    config: Config, options: set[str], device: torch.device
) -> tuple[nn.Module, OptimWrapper]:
    """Model and optimiser with some of :data:`OPTIONS`."""
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    model = model.to(device).train()
    if "channels_last" in options:
        lay_out_channels_last(model)
    settings = config.optim_wrapper.to_dict()
    settings["optimizer"]["fused" if "fused" in options else "foreach"] = True
    if "no waiting" in options:
        settings = fast_optim_wrapper(settings, device)
        settings["dtype"] = "bfloat16" if "bf16" in options else None
    wrapper = build_optim_wrapper(model, settings)
    compile_parts(model, "compile" in options)
    return model, wrapper


@contextmanager
def attention(options: set[str]) -> Iterator[None]:
    """Attention by one kernel, or as published: products and a softmax."""
    with ExitStack() as stack:
        if "sdpa" not in options:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        yield


def run_step(model: nn.Module, wrapper: OptimWrapper, batch: dict, options: set[str]) -> dict:
    """One step with its log, as the runner does it."""
    hub = MessageHub.get_current_instance()
    with attention(options):
        losses = model.train_step(batch, wrapper)
    for name, value in losses.items():
        if "no waiting" in options:
            log_late(hub, f"train/{name}", value)
        else:
            hub.update_scalar(f"train/{name}", value)
    return losses


def count_waits(
    model: nn.Module, wrapper: OptimWrapper, batch: dict, options: set[str]
) -> int | None:
    """How often the host waits for the GPU in a step; None without one."""
    if not torch.cuda.is_available():
        return None
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        run_step(model, wrapper, batch, options)
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in told)


def measure(
    config: Config, batch: dict, options: set[str], device: torch.device, seconds: float
) -> dict:
    """Times, memory and losses of steps with some options."""
    MessageHub.get_current_instance().log_scalars.clear()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    model, wrapper = make_step(config, options, device)
    begin = time.perf_counter()
    first = run_step(model, wrapper, batch, options)["loss"].item()
    first_seconds = time.perf_counter() - begin
    for _ in range(WARM_UP - 1):
        run_step(model, wrapper, batch, options)
    start, clock = now(), time.perf_counter()
    steps = 0
    while steps < 3 or time.perf_counter() - clock < seconds:
        run_step(model, wrapper, batch, options)
        steps += 1
    host = time.perf_counter() - clock
    taken = now() - start  # waits for the GPU, once
    return {
        "options": [name for name in OPTIONS if name in options],
        "first_loss": first,
        "first_step_s": first_seconds,
        "steps": steps,
        "step_ms": 1e3 * taken / steps,
        "host_ms": 1e3 * host / steps if device.type == "cuda" else None,
        "waits": count_waits(model, wrapper, batch, options),
        "memory_gb": _memory(device),
    }


def _memory(device: torch.device) -> float:
    """Peak, 10⁹ bytes: of the GPU, or of this process, which never falls."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure_all(
    config: Config, batch: dict, names: list[str], device: torch.device, seconds: float
) -> list[dict]:
    """A row without options, then one for each that is switched on; a failure is a row too."""
    rows, options = [], set()
    for name in [None, *names]:
        wanted = options | ({name} if name else set())
        try:
            row = measure(config, batch, wanted, device, seconds)
            options = wanted
        except Exception as error:
            # the next row goes on without this option
            text = str(error).strip().splitlines() or [""]
            row = {"failed": f"{type(error).__name__}: {text[0]}"}
        rows.append({"switched_on": name, **row})
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return rows


def add_rates(rows: list[dict], batch_size: int, flops: int, device: torch.device) -> None:
    """People and operations per second of each row, its share of the peak and its ratios."""
    times = []
    for row in rows:
        if "failed" in row:
            continue
        seconds = row["step_ms"] / 1e3
        row["people_per_second"] = batch_size / seconds
        row["tflops"] = flops / seconds / 1e12
        row["times_faster"] = times[-1] / seconds if times else 1.0
        row["times_in_all"] = times[0] / seconds if times else 1.0
        times.append(seconds)
        peak = None
        if device.type == "cuda":
            peak = peak_of(torch.cuda.get_device_name(device), in_bfloat16="bf16" in row["options"])
        row["share_of_peak"] = row["tflops"] / peak if peak else None


def print_rows(rows: list[dict], title: str) -> None:
    """The table of all rows."""
    names = {
        "people_per_second": "people / s",
        "step_ms": "step, ms",
        "host_ms": "host, ms",
        "times_faster": "than the row before",
        "times_in_all": "than the first",
        "tflops": "TFLOP / s",
        "share_of_peak": "of the peak",
        "memory_gb": "memory, GB",
        "waits": "waits",
        "first_step_s": "first step, s",
        "first_loss": "first loss",
    }
    cells = []
    for row in rows:
        head = f"+ {row['switched_on']}" if row["switched_on"] else "none"
        told = [row["failed"][:60]] + ["-"] * (len(names) - 1) if "failed" in row else None
        cells.append([head, *(told or ["-" if row[n] is None else row[n] for n in names])])
    print_table(title, ["option", *names.values()], cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument(
        "--config", type=Path, help="pose config; default: ViTPose-B, ViTPose-S on a CPU"
    )
    parser.add_argument("--batch", type=int, help="people; default: 256, on a CPU 2")
    parser.add_argument("--device", default=kind, choices=DEFAULTS)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row")
    parser.add_argument("--options", nargs="*", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    args = parser.parse_args()
    device = torch.device(args.device)
    default_config, default_batch = DEFAULTS[device.type]
    path, size = args.config or default_config, args.batch or default_batch
    config = load_config(path)
    with DefaultScope.overwrite_default_scope("mmpose"):
        batch = made_up_batch(config, size)
        forward, flops = step_flops(MODELS.build(config.model), batch)
        rows = measure_all(config, batch, args.options, device, args.seconds)
    add_rates(rows, size, flops, device)
    product = matrix_peak(device) if device.type == "cuda" else None
    title = (
        f"{path.stem}, {size} people: {forward / size / 1e9:.2f} GFLOP forward and "
        f"{flops / size / 1e9:.2f} in all, a person"
    )
    print_rows(rows, f"{title}; large matrix product: {product or float('nan'):.0f} TFLOP / s")
    if args.out is not None:
        facts = {"config": path.stem, "batch": size, "hardware": describe_hardware()}
        facts |= {"forward_flop": forward, "step_flop": flops, "matrix_product_tflops": product}
        write_json(args.out, {**facts, "rows": rows}, indent=2)


if __name__ == "__main__":
    main()
