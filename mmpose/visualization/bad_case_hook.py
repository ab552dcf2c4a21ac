"""The people that a tested model poses worst, as a list and as images."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn

from mmpose.evaluation import scaled_distances
from mmpose.files import write_image, write_json
from mmpose.registry import HOOKS, METRICS, MODELS
from mmpose.structures import PoseDataSample

from .display import require_display
from .pose_samples import slim_sample
from .visualization_hook import draw_on_image, image_name, metainfo_of

METRIC_TYPES = ("loss", "accuracy")
NEAR = 0.05  # share of the longer side of the box, as `PCKAccuracy` has it


def person_metric(
    sample: PoseDataSample, metric_type: str, metric: nn.Module | BaseMetric | None = None
) -> float | None:
    """How well one person is posed, over its labelled joints.

    Args:
        sample: with annotations and predictions of one person.
        metric_type: ``loss``: mean squared difference of the coordinates, px²; ``accuracy``:
            share of joints nearer than 0.05 of the longer side of the box.
        metric: what measures instead: for ``loss`` a module, called with the predicted and true
            coordinates of the L labelled joints, (1, L, 2) each; for ``accuracy`` a metric, whose
            first number counts.

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
    if metric is not None and metric_type == "loss":
        return float(metric(pred[labelled][None], gt[labelled][None]))
    if metric is not None:
        metric.process({}, [sample.to_dict()])
        numbers = metric.compute_metrics(metric.results)
        metric.results.clear()
        return float(next(iter(numbers.values())))
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
        show: whether the images are shown in a window too.
        wait_time: seconds that a window stays open; 0: until a key is pressed.
        interval: of the list, one in so many is drawn, the worst first.
        kpt_thr: joints with lower scores are drawn faint.
        out_dir: folder in the work directory.
        metric_type: ``loss`` or ``accuracy``, see :func:`person_metric`.
        metric: config of another loss or metric. The published default, ``KeypointMSELoss``,
            gives the same numbers as None.
        badcase_thr: a person is a bad case from this loss on, or up to this accuracy.
        max_pictures: how many are drawn at most.

    Raises:
        KeyError: there is no such loss or metric.
        RuntimeError: windows are asked for and there is no display.
        ValueError: another metric type, or the interval is below 1.
    """

    def __init__(
        self,
        enable: bool = False,
        show: bool = False,
        wait_time: float = 0.0,
        interval: int = 1,
        kpt_thr: float = 0.3,
        out_dir: str = "badcase",
        metric_type: str = "loss",
        metric: dict | None = None,
        badcase_thr: float = 5.0,
        max_pictures: int = 100,
    ) -> None:
        if metric_type not in METRIC_TYPES:
            raise ValueError(f"metric_type must be one of {METRIC_TYPES}, got {metric_type!r}")
        if interval < 1:
            raise ValueError(f"interval is a number of images, at least 1, got {interval}")
        if enable and show:
            require_display()
        self.enable = enable
        self.show = show
        self.wait_time = wait_time
        self.interval = interval
        self.kpt_thr = kpt_thr
        self.out_dir = out_dir
        self.metric_type = metric_type
        self.metric = _build_metric(metric_type, metric)
        self.badcase_thr = badcase_thr
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
            if not is_readable:
                continue
            value = person_metric(sample, self.metric_type, self.metric)
            if value is None:
                continue
            self._num_measured += 1
            is_loss = self.metric_type == "loss"
            if value >= self.badcase_thr if is_loss else value <= self.badcase_thr:
                self._bad_cases.append((value, slim_sample(sample)))

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Gather the cases of all processes, write the list and the images."""
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
        cases = {image_name(sample): (v, sample) for _, part in gathered for v, sample in part}
        worst_first = sorted(
            cases.values(), key=lambda case: case[0], reverse=self.metric_type == "loss"
        )
        folder = Path(runner.work_dir, self.out_dir)
        entries = [_entry(value, sample) for value, sample in worst_first]
        listed = list(zip(entries, (sample for _, sample in worst_first), strict=True))
        for entry, sample in listed[:: self.interval][: self.max_pictures]:
            entry["picture"] = f"{image_name(sample)}.jpg"
            self._draw(runner, sample, folder / entry["picture"])
        write_json(folder / "results.json", entries, indent=1)

    def _draw(self, runner: Runner, sample: PoseDataSample, path: Path) -> None:
        metainfo = metainfo_of(runner.test_loop.dataloader.dataset, sample)
        drawn = draw_on_image(sample, metainfo, self.kpt_thr, runner.visualizer)
        if self.show:
            runner.visualizer.show(drawn, win_name=path.stem, wait_time=self.wait_time)
        write_image(path, drawn[..., ::-1])


def _build_metric(metric_type: str, metric: dict | None) -> nn.Module | BaseMetric | None:
    if metric is None:
        return None
    return (MODELS if metric_type == "loss" else METRICS).build(metric)


def _entry(value: float, sample: PoseDataSample) -> dict[str, Any]:
    """A bad case in the list, its image yet unknown."""
    points = torch.as_tensor(sample.pred_instances.keypoints[0])
    scores = torch.as_tensor(sample.pred_instances.keypoint_scores[0])
    info = sample.metainfo
    return {
        "metric": value,
        **{key: info.get(key) for key in ("dataset_name", "img_path", "img_id", "id")},
        "keypoints": torch.cat([points, scores[:, None]], -1).tolist(),
        "picture": None,
    }
