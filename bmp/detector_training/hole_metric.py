"""Does a detector ignore holes? Average precision on the people left, and false detections."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmdet.registry import METRICS
from mmengine.evaluator import BaseMetric
from pycocotools import mask as coco_mask

from bmp.detector_training.detection_metric import refuse_broken
from bmp.detector_training.holes import find_holes_hit, match_people
from mmpose.evaluation.coco_ap import region_ap
from mmpose.structures.mask import mask_to_rle


@METRICS.register_module()
class HoleMetric(BaseMetric):
    """What a detector makes of images that ``RemoveKnownInstances`` blacked people out of.

    - ``bbox_AP``, ``segm_AP``, and both at IoU 0.5: of the people left, over all detections;
    - ``recall``: share of the people left whom a detection above ``score_thr`` matches by a box
      of IoU 0.5, so that fewer false detections cannot come from lower scores unseen;
    - ``hole_rate``: share of the holes with at least one false detection above ``score_thr``
      (:func:`bmp.detector_training.holes.find_holes_hit`); several on one hole, which the loop's
      suppression would merge, count once. nan when nobody was removed;
    - ``false_per_image``: all of these detections, per image;
    - ``num_images``, ``num_left``, ``num_removed``.

    Args:
        score_thr: detections above it count, as in the loop.
        label: of people among the classes of the model.
        collect_device: how processes exchange results, ``cpu`` or ``gpu``.
        prefix: put before the names of the numbers.
    """

    default_prefix = "holes"

    def __init__(
        self,
        score_thr: float = 0.3,
        *,
        label: int = 0,
        collect_device: str = "cpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.score_thr = score_thr
        self.label = label

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count on some images and keep their detections as COCO results.

        Args:
            data_batch: not read.
            data_samples: with ``pred_instances`` (bboxes, scores, labels and, if the model
                predicts them, masks), ``people_left``, ``people_removed``, ``img_id``.

        Raises:
            ValueError: the pipeline did not keep the people, or a box or score is not finite.
        """
        for sample in data_samples:
            if "people_left" not in sample or "people_removed" not in sample:
                raise ValueError(
                    "HoleMetric needs people_left and people_removed: put RemoveKnownInstances "
                    "before Resize and both names into the meta_keys of PackDetInputs"
                )
            predicted = sample["pred_instances"]
            names = ("bboxes", "scores")
            arrays = {n: torch.as_tensor(predicted[n]).detach().cpu().numpy() for n in names}
            refuse_broken(arrays, sample)
            # all detections serve AP, those above the threshold alone the rates
            found = self._select(predicted)
            self.results.append(
                {
                    "image": _image(sample),
                    "people": _annotations(sample["people_left"], sample["img_id"], self.label),
                    "found": _detections(found, sample["img_id"]),
                    **self._count(found, sample),
                }
            )

    def _select(self, predicted: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Detections of people, best score first."""
        indices = torch.nonzero(predicted["labels"] == self.label)[:, 0]
        # stable, so that equal scores keep the model's order on every device
        indices = indices[predicted["scores"][indices].argsort(descending=True, stable=True)]
        names = [name for name in ("bboxes", "scores", "masks") if name in predicted]
        return {name: torch.as_tensor(predicted[name])[indices] for name in names}

    def _count(self, found: dict[str, torch.Tensor], sample: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: values[found["scores"] > self.score_thr] for name, values in found.items()}
        left, removed = sample["people_left"], sample["people_removed"]
        # a crowd region is no single person to be matched
        is_counted = ~left["is_crowd"] & (left["labels"] == self.label)
        bboxes = found["bboxes"]
        matches = match_people(bboxes, bboxes.new_tensor(left["bboxes"][is_counted]))
        hits = find_holes_hit(
            bboxes,
            found.get("masks"),
            is_matched=matches >= 0,
            removed_bboxes=bboxes.new_tensor(removed["bboxes"]),
            holes=_decode(removed["masks"], sample["ori_shape"], bboxes.device),
        )
        return {
            "num_left": int(is_counted.sum()),
            "num_matched": int((matches >= 0).sum()),
            "num_removed": len(removed["masks"]),
            # holes, not detections: the loop would merge several on one
            "num_hit": len(hits[hits >= 0].unique()),
            "num_false": int((hits >= 0).sum()),
        }

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """All numbers, over the images of all processes.

        Raises:
            ValueError: nobody is left to find.
        """
        # samplers repeat images to give every process as many; each counts once
        results = list({result["image"]["id"]: result for result in results}.values())
        total = {
            name: sum(result[name] for result in results)
            for name in ("num_left", "num_matched", "num_removed", "num_hit", "num_false")
        }
        if not total["num_left"]:
            raise ValueError(
                f"nobody is left to find on {len(results)} images, {total['num_removed']} people "
                "were removed; take a file of people with masks, or remove fewer"
            )
        content = {
            "images": [result["image"] for result in results],
            "annotations": [person for result in results for person in result["people"]],
            "categories": [{"id": self.label, "name": "person"}],
        }
        for number, person in enumerate(
            content["annotations"], 1
        ):  # COCO's evaluation takes an id of 0 for no match
            person["id"] = number
        found = [{**d, "category_id": self.label} for r in results for d in r["found"]]
        metrics: dict[str, float] = {}
        for kind, field in (("bbox", "bbox"), ("segm", "segmentation")):
            if all(field in detection for detection in found):
                numbers = region_ap(content, found, kind, intervals=True)
                for name, stat in (("AP", "AP"), ("AP50", "AP .5")):
                    for end in ("", "_low", "_high"):  # 95 % interval
                        metrics[f"{kind}_{name}{end}"] = numbers[f"{stat}{end}"]
        return metrics | {
            "recall": _ratio(total["num_matched"], total["num_left"]),
            "hole_rate": _ratio(total["num_hit"], total["num_removed"]),
            "false_per_image": _ratio(total["num_false"], len(results)),
            "num_images": len(results),
            "num_left": total["num_left"],
            "num_removed": total["num_removed"],
        }


def _ratio(part: int, whole: int) -> float:
    # 0 would read as a perfect rate of false detections
    return part / whole if whole else float("nan")


def _decode(rles: Sequence[dict], shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    """(R, H, W) bool."""
    if not rles:
        return torch.zeros(0, *shape[:2], dtype=torch.bool, device=device)
    masks = np.moveaxis(coco_mask.decode(list(rles)), -1, 0)
    return torch.from_numpy(np.ascontiguousarray(masks)).bool().to(device)


def _image(sample: Mapping[str, Any]) -> dict[str, int]:
    height, width = sample["ori_shape"][:2]
    return {"id": sample["img_id"], "height": height, "width": width}


def _xywh(bboxes: np.ndarray) -> list[list[float]]:
    return np.concatenate([bboxes[:, :2], bboxes[:, 2:] - bboxes[:, :2]], 1).tolist()


def _annotations(left: Mapping[str, Any], img_id: int, label: int) -> list[dict]:
    """People left as COCO annotations; ids come when the images of all processes are there."""
    bboxes = _xywh(left["bboxes"].astype(np.float64))
    return [
        {
            "image_id": img_id,
            "category_id": label,
            "bbox": bboxes[n],
            "segmentation": left["masks"][n],
            "area": float(coco_mask.area(left["masks"][n])),
            "iscrowd": int(left["is_crowd"][n]),
        }
        for n in np.flatnonzero(left["labels"] == label)
    ]


def _detections(found: Mapping[str, torch.Tensor], img_id: int) -> list[dict]:
    """Detections as COCO results, without their category."""
    arrays = {name: values.cpu().numpy() for name, values in found.items()}
    results = [
        {"image_id": img_id, "bbox": bbox, "score": score}
        for bbox, score in zip(
            _xywh(arrays["bboxes"].astype(np.float64)), arrays["scores"].tolist(), strict=True
        )
    ]
    # not strict: a detector of boxes alone has no masks at all
    for result, mask in zip(results, arrays.get("masks", ()), strict=False):
        result["segmentation"] = mask_to_rle(mask)
    return results
