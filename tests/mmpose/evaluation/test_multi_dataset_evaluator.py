"""Several metrics at once, each on the people of its data set."""

import json
from pathlib import Path

import pytest

from mmpose.datasets import CombinedDataset
from mmpose.evaluation import MultiDatasetEvaluator
from tests.mmpose.evaluation.perfect_poses import GT, META, people_of, sample_of


def test_samples_go_to_the_metric_of_their_data_set():
    dataset = {"type": "CocoDataset"}
    evaluator = MultiDatasetEvaluator(
        metrics=[
            {"type": "mmpose.CocoMetric", "ann_file": str(GT), "prefix": name} for name in "ab"
        ],
        datasets=[
            {**dataset, "metainfo": {"from_file": "coco.py", "dataset_name": name}} for name in "ab"
        ],
    )
    evaluator.dataset_meta = META
    people = people_of(GT)
    evaluator.process([sample_of(person, "a") for person in people])
    evaluator.process([sample_of(people[0], "b")])
    scores = evaluator.evaluate(len(people) + 1)
    assert scores["a/AR"] == pytest.approx(1.0)
    assert scores["b/AR"] == pytest.approx(1 / len(people))


OCHUMAN = Path(__file__).parents[4] / "shared/data/mmpose_fixtures/ochuman/test_ochuman.json"


@pytest.mark.skipif(not OCHUMAN.is_file(), reason=f"needs {OCHUMAN}")
def test_ochuman_is_posed_from_its_boxes_and_from_those_of_a_detector(tmp_path):
    """All five people annotated, three of them detected: AR 1 and 3/5."""
    people = json.loads(OCHUMAN.read_text())["annotations"]
    fields = ("image_id", "category_id", "bbox", "segmentation")
    boxes = [{**{key: p[key] for key in fields}, "score": 0.9} for p in people[:3]]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    common = {"ann_file": str(OCHUMAN), "data_prefix": {"img": str(OCHUMAN.parent)}}
    common["test_mode"] = True
    sets = [
        {"type": "OCHumanDataset", **common},
        {"type": "OCHumanDetDataset", "bbox_file": str(tmp_path / "boxes.json"), **common},
    ]
    pipeline = [
        *[{"type": name} for name in ("LoadImage", "GetBBoxCenterScale", "MaskBackground")],
        {"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True},
        {"type": "PackPoseInputs"},
    ]
    combined = CombinedDataset({"from_file": "coco.py"}, sets, pipeline, test_mode=True)
    metrics = [
        {"type": "mmpose.CocoMetric", "ann_file": str(OCHUMAN), "prefix": name}
        for name in ("OCHuman", "OCHuman_det")
    ]
    evaluator = MultiDatasetEvaluator(metrics=metrics, datasets=sets)
    evaluator.dataset_meta = combined.metainfo
    for index, person in enumerate([*people, *people[:3]]):
        packed = combined[index]["data_samples"]
        assert packed.mask_state == "used"
        packed.pred_instances = sample_of(person).pred_instances
        evaluator.process([packed])
    scores = evaluator.evaluate(len(combined))
    assert scores["OCHuman/AP"] == pytest.approx(1.0)
    assert scores["OCHuman_det/AR"] == pytest.approx(3 / 5)


def test_data_sets_of_one_name_are_refused():
    with pytest.raises(ValueError, match="give each its own"):
        MultiDatasetEvaluator(
            metrics=[{"type": "mmpose.CocoMetric", "ann_file": str(GT)}] * 2,
            datasets=[{"type": "CocoDataset"}] * 2,
        )
