"""What the segmenter is shown of people."""

import pytest
import torch

from bmp.segmenters import PromptSettings, make_prompts, points_as_prompts
from bmp.segmenters.prompts import UNUSED, Prompts
from bmp.structures import empty_people, make_people
from tests.bmp.segmenters.test_keypoint_selection import (
    KEYPOINTS,
    PUBLISHED,
    SCORES,
    VISIBILITY,
    select,
)


def person(keypoints=KEYPOINTS, bbox=(0, 0, 101, 97), scores=SCORES, visibility=VISIBILITY):
    return make_people(
        torch.tensor([bbox], dtype=torch.float32),
        keypoints=keypoints[None],
        keypoint_scores=scores[None],
        visibility=visibility[None],
    )


def crowd(*people):
    fields = ("bboxes", "keypoints", "keypoint_scores", "visibility")
    joined = {name: torch.cat([p[name] for p in people]) for name in fields}
    return make_people(joined.pop("bboxes"), **joined)


def test_unknown_method_is_named():
    with pytest.raises(ValueError, match="unknown selection method 'best'"):
        select("best")
    with pytest.raises(ValueError, match="unknown selection_method 'best'"):
        PromptSettings(selection_method="best")


def test_three_most_visible_joints_become_points():
    prompts = make_prompts(person(), PromptSettings(visibility_thr=0.3), (97, 101))
    torch.testing.assert_close(prompts.point_coords, KEYPOINTS[[0, 7, 14]][None])
    assert prompts.point_labels.tolist() == [[1, 1, 1]]
    assert prompts.is_prompted.tolist() == [True]
    assert not prompts.uses_bbox.any()


@pytest.mark.parametrize(
    ("axis", "value", "shape"),
    [
        pytest.param(0, float("nan"), (97, 101), id="not a number"),
        pytest.param(0, float("nan"), None, id="half a number, in no image"),
        pytest.param(1, float("inf"), None, id="infinitely far down, in no image"),
        pytest.param(0, -3.0, (97, 101), id="left of the image"),
        pytest.param(0, 100.5, (97, 101), id="on the last pixel's right edge"),
        pytest.param(1, -0.6, (97, 101), id="above the first pixel's edge"),
        pytest.param(1, 96.5, (97, 101), id="on the last pixel's lower edge"),
    ],
)
def test_joints_that_are_nowhere_are_left_out(axis, value, shape):
    keypoints = KEYPOINTS.clone()
    keypoints[7, axis] = value
    prompts = make_prompts(person(keypoints), PromptSettings(visibility_thr=0.3), shape)
    torch.testing.assert_close(prompts.point_coords, KEYPOINTS[[0, 14, 4]][None])


@pytest.mark.parametrize(
    ("axis", "value", "settings"),
    [
        pytest.param(0, -0.5, {}, id="on the first pixel's left edge"),
        pytest.param(0, 100.4, {}, id="inside the last column"),
        pytest.param(1, 96.4, {}, id="inside the last row"),
        pytest.param(1, 500.0, {"drop_outside": False}, id="outside, on request"),
    ],
)
def test_joints_that_are_somewhere_are_shown(axis, value, settings):
    keypoints = KEYPOINTS.clone()
    keypoints[7, axis] = value
    settings = PromptSettings(visibility_thr=0.3, **settings)
    prompts = make_prompts(person(keypoints), settings, (97, 101))
    torch.testing.assert_close(prompts.point_coords, keypoints[[0, 7, 14]][None])


@pytest.mark.parametrize(
    ("no_joint", "uses_bbox"), [pytest.param("keep", False), pytest.param("bbox", True)]
)
def test_a_person_without_joints_keeps_the_mask_or_falls_back_to_the_box(no_joint, uses_bbox):
    unseen = person(visibility=torch.full((17,), 0.1))
    prompts = make_prompts(crowd(person(), unseen), PromptSettings(no_joint=no_joint))
    assert prompts.point_labels[1].tolist() == [UNUSED] * 3
    assert prompts.uses_bbox.tolist() == [False, uses_bbox]
    assert prompts.is_prompted.tolist() == [True, uses_bbox]


def test_crowd_has_its_own_count_and_no_box():
    apart = person(KEYPOINTS + 500, bbox=(500, 500, 601, 597))
    people = crowd(person(), person(bbox=(0, 0, 101, 90)), apart)
    settings = PromptSettings(
        use_bbox=True, num_pos_keypoints_if_crowd=1, crowd_by_max_iou=0.5, visibility_thr=0.3
    )
    prompts = make_prompts(people, settings)
    assert (prompts.point_labels == 1).sum(1).tolist() == [1, 1, 3]
    assert prompts.uses_bbox.tolist() == [False, False, True]


