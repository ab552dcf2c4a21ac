"""Data sets of people in COCO's annotation format: one sample is one person."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmpose.registry import DATASETS

from .annotation_files import read_coco_file, read_json
from .pose_metainfo import parse_pose_metainfo
from .unreadable import run_pipeline

# What get_data_info adds to every sample, from the metainfo of the data set.
METAINFO_KEYS = (
    "dataset_name",
    "upper_body_ids",
    "lower_body_ids",
    "flip_pairs",
    "dataset_keypoint_weights",
    "flip_indices",
    "skeleton_links",
)


def parse_person(annotation: dict, image: dict, num_keypoints: int) -> dict[str, Any] | None:
    """Turn one COCO annotation into the fields of a sample.

    Args:
        annotation: one entry of ``annotations``.
        image: its entry of ``images``.
        num_keypoints: K.

    Returns:
        None when the annotation has no box, no keypoints or nothing to learn from (a crowd
        region, no labelled joint, no area inside the image). Else ``bbox`` (1, 4) xyxy float32
        clipped to the image, ``bbox_score`` (1,), ``keypoints`` (1, K, 2) float32 pixels,
        ``keypoints_visible`` (1, K) whether annotated, ``keypoints_visibility`` (1, K) whether
        seen, ``area`` px², ``segmentation``, ``id`` and ``category_id``.

    Raises:
        ValueError: the number of keypoints is not K.
    """
    if not annotation.get("bbox") or not annotation.get("keypoints"):
        return None
    x, y, width, height = annotation["bbox"]
    far_corner = (image["width"] - 1, image["height"] - 1)
    bbox = np.array([[x, y, x + width, y + height]], dtype=np.float32)
    bbox = bbox.clip(0, [*far_corner, *far_corner]).astype(np.float32)
    joints = np.array(annotation["keypoints"], dtype=np.float32).reshape(1, -1, 3)
    if joints.shape[1] != num_keypoints:
        raise ValueError(
            f"annotation {annotation.get('id')} has {joints.shape[1]} keypoints, the metainfo "
            f"{num_keypoints}; give the data set the metainfo of its own skeleton"
        )
    labelled = int((joints[..., 2] > 0).sum())
    is_empty = (bbox[0, 2:] <= bbox[0, :2]).any()
    if annotation.get("iscrowd") or not annotation.get("num_keypoints", labelled) or is_empty:
        return None
    return {
        "id": annotation["id"],
        "category_id": annotation.get("category_id", 1),
        "bbox": bbox,
        "bbox_score": np.ones(1, dtype=np.float32),
        "keypoints": joints[..., :2],
        "keypoints_visible": np.minimum(1, joints[..., 2]),
        "keypoints_visibility": (joints[..., 2] == 2).astype(np.float32),
        "area": np.array([annotation.get("area") or 0.53 * width * height], dtype=np.float32),
        "segmentation": annotation.get("segmentation"),
        "crowd_index": image.get("crowdIndex"),
    }


def parse_detection(detection: dict, index: int, num_keypoints: int) -> dict[str, Any]:
    """Turn one detection ``{image_id, bbox xywh, score, segmentation?}`` into sample fields."""
    x, y, width, height = detection["bbox"]
    return {
        "id": index,
        "category_id": 1,
        "bbox": np.array([[x, y, x + width, y + height]], dtype=np.float32),
        "bbox_score": np.array([detection["score"]], dtype=np.float32),
        "keypoints": np.zeros((1, num_keypoints, 2), dtype=np.float32),
        "keypoints_visible": np.ones((1, num_keypoints), dtype=np.float32),
        "keypoints_visibility": np.ones((1, num_keypoints), dtype=np.float32),
        "segmentation": detection.get("segmentation"),
    }


@DATASETS.register_module()
class BaseCocoStyleDataset(BaseDataset):
    """People of a COCO annotation file, or of a detection file beside it.

    Args:
        ann_file: the annotation file, relative to ``data_root``.
        bbox_file: detections to pose instead of the annotated boxes (tests only): a JSON list
            of ``{image_id, category_id, bbox xywh, score, segmentation?}``.
        data_mode: only ``"topdown"``, one person a sample.
        metainfo: see `parse_pose_metainfo`; replaces that of the class.
        data_root: folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img``: folder of the pictures.
        filter_cfg: ``bbox_score_thr``: detections below it are dropped.
        indices: keep only these samples, or that many first ones.
        pipeline: transforms.
        test_mode: whether every sample must be answered.
        lazy_init: read the annotations only when they are first needed.
        max_refetch: how many other samples to try when one cannot be read in training.
        sample_interval: keep every n-th person.
    """

    METAINFO: ClassVar[dict] = {}

    def __init__(
        self,
        ann_file: str = "",
        bbox_file: str | None = None,
        data_mode: str = "topdown",
        metainfo: dict | None = None,
        data_root: str = "",
        data_prefix: dict | None = None,
        filter_cfg: dict | None = None,
        indices: int | Sequence[int] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        lazy_init: bool = False,
        max_refetch: int = 1000,
        sample_interval: int = 1,
    ) -> None:
        if data_mode != "topdown":
            raise ValueError(f"data_mode must be 'topdown', got {data_mode!r}")
        if bbox_file is not None and not test_mode:
            raise ValueError("bbox_file holds detections to be tested: set test_mode=True")
        self.bbox_file = bbox_file
        self.sample_interval = sample_interval
        self.num_unreadable = 0
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=data_prefix or {"img": ""},
            filter_cfg=filter_cfg,
            indices=indices,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        return parse_pose_metainfo(metainfo or cls.METAINFO)

    def load_data_list(self) -> list[dict]:
        """Read and parse the annotations, or the detections on their images."""
        content = read_coco_file(self.ann_file)
        images = {image["id"]: image for image in content["images"]}
        if self.bbox_file is None:
            records, parse = content["annotations"], self._parse_annotation
        else:
            records, parse = self._read_detections(), self._parse_detection
        samples = [parse(record, images, index) for index, record in enumerate(records)]
        kept = [sample for sample in samples if sample is not None]
        if not kept:
            raise ValueError(
                f"{self.ann_file} has no person with a box and a labelled joint that could be "
                "used; check that it is a keypoint file"
            )
        if len(kept) < len(samples):
            print_log(
                f"{self.ann_file}: {len(kept)} of {len(samples)} people are used; the others "
                "are crowd regions or have no box or no labelled joint",
                logger="current",
            )
        return kept[:: self.sample_interval]

    def _read_detections(self) -> list[dict]:
        threshold = (self.filter_cfg or {}).get("bbox_score_thr", 0.0)
        detections = read_json(self.bbox_file)
        people = [det for det in detections if det.get("category_id", 1) == 1]
        return [detection for detection in people if detection["score"] >= threshold]

    def _parse_annotation(self, annotation: dict, images: dict, index: int) -> dict | None:
        image = self._image_of(annotation, images)
        sample = parse_person(annotation, image, self._metainfo["num_keypoints"])
        return None if sample is None else sample | self._image_fields(image)

    def _parse_detection(self, detection: dict, images: dict, index: int) -> dict:
        image = self._image_of(detection, images)
        sample = parse_detection(detection, index, self._metainfo["num_keypoints"])
        return sample | self._image_fields(image)

    def _image_of(self, record: dict, images: dict) -> dict:
        if record.get("image_id") not in images:
            raise ValueError(
                f"a record of {self.bbox_file or self.ann_file} names image "
                f"{record.get('image_id')!r}, which is not among the images of {self.ann_file}"
            )
        return images[record["image_id"]]

    def _image_fields(self, image: dict) -> dict[str, Any]:
        prefix = self.data_prefix["img"]
        return {
            "img_id": image["id"],
            "img_path": f"{prefix}/{image['file_name']}" if prefix else image["file_name"],
            "ori_shape": (image["height"], image["width"]),
        }

    def get_data_info(self, idx: int) -> dict:
        """One parsed sample with the index tables of the skeleton."""
        sample = super().get_data_info(idx)
        return sample | {key: self._metainfo[key] for key in METAINFO_KEYS}

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; an unreadable picture is counted and reported."""
        sample, was_unreadable = run_pipeline(
            self.pipeline,
            self.get_data_info(idx),
            test_mode=self.test_mode,
            num_before=self.num_unreadable,
        )
        self.num_unreadable += was_unreadable
        return sample


@DATASETS.register_module()
class CocoDataset(BaseCocoStyleDataset):
    """COCO keypoints: 17 joints."""

    METAINFO: ClassVar[dict] = {"from_file": "coco.py"}
