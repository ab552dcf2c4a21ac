"""Reading the picture."""

import cv2
import numpy as np

from mmpose.inputs import check_image, read_image
from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs, fix_aspect_ratio

from .base import Transform


@TRANSFORMS.register_module()
class LoadImage(Transform):
    """Read ``img_path`` into ``img``; an image that is there already is kept.

    Args:
        pad_to_aspect_ratio: pad the picture with white where the window of ``bbox`` (padding 1.25,
            3 : 4) leaves it, and move box and joints along. Predictions come back in the pixels of
            the unpadded picture.
    """

    def __init__(self, pad_to_aspect_ratio: bool = False) -> None:
        self.pad_to_aspect_ratio = pad_to_aspect_ratio

    def transform(self, results: dict) -> dict:
        """Set ``img``, ``img_shape`` and ``ori_shape``, both (h, w).

        Raises:
            UnreadableImageError: the file is missing, empty or no picture.
            ValueError: ``img`` is no (H, W, 3) uint8 array.
        """
        if "img" not in results:
            results["img"] = read_image(results["img_path"])
        check_image(results["img"])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        if self.pad_to_aspect_ratio:
            self._pad(results)
        return results

    def _pad(self, results: dict) -> None:
        center, scale = bbox_xyxy2cs(results["bbox"], 1.25)
        window = bbox_cs2xyxy(center, fix_aspect_ratio(scale, 3 / 4))[0]
        height, width = results["img"].shape[:2]
        first, last = -window[:2], window[2:] - (width, height)
        left, top, right, bottom = np.concatenate([first, last]).clip(0).astype(int).tolist()
        results["img"] = cv2.copyMakeBorder(
            results["img"], top, bottom, left, right, cv2.BORDER_CONSTANT, value=(255,) * 3
        )
        results["img_shape"], results["image_padding"] = results["img"].shape[:2], (left, top)
        results["bbox"] = results["bbox"] + np.float32((left, top, left, top))
        if "keypoints" in results:
            results["keypoints"] = results["keypoints"] + np.float32((left, top))