def test_in_batch_mode_one_crowd_makes_all_a_crowd_without_negatives():
    apart = person(KEYPOINTS + 500, bbox=(500, 500, 601, 597))
    people = crowd(person(), person(bbox=(0, 0, 101, 90)), apart)
    options = {"num_pos_keypoints_if_crowd": 5, "crowd_by_max_iou": 0.5, "visibility_thr": 0.3}
    settings = PromptSettings(use_bbox=True, num_neg_keypoints=2, batch=True, **options)
    prompts = make_prompts(people, settings)
    assert prompts.point_labels.tolist() == [[1] * 5] * 3
    assert not prompts.uses_bbox.any()


@pytest.mark.parametrize("value", [None, False])
def test_no_threshold_means_no_crowd(value):
    people = crowd(person(), person(bbox=(0, 0, 101, 90)))
    settings = PromptSettings(use_bbox=True, crowd_by_max_iou=value)
    assert make_prompts(people, settings).uses_bbox.all()


def test_small_people_are_not_prompted():
    people = crowd(person(bbox=(0, 0, 100, 99.9)), person(bbox=(0, 0, 100, 100)))
    settings = PromptSettings(ignore_small_bboxes=True, num_neg_keypoints=1, use_bbox=True)
    assert make_prompts(people, settings).is_prompted.tolist() == [False, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"crop": True}, "set use_bbox=True", id="crop without a box"),
        pytest.param({"num_neg_keypoints": -1}, "0 or more, got -1", id="negative count"),
        pytest.param({"num_pos_keypoints": 1.5}, "a whole number, got 1.5", id="half a joint"),
        pytest.param({"num_pos_keypoints": None}, "a whole number, got None", id="no count"),
        pytest.param(
            {"crowd_by_max_iou": True}, "a finite number or None, got True", id="crowd by True"
        ),
        pytest.param({"no_joint": "drop"}, "must be 'keep' or 'bbox'", id="no_joint"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PromptSettings(**options)


def test_a_box_that_is_nowhere_is_no_prompt():
    people = person(visibility=torch.full((17,), 0.1), bbox=(0, 0, float("nan"), 5))
    prompts = make_prompts(people, PromptSettings(no_joint="bbox"))
    assert prompts.is_prompted.tolist() == [False]


@pytest.mark.parametrize("method", ["k_most_visible", "distance", "distance+confidence", "closest"])
@pytest.mark.parametrize(
    "options",
    [
        {"num_pos_keypoints": 2, "num_pos_keypoints_if_crowd": 6, "crowd_by_max_iou": 0.0},
        {"use_bbox": True, "extend_bbox": True, "num_neg_keypoints": 40},
        {"use_bbox": True, "crop": True, "num_pos_keypoints": 40},
        {"num_pos_keypoints": 0, "no_joint": "bbox"},
    ],
    ids=["crowd count above the other", "box and all negatives", "crop and all joints", "no joint"],
)
def test_every_option_answers_for_everybody(method, options):
    unseen = person(visibility=torch.full((17,), 0.1))
    people = crowd(person(), unseen, person(KEYPOINTS + 40, bbox=(40, 40, 141, 137)))
    prompts = make_prompts(people, PromptSettings(selection_method=method, **options), (137, 141))
    assert len(prompts) == 3
    assert ((prompts.point_labels == 1).sum(1) <= 40).all()


def test_box_grows_to_hold_its_joints():
    settings = PromptSettings(use_bbox=True, extend_bbox=True, visibility_thr=0.3)
    prompts = make_prompts(person(bbox=(20, 20, 60, 60)), settings)
    # joints 0, 7, 14 are (0, 0), (57, 80), (13, 63); two pixels beyond the outermost
    torch.testing.assert_close(prompts.bboxes, torch.tensor([[-2.0, -2.0, 60.0, 82.0]]))


def test_negatives_are_the_nearest_joints_of_the_others():
    other = person(KEYPOINTS + 40, bbox=(40, 40, 141, 137))
    prompts = make_prompts(
        crowd(person(), other), PromptSettings(num_neg_keypoints=2, visibility_thr=0.3)
    )
    assert prompts.point_labels.tolist() == [[1, 1, 1, 0, 0]] * 2
    centre = torch.tensor([50.5, 48.5])
    visible = torch.tensor(PUBLISHED[0][2])
    gaps = (KEYPOINTS[visible] + 40 - centre).norm(dim=-1)
    nearest = KEYPOINTS[visible[gaps.argsort()[:2]]] + 40
    torch.testing.assert_close(prompts.point_coords[0, 3:], nearest)


@pytest.mark.parametrize("use_bbox", [True, False])
def test_points_outside_are_shown_only_beside_something_inside(use_bbox):
    other = person(KEYPOINTS + 40, bbox=(40, 40, 141, 137))
    settings = PromptSettings(num_pos_keypoints=0, num_neg_keypoints=2, use_bbox=use_bbox)
    prompts = make_prompts(crowd(person(), other), settings)
    assert prompts.is_prompted.tolist() == [use_bbox, use_bbox]
    assert (prompts.point_labels == 0).sum(1).tolist() == [2 * use_bbox] * 2


def test_negatives_are_nearest_to_the_box_before_it_is_extended():
    """The box round (5, 5) grows to hold (0, 0), (57, 80), (13, 63), then is round (28, 40)."""
    keypoints = torch.full((17, 2), 200.0)
    keypoints[7], keypoints[14] = torch.tensor([[5.0, 20.0], [28.0, 45.0]])
    people = crowd(person(bbox=(0, 0, 10, 10)), person(keypoints, bbox=(100, 100, 201, 197)))
    options = {"num_neg_keypoints": 1, "visibility_thr": 0.3, "use_bbox": True}
    prompts = make_prompts(people, PromptSettings(extend_bbox=True, **options))
    assert prompts.bboxes[0].tolist() == [-2, -2, 59, 82]
    assert prompts.point_coords[0, 3].tolist() == [5, 20]


def test_a_box_that_is_nowhere_does_not_hide_the_crowd():
    nowhere = person(bbox=(0, 0, float("nan"), 90))
    people = crowd(person(), person(bbox=(0, 0, 101, 90)), nowhere)
    prompts = make_prompts(people, PromptSettings(use_bbox=True, crowd_by_max_iou=0.5))
    assert prompts.uses_bbox.tolist() == [False, False, False]


@pytest.mark.parametrize("method", ["k_most_visible", "distance", "distance+confidence", "closest"])
@pytest.mark.parametrize("field", ["scores", "visibility"])
def test_joints_of_unknown_confidence_are_as_if_absent(method, field):
    """Joint 0, the nose, is else the one shown of the face."""
    values = {"scores": SCORES.clone(), "visibility": VISIBILITY.clone()}
    unseen = VISIBILITY.clone()
    values[field][0], unseen[0] = torch.nan, 0
    settings = PromptSettings(selection_method=method, visibility_thr=0.3, num_pos_keypoints=17)
    found = make_prompts(person(**values), settings)
    expected = make_prompts(person(visibility=unseen), settings)
    assert torch.equal(found.point_labels, expected.point_labels)
    assert torch.equal(found.point_coords, expected.point_coords)


def test_nobody_gives_empty_prompts():
    nobody = empty_people((4, 5), num_keypoints=17)
    for method in ("k_most_visible", "distance", "distance+confidence", "closest"):
        settings = PromptSettings(selection_method=method, num_neg_keypoints=1, use_bbox=True)
        prompts = make_prompts(nobody, settings, (4, 5))
        assert len(prompts) == 0
        assert prompts.point_coords.shape == (0, 0, 2)
        assert prompts.bboxes.shape == (0, 4)


def test_points_that_are_not_finite_are_marked_unused():
    points = torch.tensor([[[1.0, 2.0], [torch.nan, 3.0], [4.0, torch.inf]]])
    prompts = points_as_prompts(points)
    assert prompts.point_labels.tolist() == [[1, UNUSED, UNUSED]]
    prompts = points_as_prompts(points, torch.tensor([[0, 1, 1]]))
    assert prompts.point_labels.tolist() == [[0, UNUSED, UNUSED]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mask_logits", [[[0.0]]]),
        ("uses_mask", [True]),
        ("point_coords", None),
        ("uses_bbox", None),
    ],
)
def test_prompts_that_are_no_tensors_are_refused(field, value):
    fields = {
        "point_coords": torch.zeros(1, 2, 2),
        "point_labels": torch.ones(1, 2, dtype=torch.int64),
        "bboxes": torch.zeros(1, 4),
        "uses_bbox": torch.tensor([True]),
    }
    kind = type(value).__name__
    with pytest.raises(TypeError, match=rf"prompts\.{field} must be a tensor, got {kind}"):
        Prompts(**fields | {field: value})


def test_points_that_are_nowhere_leave_no_number_that_is_none():
    coords = torch.tensor([[[torch.nan, 3.0], [torch.inf, -torch.inf]]])
    prompts = points_as_prompts(coords)
    assert prompts.point_coords.tolist() == [[[0.0, 3.0], [0.0, 0.0]]]
    assert prompts.point_labels.tolist() == [[-1, -1]]


def test_prompts_move_to_a_device_whole():
    prompts = points_as_prompts(torch.rand(2, 3, 2)).to("meta")
    fields = [value for value in vars(prompts).values() if value is not None]
    assert {value.device.type for value in fields} == {"meta"}
    assert len(fields) >= 4


def test_prompts_introduce_themselves_in_a_line():
    prompts = make_prompts(person(), PromptSettings(visibility_thr=0.3), (97, 101))
    assert repr(prompts) == "<Prompts: 1 person, 3 points>"
    labels = torch.tensor([[1, UNUSED], [0, 1]])
    uses_bbox = torch.tensor([True, False])
    both = Prompts(torch.zeros(2, 2, 2), labels, torch.zeros(2, 4), uses_bbox, torch.zeros(2, 8, 8))
    assert repr(both) == "<Prompts: 2 people, 3 points, 1 box, 2 masks>"
