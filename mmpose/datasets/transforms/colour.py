"""Colour augmentation."""

import cv2
import numpy as np

from mmpose.registry import TRANSFORMS

from .base import Transform


@TRANSFORMS.register_module()
class PhotometricDistortion(Transform):
    """Random brightness, contrast, saturation and hue, each half of the time.

    Cheap when it stands after `TopdownAffine`, where it works on the crop.

    Args:
        brightness_delta: largest shift of the grey levels.
        contrast_range: smallest and largest factor of the grey levels.
        saturation_range: smallest and largest factor of the saturation.
        hue_delta: largest shift of the hue, degrees of 180.
    """

    def __init__(
        self,
        brightness_delta: float = 32,
        contrast_range: tuple[float, float] = (0.5, 1.5),
        saturation_range: tuple[float, float] = (0.5, 1.5),
        hue_delta: float = 18,
    ) -> None:
        self.brightness_delta = brightness_delta
        self.contrast_range = contrast_range
        self.saturation_range = saturation_range
        self.hue_delta = hue_delta

    def transform(self, results: dict) -> dict:
        """Change ``img``."""
        brightens, contrasts, saturates, shifts_hue = np.random.random(4) < 0.5
        delta = brightens * np.random.uniform(-self.brightness_delta, self.brightness_delta)
        factor = np.random.uniform(*self.contrast_range) if contrasts else 1.0
        levels = (np.arange(256) * factor + delta).clip(0, 255).astype(np.uint8)
        image = cv2.LUT(results["img"], levels)
        if saturates or shifts_hue:
            hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
            tables = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1)
            if shifts_hue:
                shift = np.random.uniform(-self.hue_delta, self.hue_delta)
                tables[:, 0] = (tables[:, 0] + shift) % 180
            if saturates:
                tables[:, 1] *= np.random.uniform(*self.saturation_range)
            tables = tables.clip(0, 255).astype(np.uint8)[:, None]  # (256, 1, 3)
            image = cv2.cvtColor(cv2.LUT(hsv, tables), cv2.COLOR_HSV2BGR)
        results["img"] = image
        return results
