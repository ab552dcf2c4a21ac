"""The parts of the loop with a memory: what was computed once is not computed again.

For studies that run the loop several times on an image with settings that change little. A person's
pose depends on the image, the box and the mask, a mask on the image and the prompt, whoever else is
there; so poses and masks are remembered by person, detections and embeddings by image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.disk_cache import digest
from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.loop.build import PART_KEYS, LoopParts, build_parts
from bmp.loop.part_keys import part_key
from bmp.loop.stage_cache import CachedDetector, CachedPoseModel, CachedSegmenter, StageMemory
from bmp.segmenters.prompts import UNUSED, Prompts
from bmp.structures import JOINT_FIELDS, People, with_fields
from mmpose.structures.packed_masks import PackedMasks, as_packed, join_masks


@dataclass
class Calls:
    """How much the parts were asked for, and how much of it they had to compute.

    Attributes:
        asked: images detected in, people posed, images embedded, people segmented, by name.
        computed: those of them that the memory did not hold.
    """

    asked: dict[str, int] = field(default_factory=dict)
    computed: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, asked: int, computed: int) -> None:
        """Add one call."""
        self.asked[name] = self.asked.get(name, 0) + asked
        self.computed[name] = self.computed.get(name, 0) + computed

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Both by name, ready for JSON."""
        return asdict(self)


class RememberingDetector:
    """A detector that looks at each image once, and shows only people above a score.

    Suppression is greedy by score, so that of two thresholds the higher gives the people of the
    lower one that score above it, and no others.

    Args:
        detector: with the lowest ``score_thr`` that will be wanted, see :func:`build_sweep_parts`.
        calls: where it counts.
    """

    def __init__(self, detector: Detector, calls: Calls) -> None:
        self.detector = detector
        self.calls = calls
        self.score_thr = 0.0
        self.memory: dict[str, People] = {}

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """As the detector with ``score_thr``."""
        keys = [digest(image) for image in images]
        new = {key: n for n, key in enumerate(keys) if key not in self.memory}
        if new:
            found = self.detector.detect([images[n] for n in new.values()])
            self.memory |= dict(zip(new, found, strict=True))
        self.calls.count("images detected in", len(images), len(new))
        people = [self.memory[key] for key in keys]
        return [record[record.bbox_scores > self.score_thr] for record in people]


class RememberingPose:
    """A pose model that poses each person once.

    Args:
        pose_model: gives each person joints that do not depend on the others.
        calls: where it counts.
    """

    def __init__(self, pose_model: PoseModel, calls: Calls) -> None:
        self.pose_model = pose_model
        self.calls = calls
        self.memory: dict[str, dict[str, Tensor]] = {}

    def estimate(self, images: Sequence[np.ndarray], people: Sequence[People]) -> list[People]:
        """As the pose model."""
        return [self._estimate(*pair) for pair in zip(images, people, strict=True)]

    def _estimate(self, image: np.ndarray, people: People) -> People:
        keys = self._keys(image, people)
        new = {key: n for n, key in enumerate(keys) if key not in self.memory}
        # also for nobody: fields of length 0 have the right rank then
        if new or not keys:
            posed = self.pose_model.estimate([image], [people[list(new.values())]])[0]
            names = [name for name in JOINT_FIELDS if name in posed]
            for n, key in enumerate(new):
                self.memory[key] = {name: posed[name][n] for name in names}
        self.calls.count("people posed", len(keys), len(new))
        if not keys:
            return posed
        rows = [self.memory[key] for key in keys]
        fields = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        return with_fields(people, **fields)

    @staticmethod
    def _keys(image: np.ndarray, people: People) -> list[str]:
        if len(people) == 0:
            return []
        of_image = digest(image)
        columns = [people.bboxes, *([people.masks] if "masks" in people else [])]
        return [digest(of_image, *person) for person in zip(*columns, strict=True)]


