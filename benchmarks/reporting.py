"""What the benchmarks share: a stop watch, a table, and what the numbers were taken on."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch


def seconds_per_call(run: Callable[[], object], *, seconds: float, min_calls: int = 3) -> float:
    """Median time of a call, seconds, over as many calls as fit; the first is not counted."""
    run()
    times: list[float] = []
    while len(times) < min_calls or sum(times) < seconds:
        start = now()
        run()
        times.append(now() - start)
    return median(times)


def now() -> float:
    """Seconds: of the clock when the GPU has finished, or, without one, of the processor.

    Other programs on the machine change the latter little.
    """
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def describe_hardware() -> str:
    """Processor, cores, load, threads and GPU, in a line."""
    names = [line.split(":")[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{processor}, {os.cpu_count()} cores, load {load:.1f}, {gpu}; "
        f"torch {torch.__version__}, {torch.get_num_threads()} thread(s)"
    )


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def print_table(title: str, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table under its title, with the hardware."""
    cells = [[f"{c:.3g}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    print(f"\n{title}\n{describe_hardware()}\n")
    for row in (headers, ["-" * width for width in widths], *cells):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |")
