"""Parts that remember give what plain parts give, and compute nothing twice."""

import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.evaluation.remember import (
    Calls,
    RememberingDetector,
    RememberingPose,
    RememberingSegmenter,
    build_sweep_parts,
)
from bmp.locations import PROJECT_ROOT
from bmp.loop import run_loop
from bmp.segmenters.prompts import points_as_prompts
from mmpose.inputs import read_image
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    RectanglePose,
    RectangleSegmenter,
    rectangle_parts,
)

PHOTO = PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg"


def remembering(calls):
    """Parts that remember, of the world of rectangles."""
    inner = rectangle_parts().values()
    kinds = RememberingDetector, RememberingPose, RememberingSegmenter
    return [kind(part, calls) for kind, part in zip(kinds, inner, strict=True)]


def assert_equal(people, others):
    assert people.keys() == others.keys()
    for name, value in people.items():
        torch.testing.assert_close(value, others[name], rtol=0, atol=0)


@pytest.mark.parametrize("image", [APART, TWO_IN_ONE_PLACE, NOBODY], ids=["two", "hidden", "none"])
def test_the_loop_is_the_same_and_the_second_run_computes_nothing(image):
    calls = Calls()
    parts = remembering(calls)
    plain = run_loop([image], **rectangle_parts())[0]
    first = run_loop([image], *parts)[0]
    computed = dict(calls.computed)
    second = run_loop([image], *parts)[0]
    for run in (first, second):
        for turn, expected in zip(run.turns, plain.turns, strict=True):
            assert_equal(turn, expected)
    assert calls.computed == computed
    assert {name: 2 * n for name, n in computed.items()} == calls.asked
    assert parts[2].segmenter.num_embeddings == 1


def test_a_threshold_hides_people_below_it():
    detector = remembering(Calls())[0]
    scores = []
    for detector.score_thr in (0.0, 0.1, 0.15, 0.2):  # people score 0.2 and 0.1
        scores.append(detector.detect([APART])[0].bbox_scores.tolist())
    assert [len(row) for row in scores] == [2, 1, 1, 0]
    assert scores[1] == pytest.approx([0.2])
    assert len(detector.detector.seen) == 1


def test_only_new_people_are_posed():
    calls = Calls()
    detector, pose_model, _ = remembering(calls)
    people = detector.detect([APART])[0]
    pose_model.estimate([APART], [people[:1]])
    both = pose_model.estimate([APART], [people])[0]
    assert_equal(both, RectanglePose().estimate([APART], [people])[0])
    assert (calls.asked["people posed"], calls.computed["people posed"]) == (3, 2)
    # another image, box or mask is another person
    other = people[:1]
    other.masks = ~other.masks
    pose_model.estimate([APART, TWO_IN_ONE_PLACE], [other, people[:1]])
    assert calls.computed["people posed"] == 4


def test_nobody_has_fields_of_full_rank():
    calls = Calls()
    detector, pose_model, _ = remembering(calls)
    posed = pose_model.estimate([NOBODY], detector.detect([NOBODY]))[0]
    assert posed.keypoints.shape == (0, 17, 2)
    assert calls.computed["people posed"] == 0


def test_only_new_prompts_are_decoded():
    calls = Calls()
    segmenter = remembering(calls)[2]
    embeddings = segmenter.embed([APART])
    points = torch.tensor([[[10.0, 20.0]], [[70.0, 20.0]]])
    plain = RectangleSegmenter()
    expected = plain.segment(plain.embed([APART]), [points_as_prompts(points)])[0]
    segmenter.segment(embeddings, [points_as_prompts(points[1:])])
    found = segmenter.segment(embeddings, [points_as_prompts(points)])[0]
    assert torch.equal(found[0].unpack(), expected[0])
    assert torch.equal(found[1], expected[1])
    # an empty slot shows nothing
    padded = torch.cat([points, torch.full((2, 1, 2), torch.nan)], 1)
    segmenter.segment(embeddings, [points_as_prompts(padded)])
    assert (calls.asked["people segmented"], calls.computed["people segmented"]) == (5, 2)
    assert segmenter.segment(embeddings, [points_as_prompts(points[:0])])[0][0].shape[0] == 0


def test_the_small_models_give_the_same_with_memory():
    """Of real models: the detector below a threshold, and people one by one."""
    image = read_image(PHOTO)
    strict = BBoxMaskPose("bmp_demo", "cpu").parts
    loose = BBoxMaskPose("bmp_demo", "cpu", cfg_options={"detector.score_thr": 0.05}).parts
    calls = Calls()
    detector = RememberingDetector(loose.detector, calls)
    pose_model = RememberingPose(loose.pose_model, calls)
    segmenter = RememberingSegmenter(loose.segmenter, calls)
    parts = detector, pose_model, segmenter
    for detector.score_thr in (0.05, 0.3):
        found = run_loop([image], *parts, strict.settings)[0].people
    expected = run_loop(
        [image], strict.detector, strict.pose_model, strict.segmenter, strict.settings
    )[0].people
    assert len(found) == len(expected) > 0
    for name in ("bboxes", "bbox_scores", "keypoints", "keypoint_scores", "mask_scores"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-3)
    assert (found.masks != expected.masks).float().mean() < 1e-4
    assert calls.computed["people posed"] < calls.asked["people posed"]


@pytest.mark.parametrize(
    "detector",
    [
        {"type": "BoxFileDetector", "box_file": "boxes.json", "score_thr": 0.0},
        {"type": "TrueBoxDetector", "ann_file": "people.json"},
    ],
)
def test_a_detector_without_a_threshold_of_its_own_is_refused(detector):
    with pytest.raises(
        ValueError, match=r"no score_thr to vary, or .*; take a loop .*bmp_demo\.py"
    ):
        build_sweep_parts({"detector": detector}, 0.1, torch.device("cpu"))
