"""Settings and files that `CocoMetric` refuses, most of them before the first image."""

import json
import sys

import pytest

from mmpose.evaluation import CocoMetric
from tests.mmpose.evaluation.perfect_poses import GT, META, evaluate, people_of, sample_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"iou_type": "segm"}, "iou_type must be one of"),
        ({"score_thresh_type": "presence"}, "score_thresh_type must be one of"),
        ({"ignore_stats": ["AP.5"]}, "a name in ignore_stats must be one of"),
        ({"extended": [False, True], "match_by_bbox": [True] * 3}, r"got \[2, 3, 1\] entries"),
        ({"iou_type": "keypoints_crowd", "extended": [True]}, "allows only COCO's rules"),
        ({"score_mode": "best"}, "score_mode must be one of"),
        ({"nms_mode": "soft"}, "nms_mode must be one of"),
        ({"format_only": True}, "set outfile_prefix"),
        ({"use_xtcocotools": True, "extended": [True]}, "xtcocotools counts by COCO's rules alone"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        CocoMetric(str(GT), **arguments)


def test_without_xtcocotools_the_command_that_builds_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xtcocotools", None)
    with pytest.raises(ImportError, match=r"needs xtcocotools.*: pip install .* --no-binary"):
        CocoMetric(str(GT), use_xtcocotools=True)


def test_xtcocotools_of_another_numpy_is_to_be_built_here(monkeypatch, tmp_path):
    package = tmp_path / "xtcocotools"
    package.mkdir()
    package.joinpath("__init__.py").touch()
    package.joinpath("cocoeval.py").write_text("raise ValueError('numpy.dtype size changed')")
    for name in [name for name in sys.modules if name.startswith("xtcocotools")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ImportError, match=r"does not work with numpy .*size changed.*build it here"
    ):
        CocoMetric(str(GT), use_xtcocotools=True)
    del sys.modules["xtcocotools"]  # what was there before comes back


def test_a_missing_annotation_file_names_its_maker():
    with pytest.raises(FileNotFoundError, match=r"python tools/datasets/synthcrowd\.py"):
        CocoMetric("nowhere/synthcrowd/val/annotations.json")


def test_annotations_of_more_joints_than_the_model_has_are_refused(tmp_path):
    content = json.loads(GT.read_text())
    for person in content["annotations"]:
        person["keypoints"] += [0, 0, 0]
    (tmp_path / "people.json").write_text(json.dumps(content))
    metric = CocoMetric(str(tmp_path / "people.json"))
    with pytest.raises(ValueError, match="keypoints has 54 numbers, expected 51 for the 17 listed"):
        metric.dataset_meta = META


@pytest.mark.parametrize("num_joints", [14, 16, 18])
def test_another_number_of_joints_is_refused_before_the_first_image(tmp_path, num_joints):
    """Without names nothing says which joints they are."""
    content = json.loads(GT.read_text())
    del content["categories"]
    for person in content["annotations"]:
        person["keypoints"] = (person["keypoints"] + [0, 0, 0])[: 3 * num_joints]
    path = tmp_path / "people.json"
    path.write_text(json.dumps(content))
    metric = CocoMetric(str(path))
    with pytest.raises(ValueError, match=f"{num_joints} keypoints, the metainfo 17"):
        metric.dataset_meta = META
    content["annotations"][0]["keypoints"] = content["annotations"][0]["keypoints"][:-3]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="different numbers of keypoints"):
        CocoMetric(str(path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nms_thr": -1}, "'oks_nms' must be 0 or more, got -1"),
        ({"nms_thr": float("nan")}, "'oks_nms' must be 0 or more, got nan"),
        ({"nms_thr": 0, "nms_mode": "soft_oks_nms"}, "must be above 0, got 0"),
        ({"nms_thr": -0.5, "nms_mode": "soft_oks_nms"}, "must be above 0, got -0.5"),
        ({"padding": 0}, "padding above 0, got 0.51 and 0"),
        ({"padding": -1.25}, "padding above 0, got 0.51 and -1.25"),
        ({"confidence_thr": -0.1}, "got -0.1 and 1.25"),
        ({"confidence_thr": float("nan")}, "got nan and 1.25"),
    ],
)
def test_thresholds_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CocoMetric(str(GT), **settings)
    CocoMetric(str(GT), nms_thr=0)
    CocoMetric(str(GT), nms_mode="none", nms_thr=-1)


@pytest.mark.parametrize("index", [None, "dense", 1.5, float("nan")])
def test_a_crowd_index_that_is_none_is_refused_before_the_first_image(tmp_path, index):
    content = json.loads(GT.read_text())
    for image in content["images"]:
        image["crowdIndex"] = 0.5
    content["images"][-1]["crowdIndex"] = index
    (tmp_path / "people.json").write_text(json.dumps(content))
    CocoMetric(str(tmp_path / "people.json"))
    with pytest.raises(ValueError, match=r"crowdIndex .* expected a number"):
        CocoMetric(str(tmp_path / "people.json"), iou_type="keypoints_crowd")


def test_an_annotation_file_that_lacks_fields_is_refused_before_anything_is_posed(tmp_path):
    content = json.loads(GT.read_text())
    del content["annotations"][2]["image_id"]
    (tmp_path / "people.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"lacks \['image_id'\]"):
        CocoMetric(str(tmp_path / "people.json"))


def test_a_model_of_fewer_joints_than_the_annotations_is_refused():
    sample = sample_of(people_of(GT)[0])
    for field in ("keypoints", "keypoint_scores", "keypoints_probs"):
        sample.pred_instances[field] = sample.pred_instances[field][:, :14]
    for samples in ([sample], [sample_of(people_of(GT)[1]), sample]):
        with pytest.raises(ValueError, match=r"predicts 14 joints, .* has 17"):
            evaluate(samples)


def test_nothing_to_evaluate_is_an_error(tmp_path):
    content = json.loads(GT.read_text())
    for person in content["annotations"]:
        person["keypoints"] = [0] * 51
    (tmp_path / "nobody.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="single person with a labelled joint"):
        CocoMetric(str(tmp_path / "nobody.json"))
    metric = CocoMetric(str(GT))
    metric.dataset_meta = META
    sample = sample_of(people_of(GT)[0])
    sample.set_metainfo({"unreadable": True})
    metric.process(None, [sample.to_dict()])
    with pytest.raises(ValueError, match="none of the images of 1 people could be read"):
        metric.evaluate(1)
