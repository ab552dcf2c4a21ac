"""Blacking out edges of the window and patches of the crop."""

from typing import ClassVar

import cv2
import numpy as np

from mmpose.datasets.image_views import ImageView
from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs

from .base import Transform, check_shares
from .window_fields import current_box, set_box


def are_inside(keypoints: np.ndarray, bbox: np.ndarray) -> np.ndarray:
    """Whether points (..., 2) lie in a box (4,) xyxy, its far borders not included."""
    return ((keypoints >= bbox[:2]) & (keypoints < bbox[2:])).all(-1)


def draw_texture(height: int, width: int) -> np.ndarray:
    """An image (H, W, 3) uint8 of 1 to 19 random lines, squares or circles in strong colours."""
    mode, num_shapes = np.random.randint(3), np.random.randint(1, 20)
    hls = np.random.randint((0, 64, 192), (180, 192, 256), (num_shapes + 1, 3)).astype(np.uint8)
    colors = cv2.cvtColor(hls[None], cv2.COLOR_HLS2BGR)[0].tolist()
    image = np.full((height, width, 3), colors[0], np.uint8)
    points = np.random.randint((0, 0), (width, height), (num_shapes, 2, 2)).tolist()
    sizes = np.random.randint(1, max(min(height, width) // 4, 2), num_shapes).tolist()
    for (first, second), size, color in zip(points, sizes, colors[1:], strict=True):
        if mode == 0:
            cv2.line(image, first, second, color, max(size // 4, 1))
        elif mode == 1:
            corner = (first[0] + size, first[1] + size)
            cv2.rectangle(image, first, corner, color, cv2.FILLED)
        else:
            cv2.circle(image, first, size, color, cv2.FILLED)
    return image


@TRANSFORMS.register_module()
class RandomEdgesBlackout(Transform):
    """Leave only a random rectangle of the window; the person seems to be cut off.

    Args:
        mask_ratio_range: smallest and largest share of height and width that is lost.
        prob: how often.
        texture_prob: how often the edges become a random pattern instead of black.
        context_size: the window, as a factor of the box.

    Raises:
        ValueError: a setting is out of its range.
    """

    needs: ClassVar[dict[str, str]] = {"bbox_xyxy_wrt_input": "GetBBoxCenterScale"}

    def __init__(
        self,
        mask_ratio_range: tuple[float, float] = (0.1, 0.3),
        prob: float = 0.8,
        texture_prob: float = 0.0,
        context_size: float = 1.25,
    ) -> None:
        low, high = mask_ratio_range
        check_shares(prob=prob, texture_prob=texture_prob, smallest_mask_ratio=low)
        if not low <= high < 1:
            raise ValueError(f"mask_ratio_range is (low, high), below 1, got {mask_ratio_range}")
        self.mask_ratio_range = mask_ratio_range
        self.prob = prob
        self.texture_prob = texture_prob
        self.context_size = context_size

    def transform(self, results: dict) -> dict:
        """Black out; joints outside what is kept are no longer seen, the box is clipped to it.

        Where nothing is blacked out, the whole image is kept. Sets ``keypoints_in_image``
        (1, K) bool.
        """
        height, width = results["img"].shape[:2]
        rectangle = np.array([0, 0, width, height])
        if np.random.random() < self.prob:
            rectangle = self._draw_rectangle(current_box(results), (height, width))
            results["img"] = self._keep(results["img"], rectangle)
        inside = are_inside(results["keypoints"], rectangle)  # (1, K)
        results["keypoints_in_image"] = inside
        if "keypoints_visibility" in results:
            results["keypoints_visibility"] = results["keypoints_visibility"] * inside
        box = current_box(results).copy()
        box[:, :2] = np.maximum(box[:, :2], rectangle[:2])
        box[:, 2:] = np.minimum(box[:, 2:], rectangle[2:])
        if (box[:, 2:] > box[:, :2]).all():
            set_box(results, box)
        return results

    def _keep(self, image: np.ndarray | ImageView, rectangle: np.ndarray) -> np.ndarray | ImageView:
        if isinstance(image, ImageView):
            edges = self._draw_edges(image.shape)
            return image.keep(tuple(rectangle.tolist()), edges)
        left, top, right, bottom = rectangle
        edges = self._draw_edges(image.shape)
        if edges is None:
            edges = np.zeros(image.shape, np.uint8)
        edges[top:bottom, left:right] = image[top:bottom, left:right]
        return edges

    def _draw_edges(self, img_shape: tuple[int, int, int]) -> np.ndarray | None:
        """The random pattern (H, W, 3) of the edges, None where they are black."""
        if self.texture_prob and np.random.random() < self.texture_prob:
            return draw_texture(*img_shape[:2])
        return None

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

    Raises:
        ValueError: a setting is out of its range.
    """

    needs: ClassVar[dict[str, str]] = {"input_size": "TopdownAffine"}

    def __init__(
        self, grid_size: tuple[int, int] = (8, 6), mask_ratio: float = 0.3, prob: float = 0.8
    ) -> None:
        check_shares(mask_ratio=mask_ratio, prob=prob)
        if min(grid_size) < 1:
            raise ValueError(f"grid_size is (rows, columns), at least 1 each, got {grid_size}")
        self.grid_size = tuple(grid_size)
        self.mask_ratio = mask_ratio
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Black out; joints in a black cell are no longer seen."""
        if np.random.random() >= self.prob:
            return results
        is_black = np.random.random(self.grid_size) < self.mask_ratio
        height, width = results["img"].shape[:2]
        cell_h, cell_w = -(-height // self.grid_size[0]), -(-width // self.grid_size[1])
        pixels = np.kron(is_black, np.ones((cell_h, cell_w), bool))[:height, :width]
        results["img"][pixels] = 0
        if "keypoints_visibility" not in results:
            return results
        joints = results["transformed_keypoints"]  # (1, K, 2)
        columns, rows = (np.floor(joints[..., i]).astype(int) for i in range(2))
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        hidden = inside & pixels[rows.clip(0, height - 1), columns.clip(0, width - 1)]
        results["keypoints_visibility"] = results["keypoints_visibility"] * ~hidden
        return results
