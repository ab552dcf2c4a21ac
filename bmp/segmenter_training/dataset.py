"""People with masks and joints, from COCO-format files: one sample is one image."""

from collections import Counter, defaultdict
from typing import Any, ClassVar

import numpy as np

from bmp.registry import DATASETS
from mmpose.datasets import BaseCocoStyleDataset
from mmpose.datasets.annotation_files import data_path, parse_numbers, read_json_list
from mmpose.datasets.cihp_dataset import read_poses
from mmpose.datasets.coco_file import CocoContent
from mmpose.datasets.image_files import find_image_files
from mmpose.datasets.people_samples import tell_use
from mmpose.datasets.result_records import complete_results
from mmpose.structures import bbox_xywh2xyxy

SEEN = 2  # COCO's level of a joint that can be seen
CROWD, IGNORED = "crowd regions", "marked as ignored"  # why no person


@DATASETS.register_module()
class PoseSegDataset(BaseCocoStyleDataset):
    """Images with their people, for training and evaluating the segmenter.

    COCO, OCHuman and what else has masks and joints in COCO's format; CIHP, which has no joints,
    with ``keypoints_file``. A sample holds ``img_path``, ``img_id``, ``ori_shape`` (H, W), the
    people to be cut out and the annotated ones, in image pixels:

    - ``people``: dicts with ``bbox`` (xywh), ``keypoints`` (3K numbers x, y, v), ``visibility``
      (K numbers in [0, 1], how well a joint can be seen), ``score``, ``truth`` (their place in
      ``truths``, -1 for predicted poses) and, where annotated, ``segmentation``;
    - ``truths``: dicts with ``bbox``, ``segmentation`` (None for somebody without a mask),
      ``area``, ``is_person`` (no crowd region) and ``ignore`` (not to be found).

    Crowd regions and people without a mask are never among ``people``: nothing is learnt from
    them, and in a test they count neither as found nor as missed. Images without anybody to cut
    out are left out, unless poses are given.

    Args:
        min_area: smaller people (px²) are not cut out.
        needs_keypoints: nor are people without a labelled joint.
        keypoints_file: joints of annotated people who have none (`data_path`), a COCO result
            file, matched by box (:func:`mmpose.datasets.cihp_dataset.attach_poses`).
        presence_thr: joints of that file below it are unlabelled.
        pose_file: people to be cut out instead of the annotated ones (tests only; `data_path`), a
            COCO result file: ``image_id``, ``score`` and ``keypoints`` (x, y, score) or ``bbox``
            or both and, where predicted, ``visibility``. A pose without a box has that of its
            joints, a box without joints is shown by itself alone.
        others: those of `BaseCocoStyleDataset`.

    Raises:
        FileNotFoundError: none of the images is there.
        ValueError: ``pose_file`` in training, a file that cannot be used or has nobody with a
            mask, or poses of images that the annotations do not list.
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
        for name in ("bbox_file", "filter_cfg"):
            if others.get(name):
                raise ValueError(f"{name} is for data sets of poses; pose_file takes boxes too")
        self.min_area = min_area
        self.needs_keypoints = needs_keypoints
        self.keypoints_file = keypoints_file
        self.presence_thr = presence_thr
        self.pose_file = pose_file
        super().__init__(**others)

    def read_content(self) -> CocoContent:
        """The annotation file, completed, with the joints of ``keypoints_file``."""
        content = super().read_content()
        if self.keypoints_file is None:
            return content
        path = data_path(self.data_root, self.keypoints_file)
        return read_poses(content, path, len(self.joint_names), self.presence_thr)

    def load_data_list(self) -> list[dict]:
        """Samples, in the order of the file's images."""
        content = self.read_content()
        images = self._index_images(content["images"])
        annotated = defaultdict(list)
        for person in content["annotations"]:
            annotated[person["image_id"]].append(person)
        poses = None if self.pose_file is None else self._read_poses(content)
        samples, left_out = [], Counter(content["left_out"])
        for image_id, image in images.items():
            reasons = [self._why_left_out(person) for person in annotated[image_id]]
            left_out.update(reasons)
            truths = [_truth(p, why) for p, why in zip(annotated[image_id], reasons, strict=True)]
            people = self._annotated(annotated[image_id], reasons)
            people = people if poses is None else poses[image_id]
            if people or poses is not None:
                fields = self._image_fields(image)
                fields["ori_shape"] = fields["ori_shape"] or _shape_around(truths + people)
                samples.append(fields | {"people": people, "truths": truths})
        num_used = left_out.pop(None, 0)
        tell_use(self.ann_file, num_used, left_out, content["categories"])
        return self._with_images(samples)[:: self.sample_interval]

    def _with_images(self, samples: list[dict]) -> list[dict]:
        """In training those whose image is there; a reader without a pipeline opens none."""
        # the base class's name, by which combined data sets tell what is missing
        self.image_files = find_image_files((s["img_path"] for s in samples), self.ann_file)
        if not self.pipeline.transforms:
            return samples
        self.image_files.tell()
        missing = set() if self.test_mode else set(self.image_files.missing)
        return [sample for sample in samples if sample["img_path"] not in missing]

    def _why_left_out(self, person: dict) -> str | None:
        """Why an annotated person is not to be cut out, None if it is."""
        if person["iscrowd"]:
            return CROWD
        if person.get("ignore"):
            return IGNORED
        if person["segmentation"] is None:
            return "without a mask"
        if self.pose_file is not None:  # whoever has a mask is to be found
            return None
        if person["area"] < self.min_area:
            return f"smaller than {self.min_area:g} px²"
        if self.needs_keypoints and not person["num_keypoints"]:
            return "without a labelled joint"
        return None

    def _annotated(self, annotations: list[dict], reasons: list[str | None]) -> list[dict]:
        return [
            self._person(annotation, f"annotation {annotation['id']!r} of {self.ann_file}")
            | {"segmentation": annotation["segmentation"], "score": 1.0, "truth": index}
            for index, (annotation, why) in enumerate(zip(annotations, reasons, strict=True))
            if why is None
        ]

    def _person(self, record: dict, name: str) -> dict:
        """Box and joints of an annotation or a pose."""
        num_keypoints = self._metainfo["num_keypoints"]
        numbers = record.get("keypoints") or [0.0] * (3 * num_keypoints)
        if len(numbers) != 3 * num_keypoints:
            raise ValueError(
                f"{name} has {len(numbers) / 3:g} keypoints, the metainfo {num_keypoints}; give "
                "the data set the metainfo of its own skeleton"
            )
        visibility = [float(level == SEEN) or 0.5 * (level > 0) for level in numbers[2::3]]
        if record.get("visibility") is not None:
            visibility = parse_numbers(record, "visibility").tolist()
        if len(visibility) != num_keypoints:
            raise ValueError(
                f"visibility of {name} has {len(visibility)} numbers, not {num_keypoints}"
            )
        return {"bbox": record["bbox"], "keypoints": numbers, "visibility": visibility}

    def _read_poses(self, content: CocoContent) -> dict[Any, list[dict]]:
        path, poses = data_path(self.data_root, self.pose_file), defaultdict(list)
        for index, pose in enumerate(complete_results(read_json_list(path), content, path)):
            name = f"result {index} of people of {path}"
            if pose.get("bbox") is None:
                if not pose.get("keypoints"):
                    raise ValueError(f"{name} has neither bbox nor keypoints; give it one of them")
                pose = pose | {"bbox": _extent(pose["keypoints"])}
            person = self._person(pose, name)
            if pose.get("visibility") is None:  # a model without this output repeats its scores
                person["visibility"] = person["keypoints"][2::3]
            poses[pose["image_id"]].append(person | {"score": pose["score"], "truth": -1})
        return poses


def _extent(numbers: list[float]) -> list[float]:
    """Box xywh of joints (3K,) x, y, score: of those that score, or else of all."""
    x, y, scores = np.reshape(numbers, (-1, 3)).T
    is_known = (scores > 0) | (scores <= 0).all()
    x, y = x[is_known], y[is_known]
    return [float(n) for n in (x.min(), y.min(), np.ptp(x), np.ptp(y))]


def _shape_around(records: list[dict]) -> tuple[int, int]:
    """(h, w) that holds all boxes, for an image that neither is there nor has a size."""
    boxes = np.array([record["bbox"] for record in records]).reshape(-1, 4)
    width, height = np.ceil(bbox_xywh2xyxy(boxes)[:, 2:].max(0, initial=0)).astype(int) + 1
    return int(height), int(width)


def _truth(person: dict, why_left_out: str | None) -> dict:
    return {
        "bbox": person["bbox"],
        "segmentation": person["segmentation"],
        "area": person["area"],
        "is_person": why_left_out not in (CROWD, IGNORED),
        "ignore": why_left_out is not None,
    }
