"""Training to ignore holes: black out some annotated people and forget them.

In the loop the detector sees an image whose known people are painted over and must find only
those who remain. Here a random subset of the annotated people is painted over and their
annotations go, so that person-shaped holes become background.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.mask import BitmapMasks

FILLS = ("black", "mean", "noise")
_KEYS = ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_masks")


def paint_hole(
    image: np.ndarray, hole: np.ndarray, *, fill: str = "black", blur: float = 0.0
) -> np.ndarray:
    """A copy of the image with a region painted over.

    Args:
        image: (H, W, 3) uint8.
        hole: (H, W) bool or uint8, the region.
        fill: "black", "mean" (the mean colour of the image) or "noise" (uniform, numpy's global
            generator, which the data loader seeds).
        blur: standard deviation of the soft edge, pixels; 0 is a hard edge.

    Returns:
        (H, W, 3) uint8.
    """
    if fill == "black":
        paint = np.zeros_like(image)
    elif fill == "mean":
        paint = np.broadcast_to(image.mean((0, 1)).round().astype(image.dtype), image.shape)
    elif fill == "noise":
        paint = np.random.randint(0, 256, image.shape, dtype=np.uint8)
    else:
        raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
    if blur <= 0:
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

    Stands right after ``LoadAnnotations(with_bbox=True, with_mask=True)``. Crowd annotations are
    never chosen. What a hole hides of the others leaves their masks too (bitmap masks; polygons
    stay whole), and who loses more than ``1 - min_visible`` of the mask is dropped as well.

    Args:
        prob: probability that an image is touched.
        num: least and most people to remove, drawn uniformly; None for the most means all.
        fill: what the hole is painted with, see :func:`paint_hole`.
        dilation: least and most pixels by which each hole grows, drawn uniformly; negative
            shrinks it and leaves a rim, as a predicted mask does.
        blur: standard deviation of the edge, pixels.
        min_visible: fraction of a mask that must remain for its annotation to stay.
    """

    def __init__(
        self,
        prob: float = 0.5,
        *,
        num: tuple[int, int | None] = (1, None),
        fill: str = "black",
        dilation: tuple[int, int] = (0, 0),
        blur: float = 0.0,
        min_visible: float = 0.2,
    ) -> None:
        if not 0 <= prob <= 1 or not 0 <= min_visible <= 1:
            raise ValueError(f"prob and min_visible lie in [0, 1], got {prob} and {min_visible}")
        if fill not in FILLS:
            raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
        if num[0] < 0 or (num[1] is not None and num[1] < num[0]):
            raise ValueError(f"num must be (least, most) with 0 <= least <= most, got {num}")
        if dilation[0] > dilation[1]:
            raise ValueError(f"dilation must be (least, most), got {dilation}")
        self.prob = prob
        self.num = num
        self.fill = fill
        self.dilation = dilation
        self.blur = blur
        self.min_visible = min_visible

    def transform(self, results: dict) -> dict:
        """Keys read and written: ``img`` and those of ``LoadAnnotations``."""
        if "gt_masks" not in results:
            raise ValueError(
                "RemoveRandomInstances needs masks: put it after "
                "LoadAnnotations(with_bbox=True, with_mask=True)"
            )
        if np.random.rand() >= self.prob:
            return results
        candidates = np.flatnonzero(~results["gt_ignore_flags"])
        removed = self._choose(candidates)
        if len(removed) == 0:
            return results
        return self.remove(results, removed)

    def _choose(self, candidates: np.ndarray) -> np.ndarray:
        least, most = self.num
        most = len(candidates) if most is None else min(most, len(candidates))
        count = np.random.randint(min(least, most), most + 1)
        return np.random.permutation(candidates)[:count]

    def remove(self, results: dict, removed: Sequence[int]) -> dict:
        """Black out the people of these indices and drop their annotations.

        Args:
            results: of ``LoadAnnotations``; changed in place.
            removed: indices into the annotations.
        """
        masks = results["gt_masks"].to_ndarray()  # (N, H, W) uint8
        hole = np.zeros(masks.shape[1:], dtype=np.uint8)
        for index in removed:
            pixels = np.random.randint(self.dilation[0], self.dilation[1] + 1)
            hole |= grow_mask(masks[index], pixels)
        results["img"] = paint_hole(results["img"], hole, fill=self.fill, blur=self.blur)

        visible = masks * (1 - hole)
        areas, left = (m.reshape(len(masks), -1).sum(1) for m in (masks, visible))
        keep = left >= self.min_visible * areas  # an empty mask (a crowd without one) stays
        keep[list(removed)] = False
        changed = keep & (left < areas)
        if isinstance(results["gt_masks"], BitmapMasks) and changed.any():
            self._trim(results, visible, changed)
        for key in _KEYS:
            results[key] = results[key][keep]
        return results

    @staticmethod
    def _trim(results: dict, visible: np.ndarray, changed: np.ndarray) -> None:
        masks = BitmapMasks(visible, *visible.shape[1:])
        boxes = masks.get_bboxes(type(results["gt_bboxes"]))
        results["gt_masks"] = masks
        results["gt_bboxes"][changed] = boxes[changed]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(prob={self.prob}, num={self.num}, fill={self.fill!r}, "
            f"dilation={self.dilation}, blur={self.blur}, min_visible={self.min_visible})"
        )
