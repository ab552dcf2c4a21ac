"""Image, masks and joints under one geometry.

A sample on its way: ``img`` (H, W, 3) uint8 BGR, ``masks`` (N, H, W) uint8 0 or 1, ``keypoints``
(N, K, 2) float32 in pixels of ``img``, ``keypoint_flags`` (N, K) uint8: 0 not labelled or outside
the image, 1 occluded, 2 seen, ``visibility`` (N, K) float32, how well a joint can be seen. Left
and right are not told apart: a joint is only a place to click. ``img_is_drawn`` is set by what
changes the image in a way that hardly comes twice.
"""

import logging
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from bmp.registry import TRANSFORMS
from mmpose.inputs import read_image
from mmpose.structures import bbox_xywh2xyxy
from mmpose.structures.mask import segmentation_to_mask

FILL_BGR = (104, 116, 123)  # ImageNet mean colour, where a warp looks outside the image


def pick_overlapping(
    bboxes: np.ndarray, count: int, random: np.random.RandomState | Any
) -> np.ndarray:
    """Choose people so that overlapping ones come together.

    Args:
        bboxes: (N, 4) xywh.
        count: how many at most.
        random: a source with ``permutation`` and ``randint``.

    Returns:
        Indices of a random person and of those overlapping it most; ties in random order.
    """
    shuffled = random.permutation(len(bboxes))
    boxes = np.asarray(bboxes, np.float64)[shuffled]
    low, high = np.split(bbox_xywh2xyxy(boxes), 2, axis=1)
    seed = random.randint(len(boxes))
    sides = np.minimum(high, high[seed]) - np.maximum(low, low[seed])
    overlap = np.clip(sides, 0, None).prod(1)
    union = boxes[:, 2:].prod(1) + boxes[seed, 2:].prod() - overlap
    iou = overlap / np.maximum(union, 1e-9)
    iou[seed] = 2
    return shuffled[np.argsort(-iou, kind="stable")[:count]]


def move_keypoints(results: dict, matrix: np.ndarray) -> None:
    """Apply a (2, 3) matrix to the joints; those that leave the image lose their flag."""
    points = results["keypoints"] @ matrix[:, :2].T + matrix[:, 2]
    height, width = results["img"].shape[:2]
    is_inside = ((points >= -0.5) & (points < (width - 0.5, height - 0.5))).all(-1)
    results["keypoints"] = points.astype(np.float32)
    results["keypoint_flags"] = results["keypoint_flags"] * is_inside


@TRANSFORMS.register_module()
class LoadPeople(BaseTransform):
    """Read the image, decode masks and joints of (some of) its people.

    The image's size rules over the file's. Annotated people whose mask cannot be drawn in it
    (an RLE of another size, a polygon outside) are left out.

    Args:
        max_people: at most so many, overlapping ones together; None: all, in their order.
    """

    def __init__(self, max_people: int | None = None) -> None:
        self.max_people = max_people
        self.has_told = False

    def transform(self, results: dict) -> dict:
        """Add ``img``, ``masks``, ``keypoints``, ``keypoint_flags``, ``visibility``, ``resized``.

        Raises:
            UnreadableImageError: there is no image at ``img_path``.
        """
        people = results["people"]
        if results.get("unreadable"):  # a test goes on, with nobody found in it
            people = []
        else:
            results["img"] = read_image(results["img_path"])
        shape = results["img"].shape[:2]
        results["resized"] = shape != tuple(results["ori_shape"])
        if results["resized"]:
            self._tell(results["img_path"], shape, results["ori_shape"])
        results["ori_shape"] = shape
        people = [person for person in people if _fits(person, shape)]
        if self.max_people is not None and len(people) > self.max_people:
            bboxes = np.array([person["bbox"] for person in people])
            chosen = pick_overlapping(bboxes, self.max_people, np.random)
            people = [people[i] for i in chosen]
        masks = [
            draw_mask(p, shape) if "segmentation" in p else np.zeros(shape, bool) for p in people
        ]
        drawn = [i for i, mask in enumerate(masks) if mask is not None]
        people, masks = [people[i] for i in drawn], [masks[i] for i in drawn]
        joints = np.array([p["keypoints"] for p in people], np.float32)
        joints = joints.reshape(len(people), len(results["flip_indices"]), 3)
        results |= {
            "people": people,
            "masks": np.array(masks, np.uint8).reshape(-1, *shape),
            "keypoints": joints[..., :2],
            "keypoint_flags": joints[..., 2].astype(np.uint8),
            "visibility": np.array([p["visibility"] for p in people], np.float32).reshape(
                joints.shape[:2]
            ),
        }
        move_keypoints(results, np.eye(2, 3))
        return results

    def _tell(self, path: str, shape: tuple[int, int], stated: tuple[int, int]) -> None:
        """Say once per process that an image has another size; the metric tells how many."""
        if not self.has_told:
            print_log(
                f"{path} has (h, w) {shape}, its annotations say {tuple(stated)}: the image's "
                "is taken, here and where this is so again",
                logger="current",
                level=logging.WARNING,
            )
        self.has_told = True


def _fits(person: dict, shape: tuple[int, int]) -> bool:
    """Whether a mask is not of an image of another size."""
    mask = person.get("segmentation")
    return not isinstance(mask, dict) or tuple(mask["size"]) == shape


