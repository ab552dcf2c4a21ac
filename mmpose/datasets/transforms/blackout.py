"""Blacking out edges of the window and patches of the crop."""

import numpy as np

from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs

from .base import Transform


def are_inside(keypoints: np.ndarray, bbox: np.ndarray) -> np.ndarray:
    """Whether points (..., 2) lie in a box (4,) xyxy, its far borders not included."""
    return ((keypoints >= bbox[:2]) & (keypoints < bbox[2:])).all(-1)


@TRANSFORMS.register_module()
class RandomEdgesBlackout(Transform):
    """Leave only a random rectangle of the window; the person seems to be cut off.

    Args:
        mask_ratio_range: smallest and largest share of height and width that is lost.
        prob: how often.
        texture_prob: only 0: edges become black.
        context_size: the window, as a factor of the box.
    """

    def __init__(
        self,
        mask_ratio_range: tuple[float, float] = (0.1, 0.3),
        prob: float = 0.8,
        texture_prob: float = 0.0,
        context_size: float = 1.25,
    ) -> None:
        if texture_prob:
            raise ValueError("textured edges are not supported: set texture_prob=0")
        self.mask_ratio_range = mask_ratio_range
        self.prob = prob
        self.context_size = context_size

    def transform(self, results: dict) -> dict:
        """Black out; joints outside the rectangle are no longer seen, the box is clipped."""
        if np.random.random() >= self.prob:
            return results
        rectangle = self._draw_rectangle(results["bbox_xyxy_wrt_input"], results["img"].shape)
        left, top, right, bottom = rectangle
        image = np.zeros_like(results["img"])
        image[top:bottom, left:right] = results["img"][top:bottom, left:right]
        results["img"] = image
        inside = are_inside(results["keypoints"], rectangle)  # (1, K)
        results["keypoints_visibility"] = results["keypoints_visibility"] * inside
        box = results["bbox_xyxy_wrt_input"].copy()
        box[:, :2] = np.maximum(box[:, :2], rectangle[:2])
        box[:, 2:] = np.minimum(box[:, 2:], rectangle[2:])
        if (box[:, 2:] > box[:, :2]).all():
            results["bbox_xyxy_wrt_input"] = box
        return results

    def _draw_rectangle(self, bbox: np.ndarray, img_shape: tuple[int, ...]) -> np.ndarray:
        center, size = bbox_xyxy2cs(bbox, self.context_size)
        limits = np.array([img_shape[1], img_shape[0]] * 2)
        context = bbox_cs2xyxy(center, size)[0].clip(0, limits).astype(int)
        low, high = self.mask_ratio_range
        kept = 1 - np.random.uniform(low, high, 2)
        sides = ((context[2:] - context[:2]) * kept).astype(int)
        corner = np.random.randint(context[:2], np.maximum(context[2:] - sides, context[:2] + 1))
        return np.concatenate([corner, corner + sides])


@TRANSFORMS.register_module()
class RandomPatchesBlackout(Transform):
    """Black out cells of a grid over the crop.

    Args:
        grid_size: rows and columns.
        mask_ratio: probability of a cell.
        prob: how often a crop is treated at all.
    """

    def __init__(
        self, grid_size: tuple[int, int] = (8, 6), mask_ratio: float = 0.3, prob: float = 0.8
    ) -> None:
        self.grid_size = tuple(grid_size)
        self.mask_ratio = mask_ratio
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Black out; joints in a black cell are no longer seen. Use it after the crop is cut."""
        if np.random.random() >= self.prob:
            return results
        is_black = np.random.random(self.grid_size) < self.mask_ratio
        height, width = results["img"].shape[:2]
        cell_h, cell_w = -(-height // self.grid_size[0]), -(-width // self.grid_size[1])
        pixels = np.kron(is_black, np.ones((cell_h, cell_w), bool))[:height, :width]
        results["img"][pixels] = 0
        joints = results["transformed_keypoints"]  # (1, K, 2)
        columns, rows = (np.floor(joints[..., i]).astype(int) for i in range(2))
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        hidden = inside & pixels[rows.clip(0, height - 1), columns.clip(0, width - 1)]
        results["keypoints_visibility"] = results["keypoints_visibility"] * ~hidden
        return results
