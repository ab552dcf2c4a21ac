"""Kills trainings at random moments, resumes them, and compares them with ones left alone.

python -m tests.training.kill_campaign --kills 50

Every kind of training is killed (SIGKILL to all its processes) and resumed until it has ended.
Nobody chooses its seed: the one that it drew is then given to a run that is not killed. Losses,
samples and rates of all steps, weights, averages, optimiser and schedule must be the same bits.
"""

import argparse
import multiprocessing
import os
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import torch
from mmengine.runner import runner as mmengine_runner

from mmpose.engine.checkpoint import allow_training_pickles
from mmpose.engine.launch import adapt_to_machine, start_processes
from tests.training.tiny_training import (
    MOVING_AVERAGE,
    STEPS,
    differences_at_end,
    steps_of,
    tiny_config,
    train,
)

HOOKS = [{"type": "SyncBuffersHook"}, MOVING_AVERAGE, {"type": "NoteStepsHook"}]
AVERAGED = {"custom_hooks": HOOKS}
ACCUMULATED = {"optim_wrapper__accumulative_counts": 3}
WORKER = {"train_dataloader__num_workers": 1}
# name -> processes, settings of tiny_config; dropout is in all, a checkpoint every second step
KINDS = {
    "steps": (1, {}),
    "steps, endless sampler, average": (1, {"sampler": "InfiniteSampler", **AVERAGED}),
    "steps, sources, accumulation": (1, {"sampler": "MultiSourceSampler", **ACCUMULATED}),
    "steps, accumulation, average, 2 processes": (2, {**ACCUMULATED, **AVERAGED}),
    "steps, sources, average, 2 processes": (2, {"sampler": "MultiSourceSampler", **AVERAGED}),
    "epochs, accumulation": (1, {"by_epoch": True, **ACCUMULATED}),
    "epochs, sources, average, a worker": (
        1,
        {"by_epoch": True, "sampler": "MultiSourceSampler", **AVERAGED, **WORKER},
    ),
    "epochs, accumulation, average, 2 processes": (
        2,
        {"by_epoch": True, **ACCUMULATED, **AVERAGED},
    ),
}


@dataclass
class Outcome:
    """What was seen of one kind of training."""

    kills: int = 0
    steps: int = 0
    repeated: int = 0
    faults: list[str] = field(default_factory=list)


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return str(listener.getsockname()[1])


def work(rank: int, processes: int, port: str, folder: Path, settings: dict, seed: int | None):
    """One process of a training; its output goes to a file."""
    output = os.open(folder / f"output.rank{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    torch.set_num_threads(1)
    mmengine_runner.collect_env = dict  # it asks compilers for their versions, for seconds
    launcher = "pytorch" if processes > 1 else "none"
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes}
    os.environ |= {key: str(value) for key, value in place.items()}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
    start_processes(launcher)
    length = ("max_epochs", 8) if settings.get("by_epoch") else ("max_iters", 40)
    config = tiny_config(folder, **{f"train_cfg__{length[0]}": length[1], **settings})
    config.randomness = {"seed": seed}
    (note,) = [hook for hook in config.custom_hooks if hook["type"] == "NoteStepsHook"]
    note["with_time"] = True
    adapt_to_machine(config, launcher=launcher)
    train(config, resume=has_checkpoint(folder))
    os._exit(0)  # threads of gloo may outlive their group


