"""Conditioning on the person's mask: what does not belong to the person is dimmed."""

import logging

import cv2
import numpy as np
from mmengine.logging import print_log

from mmpose.registry import TRANSFORMS

from .base import Transform, check_shares
from .mask_noise import add_mask_noise
from .region_mask import RegionMask, decode_region

NOISE_SIZE = 128  # longer side in pixels at which masks are damaged


def dim_background(image: np.ndarray, mask: RegionMask, alpha: float) -> np.ndarray:
    """Multiply what lies outside the mask by ``1 - alpha``, rounded half to even.

    Args:
        image: (H, W, 3) uint8.
        mask: inside the image.
        alpha: 0 changes nothing, 1 blackens.

    Returns:
        A new image.
    """
    # three times as fast as a table of the 256 levels, and the same
    dimmed = cv2.convertScaleAbs(image, alpha=1 - alpha)
    if mask.pixels.size:
        cv2.copyTo(image[mask.window], mask.pixels, dimmed[mask.window])
    return dimmed


@TRANSFORMS.register_module()
class MaskBackground(Transform):
    """Decode the person's mask and damage it; `TopdownAffine` dims by it in the crop's region.

    Neither image nor mask of the whole image is copied for a person. One without a mask, or
    with one that is empty, damaged or of another size, is not conditioned; ``mask_state`` tells
    them apart, goes with the sample to the model, and training logs their shares. The damage is
    done in the window of the mask at no more than 128 px, and the 50 background cells are drawn
    there, not in the whole image: published training drew them everywhere, so that most fell
    far from a small person.

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

    Raises:
        ValueError: a setting is out of its range.
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
        check_shares(prob=prob, alpha=alpha, erode_prob=erode_prob, dilate_prob=dilate_prob)
        for name, amount in (("erode_amount", erode_amount), ("dilate_amount", dilate_amount)):
            if not 0 < amount < 1:
                raise ValueError(f"{name} must be in (0, 1), got {amount}")
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
        """Set ``mask`` (`RegionMask` or None), ``mask_alpha`` and ``mask_state``.

        The state is ``used``, ``left out`` (by ``prob``), ``missing`` or ``degenerate``.

        Raises:
            ValueError: the image is mirrored or cut already: the mask would not lie on it.
        """
        if "flip" in results or "input_size" in results:
            raise ValueError(
                "MaskBackground stands behind RandomFlip or TopdownAffine; masks are those of the "
                "image as it is read: put it right behind GetBBoxCenterScale"
            )
        results["mask"], results["mask_alpha"] = None, self.alpha
        results["mask_state"] = "left out"
        if self.prob == 1 or np.random.random() < self.prob:
            results["mask"], results["mask_state"] = self.decode(results)
        if results["mask"] is not None and np.random.random() < self.noise_prob:
            results["mask"] = self._damage(results["mask"], results["img"].shape[:2])
        return results

    def decode(self, results: dict) -> tuple[RegionMask | None, str]:
        """The person's mask, None where it is not to be had, and the state that tells why."""
        if results.get("cached_mask") is not None:  # decoded before, of a whole image
            return results["cached_mask"], "used"
        segmentation = results.get("segmentation")
        left, top = results.get("image_padding", (0, 0))
        shape = results["ori_shape"] if "image_padding" in results else results["img"].shape[:2]
        try:
            if segmentation is None or len(segmentation) == 0:
                return None, "missing"
            mask = decode_region(segmentation, *shape)
        except (TypeError, ValueError) as error:
            message = f"mask of person {results.get('id')} in {results.get('img_path')}: {error}"
            print_log(f"{message}; not used", logger="current", level=logging.WARNING)
            return None, "degenerate"
        if mask is None:
            return None, "degenerate"
        return RegionMask(mask.pixels, mask.left + left, mask.top + top), "used"

    def _damage(self, mask: RegionMask, img_shape: tuple[int, int]) -> RegionMask:
        window = mask.with_context(self.context_size, img_shape)
        shape = window.pixels.shape
        scale = min(1.0, NOISE_SIZE / max(shape))
        size = [max(round(side * scale), 1) for side in shape[::-1]]
        damaged = add_mask_noise(
            cv2.resize(window.pixels, size, interpolation=cv2.INTER_NEAREST),
            grow_share=self.grow_share,
            erode_amount=self.erode_amount,
            dilate_amount=self.dilate_amount,
            scale=scale,
        )
        if not damaged.any():  # a small person may vanish: better the true mask than none
            return mask
        pixels = cv2.resize(damaged, shape[::-1], interpolation=cv2.INTER_NEAREST)
        return RegionMask(pixels, window.left, window.top)