def draw_mask(person: dict, shape: tuple[int, int]) -> np.ndarray | None:
    """The mask of an annotated person.

    Args:
        person: with a normal ``segmentation`` (:func:`mmpose.structures.mask.normal_segmentation`).
        shape: (H, W) of the image.

    Returns:
        (H, W) bool, or None where no pixel of the image is in it.
    """
    if not _fits(person, shape):
        return None
    mask = segmentation_to_mask(person["segmentation"], *shape)
    return mask if mask is not None and mask.any() else None


@TRANSFORMS.register_module()
class FlipPeople(BaseTransform):
    """Mirror the sample.

    Args:
        prob: how often.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Mirror ``img``, ``masks`` and ``keypoints``, or leave them."""
        if np.random.rand() >= self.prob:
            return results
        width = results["img"].shape[1]
        results["img"] = np.ascontiguousarray(results["img"][:, ::-1])
        results["masks"] = np.ascontiguousarray(results["masks"][:, :, ::-1])
        move_keypoints(results, np.array([[-1.0, 0, width - 1], [0, 1, 0]]))
        return results


@TRANSFORMS.register_module()
class WarpPeople(BaseTransform):
    """Rotate, shear, scale and shift the sample about the image centre, in a frame of equal size.

    Args:
        rotation: largest angle, degrees.
        shear: largest shear along x, degrees.
        scale_range: enlargement is drawn log-uniformly from it.
        shift: largest shift, as part of the image sides.
        prob: how often.
    """

    def __init__(
        self,
        rotation: float = 25.0,
        shear: float = 20.0,
        scale_range: tuple[float, float] = (1.0, 1.0),
        shift: float = 0.0,
        prob: float = 1.0,
    ) -> None:
        self.rotation = rotation
        self.shear = shear
        self.scale_range = scale_range
        self.shift = shift
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Warp all, unless a mask would vanish."""
        if np.random.rand() >= self.prob:
            return results
        height, width = results["img"].shape[:2]
        matrix = self._draw(height, width)
        masks = [
            cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
            for mask in results["masks"]
        ]
        if not masks or not all(mask.any() for mask in masks):
            return results
        results["img"] = cv2.warpAffine(
            results["img"], matrix, (width, height), borderValue=FILL_BGR
        )
        results["masks"] = np.stack(masks)
        results["img_is_drawn"] = True
        move_keypoints(results, matrix)
        return results

    def _draw(self, height: int, width: int) -> np.ndarray:
        """A random (2, 3) matrix that maps old pixels to new ones."""
        angle = np.deg2rad(np.random.uniform(-self.rotation, self.rotation))
        shear = np.tan(np.deg2rad(np.random.uniform(-self.shear, self.shear)))
        scale = np.exp(np.random.uniform(*np.log(self.scale_range)))
        rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = scale * rotate @ np.array([[1, shear], [0, 1]])
        centre = np.array([width - 1, height - 1]) / 2
        moved = centre + np.random.uniform(-self.shift, self.shift, 2) * (width, height)
        return np.concatenate([linear, (moved - linear @ centre)[:, None]], 1)


@TRANSFORMS.register_module()
class SquarePeople(BaseTransform):
    """Resize to the square that SAM sees; the aspect ratio is not kept.

    Args:
        size: side of the image.
        mask_size: side of the masks, at which losses are computed.
    """

    def __init__(self, size: int, mask_size: int) -> None:
        self.size = size
        self.mask_size = mask_size

    def transform(self, results: dict) -> dict:
        """Resize; joints follow as SAM scales its clicks, x / W * size."""
        height, width = results["img"].shape[:2]
        results["img"] = _resize(results["img"], self.size)
        masks = [_resize(mask * 255, self.mask_size) > 127 for mask in results["masks"]]
        results["masks"] = np.array(masks, bool).reshape(-1, self.mask_size, self.mask_size)
        move_keypoints(results, np.diag([self.size / width, self.size / height, 0])[:2])
        return results


def _resize(image: np.ndarray, size: int) -> np.ndarray:
    shrinks = min(image.shape[:2]) > size
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (size, size), interpolation=method)


@TRANSFORMS.register_module()
class JitterColours(BaseTransform):
    """Change brightness, contrast and saturation a little; sometimes drop the colours.

    Args:
        brightness: largest relative change.
        contrast: likewise, about the mean grey.
        saturation: likewise, about each pixel's grey.
        gray_prob: how often the image becomes grey.
    """

    def __init__(
        self,
        brightness: float = 0.1,
        contrast: float = 0.05,
        saturation: float = 0.05,
        gray_prob: float = 0.05,
    ) -> None:
        self.limits = np.array([brightness, contrast, saturation])
        self.gray_prob = gray_prob

    def transform(self, results: dict) -> dict:
        """Change ``img`` alone."""
        bright, contrast, saturation = 1 + np.random.uniform(-self.limits, self.limits)
        if np.random.rand() < self.gray_prob:
            saturation = 0
        image = results["img"].astype(np.float32) * bright
        gray = image @ np.array([0.114, 0.587, 0.299], np.float32)  # BGR
        image = gray[..., None] + saturation * (image - gray[..., None])
        image = gray.mean() + contrast * (image - gray.mean())
        results["img"] = image.clip(0, 255).round().astype(np.uint8)
        results["img_is_drawn"] = True
        return results
