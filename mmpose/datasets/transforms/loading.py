"""Reading the picture."""

import cv2
import numpy as np

from mmpose.datasets.unreadable import UnreadableImageError
from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs, fix_aspect_ratio

from .base import Transform

COLOR_TYPES = {
    "color": cv2.IMREAD_COLOR,
    "color_ignore_orientation": cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
}


def read_image(path: str, color_type: str = "color") -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 BGR, turned upright by its EXIF entry.

    Grey pictures get three equal channels, a fourth (alpha) channel is dropped, 16 bits become 8.

    Args:
        path: of the file.
        color_type: ``color``, or ``color_ignore_orientation`` to leave the EXIF entry alone.

    Raises:
        UnreadableImageError: the file is missing, empty or no picture.
    """
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise UnreadableImageError(f"picture {path} cannot be read: {error.strerror}") from error
    image = cv2.imdecode(content, COLOR_TYPES[color_type]) if content.size else None
    if image is None:
        raise UnreadableImageError(f"picture {path} is empty or damaged")
    return image


@TRANSFORMS.register_module()
class LoadImage(Transform):
    """Read ``img_path`` into ``img``; an image that is there already is kept.

    Args:
        pad_to_aspect_ratio: pad the picture with white where the window of ``bbox`` (padding 1.25,
            3 : 4) leaves it, and move box and joints along. Predictions come back in the pixels of
            the unpadded picture.
        backend_args: None or ``dict(backend="local")``: pictures are read from the disk.
        to_float32: must be False: crops are uint8 until the model's preprocessor.
        color_type: ``color`` or ``color_ignore_orientation``, see :func:`read_image`.

    Raises:
        ValueError: a setting that no pose model of ours could be given pictures by.
    """

    def __init__(
        self,
        pad_to_aspect_ratio: bool = False,
        backend_args: dict | None = None,
        to_float32: bool = False,
        color_type: str = "color",
    ) -> None:
        _check_backend(backend_args)
        if to_float32:
            raise ValueError(
                "to_float32=True: crops stay uint8 and data_preprocessor turns them into float32; "
                "leave it out"
            )
        if color_type not in COLOR_TYPES:
            raise ValueError(
                f"color_type must be one of {list(COLOR_TYPES)}: models take three channels, grey "
                f"pictures get three equal ones; got {color_type!r}"
            )
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.color_type = color_type

    def transform(self, results: dict) -> dict:
        """Set ``img``, ``img_shape`` and ``ori_shape``, both (h, w).

        Raises:
            UnreadableImageError: the file is missing, empty or no picture.
            ValueError: ``img`` is no (H, W, 3) uint8 array.
        """
        if "img" not in results:
            results["img"] = read_image(results["img_path"], self.color_type)
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
        for key in ("bbox_center", "keypoints"):
            if key in results:
                results[key] = results[key] + np.float32((left, top))


def _check_backend(backend_args: dict | None) -> None:
    rest = dict(backend_args or {})
    backend = rest.pop("backend", "local")
    if backend not in ("local", "disk") or rest:
        raise ValueError(
            f"pictures are read from the disk, got backend_args={dict(backend_args)}; copy them "
            "there and leave backend_args out, or write dict(backend='local')"
        )


def check_image(image: np.ndarray) -> None:
    """Raise ValueError unless the image is a (H, W, 3) uint8 array with pixels."""
    is_array = isinstance(image, np.ndarray) and image.dtype == np.uint8
    if not is_array or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        dtype, shape = getattr(image, "dtype", type(image).__name__), getattr(image, "shape", "")
        raise ValueError(
            f"an image is (H, W, 3) uint8 BGR, got {dtype} {shape}; cv2.cvtColor turns grey "
            "(COLOR_GRAY2BGR) and four channels (COLOR_BGRA2BGR) into it"
        )
