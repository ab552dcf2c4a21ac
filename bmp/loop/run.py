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
from bmp.loop.masks import black_out
from bmp.loop.refine import refine_masks
from bmp.loop.settings import LoopSettings
from bmp.segmenters.prompts import Prompts
from bmp.structures import (
    JOINT_FIELDS,
    People,
    concatenate_people,
    empty_people,
    with_fields,
)
from mmpose.structures.sigmas import COCO_SIGMAS


@dataclass
class Turn:
    """What one turn did on one image, for drawings and study.

    Attributes:
        iteration: number of the turn, from 0.
        detections: what the detector found in the blacked-out image.
        poses: the same people with their poses, before suppression.
        refined: those who were new, with their final masks of this turn.
        prompts: what the segmenter was shown, one entry per person of ``refined``.
    """

    iteration: int
    detections: People
    poses: People
    refined: People
    prompts: Prompts

    def to(self, device: torch.device | str) -> "Turn":
        """The same turn on another device."""
        stages = (self.detections, self.poses, self.refined, self.prompts)
        return Turn(self.iteration, *(stage.to(device) for stage in stages))


@dataclass
class LoopResult:
    """People of one image.

    Attributes:
        people: everybody, with ``scores`` and ``iteration``.
        turns: everybody known after each turn; the last one is ``people``.
        intermediates: what every turn did, empty unless asked for.
    """

    people: People
    turns: list[People]
    intermediates: list[Turn] = field(default_factory=list)

    def add(self, people: People) -> None:
        """Take everybody who is known after another turn."""
        self.people = people
        self.turns.append(people)


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

    All images go through each part together, so memory grows with their number.

    Args:
        images: (H, W, 3) uint8 BGR each.
        detector: finds boxes (and masks).
        pose_model: finds joints of people with known boxes.
        segmenter: cuts out people whose joints are known.
        settings: constants of the loop.
        given: people to start from instead of the first detection, one record per image.
        keep_intermediates: keep what every turn did.

    Returns:
        One result per image; nobody found is an empty record of full rank.
    """
    if not images:
        return []
    settings = settings or LoopSettings()
    # once for all turns: the segmenter always sees the original images, which do not change
    embeddings = segmenter.embed(images) if settings.refine_masks else None
    results = [LoopResult(_nobody(image), []) for image in images]
    active = list(range(len(images)))  # images in which somebody may still be hidden
    for turn in range(settings.num_iters):
        searched, known = [images[i] for i in active], [results[i].people for i in active]
        found = _detect(searched, known, detector, given if turn == 0 else None)
        posed = _pose(searched, found, pose_model, settings)
        kept = [keep_each_once(*pair, settings) for pair in zip(known, posed, strict=True)]
        old, new = _spread(kept, active, results)
        new, prompts = refine_masks(images, new, old, segmenter, embeddings, settings)
        # finished before they join: older people keep their own turn, and only records of equal
        # fields can be joined
        for result, stayed, came in zip(results, old, new, strict=True):
            result.add(_merge(stayed, _finish(came, turn, settings), settings))
        # before `active` shrinks: found and posed are of the images searched in this turn
        if keep_intermediates:
            _note(results, active, turn, found, posed, new, prompts)
        # with nobody new the next turn would, as a rule, look at the same pixels again
        if settings.stop_early:
            active = [i for i in active if len(new[i]) > 0]
        if not active:
            break
    # before the lists are filled up, so that turns left out show the final poses too
    if settings.final_pose:
        _pose_again(images, results, pose_model, settings)
    for result in results:  # a turn that was not needed left everything as it was
        result.turns += [result.people] * (settings.num_iters - len(result.turns))
    return results


def _detect(
    images: Sequence[np.ndarray],
    known: Sequence[People],
    detector: Detector,
    given: Sequence[People] | None,
) -> list[People]:
    """People in the images without those who are known, or the given ones."""
    if given is not None:
        return list(given)
    hidden = [black_out(image, p.packed_masks) for image, p in zip(images, known, strict=True)]
    return detector.detect(hidden)


def _pose(
    images: Sequence[np.ndarray],
    found: Sequence[People],
    pose_model: PoseModel,
    settings: LoopSettings,
) -> list[People]:
    """Poses of the found people; those with too few joints are dropped."""
    # the original images: a joint behind somebody who is known would be lost in the black
    poses = pose_model.estimate(images, published.pose_inputs(found, settings.compat))
    threshold = settings.prompting.confidence_thr
    return [p[(p.keypoint_scores > threshold).sum(1) >= settings.min_joints] for p in poses]


def keep_each_once(old: People, new: People, settings: LoopSettings) -> tuple[People, People]:
    """Who of the known and of the new people stays when each person may be there only once.

    Args:
        old: people of earlier turns.
        new: people of this turn, with poses.
        settings: thresholds and published items.

    Returns:
        The old and the new people that stay.
    """
    # in the first turn `old` is nobody on the CPU, wherever the parts work
    device = new.bboxes.device
    joined = {
        # old ones first: of two equal poses the later one goes
        name: torch.cat([old[name].to(device), new[name]])
        for name in ("keypoints", "keypoint_scores", "bboxes")
    }
    keep = published.pose_nms(
        **joined,
        confidence_thr=settings.prompting.confidence_thr,
        oks_thr=settings.oks_nms_thr,
        items=settings.compat,
    )
    keep = published.survivors(keep, num_old=len(old), items=settings.compat)
    return old[keep[: len(old)].to(old.bboxes.device)], new[keep[len(old) :]]


def _merge(old: People, new: People, settings: LoopSettings) -> People:
    """Old and new people in one record, their masks made exclusive, boxes refreshed."""
    if len(new.bboxes) == 0:
        return old
    # a first turn has nobody to join: empty records lack fields such as heatmaps
    people = concatenate_people(old.to(new.bboxes.device), new) if len(old.bboxes) else new
    masks = people.packed_masks
    if settings.exclusive_masks:
        masks = published.trim_masks(
            masks, people.mask_scores, num_old=len(old.bboxes), items=settings.compat
        )
    # after the masks: a box follows the pixels that its person may keep
    bboxes = masks.bboxes(people.bboxes) if settings.refresh_bboxes else people.bboxes
    return with_fields(people, bboxes=bboxes, masks=masks)


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
            # as CocoMetric ranks poses; a person without a counted joint gets 0, not nan
            counted = factor > settings.score_thr
            factor = (factor * counted).sum(1) / counted.sum(1).clamp(min=1)
        scores = scores * factor
    return scores


def _pose_again(
    images: Sequence[np.ndarray],
    results: Sequence[LoopResult],
    pose_model: PoseModel,
    settings: LoopSettings,
) -> None:
    """Poses on the final boxes and masks, put into the results."""
    poses = pose_model.estimate(images, [result.people for result in results])
    for result, posed in zip(results, poses, strict=True):
        people = with_fields(
            result.people, **{name: posed[name] for name in JOINT_FIELDS if name in posed}
        )
        result.people = with_fields(people, scores=ranking_scores(people, settings))
        result.turns[-1] = result.people


def _nobody(image: np.ndarray) -> People:
    """An empty record with every field that people of the loop have."""
    people = empty_people(image.shape[:2], num_keypoints=len(COCO_SIGMAS))
    people.mask_scores = torch.zeros(0)
    people.scores = torch.zeros(0)
    people.iteration = torch.zeros(0, dtype=torch.int64)
    return people


def _spread(
    kept: Sequence[tuple[People, People]], active: Sequence[int], results: Sequence[LoopResult]
) -> tuple[list[People], list[People]]:
    """Old and new people of all images from those of the active ones.

    The segmenter's embeddings are of all images, so its prompts must be too. An image that is no
    longer searched keeps everybody.
    """
    old = [result.people for result in results]
    # empty slices, not None: they have the fields that prompts are made of
    new = [result.people[:0] for result in results]
    for i, pair in zip(active, kept, strict=True):
        old[i], new[i] = pair
    return old, new


def _note(
    results: Sequence[LoopResult],
    active: Sequence[int],
    turn: int,
    found: Sequence[People],
    posed: Sequence[People],
    refined: Sequence[People],
    prompts: Sequence[Prompts],
) -> None:
    """Keep what a turn did; ``found`` and ``posed`` are of the active images alone."""
    for i, detections, poses in zip(active, found, posed, strict=True):
        results[i].intermediates.append(Turn(turn, detections, poses, refined[i], prompts[i]))
