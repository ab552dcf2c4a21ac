"""How well people are cut out when their joints are shown."""

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
    """COCO mask AP and mean IoU of people prompted with 1, 3, ... of their joints, or a box.

    Reported for each prompt ``P``: ``AP_P``, ``AP50_P``, ``IoU_P``, and the same over people in a
    crowd, whose box has an IoU above ``crowd_iou`` with another person's: ``crowd_AP_P``,
    ``crowd_AP50_P``, ``crowd_IoU_P``; nan where nobody counts.

    AP follows COCO's rules: crowd regions are ignore regions. Where annotated people are prompted
    by their own joints, so are people whom this prompt cannot show (without a labelled joint), as
    in COCO's evaluation of keypoints; IoU is that of each one's own mask. Of predicted poses
    everything counts: IoU is that of the best mask with each annotated person, 0 if there is none.

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
        keys = ("img_id", "ori_shape", "truths", "truth_index", "pred_masks")
        self.results += [{key: sample[key] for key in keys} for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """All numbers, over the samples of all processes."""
        numbers = {}
        for name in results[0]["pred_masks"] if results else ():
            counted = [_counted(sample, name) for sample in results]
            in_crowd = [
                own & _is_crowd(sample["truths"], self.crowd_iou)
                for own, sample in zip(counted, results, strict=True)
            ]
            ious = [_ious(sample, name) for sample in results]
            for prefix, chosen in (("", counted), ("crowd_", in_crowd)):
                ap, ap50 = average_precision(results, name, chosen)
                values = [iou[own] for iou, own in zip(ious, chosen, strict=True)]
                numbers |= {f"{prefix}AP_{name}": ap, f"{prefix}AP50_{name}": ap50}
                numbers[f"{prefix}IoU_{name}"] = _mean(np.concatenate(values))
        return numbers


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _is_paired(sample: dict) -> bool:
    """Whether the masks answer prompts of annotated people, not of predicted ones."""
    return all(index >= 0 for index in sample["truth_index"])


def _counted(sample: dict, name: str) -> np.ndarray:
    """(M,) bool, which annotated people are to be found."""
    counts = np.array([not truth["ignore"] for truth in sample["truths"]], bool)
    if sample["truth_index"] and _is_paired(sample):
        prompted = np.zeros(len(counts), bool)
        chosen = np.array(sample["pred_masks"][name]["is_prompted"], bool)
        prompted[np.array(sample["truth_index"])[chosen]] = True
        counts &= prompted
    return counts


def _is_crowd(truths: list[dict], crowd_iou: float) -> np.ndarray:
    """(M,) bool, whose box overlaps that of another person."""
    people = [i for i, truth in enumerate(truths) if not truth["ignore"]]
    is_crowd = np.zeros(len(truths), bool)
    if people:
        boxes = np.array([truths[i]["bbox"] for i in people], np.float64)
        overlap = np.asarray(coco_mask.iou(boxes, boxes, [0] * len(boxes)))
        np.fill_diagonal(overlap, 0)
        is_crowd[people] = overlap.max(1) > crowd_iou
    return is_crowd


def _ious(sample: dict, name: str) -> np.ndarray:
    """(M,) IoU of every annotated person's own, or best, mask."""
    rles, truths = sample["pred_masks"][name]["rles"], sample["truths"]
    if not rles or not truths:
        return np.zeros(len(truths))
    table = np.asarray(coco_mask.iou(rles, [truth["rle"] for truth in truths], [0] * len(truths)))
    if not _is_paired(sample):
        return table.max(0)
    ious = np.zeros(len(truths))
    for row, index in zip(table, sample["truth_index"], strict=True):
        ious[index] = row[index]
    return ious


def average_precision(
    results: Sequence[dict], name: str, counted: Sequence[np.ndarray]
) -> tuple[float, float]:
    """COCO AP over IoU 0.5 to 0.95, and at 0.5.

    Args:
        results: one an image.
        name: of the prompt.
        counted: (M,) bool each, which annotated people are to be found; the others are ignored.
    """
    truths, answers = [], []
    for sample, counts in zip(results, counted, strict=True):
        shared = {"image_id": sample["img_id"], "category_id": 1}
        for truth, counts_here in zip(sample["truths"], counts.tolist(), strict=True):
            entry = {"id": len(truths) + 1, "area": truth["area"], "iscrowd": int(not counts_here)}
            truths.append(shared | entry | {"segmentation": truth["rle"]})
        found = sample["pred_masks"][name]
        for rle, score, prompted in zip(
            found["rles"], found["scores"], found["is_prompted"], strict=True
        ):
            if prompted:
                answers.append(shared | {"segmentation": rle, "score": score})
    if not any(counts.any() for counts in counted):
        return float("nan"), float("nan")
    if not answers:
        return 0.0, 0.0
    truth = COCO()
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports to stdout
        truth.dataset = {
            "images": [_image(sample) for sample in results],
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
