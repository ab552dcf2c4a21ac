"""Percentage of correct keypoints (Yang and Ramanan, 2013; PCKh: Andriluka et al., CVPR 2014)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmpose.registry import METRICS

# what a distance is measured by -> name of the number
NORM_ITEMS = {"bbox": "PCK", "head": "PCKh"}
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


def _record(sample: dict, norm_item: str) -> dict[str, Any]:
    """What of a sample is needed later; joints of an unreadable picture are nowhere."""
    pred, gt = sample["pred_instances"], sample["gt_instances"]
    keypoints = np.asarray(pred["keypoints"])[0]
    if sample.get("unreadable", False):
        keypoints = np.full_like(keypoints, np.nan)
    return {
        "key": (sample.get("img_id"), sample["id"]),
        "pred": keypoints,  # (K, 2)
        "gt": np.asarray(gt["keypoints"])[0],  # (K, 2)
        "labelled": _visible(gt) > 0,  # (K,)
        "size": _person_size(gt, norm_item),
    }


def _visible(gt: dict) -> np.ndarray:
    """(K,); `KeypointConverter` leaves a second column beside it, (K, 2)."""
    visible = np.asarray(gt["keypoints_visible"])[0]
    return visible[:, 0] if visible.ndim == 2 else visible


def _person_size(gt: dict, norm_item: str) -> float:
    if norm_item == "bbox":
        left, top, right, bottom = np.asarray(gt["bboxes"])[0]
        return float(max(right - left, bottom - top))
    if "head_size" not in gt:
        raise ValueError(
            "the samples have no head_size; give MpiiDataset the heads of its people, "
            "headbox_file='...mat', or measure by norm_item='bbox'"
        )
    return float(np.asarray(gt["head_size"])[0])


def _stack(records: Sequence[dict]) -> tuple[Tensor, Tensor]:
    """Distances and labelled joints (N, K) of all people, each once."""
    if not records:
        raise ValueError(
            "nobody was posed, so there is no PCK; check the test data set and that its samples "
            "reach this metric"
        )
    people = list({record["key"]: record for record in records}.values())
    pred, gt, sizes = (
        torch.from_numpy(np.array([person[field] for person in people], dtype=np.float64))
        for field in ("pred", "gt", "size")
    )
    labelled = torch.from_numpy(np.array([person["labelled"] for person in people]))
    return scaled_distances(pred, gt, sizes), labelled


def _check_norm_item(norm_item: str) -> None:
    if norm_item not in list(NORM_ITEMS):
        raise ValueError(f"norm_item must be one of {list(NORM_ITEMS)}, got {norm_item!r}")


@METRICS.register_module()
class PCKAccuracy(BaseMetric):
    """Share of joints nearer than a share of the person's size, mean over the joints.

    ``PCK`` (by the longer side of the annotated box) or ``PCKh`` (by the head), in [0, 1]. In a
    `CombinedDataset` predictions and annotations are both in the merged skeleton, so that only
    joints with a source count.

    Args:
        thr: share of the size that a joint may be off (it must be less).
        norm_item: ``"bbox"``, or ``"head"`` where the data set knows ``head_size``.
        collect_device: see `CocoMetric`.
        prefix: of the names of the numbers.
    """

    default_prefix: ClassVar[str] = "pck"

    def __init__(
        self,
        thr: float = 0.05,
        norm_item: str = "bbox",
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_norm_item(norm_item)
        self.thr = thr
        self.norm_item = norm_item

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Take over the predictions of one batch."""
        self.results.extend(_record(sample, self.norm_item) for sample in data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Mean over the joints that occur; 0 where nothing is annotated."""
        distances, labelled = _stack(results)
        shares, counts = joint_pck(distances < self.thr, labelled)
        mean = shares.sum() / (counts > 0).sum().clamp(min=1)
        return {NORM_ITEMS[self.norm_item]: mean.item()}


@METRICS.register_module()
class MpiiPCKAccuracy(PCKAccuracy):
    """MPII's table: PCKh of each part of the body and of all, in percent.

    A joint is correct within ``thr`` head sizes. ``PCK`` is the mean over all annotated joints
    except pelvis and thorax, ``PCK@0.1`` the same at a tenth of the head; a part is the mean of
    its two joints.

    Args:
        thr: share of the size that a joint may be off at most.
        norm_item: ``"head"``, or ``"bbox"`` where heads are not known.
        collect_device: see `CocoMetric`.
        prefix: of the names of the numbers.
    """

    default_prefix: ClassVar[str] = "mpii"

    def __init__(
        self,
        thr: float = 0.5,
        norm_item: str = "head",
        collect_device: str = "gpu",
        prefix: str | None = None,
    ) -> None:
        super().__init__(thr, norm_item, collect_device, prefix)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The table.

        Raises:
            ValueError: the joints are not MPII's 16.
        """
        distances, labelled = _stack(results)
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
