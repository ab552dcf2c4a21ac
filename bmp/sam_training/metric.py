"""How well people are cut out when their true joints are shown."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from bmp.registry import METRICS


@METRICS.register_module()
class PromptedMaskMetric(BaseMetric):
    """COCO mask AP and mean IoU of people prompted with 1, 3, ... of their true joints.

    Only people with a labelled joint count. Reported a number ``P`` of joints: ``AP_P``,
    ``AP50_P``, ``IoU_P``, and ``crowd_IoU_P`` over people whose box has an IoU above
    ``crowd_iou`` with another person's (nan when there are none).

    Args:
        crowd_iou: what makes a crowd.
        collect_device: where results of several processes meet.
        prefix: of the names in the log.
    """

    default_prefix = "segm"

    def __init__(
        self, crowd_iou: float = 0.3, *, collect_device: str = "cpu", prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.crowd_iou = crowd_iou

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the run-length masks of truth and prediction."""
        keys = ("img_id", "ori_shape", "rles", "areas", "ann_ids", "pred_masks")
        self.results += [{key: sample[key] for key in keys} for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """All numbers, over the samples of all processes."""
        counts = results[0]["pred_masks"] if results else ()
        numbers = {}
        for count in counts:
            ious = np.concatenate([_own_ious(sample, count) for sample in results])
            is_crowd = np.concatenate([self._is_crowd(sample, count) for sample in results])
            ap, ap50 = _average_precision(results, count)
            numbers |= {f"AP_{count}": ap, f"AP50_{count}": ap50, f"IoU_{count}": _mean(ious)}
            numbers[f"crowd_IoU_{count}"] = _mean(ious[is_crowd])
        return numbers

    def _is_crowd(self, sample: dict, count: int) -> np.ndarray:
        """(N,) bool for the prompted people."""
        if not sample["rles"]:
            return np.zeros(0, bool)
        boxes = np.asarray(coco_mask.toBbox(sample["rles"]), np.float64)
        overlap = coco_mask.iou(boxes, boxes, [0] * len(boxes))
        np.fill_diagonal(overlap, 0)
        prompted = np.array(sample["pred_masks"][count]["is_prompted"], bool)
        return overlap.max(1)[prompted] > self.crowd_iou


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _own_ious(sample: dict, count: int) -> np.ndarray:
    """(N,) IoU of every prompted person's mask with its truth."""
    answer = sample["pred_masks"][count]
    triples = zip(answer["rles"], sample["rles"], answer["is_prompted"], strict=True)
    pairs = [(pred, truth) for pred, truth, prompted in triples if prompted]
    return np.array([coco_mask.iou([pred], [truth], [0])[0, 0] for pred, truth in pairs])


def _average_precision(results: list[dict], count: int) -> tuple[float, float]:
    """COCO AP over IoU 0.5 to 0.95, and at 0.5."""
    truths, answers = [], []
    for sample in results:
        answer = sample["pred_masks"][count]
        for i, prompted in enumerate(answer["is_prompted"]):
            if not prompted:
                continue
            shared = {"image_id": sample["img_id"], "category_id": 1}
            truth = {"id": len(truths) + 1, "area": sample["areas"][i], "iscrowd": 0}
            truths.append(shared | truth | {"segmentation": sample["rles"][i]})
            found = {"segmentation": answer["rles"][i], "score": answer["mask_scores"][i]}
            answers.append(shared | found)
    if not truths:
        return float("nan"), float("nan")
    truth = COCO()
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports to stdout
        images = [_image(sample) for sample in results]
        truth.dataset = {
            "images": images,
            "annotations": truths,
            "categories": [{"id": 1, "name": "person"}],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(answers), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def _image(sample: dict) -> dict:
    height, width = sample["ori_shape"]
    return {"id": sample["img_id"], "height": height, "width": width}
