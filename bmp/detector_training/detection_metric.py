"""COCO's average precision of a detector's boxes and masks, on every file that says the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from bmp.detector_training.classes import select_classes
from mmpose.datasets.annotation_files import read_coco_file
from mmpose.datasets.coco_file import CocoContent
from mmpose.evaluation.coco_evaluator import check_somebody_counts, evaluate
from mmpose.files import write_json
from mmpose.structures.mask import mask_to_rle, normal_segmentation

NAMES = {
    "AP": "mAP",
    "AP .5": "mAP_50",
    "AP .75": "mAP_75",
    "AP (S)": "mAP_s",
    "AP (M)": "mAP_m",
    "AP (L)": "mAP_l",
}
"""COCO's name of a number -> mmdet's."""
KINDS = ("bbox", "segm")


@METRICS.register_module()
class DetectionMetric(BaseMetric):
    """Boxes and masks against an annotation file: ``coco/bbox_mAP``, ``coco/segm_mAP_50``, ...

    The numbers of mmdet's ``CocoMetric`` under its names, not rounded, from the one reading of
    files and the one evaluator; and the 95 % interval of each, ``coco/bbox_mAP_low`` and
    ``_high``. The images that were looked at count, the people of those whose
    image was unreadable (``is_blank`` of their sample) as missed; who has no mask is ignored
    where masks are evaluated. Classes are the file's categories by name, so detections of those
    that it lacks are left out.

    Args:
        ann_file: annotations in COCO's format.
        metric: ``bbox``, ``segm``, or both.
        format_only: write the detections and evaluate nothing; the file may be without annotations.
        outfile_prefix: detections are written to ``PREFIX.bbox.json`` and ``PREFIX.segm.json``.
        collect_device: how processes exchange results, ``cpu`` or ``gpu``.
        prefix: put before the names of the numbers.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: an argument or the file cannot be used.
    """

    default_prefix = "coco"

    def __init__(
        self,
        ann_file: str,
        *,
        metric: str | Sequence[str] = KINDS,
        format_only: bool = False,
        outfile_prefix: str | None = None,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        kinds = [metric] if isinstance(metric, str) else list(metric)
        if not kinds or not set(kinds) <= set(KINDS):
            raise ValueError(f"metric must be of {KINDS}, got {metric!r}")
        if format_only and outfile_prefix is None:
            raise ValueError("format_only=True writes detections: set outfile_prefix='out/name'")
        self.ann_file = ann_file
        self.kinds = kinds
        self.format_only = format_only
        self.outfile_prefix = outfile_prefix
        self._content: CocoContent | None = None
        self._category_ids: dict[int, Any] = {}
        # read now, so that a broken file is told before the model has run for hours
        self._raw = read_coco_file(ann_file, needs_annotations=not format_only)

    @property
    def dataset_meta(self) -> dict | None:
        """Of the data set: ``classes``. The engine sets it before the first image.

        Raises:
            ValueError: when set: the file has none of the classes, or nobody to evaluate.
        """
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        self._dataset_meta = meta
        classes = meta["classes"]
        self._content, self._category_ids = select_classes(self._raw, classes, self.ann_file)
        # COCO's 80 classes on a file of people alone are no error, but should not pass unseen
        if not isinstance(classes, str) and len(self._category_ids) < len(classes):
            lacking = [n for label, n in enumerate(classes) if label not in self._category_ids]
            print_log(
                f"{self.ann_file} has no category for {len(lacking)} of the {len(classes)} "
                f"classes, such as {lacking[0]!r}: what is found of them is left out",
                logger="current",
            )
        if not self.format_only:
            for kind in self.kinds:
                check_somebody_counts(self._content["annotations"], kind, self._content)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the detections on some images as COCO results.

        Args:
            data_batch: not read.
            data_samples: with ``img_id``, ``ori_shape`` and ``pred_instances``: bboxes (N, 4)
                xyxy, scores (N,), labels (N,) and, where masks are evaluated, masks (N, H, W) or
                N RLEs and, where it differs, their score: mask_scores (N,).

        Raises:
            ValueError: a box or score is not finite, or masks are asked for and not predicted.
        """
        for sample in data_samples:
            is_blank = bool(sample.get("is_blank", False))
            result = {"img_id": sample["img_id"], "is_blank": is_blank}
            result["shape"] = tuple(int(side) for side in sample["ori_shape"][:2])
            # an empty image stands for one that could not be read: nobody is found there
            result["found"] = [] if is_blank else self._results(sample)
            self.results.append(result)

    def _results(self, sample: Mapping[str, Any]) -> list[dict]:
        predicted = sample["pred_instances"]
        if "segm" in self.kinds and "masks" not in predicted:
            raise ValueError("the model predicts no masks; evaluate boxes alone with metric='bbox'")
        masks = predicted.get("masks")
        arrays = {
            name: torch.as_tensor(predicted[name]).detach().cpu().numpy()
            for name in ("bboxes", "scores", "labels", "mask_scores")
            if name in predicted
        }
        refuse_broken(arrays, sample)
        results = []
        for n, label in enumerate(arrays["labels"].tolist()):
            if label not in self._category_ids:  # a class that the file does not have
                continue
            # in float64, so that x1 + w is x2 again
            x1, y1, x2, y2 = arrays["bboxes"][n].astype(np.float64).tolist()
            results.append(
                {
                    "image_id": sample["img_id"],
                    "category_id": self._category_ids[label],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "score": float(arrays["scores"][n]),
                }
            )
            if masks is not None:
                results[-1]["segmentation"] = _rle(masks[n])
                results[-1]["mask_score"] = float(arrays.get("mask_scores", arrays["scores"])[n])
        return results

    def expected_numbers(self) -> dict[str, float | None]:
        """Names of the numbers; -1 for those for which nobody is annotated, else None."""
        numbers = {}
        for kind in [] if self.format_only else self.kinds:
            stats = evaluate(self._content, [], kind).named(intervals=True)
            for stat, name in NAMES.items():
                for end in ("", "_low", "_high"):
                    value = -1 if stats[stat] == -1 else None
                    numbers[f"{kind}_{name}{end}"] = value
        return numbers

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """All numbers, over the images of all processes.

        Raises:
            ValueError: no image could be read.
        """
        # samplers repeat images to give every process as many; each counts once
        images = {result["img_id"]: result for result in results}
        # sizes of the images as opened rule over those of the file
        shapes = {n: image["shape"] for n, image in images.items() if not image["is_blank"]}
        if not shapes:
            raise ValueError(
                f"none of the {len(images)} images of {self.ann_file} that were looked at could "
                "be read; set data_root and data_prefix of the data set to their folder"
            )
        found = {kind: _of_kind(images, kind) for kind in KINDS}
        if self.outfile_prefix is not None:
            for kind in KINDS if found["segm"] is not None else ("bbox",):
                write_json(f"{self.outfile_prefix}.{kind}.json", found[kind])
        if self.format_only:  # files without annotations, as of test-dev, have nothing to compare
            return {}
        metrics = {}
        for kind in self.kinds:
            numbers = evaluate(
                self._content, found[kind] or [], kind, image_ids=list(images), shapes=shapes
            )
            stats = numbers.named(intervals=True)
            for stat, name in NAMES.items():
                for end in ("", "_low", "_high"):
                    metrics[f"{kind}_{name}{end}"] = stats[f"{stat}{end}"]
        return metrics


