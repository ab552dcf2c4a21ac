"""Percentage of correct keypoints (Yang and Ramanan, 2013; PCKh: Andriluka et al., CVPR 2014)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmpose.registry import METRICS

# what a distance is measured by -> name of the number, as published
NORM_ITEMS = {"bbox": "PCK", "head": "PCKh", "torso": "tPCK"}
# the ends of a torso (FLIC: B. Sapp and B. Taskar, CVPR 2013)
TORSO = ("left_shoulder", "right_hip")
# MPII's table: joints that are averaged under one name (pelvis and thorax do not count at all)
MPII_GROUPS = {
    "Head": (9,),
    "Shoulder": (12, 13),
    "Elbow": (11, 14),
    "Wrist": (10, 15),
    "Hip": (2, 3),
    "Knee": (1, 4),
    "Ankle": (0, 5),
}
MPII_UNCOUNTED = (6, 7)
MPII_NUM_JOINTS = 16


def scaled_distances(pred: Tensor, gt: Tensor, sizes: Tensor) -> Tensor:
    """Distances between predicted and annotated joints, in sizes of the person.

    Args:
        pred: (N, K, 2), image pixels.
        gt: (N, K, 2), image pixels.
        sizes: of each person's box or head, (N,), pixels, positive.

    Returns:
        (N, K).

    Raises:
        ValueError: the joints differ, or a size is not positive.
    """
    if pred.shape != gt.shape:
        raise ValueError(
            f"pred and gt must share (N, K, 2), got {tuple(pred.shape)} and {tuple(gt.shape)}; "
            "map both to one skeleton first"
        )
    if not (sizes > 0).all():
        raise ValueError(f"sizes must be positive, got {sizes.min().item():g}; check the boxes")
    return (pred - gt).norm(dim=-1) / sizes[:, None]


def joint_pck(hits: Tensor, labelled: Tensor) -> tuple[Tensor, Tensor]:
    """Share of correct joints, joint by joint.

    Args:
        hits: which joints are near enough, (N, K), bool.
        labelled: which are annotated, (N, K), bool.

    Returns:
        Shares (K,) in [0, 1], 0 where a joint is nowhere annotated; how often each joint is
        annotated, (K,).
    """
    counts = labelled.sum(0)
    return (hits & labelled).sum(0) / counts.clamp(min=1), counts


def _record(sample: dict, norm_items: Sequence[str], torso: Sequence[int] | None) -> dict[str, Any]:
    """What of a sample is needed later; joints of an unreadable image are nowhere."""
    pred, gt = sample["pred_instances"], sample["gt_instances"]
    keypoints = np.asarray(pred["keypoints"])[0]
    if sample.get("unreadable", False):
        keypoints = np.full_like(keypoints, np.nan)
    return {
        "key": (sample.get("img_id"), sample["id"]),
        "unreadable": bool(sample.get("unreadable", False)),
        "pred": keypoints,  # (K, 2)
        "gt": np.asarray(gt["keypoints"])[0],  # (K, 2)
        "labelled": _visible(gt) > 0,  # (K,)
        **{item: _person_size(gt, item, torso) for item in norm_items},
    }


def _visible(gt: dict) -> np.ndarray:
    """(K,); `KeypointConverter` leaves a second column beside it, (K, 2)."""
    visible = np.asarray(gt["keypoints_visible"])[0]
    return visible[:, 0] if visible.ndim == 2 else visible


def _person_size(gt: dict, norm_item: str, torso: Sequence[int] | None) -> float:
    if norm_item == "bbox":
        left, top, right, bottom = np.asarray(gt["bboxes"])[0]
        return float(max(right - left, bottom - top))
    if norm_item == "torso":
        ends = list(torso)
        if not (_visible(gt)[ends] > 0).all():
            return np.nan
        shoulder, hip = np.asarray(gt["keypoints"], dtype=np.float64)[0, ends]
        return float(np.linalg.norm(shoulder - hip)) or np.nan
    if "head_size" not in gt:
        raise ValueError(
            "the samples have no head_size; give MpiiDataset the heads of its people, "
            "headbox_file='...mat', or measure by norm_item='bbox'"
        )
    return float(np.asarray(gt["head_size"])[0])


def _torso_joints(dataset_meta: dict | None) -> list[int]:
    """Numbers of the joints at both ends of the torso."""
    numbers = (dataset_meta or {}).get("keypoint_name2id") or {}
    missing = [name for name in TORSO if name not in numbers]
    if missing:
        raise ValueError(
            f"norm_item='torso' measures from {TORSO[0]} to {TORSO[1]}, the data set has no "
            f"{' and no '.join(missing)}; measure by norm_item='bbox'"
        )
    return [numbers[name] for name in TORSO]


def _stack(records: Sequence[dict], norm_item: str) -> tuple[Tensor, Tensor]:
    """Distances and labelled joints (N, K) of all people, each once.

    No joint counts of a person whose size is unknown.
    """
    if not records:
        raise ValueError(
            "nobody was posed, so there is no PCK; check the test data set and that its samples "
            "reach this metric"
        )
    people = list({record["key"]: record for record in records}.values())
    _check_people(people)
    pred, gt, sizes = (
        torch.from_numpy(np.array([person[field] for person in people], dtype=np.float64))
        for field in ("pred", "gt", norm_item)
    )
    labelled = torch.from_numpy(np.array([person["labelled"] for person in people]))
    known = ~sizes.isnan()
    labelled = labelled & known[:, None]
    if not labelled.any():
        raise ValueError(
            f"none of {len(people)} people has an annotated joint and a size ({norm_item}), so "
            "there is no PCK; check the annotations of the test data set"
        )
    return scaled_distances(pred, gt, torch.where(known, sizes, 1.0)), labelled


def _check_people(people: Sequence[dict]) -> None:
    """Refuse poses that are no numbers, and people of whom no image could be read."""
    if all(person["unreadable"] for person in people):
        raise ValueError(f"none of the images of {len(people)} people could be read")
    for person in people:
        if not person["unreadable"] and not np.isfinite(person["pred"]).all():
            img_id, number = person["key"]
            raise ValueError(
                f"the pose of person {number!r} of image {img_id!r} has a joint that is no finite "
                "number; the training may have diverged"
            )


def _check_norm_items(norm_item: str | Sequence[str]) -> tuple[str, ...]:
    items = (norm_item,) if isinstance(norm_item, str) else tuple(norm_item)
    if not items or any(item not in list(NORM_ITEMS) for item in items):
        raise ValueError(
            f"norm_item must be one of {list(NORM_ITEMS)}, or a list of them, got {norm_item!r}"
        )
    return items


@METRICS.register_module()
class PCKAccuracy(BaseMetric):
    """Share of joints nearer than a share of the person's size, mean over the joints.

    ``PCK`` (by the longer side of the annotated box), ``PCKh`` (by the head) and ``tPCK`` (by the
    torso), in [0, 1]. In a `CombinedDataset` predictions and annotations are both in the merged
    skeleton, so that only joints with a source count.

    Args:
        thr: share of the size that a joint may be off (it must be less).
        norm_item: ``"bbox"``; ``"head"`` where the data set knows ``head_size``; ``"torso"``, from
            the left shoulder to the right hip (people of whom one is not annotated do not count);
            or a list of these.
        collect_device: see `CocoMetric`.
        prefix: of the names of the numbers; by default they have none, so that
            ``save_best="PCK"`` finds them.
    """

    default_prefix: ClassVar[str] = ""  # None would be warned of

    def __init__(
        self,
        thr: float = 0.05,
        norm_item: str | Sequence[str] = "bbox",
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.norm_items = _check_norm_items(norm_item)
        self.thr = thr

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take over the predictions of one batch."""
        torso = _torso_joints(self.dataset_meta) if "torso" in self.norm_items else None
        self.results.extend(_record(sample, self.norm_items, torso) for sample in data_samples)

    def expected_numbers(self) -> dict[str, float | None]:
        """Names of the numbers, before there is any."""
        return {NORM_ITEMS[item]: None for item in self.norm_items}

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Mean over the joints that occur.

        Raises:
            ValueError: nobody can be evaluated, or a pose is no finite number.
        """
        numbers = {}
        for item in self.norm_items:
            distances, labelled = _stack(results, item)
            shares, counts = joint_pck(distances < self.thr, labelled)
            mean = shares.sum() / (counts > 0).sum()
            numbers[NORM_ITEMS[item]] = mean.item()
        return numbers


@METRICS.register_module()
class MpiiPCKAccuracy(PCKAccuracy):
    """MPII's table: PCKh of each part of the body and of all, in percent.

    A joint is correct within ``thr`` head sizes. ``PCK`` is the mean over all annotated joints
    except pelvis and thorax, ``PCK@0.1`` the same at a tenth of the head; a part is the mean of
    its two joints.

    Args:
        thr: share of the size that a joint may be off at most.
        norm_item: ``"head"``, or another size where heads are not known, see `PCKAccuracy`; one.
        collect_device: see `CocoMetric`.
        prefix: of the names of the numbers; by default they have none.

    Raises:
        ValueError: several sizes: the table has its names once.
    """

    def __init__(
        self,
        thr: float = 0.5,
        norm_item: str | Sequence[str] = "head",
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(thr, norm_item, collect_device, prefix)
        if len(self.norm_items) > 1:
            raise ValueError(
                f"MPII's table is measured by one size, got {list(self.norm_items)}; take "
                "norm_item='head' here and PCKAccuracy beside it"
            )

    def expected_numbers(self) -> dict[str, float | None]:
        """Names of the numbers, before there is any."""
        return dict.fromkeys([*[f"{name} PCK" for name in MPII_GROUPS], "PCK", "PCK@0.1"])

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The table.

        Raises:
            ValueError: the joints are not MPII's 16, or as `PCKAccuracy`.
        """
        distances, labelled = _stack(results, self.norm_items[0])
        if distances.shape[1] != MPII_NUM_JOINTS:
            raise ValueError(
                f"MPII's table needs its {MPII_NUM_JOINTS} joints, got {distances.shape[1]}; for "
                "a merged skeleton take PCKAccuracy"
            )
        labelled[:, list(MPII_UNCOUNTED)] = False
        shares, counts = joint_pck(distances <= self.thr, labelled)
        strict_shares, _ = joint_pck(distances <= 0.1, labelled)
        weights = counts / counts.sum().clamp(min=1)
        table = {
            f"{name} PCK": 100 * shares[list(joints)].mean().item()
            for name, joints in MPII_GROUPS.items()
        }
        table["PCK"] = 100 * (shares * weights).sum().item()
        table["PCK@0.1"] = 100 * (strict_shares * weights).sum().item()
        return table
