"""The loop: detect, find poses, cut people out, black them out, look again.

Each turn finds people whom the last one hid. Purkrabek & Matas, "Detection, Pose Estimation and
Segmentation for Multiple Bodies: Closing the Virtuous Circle", ICCV 2025 (arXiv 2412.01562).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.loop import published
from bmp.loop.masks import black_out, exclusive_masks
from bmp.loop.refine import refine_masks
from bmp.loop.settings import LoopSettings
from bmp.segmenters.prompts import Prompts
from bmp.structures import (
    People,
    concatenate_people,
    empty_people,
    masks_to_bboxes,
    with_fields,
)
from mmpose.structures.keypoint import COCO_SIGMAS

POSE_FIELDS = ("keypoints", "keypoint_scores", "presence", "visibility")


@dataclass
class Turn:
    """What one turn did on one image, for pictures and study.

    Attributes:
        iteration: number of the turn, from 0.
        detections: what the detector found in the blacked-out image.
        poses: the same people with their poses, before suppression.
        refined: those who were new, with their final masks of this turn.
        prompts: what the segmenter was shown, one entry a person of ``refined``.
    """

    iteration: int
    detections: People
    poses: People
    refined: People
    prompts: Prompts

    def to(self, device: torch.device | str) -> "Turn":
        """The same steps on another device."""
        steps = (self.detections, self.poses, self.refined, self.prompts)
        return Turn(self.iteration, *(step.to(device) for step in steps))


@dataclass
class LoopResult:
    """People of one image.

    Attributes:
        people: everybody, with ``scores`` and ``iteration``.
        turns: everybody known after each turn; the last one is ``people``.
        intermediates: the steps of every turn, empty unless asked for.
    """

    people: People
    turns: list[People]
    intermediates: list[Turn] = field(default_factory=list)


@torch.no_grad()
def run_loop(
    images: Sequence[np.ndarray],
    detector: Detector,
    pose_model: PoseModel,
    segmenter: Segmenter,
    settings: LoopSettings | None = None,
    *,
    given: Sequence[People] | None = None,
    keep_intermediates: bool = False,
) -> list[LoopResult]:
    """Find all people of some images, their poses and their masks.

    All images go through each step together, so memory grows with their number.

    Args:
        images: (H, W, 3) uint8 BGR each.
        detector: finds boxes (and masks).
        pose_model: finds joints of people with known boxes.
        segmenter: cuts out people whose joints are known.
        settings: constants of the loop.
        given: people to start from instead of the first detection, one record an image.
        keep_intermediates: keep the steps of every turn.

    Returns:
        One result an image; nobody found is an empty record of full rank.
    """
    if not images:
        return []
    settings = settings or LoopSettings()
    embeddings = segmenter.embed(images) if settings.refine_masks else None
    results = [LoopResult(_nobody(image), []) for image in images]
    active = list(range(len(images)))
    for turn in range(settings.num_iters):
        if turn == 0 and given is not None:
            found = list(given)
        else:
            found = detector.detect([black_out(images[i], results[i].people.masks) for i in active])
        poses = _estimate([images[i] for i in active], found, pose_model, settings)
        old = [result.people for result in results]
        new = [result.people[:0] for result in results]  # nobody new in inactive images
        for i, person in zip(active, poses, strict=True):
            old[i], new[i] = select_survivors(old[i], person, settings)
        new, prompts = refine_masks(images, new, old, segmenter, embeddings, settings)
        for i, result in enumerate(results):
            result.people = _merge(old[i], _finish(new[i], turn, settings), settings)
            result.turns.append(result.people)
        if keep_intermediates:
            for i, detections, posed in zip(active, found, poses, strict=True):
                results[i].intermediates.append(Turn(turn, detections, posed, new[i], prompts[i]))
        if settings.stop_early:
            active = [i for i in active if len(new[i]) > 0]
        if not active:
            break
    if settings.final_pose:
        _estimate_again(images, results, pose_model, settings)
    for result in results:  # a turn that was not needed left everything as it was
        result.turns += [result.people] * (settings.num_iters - len(result.turns))
    return results


def _nobody(image: np.ndarray) -> People:
    """An empty record with every field that people of the loop have."""
    people = empty_people(image.shape[:2], num_keypoints=len(COCO_SIGMAS))
    people.mask_scores = torch.zeros(0)
    people.scores = torch.zeros(0)
    people.iteration = torch.zeros(0, dtype=torch.int64)
    return people


def _estimate(
    images: Sequence[np.ndarray],
    found: Sequence[People],
    pose_model: PoseModel,
    settings: LoopSettings,
) -> list[People]:
    """Poses on the original images; people with too few joints are dropped."""
    if "mask_polygons" in settings.compat:
        found = [with_fields(p, masks=published.mask_polygons(p.masks)) for p in found]
    poses = pose_model.estimate(images, found)
    threshold = settings.prompting.confidence_thr
    return [p[(p.keypoint_scores > threshold).sum(1) >= settings.min_joints] for p in poses]


def select_survivors(old: People, new: People, settings: LoopSettings) -> tuple[People, People]:
    """Who of the known and of the new people stays when each person may be there only once.

    Args:
        old: people of earlier turns.
        new: people of this turn, with poses.
        settings: thresholds and published.

    Returns:
        The old and the new people that stay.
    """
    device = new.bboxes.device
    joined = {
        name: torch.cat([old[name].to(device), new[name]])
        for name in ("keypoints", "keypoint_scores", "bboxes")
    }
    keep = published.pose_nms(
        **joined,
        confidence_thr=settings.prompting.confidence_thr,
        oks_thr=settings.oks_nms_thr,
        items=settings.compat,
    )
    keep_old, keep_new = keep[: len(old)], keep[len(old) :]
    if "nms_unfiltered" in settings.compat and not keep_new.any():
        keep_old = torch.ones_like(keep_old)
    return old[keep_old.to(old.bboxes.device)], new[keep_new]


def _finish(people: People, turn: int, settings: LoopSettings) -> People:
    """The record as the loop keeps it: with ``iteration`` and ``scores``."""
    people = with_fields(people, iteration=torch.full_like(people.bbox_scores, turn).long())
    return with_fields(people, scores=ranking_scores(people, settings))


def ranking_scores(people: People, settings: LoopSettings) -> Tensor:
    """The product of the score factors, (N,) in [0, 1]."""
    scores = torch.ones_like(people.bbox_scores)
    for name in settings.score_factors:
        factor = people[name]
        if name == "keypoint_scores":
            counted = factor > settings.score_thr
            factor = (factor * counted).sum(1) / counted.sum(1).clamp(min=1)
        scores = scores * factor
    return scores


def _merge(old: People, new: People, settings: LoopSettings) -> People:
    """Old and new people in one record, their masks made exclusive, boxes refreshed."""
    if len(new.bboxes) == 0:
        return old
    people = concatenate_people(old.to(new.bboxes.device), new) if len(old.bboxes) else new
    masks = people.masks
    if settings.exclusive_masks and "masks_new_only" in settings.compat:
        is_new = torch.arange(len(masks), device=masks.device) >= len(old.bboxes)
        swap = torch.argsort(~is_new, stable=True)  # new before old: they win ties
        trimmed = exclusive_masks(masks[swap], people.mask_scores[swap], is_new[swap])
        masks = trimmed[swap.argsort()]
    elif settings.exclusive_masks:
        masks = exclusive_masks(masks, people.mask_scores)
    bboxes = masks_to_bboxes(masks, people.bboxes) if settings.refresh_bboxes else people.bboxes
    return with_fields(people, bboxes=bboxes, masks=masks)


def _estimate_again(
    images: Sequence[np.ndarray],
    results: Sequence[LoopResult],
    pose_model: PoseModel,
    settings: LoopSettings,
) -> None:
    """Poses on the final boxes and masks, put into the results."""
    poses = pose_model.estimate(images, [result.people for result in results])
    for result, posed in zip(results, poses, strict=True):
        people = with_fields(result.people, **{name: posed[name] for name in POSE_FIELDS})
        result.people = with_fields(people, scores=ranking_scores(people, settings))
        result.turns[-1] = result.people
