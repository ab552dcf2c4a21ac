"""Pictures of people that were converted from another tool's files, the odd ones first."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from bmp.visualization import caption, instance_colors
from mmpose.analysis.fault_pictures import draw_people
from mmpose.analysis.report_images import part_with
from mmpose.datasets.coco_file import read_people
from mmpose.datasets.file_check import find_folder
from mmpose.datasets.image_files import image_path
from mmpose.datasets.importing.people import Imported, ImportedImage
from mmpose.datasets.known_skeletons import find_skeleton
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.files import write_image
from mmpose.inputs import UnreadableImageError, read_image
from mmpose.visualization.overlays import number_joints
from mmpose.visualization.pose_drawing import (
    CROSS,
    LEFT_SIDE,
    NEUTRAL,
    RIGHT_SIDE,
    Skeleton,
    skeleton_of,
)

SIDE = 900  # px, the longer one of a picture
NAME_COLOR = (255, 255, 255)


def write_import_pictures(
    file: Path, imported: Imported, near: Path, *, num: int = 8
) -> list[tuple[Path, str]]:
    """Draw boxes, masks and joints of a converted file as training will read it.

    One picture an image, cut to its people. Joints are named at the person that has most, of
    several the largest. Images with something odd come first, the rarest oddity at the front.

    Args:
        file: the COCO file that was written.
        imported: what it was made of.
        near: folder of the images, or what was converted, beside which they are looked for.
        num: pictures at most.

    Returns:
        Each picture, ``FILE_pictures/01.png`` and so on, and what it shows in words.

    Raises:
        FileNotFoundError: no image is found.
    """
    content = read_people(file)
    folder = _folder_of(near, content["images"]) or find_folder(file, content["images"])
    if folder is None:
        raise FileNotFoundError(
            f"no pictures: the images are neither beside {near} nor {file}; name their folder, "
            "--images FOLDER"
        )
    skeleton = _skeleton_of(imported)
    # as they were written; names may stand there twice
    numbers = {id(image): n for n, image in enumerate(imported.images, start=1)}
    written: list[tuple[Path, str]] = []
    for image in odd_first(imported):
        if len(written) == num:
            break
        people = [a for a in content["annotations"] if a["image_id"] == numbers[id(image)]]
        try:
            pixels = read_image(image_path(folder, image.file_name))
        except UnreadableImageError:  # the report counts the others
            continue
        told = f"{image.file_name}: {'; '.join(image.odd) or f'{len(people)} people'}"
        drawn = caption(_picture(pixels, people, skeleton, imported.joint_names), told)
        target = file.with_name(f"{file.stem}_pictures") / f"{len(written) + 1:02d}.png"
        written.append((write_image(target, drawn), told))
    return written


def odd_first(imported: Imported) -> list[ImportedImage]:
    """Images by their rarest oddity, then those with people, then the empty ones."""
    counts: Counter[str] = imported.odd
    never = imported.odd.total() + 1

    def place(image: ImportedImage) -> tuple[int, bool]:
        return min((counts[what] for what in image.odd), default=never), not image.people

    return sorted(imported.images, key=place)


def _folder_of(near: Path, images: Sequence[dict]) -> str | None:
    """``near`` itself where the images are below it, else a folder beside or in it."""
    # find_folder looks beside a file: in a folder, beside one that need not be there
    return find_folder(near / "any" if near.is_dir() else near, images)


def _skeleton_of(imported: Imported) -> Skeleton:
    """The bundled one of these joints, else the links of the file, coloured by side."""
    known = find_skeleton(imported.joint_names, None)
    if known is not None and imported.joint_names == _names_of(known):
        return skeleton_of(parse_pose_metainfo({"from_file": known}))
    colors = [_color_of(name) for name in imported.joint_names]
    links = [(start, end, colors[end]) for start, end in imported.skeleton]
    return Skeleton([(CROSS, color) for color in colors], links)


def _names_of(metainfo_file: str) -> list[str]:
    return list(parse_pose_metainfo({"from_file": metainfo_file})["keypoint_name2id"])


def _color_of(joint: str) -> tuple[int, int, int]:
    words = joint.lower()
    return LEFT_SIDE if "left" in words else RIGHT_SIDE if "right" in words else NEUTRAL


def _picture(
    pixels: np.ndarray, people: Sequence[dict], skeleton: Skeleton, names: Sequence[str]
) -> np.ndarray:
    """People of an image, cut out with some of what is round them, ``SIDE`` px long."""
    canvas = pixels
    for person, color in zip(people, instance_colors(len(people)).tolist(), strict=True):
        canvas = draw_people(canvas, [person], (), skeleton, color)
    rows, columns = part_with(people, pixels.shape[:2])
    part = canvas[rows, columns]
    scale = SIDE / max(part.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = cv2.resize(part, None, fx=scale, fy=scale, interpolation=how)
    posed = max(people, key=lambda one: (one["num_keypoints"], one["area"]), default=None)
    if posed is not None and posed["num_keypoints"]:
        joints = np.array(posed["keypoints"], float).reshape(1, -1, 3)
        corner = [columns.start or 0, rows.start or 0]
        places = (joints[..., :2] - corner) * scale
        number_joints(shown, places, joints[..., 2] > 0, NAME_COLOR, names)
    return shown
