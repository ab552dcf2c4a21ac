"""Random scenes, parts and settings of the loop in the world of rectangles."""

from dataclasses import dataclass, field

import numpy as np
import torch

from bmp.loop import LoopSettings
from bmp.loop.masks import black_out
from bmp.loop.published import COMPAT_ITEMS
from bmp.loop.settings import SCORE_FACTORS
from bmp.segmenters.keypoint_selection import METHODS
from bmp.segmenters.prompting import PromptSettings
from bmp.structures import People, make_people, with_fields
from tests.bmp.loop_parts import RectangleDetector, RectanglePose, RectangleSegmenter


def draw_scene(random):
    """An image of 0 to 5 people of grey levels 10, 20, ..., and its size."""
    height, width = random.integers(20, 60), random.integers(20, 80)
    image = np.full((height, width, 3), 255, np.uint8)
    for n in range(random.integers(0, 6)):
        x, y = random.integers(0, width - 5), random.integers(0, height - 5)
        w, h = random.integers(3, 30), random.integers(3, 40)
        image[y : y + h, x : x + w] = 10 * (n + 1)
    return image


def draw_given(random, image):
    """Boxes of a user, with masks or without."""
    height, width = image.shape[:2]
    number = random.integers(0, 4)
    low = random.uniform(0, 0.8, (number, 2)) * (width, height)
    high = low + random.uniform(1, 25, (number, 2))
    bboxes = torch.tensor(np.concatenate([low, high], 1), dtype=torch.float32)
    fields = {}
    if random.random() < 0.5:
        fields["masks"] = torch.from_numpy(random.random((number, height, width)) < 0.3)
    return make_people(bboxes, bbox_scores=torch.ones(number), **fields)


class BoxDetector(RectangleDetector):
    """Gives no masks."""

    def _detect(self, levels):
        people = super()._detect(levels)
        return make_people(people.bboxes, bbox_scores=people.bbox_scores)


@dataclass
class Started:
    images: list
    to_read: torch.Tensor = field(default_factory=lambda: torch.zeros(1))


class TensorDetector(RectangleDetector):
    """Hides people itself, as parts that work on a device do."""

    works_on_device = True
    device = torch.device("cpu")

    def start(self, images, hidden):
        blank = [masks is None for masks in hidden]
        assert not any(blank) or all(blank)
        return Started([black_out(*pair) for pair in zip(images, hidden, strict=True)])

    def finish(self, started, read):
        return [self._detect(image[..., 0]) for image in started.images]


@dataclass
class UnsurePose(RectanglePose):
    """Joints whose scores and visibility depend on the box alone; some are nowhere near."""

    seed: int = 0

    def pose(self, record):
        posed = super().pose(record)
        keypoints, scores = posed.keypoints, posed.keypoint_scores
        visibility, presence = scores.clone(), scores.clone()
        for n, bbox in enumerate(record.bboxes.tolist()):
            random = np.random.default_rng([self.seed, *(int(abs(edge) * 16) for edge in bbox)])
            share = random.choice([0.0, 0.3, 1.0])  # nobody's, some people's or all joints are sure
            sure = torch.from_numpy(random.random(17) < share)
            scores[n] = torch.where(sure, 0.9, 0.1)
            visibility[n] = torch.from_numpy(random.random(17)).float()
            if random.random() < 0.2:
                keypoints[n] += 1000.0  # outside the image
        return with_fields(
            posed,
            keypoints=keypoints,
            keypoint_scores=scores,
            visibility=visibility,
            presence=presence,
        )


class TensorPose(UnsurePose):
    works_on_device = True
    device = torch.device("cpu")

    def estimate(self, images, people):
        assert all(isinstance(image, torch.Tensor) for image in images)
        return [self.pose(record) for record in people]


class TornSegmenter(RectangleSegmenter):
    """Cuts pieces off its masks, some of which are empty then."""

    def _segment(self, levels, prompts):
        masks, scores = super()._segment(levels, prompts)
        masks[:, ::7] = False
        masks[1::3] = False
        return masks, scores


class LooseSegmenter(RectangleSegmenter):
    """Takes points outside the image as on its border; the background's score is 1."""

    def _segment(self, levels, prompts):
        masks, scores = super()._segment(levels, within(prompts, levels.shape))
        return masks, scores.clamp(max=1)


def within(prompts, image_shape):
    """Prompts whose points and boxes lie in the image, where this world can look them up."""
    height, width = image_shape
    limits = torch.tensor([width - 1, height - 1])
    prompts = prompts.select(torch.arange(len(prompts)))
    prompts.point_coords.copy_(prompts.point_coords.clamp(torch.zeros(2), limits))
    prompts.bboxes.copy_(prompts.bboxes.clamp(torch.zeros(4), limits.repeat(2)))
    return prompts


@dataclass
class World:
    """Scenes and all that the loop is called with."""

    images: list[np.ndarray]
    given: list[People] | None
    settings: LoopSettings
    detector: RectangleDetector
    pose_model: RectanglePose
    segmenter: RectangleSegmenter


def make_world(seed):
    """Everything drawn from one number."""
    random = np.random.default_rng(seed)
    images = [draw_scene(random) for _ in range(random.integers(1, 4))]
    is_given = random.random() < 0.3
    detectors = (RectangleDetector, BoxDetector, TensorDetector)
    poses = (UnsurePose, UnsurePose, TensorPose)
    spill = int(random.choice([0, 0, 3]))
    segmenters = (LooseSegmenter, TornLooseSegmenter)
    return World(
        images,
        [draw_given(random, image) for image in images] if is_given else None,
        draw_settings(random),
        detectors[random.integers(3)](),
        poses[random.integers(3)](seed=seed),
        segmenters[random.integers(2)](spill=spill),
    )


class TornLooseSegmenter(LooseSegmenter, TornSegmenter):
    """Both."""


def draw_settings(random):
    """Settings of every kind, most of them off their defaults."""

    def maybe(chance=0.5):
        return bool(random.random() < chance)

    use_bbox = maybe()
    prompting = PromptSettings(
        num_pos_keypoints=int(random.integers(0, 9)),
        num_pos_keypoints_if_crowd=[None, 0, 2, 8][random.integers(4)],
        num_neg_keypoints=int(random.choice([0, 0, 3])),
        confidence_thr=float(random.choice([0.0, 0.3, 0.5])),
        visibility_thr=float(random.choice([0.0, 0.3, 0.5])),
        selection_method=str(random.choice(sorted(METHODS))),
        use_bbox=use_bbox,
        extend_bbox=maybe(),
        crop=use_bbox and maybe(),
        crowd_by_max_iou=[None, False, 0.0, 0.5][random.integers(4)],
        batch=maybe(0.3),
        ignore_small_bboxes=maybe(0.2),
        drop_outside=maybe(),
        no_joint=str(random.choice(["keep", "bbox"])),
    )
    items = [item for item in sorted(COMPAT_ITEMS) if maybe(0.3)] if maybe() else []
    return LoopSettings(
        num_iters=int(random.integers(1, 5)),
        oks_nms_thr=float(random.choice([0.3, 0.8, 0.95])),
        prompting=prompting,
        min_joints=int(random.choice([0, 0, 1, 5])),
        refine_masks=maybe(0.8),
        pose_mask_consistency=maybe(),
        exclusive_masks=maybe(0.7),
        refresh_bboxes=maybe(),
        final_pose=maybe(0.3),
        stop_early=maybe(0.7),
        score_factors=tuple(factor for factor in SCORE_FACTORS if maybe(0.6)),
        compat=items,
    )
