"""Real people pasted over and behind those whom the detector learns to find."""

from collections.abc import Mapping

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.mask import BitmapMasks

from mmpose.datasets.transforms.base import check_shares
from mmpose.datasets.transforms.cut_outs import CutOutPeople
from mmpose.datasets.transforms.pasting import Placing, Scene, mask_boxes


@TRANSFORMS.register_module()
class CopyPastePeople(BaseTransform):
    """Paste people cut out of other images in heavy overlap, with their boxes and masks.

    Stands behind ``LoadAnnotations(with_bbox=True, with_mask=True)``. What a pasted person covers
    leaves the masks of others, whose boxes become those of what is left of their masks; boxes of
    people whom nobody covers stay as annotated. Crowd regions stay as they are, and people pasted
    behind are behind them too. Masks become bitmaps where somebody was pasted.

    Args:
        people: whose people are cut out, arguments of
            :class:`mmpose.datasets.transforms.cut_outs.CutOutPeople`.
        prob: how often anybody is pasted.
        placing: how many, where and how large, arguments of
            :class:`mmpose.datasets.transforms.pasting.Placing`.
        label: of people among the classes of the data set.
    """

    def __init__(
        self,
        people: Mapping,
        *,
        prob: float = 0.5,
        placing: Mapping | None = None,
        label: int = 0,
    ) -> None:
        check_shares(prob=prob)
        self.prob = prob
        self.placing = Placing(**(placing or {}))
        self.people = CutOutPeople(**people)
        self.label = label

    def transform(self, results: dict) -> dict:
        """Keys read and written: ``img`` and those of ``LoadAnnotations``.

        Raises:
            ValueError: the masks were not loaded.
        """
        if "gt_masks" not in results:
            raise ValueError(
                "pasting needs masks: put this after LoadAnnotations(with_bbox=True, "
                "with_mask=True)"
            )
        if np.random.rand() >= self.prob:
            return results
        image = results["img"].copy()
        masks = results["gt_masks"].to_ndarray().astype(np.uint8).reshape(-1, *image.shape[:2])
        nobody = np.zeros((len(masks), len(self.people.flip_indices), 2), np.float32)
        scene = Scene(
            image,
            masks,
            nobody,
            nobody[..., 0].astype(np.uint8),
            # a crowd region may be covered as a whole
            np.where(results["gt_ignore_flags"], 0, masks.sum((1, 2), dtype=np.int64)),
        )
        count = self.placing.paste_people(scene, self.people)
        if count:
            self._annotate(results, scene, masks, count)
        return results

    def _annotate(self, results: dict, scene: Scene, before: np.ndarray, count: int) -> None:
        is_crowd = results["gt_ignore_flags"]
        after = scene.masks
        after[: len(before)][is_crowd] = before[is_crowd]
        bboxes = results["gt_bboxes"]
        boxes = np.concatenate([bboxes.numpy(), np.zeros((count, 4), np.float32)])
        changed = (after[: len(before)] != before).any((1, 2))
        changed = np.concatenate([changed, np.ones(count, bool)])
        boxes[changed] = mask_boxes(after[changed])
        results["img"] = scene.image
        results["gt_masks"] = BitmapMasks(after, *after.shape[1:])
        results["gt_bboxes"] = type(bboxes)(torch.from_numpy(boxes), dtype=torch.float32)
        labels, ignored = results["gt_bboxes_labels"], is_crowd
        results["gt_bboxes_labels"] = np.append(labels, np.full(count, self.label, labels.dtype))
        results["gt_ignore_flags"] = np.append(ignored, np.zeros(count, bool))
