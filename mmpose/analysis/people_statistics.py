"""What an annotation file is like: people per image, overlap, visibility, sizes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmpose.datasets.coco_file import CocoContent
from mmpose.datasets.file_check import most_joints
from mmpose.structures.bbox import bbox_overlaps, bbox_xywh2xyxy
from mmpose.structures.mask import rle_of

Array = np.ndarray

FLAGS = {0: "not labelled", 1: "hidden", 2: "seen", 3: "outside the image"}
OVERLAPS = (0.0, 0.1, 0.3, 0.5, 0.7)
"""Lower ends of the bins of IoU, the first for 0 alone."""
SMALL, MEDIUM = 32**2, 96**2  # px², ends of COCO's sizes
PER_IMAGE = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, None))


@dataclass(frozen=True)
class PeopleStatistics:
    """N people (crowds aside) of the images of a file.

    Attributes:
        num_images: all of them.
        per_image: people of each image, (I,).
        heights: of the boxes, (N,), px.
        areas: of the people, (N,), px².
        image_pixels: width × height of the images of known size, px².
        box_overlap: highest IoU of each person's box with another's of the image, (N,).
        mask_overlap: the same of masks, of the people who have one, (M,).
        crowd_index: of the images with labelled joints, see :func:`crowd_index`.
        visibility: how many joints have the flag 0, 1, 2, 3: (K, 4).
    """

    num_images: int
    per_image: Array
    heights: Array
    areas: Array
    image_pixels: Array
    box_overlap: Array
    mask_overlap: Array
    crowd_index: Array
    visibility: Array

    @property
    def num_people(self) -> int:
        """N."""
        return len(self.heights)

    @property
    def mask_share(self) -> float:
        """Share of the people who have a mask."""
        return len(self.mask_overlap) / max(self.num_people, 1)


def people_statistics(content: CocoContent) -> PeopleStatistics:
    """Count.

    Args:
        content: completed annotations.
    """
    people = [person for person in content["annotations"] if not person["iscrowd"]]
    of_image: dict[Any, list[dict]] = {image["id"]: [] for image in content["images"]}
    for person in people:
        of_image[person["image_id"]].append(person)
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    indices = [crowd_index(group) for group in of_image.values()]
    joints = most_joints([person for person in people if person["num_keypoints"]])
    return PeopleStatistics(
        num_images=len(of_image),
        per_image=np.array([len(group) for group in of_image.values()], int),
        heights=np.array([person["bbox"][3] for person in people], float),
        areas=np.array([person["area"] for person in people], float),
        image_pixels=np.array([h * w for h, w in sizes.values() if h and w], float),
        box_overlap=_joined(of_image.values(), box_overlaps),
        mask_overlap=_joined(
            of_image.items(), lambda item: mask_overlaps(item[1], *sizes[item[0]])
        ),
        crowd_index=np.array([index for index in indices if index is not None], float),
        visibility=np.stack([(joints[..., 2] == flag).sum(0) for flag in FLAGS], axis=1),
    )


def _joined(groups: Any, function: Callable[[Any], Array]) -> Array:
    return np.concatenate([np.zeros(0), *(function(group) for group in groups)])


def box_overlaps(people: Sequence[dict]) -> Array:
    """The highest IoU of each person's box with another one's, (N,); 0 where one is alone."""
    boxes = np.array([person["bbox"] for person in people], float).reshape(-1, 4)
    boxes = bbox_xywh2xyxy(boxes)
    ious = bbox_overlaps(boxes, boxes)
    np.fill_diagonal(ious, 0)
    return ious.max(1, initial=0)


def mask_overlaps(people: Sequence[dict], height: int | None, width: int | None) -> Array:
    """The highest IoU of each mask with another one, (M,), of those who have one.

    Args:
        people: of one image.
        height: of the image; None: not known, and no mask is counted.
        width: of the image.
    """
    if height is None or width is None:
        return np.zeros(0)
    masked = [person for person in people if person["segmentation"] is not None]
    rles = [rle_of(person["segmentation"], height, width) for person in masked]
    # pycocotools compares masks of one size; one of another is not of this image
    rles = [rle for rle in rles if list(rle["size"]) == [height, width]]
    if not rles:
        return np.zeros(0)
    ious = np.asarray(coco_mask.iou(rles, rles, [0] * len(rles)))
    np.fill_diagonal(ious, 0)
    return ious.max(1, initial=0)


def crowd_index(people: Sequence[dict]) -> float | None:
    """CrowdPose's measure of an image (arXiv:1812.00324), in [0, 1].

    Of each person: how many labelled joints of others lie in the box, for each of the person's
    own that do; the mean over the people, where more than one counts as one.

    Args:
        people: of one image, completed.

    Returns:
        None where nobody has a labelled joint in the box.
    """
    people = [person for person in people if person["num_keypoints"]]
    ratios = []
    joints = [np.reshape(person["keypoints"], (-1, 3)) for person in people]
    for n, person in enumerate(people):
        counts = [_num_inside(points, person["bbox"]) for points in joints]
        own = counts.pop(n)
        if own:
            ratios.append(min(sum(counts) / own, 1.0))
    return float(np.mean(ratios)) if ratios else None


def _num_inside(joints: Array, bbox: Sequence[float]) -> int:
    """How many labelled joints (K, 3) lie in a box xywh."""
    x, y, w, h = bbox
    points = joints[joints[:, 2] > 0, :2]
    return int(((points >= [x, y]) & (points <= [x + w, y + h])).all(1).sum())


def overlap_rows(values: Array) -> list[dict[str, Any]]:
    """How many people have a highest IoU of 0, up to 0.1, ... with somebody else."""
    names = ["0", *(f"over {low:g}" if low == 0 else f"from {low:g}" for low in OVERLAPS)]
    ends = [*OVERLAPS[1:], np.inf]
    members = [values == 0, (values > 0) & (values < ends[0])]
    members += [
        (values >= low) & (values < high) for low, high in zip(OVERLAPS[1:], ends[1:], strict=True)
    ]
    return [
        {"highest IoU": name, "people": int(inside.sum()), "share": _share(inside)}
        for name, inside in zip(names, members, strict=True)
    ]


def size_rows(areas: Array) -> list[dict[str, Any]]:
    """How many people are small, medium and large by COCO's ends."""
    members = {
        "small (area under 32² px)": areas < SMALL,
        "medium (to 96² px)": (areas >= SMALL) & (areas < MEDIUM),
        "large": areas >= MEDIUM,
    }
    return [
        {"size": name, "people": int(inside.sum()), "share": _share(inside)}
        for name, inside in members.items()
    ]


def per_image_rows(counts: Array) -> list[dict[str, Any]]:
    """How many images have 0, 1, 2, ... people."""
    rows = []
    for low, high in PER_IMAGE:
        inside = (counts >= low) & (counts <= (np.inf if high is None else high))
        name = (
            str(low) if low == high else f"{low} and more" if high is None else f"{low} to {high}"
        )
        rows.append({"people": name, "images": int(inside.sum()), "share": _share(inside)})
    return rows


def visibility_rows(counts: Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each joint, and one for all.

    Args:
        counts: see `PeopleStatistics.visibility`, (K, 4).
        names: of the joints, (K,).
    """
    named = list(names) if len(names) == len(counts) else [str(k) for k in range(len(counts))]
    rows = [
        {"joint": name, **dict(zip(FLAGS.values(), map(int, row), strict=True))}
        for name, row in zip(named, counts, strict=True)
    ]
    total = {"joint": "all", **dict(zip(FLAGS.values(), map(int, counts.sum(0)), strict=True))}
    return [*rows, total] if len(counts) else []


def _share(inside: Array) -> float | None:
    return float(inside.mean()) if len(inside) else None
