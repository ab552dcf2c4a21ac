"""Colour augmentation, ours and that of the albumentations library."""

import importlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch

from mmpose.registry import TRANSFORMS
from mmpose.structures.device_crops import DeferredCrop

from .base import Transform


def change_colours(
    image: np.ndarray | DeferredCrop, levels: np.ndarray, hsv_levels: np.ndarray | None
) -> np.ndarray | DeferredCrop:
    """An image after tables of its grey levels and then of hue, saturation and value.

    Args:
        image: (H, W, 3) uint8 BGR; a crop that is yet to be cut takes the tables along.
        levels: (256,) uint8.
        hsv_levels: (256, 3) uint8; None changes none.
    """
    if isinstance(image, DeferredCrop):
        hsv = None if hsv_levels is None else torch.from_numpy(hsv_levels.T.copy())
        return replace(image, levels=torch.from_numpy(levels), hsv_levels=hsv)
    image = cv2.LUT(image, levels)
    if hsv_levels is None:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    return cv2.cvtColor(cv2.LUT(hsv, hsv_levels[:, None]), cv2.COLOR_HSV2BGR)


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
        tables = None
        if saturates or shifts_hue:
            tables = np.arange(256, dtype=np.float32)[:, None].repeat(3, 1)
            if shifts_hue:
                shift = np.random.uniform(-self.hue_delta, self.hue_delta)
                tables[:, 0] = (tables[:, 0] + shift) % 180
            if saturates:
                tables[:, 1] *= np.random.uniform(*self.saturation_range)
            tables = tables.clip(0, 255).astype(np.uint8)  # (256, 3)
        results["img"] = change_colours(results["img"], levels, tables)
        return results


@TRANSFORMS.register_module()
class Albumentation(Transform):
    """Pixel-wise transforms of the optional library ``albumentations``.

    The library's own generators are seeded from numpy's for each sample.

    Args:
        transforms: configs, ``type`` a class of the library, the rest its arguments; a config may
            hold further ones under ``transforms``.
        keymap: field of the sample -> the library's name of it; None maps ``img`` to ``image``.

    Raises:
        ImportError: the library is not installed.
        ValueError: it has no class of that name.
    """

    def __init__(
        self, transforms: Sequence[Mapping[str, Any]], keymap: Mapping[str, str] | None = None
    ) -> None:
        try:
            self._library = importlib.import_module("albumentations")
        except ImportError as error:
            raise ImportError(
                "the transform Albumentation needs the library of that name: "
                "pip install albumentations, or take the step out of the pipeline"
            ) from error
        self.keymap = dict(keymap or {"img": "image"})
        self.augment = self._library.Compose([self._build(config) for config in transforms])

    def _build(self, config: Mapping[str, Any]) -> Any:
        arguments = dict(config)
        name = arguments.pop("type")
        if not hasattr(self._library, name):
            raise ValueError(f"albumentations {self._library.__version__} has no class {name!r}")
        if "transforms" in arguments:
            arguments["transforms"] = [self._build(part) for part in arguments["transforms"]]
        return getattr(self._library, name)(**arguments)

    def transform(self, results: dict) -> dict:
        """Change the fields of the keymap."""
        given = {
            theirs: np.ascontiguousarray(results[ours]) for ours, theirs in self.keymap.items()
        }
        self._seed_library()
        changed = self.augment(**given)
        for ours, theirs in self.keymap.items():
            results[ours] = changed[theirs]
        return results

    def _seed_library(self) -> None:
        if not hasattr(self.augment, "set_random_seed"):  # before version 2
            random.seed(np.random.randint(2**31))
            return
        for part in (self.augment, *self.augment.transforms):  # one seed for all would couple them
            part.set_random_seed(int(np.random.randint(2**31)))
