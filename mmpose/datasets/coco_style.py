"""Data sets of people in COCO's annotation format: one sample is one person."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmpose.registry import DATASETS
from mmpose.structures import bbox_xywh2xyxy

from .annotation_files import (
    parse_numbers,
    read_coco_file,
    read_json_list,
    require_fields,
)
from .pose_metainfo import parse_pose_metainfo
from .seeded_index import draws_of
from .unreadable import run_pipeline

IMAGE_FIELDS = ("id", "file_name", "width", "height")
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
        image: its entry of ``images``; a ``width`` of None (MPII) is not known.
        num_keypoints: K.

    Returns:
        None when the annotation has no box, no keypoints or nothing to learn from (a crowd or
        ignore region, no labelled joint, no area inside the image). Else ``bbox`` (1, 4) xyxy
        float32 clipped to the image, ``bbox_score`` (1,), ``keypoints`` (1, K, 2) float32 pixels,
        ``keypoints_visible`` (1, K) whether annotated (v of 1, 2 or 3), ``keypoints_visibility``
        (1, K) whether seen (v of 2), ``area`` (1,) px², ``segmentation``, ``id``,
        ``category_id``, ``crowd_index``, and ``head_size`` (1,) pixels where there is one.

    Raises:
        ValueError: a field is missing or malformed, or the number of keypoints is not K.
    """
    is_ignored = annotation.get("iscrowd") or annotation.get("ignore")
    if is_ignored or any(_is_absent(annotation, key) for key in ("bbox", "keypoints")):
        return None
    bbox_xywh, joints = _parse_arrays(annotation, num_keypoints)
    bbox = _clip(bbox_xywh2xyxy(bbox_xywh), image)
    is_labelled = (joints[..., 2] > 0).any() and annotation.get("num_keypoints") != 0
    if not is_labelled or (bbox[0, 2:] <= bbox[0, :2]).any():
        return None
    area = 0.53 * bbox_xywh[0, 2:].prod(keepdims=True)
    sample = {
        "id": annotation["id"],
        "category_id": annotation.get("category_id", 1),
        "bbox": bbox,
        "bbox_score": np.ones(1, dtype=np.float32),
        "keypoints": joints[..., :2],
        "keypoints_visible": np.minimum(1, joints[..., 2]),
        "keypoints_visibility": (joints[..., 2] == 2).astype(np.float32),
        "area": parse_numbers(annotation, "area") if annotation.get("area") else area,
        "segmentation": annotation.get("segmentation"),
        "crowd_index": image.get("crowdIndex"),
    }
    if "head_size" in annotation:
        sample["head_size"] = np.array([annotation["head_size"]], dtype=np.float32)
    return sample


def _is_absent(annotation: dict, key: str) -> bool:
    return annotation.get(key) is None or len(annotation[key]) == 0


def _parse_arrays(annotation: dict, num_keypoints: int) -> tuple[np.ndarray, np.ndarray]:
    """Box (1, 4) xywh and joints (1, K, 3) of an annotation."""
    require_fields(annotation, ("id",), "an annotation")
    bbox_xywh = parse_numbers(annotation, "bbox")
    joints = parse_numbers(annotation, "keypoints")
    if bbox_xywh.size != 4 or joints.size != 3 * num_keypoints:
        raise ValueError(
            f"annotation {annotation['id']} has {bbox_xywh.size} numbers of a box and "
            f"{joints.size / 3:g} keypoints, the metainfo {num_keypoints}; give the data set the "
            "metainfo of its own skeleton"
        )
    return bbox_xywh.reshape(1, 4), joints.reshape(1, num_keypoints, 3)


def _clip(bbox: np.ndarray, image: dict) -> np.ndarray:
    if image["width"] is None:
        return bbox
    far_corner = [image["width"] - 1, image["height"] - 1]
    return bbox.clip(0, np.array(far_corner * 2, dtype=np.float32))


