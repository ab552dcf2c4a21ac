"""AP of result files with known scores, and people written as results."""

import json
from pathlib import Path

import pytest
import torch
from pycocotools import mask as coco_mask

from bmp.evaluation.coco_results import (
    evaluate_results,
    load_annotations,
    people_to_results,
    select_results,
)
from bmp.structures import make_people

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "data" / "eval_fixtures"


@pytest.mark.parametrize(
    ("annotations", "results", "iou_type", "expected"),
    [
        pytest.param(
            "cocoapi_val2014_100/instances_val2014_100.json",
            "cocoapi_val2014_100/instances_val2014_fakebbox100_results.json",
            "bbox",
            (0.504581, 0.696973, 0.572982),
            id="boxes",
        ),
        pytest.param(
            "cocoapi_val2014_100/instances_val2014_100.json",
            "cocoapi_val2014_100/instances_val2014_fakesegm100_results.json",
            "segm",
            (0.319545, 0.562288, 0.298927),
            id="masks",
        ),
        pytest.param(
            "xtcocotools/example_coco_val.json",
            "xtcocotools/example_coco_preds.json",
            "keypoints",
            (0.860890, 0.993145, 0.910891),
            id="keypoints",
        ),
    ],
)
def test_ap_of_result_files_with_known_scores(annotations, results, iou_type, expected):
    if not FIXTURES.is_dir():
        pytest.skip(f"needs the evaluation fixtures at {FIXTURES}")
    index = load_annotations(FIXTURES / annotations)
    found = json.loads((FIXTURES / results).read_text())
    values = evaluate_results(index, found, iou_type, index.getImgIds())
    assert [values[name] for name in ("AP", "AP50", "AP75")] == pytest.approx(expected, abs=1e-6)


def test_a_person_as_a_coco_result(tmp_path):
    masks = torch.zeros(1, 6, 8, dtype=torch.bool)
    masks[0, 1:4, 2:7] = True
    people = make_people(
        torch.tensor([[2.0, 1, 7, 4]]),
        masks=masks,
        keypoints=torch.tensor([[[3.0, 2.0], [5.5, 1.0]]]),
        keypoint_scores=torch.tensor([[0.5, 0.25]]),
        scores=torch.tensor([0.125]),
        bbox_scores=torch.tensor([0.5]),
        mask_scores=torch.tensor([0.75]),
    )
    (result,) = people_to_results(people, img_id=7)
    assert result["bbox"] == [2, 1, 5, 3]
    assert result["keypoints"] == [3, 2, 0.5, 5.5, 1, 0.25]
    assert coco_mask.area(result["segmentation"]) == 15
    assert select_results([result], "bbox", "scores") == [
        {"image_id": 7, "category_id": 1, "bbox": [2, 1, 5, 3], "score": 0.125}
    ]


def test_missing_annotations_name_the_page_that_helps(tmp_path):
    with pytest.raises(FileNotFoundError, match="datasets/README"):
        load_annotations(tmp_path / "none.json")
