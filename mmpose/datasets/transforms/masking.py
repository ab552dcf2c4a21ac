"""Conditioning on the person's mask: what does not belong to the person is dimmed."""

import cv2
import numpy as np

from mmpose.registry import TRANSFORMS
from mmpose.structures import segmentation_to_mask

from .base import Transform
from .mask_noise import add_mask_noise

NOISE_SIZE = 128  # longer side in pixels at which masks are damaged


def dim_background(image: np.ndarray, mask: np.ndarray, alpha: float) -> np.ndarray:
    """Multiply what lies outside the mask by ``1 - alpha``, rounded half to even.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) uint8 0/1.
        alpha: 0 changes nothing, 1 blackens.

    Returns:
        A new image.
    """
    levels = np.rint(np.arange(256, dtype=np.float32) * np.float32(1 - alpha)).astype(np.uint8)
    return cv2.copyTo(image, mask, cv2.LUT(image, levels))


def mask_window(mask: np.ndarray, context_size: float) -> tuple[slice, slice] | None:
    """The box of a mask, enlarged about its centre and clipped to the picture.

    Returns:
        Rows and columns; None when the mask is empty.
    """
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0 or height == 0:
        return None
    pad_x, pad_y = (int(np.ceil(side * (context_size - 1) / 2)) for side in (width, height))
    rows = slice(max(y - pad_y, 0), min(y + height + pad_y, mask.shape[0]))
    return rows, slice(max(x - pad_x, 0), min(x + width + pad_x, mask.shape[1]))


@TRANSFORMS.register_module()
class MaskBackground(Transform):
    """Decode the person's mask and damage it; `TopdownAffine` dims by it in the crop's region.

    A person without a mask, or with an empty one, is not conditioned. The damage is done in the
    window of the mask at no more than 128 px, and the 50 background cells are drawn there, not
    in the whole picture: published training drew them everywhere, so that most fell far from a
    small person.

    Args:
        continue_on_failure: kept for published configs; a missing mask never stops the run.
        prob: how often a person is conditioned.
        alpha: how much the background loses: it is multiplied by ``1 - alpha``.
        erode_prob: how often the mask is shrunk.
        erode_amount: how much, see `add_mask_noise`.
        dilate_prob: how often it is grown.
        dilate_amount: how much.
        patches_computation_method: kept for published configs, which store but never use it.
        context_size: how far the window of the damage reaches beyond the mask, as a factor.
    """

    def __init__(
        self,
        continue_on_failure: bool = True,
        prob: float = 1.0,
        alpha: float = 1.0,
        erode_prob: float = 0.0,
        erode_amount: float = 0.5,
        dilate_prob: float = 0.0,
        dilate_amount: float = 0.5,
        patches_computation_method: str = "voronoi",
        context_size: float = 1.25,
    ) -> None:
        for name in ("prob", "alpha", "erode_prob", "dilate_prob"):
            if not 0 <= locals()[name] <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {locals()[name]}")
        for name in ("erode_amount", "dilate_amount"):
            if not 0 < locals()[name] < 1:
                raise ValueError(f"{name} must be in (0, 1), got {locals()[name]}")
        self.noise_prob = erode_prob + dilate_prob
        if self.noise_prob > 1:
            raise ValueError(f"erode_prob + dilate_prob must not exceed 1, got {self.noise_prob}")
        del continue_on_failure, patches_computation_method
        self.prob = prob
        self.alpha = alpha
        self.grow_share = dilate_prob / self.noise_prob if self.noise_prob else 0.0
        self.erode_amount = erode_amount
        self.dilate_amount = dilate_amount
        self.context_size = context_size

    def transform(self, results: dict) -> dict:
        """Set ``mask`` (H, W) uint8 0/1 or None, and ``mask_alpha``."""
        results["mask"], results["mask_alpha"] = None, self.alpha
        if self.prob < 1 and np.random.random() > self.prob:
            return results
        height, width = results["img"].shape[:2]
        mask = segmentation_to_mask(results.get("segmentation"), height, width)
        if mask is None or not mask.any():
            return results
        mask = np.ascontiguousarray(mask, dtype=np.uint8)
        if np.random.random() < self.noise_prob:
            mask = self._damage(mask)
        results["mask"] = mask
        return results

    def _damage(self, mask: np.ndarray) -> np.ndarray:
        rows, columns = mask_window(mask, self.context_size)
        window = mask[rows, columns]
        scale = min(1.0, NOISE_SIZE / max(window.shape))
        size = [max(round(side * scale), 1) for side in window.shape[::-1]]
        damaged = add_mask_noise(
            cv2.resize(window, size, interpolation=cv2.INTER_NEAREST),
            grow_share=self.grow_share,
            erode_amount=self.erode_amount,
            dilate_amount=self.dilate_amount,
            scale=scale,
        )
        if not damaged.any():  # a small person may vanish: better the true mask than none
            return mask
        mask = np.zeros_like(mask)
        mask[rows, columns] = cv2.resize(
            damaged, window.shape[::-1], interpolation=cv2.INTER_NEAREST
        )
        return mask
