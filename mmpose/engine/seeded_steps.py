"""Random draws of a training step, such as dropout's, that a resumed run makes again."""

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS  # so that configs of every scope find it
from mmengine.runner import Runner


@HOOKS.register_module()
class SeededStepsHook(Hook):
    """Seeds torch's draws of every step by the run's seed, the step and the process.

    So a run that was stopped and resumed drops the paths and draws the clicks of one that was
    not.
    """

    priority = "VERY_HIGH"

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Seed the step."""
        place = (runner.seed, runner.iter, get_rank())
        torch.manual_seed(hash(place) % 2**63)  # of whole numbers alone, so the same everywhere
