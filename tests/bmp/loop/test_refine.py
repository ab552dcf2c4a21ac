"""Whose mask a person keeps, the detector's or the segmenter's."""

import numpy as np
import pytest
import torch

from bmp.loop import LoopSettings
from bmp.loop.refine import refine_masks
from bmp.segmenters import PromptSettings
from bmp.structures import empty_people, make_people

SIZE = (40, 60)


class Answering:
    """A segmenter with ready answers."""

    def __init__(self, masks, scores):
        self.answer = masks, scores

    def segment(self, embeddings, prompts):
        return [self.answer]


def rectangle(x1, y1, x2, y2):
    mask = torch.zeros(1, *SIZE, dtype=torch.bool)
    mask[0, y1:y2, x1:x2] = True
    return mask


def person(joints, *, scores=0.9, visibility=0.9, **fields):
    """Somebody whose first joints are given; the other joints are not confident."""
    keypoints = torch.zeros(1, 17, 2)
    keypoints[0, : len(joints)] = torch.tensor(joints)
    confidence = torch.full((1, 17), 0.1)
    confidence[0, : len(joints)] = torch.as_tensor(scores)
    seen = torch.full((1, 17), 0.1)
    seen[0, : len(joints)] = torch.as_tensor(visibility)
    return make_people(
        torch.tensor([[5.0, 5, 35, 35]]),
        bbox_scores=torch.tensor([0.25]),
        keypoints=keypoints,
        keypoint_scores=confidence,
        visibility=seen,
        **fields,
    )


def refine(people, masks, *, others=None, **settings):
    settings = LoopSettings(pose_mask_consistency=True, **settings)
    others = others if others is not None else empty_people(SIZE, num_keypoints=17)
    segmenter = Answering(masks, torch.tensor([0.75]))
    image = np.zeros((*SIZE, 3), np.uint8)
    [refined], _ = refine_masks([image], [people], [others], segmenter, "embedded", settings)
    return refined


JOINTS = [(10.0, 10.0), (12.0, 30.0), (20.0, 10.0), (28.0, 30.0)]
WHOLE = (8, 8, 32, 32)  # holds the four joints


@pytest.mark.parametrize(
    ("detected", "refined", "takes"),
    [
        # half the share of the own joints that are held: 0.5 with all, 0.25 with half of them
        pytest.param(WHOLE, (8, 8, 15, 32), False, id="smaller, but misses two joints"),
        pytest.param((8, 8, 15, 32), (0, 0, 60, 40), True, id="larger, but holds two more"),
        pytest.param((0, 0, 60, 40), WHOLE, True, id="equally good and smaller"),
        pytest.param(WHOLE, (0, 0, 60, 40), False, id="equally good and larger"),
        pytest.param(WHOLE, (7, 8, 31, 32), True, id="equally good and large"),
        pytest.param((8, 8, 32, 20), WHOLE, True, id="0.25 better"),
        pytest.param((40, 0, 41, 1), (0, 0, 60, 40), True, id="0.5 better, and larger"),
    ],
)
def test_the_mask_that_fits_the_joints_is_taken(detected, refined, takes):
    people = person(JOINTS, masks=rectangle(*detected))
    found = refine(people, rectangle(*refined))
    assert torch.equal(found.masks, rectangle(*(refined if takes else detected)))
    assert found.mask_scores.tolist() == [0.75 if takes else 0.25]  # else the detection's


@pytest.mark.parametrize(
    ("scores", "visibility", "takes"),
    [
        pytest.param([0.9] * 4, [0.9] * 4, False, id="two of four joints are missed"),
        pytest.param([0.9, 0.9, 0.5, 0.5], [0.9] * 4, True, id="which are not confident"),
        pytest.param([0.9] * 4, [0.9, 0.9, 0.5, 0.5], True, id="which are not visible"),
        pytest.param([0.9, 0.9, 0.51, 0.51], [0.9] * 4, False, id="just confident"),
    ],
)
def test_confident_visible_joints_decide(scores, visibility, takes):
    people = person(JOINTS, scores=scores, visibility=visibility, masks=rectangle(*WHOLE))
    found = refine(people, rectangle(8, 8, 15, 32))
    assert (found.mask_scores == 0.75).tolist() == [takes]


def test_joints_that_are_nowhere_decide_nothing():
    nowhere = [(float("nan"), 10.0), (10.0, float("inf")), *JOINTS[:2]]
    people = person(nowhere, masks=rectangle(*WHOLE))
    found = refine(people, rectangle(8, 8, 15, 32))
    assert found.mask_scores.tolist() == [0.75]  # holds both joints, and is smaller


@pytest.mark.parametrize(
    ("detected", "refined", "takes"),
    [
        pytest.param(WHOLE, (0, 0, 60, 40), False, id="refined holds the other person's joints"),
        pytest.param((0, 0, 60, 40), (4, 4, 36, 36), True, id="detected does"),
    ],
)
def test_joints_of_older_people_count_against_a_mask(detected, refined, takes):
    others = person([(50.0, 20.0), (55.0, 30.0)])
    people = person(JOINTS, masks=rectangle(*detected))
    found = refine(people, rectangle(*refined), others=others)
    assert (found.mask_scores == 0.75).tolist() == [takes]


def test_without_a_detectors_mask_there_is_nothing_to_choose():
    found = refine(person(JOINTS), rectangle(40, 0, 41, 1))
    assert torch.equal(found.masks, rectangle(40, 0, 41, 1))
    assert found.mask_scores.tolist() == [0.75]


@pytest.mark.parametrize(
    ("items", "bbox", "in_crowd"),
    [
        pytest.param([], [5, 5, 35, 35], False, id="as they are"),
        pytest.param(["prompt_boxes"], [5, 5, 40, 40], True, id="misread as published"),
    ],
)
def test_boxes_of_prompts_and_of_the_crowd_test(items, bbox, in_crowd):
    """Beside somebody in (35, 5, 65, 35), misread (35, 5, 100, 40): IoU 0, or 175 of 3325."""
    new, old = person(JOINTS), person(JOINTS)
    old.bboxes = torch.tensor([[35.0, 5, 65, 35]])
    prompting = PromptSettings(use_bbox=True, crowd_by_max_iou=0.05)
    settings = LoopSettings(prompting=prompting, compat=items)
    segmenter = Answering(rectangle(*WHOLE), torch.tensor([0.75]))
    image = np.zeros((*SIZE, 3), np.uint8)
    [refined], [prompts] = refine_masks([image], [new], [old], segmenter, "embedded", settings)
    assert len(prompts) == 1
    assert prompts.bboxes.tolist() == [bbox]
    # in a crowd no box is shown; here the detector gave no mask, but joints are enough
    assert prompts.uses_bbox.tolist() == [not in_crowd]
    assert refined.bboxes.tolist() == [[5, 5, 35, 35]]
