"""One run, step by step, in a process of its own: ``python -m mmpose.ablation.worker FOLDER``.

It holds the run's lock and writes its record. So it needs no scheduler once it has begun: whoever
started it may be killed, and the next call waits for it or goes on after it.
"""

import argparse
import json
import operator
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmpose.errors import explain
from mmpose.machine import describe_machine

from .run_folder import CHECKPOINT, RunFolder

TAKEN = 75
"""Exit code: another process works on this run."""
NUM_LAST_LINES = 20


def work_on(folder: RunFolder, *, with_srun: bool = False, again: bool = False) -> int:
    """Do what is missing of a run.

    Args:
        folder: prepared.
        with_srun: start the steps as those of a Slurm job.
        again: also where it failed before.

    Returns:
        Exit code: 0, 1 of a failed run, or :data:`TAKEN`.
    """
    with folder.lock() as lock:
        if lock is None:
            return TAKEN
        record = folder.record()
        state = record.get("state")
        # somebody may have finished it between the scheduler's look and our lock
        if state == "done" or (state == "failed" and not again):
            return int(state == "failed")
        recipe = folder.recipe()
        record = {
            "state": "running",
            "steps": record.get("steps", {}),
            **describe_machine(Path(recipe["tools"])),
        }
        folder.write_record(record)
        for step in recipe["steps"]:
            done = record["steps"].get(step["name"], {})
            if done.get("exit_code") == 0:
                continue
            try:
                told = _run_step(folder, recipe, step, done, with_srun, lock)
            except ValueError as error:  # before its tool was called
                folder.write_record({**record, "state": "failed", "error": str(error)})
                return 1
            record["steps"][step["name"]] = told
            if told["exit_code"]:
                record |= {"state": "failed", "error": _why(folder, record, step["name"])}
                folder.write_record(record)
                return 1
            folder.write_record(record)
        folder.write_record({**record, "state": "done"})
        _keep_draws(folder)
        return 0


def _keep_draws(folder: RunFolder) -> None:
    """Evaluate what the table will show, so that tables of many runs take seconds."""
    if not any(folder.path.glob("*/results*.json")):
        return
    # torch and much else, only now that nothing is measured any more
    from .measures import keep_draws

    try:
        keep_draws(folder)
    except (OSError, ValueError) as error:  # the table tries again and tells whoever asks for it
        print(f"no draws are kept: {explain(error)}", file=sys.stderr)


def _run_step(
    folder: RunFolder,
    recipe: dict[str, Any],
    step: dict[str, str],
    before: dict[str, Any],
    with_srun: bool,
    lock: int,
) -> dict[str, Any]:
    """Call the tool; what it took, added to what earlier tries of it took."""
    work_dir = folder.path / step["name"]
    work_dir.mkdir(exist_ok=True)
    command = [*_launch(recipe["num_processes"], with_srun), *_tool(folder, recipe, step)]
    if recipe["num_processes"] > 1:
        command += ["--launcher", "slurm" if with_srun else "pytorch"]
    begin = time.monotonic()
    with (work_dir / "log.txt").open("ab") as log:
        # the lock goes along: where this process is killed, nobody else begins before the tool ends
        process = subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[lock])
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # srun is but a client: the tool runs elsewhere, and its memory and processor time with it
    cpu_seconds = None if with_srun else usage.ru_utime + usage.ru_stime
    peak_mb = None if with_srun else usage.ru_maxrss * 1024 / 1e6
    return {
        "exit_code": process.returncode,
        "seconds": before.get("seconds", 0.0) + time.monotonic() - begin,
        "cpu_seconds": _both(before, "cpu_seconds", cpu_seconds, operator.add),
        "tries": before.get("tries", 0) + 1,
        "peak_mb": _both(before, "peak_mb", peak_mb, max),
        "command": command,
    }


def _both(
    before: dict[str, Any], name: str, now: float | None, join: Callable[[float, float], float]
) -> float | None:
    """A measure of all tries; None where one of them could not take it."""
    earlier = before.get(name, 0.0)
    return None if earlier is None or now is None else join(earlier, now)


def _launch(num_processes: int, with_srun: bool) -> list[str]:
    if with_srun:
        return ["srun", "--ntasks", str(num_processes), sys.executable]
    if num_processes == 1:
        return [sys.executable]
    torchrun = ["-m", "torch.distributed.run", "--standalone"]
    return [sys.executable, *torchrun, "--nproc_per_node", str(num_processes)]


def _tool(folder: RunFolder, recipe: dict[str, Any], step: dict[str, str]) -> list[str]:
    work_dir = folder.path / step["name"]
    config, uses_checkpoint = _final_config(folder, recipe, step["name"])
    command = [str(Path(recipe["tools"], f"{step['task']}.py")), str(config)]
    if step["task"] == "train":
        command.append("--resume")
    else:
        checkpoint = None if uses_checkpoint else _checkpoint_before(folder, recipe, step["name"])
        command += [checkpoint] if checkpoint else []
        command += ["--out", str(work_dir / "metrics.json")]
    return [*command, "--work-dir", str(work_dir), "--facts", str(work_dir / "facts.json")]


def _final_config(folder: RunFolder, recipe: dict[str, Any], name: str) -> tuple[Path, bool]:
    """The config of a step with the checkpoint of the training before in its place."""
    path = folder.path / f"{name}.py"
    text = path.read_text(encoding="utf-8")
    if CHECKPOINT not in text:
        return path, False
    checkpoint = _checkpoint_before(folder, recipe, name)
    if checkpoint is None:
        raise ValueError(f"{path} needs {CHECKPOINT}, and no training stands before it")
    final = path.with_name(f"{name}.final.py")
    final.write_text(text.replace(CHECKPOINT, checkpoint), encoding="utf-8")
    return final, True


def _checkpoint_before(folder: RunFolder, recipe: dict[str, Any], name: str) -> str | None:
    checkpoint = None
    for step in recipe["steps"]:
        if step["name"] == name:
            break
        last = folder.path / step["name"] / "last_checkpoint"
        if step["task"] == "train":
            if not last.is_file():  # a test would take other weights without a word
                raise ValueError(f"{step['name']} left no checkpoint; see default_hooks.checkpoint")
            checkpoint = last.read_text(encoding="utf-8").strip()
    return checkpoint


def _why(folder: RunFolder, record: dict[str, Any], name: str) -> str:
    """The last lines of a step that failed, and its exit code (negative: a signal)."""
    code = record["steps"][name]["exit_code"]
    try:
        text = (folder.path / name / "log.txt").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return explain(error)
    return "\n".join([*text.splitlines()[-NUM_LAST_LINES:], f"({name}: exit code {code})"])


def _line(path: str, index: int) -> str:
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if not 0 <= index < len(lines):
        raise ValueError(f"--index {index}: {path} has {len(lines)} lines, counted from 0")
    return lines[index]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="of a prepared run, or a file with one folder per line")
    parser.add_argument("--index", type=int, help="line of that file, from 0")
    parser.add_argument("--srun", action="store_true", help="start steps with srun")
    parser.add_argument("--again", action="store_true", help="also where it failed before")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    try:
        path = args.folder if args.index is None else _line(args.folder, args.index)
        if not Path(path).is_dir():  # the lock would make it
            raise ValueError(f"{path} is no folder of a prepared run")
        sys.exit(work_on(RunFolder(path), with_srun=args.srun, again=args.again))
    except (OSError, ValueError, json.JSONDecodeError) as error:
        sys.exit(f"error: {explain(error)}")


if __name__ == "__main__":
    main()
