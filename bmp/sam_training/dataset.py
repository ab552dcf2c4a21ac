"""People with masks and joints, from COCO-format files: one sample is one image."""

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bmp.registry import DATASETS
from mmpose.datasets import BaseCocoStyleDataset
from mmpose.datasets.annotation_files import parse_numbers, read_json_list, require_fields
from mmpose.datasets.cihp_dataset import read_poses
from mmpose.datasets.coco_style import IMAGE_FIELDS

PERSON = 1  # COCO's category
SEEN = 2  # COCO's level of a joint that can be seen


@DATASETS.register_module()
class PoseSegDataset(BaseCocoStyleDataset):
    """Images with their people, for training and evaluating the segmenter.

    COCO, OCHuman and what else has masks and joints in COCO's format; CIHP, which has no joints,
    with ``keypoints_file``. A sample holds ``img_path``, ``img_id``, ``ori_shape`` (H, W), the
    people to be cut out and the annotated ones, in image pixels:

    - ``people``: dicts with ``bbox`` (xywh), ``keypoints`` (3K numbers x, y, v), ``visibility``
      (K numbers in [0, 1], how well a joint can be seen), ``score``, ``truth`` (their place in
      ``truths``, -1 for predicted poses) and, where annotated, ``segmentation``;
    - ``truths``: dicts with ``bbox``, ``segmentation``, ``area`` and ``ignore`` (crowd regions).

    People without a mask are left out, and so are images without people, unless poses are given.
    Of a file with more categories than ``person`` only that one is read.

    Args:
        min_area: smaller people (px²) are left out.
        needs_keypoints: also leave out people without a labelled joint.
        keypoints_file: joints of annotated people who have none, a COCO result file relative to
            ``data_root``, matched by box (:func:`mmpose.datasets.cihp_dataset.attach_poses`).
        presence_thr: joints of that file below it are unlabelled.
        pose_file: people to be cut out instead of the annotated ones (tests only), a COCO result
            file relative to ``data_root``: ``image_id``, ``score`` and ``keypoints`` (x, y,
            score) or ``bbox`` or both and, where predicted, ``visibility``. A pose without a box
            has that of its joints, a box without joints is shown by itself alone.
        others: those of `BaseCocoStyleDataset`.

    Raises:
        ValueError: ``pose_file`` in training, a file that is not in COCO's format, or poses of
            images that the annotations do not list.
    """

    METAINFO: ClassVar[dict] = {"from_file": "coco.py"}

    def __init__(
        self,
        *,
        min_area: float = 16.0,
        needs_keypoints: bool = False,
        keypoints_file: str | None = None,
        presence_thr: float = 0.5,
        pose_file: str | None = None,
        **others: Any,
    ) -> None:
        if pose_file is not None and not others.get("test_mode"):
            raise ValueError("pose_file holds poses to be evaluated: set test_mode=True")
        self.min_area = min_area
        self.needs_keypoints = needs_keypoints
        self.keypoints_file = keypoints_file
        self.presence_thr = presence_thr
        self.pose_file = pose_file
        super().__init__(**others)

    def read_content(self) -> dict[str, list[dict]]:
        """The annotation file, with the joints of ``keypoints_file``."""
        content = super().read_content()
        return read_poses(content, self.data_root, self.keypoints_file, self.presence_thr)

    def load_data_list(self) -> list[dict]:
        """Samples, in the order of the file's images."""
        content = self.read_content()
        truths = _people_with_masks(content)
        image_ids = {image.get("id") for image in content["images"]}
        poses = None if self.pose_file is None else self._read_poses(image_ids)
        samples = []
        for image in content["images"]:
            require_fields(image, IMAGE_FIELDS, f"an image of {self.ann_file}")
            known = truths[image["id"]]
            people = self._annotated(known) if poses is None else poses[image["id"]]
            if people or poses is not None:
                sample = {"people": people, "truths": [_truth(entry) for entry in known]}
                samples.append(self._image_fields(image) | sample)
        if not samples:
            raise ValueError(f"{self.ann_file} has no person with a mask that could be used")
        return samples[:: self.sample_interval]

    def _annotated(self, annotations: list[dict]) -> list[dict]:
        people = []
        for index, annotation in enumerate(annotations):
            person = self._person(annotation)
            is_labelled = any(person["keypoints"][2::3])
            is_crowd = annotation.get("iscrowd") or annotation.get("ignore")
            if is_crowd or (self.needs_keypoints and not is_labelled):
                continue
            if _truth(annotation)["area"] < self.min_area:
                continue
            people.append(
                person | {"segmentation": annotation["segmentation"], "score": 1.0, "truth": index}
            )
        return people

    def _person(self, record: dict) -> dict:
        """Box and joints of an annotation or a pose."""
        num_keypoints = self._metainfo["num_keypoints"]
        numbers = [0.0] * (3 * num_keypoints)
        if record.get("keypoints") is not None and len(record["keypoints"]):
            numbers = parse_numbers(record, "keypoints").tolist()
        if len(numbers) != 3 * num_keypoints:
            raise ValueError(
                f"record {record.get('id')} has {len(numbers) / 3:g} keypoints, the metainfo "
                f"{num_keypoints}; give the data set the metainfo of its own skeleton"
            )
        visibility = [float(level == SEEN) or 0.5 * (level > 0) for level in numbers[2::3]]
        if "visibility" in record:
            visibility = parse_numbers(record, "visibility").tolist()
        bbox = parse_numbers(record, "bbox").tolist()
        for name, values, count in (("bbox", bbox, 4), ("visibility", visibility, num_keypoints)):
            if len(values) != count:
                raise ValueError(
                    f"{name} of record {record.get('id')} has {len(values)} numbers, not {count}"
                )
        return {"bbox": bbox, "keypoints": numbers, "visibility": visibility}

    def _read_poses(self, image_ids: set) -> dict[Any, list[dict]]:
        path, poses = Path(self.data_root, self.pose_file), defaultdict(list)
        for index, pose in enumerate(read_json_list(path)):
            require_fields(pose, ("image_id", "score"), f"pose {index} of {path}")
            pose = {"id": index} | pose  # for messages
            if pose.get("category_id", PERSON) != PERSON:
                continue
            if pose["image_id"] not in image_ids:
                raise ValueError(
                    f"pose {index} of {path} is of image {pose['image_id']!r}, which is not among "
                    f"the {len(image_ids)} images of {self.ann_file}: do they belong together?"
                )
            if "bbox" not in pose:
                require_fields(pose, ("keypoints",), f"pose {index} of {path}, without a bbox,")
                pose = pose | {"bbox": _extent(parse_numbers(pose, "keypoints"))}
            person, score = self._person(pose), parse_numbers(pose, "score").item()
            if "visibility" not in pose:  # a model without this output repeats its scores
                person["visibility"] = person["keypoints"][2::3]
            poses[pose["image_id"]].append(person | {"score": score, "truth": -1})
        return poses


