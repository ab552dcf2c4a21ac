"""Training to ignore holes: black out some annotated people and forget them.

In the loop the detector sees an image whose known people are painted over and must find only
those who remain. Here a random subset of the annotated people is painted over and their
annotations go, so that person-shaped holes become background.
"""

from collections.abc import Sequence
from types import ModuleType

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.mask import BitmapMasks

from mmpose.structures.bbox import bbox_overlaps

FILLS = ("black", "mean", "noise")
ANNOTATION_KEYS = ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks")
Random = np.random.RandomState | ModuleType
"""A generator of its own, or ``np.random``: the global one, which the data loader seeds."""


def paint_hole(
    image: np.ndarray,
    hole: np.ndarray,
    *,
    fill: str = "black",
    blur: float = 0.0,
    rng: Random = np.random,
) -> np.ndarray:
    """A copy of the image with a region painted over.

    Args:
        image: (H, W, 3) uint8.
        hole: (H, W) bool or uint8, the region.
        fill: "black", "mean" (the mean colour of the image) or "noise" (uniform).
        blur: standard deviation of the soft edge, pixels; 0 is a hard edge.
        rng: what noise is drawn from.

    Returns:
        (H, W, 3) uint8.
    """
    if fill == "black":
        paint = np.zeros_like(image)
    elif fill == "mean":
        paint = np.broadcast_to(image.mean((0, 1)).round().astype(image.dtype), image.shape)
    elif fill == "noise":
        paint = rng.randint(0, 256, image.shape, dtype=np.uint8)
    else:
        raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
    if blur <= 0:
        # a hard edge, as the loop paints
        return np.where(hole[..., None].astype(bool), paint, image)
    alpha = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), blur)[..., None]
    return np.rint(image + alpha * (paint.astype(np.float32) - image)).astype(np.uint8)


