"""Samples of a pose model in training: the same ones again and again, and the worst."""

import heapq
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpose.engine.bare_model import bare_model
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample

from .pose_samples import (
    PersonNumbers,
    crop_tile,
    measure_person,
    person_tile,
    restore_crop,
    sample_in_crop,
    slim_sample,
)
from .pose_style import PoseStyle
from .sample_sheets import fixed_batch, show_sheet, spread_evenly, undisturbed_draws
from .visualization_hook import metainfo_of

Case = tuple[float, int, PersonNumbers, PoseDataSample]
"""-OKS, a number that tells equal ones apart, and what is drawn: the worst is the largest."""


@HOOKS.register_module()
class PoseSamplesHook(Hook):
    """At each validation, measure all people and draw some, truth beside prediction.

    ``val/pixel_error`` is the mean distance of labelled joints in image pixels, ``val/oks`` the
    mean similarity of people in their own boxes; both are metrics too, which ``save_best`` may
    name. Sheets go to the visualizer's backends at the step of the training: ``samples/fixed``,
    people evenly spread over the validation set; ``samples/worst_oks``; ``samples/worst_loss``,
    crops of the last training batch with the highest losses, drawn as the network saw them.

    Other models' samples are left alone.

    Args:
        num_fixed: how many are fixed.
        num_worst: how many of each of the worst kinds.
        num_tried: of how many crops of the training batch the loss is taken, one forward pass
            each, without gradients.
        kpt_thr: joints with lower scores are drawn faint.

    Raises:
        ValueError: a number is negative.
    """

    # before the averages of the weights go back: what is drawn is what was measured
    priority = "ABOVE_NORMAL"

    def __init__(
        self, num_fixed: int = 4, num_worst: int = 4, num_tried: int = 16, kpt_thr: float = 0.3
    ) -> None:
        if min(num_fixed, num_worst, num_tried) < 0:
            raise ValueError(
                f"numbers of samples are 0 or more, got {num_fixed}, {num_worst}, {num_tried}"
            )
        self.num_fixed = num_fixed
        self.num_worst = num_worst
        self.num_tried = num_tried
        self.kpt_thr = kpt_thr
        self._train_batch: Any = None
        self._fixed_batch: dict | None = None
        self._numbers: dict[Hashable, PersonNumbers] = {}
        self._worst: list[Case] = []

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Keep the batch; its crops are looked at when a validation comes."""
        self._train_batch = data_batch

    def before_val_epoch(self, runner: Runner) -> None:
        """Forget the last validation."""
        self._numbers, self._worst = {}, []

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Measure the people of a batch."""
        dataset = runner.val_loop.dataloader.dataset
        for sample in outputs or ():
            if not isinstance(sample, PoseDataSample):
                return
            numbers = measure_person(sample, metainfo_of(dataset, sample)["sigmas"])
            if numbers is None:
                continue
            key = _key(sample)
            if key not in self._numbers:  # samplers repeat people to fill batches
                self._numbers[key] = numbers
                self._keep_worst(numbers, sample)

    def _keep_worst(self, numbers: PersonNumbers, sample: PoseDataSample) -> None:
        badness = -float(np.nan_to_num(numbers.oks))
        is_full = len(self._worst) >= self.num_worst
        if self.num_worst == 0 or (is_full and badness <= self._worst[0][0]):
            return
        case = (badness, -len(self._numbers), numbers, slim_sample(sample))
        (heapq.heapreplace if is_full else heapq.heappush)(self._worst, case)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Log the numbers and draw."""
        gathered = all_gather_object((self._numbers, self._worst))
        numbers = {key: one for part, _ in gathered for key, one in part.items()}
        found = mean_numbers(numbers.values())
        for name, value in found.items():
            runner.message_hub.update_scalar(f"val/{name}", value)
        if metrics is not None:
            metrics.update(found)
        model = bare_model(runner.model)
        if not found or not is_main_process():
            return
        with undisturbed_draws(), torch.no_grad():
            show_sheet(runner, "fixed", self._fixed(runner, model))
            show_sheet(runner, "worst_loss", self._worst_losses(runner, model))
        cases = {_key(case[3]): case for _, part in gathered for case in part}
        worst = sorted(cases.values(), reverse=True, key=lambda case: case[:2])
        drawn = [self._drawn(runner, case[3], case[2].told()) for case in worst[: self.num_worst]]
        show_sheet(runner, "worst_oks", [tile for tile in drawn if tile is not None])

    def _fixed(self, runner: Runner, model: torch.nn.Module) -> list[np.ndarray]:
        loader = runner.val_loop.dataloader
        if self._fixed_batch is None and self.num_fixed:
            self._fixed_batch = fixed_batch(loader, self.num_fixed)
        if self._fixed_batch is None:
            return []
        data = model.data_preprocessor(self._fixed_batch, False)
        # not forward, which may be compiled for batches of another size
        tiles = []
        for sample in model.predict(data["inputs"], data["data_samples"]):
            if not sample.metainfo.get("unreadable", False):
                sigmas = metainfo_of(loader.dataset, sample)["sigmas"]
                numbers = measure_person(sample, sigmas)
                note = "" if numbers is None else numbers.told()
                tiles.append(self._drawn(runner, slim_sample(sample), note))
        return [tile for tile in tiles if tile is not None]

    def _drawn(self, runner: Runner, sample: PoseDataSample, note: str) -> np.ndarray | None:
        metainfo = metainfo_of(runner.val_loop.dataloader.dataset, sample)
        style = getattr(runner.visualizer, "style", PoseStyle())
        return person_tile(sample, metainfo, note, kpt_thr=self.kpt_thr, style=style)

    def _worst_losses(self, runner: Runner, model: torch.nn.Module) -> list[np.ndarray]:
        """Tiles of the worst crops of the last training batch, worst first."""
        batch = self._train_batch
        if not self.num_worst or not _has_targets(batch):
            return []
        rows = spread_evenly(self.num_tried, len(batch["data_samples"]))
        found = []
        # one by one: the losses of a batch come as their mean
        for row in rows:
            one = {"inputs": [batch["inputs"][row]], "data_samples": [batch["data_samples"][row]]}
            data = model.data_preprocessor(one, True)
            total, _ = model.parse_losses(model.loss(data["inputs"], data["data_samples"]))
            found.append((float(np.nan_to_num(total.item(), nan=np.inf)), row, data["inputs"]))
        found.sort(key=lambda case: case[0], reverse=True)
        dataset = runner.train_loop.dataloader.dataset
        style = getattr(runner.visualizer, "style", PoseStyle())
        tiles = []
        for loss, row, inputs in found[: self.num_worst]:
            crop = restore_crop(inputs[0], model.data_preprocessor)
            sample = batch["data_samples"][row]
            posed = sample_in_crop(sample, crop.shape[1::-1])
            model.predict(inputs, [posed])
            tiles.append(
                crop_tile(
                    *(crop, posed, metainfo_of(dataset, sample), f"loss {loss:.4g}"),
                    **{"kpt_thr": self.kpt_thr, "style": style},
                )
            )
        return tiles


def _has_targets(batch: Any) -> bool:
    """Whether a batch is one of a pose model, with targets of which a loss can be taken."""
    samples = batch.get("data_samples") if isinstance(batch, dict) else None
    return bool(samples) and all(
        "gt_instance_labels" in sample
        and ("gt_fields" in sample or "transformed_keypoints" in sample.gt_instances)
        for sample in samples
    )


def mean_numbers(numbers: Iterable[PersonNumbers]) -> dict[str, float]:
    """``pixel_error``, mean over joints, and ``oks``, mean over people; nothing of nobody."""
    numbers = list(numbers)
    if not numbers:
        return {}
    offset, joints = (sum(column) for column in list(zip(*numbers, strict=True))[:2])
    oks = sum(one.oks for one in numbers) / len(numbers)
    return {"pixel_error": offset / joints, "oks": oks}


def _key(sample: PoseDataSample) -> Hashable:
    info = sample.metainfo
    return info.get("dataset_index"), info["img_id"], info["id"]
