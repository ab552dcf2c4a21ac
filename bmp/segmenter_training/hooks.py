"""Random clicks that a resumed run draws again."""

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from bmp.registry import HOOKS


@HOOKS.register_module()
class SeededStepsHook(Hook):
    """Seeds torch's draws of every step by the run's seed, the step and the process.

    So a run that was stopped and resumed draws the clicks of one that was not.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Seed the step."""
        place = (runner.seed, runner.iter, get_rank())
        torch.manual_seed(hash(place) % 2**63)  # of whole numbers alone, so the same everywhere
