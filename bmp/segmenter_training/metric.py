"""How well people are cut out when their joints are shown."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from pycocotools import mask as coco_mask

from bmp.registry import METRICS
from mmpose.datasets.coco_file import CocoContent
from mmpose.evaluation.coco_evaluator import evaluate

PERSON = 1


@METRICS.register_module()
class PromptedMaskMetric(BaseMetric):
    """COCO mask AP and mean IoU of people prompted with 1, 3, ... of their joints, or a box.

    Reported for each prompt ``P``: ``AP_P``, ``AP50_P``, ``IoU_P``, and the same over people in a
    crowd, whose box has an IoU above ``crowd_iou`` with another person's: ``crowd_AP_P``,
    ``crowd_AP50_P``, ``crowd_IoU_P``; nan where nobody counts; an error where no prompt
    shows anybody. ``AP_P_low`` and ``AP_P_high`` are the ends of the 95 % interval of ``AP_P``.

    AP follows COCO's rules: crowd regions are ignore regions, and so are the boxes of people
    without a mask. Where annotated people are prompted by their own joints, so are people whom
    this prompt cannot show (without a labelled joint), as in COCO's evaluation of keypoints; IoU
    is that of each one's own mask. Of predicted poses everything counts: IoU is that of the best
    mask with each annotated person, 0 if there is none.

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
        keys = ("img_id", "ori_shape", "resized", "unreadable")
        keys += ("truths", "truth_index", "pred_masks")
        self.results += [{key: sample[key] for key in keys} for sample in data_samples]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """All numbers, over the samples of all processes.

        Raises:
            ValueError: no image could be read, or nobody counts.
        """
        if all(sample["unreadable"] for sample in results):
            raise ValueError(
                f"none of the {len(results)} images could be read, so there is nothing to "
                "evaluate; set data_root and data_prefix=dict(img=...) to their folder"
            )
        num_resized = sum(sample["resized"] for sample in results)
        if num_resized:
            _warn(
                f"{num_resized} of {len(results)} images have another size than their "
                "annotations say; the image's was taken"
            )
        numbers, shown = {}, list(results[0]["pred_masks"])
        counts_of = {name: [_counted(sample, name) for sample in results] for name in shown}
        nobody = [name for name in shown if _shows_nobody(results, name, counts_of[name])]
        if nobody == shown:
            num_truths = sum(len(sample["truths"]) for sample in results)
            raise ValueError(
                f"nobody to evaluate: of the {num_truths} annotated people on {len(results)} "
                f"images, or of the predicted ones, none has a mask and what the prompts {shown} "
                "show; the prompt 'bbox' in eval_counts needs no joints"
            )
        if nobody:
            _warn(f"the prompts {nobody} show nobody")
        for name in shown:
            numbers |= self._measure(results, name, counts_of[name])
        return numbers

    def _measure(
        self, results: list[dict], name: str, counted: list[np.ndarray]
    ) -> dict[str, float]:
        """The numbers of one prompt."""
        in_crowd = [
            own & _is_crowd(sample["truths"], self.crowd_iou)
            for own, sample in zip(counted, results, strict=True)
        ]
        ious = [_ious(sample, name) for sample in results]
        numbers = {}
        for prefix, chosen in (("", counted), ("crowd_", in_crowd)):
            stats = average_precision(results, name, chosen)
            values = [iou[own] for iou, own in zip(ious, chosen, strict=True)]
            for short, stat in (("AP", "AP"), ("AP50", "AP .5")):
                for end in ("", "_low", "_high"):
                    numbers[f"{prefix}{short}_{name}{end}"] = stats[f"{stat}{end}"]
            numbers[f"{prefix}IoU_{name}"] = _mean(np.concatenate(values))
        return numbers


def _warn(line: str) -> None:
    print_log(line, logger="current", level=logging.WARNING)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _shows_nobody(results: list[dict], name: str, counted: list[np.ndarray]) -> bool:
    """Whether nobody is to be found, or nobody there is can be shown by a prompt."""
    shown = [flag for sample in results for flag in sample["pred_masks"][name]["is_prompted"]]
    return not any(own.any() for own in counted) or (bool(shown) and not any(shown))


def _is_paired(sample: dict) -> bool:
    """Whether the masks answer prompts of annotated people, not of predicted ones."""
    return all(index >= 0 for index in sample["truth_index"])


def _counted(sample: dict, name: str) -> np.ndarray:
    """(M,) bool, which annotated people are to be found."""
    truths = sample["truths"]
    counts = np.array([not t["ignore"] and t["rle"] is not None for t in truths], bool)
    if sample["truth_index"] and _is_paired(sample):
        prompted = np.zeros(len(counts), bool)
        chosen = np.array(sample["pred_masks"][name]["is_prompted"], bool)
        prompted[np.array(sample["truth_index"])[chosen]] = True
        counts &= prompted
    return counts


def _is_crowd(truths: list[dict], crowd_iou: float) -> np.ndarray:
    """(M,) bool, whose box overlaps that of another person."""
    people = [i for i, truth in enumerate(truths) if truth["is_person"]]
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
    ious = np.zeros(len(truths))
    masked = [i for i, truth in enumerate(truths) if truth["rle"] is not None]
    if not rles or not masked:
        return ious
    table = np.zeros((len(rles), len(truths)))
    table[:, masked] = coco_mask.iou(rles, [truths[i]["rle"] for i in masked], [0] * len(masked))
    if not _is_paired(sample):
        return table.max(0)
    for row, index in zip(table, sample["truth_index"], strict=True):
        ious[index] = row[index]
    return ious


def average_precision(
    results: Sequence[dict], name: str, counted: Sequence[np.ndarray]
) -> Mapping[str, float]:
    """COCO's numbers of masks with the intervals of AP; nan where nobody is to be found.

    Args:
        results: one an image.
        name: of the prompt.
        counted: (M,) bool each, which annotated people are to be found; the others are ignored.
    """
    if not any(counts.any() for counts in counted):
        return defaultdict(lambda: float("nan"))
    images, people, answers = [], [], []
    for sample, counts in zip(results, counted, strict=True):
        height, width = sample["ori_shape"]
        shared = {"image_id": sample["img_id"], "category_id": PERSON}
        images.append({"id": sample["img_id"], "height": height, "width": width})
        for truth, is_counted in zip(sample["truths"], counts.tolist(), strict=True):
            people.append(shared | _annotation(truth, is_counted, len(people) + 1))
        found = sample["pred_masks"][name]
        for rle, score, prompted in zip(
            found["rles"], found["scores"], found["is_prompted"], strict=True
        ):
            if prompted:
                answers.append(shared | {"segmentation": rle, "score": score})
    categories = [{"id": PERSON, "name": "person"}]
    content = CocoContent(images=images, annotations=people, categories=categories)
    return evaluate(content, answers, "segm").named(intervals=True)


def _annotation(truth: dict, is_counted: bool, number: int) -> dict:
    return {
        "id": number,
        "bbox": truth["bbox"],
        "area": truth["area"],
        "segmentation": truth["rle"],
        "iscrowd": int(not is_counted),
        "keypoints": [],
        "num_keypoints": 0,
    }
