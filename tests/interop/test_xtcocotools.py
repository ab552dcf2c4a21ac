"""Our keypoint AP against that of xtcocotools, and the metric that counts by it."""

import json

import pytest

from mmpose.evaluation.coco_ap import crowd_keypoint_ap, keypoint_ap
from mmpose.evaluation.xtcocotools_ap import require_xtcocotools, xtcocotools_ap
from tests.mmpose.evaluation.perfect_poses import GT, evaluate, people_of, sample_of
from tests.mmpose.evaluation.test_coco_evaluator import DATA, FILES, FIXTURES, SIGMAS

try:
    require_xtcocotools()
except ImportError as error:  # also where the wheel of another numpy is installed
    pytest.skip(str(error), allow_module_level=True)

pytestmark = pytest.mark.interop

CROWD_SIGMAS = [0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089]
CROWD_SIGMAS += [0.079, 0.079]
OURS = [
    (DATA / "keypoints_gt.json", DATA / "keypoints_results.json"),
    (DATA / "example_coco_val.json", DATA / "example_coco_preds.json"),
]
OTHERS = [case.values[:2] for case in FILES if case.values[2] == "keypoints"]


@pytest.mark.parametrize(
    ("truth", "results"),
    [pytest.param(*files, id=files[0].name) for files in OURS + OTHERS],
)
@pytest.mark.parametrize("use_area", [True, False])
def test_equal_to_xtcocotools(truth, results, use_area):
    if not truth.is_file():
        pytest.skip(f"needs {truth}")
    content, found = (json.loads(path.read_text()) for path in (truth, results))
    theirs = xtcocotools_ap(content, found, SIGMAS, use_area=use_area)
    ours = keypoint_ap(content, found, SIGMAS, use_area=use_area)
    assert theirs == pytest.approx(ours, abs=1e-9)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs {FIXTURES}")
def test_equal_on_crowdpose_but_for_its_rounding():
    folder = FIXTURES / "xtcocotools"
    content = json.loads((folder / "example_crowdpose_val.json").read_text())
    found = json.loads((folder / "example_crowdpose_preds.json").read_text())
    theirs = xtcocotools_ap(
        content, found, CROWD_SIGMAS, iou_type="keypoints_crowd", use_area=False
    )
    ours = crowd_keypoint_ap(content, found, CROWD_SIGMAS)
    rounded = {name: round(v, 4) if "(" in name else v for name, v in ours.items()}
    assert theirs == pytest.approx(rounded, abs=1e-9)


def test_results_without_any_score_are_left_out_by_xtcocotools_alone():
    """The known difference: the first of two results, wrong and with joint scores of 0."""
    content = json.loads((DATA / "keypoints_gt.json").read_text())
    person = max(content["annotations"], key=lambda p: p["num_keypoints"])
    content["annotations"] = [person]
    right = {"image_id": person["image_id"], "category_id": 1, "score": 0.5}
    right["keypoints"] = [1 if n % 3 == 2 else v for n, v in enumerate(person["keypoints"])]
    wrong = right | {"score": 0.9}
    wrong["keypoints"] = [0 if n % 3 == 2 else v + 900 for n, v in enumerate(person["keypoints"])]
    assert xtcocotools_ap(content, [wrong, right], SIGMAS)["AP"] == pytest.approx(1)
    assert keypoint_ap(content, [wrong, right], SIGMAS)["AP"] == pytest.approx(0.5, abs=0.01)


def test_the_metric_counts_by_it():
    numbers = evaluate([sample_of(person) for person in people_of(GT)], use_xtcocotools=True)
    assert numbers["coco/AP"] == pytest.approx(1)
    assert not any(name.endswith("_low") for name in numbers)
