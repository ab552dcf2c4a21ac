"""The tool on result files with known scores, and what it says of files that do not fit."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "eval"
SHARED = ROOT.parent / "shared" / "data" / "eval_fixtures" / "cocoapi_val2014_100"


def run(monkeypatch, *arguments):
    tool = str(ROOT / "tools" / "eval_results.py")
    monkeypatch.setattr(sys, "argv", [tool, *map(str, arguments)])
    runpy.run_path(tool, run_name="__main__")


def scores_of(monkeypatch, tmp_path, *arguments):
    out = tmp_path / "new_folder" / "numbers.json"
    run(monkeypatch, *arguments, "--out", out)
    return json.loads(out.read_text())


@pytest.mark.parametrize(
    ("stem", "options", "expected"),
    [
        pytest.param(
            ("keypoints_results.json", "keypoints_gt.json"),
            [],
            {"AP": 0.504884, "AP .5": 0.722772, "AP .75": 0.633663, "AP (L)": 0.750495},
            id="faster_coco_eval",
        ),
        pytest.param(
            ("example_coco_preds.json", "example_coco_val.json"),
            ["--extended", "--metainfo", "coco.py"],
            {"AP": 0.746119, "AP (v=2)": 0.790939, "OKS": 0.944242},
            id="Ex-OKS",
        ),
        pytest.param(
            ("example_coco_preds.json", "example_coco_val.json"),
            ["--extended", "--confidence-thr", "0.3"],
            {"AP (v=1)": 0.488449, "AP (v=2)": 0.915407, "AP .5": 0.993145},
            id="Ex-OKS, lower threshold",
        ),
    ],
)
def test_keypoint_files_get_their_published_scores(stem, options, expected, monkeypatch, tmp_path):
    scores = scores_of(monkeypatch, tmp_path, *[DATA / name for name in stem], *options)
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("spell", [int, float, str])
def test_results_by_the_ids_of_another_file_are_matched_by_name(
    spell, monkeypatch, tmp_path, caplog
):
    results = json.loads((DATA / "keypoints_results.json").read_text())
    content = json.loads((DATA / "keypoints_gt.json").read_text())
    for image in content["images"]:
        image["id"] += 10**7
    results = [result | {"image_id": spell(result["image_id"] + 10**7)} for result in results]
    results.append(results[0] | {"image_id": 1})  # of an image that the annotations lack
    (tmp_path / "results.json").write_text(json.dumps(results))
    (tmp_path / "others.json").write_text(json.dumps({"images": content["images"]}))
    files = tmp_path / "results.json", DATA / "keypoints_gt.json"
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)  # mmengine's loggers do not hand on what they get
    try:
        scores = scores_of(monkeypatch, tmp_path, *files, "--ids-of", tmp_path / "others.json")
    finally:
        logger.removeHandler(caplog.handler)
    assert scores["AP"] == pytest.approx(0.504884, abs=2e-6)
    assert "1 of 129 results are of images that" in caplog.text


def test_results_by_ids_of_neither_file_are_no_ap_of_nothing(monkeypatch, tmp_path):
    files = DATA / "keypoints_results.json", DATA / "keypoints_gt.json"
    content = json.loads(files[1].read_text())
    images = [image | {"id": image["id"] + 10**7} for image in content["images"]]
    (tmp_path / "others.json").write_text(json.dumps({"images": images}))
    with pytest.raises(SystemExit, match=r"no result is of an image that .* share"):
        run(monkeypatch, *files, "--ids-of", tmp_path / "others.json")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bbox", {"AP": 0.504581, "AP .5": 0.696973, "AP .75": 0.572982}),
        ("segm", {"AP": 0.319545, "AP .5": 0.562288, "AP .75": 0.298927}),
    ],
)
def test_box_and_mask_files_get_their_published_scores(kind, expected, monkeypatch, tmp_path):
    results = SHARED / f"instances_val2014_fake{kind}100_results.json"
    scores = scores_of(monkeypatch, tmp_path, results, SHARED / "instances_val2014_100.json")
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=2e-6)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize("spell", [str, float])
def test_categories_may_be_spelled_otherwise(spell, monkeypatch, tmp_path):
    results = json.loads((SHARED / "instances_val2014_fakebbox100_results.json").read_text())
    for result in results:
        result["category_id"] = spell(result["category_id"])
    (tmp_path / "results.json").write_text(json.dumps(results))
    path = SHARED / "instances_val2014_100.json"
    scores = scores_of(monkeypatch, tmp_path, tmp_path / "results.json", path)
    assert scores["AP"] == pytest.approx(0.504581, abs=2e-6)


def test_poses_of_the_loop_on_crowdpose_are_judged_by_the_12_joints(monkeypatch, tmp_path):
    """By pycocotools on annotations that are cut by hand."""
    results = json.loads((DATA / "example_crowdpose_preds.json").read_text())
    content = json.loads((DATA / "example_crowdpose_val.json").read_text())
    results = [result | {"keypoints": result["keypoints"][:36]} for result in results]
    (tmp_path / "results.json").write_text(json.dumps(results))
    files = tmp_path / "results.json", DATA / "example_crowdpose_val.json"
    options = ("--metainfo", "crowdpose_12.py", "--no-area")
    scores = scores_of(monkeypatch, tmp_path, *files, "--iou-type", "keypoints", *options)
    for person in content["annotations"]:
        person["keypoints"] = person["keypoints"][:36]
        person["num_keypoints"] = sum(flag > 0 for flag in person["keypoints"][2::3])
        person["area"] = 0.53 * person["bbox"][2] * person["bbox"][3]
    truth = COCO()
    truth.dataset = content
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
    sigmas = (0.079, 0.072, 0.062, 0.107, 0.087, 0.089)  # shoulder to ankle, both sides
    evaluation.params.kpt_oks_sigmas = np.repeat(sigmas, 2)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    names = ("AP", "AP .5", "AP .75", "AP (M)", "AP (L)")
    expected = dict(zip(names, evaluation.stats, strict=False))
    assert 0 < expected["AP"] < 1
    assert {name: scores[name] for name in names} == pytest.approx(expected, abs=1e-9)


def test_extra_joints_do_not_count(monkeypatch, tmp_path, capsys):
    results = json.loads((DATA / "keypoints_results.json").read_text())
    for result in results:
        result["keypoints"] += [1.0, 2.0, 0.5] * 6
    (tmp_path / "results.json").write_text(json.dumps(results))
    run(monkeypatch, tmp_path / "results.json", DATA / "keypoints_gt.json")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("keypoints: ")
    name, value, low, high = lines[1].split()
    assert (name, value) == ("AP", "0.504884")
    assert (low, high) == ("[0.504884,", "0.504884]")  # of one image every draw is the same
    assert [line.split("  ")[0] for line in lines if "[" in line] == [
        *("AP", "AP .5", "AP .75", "AP (M)", "AP (L)")
    ]


GT = {
    "images": [{"id": 1}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}],
}
PERSON = {"image_id": 1, "category_id": 1, "score": 1.0}


@pytest.mark.parametrize(
    ("results", "joints", "options", "message"),
    [
        pytest.param({"images": []}, 17, [], "holds a dict, a result file is a list", id="swapped"),
        pytest.param([{"image_id": 1, "bbox": [0] * 4}], 17, [], r"result 0 lacks \['score'\]"),
        pytest.param([PERSON], 17, ["--iou-type", "segm"], "1 of 1 results have no 'segmentation'"),
        pytest.param(
            [{**PERSON, "keypoints": [0] * 42}], 17, [], "has 14: it is of another skeleton"
        ),
        pytest.param([{**PERSON, "keypoints": [0] * 42}], 14, [], "no sigmas are known for 14"),
        pytest.param(
            [{**PERSON, "keypoints": [0] * 51}], 17, ["--iou-type", "keypoints_crowd"], "crowdIndex"
        ),
        pytest.param(
            [{**PERSON, "bbox": [0, 0, 9, 9]}], 17, ["--extended"], "rules are about keypoints"
        ),
        pytest.param([{**PERSON, "keypoints": [0] * 51, "image_id": 5}], 17, [], "such as 5"),
        pytest.param(
            [{**PERSON, "bbox": [0] * 4, "score": "high"}], 17, [], "score must be finite numbers"
        ),
        pytest.param([{**PERSON, "keypoints": [float("nan")] * 51}], 17, [], "must be finite"),
        pytest.param([{**PERSON, "keypoints": [0] * 50}], 17, [], "keypoints has 50 numbers"),
        pytest.param([{**PERSON, "keypoints": [0] * 51}], 0, [], "nobody to evaluate by 'keyp"),
        pytest.param([PERSON, 3], 17, [], "result 1 is no record but 3", id="a number"),
        pytest.param(["keypoints"], 17, [], "result 0 is no record but 'key", id="a word"),
        pytest.param(
            [{**PERSON, "bbox": [0] * 4, "category_id": [1]}], 17, [], "category_id", id="a list"
        ),
        *[
            pytest.param(
                [{**PERSON, "keypoints": [0] * 51}],
                17,
                ["--sigmas", *["0.1"] * 16, sigma],
                "sigmas must be above 0",
                id=f"sigma {sigma}",
            )
            for sigma in ("0", "nan", "-0.05")
        ],
        pytest.param(
            [{**PERSON, "keypoints": [0] * 51, "bbox": [0, 0, 9]}], 17, [], "bbox has 3 numbers"
        ),
    ],
)
def test_files_that_do_not_fit_say_why(results, joints, options, message, monkeypatch, tmp_path):
    person = {**GT["annotations"][0], "keypoints": [1, 1, 2] * joints}
    (tmp_path / "gt.json").write_text(json.dumps({**GT, "annotations": [person]}))
    (tmp_path / "results.json").write_text(json.dumps(results))
    with pytest.raises(SystemExit, match=message) as stop:
        run(monkeypatch, tmp_path / "results.json", tmp_path / "gt.json", *options)
    assert str(stop.value).startswith("error: ")


def test_missing_files_and_help(monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit, match=r"there is no result file .*nothing\.json"):
        run(monkeypatch, tmp_path / "nothing.json", DATA / "keypoints_gt.json")
    with pytest.raises(SystemExit, match="there is no annotation file"):
        run(monkeypatch, DATA / "keypoints_results.json", tmp_path / "nothing.json")
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="choose another folder with --out"):
        run(monkeypatch, "any.json", "any.json", "--out", tmp_path / "file" / "numbers.json")
    with pytest.raises(SystemExit):
        run(monkeypatch, "--help")
    assert "without the model" in capsys.readouterr().out


def test_results_of_people_are_compared_with_people_alone(monkeypatch, tmp_path):
    """A dog is annotated too: it counts only where dogs are among the results."""
    boxes = [{"image_id": 1, "category_id": n, "bbox": [50 * n, 0, 20, 20]} for n in (1, 2)]
    content = {
        "images": [{"id": 1}],
        "annotations": [box | {"id": n} for n, box in enumerate(boxes, 1)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
    }
    (tmp_path / "gt.json").write_text(json.dumps(content))
    for found, expected in (
        (boxes[:1], 1.0),
        (boxes, 1.0),
        ([boxes[0], boxes[1] | {"bbox": [0, 50, 9, 9]}], 0.5),
    ):
        results = [box | {"score": 0.5} for box in found]
        (tmp_path / "results.json").write_text(json.dumps(results))
        scores = scores_of(monkeypatch, tmp_path, tmp_path / "results.json", tmp_path / "gt.json")
        assert scores["AP"] == pytest.approx(expected)
