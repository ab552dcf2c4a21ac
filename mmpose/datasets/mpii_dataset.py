"""MPII Human Pose in its own layout: one JSON list, one entry per person."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.io import loadmat

from mmpose.registry import DATASETS

from .annotation_files import (
    data_path,
    how_to_get,
    parse_numbers,
    read_json_list,
    require_fields,
)
from .coco_file import CocoContent, complete_annotations
from .coco_style import BaseCocoStyleDataset

PIXELS_A_SCALE = 200  # MPII's unit of scale, the height of a person
HEAD_BOX_SHARE = 0.6  # the head segment of PCKh is this share of the diagonal of the head's box


def mpii_box(center: np.ndarray, scale: float) -> list[float]:
    """The box of a person: a square of 200 px a unit of scale, left, top, width, height.

    Args:
        center: (2,), MPII's pixels, which count from 1; it is lowered by 15 px a unit of scale so
            that feet are not cut. An x of -1 says that it is unknown and stays.
        scale: MPII's.
    """
    x, y = center
    if x != -1:
        y = y + 15 * scale
    side = PIXELS_A_SCALE * scale
    return [float(x - 1 - side / 2), float(y - 1 - side / 2), float(side), float(side)]


def mpii_person(entry: dict, index: int) -> dict[str, Any]:
    """One entry of MPII's list as an annotation of COCO's format.

    MPII's pixels count from 1, ours from 0. It does not say what is occluded: every annotated
    joint counts as seen.

    Raises:
        ValueError: a field is missing or malformed.
    """
    require_fields(entry, ("image", "center", "scale", "joints", "joints_vis"), f"person {index}")
    entry = entry | {"id": index}
    if not isinstance(entry["image"], str) or not entry["image"]:
        raise ValueError(f"person {index} has the image {entry['image']!r}, expected a file name")
    center, scale = parse_numbers(entry, "center"), parse_numbers(entry, "scale")
    if center.size != 2 or scale.size != 1:
        raise ValueError(
            f"person {index} has {center.size} numbers as center and {scale.size} as scale, "
            "expected x and y, and one"
        )
    joints = parse_numbers(entry, "joints").reshape(-1, 2) - 1
    annotated = parse_numbers(entry, "joints_vis") > 0
    if len(joints) != len(annotated):
        raise ValueError(
            f"person {index} has {len(joints)} joints but {len(annotated)} values of joints_vis; "
            "expected one for each"
        )
    triples = np.column_stack([joints * annotated[:, None], 2 * annotated])
    return {
        "id": index + 1,
        "image_id": entry["image"],
        "category_id": entry.get("category_id", 1),
        # MPII writes a scale of -1 where it does not know the person's size
        "bbox": mpii_box(center, scale.item()) if scale.item() > 0 else None,
        "keypoints": triples,
        "segmentation": entry.get("segmentation"),
    }


def image_number(name: str, index: int) -> int:
    """The id of an image: the number that its file name is, else its place in the file."""
    stem = Path(name).stem
    return int(stem) if stem.isdecimal() else index


def read_head_sizes(path: str | Path) -> np.ndarray:
    """Lengths of the head segments of all people, (N,) pixels, from MPII's ground truth.

    Args:
        path: a MATLAB file with ``headboxes_src`` (2, 2, N): two corners of each head's box.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it lacks the head boxes.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no head box file {path}; {how_to_get(path)}")
    content = loadmat(path)
    if "headboxes_src" not in content:
        raise ValueError(f"{path} lacks 'headboxes_src'; it should be MPII's mpii_gt_val.mat")
    corners = content["headboxes_src"].astype(np.float64)  # (2, 2, N)
    return HEAD_BOX_SHARE * np.linalg.norm(corners[1] - corners[0], axis=0)


@DATASETS.register_module()
class MpiiDataset(BaseCocoStyleDataset):
    """MPII: 16 joints, squares as boxes, sizes of images unknown until they are read.

    Args:
        headbox_file: MPII's ground truth as a MATLAB file (`data_path`), one head box
            for each person of ``ann_file``; needed for PCKh only.
        others: those of `BaseCocoStyleDataset`.
    """

    METAINFO: ClassVar[dict] = {"from_file": "mpii.py"}

    def __init__(self, headbox_file: str | None = None, **others: Any) -> None:
        self.headbox_file = headbox_file
        super().__init__(**others)

    def read_content(self) -> CocoContent:
        """MPII's list in COCO's format."""
        entries = read_json_list(self.ann_file)
        people = [mpii_person(entry, index) for index, entry in enumerate(entries)]
        names = dict.fromkeys(person["image_id"] for person in people)
        numbers = {name: image_number(name, index) for index, name in enumerate(names)}
        if len(set(numbers.values())) < len(numbers):
            numbers = {name: index for index, name in enumerate(names)}
        images = [
            {"id": number, "file_name": name, "width": None, "height": None}
            for name, number in numbers.items()
        ]
        people = [person | {"image_id": numbers[person["image_id"]]} for person in people]
        content = {"images": images, "annotations": self._with_head_sizes(people)}
        return complete_annotations(content, self.ann_file)

    def _with_head_sizes(self, people: list[dict]) -> list[dict]:
        if self.headbox_file is None:
            return people
        sizes = read_head_sizes(data_path(self.data_root, self.headbox_file))
        if len(sizes) != len(people):
            raise ValueError(
                f"{self.headbox_file} has {len(sizes)} head boxes, {self.ann_file} "
                f"{len(people)} people; take the files of the same split"
            )
        return [
            person | {"head_size": float(size)} for person, size in zip(people, sizes, strict=True)
        ]
