"""The loop: detect, find poses, cut people out, black them out, look again.

Each turn finds people whom the last one hid. Purkrabek & Matas, "Detection, Pose Estimation and
Segmentation for Multiple Bodies: Closing the Virtuous Circle", ICCV 2025 (arXiv 2412.01562).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bmp.interfaces import Detector, DeviceDetector, PoseModel, Segmenter
from bmp.loop import published
from bmp.loop.failures import stage
from bmp.loop.frames import Frames, works_on_device
from bmp.loop.masks import black_out
from bmp.loop.refine import refine_masks
from bmp.loop.settings import LoopSettings
from bmp.loop.state import LoopResult, State, Turn, settle, unread
from bmp.structures import (
    JOINT_FIELDS,
    People,
    concatenate_people,
    empty_people,
    with_fields,
)
from mmpose.inputs import Image
from mmpose.structures.constants import read_together
from mmpose.structures.sigmas import COCO_SIGMAS


@torch.no_grad()
def run_loop(
    images: Sequence[Image],
    detector: Detector | DeviceDetector,
    pose_model: PoseModel,
    segmenter: Segmenter,
    settings: LoopSettings | None = None,
    *,
    given: Sequence[People] | None = None,
    keep_intermediates: bool = False,
) -> list[LoopResult]:
    """Find all people of some images, their poses and their masks.

    All images go through each part together, so memory grows with their number. Parts that work on
    a device are waited for once a turn, when it must be known how many people were found, and once
    at the end; more often with ``crop`` of the prompts, ``max_hole_area`` and ``max_sprinkle_area``
    of the segmenter, and the published ``nms_column`` and ``mask_polygons``.

    Args:
        images: (H, W, 3) uint8 BGR each, arrays or tensors on any device.
        detector: finds boxes (and masks).
        pose_model: finds joints of people with known boxes.
        segmenter: cuts out people whose joints are known.
        settings: constants of the loop.
        given: people to start from instead of the first detection, one record per image.
        keep_intermediates: keep what every turn did.

    Returns:
        One result per image, on the device of the parts; nobody found is an empty record of full
        rank.
    """
    if not images:
        return []
    settings = settings or LoopSettings()
    frames = Frames(images)
    # once for all turns: the segmenter always sees the original images, which do not change
    with stage("embed"):
        embeddings = segmenter.embed(frames.of(segmenter)) if settings.refine_masks else None
    states = [State(_nobody(shape)) for shape in frames.shapes]
    active = list(range(len(images)))  # images in which somebody may still be hidden
    for turn in range(settings.num_iters):
        if turn == 0 and given is not None:
            found = list(given)
        else:
            with stage("detect", turn):
                found, active = _detect(frames, states, active, detector, settings)
        if not active:
            break
        with stage("pose", turn):
            shown = published.pose_inputs(found, settings.compat)
            # the original images: a joint behind somebody who is known would be lost in the black
            posed = pose_model.estimate(frames.of(pose_model, active), shown)
            new, stays = _compare(states, active, posed, settings)
        old = [state.people for state in states]
        with stage("segment", turn):
            new, prompts = refine_masks(
                frames.of(segmenter), new, old, segmenter, embeddings, settings, stays
            )
        # finished before they join: older people keep their own turn, and only records of equal
        # fields can be joined
        new = [_finish(people, turn, settings) for people in new]
        done = {
            i: Turn(turn, found[n], posed[n], new[i], prompts[i])
            for n, i in enumerate(active if keep_intermediates else [])
        }
        _take_over(states, new, stays, done, settings)
        # with nobody new the next turn would, as a rule, look at the same pixels again
        if settings.stop_early:
            active = [i for i in active if len(new[i]) > 0]
    settle(states, read_together(unread(states)), settings)
    # before the lists are filled up, so that turns left out show the final poses too
    if settings.final_pose:
        with stage("final pose"):
            _pose_again(frames, states, pose_model, settings)
    return [state.result(settings.num_iters) for state in states]


def _detect(
    frames: Frames,
    states: Sequence[State],
    active: list[int],
    detector: Detector | DeviceDetector,
    settings: LoopSettings,
) -> tuple[list[People], list[int]]:
    """People in the images without those who are known, and the images that were searched.

    Who stayed in the last turn is read on the way.
    """
    if works_on_device(detector):
        hidden = [states[i].people.packed_masks.to(detector.device) for i in active]
        started = detector.start(frames.of(detector, active), hidden)
        numbers, *flags = read_together([started.to_read, *unread(states)])
        settle(states, flags, settings)
        found = detector.finish(started, numbers)
    else:
        settle(states, read_together(unread(states)), settings)
        active = [i for i in active if not states[i].is_finished]
        known = [states[i].people.packed_masks for i in active]
        hidden = [black_out(*pair) for pair in zip(frames.of(detector, active), known, strict=True)]
        found = detector.detect(hidden) if active else []
    # in images where nobody new stayed, the same people were found once more
    pairs = [(p, i) for p, i in zip(found, active, strict=True) if not states[i].is_finished]
    return [people for people, _ in pairs], [i for _, i in pairs]


def _compare(
    states: Sequence[State], active: Sequence[int], posed: Sequence[People], settings: LoopSettings
) -> tuple[list[People], list[Tensor | None]]:
    """New people of all images, and who stays of old and new people, (N,) bool on the device.

    The segmenter's embeddings are of all images, so its prompts must be too. An image that is no
    longer searched has nobody new and keeps everybody (None).
    """
    # empty slices, not None: they have the fields that prompts are made of
    new = [state.people[:0] for state in states]
    stays: list[Tensor | None] = [None] * len(states)
    for i, people in zip(active, posed, strict=True):
        new[i], stays[i] = people, who_stays(states[i].people, people, settings)
    return new, stays


def who_stays(old: People, new: People, settings: LoopSettings) -> Tensor:
    """Who of the known and of the new people stays when each person may be there only once.

    Args:
        old: people of earlier turns.
        new: people of this turn, with poses.
        settings: thresholds and published items.

    Returns:
        (N,) bool, of the old people and then of the new ones.
    """
    # in the first turn `old` is nobody on the CPU, wherever the parts work
    device, threshold = new.bboxes.device, settings.prompting.confidence_thr
    joined = {
        # old ones first: of two equal poses the later one goes
        name: torch.cat([old[name].to(device), new[name]])
        for name in ("keypoints", "keypoint_scores", "bboxes")
    }
    if settings.min_joints:
        enough = (new.keypoint_scores > threshold).sum(1) >= settings.min_joints
        enough = torch.nn.functional.pad(enough, (len(old), 0), value=True)
        # joints that are nowhere are like no others
        nowhere = joined["keypoints"].masked_fill(~enough[:, None, None], torch.nan)
        joined["keypoints"] = nowhere
    keep = published.pose_nms(
        **joined, confidence_thr=threshold, oks_thr=settings.oks_nms_thr, items=settings.compat
    )
    if settings.min_joints:
        keep &= enough
    return published.survivors(keep, num_old=len(old), items=settings.compat)


def _take_over(
    states: Sequence[State],
    new: Sequence[People],
    stays: Sequence[Tensor | None],
    done: Mapping[int, Turn],
    settings: LoopSettings,
) -> None:
    """Add the people of a turn to what is known of their images."""
    for i, state in enumerate(states):
        # no turn of an image that was not searched: how many there are must not depend on the
        # other images of the batch
        if stays[i] is not None:
            people = _merge(state.people, new[i], stays[i], settings)
            state.add(people, stays[i], done.get(i))


def _merge(old: People, new: People, stays: Tensor, settings: LoopSettings) -> People:
    """Old and new people in one record, their masks made exclusive, boxes refreshed.

    Who does not stay has an empty mask: only the device knows who that is.
    """
    # a first turn has nobody to join: empty records lack fields such as heatmaps
    people = new if len(old.bboxes) == 0 else old.to(stays.device)
    if len(old.bboxes) and len(new.bboxes):
        people = concatenate_people(people, new)
    masks = people.packed_masks.only(stays)
    if len(new.bboxes) == 0:
        return with_fields(people, masks=masks)
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
    frames: Frames, states: Sequence[State], pose_model: PoseModel, settings: LoopSettings
) -> None:
    """Poses on the final boxes and masks."""
    poses = pose_model.estimate(frames.of(pose_model), [state.people for state in states])
    for state, posed in zip(states, poses, strict=True):
        people = with_fields(
            state.people, **{name: posed[name] for name in JOINT_FIELDS if name in posed}
        )
        state.people = with_fields(people, scores=ranking_scores(people, settings))
        state.turns[-1] = state.people


def _nobody(image_shape: tuple[int, int]) -> People:
    """An empty record with every field that people of the loop have."""
    people = empty_people(image_shape, num_keypoints=len(COCO_SIGMAS))
    people.mask_scores = torch.zeros(0)
    people.scores = torch.zeros(0)
    people.iteration = torch.zeros(0, dtype=torch.int64)
    return people
