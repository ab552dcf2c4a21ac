"""Image, masks and joints under one geometry.

A sample on its way: ``img`` (H, W, 3) uint8 BGR, ``masks`` (N, H, W) uint8 0 or 1, ``keypoints``
(N, K, 2) float32 in pixels of ``img``, ``keypoint_flags`` (N, K) uint8: 0 not labelled or outside
the image, 1 occluded, 2 seen, ``visibility`` (N, K) float32, how well a joint can be seen. Left
and right are not told apart: a joint is only a place to click. ``img_is_drawn`` is set by what
changes the picture in a way that hardly comes twice.
"""

from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData

from bmp.registry import TRANSFORMS
from bmp.structures import make_people
from mmpose.datasets.unreadable import UnreadableImageError
from mmpose.structures.mask import mask_to_rle, segmentation_to_mask

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
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
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

    Args:
        max_people: at most so many, overlapping ones together; None: all, in their order.
    """

    def __init__(self, max_people: int | None = None) -> None:
        self.max_people = max_people

    def transform(self, results: dict) -> dict:
        """Add ``img``, ``masks``, ``keypoints``, ``keypoint_flags``, ``visibility``.

        Raises:
            UnreadableImageError: there is no picture at ``img_path``, or one of another size than
                the annotations say.
        """
        people = results["people"]
        if results.get("unreadable"):  # a test goes on, with nobody found in it
            people = []
        else:
            results["img"] = cv2.imread(results["img_path"])
        if results["img"] is None:
            raise UnreadableImageError(
                f"{results['img_path']} is missing or no image; see datasets/README.md"
            )
        if results["img"].shape[:2] != tuple(results["ori_shape"]):
            raise UnreadableImageError(
                f"{results['img_path']} has (h, w) {results['img'].shape[:2]}, its annotations say "
                f"{tuple(results['ori_shape'])}; check that they belong together"
            )
        if self.max_people is not None and len(people) > self.max_people:
            bboxes = np.array([person["bbox"] for person in people])
            chosen = pick_overlapping(bboxes, self.max_people, np.random)
            people = [people[i] for i in chosen]
        height, width = results["img"].shape[:2]
        masks = [segmentation_to_mask(p.get("segmentation"), height, width) for p in people]
        masks = [np.zeros((height, width), bool) if mask is None else mask for mask in masks]
        num_keypoints = len(results["flip_indices"])
        joints = np.array([p["keypoints"] for p in people], np.float32)
        joints = joints.reshape(len(people), num_keypoints, 3)
        results |= {
            "people": people,
            "masks": np.array(masks, np.uint8).reshape(-1, height, width),
            "keypoints": joints[..., :2],
            "keypoint_flags": joints[..., 2].astype(np.uint8),
            "visibility": np.array([p["visibility"] for p in people], np.float32).reshape(
                joints.shape[:2]
            ),
        }
        move_keypoints(results, np.eye(2, 3))
        return results


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
        gray_prob: how often the picture becomes grey.
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


@TRANSFORMS.register_module()
class PackPeople(BaseTransform):
    """Hand the sample to the model.

    Args:
        min_pixels: people with a smaller mask are left out.
        with_originals: hand over what evaluation needs instead, in pixels of the original:
            ``people`` (a record of :mod:`bmp.structures`), ``truth_index`` of each, and ``truths``
            with run-length masks.
    """

    def __init__(self, min_pixels: int = 8, with_originals: bool = False) -> None:
        self.min_pixels = min_pixels
        self.with_originals = with_originals

    def transform(self, results: dict) -> dict:
        """``inputs`` (3, S, S) uint8 BGR and ``data_samples``."""
        metainfo = {key: results[key] for key in ("img_id", "img_path", "ori_shape")}
        metainfo["img_is_drawn"] = results.get("img_is_drawn", False)
        sample = BaseDataElement(metainfo=metainfo)
        if self.with_originals:
            for key, value in _originals(results).items():
                sample.set_field(value, key)
        else:
            is_large = results["masks"].sum((1, 2)) >= self.min_pixels
            names = ("masks", "keypoints", "keypoint_flags", "visibility")
            sample.gt_instances = InstanceData(
                **{name: torch.from_numpy(results[name][is_large]) for name in names}
            )
        image = np.ascontiguousarray(results["img"].transpose(2, 0, 1))
        return {"inputs": torch.from_numpy(image), "data_samples": sample}


def _originals(results: dict) -> dict:
    """People to be cut out and annotated people, in the original image."""
    people, (height, width) = results["people"], results["ori_shape"]
    bboxes_xywh = torch.tensor([p["bbox"] for p in people]).reshape(-1, 4)
    joints = torch.tensor([p["keypoints"] for p in people])
    joints = joints.reshape(*results["keypoints"].shape[:2], 3)
    record = make_people(
        torch.cat([bboxes_xywh[:, :2], bboxes_xywh[:, :2] + bboxes_xywh[:, 2:]], 1),
        keypoints=joints[..., :2],
        keypoint_scores=joints[..., 2].clamp(max=1),
        visibility=torch.tensor([p["visibility"] for p in people]).reshape(joints.shape[:2]),
        bbox_scores=torch.tensor([p["score"] for p in people]),
    )
    rles = [_to_rle(truth["segmentation"], height, width) for truth in results["truths"]]
    truths = [
        {"bbox": truth["bbox"], "area": truth["area"], "ignore": truth["ignore"], "rle": rle}
        for truth, rle in zip(results["truths"], rles, strict=True)
    ]
    return {
        "people": record,
        "truth_index": [p["truth"] for p in people],
        "truths": truths,
    }


def _to_rle(segmentation: Any, height: int, width: int) -> dict:
    mask = segmentation_to_mask(segmentation, height, width)
    return mask_to_rle(np.zeros((height, width), bool) if mask is None else mask)