def parse_detection(detection: dict, index: int, num_keypoints: int) -> dict[str, Any]:
    """Turn one detection ``{image_id, bbox xywh, score, segmentation?}`` into sample fields.

    As those of `parse_person`, without an area; the box is not clipped, its joints are zeros.

    Raises:
        ValueError: a field is missing or malformed.
    """
    require_fields(detection, ("image_id", "bbox", "score"), f"detection {index}")
    bbox_xywh, score = (parse_numbers(detection, field) for field in ("bbox", "score"))
    if bbox_xywh.size != 4:
        raise ValueError(
            f"detection {index} has a box of {bbox_xywh.size} numbers; expected left, top, width "
            "and height"
        )
    return {
        "id": index,
        "category_id": 1,
        "bbox": bbox_xywh2xyxy(bbox_xywh[None]),
        "bbox_score": score,
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
        bbox_file: detections to pose instead of the annotated boxes (tests only), relative to
            ``data_root``: a JSON list of ``{image_id, category_id, bbox xywh, score,
            segmentation?}``; only category 1 is posed.
        data_mode: only ``"topdown"``, one person a sample.
        metainfo: see `parse_pose_metainfo`; replaces that of the class.
        data_root: folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img``: folder of the pictures.
        filter_cfg: ``bbox_score_thr``: detections below it are dropped.
        indices: keep only these samples, or that many first ones.
        serialize_data: keep the samples as bytes, which worker processes share.
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
        serialize_data: bool = True,
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
        for name, given, known in (
            ("filter_cfg", filter_cfg, "bbox_score_thr"),
            ("data_prefix", data_prefix, "img"),
        ):
            if given and set(given) != {known}:
                raise ValueError(f"{name} has the one key {known!r}, got {sorted(given)}")
        self.bbox_file = bbox_file and str(Path(data_root, bbox_file))
        self.sample_interval = sample_interval
        self.num_unreadable = 0
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=data_prefix or {"img": ""},
            filter_cfg=filter_cfg,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        if not metainfo and not cls.METAINFO:
            raise ValueError(
                f"{cls.__name__} has no skeleton of its own; give metainfo=dict(from_file=...)"
            )
        return parse_pose_metainfo(metainfo or cls.METAINFO)

    def read_content(self) -> dict[str, list[dict]]:
        """``images`` and ``annotations`` of ``ann_file`` in COCO's format.

        Sub-classes whose files have another layout, or lack a part, bring it into this one.
        """
        return read_coco_file(self.ann_file)

    def load_data_list(self) -> list[dict]:
        """Read and parse the annotations, or the detections on their images."""
        content = self.read_content()
        images = self._index_images(content["images"])
        if self.bbox_file is None:
            records, parse = content["annotations"], self._parse_annotation
        else:
            records, parse = self._read_detections(), self._parse_detection
        samples = [parse(record, images, index) for index, record in enumerate(records)]
        kept = [sample for sample in samples if sample is not None]
        if not kept:
            raise ValueError(
                f"{self.bbox_file or self.ann_file} has no person with a box and a labelled joint "
                "that could be used; check that it is a keypoint file (or, of detections, that "
                "bbox_score_thr leaves some)"
            )
        if len(kept) < len(samples):
            print_log(
                f"{self.ann_file}: {len(kept)} of {len(samples)} people are used; the others "
                "are crowd or ignore regions or have no box or no labelled joint",
                logger="current",
            )
        if self.test_mode and len({(s["img_id"], s["id"]) for s in kept}) < len(kept):
            raise ValueError(
                f"people of one image of {self.ann_file} share an id, a test would take them for "
                "one; give each its own"
            )
        return kept[:: self.sample_interval]

    def _index_images(self, images: list[dict]) -> dict[Any, dict]:
        """Images by id; the same entry may stand there twice."""
        index: dict[Any, dict] = {}
        for image in images:
            require_fields(image, IMAGE_FIELDS, f"an image of {self.ann_file}")
            other = index.setdefault(image["id"], image)
            if other["file_name"] != image["file_name"]:
                raise ValueError(
                    f"two images of {self.ann_file} have the id {image['id']!r}: "
                    f"{other['file_name']} and {image['file_name']}; give each its own"
                )
        return index

    def _read_detections(self) -> list[dict]:
        threshold = (self.filter_cfg or {}).get("bbox_score_thr", 0.0)
        detections = read_json_list(self.bbox_file)
        for index, detection in enumerate(detections):
            require_fields(detection, ("score",), f"detection {index} of {self.bbox_file}")
        people = [det for det in detections if det.get("category_id", 1) == 1]
        return [det for det in people if parse_numbers(det, "score").item() >= threshold]

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
            "ori_shape": None if image["width"] is None else (image["height"], image["width"]),
        }

    def get_data_info(self, idx: int) -> dict:
        """One parsed sample with the index tables of the skeleton."""
        sample = super().get_data_info(idx)
        return sample | {key: self._metainfo[key] for key in METAINFO_KEYS}

    def __getitem__(self, idx: int) -> dict:
        with draws_of(idx):
            return super().__getitem__(idx)

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; an unreadable picture is counted and reported."""
        return run_pipeline(self, self.get_data_info(idx))
