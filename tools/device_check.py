"""Run the parts of the device check one after the other; one JSON and one log.

Called by tools/device_check.sh. Loads nothing but Python's own library: it must tell the faults of
an installation that is broken.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "torch",
    "torchvision",
    "cv2",
    "mmengine",
    "mmdet",
    "sam2",
    "timm",
    "pytest",
    "mmpose",
    "bmp",
)
TOTAL = 470.0  # seconds of all parts; what is left when it is used up is not started
LEAST = 5.0  # seconds that a part is started with
TOLD = 2000  # characters of a part's output that the JSON repeats, from its end
FACTS = """
import json, os, platform, torch
gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
print(json.dumps({
    "python": platform.python_version(), "torch": torch.__version__, "cpus": os.cpu_count(),
    "cuda": torch.version.cuda, "gpu": gpu and gpu.name, "gpu_gb": gpu and gpu.total_memory / 1e9,
}))
"""
IMPORTS = """
import importlib, sys
missing = []
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        print(name, getattr(module, "__version__", ""))
    except Exception as error:
        missing.append(f"{name}: {type(error).__name__}: {error}")
print(*missing, sep="\\n")
sys.exit(bool(missing))
"""


@dataclass(frozen=True)
class Part:
    """One command of the check.

    Args:
        name: of the part, and of the JSON file it writes, if it writes one.
        command: its arguments.
        seconds: after which it is ended.
    """

    name: str
    command: list[str]
    seconds: float


def parts_of(out: Path, *, small: bool, has_gpu: bool) -> list[Part]:
    """The parts in their order; small ones for a rehearsal on two cores without a GPU.

    Args:
        out: folder for the JSON files.
        small: sizes that a CPU can do.
        has_gpu: whether to run the loop on it too.
    """
    python = [sys.executable]
    step = ["benchmarks/training_step.py", "--out", str(out / "step.json")]
    step += (
        [
            "--batch",
            "1",
            "--seconds",
            "1",
            "--options",
            "no waiting",
            "fused",
            "sdpa",
            "bf16",
            "channels_last",
        ]
        if small
        else ["--seconds", "3"]
    )
    train = ["tools/device_training.py", "--amp", "--out", str(out / "training.json")]
    train += ["--work-dir", str(out / "work")]
    if small:
        train += ["--seconds", "10", "--images", "10", "--val-images", "10"]
        train += ["--batch", "8", "--workers", "1"]
    else:
        workers = max(1, (os.cpu_count() or 2) - 2)
        train += ["--seconds", "100", "--workers", str(workers), "--compile"]
    tests = ["-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", *_cuda_tests()]
    parts = [
        Part("facts", [*python, "-c", FACTS], 30),
        Part("imports", [*python, "-c", IMPORTS, *MODULES], 60),
        Part("tests", [*python, *tests], 60),
        Part("step", [*python, *step], 110),
        Part("training", [*python, *train], 180),
        *loop_parts(out, small=small, has_gpu=has_gpu),
    ]
    slower = 3 if small else 1
    return [Part(part.name, part.command, part.seconds * slower) for part in parts]


def _cuda_tests() -> list[str]:
    """Files with tests that need a GPU: to collect the others takes longer than these."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "mark.cuda" in file.read_text()]


