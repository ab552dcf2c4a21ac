"""Annotated people in the place of a detector's first turn."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import torch

from bmp.detectors.later import detect_later
from bmp.interfaces import Detector
from bmp.structures import People, make_people
from mmpose.datasets.coco_file import read_people
from mmpose.structures import bbox_xywh2xyxy
from mmpose.structures.mask import segmentation_to_mask


class TrueBoxDetector:
    """The people of an annotation file, as if a perfect detector had found them.

    Regions of crowds are left out. Every score is 1.

    Args:
        ann_file: COCO annotations of the images that are evaluated.
        later: looks for more people in later turns; None allows one turn only.
        device: where the records lie.
        with_joints_only: leave out people without a labelled joint, as top-down evaluation on
            true boxes does.
        with_masks: hand over the annotated masks too, where all people of an image have one.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be used, or has nobody of that kind.
    """

    def __init__(
        self,
        ann_file: str | Path,
        later: Detector | None = None,
        device: torch.device | str = "cpu",
        *,
        with_joints_only: bool = True,
        with_masks: bool = False,
    ) -> None:
        self.ann_file = Path(ann_file)
        self.later = later
        self.device = torch.device(device)
        self.with_masks = with_masks
        self.by_image: dict[str, list[dict]] = defaultdict(list)
        for person in read_people(ann_file)["annotations"]:
            is_wanted = person["num_keypoints"] > 0 or not with_joints_only
            if is_wanted and not person["iscrowd"]:
                self.by_image[str(person["image_id"])].append(person)
        if not self.by_image:
            raise ValueError(
                f"{ann_file} has nobody"
                f"{' with a labelled joint; set with_joints_only=False' * with_joints_only}"
                f"{'; take annotations of single people' * (not with_joints_only)}"
            )

    def people_of(self, img_id: Hashable, image_shape: tuple[int, int]) -> People:
        """The annotated people of an image, in the file's order.

        Args:
            img_id: of the annotation file.
            image_shape: (H, W).

        Returns:
            ``bboxes``, ``bbox_scores`` of 1 and, with ``with_masks``, ``masks``.
        """
        people = self.by_image.get(str(img_id), [])
        bboxes = torch.tensor([person["bbox"] for person in people], dtype=torch.float32)
        bboxes = bbox_xywh2xyxy(bboxes.reshape(-1, 4))
        fields = {"bbox_scores": torch.ones(len(people))}
        if self.with_masks and people:
            try:
                masks = [segmentation_to_mask(p["segmentation"], *image_shape) for p in people]
            except ValueError as error:
                raise ValueError(f"{self.ann_file}, image {img_id!r}: {error}") from error
            if all(mask is not None for mask in masks):
                fields["masks"] = torch.from_numpy(np.stack(masks))
        return make_people(bboxes, **fields).to(self.device)

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """More people, by ``later``: an array does not say which image of the file it is.

        Raises:
            ValueError: there is no ``later``.
        """
        return detect_later(self.later, images, self.ann_file.name)
