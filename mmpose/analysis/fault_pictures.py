"""Pictures of faulty annotations: the person in question, the others in grey."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from mmpose.datasets.faults import Fault, name_of
from mmpose.datasets.file_check import FileCheck
from mmpose.datasets.image_files import image_path
from mmpose.datasets.people_records import numbers_of
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.inputs import UnreadableImageError, read_image
from mmpose.structures import bbox_xywh2xyxy
from mmpose.structures.mask import segmentation_to_mask
from mmpose.visualization import draw_poses
from mmpose.visualization.overlays import draw_bboxes, tint_masks
from mmpose.visualization.pose_drawing import Skeleton, skeleton_of

from .report_images import data_address, part_with
from .report_page import Picture

FAULTY, OTHERS = (50, 60, 235), (160, 160, 160)  # BGR
MASK_WEIGHT = 0.4
SURE, FAINT = 1.0, 0.1  # scores of joints that are seen and hidden
LEAST_SIDE = 320  # px, of what is shown; joints of a small person could not be seen


def fault_picture(check: FileCheck, fault: Fault, num: int = 3) -> Picture | None:
    """Drawings of the first faults of a kind, of different images where there are several.

    Args:
        check: of the file.
        fault: all of the kind.
        num: how many at most.

    Returns:
        None where no image can be shown: none is known, or the fault is of the file as a whole.
    """
    if check.folder is None or check.content is None:
        return None
    images = {image["id"]: image for image in check.content["images"]}
    views, shown, problem = {}, set(), ""
    for record in fault.records:
        if record is None or len(views) == num:
            break
        is_image = "file_name" in record
        image = images.get(record.get("id") if is_image else record.get("image_id"))
        if image is None or image["id"] in shown:
            continue
        shown.add(image["id"])
        person = None if is_image else check.read_as.get(id(record), record)
        try:
            views[name_of(record)] = _view(check, image, person)
        except (UnreadableImageError, OSError) as error:
            problem = problem or f"cannot be shown: {error}"
    if not views and not problem:
        return None
    return Picture(f"{fault.kind}: {fault.count}", "", views, "" if views else problem)


def image_picture(check: FileCheck, images: Sequence[dict], title: str) -> Picture:
    """Drawings of all people of some images; those that cannot be read are left out.

    Args:
        check: of the file.
        images: entries of it.
        title: of the picture.
    """
    views = {}
    for image in images:
        try:
            views[name_of(image)] = _view(check, image, None)
        except (UnreadableImageError, OSError):
            continue
    return Picture(title, "", views)


def _view(check: FileCheck, image: dict, person: dict | None) -> str:
    """One drawing as an address: of a person among the others, or of everybody."""
    pixels = read_image(image_path(check.folder, str(image["file_name"])))
    people = [one for one in check.content["annotations"] if one["image_id"] == image["id"]]
    drawn = people if person is None else [readable_part(person)]
    others = () if person is None else people
    canvas = draw_people(pixels, drawn, others, _skeleton(check))
    part = part_with([one for one in drawn if one["bbox"]], pixels.shape[:2])
    return data_address(_enlarged(canvas[part]))


def _skeleton(check: FileCheck) -> Skeleton:
    if check.skeleton is not None:
        return skeleton_of(parse_pose_metainfo({"from_file": check.skeleton}))
    return Skeleton([(cv2.MARKER_CROSS, FAULTY)] * len(check.joint_names), [])


def readable_part(record: dict) -> dict[str, Any]:
    """Box, mask and joints of an annotation that may be broken; what cannot be read is left out."""
    found: dict[str, Any] = {"bbox": None, "segmentation": record.get("segmentation")}
    for name, size in (("bbox", 4), ("keypoints", 3)):
        try:
            numbers = numbers_of(record.get(name) or [], name)
        except ValueError:
            numbers = np.zeros(0)
        is_whole = numbers.size and numbers.size % size == 0 and np.isfinite(numbers).all()
        found[name] = numbers.tolist() if is_whole else []
    return found


def draw_people(
    image: np.ndarray,
    people: Sequence[dict],
    others: Sequence[dict],
    skeleton: Skeleton,
    paint: Sequence[int] = FAULTY,
) -> np.ndarray:
    """People with boxes, masks and joints, others with grey boxes.

    Args:
        image: (H, W, 3) uint8 BGR.
        people: ``bbox``, ``segmentation`` and ``keypoints``, each of which may be empty.
        others: completed.
        skeleton: of the joints; people with another number of joints are drawn without.
        paint: BGR of boxes and masks of the people.

    Returns:
        (H, W, 3) uint8 BGR, a new array.
    """
    canvas = image.copy()
    for one in people:
        try:
            mask = segmentation_to_mask(one["segmentation"], *image.shape[:2])
        except ValueError:  # it is the fault
            mask = None
        if mask is not None:
            canvas = tint_masks(canvas, mask[None], np.array([paint]), MASK_WEIGHT)
    for group, color in ((others, OTHERS), (people, paint)):
        boxes = np.array([one["bbox"] for one in group if one["bbox"]], float).reshape(-1, 4)
        draw_bboxes(canvas, bbox_xywh2xyxy(boxes), color, 1)
    num_joints = len(skeleton.markers)
    joints = [one["keypoints"] for one in people if len(one["keypoints"]) == 3 * num_joints]
    if not joints or not num_joints:
        return canvas
    points = np.array(joints, float).reshape(len(joints), num_joints, 3)
    scores = np.select([points[..., 2] == 2, points[..., 2] > 0], [SURE, FAINT], 0.0)
    return draw_poses(canvas, points[..., :2], scores, skeleton=skeleton)


def _enlarged(image: np.ndarray) -> np.ndarray:
    """An image whose longer side is at least `LEAST_SIDE`."""
    scale = LEAST_SIDE / max(image.shape[:2])
    if scale <= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
