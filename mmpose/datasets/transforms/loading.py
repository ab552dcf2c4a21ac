"""Reading the image."""

import logging

import cv2
import numpy as np
from mmengine.logging import print_log

from mmpose.datasets.image_views import ImageView
from mmpose.datasets.last_image import LastImage
from mmpose.inputs import check_image
from mmpose.registry import TRANSFORMS
from mmpose.structures import bbox_cs2xyxy, bbox_xyxy2cs, fix_aspect_ratio

from .base import Transform

COLOR_TYPES = ("color", "color_ignore_orientation")


@TRANSFORMS.register_module()
class LoadImage(Transform):
    """Read ``img_path`` into ``img``; an image that is there already is kept.

    Args:
        pad_to_aspect_ratio: pad the image with white where the window of ``bbox`` (padding 1.25,
            3 : 4) leaves it, and move box and joints along. Predictions come back in the pixels of
            the unpadded image.
        backend_args: None or ``dict(backend="local")``: images are read from the disk.
        to_float32: must be False: crops are uint8 until the model's preprocessor.
        color_type: ``color``, or ``color_ignore_orientation`` to leave the EXIF entry alone.
        keep_last: keep the last image for the next person of it; `GroupedSampler` has people of
            an image follow one another.
        reduce: decode JPEGs only when the crop is cut, and to a half, quarter or eighth where that
            leaves a pixel for each of the crop's. Crops of large people become smoother.

    Raises:
        ValueError: a setting that no pose model of ours could be given images by.
    """

    def __init__(
        self,
        pad_to_aspect_ratio: bool = False,
        backend_args: dict | None = None,
        to_float32: bool = False,
        color_type: str = "color",
        keep_last: bool = False,
        reduce: bool = False,
    ) -> None:
        _check_backend(backend_args)
        if to_float32:
            raise ValueError(
                "to_float32=True: crops stay uint8 and data_preprocessor turns them into float32; "
                "leave it out"
            )
        if color_type not in COLOR_TYPES:
            raise ValueError(
                f"color_type must be one of {COLOR_TYPES}: models take three channels, grey "
                f"images get three equal ones; got {color_type!r}"
            )
        self.gives_views = keep_last or reduce
        if self.gives_views and pad_to_aspect_ratio:
            raise ValueError(
                "pad_to_aspect_ratio=True changes the image itself: leave keep_last and reduce out"
            )
        self.reduce = reduce
        self.reader = LastImage(
            ignores_orientation=color_type == "color_ignore_orientation", is_kept=keep_last
        )
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.color_type = color_type
        self.num_other_sizes = 0

    def transform(self, results: dict) -> dict:
        """Set ``img``, ``img_shape`` and ``ori_shape``, both (h, w).

        An image of another size than its annotations state rules over them: an annotated box is
        cut to it. That is told, with the count, for the 1st, 10th, 100th, ... in a process.

        Raises:
            UnreadableImageError: the file is missing, empty or no image.
            ValueError: ``img`` is no (H, W, 3) uint8 array.
        """
        if "img" not in results:
            path = results["img_path"]
            if self.gives_views:
                results["img"] = self.reader.view(path, may_reduce=self.reduce)
            else:
                results["img"] = self.reader.read(path)
        if not isinstance(results["img"], ImageView):
            check_image(results["img"])
        shape, stated = results["img"].shape[:2], results.get("ori_shape")
        if stated is not None and tuple(stated) != shape:
            self._follow_image(results, stated)
        results["img_shape"] = results["ori_shape"] = shape
        if self.pad_to_aspect_ratio:
            self._pad(results)
        return results

    def _follow_image(self, results: dict, stated: tuple[int, int]) -> None:
        height, width = results["img"].shape[:2]
        if "area" in results:  # annotated; boxes of detections are not cut either
            results["bbox"] = results["bbox"].clip(0, np.float32([width - 1, height - 1] * 2))
        self.num_other_sizes += 1
        if str(self.num_other_sizes).strip("0") == "1":
            print_log(
                f"{results.get('img_path')} is {(height, width)} (h, w), its annotations state "
                f"{tuple(stated)}; the image rules (number {self.num_other_sizes} in this "
                "process)",
                logger="current",
                level=logging.WARNING,
            )

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
            f"images are read from the disk, got backend_args={dict(backend_args)}; copy them "
            "there and leave backend_args out, or write dict(backend='local')"
        )
