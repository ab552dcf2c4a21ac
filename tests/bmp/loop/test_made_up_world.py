"""What must hold of the loop whatever its settings: 300 of them, in worlds of rectangles."""

import pytest
import torch

from bmp.loop import run_loop
from bmp.loop.suppression import pairwise_pose_oks
from bmp.structures import FIELD_RANKS, check_people, masks_to_bboxes
from mmpose.structures.bbox import bbox_areas
from tests.bmp.loop.made_up_world import make_world

NUM_WORLDS, TOGETHER = 300, 25


def run(world, chosen=None):
    chosen = range(len(world.images)) if chosen is None else chosen
    return run_loop(
        [world.images[n] for n in chosen],
        world.detector,
        world.pose_model,
        world.segmenter,
        world.settings,
        given=None if world.given is None else [world.given[n] for n in chosen],
        keep_intermediates=True,
    )


def check_record(people, settings):
    """Whole, finite, with exclusive masks and boxes round masks where that was asked for."""
    check_people(people)
    assert set(people.keys()) == set(FIELD_RANKS) - {"heatmaps"}
    for name in set(people.keys()) - {"masks"}:
        assert people[name].isfinite().all(), name
    for name in ("scores", "bbox_scores", "mask_scores"):
        assert ((people[name] >= 0) & (people[name] <= 1)).all(), name
    if settings.exclusive_masks and "masks_new_only" not in settings.compat and len(people):
        assert people.masks.sum(0).max() <= 1
    if settings.refresh_bboxes:
        torch.testing.assert_close(masks_to_bboxes(people.masks, people.bboxes), people.bboxes)
    assert (people.iteration.diff() >= 0).all()


def same_person(first, second):
    """(N, M) bool, people found in one turn at one place."""
    is_like = (first.keypoints[:, None] == second.keypoints[None]).all(-1).all(-1)
    return is_like & (first.iteration[:, None] == second.iteration[None])


def similar(settings, keypoints, keypoint_scores, bboxes):
    """(N,) bool, whose pose is like another's, either way; and the number of sure joints."""
    valid = keypoint_scores > settings.prompting.confidence_thr
    areas = bbox_areas(bboxes.double())
    oks = pairwise_pose_oks(keypoints.double(), valid=valid, areas=areas).fill_diagonal_(0)
    return (torch.maximum(oks, oks.T) > settings.oks_nms_thr).any(1), valid.sum(1)


def check_turns(result, settings):
    """Nobody twice, and nobody lost but to somebody who is alike."""
    # a final pose pass changes the joints by which people are told apart here
    turns = result.turns
    if settings.final_pose:
        turns = [people for people in turns if people is not result.people]
    published = any(item.startswith("nms_") for item in settings.compat)
    for people in turns if not published else []:
        twice = (people.keypoints[:, None] == people.keypoints[None]).all(-1).all(-1)
        assert not twice.fill_diagonal_(False).any()
    done = {turn.iteration: turn for turn in result.intermediates}
    for number, after in enumerate(turns):
        before = turns[number - 1] if number else after[:0]
        stays = same_person(before, after)
        places = stays.nonzero()[:, 1]
        assert (places.diff() > 0).all()  # in the same order
        if number not in done:  # not searched
            assert stays.any(1).all()
            assert len(before) == len(after)
        elif not published:
            check_losses(before, done[number].poses, after, stays, settings)


def check_losses(before, posed, after, stays, settings):
    """Who is not there any more is like somebody else, or was dropped for too few joints."""
    came = (posed.keypoints[:, None] == after.keypoints[None]).all(-1).all(-1)
    came &= after.iteration[None] == (after.iteration.max() if len(after) else 0)
    is_there = torch.cat([stays.any(1), came.any(1)])
    fields = ("keypoints", "keypoint_scores", "bboxes")
    joined = {name: torch.cat([before[name], posed[name]]) for name in fields}
    is_like, num_sure = similar(settings, **joined)
    is_new = torch.arange(len(is_there)) >= len(before)
    too_few = is_new & (num_sure < settings.min_joints)
    assert (is_there | is_like | too_few).all()


def check_world(seed):
    world = make_world(seed)
    copies = [image.copy() for image in world.images]
    together = run(world)
    for n, result in enumerate(together):
        assert (world.images[n] == copies[n]).all()
        assert len(result.turns) == world.settings.num_iters
        assert result.turns[-1] is result.people
        for people in result.turns:
            check_record(people, world.settings)
        check_turns(result, world.settings)
        (alone,) = run(world, [n]) if len(world.images) > 1 else together
        for mine, theirs in zip(result.turns, alone.turns, strict=True):
            for name in mine.keys():  # noqa: SIM118
                assert torch.equal(mine[name], theirs[name]), name


@pytest.mark.parametrize("first", range(0, NUM_WORLDS, TOGETHER))
def test_invariants(first):
    for seed in range(first, first + TOGETHER):
        try:
            check_world(seed)
        except Exception as error:
            error.add_note(f"world {seed}: {make_world(seed).settings}")
            raise
