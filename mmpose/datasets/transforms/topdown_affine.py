"""Cutting the crop of a person."""

from typing import Any, ClassVar

import cv2
import numpy as np

from mmpose.datasets.image_views import ImageView
from mmpose.registry import TRANSFORMS
from mmpose.structures import crop_windows, get_plain_warp_matrix, get_udp_warp_matrix
from mmpose.structures.device_crops import DeferredCrop

from .base import Transform
from .masking import dim_background
from .region_mask import RegionMask
from .view_crop import cut_view_crop, defer_crop
from .window_fields import choose_padding, current_box


def map_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 2) through an affine (2, 3)."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def source_region(
    matrix: np.ndarray, output_size: tuple[int, int], img_shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The part of an image that a crop is made of, with a margin for interpolation.

    Args:
        matrix: (2, 3), image to crop.
        output_size: (w, h) of the crop.
        img_shape: (h, w) of the image.

    Returns:
        left, top, right, bottom: ints, right and bottom exclusive; empty when the crop lies
        outside the image.
    """
    inverse = cv2.invertAffineTransform(matrix)
    width, height = output_size
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    corners = map_points(corners, inverse)
    limits = (img_shape[1], img_shape[0])
    left, top = (int(max(np.floor(low) - 1, 0)) for low in corners.min(0))
    right, bottom = (
        int(min(np.ceil(high) + 2, limit))
        for high, limit in zip(corners.max(0), limits, strict=True)
    )
    return left, top, right, bottom


def cut_crop(
    image: np.ndarray | ImageView,
    matrix: np.ndarray,
    output_size: tuple[int, int],
    *,
    mask: RegionMask | None = None,
    alpha: float = 0.0,
) -> np.ndarray:
    """Warp a window of an image to the crop, black outside the image.

    The background is dimmed before warping, but only in the region that the crop shows: the
    result is that of dimming the whole image, at a fraction of the work.

    Args:
        image: (H, W, 3) uint8, or a view of one: see `cut_view_crop`.
        matrix: (2, 3), image to crop.
        output_size: (w, h).
        mask: of the person; None dims nothing.
        alpha: see `dim_background`.

    Returns:
        (h, w, 3) uint8.
    """
    left, top, right, bottom = source_region(matrix, output_size, image.shape[:2])
    if right <= left or bottom <= top:
        return np.zeros((output_size[1], output_size[0], 3), dtype=np.uint8)
    if isinstance(image, ImageView):
        box = left, top, right, bottom
        return cut_view_crop(image, matrix, box, output_size, mask=mask, alpha=alpha)
    region = image[top:bottom, left:right]
    if region.strides[1] < 0:  # a mirrored view, which OpenCV would copy pixel by pixel, twice
        region = cv2.flip(region[:, ::-1], 1)
    if mask is not None:
        region = dim_background(region, mask.within(left, top, right, bottom), alpha)
    shifted = matrix.astype(np.float64)
    shifted[:, 2] += shifted[:, :2] @ (left, top)
    return cv2.warpAffine(region, shifted, output_size, flags=cv2.INTER_LINEAR)


@TRANSFORMS.register_module()
class TopdownAffine(Transform):
    """Cut the padded, aspect-fixed and rotated window round ``bbox_xyxy_wrt_input``.

    Args:
        input_size: (w, h) of the crop.
        input_padding: factor by which the window exceeds the box; None takes the ``padding`` of
            `GetBBoxCenterScale`, and 1.25 where that names none either.
        use_udp: border pixel centres map onto border pixel centres, as every unbiased codec
            wants; False, the published default, maps edges onto edges (`MSRAHeatmap`).
        on_device: only take the part of the image that the crop shows; `PoseDataPreprocessor` cuts
            the crop on the model's device. Of the steps that change images,
            `PhotometricDistortion` alone can follow.

    Raises:
        ValueError: a setting is out of its range.
    """

    needs: ClassVar[dict[str, str]] = {"bbox_xyxy_wrt_input": "GetBBoxCenterScale"}

    def __init__(
        self,
        input_size: tuple[int, int],
        input_padding: float | None = None,
        use_udp: bool = False,
        on_device: bool = False,
    ) -> None:
        if input_padding is not None and input_padding <= 0:
            raise ValueError(f"input_padding is a factor above 0, got {input_padding}")
        self.input_size = tuple(input_size)
        self.input_padding = input_padding
        self.use_udp = use_udp
        self.on_device = on_device

    def transform(self, results: dict) -> dict:
        """Replace ``img`` by the crop; set ``transformed_keypoints`` and where the crop lies.

        Joints start from ``transformed_keypoints`` where an earlier step set them. The corners of
        ``bbox_xyxy_wrt_input`` move into the crop too.

        Raises:
            ValueError: GetBBoxCenterScale names another padding, or see :func:`current_box`.
        """
        bbox = current_box(results)
        padding = choose_padding(results.get("window_padding"), self.input_padding)
        center, scale = crop_windows(bbox, padding, self.input_size)
        rotation = results.get("bbox_rotation", np.zeros(1, np.float32))
        warp_matrix = get_udp_warp_matrix if self.use_udp else get_plain_warp_matrix
        matrix = warp_matrix(center, scale, rotation, self.input_size)[0]  # (2, 3)
        cut = self._defer if self.on_device else cut_crop
        results["img"] = cut(
            results["img"],
            matrix,
            self.input_size,
            mask=results.get("mask"),
            alpha=results.get("mask_alpha", 0.0),
        )
        joints = results.get("transformed_keypoints", results.get("keypoints"))
        if joints is not None:
            results["transformed_keypoints"] = map_points(joints, matrix).astype(np.float32)
        corners = map_points(bbox.reshape(-1, 2, 2), matrix)
        results["bbox_xyxy_wrt_input"] = corners.reshape(-1, 4).astype(np.float32)
        results["bbox_center"], results["bbox_scale"] = center, scale
        results.pop("known_window", None)  # boxes are those of the crop from now on
        results["input_size"] = self.input_size
        # of the image as it is on the disk, where predictions belong
        results["input_center"] = center[0] - np.float32(results.get("image_padding", (0, 0)))
        results["input_scale"] = scale[0]
        return results

    @staticmethod
    def _defer(
        image: np.ndarray | ImageView, matrix: np.ndarray, size: tuple[int, int], **masking: Any
    ) -> DeferredCrop:
        left, top, right, bottom = source_region(matrix, size, image.shape[:2])
        if right <= left or bottom <= top:  # one pixel of the image, of which nothing is seen
            left, top = (
                min(max(corner, 0), side - 1)
                for corner, side in ((left, image.shape[1]), (top, image.shape[0]))
            )
            right, bottom = left + 1, top + 1
        return defer_crop(image, matrix, (left, top, right, bottom), size, **masking)
