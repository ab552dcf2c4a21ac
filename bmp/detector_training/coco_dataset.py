"""mmdet's COCO data sets on the one reading of files, which go on over unusable images."""

import logging
import math
from collections import Counter
from typing import Any, ClassVar

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import LoadAnnotations
from mmdet.registry import DATASETS
from mmengine.fileio import get_local_path
from mmengine.logging import print_log
from pycocotools import mask as coco_mask

from bmp.detector_training.classes import select_classes
from bmp.detector_training.outlines import mask_outlines
from mmpose.datasets.annotation_files import read_coco_file, require_fields
from mmpose.datasets.image_files import find_image_files, image_path, read_image_shape
from mmpose.structures.mask import rle_of

_BLANK_SHAPE = (32, 32)
# what mmcv raises for a file that is missing, empty or damaged, or a side that shrinks to nothing
_UNUSABLE = (OSError, AssertionError, cv2.error)
_UNSEEN = "outside their image, under a pixel or marked as ignored"
_NO_MASK = "without a usable mask"


@DATASETS.register_module()
class TolerantCocoDataset(CocoDataset):
    """``CocoDataset`` with the same arguments on every file that says the same as COCO's.

    Annotations come from :func:`mmpose.datasets.coco_file.complete_annotations`: of the classes
    by name, of people alone where they are the only class. For training, one line says how many
    are used and why the rest is not; nobody is an error. Where masks are trained, who has none is
    ignored; where polygons are (``poly2mask=False``), RLE masks become outlines without holes.

    An image that is missing, damaged, or too thin to be resized is reported and counted in
    ``num_skipped``. In training another one is drawn. In a test an empty image stands for it,
    whose sample has ``is_blank``: :class:`DetectionMetric` counts its people as missed,
    ``HoleMetric``, which counts those in the image, leaves them out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # before mmdet's constructor, which reads the file already and counts
        self.num_skipped = 0
        self.counts: Counter[str] = Counter()
        self._missing: set[str] = set()
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the annotations.

        Raises:
            FileNotFoundError: the file, or all of its images, are missing.
            ValueError: the file cannot be used.
        """
        # the engine's default prefix is img_path, but mmdet reads img
        prefix = self.data_prefix
        self.data_prefix = {"img": prefix.get("img_path") or self.data_root or "", **prefix}
        with get_local_path(self.ann_file, backend_args=self.backend_args) as path:
            raw = read_coco_file(path, needs_annotations=not self.test_mode)
        content, ids = select_classes(
            raw, self.metainfo["classes"], self.ann_file, folder=self.data_prefix["img"]
        )
        self.cat2label = {category: label for label, category in ids.items()}
        self.cat_ids = list(self.cat2label)
        # mmdet's filter_data chooses images by it
        self.cat_img_map = {category: [] for category in self.cat_ids}
        annotations = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            annotations[annotation["image_id"]].append(annotation)
            self.cat_img_map[annotation["category_id"]].append(annotation["image_id"])
        self._categories = [category.get("name") for category in raw.get("categories") or ()]
        self.counts = Counter(content["left_out"])
        records = [
            self.parse_data_info(
                {"raw_img_info": image | {"img_id": number}, "raw_ann_info": annotations[number]}
            )
            for number, image in ((image["id"], image) for image in content["images"])
        ]
        self._look_for_images([record["img_path"] for record in records])
        return records

    def _look_for_images(self, paths: list[str]) -> None:
        check = find_image_files(paths, str(self.ann_file))
        check.tell()
        self._missing = set(check.missing)

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of an image, from completed annotations.

        Raises:
            ValueError: the image has no ``file_name``.
        """
        image, people = dict(raw_data_info["raw_img_info"]), raw_data_info["raw_ann_info"]
        require_fields(image, ("file_name",), f"image {image.get('id')!r} of {self.ann_file}")
        image["file_name"] = str(image["file_name"])
        path = image_path(self.data_prefix["img"], image["file_name"])
        shape = _shape_of(image, people, path)
        image["height"], image["width"] = shape
        people = [person | {"segmentation": self._mask_to_load(person, shape)} for person in people]
        record = super().parse_data_info({"raw_img_info": image, "raw_ann_info": people})
        record["img_path"] = path
        for instance in record["instances"]:
            instance.setdefault("mask", [])  # mmdet ignores who has an empty one
        self.counts[_UNSEEN] += len(people) - len(record["instances"])
        return record

    def _mask_to_load(self, person: dict, shape: tuple[int, int]) -> list | dict | None:
        """The mask as the pipeline reads it; None if nothing of it lies in the image."""
        mask = person["segmentation"]
        # an RLE is tied to its size and cannot be drawn in another, as polygons can
        if mask is None or (isinstance(mask, dict) and tuple(mask["size"]) != shape):
            return None
        rle = rle_of(mask, *shape)
        if coco_mask.area(rle) == 0:
            return None
        load = self._loading()
        is_outline_wanted = load is not None and load.with_mask and not load.poly2mask
        # crowd regions are no targets, so theirs stay RLE
        if isinstance(mask, dict) and is_outline_wanted and not person["iscrowd"]:
            return mask_outlines(coco_mask.decode(rle))
        return mask

    def _loading(self) -> LoadAnnotations | None:
        loading = (t for t in self.pipeline.transforms if isinstance(t, LoadAnnotations))
        return next(loading, None)

    def filter_data(self) -> list[dict]:
        """mmdet's choice of images; in training, who is left is counted.

        Raises:
            ValueError: nobody can be trained on.
        """
        # counted after mmdet's choice, or the line would promise people who never train
        kept = super().filter_data()
        if self.test_mode:
            return kept
        load = self._loading()
        needs_mask = load is not None and load.with_mask
        num_all = sum(len(record["instances"]) for record in self.data_list)
        instances = [instance for record in kept for instance in record["instances"]]
        self.counts["in images that filter_cfg leaves out"] = num_all - len(instances)
        for instance in instances:
            if instance["ignore_flag"]:
                self.counts["crowd regions"] += 1
            else:
                has_mask = bool(instance["mask"]) or not needs_mask
                self.counts["used" if has_mask else _NO_MASK] += 1
        self._tell_who_is_used(len(kept))
        return kept

    def _tell_who_is_used(self, num_images: int) -> None:
        # unary plus drops the reasons that hold for nobody
        self.counts = +self.counts
        num_used, total = self.counts["used"], self.counts.total()
        reasons = [f"{n} {why}" for why, n in self.counts.items() if why != "used"]
        line = f"{self.ann_file}: of {total} annotations on {num_images} images, {num_used} train"
        if num_used:
            rest = f"; not used: {', '.join(reasons)}" if reasons else ""
            print_log(f"{line} the detector{rest}", logger="current")
            return
        advice = f"the file's categories are {self._categories[:6]}"
        if self.counts[_NO_MASK]:
            advice = "for boxes alone take a model and LoadAnnotations without masks; " + advice
        raise ValueError(
            f"{self.ann_file}: nobody to train {list(self.metainfo['classes'])[:6]} on: of {total} "
            f"annotations on {num_images} images none is usable "
            f"({', '.join(reasons) or 'there is none'}); {advice}"
        )

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; None in training if its image is unusable."""
        try:
            return self.pipeline(self.get_data_info(idx))
        except _UNUSABLE as error:
            self._report(self.get_data_info(idx)["img_path"], error)
        # the engine draws another sample in place of None, which a test must not do
        return self._blank_sample(self.get_data_info(idx)) if self.test_mode else None

    def _report(self, path: str, error: Exception) -> None:
        self.num_skipped += 1
        if path in self._missing:
            return  # told when the file was read
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
        # the metric counts its people as missed, so the pipeline needs none of them
        record["instances"] = []
        for transform in self.pipeline.transforms:
            if not isinstance(transform, LoadImageFromFile):
                record = transform(record)
        record["data_samples"].set_metainfo({"is_blank": True})
        return record


def _shape_of(image: dict, people: list[dict], path: str) -> tuple[int, int]:
    """(h, w) of an image; RLE masks must fit it, and boxes tell it where nothing else does."""
    shape = (image["height"], image["width"])
    if any(isinstance(person["segmentation"], dict) for person in people):
        shape = read_image_shape(path) or shape
    if None not in shape:
        return shape
    ends = [(p["bbox"][1] + p["bbox"][3], p["bbox"][0] + p["bbox"][2]) for p in people]
    return tuple(max(1, math.ceil(end)) for end in np.max(ends, axis=0)) if ends else (1, 1)


@DATASETS.register_module()
class CocoHumanDataset(TolerantCocoDataset):
    """The people of a COCO file alone, whichever other categories it has."""

    METAINFO: ClassVar[dict] = {"classes": ("person",), "palette": [(220, 20, 60)]}