def run(processes: int, folder: Path, settings: dict, *, seed=None, kill_after=None) -> bool:
    """Start a training, and kill it so many seconds after its first step; whether it has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    port, before = free_port(), len(notes(folder))
    # Forked from a process that has torch: a killed training costs no new start of it. Not from
    # this one, where autograd may have threads, which no fork has.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([tiny_config.__module__])
    workers = [
        context.Process(target=work, args=(rank, processes, port, folder, settings, seed))
        for rank in range(processes)
    ]
    for worker in workers:
        worker.start()
    if kill_after is not None:
        while len(notes(folder)) == before and all(worker.is_alive() for worker in workers):
            time.sleep(0.002)
        time.sleep(kill_after)
    has_ended = kill_after is None or not any(worker.is_alive() for worker in workers)
    if has_ended:
        for worker in workers:
            worker.join()
    # before the kills: a process may notice that the other one was killed first
    codes = [worker.exitcode for worker in workers]
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join()
    if any(codes):
        raise RuntimeError(f"{folder}: exit codes {codes}, see output.rank*.txt there")
    return has_ended


def notes(folder: Path) -> bytes:
    path = folder / STEPS.format(0)
    return path.read_bytes() if path.is_file() else b""


def seconds_of_steps(folder: Path) -> float:
    """From the first step to the last, of a training left alone."""
    times = [step["time"] for step in steps_of(folder)]
    return times[-1] - times[0]


def has_checkpoint(folder: Path) -> bool:
    return any(folder.glob("iter_*.pth"))


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("iter_"))


def step_reached(folder: Path) -> int:
    return steps_of(folder)[-1]["step"] if notes(folder) else 0


def without_time(steps: list[dict]) -> list[dict]:
    return [{key: value for key, value in step.items() if key != "time"} for step in steps]


def compare(folder: Path, whole: Path, processes: int, outcome: Outcome) -> None:
    """Note what differs between a killed training and one left alone."""
    for rank in range(processes):
        expected = {step["step"]: step for step in without_time(steps_of(whole, rank))}
        found = without_time(steps_of(folder, rank))
        outcome.faults += [
            f"process {rank}: {step} instead of {expected[step['step']]}"
            for step in found
            if step != expected[step["step"]]
        ]
        missing = expected.keys() - {step["step"] for step in found}
        outcome.faults += [f"process {rank}: no step {step}" for step in sorted(missing)]
        outcome.steps += len(expected)
        outcome.repeated += len(found) - len(expected)
    outcome.faults += differences_at_end(whole, folder)


def attack(name: str, kills: int, root: Path, random: Random, report=print) -> Outcome:
    """Kill a kind of training so many times, in as many trainings as that takes."""
    processes, settings = KINDS[name]
    outcome, number = Outcome(), 0
    run(processes, root / "timed", settings, seed=0)
    duration = seconds_of_steps(root / "timed")
    while outcome.kills < kills:
        folder, whole = root / f"killed{number}", root / f"whole{number}"
        number += 1
        while True:
            # after the last kill wanted, to the end
            moment = random.uniform(0, duration) if outcome.kills < kills else None
            if run(processes, folder, settings, kill_after=moment):
                break
            outcome.kills += 1
            kept = max(folder.glob("iter_*.pth"), key=step_of, default=None)
            report(
                f"{name}: killed {moment:.2f} s after its first step, of {duration:.2f} s to the "
                f"last, in step {step_reached(folder) + 1}; {kept.name if kept else 'nothing'} is "
                "kept"
            )
            if kept is None:  # begun again, with another seed
                shutil.rmtree(folder)
        allow_training_pickles()
        final = torch.load(folder / f"iter_{step_reached(folder)}.pth", weights_only=True)
        seed = final["meta"]["seed"]
        run(processes, whole, settings, seed=seed)
        compare(folder, whole, processes, outcome)
    return outcome


def campaign(kills: int, folder: Path, seed: int, report=print) -> dict[str, Outcome]:
    """Share kills among all kinds of training; what was seen, by kind."""
    outcomes = {}
    for number, name in enumerate(KINDS):
        share = kills // len(KINDS) + (number < kills % len(KINDS))
        if share:
            random = Random(f"{seed} {name}")
            outcomes[name] = attack(name, share, folder / str(number), random, report)
            report(f"{name}: {len(outcomes[name].faults)} differences after {share} kills")
    return outcomes


def main() -> None:
    """Run a campaign and print what it saw; exit with 1 where something differed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = campaign(args.kills, Path(folder), args.seed)
    print("\n| training | kills | steps | trained again | differences |")
    print("| --- | --- | --- | --- | --- |")
    for name, seen in outcomes.items():
        print(f"| {name} | {seen.kills} | {seen.steps} | {seen.repeated} | {len(seen.faults)} |")
    faults = [f"{name}: {fault}" for name, seen in outcomes.items() for fault in seen.faults]
    print("\n".join(faults[:20]) or "all losses, weights, averages and optimiser states are equal")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
