"""Every fault of an annotation file and its images, found by the readers that training uses."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .annotation_files import read_coco_file
from .categories import is_people_name
from .coco_file import FOREIGN_MASKS, CocoContent, complete_annotations, contradicts_size
from .doubts import SAME_BOX, person_doubts, same_boxes
from .faults import EMPTY_RLE, HARMFUL, NO_MASK, Fault, FaultList, Level, name_of
from .image_files import find_image_files, image_path, read_image_shape
from .known_skeletons import find_skeleton
from .oddities import RecordsRefusedError
from .people_samples import why_left_out
from .pose_metainfo import parse_pose_metainfo

PROBED = 20  # images by whose names their folder is found


@dataclass(frozen=True)
class FileCheck:
    """What was found.

    Attributes:
        source: the annotation file.
        folder: of the images; None: not found, so images were not looked at.
        skeleton: metainfo file of the joints; None: no bundled one has exactly these.
        joint_names: (K,), numbers where the file names none and no skeleton is known.
        faults: the worst first.
        content: completed, without what is refused; None where the whole file is.
        unused: how many people a pose training leaves out, by why.
        read_as: the completed person of an entry of the file, by its ``id()``.
    """

    source: str
    folder: str | None
    skeleton: str | None
    joint_names: list[str]
    faults: list[Fault]
    content: CocoContent | None
    unused: dict[str, int]
    read_as: dict[int, dict]

    @property
    def is_harmed(self) -> bool:
        """Whether a training would drop or misread something."""
        return any(fault.level in HARMFUL for fault in self.faults)

    @property
    def num_used(self) -> int:
        """People that a pose training uses."""
        people = self.content["annotations"] if self.content else []
        return len(people) - sum(self.unused.values())


def check_file(
    path: str | Path, folder: str | None = None, skeleton: str | None = None
) -> FileCheck:
    """Read a file as training does, and go on where training would stop.

    Args:
        path: in COCO's format.
        folder: of the images; None: looked for beside the file.
        skeleton: metainfo file of the joints; None: found by their names or number.

    Raises:
        FileNotFoundError: the file or the folder is not there.
        ValueError: it is not JSON, or has no ``images`` and ``annotations``.
    """
    if folder is not None and not os.path.isdir(folder):
        raise FileNotFoundError(f"there is no folder {folder} of images; give that of {path}")
    raw = read_coco_file(path)
    source = str(path)
    folder = find_folder(Path(path), raw["images"]) if folder is None else folder
    names, num_joints = _joints_of(raw)
    skeleton = skeleton or find_skeleton(names, num_joints)
    wanted = None
    if skeleton is not None:
        wanted = list(parse_pose_metainfo({"from_file": skeleton})["keypoint_name2id"])
    content, found = _read(raw, source, wanted, folder)
    _see_categories(raw, found)
    unused: Counter[str] = Counter()
    if content is not None:
        _see_images(raw["images"], content, folder, found)
        unused = _see_people(content, found)
    joint_names = wanted or names or [str(n) for n in range(num_joints or 0)]
    return FileCheck(
        *(source, folder, skeleton, joint_names, found.faults, content, dict(unused)),
        read_as=found.read_as,
    )


def find_folder(path: Path, images: Sequence[dict]) -> str | None:
    """Where the images of a file are: its folder or one in it, or beside a folder of annotations.

    Farther away the same names are often those of other images.

    Args:
        path: of the file.
        images: its entries.
    """
    names = [str(image["file_name"]) for image in images[:PROBED] if image.get("file_name")]
    near = [path.absolute().parent]
    near += [near[0].parent] * ("ann" in near[0].name.lower())
    below = (sub for place in near if os.access(place, os.R_OK) for sub in sorted(place.iterdir()))
    places = [*near, *(sub for sub in below if sub.is_dir() and os.access(sub, os.X_OK))]
    counts = {
        place: sum(os.path.isfile(image_path(str(place), name)) for name in names)
        for place in places
    }
    best = max(places, key=counts.__getitem__)
    return str(best) if counts[best] else None


def find_folder_of(path: str | Path) -> str:
    """The folder of the images of a file.

    Raises:
        FileNotFoundError: none near it has them, or the file is not there.
        ValueError: it is no annotation file.
    """
    folder = find_folder(Path(path), read_coco_file(path)["images"])
    if folder is None:
        raise FileNotFoundError(f"the images of {path} were not found near it; name their folder")
    return folder


def _joints_of(raw: dict) -> tuple[list[str], int | None]:
    """Names of the joints that a file lists, and how many most annotations have."""
    categories = [c for c in raw.get("categories") or [] if isinstance(c, dict)]
    categories.sort(key=lambda one: not is_people_name(str(one.get("name", ""))))
    names = next((list(one["keypoints"]) for one in categories if one.get("keypoints")), [])
    counts = Counter()
    for record in raw["annotations"]:
        joints = record.get("keypoints")
        if isinstance(joints, list) and joints:
            is_nested = isinstance(joints[0], list | tuple)
            counts[len(joints) if is_nested else len(joints) // 3] += 1
    return names, counts.most_common(1)[0][0] if counts else None


def _read(
    raw: dict, source: str, skeleton: Sequence[str] | None, folder: str | None
) -> tuple[CocoContent | None, FaultList]:
    """Complete a file; what is refused together is taken out and the rest read again."""
    refused = FaultList(source)
    # the reader stops at one kind of fault; without its records the next kind shows
    while True:
        found = FaultList(source)
        try:
            content = complete_annotations(raw, source, skeleton=skeleton, folder=folder, odd=found)
        except RecordsRefusedError as error:
            kept = []
            for record in raw["annotations"]:
                if error.concerns(record):
                    refused.put(Level.REFUSED, error.kind, str(error), record)
                else:
                    kept.append(record)
            raw = {**raw, "annotations": kept}
            continue
        except ValueError as error:
            refused.put(Level.REFUSED, "the file as a whole", str(error))
            return None, refused
        found.by_kind.update(refused.by_kind)
        return content, found


def _see_categories(raw: dict, found: FaultList) -> None:
    categories, records = raw.get("categories") or [], raw["annotations"]
    if not categories:
        found.add("no categories are listed: all annotations are people's", found.source)
    listed = [one["id"] for one in categories if isinstance(one, dict) and "id" in one]
    for record in records:
        if "category_id" not in record:
            found.add("category_id missing: the only category", name_of(record), record)
        elif record["category_id"] == 0 and 0 in listed:
            found.add("people of category 0, which other tools skip", name_of(record), record)


def _see_images(
    raw: Sequence[dict], content: CocoContent, folder: str | None, found: FaultList
) -> None:
    for image in raw:
        name = str(image.get("file_name", ""))
        if name.startswith("/") or name[1:3] in (":/", ":\\"):
            found.add("absolute file names", name_of(image), image)
        sides = [image.get(side) for side in ("width", "height")]
        if any(side is not None and type(side) is not int for side in sides):
            found.add("sizes that are not whole numbers", f"{name_of(image)}: {sides}", image)
    if folder is None:
        _see_sizes(content, found)
        return
    paths = {
        image_path(folder, str(image["file_name"])): image
        for image in content["images"]
        if image.get("file_name")
    }
    missing = set(find_image_files(paths, found.source).missing)
    # a training goes on without some of its images, and ends at once without any
    level = Level.REFUSED if len(missing) == len(paths) else Level.DROPPED
    for path, image in paths.items():
        if path in missing:
            found.put(level, "image files that are missing", path, image)
        elif "://" not in path:
            _see_image_file(path, image, found)


def _see_sizes(content: CocoContent, found: FaultList) -> None:
    """Sizes that only the images, which are not at hand, could correct."""
    images = {image["id"]: image for image in content["images"]}
    wrong = {}
    for person in content["annotations"]:
        image = images[person["image_id"]]
        if contradicts_size(image, person):
            wrong[image["id"]] = image
    for image in wrong.values():
        is_stated = image["width"] is not None and image["height"] is not None
        kind = "images whose stated size boxes or masks contradict"
        kind = kind if is_stated else "images without a size"
        found.put(Level.DOUBTFUL, kind, name_of(image), image)


def _see_image_file(path: str, image: dict, found: FaultList) -> None:
    shape = read_image_shape(path)
    if shape is None:
        found.put(Level.DROPPED, "image files that cannot be opened", path, image)
        return
    stated = (image["height"], image["width"])
    if None not in stated and shape != stated:
        where = f"{path}: {stated} stated, {shape} (h, w) opened"
        kind = "images of another size than stated, with annotations that fit the stated one"
        found.put(Level.MISREAD, kind, where, image)


def _see_people(content: CocoContent, found: FaultList) -> Counter[str]:
    """Doubts about people, and how many a pose training leaves out, by why."""
    images = {image["id"]: image for image in content["images"]}
    of_image: dict[Any, list[dict]] = {}
    unused: Counter[str] = Counter()
    for person in content["annotations"]:
        image = images[person["image_id"]]
        of_image.setdefault(image["id"], []).append(person)
        why = why_left_out(person, image)
        if why is not None:
            unused[why] += 1
        if why == "outside their image":
            found.put(Level.DROPPED, f"people {why}", name_of(person), person)
        for level, kind in person_doubts(person, image):
            found.put(level, kind, name_of(person), person)
    for people in of_image.values():
        for person in same_boxes(people):
            kind = f"boxes with an IoU of {SAME_BOX} and more with one before"
            found.put(Level.DOUBTFUL, kind, name_of(person), person)
    _see_masks(content, found)
    _see_nobody(content, unused, found)
    return unused


def _see_masks(content: CocoContent, found: FaultList) -> None:
    """A mask that is missing is a loss where others have theirs, else the kind of file."""
    shapes = {image["id"]: [image["height"], image["width"]] for image in content["images"]}
    empty = found.by_kind.pop(EMPTY_RLE, None)
    for record in empty.records if empty else ():
        is_foreign = record["segmentation"]["size"] != shapes.get(record["image_id"])
        kind = FOREIGN_MASKS if is_foreign else EMPTY_RLE
        found.put(Level.DROPPED, kind, name_of(record), record)
    if any(person["segmentation"] is not None for person in content["annotations"]):
        for kind, fault in found.by_kind.items():
            if kind.startswith(NO_MASK):
                fault.level = Level.DROPPED


def _see_nobody(content: CocoContent, unused: Counter[str], found: FaultList) -> None:
    """Nobody can be trained on; files without any joints are those of detectors."""
    people = content["annotations"]
    has_joints = any(person["keypoints"] for person in people)
    num_used = len(people) - unused.total()
    if not has_joints:
        num_used = sum(not person["iscrowd"] for person in people)
    if num_used == 0 and not any(f.level is Level.REFUSED for f in found.by_kind.values()):
        reasons = ", ".join(f"{count} {why}" for why, count in unused.items())
        where = f"{found.source}: 0 of {len(people)} people ({reasons or 'no annotations'})"
        found.put(Level.REFUSED, "nobody to train on", where)


def most_joints(people: Sequence[dict]) -> np.ndarray:
    """Joints (N, K, 3) of those people that have the most frequent number K of them."""
    counts = Counter(len(person["keypoints"]) for person in people)
    length = counts.most_common(1)[0][0] if counts else 0
    joints = [person["keypoints"] for person in people if len(person["keypoints"]) == length]
    return np.array(joints, float).reshape(len(joints), length // 3, 3)
