"""Samples of a detector or segmenter in training: the same images, and the worst."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import FUNCTIONS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmpose.engine.bare_model import bare_model
from mmpose.registry import HOOKS

from .region_samples import Regarded, region_tile
from .sample_sheets import fixed_batch, show_sheet, undisturbed_draws

Case = tuple[float, int, Regarded]
"""-IoU, a number that tells equal ones apart, and what is drawn: the worst is the largest."""


@HOOKS.register_module()
class RegionSamplesHook(Hook):
    """At each validation, draw boxes and masks of some images, truth beside prediction.

    Sheets go to the visualizer's backends at the step of the training: ``samples/fixed``, images
    evenly spread over the validation set, and ``samples/worst``, those of the lowest mean IoU of
    annotated people with what was found.

    Args:
        regard: name of the function in mmengine's registry that reads a sample, as
            :func:`regard_detections` does.
        num_fixed: how many are fixed.
        num_worst: how many of the worst.

    Raises:
        KeyError: there is no such function.
        ValueError: a number is negative.
    """

    # before the averages of the weights go back: what is drawn is what was measured
    priority = "ABOVE_NORMAL"

    def __init__(
        self, regard: str = "regard_detections", num_fixed: int = 4, num_worst: int = 4
    ) -> None:
        if min(num_fixed, num_worst) < 0:
            raise ValueError(f"numbers of samples are 0 or more, got {num_fixed}, {num_worst}")
        self.regard = FUNCTIONS.get(regard)
        if self.regard is None:
            raise KeyError(f"no function {regard!r} is registered; import the module that has it")
        self.num_fixed = num_fixed
        self.num_worst = num_worst
        self._fixed_batch: dict | None = None
        self._num_seen = 0
        self._worst: list[Case] = []

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the last validation."""
        self._num_seen, self._worst = 0, []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[BaseDataElement] | None = None,
    ) -> None:
        """Keep the worst of a batch."""
        for sample in outputs or () if self.num_worst else ():
            self._num_seen += 1
            regarded = self.regard(sample, with_masks=False)
            if regarded is None or regarded.iou is None:
                continue
            badness = -float(np.nan_to_num(regarded.iou))
            is_full = len(self._worst) >= self.num_worst
            if is_full and badness <= self._worst[0][0]:
                continue
            case = (badness, -self._num_seen, self.regard(sample, with_masks=True))
            (heapq.heapreplace if is_full else heapq.heappush)(self._worst, case)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draw."""
        gathered = all_gather_object(self._worst)
        if not is_main_process():
            return
        # samplers repeat images to fill batches
        cases = {case[2].path: case for part in gathered for case in part}
        worst = sorted(cases.values(), reverse=True, key=lambda case: case[:2])
        with undisturbed_draws(), torch.no_grad():
            show_sheet(runner, "fixed", _tiles(self._fixed(runner)))
        show_sheet(runner, "worst", _tiles([case[2] for case in worst[: self.num_worst]]))

    def _fixed(self, runner: Runner) -> list[Regarded | None]:
        loader, model = runner.val_loop.dataloader, bare_model(runner.model)
        if self._fixed_batch is None and self.num_fixed:
            self._fixed_batch = fixed_batch(loader, self.num_fixed)
        if self._fixed_batch is None:
            return []
        data = model.data_preprocessor(self._fixed_batch, False)
        answers = model.predict(data["inputs"], data["data_samples"])
        return [self.regard(sample, with_masks=True) for sample in answers]


def _tiles(regarded: Sequence[Regarded | None]) -> list[np.ndarray]:
    tiles = [region_tile(one) for one in regarded if one is not None]
    return [tile for tile in tiles if tile is not None]
