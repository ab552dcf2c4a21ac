"""The loop in a world of rectangles, where what it must find is known."""

import numpy as np
import pytest
import torch

from bmp.loop import LoopSettings, run_loop
from bmp.loop.run import ranking_scores, who_stays
from bmp.segmenters.prompting import PromptSettings
from bmp.structures import FIELD_RANKS, check_people, make_people, with_fields
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    SIZE,
    TWO_IN_ONE_PLACE,
    RectangleDetector,
    RectanglePose,
    RectangleSegmenter,
    paint,
)


def run(images, *, pose=None, segmenter=None, detector=None, given=None, **settings):
    return run_loop(
        images,
        detector or RectangleDetector(),
        pose or RectanglePose(),
        segmenter or RectangleSegmenter(),
        LoopSettings(**settings),
        given=given,
        keep_intermediates=True,
    )


def test_a_hidden_person_is_found_in_the_second_turn():
    (result,) = run([TWO_IN_ONE_PLACE])
    assert [len(people.bboxes) for people in result.turns] == [1, 2]
    people = result.people
    assert people.iteration.tolist() == [0, 1]
    levels = torch.from_numpy(TWO_IN_ONE_PLACE[..., 0])
    assert torch.equal(people.masks, torch.stack([levels == 20, levels == 10]))
    assert people.bboxes.tolist() == [[20, 10, 50, 50], [16, 10, 60, 55]]
    torch.testing.assert_close(people.scores, torch.tensor([0.2, 0.1]) * 0.9)
    torch.testing.assert_close(people.mask_scores, torch.tensor([0.2, 0.1]))


def test_one_turn_finds_only_the_front_person():
    (result,) = run([TWO_IN_ONE_PLACE], num_iters=1)
    assert len(result.people.bboxes) == 1
    assert len(result.turns) == 1


def test_the_detector_sees_the_black_and_the_pose_model_the_original():
    detector, pose = RectangleDetector(), RectanglePose()
    run([TWO_IN_ONE_PLACE], detector=detector, pose=pose)
    levels = TWO_IN_ONE_PLACE[..., 0]
    first, second = (images[0] for images in detector.seen)
    np.testing.assert_array_equal(first, TWO_IN_ONE_PLACE)
    np.testing.assert_array_equal(second == 0, (levels == 20)[..., None].repeat(3, 2))
    for images in pose.calls:
        np.testing.assert_array_equal(images[0], TWO_IN_ONE_PLACE)


def test_many_images_give_what_each_gives_alone_and_are_embedded_once():
    images = [TWO_IN_ONE_PLACE, NOBODY, APART]
    segmenter = RectangleSegmenter()
    together = run(images, segmenter=segmenter)
    assert segmenter.num_embeddings == 3
    assert [len(result.people.bboxes) for result in together] == [2, 0, 2]
    for image, result in zip(images, together, strict=True):
        (alone,) = run([image])
        for name in alone.people.keys():  # noqa: SIM118
            assert torch.equal(alone.people[name], result.people[name]), name


def test_a_turn_that_adds_nobody_ends_the_image():
    class Counting(RectangleSegmenter):
        def segment(self, embeddings, prompts):
            shown.append([len(prompt) for prompt in prompts])
            return super().segment(embeddings, prompts)

    detector, shown = RectangleDetector(), []
    images = [TWO_IN_ONE_PLACE, NOBODY, APART]
    results = run(images, detector=detector, segmenter=Counting(), num_iters=5)
    assert [len(images) for images in detector.seen] == [3, 2, 1]
    assert shown == [[1, 0, 2], [1, 0, 0]]  # nobody is cut out twice
    found = [[len(people.bboxes) for people in result.turns] for result in results]
    assert found == [[1, 2, 2, 2, 2], [0] * 5, [2] * 5]
    for result in results:
        assert result.turns[-1] is result.people
    detector = RectangleDetector()
    run([APART], detector=detector, num_iters=5, stop_early=False)
    assert len(detector.seen) == 5


def test_nobody_is_a_record_of_full_rank():
    (result,) = run([NOBODY])
    people = result.people
    check_people(people)
    assert set(people.keys()) == set(FIELD_RANKS) - {"heatmaps"}
    assert people.masks.shape == (0, *SIZE)
    assert people.keypoints.shape == (0, 17, 2)
    assert run([]) == []