def _of_kind(images: Mapping[Any, dict], kind: str) -> list[dict] | None:
    """Detections with the fields of a kind of result file; None where no masks are predicted."""
    found = [detection for image in images.values() for detection in image["found"]]
    if kind == "bbox":
        names = ("image_id", "category_id", "bbox", "score")
        return [{name: detection[name] for name in names} for detection in found]
    if found and "segmentation" not in found[0]:
        return None
    # COCO ranks by one score per entry: masks by their own, where the model gives one
    names = ("image_id", "category_id", "bbox", "segmentation")
    return [{name: d[name] for name in names} | {"score": d["mask_score"]} for d in found]


def refuse_broken(arrays: Mapping[str, np.ndarray], sample: Mapping[str, Any]) -> None:
    """Refuse detections whose numbers are not finite: no evaluator can rank or match them.

    Args:
        arrays: name -> (N, ...), one entry for each detection.
        sample: of the image: ``img_id`` and, where kept, ``img_path``.

    Raises:
        ValueError: naming image and detection.
    """
    for name, values in arrays.items():
        is_broken = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
        if is_broken.any():
            entry = int(np.flatnonzero(is_broken)[0])
            raise ValueError(
                f"image {sample['img_id']!r} ({sample.get('img_path')}): {name} of detection "
                f"{entry} must be finite, got {values[entry]}; the training may have diverged"
            )


def _rle(mask: Any) -> dict:
    """A mask (H, W) or an RLE with text or bytes as an RLE for JSON."""
    if isinstance(mask, dict):
        return normal_segmentation(mask)
    return mask_to_rle(torch.as_tensor(mask).cpu().numpy())
