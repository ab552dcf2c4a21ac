"""Preparing a config for the machine it runs on: processes, device, precision."""

import gc
import os
import subprocess
from datetime import timedelta

import torch
import torch.distributed as torch_dist
from mmengine.config import Config

LAUNCHERS = ("none", "pytorch", "slurm")


def use_slurm_names() -> None:
    """Give torch.distributed its variables from those of a Slurm job step.

    Raises:
        ValueError: there is none, or its first machine is not known.
    """
    if "SLURM_PROCID" not in os.environ:
        raise ValueError("--launcher slurm needs a Slurm job step: start the tool with srun")
    names = {
        "RANK": os.environ["SLURM_PROCID"],
        "LOCAL_RANK": os.environ["SLURM_LOCALID"],
        "WORLD_SIZE": os.environ["SLURM_NTASKS"],
        "MASTER_PORT": "29500",
    }
    # a container has the job's variables, but seldom Slurm's tools
    if "MASTER_ADDR" not in os.environ:
        names["MASTER_ADDR"] = _first_host(os.environ["SLURM_NODELIST"])
    # what the user has set, such as another port, wins
    for name, value in names.items():
        os.environ.setdefault(name, value)


def _first_host(nodes: str) -> str:
    """The first of a job's machines; only Slurm's own tool spells ``node[1-4]`` out."""
    try:
        answer = subprocess.run(
            ["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(
            f"the first machine of {nodes} is not known, as scontrol cannot be asked ({error}); "
            "set MASTER_ADDR to its name before srun"
        ) from error
    return answer.stdout.split()[0]


def start_processes(launcher: str, timeout_s: int = 1800) -> None:
    """Join the group of processes: nccl with a GPU each, gloo on CPUs.

    Args:
        launcher: ``none`` (one process), ``pytorch`` (started by torchrun) or ``slurm`` (srun).
        timeout_s: how long one process waits for another, seconds.

    Raises:
        ValueError: the tool was not started by that launcher.
    """
    if launcher == "none" or torch_dist.is_initialized():
        return
    if launcher == "slurm":
        use_slurm_names()
    if "RANK" not in os.environ:
        raise ValueError(
            "--launcher pytorch needs torchrun: torchrun --nproc_per_node 2 tools/... "
            "--launcher pytorch"
        )
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    torch_dist.init_process_group(backend, timeout=timedelta(seconds=timeout_s))


def leave_processes() -> None:
    """Leave the group of processes, and end its threads.

    They live as long as something holds the group, and a model of several processes in a cycle
    of references does. A thread of gloo that frees a tensor while Python ends aborts a process
    that has done its work.
    """
    torch_dist.destroy_process_group()
    gc.collect()


def adapt_to_machine(config: Config, *, launcher: str, amp: bool = False) -> None:
    """Change a config in place for its number of processes, device and precision.

    Args:
        config: of the runner.
        launcher: see `start_processes`.
        amp: train in bfloat16, which has the range of float32: with float16 large losses overflow
            and steps are skipped.
    """
    config.launcher = launcher
    if launcher != "none" and not torch.cuda.is_available():
        wrapper = config.get("model_wrapper_cfg") or {
            # mmengine's own settings but for the last
            "type": "MMDistributedDataParallel",
            "broadcast_buffers": False,
            "find_unused_parameters": config.get("find_unused_parameters", False),
            "device_ids": None,  # else mmengine adds the local rank, which CPUs do not have
        }
        config.model_wrapper_cfg = wrapper
    if amp:
        # the runner builds a wrapper of ours from it, which runs on a CPU too
        config.optim_wrapper.update(type="AmpOptimWrapper", dtype="bfloat16")