def test_exclusive_masks_are_symmetric():
    # the mask of the second turn wins pixels, so the older person has to give them up
    scene = paint((60, 10, 90, 50), (40, 10, 61, 50))
    spilling = RectangleSegmenter(spill=8)
    (result,) = run([scene], segmenter=spilling)
    assert result.people.masks.sum(0).max() == 1
    (result,) = run([scene], segmenter=spilling, exclusive_masks=False)
    assert result.people.masks.sum(0).max() == 2


def test_published_exclusivity_trims_new_masks_only():
    class LaterIsSurer(RectangleSegmenter):
        def segment(self, embeddings, prompts):
            outputs = super().segment(embeddings, prompts)
            return [(masks, 1 - scores) for masks, scores in outputs]

    scene = TWO_IN_ONE_PLACE
    (result,) = run([scene], segmenter=LaterIsSurer(spill=3))
    assert result.people.masks.sum(0).max() == 1
    assert result.people.masks[0].sum() == (33 - 3 - 3) * 40  # lost its spill and 3 columns
    (result,) = run([scene], segmenter=LaterIsSurer(spill=3), compat=["masks_new_only"])
    assert result.people.masks.sum(0).max() == 2
    assert result.people.masks[0].sum() == 33 * 40


def test_boxes_follow_the_masks_unless_told_not_to():
    given = [make_people(torch.tensor([[0.0, 0, 40, 60]]), bbox_scores=torch.ones(1))]
    (result,) = run([APART], given=given, num_iters=1)
    assert result.people.bboxes.tolist() == [[5, 5, 25, 50]]
    (result,) = run([APART], given=given, num_iters=1, refresh_bboxes=False)
    assert result.people.bboxes.tolist() == [[0, 0, 40, 60]]


def test_given_people_replace_the_first_detection():
    given = [make_people(torch.tensor([[50.0, 10, 60, 55]]), bbox_scores=torch.ones(1))]
    (result,) = run([TWO_IN_ONE_PLACE], given=given)
    assert result.people.iteration.tolist() == [0, 1]
    assert result.people.bbox_scores.tolist() == pytest.approx([1, 0.2])


@pytest.mark.parametrize(
    ("no_joint", "given_masks", "columns"),
    [
        pytest.param("keep", True, 10, id="keeps the detector's mask"),
        pytest.param("bbox", True, 20, id="is segmented by its box"),
        pytest.param("keep", False, 20, id="has no mask to keep: by its box"),
    ],
)
def test_a_person_without_joints(no_joint, given_masks, columns):
    masks = torch.zeros(1, *SIZE, dtype=torch.bool)
    masks[0, 5:50, 5:15] = True
    fields = {"masks": masks} if given_masks else {}
    bboxes = torch.tensor([[5.0, 5, 25, 50]])
    given = [make_people(bboxes, bbox_scores=torch.ones(1), **fields)]
    (result,) = run(
        [APART],
        given=given,
        num_iters=1,
        pose=RectanglePose(confidence=0.1),
        prompting=PromptSettings(no_joint=no_joint),
    )
    assert result.people.masks.sum() == columns * 45
    assert result.people.scores.tolist() == [0]  # no joint above score_thr


def test_people_with_too_few_joints_are_dropped_on_request():
    for confidence, left in ((0.1, 0), (0.5, 0), (0.51, 2)):  # confidence_thr is 0.5
        for min_joints, kept in ((1, left), (17, left), (18, 0)):
            pose = RectanglePose(confidence=confidence)
            (result,) = run([APART], pose=pose, min_joints=min_joints)
            assert len(result.people.bboxes) == kept


@pytest.mark.parametrize(
    ("joint_scores", "expected"),
    [
        pytest.param([0.9, 0.6, 0.1], 0.5 * 0.75, id="the mean of those above 0.2"),
        pytest.param([0.8, 0.2, 0.2], 0.5 * 0.8, id="at the threshold is not above"),
        pytest.param([0.1, 0.0, 0.2], 0.0, id="none above"),
    ],
)
def test_people_are_ranked_by_box_times_joints(joint_scores, expected):
    people = make_people(
        torch.zeros(2, 4),
        bbox_scores=torch.tensor([0.5, 1.0]),
        mask_scores=torch.tensor([0.25, 1.0]),
        keypoints=torch.zeros(2, 3, 2),
        keypoint_scores=torch.tensor([joint_scores, [0.4, 0.4, 0.4]]),
    )
    scores = ranking_scores(people, LoopSettings())
    torch.testing.assert_close(scores, torch.tensor([expected, 0.4]))
    everything = LoopSettings(score_factors=("bbox_scores", "keypoint_scores", "mask_scores"))
    scores = ranking_scores(people, everything)
    torch.testing.assert_close(scores, torch.tensor([expected / 4, 0.4]))
    assert ranking_scores(people[:0], everything).shape == (0,)


