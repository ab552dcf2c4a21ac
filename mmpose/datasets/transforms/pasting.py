"""Pasting cut-out people into an image, in front of its people or behind them.

Copy-paste augmentation (Dwibedi et al., ICCV 2017, arXiv 1708.01642; Ghiasi et al., CVPR 2021,
arXiv 2012.07177), aimed at heavy overlap: whoever is pasted goes near somebody who is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .cut_outs import CutOut
from .region_mask import RegionMask

OCCLUDED, SEEN = 1, 2
LONE_HEIGHTS = (0.3, 0.9)  # of somebody pasted where nobody is, as a share of the image


class CutOuts(Protocol):
    """Whom to choose from: `CutOutPeople`, or what looks like it."""

    @property
    def flip_indices(self) -> Sequence[int]:
        """Which joint each becomes in a mirror, (K,)."""

    def __len__(self) -> int: ...

    def cut(self, index: int) -> CutOut | None:
        """Somebody, or None where there is nothing to cut out."""


@dataclass
class Scene:
    """An image and its people, as far as pasting needs them; changed in place.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        masks: (N, H, W) uint8 0/1.
        keypoints: (N, K, 2) float32, image pixels.
        flags: (N, K) uint8, 0 not labelled or outside the image, 1 occluded, 2 seen.
        areas: (N,) px of each mask before anybody was pasted, as if alone in the image; 0: it may
            be covered as a whole.
    """

    image: np.ndarray
    masks: np.ndarray
    keypoints: np.ndarray
    flags: np.ndarray
    areas: np.ndarray


def look_up(mask: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether points (..., 2), pixels, lie on a (H, W) mask; those outside do not."""
    height, width = mask.shape
    x, y = np.rint(points).astype(int).reshape(-1, 2).T
    is_inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    found = is_inside & (mask[y.clip(0, height - 1), x.clip(0, width - 1)] > 0)
    return found.reshape(points.shape[:-1])


