"""The people that a tested model poses worst, as a list and as pictures."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.structures import InstanceData

from mmpose.evaluation import scaled_distances
from mmpose.files import write_image, write_json
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample

from .visualization_hook import draw_on_picture, metainfo_of, picture_name

METRIC_TYPES = ("loss", "accuracy")
NEAR = 0.05  # share of the longer side of the box, as `PCKAccuracy` has it
META_KEYS = ("id", "img_id", "img_path", "dataset_name", "dataset_index")


def person_metric(sample: PoseDataSample, metric_type: str) -> float | None:
    """How well one person is posed, over its labelled joints.

    Args:
        sample: with annotations and predictions of one person.
        metric_type: ``loss``: mean squared difference of the coordinates, px²; ``accuracy``:
            share of joints nearer than 0.05 of the longer side of the box.

    Returns:
        The number; None where no joint is labelled, as in detections.
    """
    pred, gt = (
        torch.as_tensor(instances.keypoints, dtype=torch.float64)  # (1, K, 2)
        for instances in (sample.pred_instances, sample.gt_instances)
    )
    visible = torch.as_tensor(sample.gt_instances.keypoints_visible)
    visible = visible[..., 0] if visible.ndim == 3 else visible
    labelled = (visible > 0) & (gt != 0).any(-1)  # joints of detections are all at (0, 0)
    if not labelled.any():
        return None
    if metric_type == "loss":
        return (pred - gt)[labelled].square().mean().item()
    corners = torch.as_tensor(sample.gt_instances.bboxes, dtype=torch.float64)  # (1, 4)
    sizes = (corners[:, 2:] - corners[:, :2]).amax(-1).clamp(min=1)
    return (scaled_distances(pred, gt, sizes)[labelled] < NEAR).double().mean().item()


@HOOKS.register_module()
class BadCaseAnalysisHook(Hook):
    """After a test, list the people who are posed badly, worst first, and draw the worst.

    ``results.json`` holds one entry for each: ``metric``, ``dataset_name``, ``img_path``,
    ``img_id``, ``id``, ``keypoints`` (K, 3) of x, y and score, and ``picture``, the file with the
    true pose on the left and the predicted one on the right, or null.

    Args:
        enable: whether anything is collected.
        metric_type: ``loss`` or ``accuracy``, see :func:`person_metric`.
        badcase_thr: a person is a bad case from this loss on, or up to this accuracy.
        kpt_thr: joints with lower scores are drawn faint.
        out_dir: folder in the work directory.
        max_pictures: how many of the worst are drawn.

    Raises:
        ValueError: another metric type.
    """

    def __init__(
        self,
        enable: bool = False,
        metric_type: str = "loss",
        badcase_thr: float = 5.0,
        kpt_thr: float = 0.3,
        out_dir: str = "badcase",
        max_pictures: int = 100,
    ) -> None:
        if metric_type not in METRIC_TYPES:
            raise ValueError(f"metric_type must be one of {METRIC_TYPES}, got {metric_type!r}")
        self.enable = enable
        self.metric_type = metric_type
        self.badcase_thr = badcase_thr
        self.kpt_thr = kpt_thr
        self.out_dir = out_dir
        self.max_pictures = max_pictures
        self._bad_cases: list[tuple[float, PoseDataSample]] = []
        self._num_measured = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Forget the last test."""
        self._bad_cases, self._num_measured = [], 0

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Keep the bad cases of a batch."""
        for sample in outputs or () if self.enable else ():
            is_readable = not sample.metainfo.get("unreadable", False)
            value = person_metric(sample, self.metric_type) if is_readable else None
            if value is None:
                continue
            self._num_measured += 1
            is_loss = self.metric_type == "loss"
            if value >= self.badcase_thr if is_loss else value <= self.badcase_thr:
                self._bad_cases.append((value, _slim(sample)))

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Gather the cases of all processes, write the list and the pictures."""
        if not self.enable:
            return
        gathered = all_gather_object((self._num_measured, self._bad_cases))
        if not is_main_process():
            return
        if sum(count for count, _ in gathered) == 0:
            print_log(
                "no bad cases: nobody tested has labelled joints (are these detections?)",
                logger="current",
                level=logging.WARNING,
            )
        # processes may have posed a person twice to get batches of equal number
        cases = {picture_name(sample): (v, sample) for _, part in gathered for v, sample in part}
        worst_first = sorted(
            cases.values(), key=lambda case: case[0], reverse=self.metric_type == "loss"
        )
        folder = Path(runner.work_dir, self.out_dir)
        entries = [_entry(value, sample) for value, sample in worst_first]
        dataset = runner.test_loop.dataloader.dataset
        for entry, (_, sample) in list(zip(entries, worst_first, strict=True))[: self.max_pictures]:
            entry["picture"] = f"{picture_name(sample)}.jpg"
            drawn = draw_on_picture(sample, metainfo_of(dataset, sample), self.kpt_thr)
            write_image(folder / entry["picture"], drawn[..., ::-1])
        write_json(folder / "results.json", entries, indent=1)


def _slim(sample: PoseDataSample) -> PoseDataSample:
    """What of a sample is drawn and listed."""
    info = {key: sample.metainfo[key] for key in META_KEYS if key in sample.metainfo}
    slim = PoseDataSample(metainfo=info)
    gt, pred = sample.gt_instances, sample.pred_instances
    slim.gt_instances = InstanceData(keypoints=gt.keypoints, keypoints_visible=gt.keypoints_visible)
    slim.pred_instances = InstanceData(
        keypoints=pred.keypoints, keypoint_scores=pred.keypoint_scores
    )
    return slim


def _entry(value: float, sample: PoseDataSample) -> dict[str, Any]:
    """A bad case in the list, its picture yet unknown."""
    points = torch.as_tensor(sample.pred_instances.keypoints[0])
    scores = torch.as_tensor(sample.pred_instances.keypoint_scores[0])
    info = sample.metainfo
    return {
        "metric": value,
        **{key: info.get(key) for key in ("dataset_name", "img_path", "img_id", "id")},
        "keypoints": torch.cat([points, scores[:, None]], -1).tolist(),
        "picture": None,
    }