def test_consistency_keeps_a_detector_mask_that_fits_better():
    class Wrong(RectangleSegmenter):
        def segment(self, embeddings, prompts):
            return [(~masks, scores) for masks, scores in super().segment(embeddings, prompts)]

    (result,) = run([APART], segmenter=Wrong(), pose_mask_consistency=True)
    levels = torch.from_numpy(APART[..., 0])
    assert torch.equal(result.people.masks, torch.stack([levels == 20, levels == 10]))
    torch.testing.assert_close(result.people.mask_scores, torch.tensor([0.2, 0.1]))


def test_without_refinement_the_detector_masks_stay():
    segmenter = RectangleSegmenter()
    (result,) = run([APART], segmenter=segmenter, refine_masks=False)
    assert segmenter.num_embeddings == 0
    levels = torch.from_numpy(APART[..., 0])
    assert torch.equal(result.people.masks, torch.stack([levels == 20, levels == 10]))
    torch.testing.assert_close(result.people.mask_scores, torch.tensor([0.2, 0.1]))


def test_a_detector_of_boxes_alone_leaves_empty_masks_without_refinement():
    bboxes = torch.tensor([[5.0, 5, 25, 50], [60, 10, 90, 55]])
    given = [make_people(bboxes, bbox_scores=torch.ones(2))]
    (result,) = run([APART], given=given, num_iters=1, refine_masks=False)
    assert result.people.masks.shape == (2, *SIZE)
    assert not result.people.masks.any()
    assert torch.equal(result.people.bboxes, bboxes)


def test_the_final_pose_pass_sees_everybody():
    class Counting(RectanglePose):
        def pose(self, record):
            self.calls.append(len(record.bboxes))
            return super().pose(record)

    pose = Counting()
    (result,) = run([TWO_IN_ONE_PLACE], pose=pose, final_pose=True)
    assert pose.calls[-1] == 2
    assert result.turns[-1] is result.people
    posed_again = RectanglePose().pose(result.people)
    torch.testing.assert_close(result.people.keypoints, posed_again.keypoints)


def test_the_final_pose_pass_replaces_heatmaps_too():
    class NumberedMaps(RectanglePose):
        num_calls = 0

        def estimate(self, images, people):
            self.num_calls += 1
            posed = super().estimate(images, people)
            maps = [torch.full((len(p), 17, 4, 3), float(self.num_calls)) for p in posed]
            return [with_fields(p, heatmaps=m) for p, m in zip(posed, maps, strict=True)]

    pose = NumberedMaps()
    (result,) = run([TWO_IN_ONE_PLACE], pose=pose, final_pose=True)
    assert pose.num_calls == 3  # two turns and the final pass
    assert result.people.heatmaps.unique().tolist() == [3]


def test_intermediates_tell_what_each_turn_did():
    (result,) = run([TWO_IN_ONE_PLACE])
    assert [turn.iteration for turn in result.intermediates] == [0, 1]
    for turn in result.intermediates:
        assert len(turn.detections.bboxes) == len(turn.poses.bboxes) == 1
        assert len(turn.refined.bboxes) == len(turn.prompts) == 1


def test_intermediates_are_kept_on_request_alone():
    parts = RectangleDetector(), RectanglePose(), RectangleSegmenter()
    (result,) = run_loop([TWO_IN_ONE_PLACE], *parts)
    assert len(result.turns) == 2
    assert result.intermediates == []


def test_published_filter_leaves_old_people_when_nobody_new_survives():
    old = make_people(
        torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]]),
        bbox_scores=torch.ones(2),
        keypoints=torch.zeros(2, 17, 2),
        keypoint_scores=torch.full((2, 17), 0.9),
    )
    assert who_stays(old, old[:0], LoopSettings()).tolist() == [True, False]
    unfiltered = LoopSettings(compat=["nms_unfiltered"])
    assert who_stays(old, old[:0], unfiltered).tolist() == [True, True]


@pytest.mark.parametrize("items", [[], ["mask_polygons"]])
def test_given_boxes_need_no_masks(items):
    given = [make_people(torch.tensor([[50.0, 10, 60, 55]]), bbox_scores=torch.ones(1))]
    (result,) = run([TWO_IN_ONE_PLACE], given=given, num_iters=1, compat=items)
    assert result.people.bboxes.tolist() == [[16, 10, 60, 55]]  # of its visible pixels