def paste(
    scene: Scene,
    cut_out: CutOut,
    corner: tuple[int, int],
    *,
    behind: bool = False,
    min_visible: float = 0.0,
) -> bool:
    """Paste somebody, or leave the scene as it is where too little of somebody would be left.

    No pixel then belongs to the pasted person and to another. A joint that whoever is in front
    covers becomes occluded; one that leaves the image is not labelled any more.

    Args:
        scene: gets one more person, the last.
        cut_out: who is pasted.
        corner: x and y of the cut-out's top left pixel; may lie outside.
        behind: behind all people of the scene, else in front of them.
        min_visible: the share of each person's own pixels that must be left of the pasted
            person and of everybody whom that one covers.

    Returns:
        Whether the person was pasted.

    Raises:
        ValueError: the person has another number of joints than those of the scene.
    """
    if len(cut_out.flags) != scene.flags.shape[1]:
        raise ValueError(
            f"who is pasted has {len(cut_out.flags)} joints, people of the image have "
            f"{scene.flags.shape[1]}; give people=dict(metainfo=...) the data set's skeleton"
        )
    height, width = scene.image.shape[:2]
    region = RegionMask(cut_out.mask, *corner)
    whole = region.cut(0, 0, width, height)  # (H, W)
    others = scene.masks.max(0, initial=0)
    mask = whole & ~others & 1 if behind else whole
    left = scene.masks if behind else scene.masks & (1 - whole)
    own_area = int(cut_out.mask.sum())
    is_touched = left.sum((1, 2)) < scene.masks.sum((1, 2))
    shares = left.sum((1, 2)) / np.maximum(scene.areas, 1)
    if not mask.any() or mask.sum() < min_visible * own_area:
        return False
    # with a share of 0 allowed, too: an annotation without a pixel would teach nothing
    is_lost = (shares < min_visible) | (shares == 0)
    if (is_touched & is_lost & (scene.areas > 0)).any():
        return False
    rows, columns = region.within(0, 0, width, height).window
    x, y = corner
    patch = cut_out.image[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
    np.copyto(scene.image[rows, columns], patch, where=mask[rows, columns, None] > 0)
    points = cut_out.keypoints + np.float32(corner)
    flags = _inside(cut_out.flags, points, (height, width))
    if behind:
        flags = np.where(look_up(others, points), np.minimum(flags, OCCLUDED), flags)
    else:
        is_covered = look_up(whole, scene.keypoints)
        scene.flags = np.where(is_covered, np.minimum(scene.flags, OCCLUDED), scene.flags)
    scene.masks = np.concatenate([left, mask[None]])
    scene.keypoints = np.concatenate([scene.keypoints, points[None]]).astype(np.float32)
    scene.flags = np.concatenate([scene.flags, flags[None]]).astype(np.uint8)
    scene.areas = np.append(scene.areas, own_area)
    return True


def _inside(flags: np.ndarray, points: np.ndarray, img_shape: tuple[int, int]) -> np.ndarray:
    """Flags (K,) with 0 for joints (K, 2) outside an image of (h, w)."""
    height, width = img_shape
    is_inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(-1)
    return flags * is_inside


def mask_boxes(masks: np.ndarray) -> np.ndarray:
    """Boxes xyxy (N, 4) float32 of masks (N, H, W), from the outer edges of their pixels.

    An empty mask has a box of zeros.
    """
    boxes = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if rows.size:
            box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


@dataclass(frozen=True)
class Placing:
    """How many people are pasted, how large and where. Draws come from ``np.random`` alone.

    Attributes:
        num: least and most people.
        scale: smallest and largest height as a factor of that of the person nearby, drawn
            log-uniformly.
        max_enlarged: nobody is enlarged more than this; who would be stays smaller.
        reach: largest distance in x and in y of the centres of the two boxes, as a share of the
            distance at which the boxes would only touch: 0 puts all in one place, from 1 on they
            need not overlap.
        behind_prob: how often somebody is pasted behind the people who are there.
        flip_prob: how often a cut-out is mirrored.
        min_visible: see :func:`paste`.
    """

    num: tuple[int, int] = (1, 3)
    scale: tuple[float, float] = (0.7, 1.4)
    max_enlarged: float = 2.0
    reach: tuple[float, float] = (0.7, 0.3)
    behind_prob: float = 0.3
    flip_prob: float = 0.5
    min_visible: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.num[0] <= self.num[1]:
            raise ValueError(f"num is (least, most) with 0 <= least <= most, got {self.num}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale is (least, most), both above 0, got {self.scale}")
        if self.max_enlarged <= 0:
            raise ValueError(f"max_enlarged is a factor above 0, got {self.max_enlarged}")
        if min(self.reach) < 0:
            raise ValueError(f"reach is (x, y), both at least 0, got {self.reach}")
        for name in ("behind_prob", "flip_prob", "min_visible"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")

    def paste_people(self, scene: Scene, people: CutOuts, *, can_hide: bool = True) -> int:
        """Paste as many as are drawn; those who do not fit are left out.

        Args:
            scene: changed in place.
            people: whom to choose from.
            can_hide: whether masks of all people of the scene are known, so that somebody can be
                behind them.

        Returns:
            How many were pasted.
        """
        count = np.random.randint(self.num[0], self.num[1] + 1)
        return sum(self._paste_one(scene, people, can_hide) for _ in range(count))

    def _paste_one(self, scene: Scene, people: CutOuts, can_hide: bool) -> bool:
        index = np.random.randint(len(people))
        is_mirrored = np.random.rand() < self.flip_prob
        is_behind = bool(np.random.rand() < self.behind_prob)
        center, near_height, near_width = self._choose_place(scene)
        height = near_height * np.exp(np.random.uniform(*np.log(self.scale)))
        away = np.random.uniform(-1, 1, 2) * self.reach  # all draws made, whoever it is
        cut_out = people.cut(index)
        if cut_out is None:
            return False
        if is_mirrored:
            cut_out = cut_out.mirrored(people.flip_indices)
        height = min(height, cut_out.mask.shape[0] * self.max_enlarged)
        cut_out = cut_out.resized(max(round(height), 1))
        size = np.array(cut_out.mask.shape[::-1])
        center = center + away * (size + np.array([near_width, near_height])) / 2
        corner = np.rint(center - size / 2).astype(int).tolist()
        return paste(
            scene,
            cut_out,
            tuple(corner),
            behind=is_behind and can_hide,
            min_visible=self.min_visible,
        )

    def _choose_place(self, scene: Scene) -> tuple[np.ndarray, float, float]:
        """Centre (x, y), height and width of somebody who is there, or of some place."""
        img_size = np.array(scene.image.shape[1::-1])
        who, where = np.random.rand(), np.random.rand(2)
        lone_height = np.random.uniform(*LONE_HEIGHTS) * img_size[1]
        boxes = mask_boxes(scene.masks)
        boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(1)]
        if not len(boxes):
            return where * img_size, lone_height, lone_height / 2
        box = boxes[int(who * len(boxes))]
        return (box[:2] + box[2:]) / 2, float(box[3] - box[1]), float(box[2] - box[0])
