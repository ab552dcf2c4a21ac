"""One evaluation explained: numbers, kinds of errors, reliability, joints, worst images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.evaluation.coco_ap import keypoint_ap, region_ap
from mmpose.evaluation.result_files import (
    REGION_TYPES,
    check_field,
    has_categories,
    with_skeleton,
)
from mmpose.visualization import Skeleton, skeleton_of

from .partners import Partners, find_partners
from .pose_errors import PoseErrors, pose_errors
from .pose_reliability import joint_reliability, joint_rows, score_reliability
from .region_errors import RegionErrors, region_errors
from .reliability import Reliability
from .report_images import Shortfall, worst_images
from .slices import slice_tables

COCO_JOINTS = 17
NUM_WORST = 10
TYPE_NAMES = {"keypoints": "poses", "bbox": "boxes", "segm": "masks"}


@dataclass(frozen=True)
class Explanation:
    """What one evaluation gives beside AP.

    Attributes:
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        numbers: COCO's by name, with ``AP_low`` and ``AP_high``.
        errors: kinds of errors, of boxes and masks.
        pose_errors: kinds of errors, of poses.
        slices: of poses, tables of AP by title.
        curves: reliability.
        reasons: why other curves are not there.
        joints: of poses, a row for each joint.
        worst: the worst images.
        partners: who was matched.
        skeleton: of poses.
    """

    iou_type: str
    numbers: dict[str, float]
    errors: RegionErrors | None
    pose_errors: PoseErrors | None
    slices: dict[str, list[dict[str, Any]]]
    curves: list[Reliability]
    reasons: list[str]
    joints: list[dict[str, Any]]
    worst: list[Shortfall]
    partners: Partners
    skeleton: Skeleton

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "iou_type": self.iou_type,
            "numbers": self.numbers,
            "region_errors": None if self.errors is None else self.errors.to_dict(),
            "pose_errors": None if self.pose_errors is None else self.pose_errors.to_dict(),
            "slices": self.slices,
            "reliability": [curve.to_dict() for curve in self.curves],
            "no_reliability": self.reasons,
            "joints": self.joints,
            "worst_images": [asdict(one) for one in self.worst],
        }

    def told(self) -> str:
        """The main numbers as lines of text."""
        interval = "[{:.6f}, {:.6f}]".format(
            *(self.numbers[f"AP_{end}"] for end in ("low", "high"))
        )
        lines = [f"{self.iou_type}: AP {self.numbers['AP']:.6f} {interval}"]
        if self.errors is not None:
            lines.append(f"errors at an IoU of 0.5 (AP {self.errors.ap:.6f}), count, cost in AP:")
            lines += [
                f"  {row['error']:16s} {'' if row['count'] is None else row['count']:>7} "
                f"{row['cost']:9.6f}"
                for row in self.errors.table()
            ]
        if self.pose_errors is not None:
            lines.append("errors of poses, count, gain in AP alone and one after the other:")
            lines += [
                f"  {row['error']:10s} {'' if row['count'] is None else row['count']:>7} "
                f"{row['alone']:9.6f} {row['in turn']:9.6f}"
                for row in self.pose_errors.table()
            ]
        for title, rows in self.slices.items():
            lines.append(f"AP by {title}:")
            lines += [f"  {row['slice']:18s} {_told_slice(row)}" for row in rows]
        for curve in self.curves:
            if curve.count:
                lines.append(f"{curve.name}: ECE {curve.ece:.4f}, Brier {curve.brier:.4f}")
        lines += [f"no curve of {reason}" for reason in self.reasons]
        lines += [f"worst: {one.file_name}: {one.told}" for one in self.worst]
        return "\n".join(lines)


def explain(
    content: dict,
    results: Sequence[dict],
    iou_type: str,
    *,
    use_area: bool = True,
    metainfo: str | None = None,
    sigmas: Sequence[float] | None = None,
    num_worst: int = NUM_WORST,
) -> Explanation:
    """Say why an evaluation is as it is.

    Args:
        content: ground truth, COCO's annotation format; people alone are looked at.
        results: COCO results; may be empty.
        iou_type: ``bbox``, ``segm`` or ``keypoints``.
        use_area: whether annotated areas count; else 0.53 of the box.
        metainfo: file of the skeleton; COCO's for 17 joints.
        sigmas: per-joint constants, (K,), in place of the skeleton's.
        num_worst: how many images are listed.

    Raises:
        ValueError: another type, or the two do not fit each other.
    """
    if iou_type not in TYPE_NAMES:
        raise ValueError(f"iou_type must be one of {tuple(TYPE_NAMES)}, got {iou_type!r}")
    check_field(results, iou_type)
    errors, of_poses, slices, joints, skeleton = None, None, {}, [], skeleton_of(None)
    if iou_type in REGION_TYPES:
        is_of_many = has_categories(content, results)
        counted = complete_annotations(content, people_only=not is_of_many)
        numbers = region_ap(counted, results, iou_type, intervals=True)
        errors = region_errors(counted, results, iou_type)
        # of several categories the people alone are looked at further
        content = complete_annotations(content) if is_of_many else counted
        partners = find_partners(content, results, iou_type)
        curves, reasons = score_reliability(partners, iou_type)
    else:
        content, results, sigmas = with_skeleton(content, results, metainfo, sigmas)
        numbers = keypoint_ap(content, results, sigmas, use_area=use_area, intervals=True)
        partners = find_partners(content, results, iou_type, sigmas=sigmas, use_area=use_area)
        both = score_reliability(partners, iou_type), joint_reliability(partners, sigmas)
        curves, reasons = ([*a, *b] for a, b in zip(*both, strict=True))
        names, flip_indices, skeleton = _skeleton(metainfo, len(sigmas))
        of_poses = pose_errors(partners, sigmas, flip_indices)
        slices = slice_tables(partners, sigmas, names)
        joints = _joined(of_poses.joint_table(names), joint_rows(partners, sigmas, names))
    worst = worst_images(partners, content, num_worst)
    return Explanation(
        iou_type,
        numbers,
        errors,
        of_poses,
        slices,
        curves,
        reasons,
        joints,
        worst,
        partners,
        skeleton,
    )


def _told_slice(row: dict[str, Any]) -> str:
    if row["AP"] is None:
        return "nobody"
    interval = f"[{row['AP low']:.6f}, {row['AP high']:.6f}]"
    return f"{row['people']:7d} people  AP {row['AP']:.6f} {interval}"


def _joined(first: Sequence[dict], second: Sequence[dict]) -> list[dict]:
    """Rows of the same joints side by side."""
    return [a | b for a, b in zip(first, second, strict=True)]


def _skeleton(metainfo: str | None, num_joints: int) -> tuple[list[str], Sequence[int], Skeleton]:
    """Names of the joints, that of the other side of each, and how they are drawn."""
    if metainfo is None and num_joints == COCO_JOINTS:
        metainfo = "coco.py"
    if metainfo is None:
        dots = Skeleton([(0, (60, 200, 90))] * num_joints, [])
        # without names nobody knows the sides: no joint is taken for inverted
        return [f"joint {n}" for n in range(num_joints)], range(num_joints), dots
    parsed = parse_pose_metainfo({"from_file": metainfo})
    names = list(parsed["keypoint_id2name"].values())[:num_joints]
    return names, parsed["flip_indices"][:num_joints], skeleton_of(parsed)
