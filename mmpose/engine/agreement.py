"""Decisions that all processes take at the same step."""

import errno
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as torch_dist
from mmengine.dist import is_distributed

from mmpose.errors import DISK_FULL


class Agreement:
    """The largest of each vote over all processes.

    The votes travel between CPUs (gloo): the queue of a GPU is not waited for.

    Args:
        timeout_s: how long one process waits for another, seconds.
    """

    def __init__(self, timeout_s: int = 1800) -> None:
        self.group = None
        if is_distributed():
            self.group = torch_dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_s))

    def on_largest(self, *votes: int) -> list[int]:
        """Every process calls it, at the same place, and gets the same answer."""
        if self.group is None:
            return list(votes)
        largest = torch.tensor(votes)
        torch_dist.all_reduce(largest, torch_dist.ReduceOp.MAX, group=self.group)
        return largest.tolist()

    def on_room_for(self, write: Callable, *args: Any) -> tuple[Any, OSError | None]:
        """Write a file, which only some processes may really do.

        Returns:
            What ``write`` gives, and an error in all processes if the disk is full in one.

        Raises:
            OSError: the file cannot be written for another reason.
        """
        answer = error = None
        try:
            answer = write(*args)
        except OSError as caught:
            if caught.errno not in DISK_FULL:
                raise
            error = caught
        (is_full,) = self.on_largest(int(error is not None))
        if is_full and error is None:
            error = OSError(errno.ENOSPC, "the disk of another process is full")
        return answer, error

    def on_first_error(self, error: Exception | None) -> str | None:
        """What went wrong in any process, in words; None if nothing did."""
        told = None if error is None else f"{type(error).__name__}: {error}"
        if self.group is None:
            return told
        all_told = [None] * torch_dist.get_world_size(self.group)
        torch_dist.all_gather_object(all_told, told, group=self.group)
        return next((text for text in all_told if text), None)
