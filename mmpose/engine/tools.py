"""What the command-line tools for training and testing share."""

import argparse
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch.distributed as dist
from mmengine.config import Config
from mmengine.logging import print_log

from mmpose.errors import check_file_writable, check_writable, run_command
from mmpose.files import write_json
from mmpose.inputs import opencv_warning

from .cfg_options import CfgOptionsAction
from .checkpoint_hook import CheckpointHook
from .config import describe_knobs, load_config
from .facts import facts_of
from .last_checkpoint import newest_checkpoint
from .launch import LAUNCHERS, adapt_to_machine, leave_processes, start_processes
from .preemption import PREEMPTED, Preempted, watch_signals
from .runner import StrictRunner


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that ``tools/train.py`` and ``tools/test.py`` share."""
    parser.add_argument("config", help="config file")
    parser.add_argument(
        "--work-dir", help="folder for logs and checkpoints; else the config's, or work_dirs/CONFIG"
    )
    parser.add_argument(
        "--launcher",
        choices=LAUNCHERS,
        default="none",
        help="what started the processes: torchrun (pytorch), srun (slurm), or nothing (none)",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=CfgOptionsAction,
        help="values of the config to replace: its knobs, such as max_iters=100, or places, such "
        "as train_cfg.val_interval=10; with spaces 'data_root=my data/coco'; 'key=[a, b]' is a "
        "list, quotes in the value make text",
    )
    parser.add_argument(
        "--facts", help="JSON file for facts of the run: parameters, memory of the GPU"
    )
    parser.add_argument("--knobs", action="store_true", help="list the config's knobs and stop")


def open_config(args: argparse.Namespace) -> Config:
    """Load the config that the arguments name and join the group of processes.

    With ``--knobs`` print its knobs and end the program.
    """
    if args.knobs:
        print(describe_knobs(args.config))
        raise SystemExit
    config = load_config(args.config, args.cfg_options)
    work_dir = args.work_dir or config.get("work_dir")
    config.work_dir = str(work_dir or Path("work_dirs") / Path(args.config).stem)
    check_writable(config.work_dir, "--work-dir")
    warning = opencv_warning()
    if warning is not None:
        print_log(warning, logger=None, level=logging.WARNING)
    start_processes(args.launcher)
    return config


def find_started(config: Config) -> str | None:
    """The checkpoint of the config's ``work_dir`` that a run goes on from; None without one."""
    out_dir = ((config.get("default_hooks") or {}).get("checkpoint") or {}).get("out_dir")
    # as mmengine's hook lays them out
    folder = Path(out_dir, Path(config.work_dir).name) if out_dir else config.work_dir
    return newest_checkpoint(config.work_dir, folder)


def train(
    config: Config,
    *,
    launcher: str,
    amp: bool,
    resume: str | None,
    seed: int | None,
    facts: str | None = None,
) -> None:
    """Train what a config describes.

    Args:
        config: see `load_config`.
        launcher: see `start_processes`.
        amp: see `adapt_to_machine`.
        resume: the checkpoint to go on from, see `find_started`; None starts anew.
        seed: of all random numbers; None keeps that of the config.
        facts: JSON file for :func:`mmpose.engine.facts.facts_of`.
    """
    adapt_to_machine(config, launcher=launcher, amp=amp)
    if seed is not None:
        config.randomness = {**(config.get("randomness") or {}), "seed": seed}
    if resume is not None:
        config.resume, config.load_from = True, resume
    runner = StrictRunner.from_config(config)
    # without the hook that acts on a signal it must end the program, as ever
    writes_checkpoints = any(isinstance(hook, CheckpointHook) for hook in runner.hooks)
    try:
        with watch_signals() if writes_checkpoints else nullcontext():
            runner.train()
    except Preempted as reason:
        runner.logger.warning(f"{reason} (exit code {PREEMPTED})")
        runner.visualizer.close()  # what TensorBoard has not written yet
        raise
    _write_facts(runner, facts)


def _write_facts(runner: StrictRunner, facts: str | None) -> None:
    if facts is not None and runner.rank == 0:
        write_json(facts, facts_of(runner.model), indent=2)


def test(
    config: Config,
    *,
    launcher: str,
    checkpoint: str | None,
    out: str | None,
    facts: str | None = None,  # noqa: PT028 - this is no test
) -> dict[str, float]:
    """Evaluate what a config describes.

    Args:
        config: see `load_config`.
        launcher: see `start_processes`.
        checkpoint: weights; None for models that find their own, such as the loop.
        out: JSON file for the numbers.
        facts: JSON file for :func:`mmpose.engine.facts.facts_of`.

    Returns:
        The numbers by name.
    """
    if out is not None:  # hours before it is needed
        check_file_writable(out)
    adapt_to_machine(config, launcher=launcher)
    # only training may start from weights that do not fit
    config.load_from, config.load_from_allow, config.resume = checkpoint, [], False
    # these belong to training alone; without them no training data is needed
    for key in ("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler"):
        config[key] = None
    for key in ("val_dataloader", "val_cfg", "val_evaluator"):
        config[key] = None
    config.custom_hooks = []
    runner = StrictRunner.from_config(config)
    metrics = runner.test()
    if out is not None and runner.rank == 0:
        write_json(out, metrics, indent=2)
    _write_facts(runner, facts)
    return metrics


def run_tool(main: Callable[[], object]) -> None:
    """Run a tool; what a user can fix is told on stderr instead of a traceback."""

    def run() -> None:
        preempted = None
        try:
            main()
        except Preempted as reason:
            preempted = reason.with_traceback(None)  # whose frames hold the runner
        if dist.is_available() and dist.is_initialized():
            leave_processes()
        if preempted is not None:
            raise preempted

    run_command(run)
