"""Data sets of people in COCO's annotation format: one sample is one person."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.dataset import BaseDataset

from mmpose.registry import DATASETS

from .annotation_files import data_path, read_json_list, require_fields
from .coco_file import CocoContent, read_people
from .crop_cache import open_cache
from .image_files import find_image_files, image_path, reads_images
from .people_samples import parse_detection, parse_person, tell_use, why_left_out
from .pose_metainfo import parse_pose_metainfo
from .result_records import complete_results
from .seeded_index import draws_of
from .unreadable import run_pipeline

IMAGE_FIELDS = ("id", "file_name")
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


@DATASETS.register_module()
class BaseCocoStyleDataset(BaseDataset):
    """People of a COCO annotation file, or of a detection file beside it.

    Args:
        ann_file: the annotation file, relative to ``data_root``.
        bbox_file: detections to pose instead of the annotated boxes (tests only), relative to
            ``data_root`` or to the working folder (`data_path`): a JSON list of ``{image_id,
            category_id, bbox xywh, score, segmentation?}``; only people are posed. With it,
            ``ann_file`` may be a list of images alone.
        data_mode: only ``"topdown"``, one person per sample.
        metainfo: see `parse_pose_metainfo`; replaces that of the class.
        data_root: folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img``: folder of the images.
        filter_cfg: ``bbox_score_thr``: detections below it are dropped.
        indices: keep only these samples, or that many first ones.
        serialize_data: keep the samples as bytes, which worker processes share.
        pipeline: transforms.
        test_mode: whether every sample must be answered.
        lazy_init: read the annotations only when they are first needed.
        max_refetch: how many other samples to try when one cannot be read in training.
        sample_interval: keep every n-th person.
        crop_cache: folder of people cut out before, by `tools/datasets/crop_cache.py`; training
            only.
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
        crop_cache: str | None = None,
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
        self.bbox_file = bbox_file and data_path(data_root, bbox_file)
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
        self.crop_cache = open_cache(crop_cache, self)

    @classmethod
    def _load_metainfo(cls, metainfo: dict | None = None) -> dict:
        if not metainfo and not cls.METAINFO:
            raise ValueError(
                f"{cls.__name__} has no skeleton of its own; give metainfo=dict(from_file=...)"
            )
        return parse_pose_metainfo(metainfo or cls.METAINFO)

    @property
    def joint_names(self) -> list[str]:
        """The joints of the skeleton, by which those of a file are matched."""
        return list(self._metainfo["keypoint_id2name"].values())

    def read_content(self) -> CocoContent:
        """``images`` and ``annotations`` of ``ann_file``, completed.

        Sub-classes whose files have another layout, or lack a part, bring it into this one.
        """
        return read_people(
            self.ann_file,
            skeleton=self.joint_names,
            folder=self.data_prefix["img"],
            needs_annotations=self.bbox_file is None,
        )

    def load_data_list(self) -> list[dict]:
        """Read and parse the annotations, or the detections on their images."""
        if self.bbox_file is None:
            samples = [self._fill(sample) for sample in self._load_annotations()[0] if sample]
        else:
            samples = self._load_detections()
        if self.test_mode and len({(s["img_id"], s["id"]) for s in samples}) < len(samples):
            raise ValueError(
                f"people of one image of {self.ann_file} share an id, a test would take them for "
                "one; give each its own"
            )
        self.image_files = find_image_files((s["img_path"] for s in samples), self.ann_file)
        if reads_images(self.pipeline):
            self.image_files.tell()
            if not self.test_mode:
                missing = set(self.image_files.missing)
                samples = [sample for sample in samples if sample["img_path"] not in missing]
        return samples[:: self.sample_interval]

    def _load_annotations(self) -> tuple[list[dict | None], list[dict]]:
        """Samples of all annotated people, None for those left out, and the images.

        MMPose's hook: a sub-class may override it, or `parse_data_info` alone.
        """
        content = self.read_content()
        images = self._index_images(content["images"])
        samples, left_out = [], Counter(content["left_out"])
        for person in content["annotations"]:
            image = images[person["image_id"]]
            sample = self.parse_data_info({"raw_ann_info": person, "raw_img_info": image})
            if sample is None:
                left_out[why_left_out(person, image) or "left out by parse_data_info"] += 1
            samples.append(sample)
        num_used = sum(sample is not None for sample in samples)
        tell_use(self.ann_file, num_used, left_out, content["categories"])
        return samples, content["images"]

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """The sample of one person, or None; MMPose's hook for sub-classes.

        Args:
            raw_data_info: ``raw_ann_info``, a completed annotation, and ``raw_img_info``, its
                entry of ``images``.
        """
        person, image = raw_data_info["raw_ann_info"], raw_data_info["raw_img_info"]
        sample = parse_person(person, image, self._metainfo["num_keypoints"])
        return None if sample is None else sample | self._image_fields(image)

    def _fill(self, sample: dict) -> dict:
        """A sample with the fields that MMPose's `parse_data_info` does not give."""
        visible = sample["keypoints_visible"]
        return {
            "bbox_score": np.ones(1, np.float32),
            "category_id": 1,
            "segmentation": None,
            "crowd_index": None,
            "ori_shape": None,
            "keypoints_visibility": visible,
            **sample,
        }

    def _index_images(self, images: list[dict]) -> dict[Any, dict]:
        """Images by id."""
        for image in images:
            require_fields(image, IMAGE_FIELDS, f"an image of {self.ann_file}")
        return {image["id"]: image for image in images}

    def _load_detections(self) -> list[dict]:
        content = self.read_content()
        images = self._index_images(content["images"])
        threshold = (self.filter_cfg or {}).get("bbox_score_thr", 0.0)
        detections = complete_results(
            read_json_list(self.bbox_file), content, self.bbox_file, needs=("bbox",)
        )
        samples = [
            parse_detection(detection, index, self._metainfo["num_keypoints"])
            | self._image_fields(images[detection["image_id"]])
            for index, detection in enumerate(d for d in detections if d["score"] >= threshold)
        ]
        if not samples:
            raise ValueError(
                f"{self.bbox_file} has no detection to pose: {len(detections)} of people, none "
                f"with a score of {threshold} or more; lower filter_cfg=dict(bbox_score_thr=...)"
            )
        return samples

    def _image_fields(self, image: dict) -> dict[str, Any]:
        shape = (image["height"], image["width"])
        return {
            "img_id": image["id"],
            "img_path": image_path(self.data_prefix["img"], str(image["file_name"])),
            "ori_shape": None if None in shape else shape,
        }

    def get_data_info(self, idx: int) -> dict:
        """One parsed sample with the index tables of the skeleton."""
        sample = super().get_data_info(idx)
        return sample | {key: self._metainfo[key] for key in METAINFO_KEYS}

    def image_paths(self) -> list[str]:
        """The image of each sample."""
        return [
            super(BaseCocoStyleDataset, self).get_data_info(i)["img_path"] for i in range(len(self))
        ]

    def __getitem__(self, idx: int) -> dict:
        with draws_of(idx):
            return super().__getitem__(idx)

    def prepare_data(self, idx: int) -> dict | None:
        """One sample after the pipeline; an unreadable image is counted and reported."""
        sample = self.get_data_info(idx)
        if self.crop_cache is not None:
            sample |= self.crop_cache.fields(sample)
        return run_pipeline(self, sample)
