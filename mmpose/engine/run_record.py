"""What a start of a training ran with, beside its log: machine, versions, config, seed."""

import logging
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmpose.errors import DISK_FULL
from mmpose.files import write_json
from mmpose.machine import describe_machine
from mmpose.project import PROJECT_ROOT

from .config_difference import differences, load_bases, parts_of, value_text

RECORD = "run.json"


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``TIMESTAMP/vis_data/run.json`` when a training starts, and again when it ends.

    It holds ``command``, ``started`` and ``finished`` (UTC, None while it runs or where it
    broke off), ``start_step`` (0, or where a run was resumed), ``resumed_from``, ``max_iters``,
    ``seed``, ``num_processes``, ``config_file``, ``against_base`` (place -> what the file's bases
    say and what the run took, as text; None without bases) and ``machine``.
    """

    priority = "VERY_HIGH"

    def __init__(self) -> None:
        self._record: dict[str, Any] = {}

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Write what is known."""
        devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        self._record = {
            "command": shlex.join(sys.argv),
            "started": _now(),
            "finished": None,
            "start_step": runner.iter,
            "resumed_from": runner._load_from if runner.iter else None,
            "max_iters": runner.max_iters,
            "seed": runner.seed,
            "num_processes": get_world_size(),
            "config_file": runner.cfg.filename,
            "against_base": against_base(runner.cfg),
            "machine": describe_machine(PROJECT_ROOT) | {"devices": devices},
        }
        self._write(runner)

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write that it came to its end."""
        self._record["finished"] = _now()
        self._write(runner)

    def _write(self, runner: Runner) -> None:
        try:
            write_json(Path(runner.log_dir, "vis_data", RECORD), self._record, indent=1)
        except OSError as error:
            # never worth a training, least of all at its end: the last weights are written later
            if error.errno not in DISK_FULL:
                raise
            print_log(
                f"the disk is full: {RECORD} of this run is not written",
                logger="current",
                level=logging.WARNING,
            )


def against_base(config: Config) -> dict[str, tuple[str, str]] | None:
    """Places where a config says something else than the bases of its file, both as text.

    Args:
        config: of a run, with all options set.

    Returns:
        None where there is no file, it has no bases, or they cannot be read any more.
    """
    if config.filename is None or not Path(config.filename).is_file():
        return None
    try:
        base = load_bases(config.filename)
    except (OSError, SyntaxError, ValueError, KeyError) as error:  # never worth a training
        print_log(
            f"the bases of {config.filename} cannot be read: {error}",
            logger="current",
            level=logging.WARNING,
        )
        return None
    if base is None:
        return None
    found = differences(parts_of(base), parts_of(config))
    return {place: (value_text(old), value_text(new)) for place, (old, new) in found.items()}


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
