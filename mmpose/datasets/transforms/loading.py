"""Reading the picture."""

import cv2
import numpy as np

from mmpose.datasets.unreadable import UnreadableImageError
from mmpose.registry import TRANSFORMS

from .base import Transform


def read_image(path: str) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 BGR, turned upright by its EXIF entry.

    Raises:
        UnreadableImageError: the file is missing, empty or no picture.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise UnreadableImageError(f"picture {path} cannot be read: {error.strerror}") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        raise UnreadableImageError(f"picture {path} is empty or damaged")
    return image


@TRANSFORMS.register_module()
class LoadImage(Transform):
    """Read ``img_path`` into ``img``; an image that is there already is kept."""

    def transform(self, results: dict) -> dict:
        """Set ``img``, ``img_shape`` and ``ori_shape``, both (h, w)."""
        if "img" not in results:
            results["img"] = read_image(results["img_path"])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results
