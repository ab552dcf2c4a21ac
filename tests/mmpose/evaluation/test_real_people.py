"""AP of perturbed poses of real people against two libraries: crowds, sizes, hidden joints."""

import contextlib
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCOCO
from faster_coco_eval import COCOeval_faster
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.evaluation.result_files import evaluate_results

SHARED = Path(__file__).parents[4] / "shared" / "data"
FILE = SHARED / "coco_person_annotations" / "person_keypoints_val2017_1034.json.gz"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"needs {FILE}")


@pytest.fixture(scope="module")
def content():
    """Every third image, with everybody in it: crowds, people without joints, of all sizes."""
    content = json.loads(gzip.decompress(FILE.read_bytes()))
    ids = {image["id"] for image in content["images"][::3]}
    content["images"] = content["images"][::3]
    content["annotations"] = [p for p in content["annotations"] if p["image_id"] in ids]
    kinds = {(p["iscrowd"], p["num_keypoints"] > 0) for p in content["annotations"]}
    assert kinds == {(0, True), (0, False), (1, False)}
    return content


def poses_of(content, seed):
    """Poses near and far, doubled, on people of no joints and on crowds; many equal scores."""
    rng = np.random.default_rng(seed)
    results = []
    for person in [p for p in content["annotations"] * 2 if rng.random() < 0.8]:
        x, y, width, height = person["bbox"]
        joints = np.array(person["keypoints"], float).reshape(17, 3)
        hidden = joints[:, 2] == 0
        joints[hidden, :2] = [x, y] + rng.random((hidden.sum(), 2)) * [width, height]
        spread = rng.choice([0.005, 0.02, 0.05, 0.3]) * height
        joints[:, :2] += rng.normal(size=(17, 2)) * spread
        result = {"image_id": person["image_id"], "category_id": 1}
        result |= {"bbox": [x, y, width * rng.uniform(0.3, 1.5), height]}
        score = round(float(rng.random()), 1)
        results.append({**result, "keypoints": joints.ravel().tolist(), "score": score})
    return results


def numbers_of(api, evaluation_type, content, results):
    """The ten numbers of a library, given what it asks for."""
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = api()
        ground_truth.dataset = content
        ground_truth.createIndex()
        found = ground_truth.loadRes([dict(result) for result in results])
        evaluation = evaluation_type(ground_truth, found, "keypoints")
        for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
            step()
    return list(evaluation.stats)[:10]


@pytest.mark.parametrize("use_area", [True, False])
def test_ap_of_perturbed_poses_is_that_of_both_libraries(content, use_area):
    results = poses_of(content, seed=int(use_area))
    ours = evaluate_results(content, results, "keypoints", use_area=use_area)
    if not use_area:
        people = [{**p, "area": 0.53 * p["bbox"][2] * p["bbox"][3]} for p in content["annotations"]]
        content = content | {"annotations": people}
    assert 0.1 < ours["AP"] < 0.9
    theirs = numbers_of(COCO, COCOeval, content, results)
    assert list(ours.values()) == pytest.approx(theirs, abs=1e-9)
    faster = numbers_of(FasterCOCO, COCOeval_faster, content, results)
    assert list(ours.values()) == pytest.approx(faster, abs=1e-9)
