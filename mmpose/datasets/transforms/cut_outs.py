"""People cut out of images by their masks, to be pasted into others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmpose.datasets.annotation_files import data_path
from mmpose.datasets.coco_file import read_people
from mmpose.datasets.image_files import image_path
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.inputs import read_image
from mmpose.structures.keypoint import mirror_keypoints

from .region_mask import decode_region


@dataclass(frozen=True)
class CutOut:
    """A person without surroundings.

    Attributes:
        image: (h, w, 3) uint8 BGR, the window of the mask.
        mask: (h, w) uint8 0/1.
        keypoints: (K, 2) float32, pixels of ``image``.
        flags: (K,) uint8, 0 not labelled, 1 occluded, 2 seen.
    """

    image: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    flags: np.ndarray

    def mirrored(self, flip_indices: Sequence[int]) -> "CutOut":
        """The person seen in a mirror: left joints become right ones."""
        width, order = self.mask.shape[1], list(flip_indices)
        keypoints = mirror_keypoints(self.keypoints, order, width)
        return CutOut(
            np.ascontiguousarray(self.image[:, ::-1]),
            np.ascontiguousarray(self.mask[:, ::-1]),
            keypoints.astype(np.float32),
            self.flags[order],
        )

    def resized(self, height: int) -> "CutOut":
        """The person at another height in pixels, at least 1, of the same shape."""
        old_height, old_width = self.mask.shape
        width = max(round(old_width * height / old_height), 1)
        method = cv2.INTER_AREA if height < old_height else cv2.INTER_LINEAR
        stretch = np.float32([width / old_width, height / old_height])
        return CutOut(
            cv2.resize(self.image, (width, height), interpolation=method),
            cv2.resize(self.mask, (width, height), interpolation=cv2.INTER_NEAREST),
            # centres of pixels lie at whole numbers
            (self.keypoints + 0.5) * stretch - 0.5,
            self.flags,
        )


class CutOutPeople:
    """The people of an annotation file in COCO's format who can be cut out.

    Crowd regions, people without a mask and those whose mask is smaller than ``min_area`` are
    none of them. Images are read when somebody is cut out.

    Args:
        ann_file: relative to ``data_root``, or a path from the working folder.
        data_root: folder of the data set.
        data_prefix: ``img``: folder of the images, relative to ``data_root``.
        metainfo: of the skeleton; joints are matched with it by name.
        min_area: px².

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: nobody in it can be cut out.
    """

    def __init__(
        self,
        ann_file: str,
        *,
        data_root: str = "",
        data_prefix: dict | None = None,
        metainfo: dict | None = None,
        min_area: float = 1024.0,
    ) -> None:
        skeleton = parse_pose_metainfo(metainfo or {"from_file": "coco.py"})
        self.flip_indices = skeleton["flip_indices"]
        folder = str(Path(data_root, (data_prefix or {"img": ""})["img"]))
        source = data_path(data_root, ann_file)
        content = read_people(
            source, skeleton=list(skeleton["keypoint_id2name"].values()), folder=folder
        )
        paths = {
            image["id"]: image_path(folder, str(image["file_name"])) for image in content["images"]
        }
        self.people = [
            (paths[person["image_id"]], person["segmentation"], self._joints(person))
            for person in content["annotations"]
            if person["segmentation"] and not person["iscrowd"] and person["area"] >= min_area
        ]
        if not self.people:
            raise ValueError(
                f"{source} has nobody with a mask of {min_area:g} px² or more, of "
                f"{len(content['annotations'])} annotations: cut people out of a file with masks, "
                "or lower min_area"
            )

    def __len__(self) -> int:
        return len(self.people)

    def _joints(self, person: dict) -> np.ndarray:
        joints = person.get("keypoints") or [0.0] * (3 * len(self.flip_indices))
        return np.array(joints, np.float32).reshape(-1, 3)

    def cut(self, index: int) -> CutOut | None:
        """Cut one person out.

        Returns:
            None where no pixel of the image is in the mask.

        Raises:
            UnreadableImageError: the image cannot be read.
        """
        path, segmentation, joints = self.people[index]
        image = read_image(path)
        mask = decode_region(segmentation, *image.shape[:2])
        if mask is None:
            return None
        shift = np.float32([mask.left, mask.top])
        return CutOut(
            image[mask.window], mask.pixels, joints[:, :2] - shift, joints[:, 2].astype(np.uint8)
        )