def _people_with_masks(content: dict[str, list[dict]]) -> dict[Any, list[dict]]:
    """Annotations of people with masks by image."""
    categories = content.get("categories", ())
    others = {entry["id"] for entry in categories if entry.get("name") != "person"}
    if len(others) == len(categories):
        others = set()  # nothing is called a person there: all are
    people = defaultdict(list)
    for annotation in content["annotations"]:
        require_fields(annotation, ("id", "image_id", "bbox"), "an annotation")
        if annotation.get("segmentation") and annotation.get("category_id") not in others:
            people[annotation["image_id"]].append(annotation)
    return people


def _extent(numbers: np.ndarray) -> list[float]:
    """Box xywh of joints (3K,) x, y, score: of those that score, or else of all."""
    x, y, scores = numbers[: numbers.size // 3 * 3].reshape(-1, 3).T
    is_known = (scores > 0) | (scores <= 0).all()
    x, y = x[is_known], y[is_known]
    return [float(n) for n in (x.min(), y.min(), np.ptp(x), np.ptp(y))]


def _truth(annotation: dict) -> dict:
    width, height = annotation["bbox"][2:]
    return {
        "bbox": list(annotation["bbox"]),
        "segmentation": annotation["segmentation"],
        "area": annotation.get("area") or width * height,
        "ignore": bool(annotation.get("iscrowd") or annotation.get("ignore")),
    }
