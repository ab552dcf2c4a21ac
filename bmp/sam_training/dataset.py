"""People with masks and joints, from COCO-format files, for training the segmenter."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from mmengine.dataset import BaseDataset

from bmp.registry import DATASETS


@DATASETS.register_module()
class PoseSegDataset(BaseDataset):
    """One sample an image: its path and its people.

    A sample holds ``img_path``, ``img_id``, ``ori_shape`` (H, W) and ``people``, a list of dicts
    with ``id``, ``bbox`` (xywh), ``area``, ``segmentation`` (as in the file) and ``keypoints``
    (flat x, y, v; empty where the file has none), all in image pixels. Crowd regions, people
    without a mask and images without people are left out.

    Args:
        ann_file: COCO-format JSON, relative to ``data_root``.
        data_root: folder of the data set.
        img_prefix: folder of the images, relative to ``data_root``.
        pipeline: transforms of :mod:`bmp.sam_training.transforms`.
        min_area: smaller people (px²) are left out.
        needs_keypoints: also leave out people without a labelled joint.
        indices: take only the first so many, or these.
        test_mode: a sample that cannot be read is an error, not replaced by another.
    """

    METAINFO = {"classes": ("person",)}  # noqa: RUF012, the engine's way

    def __init__(
        self,
        ann_file: str,
        *,
        data_root: str = "",
        img_prefix: str = "images",
        pipeline: list[Any] = (),
        min_area: float = 16.0,
        needs_keypoints: bool = False,
        indices: int | list[int] | None = None,
        test_mode: bool = False,
    ) -> None:
        self.min_area = min_area
        self.needs_keypoints = needs_keypoints
        super().__init__(
            ann_file,
            data_root=data_root,
            data_prefix={"img_path": img_prefix},
            pipeline=list(pipeline),
            indices=indices,
            test_mode=test_mode,
        )

    def load_data_list(self) -> list[dict]:
        """Samples of the annotation file, in the order of its images."""
        path = Path(self.ann_file)
        if not path.is_file():
            raise FileNotFoundError(
                f"no annotations at {path}: datasets/README.md says how to obtain or make them"
            )
        content = json.loads(path.read_text())
        people = defaultdict(list)
        for annotation in content["annotations"]:
            if self._is_usable(annotation):
                people[annotation["image_id"]].append(_person(annotation))
        return [
            {
                "img_path": str(Path(self.data_prefix["img_path"]) / image["file_name"]),
                "img_id": image["id"],
                "ori_shape": (image["height"], image["width"]),
                "people": people[image["id"]],
            }
            for image in content["images"]
            if image["id"] in people
        ]

    def _is_usable(self, annotation: dict) -> bool:
        if annotation.get("iscrowd") or not annotation.get("segmentation"):
            return False
        if self.needs_keypoints and not any(annotation.get("keypoints", [])[2::3]):
            return False
        return annotation["area"] >= self.min_area


def _person(annotation: dict) -> dict:
    keys = ("id", "bbox", "area", "segmentation")
    return {key: annotation[key] for key in keys} | {"keypoints": annotation.get("keypoints", [])}