class RememberingSegmenter:
    """A segmenter that embeds each image and cuts out each prompted person once.

    Args:
        segmenter: gives each person a mask that does not depend on the others.
        calls: where it counts.
    """

    def __init__(self, segmenter: Segmenter, calls: Calls) -> None:
        self.segmenter = segmenter
        self.calls = calls
        self.embeddings: dict[tuple[str, ...], Any] = {}
        self.memory: dict[str, tuple[PackedMasks, Tensor]] = {}

    def embed(self, images: Sequence[np.ndarray]) -> tuple[tuple[str, ...], Any]:
        """As the segmenter, with keys of the images before the embeddings."""
        keys = tuple(digest(image) for image in images)
        is_new = keys not in self.embeddings
        if is_new:
            self.embeddings[keys] = self.segmenter.embed(images)
        self.calls.count("images embedded", len(images), len(images) * is_new)
        return keys, self.embeddings[keys]

    def segment(
        self, embeddings: tuple[tuple[str, ...], Any], prompts: Sequence[Prompts]
    ) -> list[tuple[PackedMasks | Tensor, Tensor]]:
        """As the segmenter, on what :meth:`embed` gave."""
        images, inner = embeddings
        keys = [_prompt_keys(*pair) for pair in zip(images, prompts, strict=True)]
        new = [[n for n, key in enumerate(row) if key not in self.memory] for row in keys]
        num_new = sum(map(len, new))
        # an image without anybody still says how large its empty masks are
        if num_new or not all(keys):
            wanted = [
                p.select(torch.tensor(rows, dtype=torch.long))
                for p, rows in zip(prompts, new, strict=True)
            ]
            answers = self.segmenter.segment(inner, wanted)
            for row, rows, (masks, scores) in zip(keys, new, answers, strict=True):
                packed = as_packed(masks)
                for k, n in enumerate(rows):
                    self.memory[row[n]] = packed[k : k + 1], scores[k]
        self.calls.count("people segmented", sum(map(len, keys)), num_new)
        return [
            _joined([self.memory[key] for key in row]) if row else answers[n]
            for n, row in enumerate(keys)
        ]


def _joined(people: Sequence[tuple[PackedMasks, Tensor]]) -> tuple[PackedMasks, Tensor]:
    """Masks and scores of people of one image."""
    masks, scores = zip(*people, strict=True)
    return join_masks(masks), torch.stack(scores)


def build_sweep_parts(
    model: Mapping[str, Any], lowest: float, device: torch.device
) -> tuple[LoopParts, StageMemory | None]:
    """The parts of a loop config, for a sweep.

    Args:
        model: of the config; where it has a ``cache``, answers are kept on disk too, so that a
            second sweep takes no model.
        lowest: threshold of the detector.
        device: where they work.

    Returns:
        The parts, and what the disk was asked; None without a cache.

    Raises:
        ValueError: the detector has no threshold to vary, or its people are those of a file.
    """
    if "score_thr" not in model["detector"] or "box_file" in model["detector"]:
        raise ValueError(
            "the detector of this config has no score_thr to vary, or takes people from a file; "
            "take a loop whose people a detector finds, such as configs/demo/bmp_demo.py"
        )
    config = {**model, "detector": {**model["detector"], "score_thr": lowest}}
    parts = build_parts(config, device)
    memory = StageMemory.from_config(config.get("cache"))
    if memory is None:
        return parts, None
    detector, pose_model, segmenter = (part_key(config[name], device) for name in PART_KEYS[:3])
    return replace(
        parts,
        detector=CachedDetector(parts.detector, memory, detector, device),
        pose_model=CachedPoseModel(parts.pose_model, memory, pose_model),
        segmenter=CachedSegmenter(parts.segmenter, memory, segmenter, device),
    ), memory


def _prompt_keys(image: str, prompts: Prompts) -> list[str]:
    """A key for each person, of the image and what the prompt shows; empty slots show nothing."""
    keys = []
    for n in range(len(prompts)):
        used = prompts.point_labels[n] != UNUSED
        shown = [prompts.point_coords[n][used], prompts.point_labels[n][used]]
        if prompts.uses_bbox[n]:
            shown.append(prompts.bboxes[n])
        if prompts.uses_mask[n]:
            shown.append(prompts.mask_logits[n])
        keys.append(digest(image, *shown))
    return keys
