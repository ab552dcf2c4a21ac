"""What the public class hands out: arrays, as attributes and by name."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch

from bmp.environment import import_extra
from bmp.evaluation.coco_annotations import (
    annotation_file,
    people_to_annotations,
    people_to_yolo,
)
from bmp.evaluation.coco_results import people_to_results
from bmp.loop import LoopResult, Turn
from bmp.record import Rows, describe, select_rows
from bmp.structures import FIELD_RANKS, People

if TYPE_CHECKING:
    import supervision

# keypoint_scores stand in the third column of keypoints, where published results have them
PER_PERSON = tuple(name for name in FIELD_RANKS if name != "keypoint_scores")


# eq=False: == of arrays is an array, which has no single truth value
@dataclass(frozen=True, eq=False, repr=False)
class BMPResult:
    """People of one image; ``result.masks`` and ``result["masks"]`` are the same.

    Names work as in the dict that the published class returns: ``"masks" in result``,
    ``result.keys()``, ``result.items()``, ``dict(result)``. Length, numbers, slices and loops go by
    person: ``result[result.scores > 0.5]`` is a result, ``for person in result`` gives results of
    one person each. Such parts keep no ``turns`` and ``intermediates``, which are of the whole
    image.

    >>> result = estimator.predict("crowd.jpg")  # doctest: +SKIP
    >>> result  # doctest: +SKIP
    <BMPResult: 11 people, 480×640, masks, 17 joints, found in turns 9 + 2>
    >>> result[result.iteration > 0].bboxes.shape  # who stood behind others  # doctest: +SKIP
    (2, 4)

    Attributes:
        bboxes: (N, 4) xyxy float32, image pixels.
        masks: (N, H, W) bool.
        keypoints: (N, 17, 3) float32 x, y, score.
        presence: (N, 17) float32, probability that the joint lies in the crop.
        visibility: (N, 17) float32, probability that it is seen rather than occluded.
        scores: (N,) float32, by which people are ranked.
        bbox_scores: (N,) float32, of the detector.
        mask_scores: (N,) float32, the segmenter's estimate of its IoU.
        iteration: (N,) int64, the turn that found the person, from 0.
        heatmaps: (N, 17, h, w) float32 when asked for, else None.
        intermediates: what every turn did when asked for, else None.
        turns: the people after each turn, records of tensors.
        error: why the image could not be read, or which stage failed on it; None when nothing did.

    Raises:
        ValueError: an array has another rank or length than the others.
    """

    bboxes: np.ndarray
    masks: np.ndarray
    keypoints: np.ndarray
    presence: np.ndarray
    visibility: np.ndarray
    scores: np.ndarray
    bbox_scores: np.ndarray
    mask_scores: np.ndarray
    iteration: np.ndarray
    heatmaps: np.ndarray | None = None
    intermediates: list[Turn] | None = None
    turns: list[People] = field(default_factory=list)
    error: str | None = None

    def __post_init__(self) -> None:
        for name, array in self._arrays().items():
            if array.ndim != FIELD_RANKS[name] or len(array) != len(self):
                raise ValueError(
                    f"{name} of {len(self)} people must have {FIELD_RANKS[name]} axes and length "
                    f"{len(self)}, got shape {array.shape}"
                )

    @overload
    def __getitem__(self, item: str) -> Any: ...
    @overload
    def __getitem__(self, item: Rows) -> "BMPResult": ...
    def __getitem__(self, item: str | Rows) -> Any:
        """What stands under a name, or the result of some people."""
        if not isinstance(item, str):
            rows = select_rows(item, len(self))
            # the index may be a tensor on a GPU, which no array takes
            rows = rows if isinstance(rows, slice) else rows.cpu().numpy()
            parts = {name: array[rows] for name, array in self._arrays().items()}
            return replace(self, **parts, turns=[], intermediates=None)
        # getattr alone would hand out methods too, as under result["to"]
        if item not in self.keys():
            raise KeyError(f"a result has no {item!r}; it has {', '.join(self.keys())}")
        return getattr(self, item)

    def __contains__(self, name: object) -> bool:
        # without this method, `in` would look for the name among the people that a loop gives
        return name in self.keys()

    def __iter__(self) -> Iterator["BMPResult"]:
        """Results of one person each; :meth:`keys` gives the names."""
        # dict(result) still goes by name: dict asks for keys() and does not iterate
        return (self[n] for n in range(len(self)))

    def __len__(self) -> int:
        """Number of people."""
        return len(self.bboxes)

    def __repr__(self) -> str:
        if self.error is not None:
            # an error may have several lines; a repr is one, also in lists and logs
            return f"<BMPResult: failed, {' '.join(self.error.split())}>"
        return f"<BMPResult: {describe(self, len(self.turns))}>"

    def keys(self) -> list[str]:
        """Names of what the result holds."""
        return [entry.name for entry in fields(self)]

    def values(self) -> list[Any]:
        """What the result holds, in the order of :meth:`keys`."""
        return [self[name] for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        """Names with what stands under them."""
        return [(name, self[name]) for name in self.keys()]

    def get(self, name: str, default: Any = None) -> Any:
        """What stands under a name, or ``default``."""
        return getattr(self, name) if name in self.keys() else default

    @property
    def keypoint_scores(self) -> np.ndarray:
        """(N, 17), the third column of ``keypoints``."""
        return self.keypoints[..., 2]

    @property
    def people(self) -> People:
        """The same people as a record of tensors on the CPU, which share memory with the arrays."""
        tensors = {name: torch.from_numpy(array) for name, array in self._arrays().items()}
        joints = tensors.pop("keypoints")
        return People(**tensors, keypoints=joints[..., :2], keypoint_scores=joints[..., 2])

    def to(self, device: torch.device | str) -> "BMPResult":
        """The same result, the tensors of ``turns`` and ``intermediates`` on a device.

        Arrays stay arrays; ``result.people.to(device)`` gives them as tensors.
        """
        details = self.intermediates
        return replace(
            self,
            turns=[people.to(device) for people in self.turns],
            intermediates=None if details is None else [turn.to(device) for turn in details],
        )

    def cpu(self) -> "BMPResult":
        """The same result without tensors on a GPU."""
        return self.to("cpu")

    def to_coco(self, file_name: str = "", *, image_id: int = 1, first_id: int = 1) -> dict:
        """The people as a COCO annotation file, ready for JSON and pycocotools.

        Files of several results are joined by adding up their ``images`` and ``annotations``,
        whose ids must differ. An image that could not be read is left out.

        Args:
            file_name: of the image, for tools that show it.
            image_id: of the image.
            first_id: of the first person; the others count on.

        Returns:
            ``images``, ``categories`` (person, with the names of the joints) and ``annotations``;
            see :func:`bmp.evaluation.coco_annotations.people_to_annotations`.
        """
        if self.error is not None:
            # its size is unknown, which COCO asks of every image
            return annotation_file([], [])
        height, width = self.masks.shape[1:]
        image = {"id": image_id, "file_name": file_name, "width": width, "height": height}
        people = self.people
        entries = people_to_results(people, image_id)
        return annotation_file([image], people_to_annotations(people, entries, first_id))

    def to_yolo(self) -> str:
        """The people as a label file of YOLO-pose: class 0, box, 17 joints with flags.

        See :func:`bmp.evaluation.coco_annotations.people_to_yolo`; ``data.yaml`` then says
        ``kpt_shape: [17, 3]``. Nobody found, or an image that was not read, is an empty text.
        """
        return "" if self.error is not None else people_to_yolo(self.people, self.masks.shape[1:])

    def to_supervision(self) -> "tuple[supervision.Detections, supervision.KeyPoints]":
        """The people as boxes with masks and as joints of the package supervision.

        Joints of a visibility above 0.5 are ``visible``; supervision draws no others. Set
        ``key_points.visible = key_points.keypoint_confidence > 0.3`` to see occluded ones too.

        Raises:
            ImportError: supervision is not installed.
        """
        # here, not above: an optional package, which the loop does not need
        supervision = import_extra("supervision", "interop", "to_supervision")
        class_id = np.zeros(len(self), int)
        detections = supervision.Detections(
            xyxy=self.bboxes,
            mask=self.masks,
            confidence=self.scores,
            class_id=class_id,
            data={"class_name": np.full(len(self), "person"), "iteration": self.iteration},
        )
        key_points = supervision.KeyPoints(
            xy=self.keypoints[..., :2],
            class_id=class_id,
            keypoint_confidence=self.keypoint_scores,
            detection_confidence=self.scores,
            visible=self.visibility > 0.5,
            data={"presence": self.presence, "visibility": self.visibility},
        )
        return detections, key_points

    def _arrays(self) -> dict[str, np.ndarray]:
        """The arrays with one entry per person, by name."""
        named = {name: getattr(self, name) for name in PER_PERSON}
        return {name: array for name, array in named.items() if array is not None}


def make_result(
    found: LoopResult, *, intermediates: bool, heatmap_shape: tuple[int, int] | None
) -> BMPResult:
    """Arrays of a loop result.

    Args:
        found: of one image.
        intermediates: whether what the turns did is handed out.
        heatmap_shape: (h, w) of the heatmaps asked for, None without.
    """
    arrays = {name: value.cpu().numpy() for name, value in found.people.items()}
    xy, scores = arrays.pop("keypoints"), arrays.pop("keypoint_scores")
    heatmaps = arrays.pop("heatmaps", None)
    # nobody found is a normal result: asked for, an empty array, not None
    if heatmap_shape is not None and heatmaps is None:
        heatmaps = np.zeros((0, xy.shape[1], *heatmap_shape), np.float32)
    return BMPResult(
        keypoints=np.concatenate([xy, scores[..., None]], -1),
        heatmaps=heatmaps,
        intermediates=found.intermediates if intermediates else None,
        turns=found.turns,
        **arrays,
    )


def failed_result(error: str, num_keypoints: int = 17) -> BMPResult:
    """Nobody, because the image could not be read."""
    per_joint = np.zeros((0, num_keypoints), np.float32)
    per_person = np.zeros(0, np.float32)
    return BMPResult(
        bboxes=np.zeros((0, 4), np.float32),
        # nobody read the image, so its height and width are unknown
        masks=np.zeros((0, 0, 0), bool),
        keypoints=np.zeros((0, num_keypoints, 3), np.float32),
        # shared by two fields: an array of length 0 has nothing that could be changed
        presence=per_joint,
        visibility=per_joint,
        scores=per_person,
        bbox_scores=per_person,
        mask_scores=per_person,
        iteration=np.zeros(0, np.int64),
        error=error,
    )
