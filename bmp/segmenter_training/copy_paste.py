"""Real people pasted over and behind those whom the segmenter learns to cut out."""

from collections.abc import Mapping

import numpy as np
from mmcv.transforms import BaseTransform

from bmp.registry import TRANSFORMS
from mmpose.datasets.transforms.base import check_shares
from mmpose.datasets.transforms.cut_outs import CutOutPeople
from mmpose.datasets.transforms.pasting import OCCLUDED, SEEN, Placing, Scene


@TRANSFORMS.register_module()
class CopyPastePeople(BaseTransform):
    """Paste people cut out of other images in heavy overlap, with their masks and joints.

    Stands behind ``LoadPeople``, in training alone. No pixel of a mask belongs to a pasted person
    and to another; covered joints become occluded
    (:func:`mmpose.datasets.transforms.pasting.paste`).

    Args:
        people: whose people are cut out, arguments of
            :class:`mmpose.datasets.transforms.cut_outs.CutOutPeople`.
        prob: how often anybody is pasted.
        placing: how many, where and how large, arguments of
            :class:`mmpose.datasets.transforms.pasting.Placing`.
    """

    def __init__(
        self, people: Mapping, *, prob: float = 0.5, placing: Mapping | None = None
    ) -> None:
        check_shares(prob=prob)
        self.prob = prob
        self.placing = Placing(**(placing or {}))
        self.people = CutOutPeople(**people)

    def transform(self, results: dict) -> dict:
        """Change ``img``, ``masks``, ``keypoints``, ``keypoint_flags`` and ``visibility``."""
        if np.random.rand() >= self.prob:
            return results
        flags = results["keypoint_flags"]
        masks = results["masks"]
        scene = Scene(
            results["img"].copy(),
            masks,
            results["keypoints"],
            flags,
            masks.sum((1, 2), dtype=np.int64),
        )
        if not self.placing.paste_people(scene, self.people):
            return results
        # how well a joint can be seen, as the data set tells it of annotated flags
        visibility = np.where(scene.flags == SEEN, 1.0, 0.5 * (scene.flags == OCCLUDED))
        known = visibility[: len(flags)]
        known[...] = np.where(scene.flags[: len(flags)] < flags, known, results["visibility"])
        results |= {
            "img": scene.image,
            "masks": scene.masks,
            "keypoints": scene.keypoints,
            "keypoint_flags": scene.flags,
            "visibility": visibility.astype(np.float32),
            "img_is_drawn": True,
        }
        return results