def grow_mask(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Dilate (pixels > 0) or erode (pixels < 0) a (H, W) mask by a disc of that radius; uint8."""
    mask = np.ascontiguousarray(mask, dtype=np.uint8)
    if pixels == 0:
        return mask
    size = 2 * abs(pixels) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(mask, disc) if pixels > 0 else cv2.erode(mask, disc)


@TRANSFORMS.register_module()
class RemoveRandomInstances(BaseTransform):
    """Black out a random subset of the annotated people and drop their annotations.

    Stands after ``LoadAnnotations(with_bbox=True, with_mask=True)``, before or after Mosaic and
    MixUp. Of several classes, people alone are chosen. What a hole hides of the others leaves
    their masks too (bitmap masks; polygons stay whole), and who loses more than ``1 -
    min_visible`` of the mask is dropped as well. Crowd annotations are never chosen and never
    changed. An image may end up with nobody.

    Args:
        prob: probability that an image is touched.
        num: least and most people to remove, drawn uniformly; None for the most means all.
        min_overlap: remove only people whose box has at least this IoU with that of another
            person, as in a crowd; 0 means anybody.
        fill: what the hole is painted with, see :func:`paint_hole`.
        dilation: least and most pixels by which each hole grows, drawn uniformly; negative
            shrinks it and leaves a rim, as a predicted mask does.
        blur: standard deviation of the edge, pixels.
        min_visible: fraction of a mask that must remain for its annotation to stay.
        label: of people among the classes of the data set.
    """

    def __init__(
        self,
        prob: float = 0.5,
        *,
        num: tuple[int, int | None] = (1, None),
        min_overlap: float = 0.0,
        fill: str = "black",
        dilation: tuple[int, int] = (0, 0),
        blur: float = 0.0,
        min_visible: float = 0.2,
        label: int = 0,
    ) -> None:
        fractions = {"prob": prob, "min_overlap": min_overlap, "min_visible": min_visible}
        if not all(0 <= value <= 1 for value in fractions.values()):
            raise ValueError(f"{', '.join(fractions)} lie in [0, 1], got {fractions}")
        if fill not in FILLS:
            raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
        if num[0] < 0 or (num[1] is not None and num[1] < num[0]):
            raise ValueError(f"num must be (least, most) with 0 <= least <= most, got {num}")
        if dilation[0] > dilation[1]:
            raise ValueError(f"dilation must be (least, most), got {dilation}")
        if blur < 0:
            raise ValueError(f"blur is a standard deviation in pixels, at least 0, got {blur}")
        self.prob = prob
        self.num = num
        self.min_overlap = min_overlap
        self.fill = fill
        self.dilation = dilation
        self.blur = blur
        self.min_visible = min_visible
        self.label = label

    def transform(self, results: dict) -> dict:
        """Keys read and written: ``img`` and those of ``LoadAnnotations``."""
        self.remove(results, self.choose(results))
        return results

    def choose(self, results: dict, rng: Random = np.random) -> np.ndarray:
        """Draw who goes.

        Args:
            results: of ``LoadAnnotations``.
            rng: what the draws come from.

        Returns:
            (R,) indices into the annotations; R is 0 where the image is left alone.

        Raises:
            ValueError: the masks were not loaded.
        """
        if "gt_masks" not in results:
            raise ValueError(
                "holes need masks: put this after LoadAnnotations(with_bbox=True, with_mask=True)"
            )
        is_person = results["gt_bboxes_labels"] == self.label
        candidates = np.flatnonzero(is_person & ~results["gt_ignore_flags"])
        if rng.rand() >= self.prob:
            return candidates[:0]
        if self.min_overlap > 0:
            bboxes = results["gt_bboxes"].tensor[candidates]
            # the diagonal is everybody's overlap with themselves
            overlap = bbox_overlaps(bboxes, bboxes).fill_diagonal_(0).numpy()
            candidates = candidates[(overlap >= self.min_overlap).any(1)]
        least, most = self.num
        most = len(candidates) if most is None else min(most, len(candidates))
        # fewer candidates than asked for: all of them go
        count = rng.randint(min(least, most), most + 1)
        return rng.permutation(candidates)[:count]

    def remove(self, results: dict, removed: Sequence[int], rng: Random = np.random) -> np.ndarray:
        """Black out the people of these indices and drop their annotations.

        Args:
            results: of ``LoadAnnotations``; changed in place.
            removed: R indices into the annotations.
            rng: what dilation and noise are drawn from.

        Returns:
            The painted regions, (R, H, W) uint8.
        """
        masks = results["gt_masks"].to_ndarray()  # (N, H, W) uint8
        holes = np.zeros((len(removed), *masks.shape[1:]), dtype=np.uint8)
        if len(removed) == 0:
            return holes
        for hole, index in zip(holes, removed, strict=True):
            hole[:] = grow_mask(masks[index], rng.randint(self.dilation[0], self.dilation[1] + 1))
        hole = holes.max(0)
        results["img"] = paint_hole(results["img"], hole, fill=self.fill, blur=self.blur, rng=rng)

        # what a hole hides of others is background to the detector, so it must not be a target
        visible = masks * (1 - hole)
        areas, left = (m.reshape(len(masks), -1).sum(1) for m in (masks, visible))
        is_crowd = results["gt_ignore_flags"]
        keep = (left >= self.min_visible * areas) | is_crowd
        # after the rule of what is left: an eroded hole may spare most of the removed person
        keep[list(removed)] = False
        changed = keep & ~is_crowd & (left < areas)
        if isinstance(results["gt_masks"], BitmapMasks) and changed.any():
            self._trim(results, visible, changed)
        # all four together: mmdet pairs them by position
        for key in ANNOTATION_KEYS:
            results[key] = results[key][keep]
        return holes

    @staticmethod
    def _trim(results: dict, visible: np.ndarray, changed: np.ndarray) -> None:
        masks = np.where(changed[:, None, None], visible, results["gt_masks"].masks)
        results["gt_masks"] = BitmapMasks(masks, *masks.shape[1:])
        # Annotated boxes are often looser than masks, so that only those of trimmed people
        # are made anew.
        bboxes = results["gt_masks"].get_bboxes(type(results["gt_bboxes"]))
        results["gt_bboxes"][changed] = bboxes[changed]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"