def wheels_part(wheels: Path, site: Path) -> list[Part]:
    """The installation of a folder of wheels into another, if there are any."""
    files = sorted(map(str, wheels.glob("*.whl")))
    quiet = ["-q", "--no-compile", "--no-cache-dir", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", *quiet, "--no-index", "--no-deps"]
    return [Part("wheels", [*pip, "--target", str(site), *files], 90)] if files else []


def loop_parts(out: Path, *, small: bool, has_gpu: bool) -> list[Part]:
    """The loop on the CPU, and on a GPU in float32, bfloat16 and compiled.

    The benchmark of the loop follows where the history of the project is: it measures an older
    build of it too.
    """
    loop = [sys.executable, "tools/device_loop.py"]
    on_cpu = [*loop, "--out", str(out / "loop_cpu.json"), "--images", "1" if small else "4"]
    parts = [Part("loop_cpu", [*on_cpu, "--repeats", "1"], 40)]
    if has_gpu:
        on_gpu = [*loop, "--out", str(out / "loop_gpu.json"), "--device", "cuda"]
        parts.append(Part("loop_gpu", [*on_gpu, "--settings", "fp32", "bf16", "compiled"], 90))
    if (ROOT / "benchmarks" / "loop.py").is_file() and (ROOT / ".git").exists():
        command = ["benchmarks/loop.py", "--cases", "0", "--images", "1", "--repeats", "1"]
        command += ["--device", "cuda" if has_gpu else "cpu"]
        parts.append(Part("loop_benchmark", [sys.executable, *command], 45))
    return parts


def run_part(part: Part, log_path: Path, left: float) -> dict:
    """Run a part to its end or its limit; what became of it.

    Args:
        part: is not started where less than `LEAST` is left.
        log_path: takes its output.
        left: seconds that all parts together have left.
    """
    start = time.monotonic()
    limit = min(part.seconds, left)
    if left < LEAST:
        return {"name": part.name, "status": "no time", "told": "", "seconds": 0.0}
    with log_path.open("ab") as log:
        log.write(f"\n===== {part.name}: {' '.join(part.command)[:500]}\n".encode())
        log.flush()
        begin = log.tell()
        try:
            # a session of its own: its workers end with it
            process = subprocess.Popen(
                part.command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            return {"name": part.name, "status": "failed", "told": str(error), "seconds": 0.0}
        try:
            code = process.wait(limit)
            status = "ok" if code == 0 else "failed"
        except subprocess.TimeoutExpired:
            code, status = None, "timed out"
        finally:
            _end(process)
    with log_path.open("rb") as log:
        log.seek(begin)
        told = log.read().decode(errors="replace")[-TOLD:]
    seconds = round(time.monotonic() - start, 1)
    return {
        "name": part.name,
        "status": status,
        "code": code,
        "seconds": seconds,
        "limit_s": round(limit),
        "told": told,
    }


def _end(process: subprocess.Popen) -> None:
    """End a part and the processes that it has left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def with_numbers(result: dict, out: Path) -> dict:
    """The result with what the part wrote, or printed, as JSON."""
    path = out / f"{result['name']}.json"
    try:
        text = (
            path.read_text()
            if path.is_file()
            else result["told"]
            if result["name"] == "facts"
            else ""
        )
        numbers = json.loads(text) if text else None
    except ValueError as error:
        numbers = {"unreadable": str(error)}
    return {**result, "numbers": numbers}


def write_report(path: Path, report: dict) -> None:
    """Write the JSON whole or not at all."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def has_gpu() -> bool:
    """Whether torch sees a GPU, asked in a process of its own: the driver may hang or crash."""
    code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    try:
        return (
            subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def run_parts(parts: list[Part], out: Path, report: dict, total: float) -> list[str]:
    """Run parts one after the other and write the report after each; names of those not ok.

    Args:
        parts: in their order.
        out: folder for all files.
        report: what is known of the machine; gets ``parts`` and ``seconds``.
        total: seconds that all may take.
    """
    log = out / "device_check.log"
    log.write_bytes(b"")
    begin = time.monotonic()
    for part in parts:
        left = total - (time.monotonic() - begin)
        result = with_numbers(run_part(part, log, left), out)
        print(f"{part.name:<12} {result['status']:<10} {result['seconds']:>6.1f} s", flush=True)
        report["parts"].append(result)
        report["seconds"] = round(time.monotonic() - begin, 1)
        # after each: whoever ends this leaves what has been seen
        write_report(out / "device_check.json", report)
    return [result["name"] for result in report["parts"] if result["status"] != "ok"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folders = {"out": ("device_check", "for all files"), "wheels": (".wheels", "of wheels")}
    for name, (default, what) in folders.items():
        parser.add_argument(f"--{name}", type=Path, default=Path(default), help=f"folder {what}")
    parser.add_argument(
        "--small", action="store_true", help="sizes for a CPU, each limit three times as long"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the parts and stop")
    parser.add_argument("--only", nargs="+", help="names of parts")
    args = parser.parse_args()
    out, gpu = args.out.resolve(), not args.dry_run and has_gpu()
    small = args.small or not gpu
    parts = parts_of(out, small=small, has_gpu=gpu)
    unknown = set(args.only or ()) - {part.name for part in parts}
    if unknown:
        names = ", ".join(part.name for part in parts)
        parser.error(f"--only {sorted(unknown)}: the parts are {names}")
    parts = [part for part in parts if not args.only or part.name in args.only]
    if args.dry_run:
        for part in parts:
            print(f"{part.name} ({part.seconds:.0f} s): {' '.join(part.command)[:300]}")
        return 0
    out.mkdir(parents=True, exist_ok=True)
    report = {"machine": platform.platform(), "has_gpu": gpu, "parts": []}
    report["started"] = time.strftime("%Y-%m-%d %H:%M:%S")
    # so that a part and the folder of wheels go with this
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as site:
        paths = [str(ROOT), site, os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        parts = wheels_part(args.wheels, Path(site)) + parts
        failed = run_parts(parts, out, report, float("inf") if small else TOTAL)
    path = out / "device_check.json"
    print(f"{path}:", f"not ok: {', '.join(failed)}" if failed else "all ok")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
