"""Real people pasted over and behind the person of a sample."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmpose.registry import TRANSFORMS

from .base import Transform, check_shares
from .cut_outs import CutOut, CutOutPeople
from .pasting import OCCLUDED, SEEN, Placing, Scene, mask_boxes
from .region_mask import RegionMask, decode_region


@dataclass(frozen=True)
class _JointlessPeople:
    """People to be cut out, without joints: those who are in the way of a sample of K joints."""

    people: CutOutPeople
    num_keypoints: int

    def __len__(self) -> int:
        return len(self.people)

    @property
    def flip_indices(self) -> range:
        return range(self.num_keypoints)

    def cut(self, index: int) -> CutOut | None:
        cut_out = self.people.cut(index)
        if cut_out is None:
            return None
        keypoints = np.zeros((self.num_keypoints, 2), np.float32)
        return CutOut(cut_out.image, cut_out.mask, keypoints, keypoints[:, 0].astype(np.uint8))


@TRANSFORMS.register_module()
class CopyPastePeople(Transform):
    """Paste people cut out of other images in heavy overlap with the person of the sample.

    Stands between `LoadImage` and `GetBBoxCenterScale`. What a pasted person covers leaves the
    mask, the box becomes that of the mask that is left, the area shrinks alike; covered joints
    become occluded and stay labelled. A person without a mask keeps box and area, and nobody is
    pasted behind. The detector and the segmenter have transforms of this name too, by whom the
    pasted people are annotated.

    Args:
        people: whose people are cut out, arguments of
            :class:`mmpose.datasets.transforms.cut_outs.CutOutPeople`.
        prob: how often anybody is pasted.
        placing: how many, where and how large, arguments of
            :class:`mmpose.datasets.transforms.pasting.Placing`.

    Raises:
        ValueError: a setting is out of its range.
        FileNotFoundError: there is no annotation file of that name.
    """

    def __init__(
        self, people: Mapping, *, prob: float = 0.5, placing: Mapping | None = None
    ) -> None:
        check_shares(prob=prob)
        self.prob = prob
        self.placing = Placing(**(placing or {}))
        self.people = CutOutPeople(**people)

    def transform(self, results: dict) -> dict:
        """Change ``img``, ``bbox``, ``area``, ``keypoints_visibility`` and ``segmentation``.

        Raises:
            ValueError: it stands behind a step that has looked at the box or the mask.
        """
        if "img" not in results or "bbox_xyxy_wrt_input" in results or "mask" in results:
            raise ValueError(
                "CopyPastePeople changes image, box and mask: put it right behind LoadImage, "
                "before GetBBoxCenterScale and MaskBackground"
            )
        if np.random.random() >= self.prob:
            return results
        mask, has_mask = self._mask(results)
        seen = results["keypoints_visibility"]
        labelled = results["keypoints_visible"] > 0
        flags = np.where(labelled, np.where(seen > 0, SEEN, OCCLUDED), 0).astype(np.uint8)
        area = int(mask.sum())
        # a copy: somebody else's sample may show the same image
        image, joints = results["img"].copy(), results["keypoints"]
        scene = Scene(image, mask[None], joints, flags, np.array([area]))
        others = _JointlessPeople(self.people, joints.shape[1])
        if not area or not self.placing.paste_people(scene, others, can_hide=has_mask):
            return results
        results["img"] = scene.image
        is_covered = scene.flags[:1] < flags
        results["keypoints_visibility"] = np.where(is_covered, 0, seen).astype(np.float32)
        left = int(scene.masks[0].sum())
        if has_mask and left < area:
            self._trim(results, scene.masks[0], left / area)
        return results

    def _mask(self, results: dict) -> tuple[np.ndarray, bool]:
        """(H, W) uint8 of the image and whether it is a mask; else the box stands in for one."""
        shape = results["img"].shape[:2]
        left, top = results.get("image_padding", (0, 0))
        inner = results["ori_shape"] if "image_padding" in results else shape
        segmentation = results.get("segmentation")
        try:
            region = decode_region(segmentation, *inner)
        except (TypeError, ValueError):  # MaskBackground tells of it
            region = None
        if region is not None:
            region = RegionMask(region.pixels, region.left + left, region.top + top)
            return region.cut(0, 0, shape[1], shape[0]), True
        mask = np.zeros(shape, np.uint8)
        x1, y1, x2, y2 = np.rint(results["bbox"][0]).astype(int).clip(0)
        mask[y1:y2, x1:x2] = 1
        return mask, False

    def _trim(self, results: dict, mask: np.ndarray, share: float) -> None:
        """Mask, box and area of what is left."""
        left, top = results.get("image_padding", (0, 0))
        height, width = results["ori_shape"] if "image_padding" in results else mask.shape
        # masks of padded images are those of the image as it was
        results["segmentation"] = mask[top : top + height, left : left + width]
        results["bbox"] = mask_boxes(mask[None])
        if "area" in results:
            results["area"] = results["area"] * np.float32(share)
