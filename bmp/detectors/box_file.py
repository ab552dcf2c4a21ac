"""Detections that were written to a file, in the place of a detector's first turn."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import torch

from bmp.detectors.later import detect_later
from bmp.detectors.selection import best_bboxes
from bmp.detectors.ultralytics_files import PERSON, match_stems, read_ultralytics
from bmp.interfaces import Detector
from bmp.structures import People, make_people
from mmpose.datasets.annotation_files import read_coco_file, read_json_list
from mmpose.datasets.image_names import match_by_name, rename_images
from mmpose.datasets.result_records import check_records
from mmpose.structures import bbox_xywh2xyxy
from mmpose.structures.mask import segmentation_to_mask


class BoxFileDetector:
    """People of a COCO detection file; other models look for more of them in later turns.

    The file is a JSON list of ``{image_id, category_id, bbox (xywh), score, segmentation?}``, as
    COCO's evaluation takes it. It knows images by their id, so it serves evaluation
    (:class:`bmp.loop.model.BBoxMaskPoseModel`), not :class:`bmp.api.BBoxMaskPose`. A folder holds
    one file an image, of ultralytics: :mod:`bmp.detectors.ultralytics_files`.

    Args:
        box_file: path of the file, or of the folder.
        later: looks for more people in later turns; None allows one turn only.
        device: where the records lie.
        category_id: of people, in the file; None: 1, and 0 in a folder of ultralytics.
        score_thr: a person needs a score above it.
        nms_iou_thr: of two people whose boxes overlap more, the better one stays; 1 keeps all.
        max_people: at most so many per image, the best.
        inclusive_nms: see :func:`bmp.detectors.selection.best_bboxes`.
        ids_file: annotations whose image ids the detections have, where these are not those of
            the evaluated file (OCHuman's for OCHuman-Pose); images are then matched by file name.
        ann_file: the annotations that are evaluated; needed with ``ids_file``, with a folder, and
            where ``yolo val`` took file names for ids.
        task: of a folder of text files: ``detect``, ``segment`` or ``pose``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such list, a box is not four finite numbers, nobody is of
            ``category_id``, or no image is of the annotations; see
            :func:`bmp.detectors.ultralytics_files.read_ultralytics` for a folder.
    """

    def __init__(
        self,
        box_file: str | Path,
        later: Detector | None = None,
        device: torch.device | str = "cpu",
        *,
        category_id: int | None = None,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.3,
        max_people: int = 100,
        inclusive_nms: bool = False,
        ids_file: str | Path | None = None,
        ann_file: str | Path | None = None,
        task: str | None = None,
    ) -> None:
        self.box_file = Path(box_file)
        self.later = later
        self.device = torch.device(device)
        self.score_thr = score_thr
        self.suppression = {
            "iou_thr": nms_iou_thr,
            "max_people": max_people,
            "inclusive": inclusive_nms,
        }
        self.by_image: dict[str, list[dict]] = defaultdict(list)
        if category_id is None:
            category_id = PERSON if self.box_file.is_dir() else 1
        entries = _read(self.box_file, ids_file, ann_file, task)
        categories = {entry["category_id"] for entry in entries}
        if entries and str(category_id) not in map(str, categories):
            raise ValueError(
                f"{self.box_file} has no detection of category {category_id!r}, only of "
                f"{sorted(categories, key=str)[:6]}: set category_id to that of people"
            )
        for entry in entries:
            if str(entry["category_id"]) == str(category_id):
                self.by_image[str(entry["image_id"])].append(entry)

    def people_of(self, img_id: Hashable, image_shape: tuple[int, int]) -> People:
        """The people that the file has in an image, best first.

        Args:
            img_id: of the annotation file, and of the detections.
            image_shape: (H, W).

        Returns:
            ``bboxes``, ``bbox_scores`` and, if all of them have a segmentation, ``masks``.
        """
        entries = [
            entry
            for entry in self.by_image.get(str(img_id), [])
            if entry["score"] > self.score_thr and min(entry["bbox"][2:]) > 0
        ]
        bboxes = torch.tensor([entry["bbox"] for entry in entries], dtype=torch.float32)
        bboxes = bboxes.reshape(-1, 4)
        bboxes = bbox_xywh2xyxy(bboxes)
        scores = torch.tensor([entry["score"] for entry in entries])
        keep = best_bboxes(bboxes, scores, **self.suppression)
        fields = {"bbox_scores": scores[keep]}
        try:
            masks = [
                segmentation_to_mask(entries[n].get("segmentation"), *image_shape)
                for n in keep.tolist()
            ]
        except ValueError as error:
            raise ValueError(f"{self.box_file}, image {img_id!r}: {error}") from error
        if masks and all(mask is not None for mask in masks):
            fields["masks"] = torch.from_numpy(np.stack(masks))
        return make_people(bboxes[keep], **fields).to(self.device)

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """More people, by ``later``: an array does not say which image of the file it is.

        Raises:
            ValueError: there is no ``later``.
        """
        return detect_later(self.later, images, self.box_file.name)


def _read(
    box_file: Path, ids_file: str | Path | None, ann_file: str | Path | None, task: str | None
) -> list[dict]:
    """The checked records of a file or folder, with the image ids of the annotations."""
    if box_file.is_dir():
        if ann_file is None or ids_file is not None:
            raise ValueError(
                f"{box_file} is a folder: give ann_file, the annotations that are evaluated, whose "
                "images are matched by name, and no ids_file"
            )
        images = _images(ann_file)
        return check_records(
            read_ultralytics(box_file, images, str(ann_file), task=task), str(box_file)
        )
    if task is not None:
        raise ValueError(f"task is of a folder of text files, but {box_file} is a file; leave it")
    entries = check_records(read_json_list(box_file), str(box_file), needs=("category_id", "bbox"))
    if ids_file is not None:
        return _rename(entries, ids_file, ann_file)
    return entries if ann_file is None else match_stems(entries, _images(ann_file), str(box_file))


def _images(ann_file: str | Path) -> list[dict]:
    return read_coco_file(ann_file, needs_annotations=False)["images"]


def _rename(entries: list[dict], ids_file: str | Path, ann_file: str | Path | None) -> list[dict]:
    if ann_file is None:
        raise ValueError(
            "ids_file says whose ids the detections have; give ann_file too, the annotations that "
            "are evaluated"
        )
    own, other = _images(ann_file), _images(ids_file)
    return rename_images(entries, match_by_name(own, other, str(ann_file), str(ids_file)))
