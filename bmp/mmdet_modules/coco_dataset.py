"""mmdet's COCO data sets that go on when an image or an annotation cannot be used."""

import logging
import math
from collections import Counter
from typing import Any, ClassVar

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS
from mmengine.logging import print_log

from mmpose.datasets.annotation_files import require_fields

_IMAGE_FIELDS = ("file_name", "height", "width")
_ANNOTATION_FIELDS = ("bbox", "area", "category_id")
_BLANK_SHAPE = (32, 32)
# what mmcv raises for a file that is missing, empty or damaged, or a side that shrinks to nothing
_UNUSABLE = (OSError, AssertionError, cv2.error)


@DATASETS.register_module()
class TolerantCocoDataset(CocoDataset):
    """``CocoDataset`` with the same arguments that survives unusable images.

    An image that is missing, damaged, or too thin to be resized is reported and counted in
    ``num_skipped``. In training another one is drawn. In a test an empty image stands for it:
    ``CocoMetric``, which reads the annotation file, counts its people as missed; ``HoleMetric``,
    which counts those in the image, leaves them out. Annotations that cannot be used, because
    they lie outside the image, are empty, or have no mask (three points at least, or an RLE of
    the image's size), are counted when the file is read; the last are ignored where masks are
    trained.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.num_skipped = 0
        self.counts: Counter[str] = Counter()
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the annotations and report how many cannot be used."""
        self.counts.clear()
        data_list = super().load_data_list()
        counts = self.counts
        if counts["dropped"] or counts["without mask"]:
            print_log(
                f"{self.ann_file}: of {counts['all']} annotations {counts['dropped']} are left out "
                "(outside the image, empty or marked as ignored) and "
                f"{counts['without mask']} have no usable mask",
                logger="current",
            )
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of an image.

        Raises:
            ValueError: the image or an annotation lacks a field, or a box is not four numbers.
        """
        image, annotations = raw_data_info["raw_img_info"], raw_data_info["raw_ann_info"]
        require_fields(image, _IMAGE_FIELDS, f"image {image.get('id')} of {self.ann_file}")
        for annotation in annotations:
            name = f"annotation {annotation.get('id')} of {self.ann_file}"
            require_fields(annotation, _ANNOTATION_FIELDS, name)
            if not _is_box(annotation["bbox"]):
                raise ValueError(
                    f"{name}: bbox must be four finite numbers x, y, w, h, "
                    f"got {annotation['bbox']!r}"
                )
        record = super().parse_data_info(raw_data_info)
        num_wanted = sum(entry["category_id"] in self.cat_ids for entry in annotations)
        self.counts["all"] += num_wanted
        self.counts["dropped"] += num_wanted - len(record["instances"])
        for instance in record["instances"]:
            if not _is_usable(instance.get("mask"), (image["height"], image["width"])):
                instance["mask"] = []
                self.counts["without mask"] += 1
        return record

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; None in training if its image is unusable."""
        try:
            return self.pipeline(self.get_data_info(idx))
        except _UNUSABLE as error:
            self._report(self.get_data_info(idx)["img_path"], error)
        return self._blank_sample(self.get_data_info(idx)) if self.test_mode else None

    def _report(self, path: str, error: Exception) -> None:
        self.num_skipped += 1
        consequence = "an empty image stands for it" if self.test_mode else "left out of training"
        reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
        print_log(
            f"image {path} cannot be used ({reason[0]}); {consequence} "
            f"(number {self.num_skipped} in this process)",
            logger="current",
            level=logging.WARNING,
        )

    def _blank_sample(self, record: dict) -> dict:
        blank = np.zeros((*_BLANK_SHAPE, 3), np.uint8)
        record |= {"img": blank, "img_shape": _BLANK_SHAPE, "ori_shape": _BLANK_SHAPE}
        record["instances"] = []
        for transform in self.pipeline.transforms:
            if not isinstance(transform, LoadImageFromFile):
                record = transform(record)
        return record


def _is_box(bbox: Any) -> bool:
    is_four = isinstance(bbox, list) and len(bbox) == 4
    return is_four and all(isinstance(x, int | float) and math.isfinite(x) for x in bbox)


def _is_usable(segmentation: Any, image_shape: tuple[int, int]) -> bool:
    """Whether a mask can be drawn: an RLE of the image's size, or polygons, one of 3 points."""
    if isinstance(segmentation, dict):
        return "counts" in segmentation and tuple(segmentation.get("size", ())) == image_shape
    if not isinstance(segmentation, list) or not all(isinstance(p, list) for p in segmentation):
        return False
    return any(len(polygon) >= 6 and len(polygon) % 2 == 0 for polygon in segmentation)


@DATASETS.register_module()
class CocoHumanDataset(TolerantCocoDataset):
    """The people of a COCO file alone, whichever other categories it has."""

    METAINFO: ClassVar[dict] = {"classes": ("person",), "palette": [(220, 20, 60)]}
