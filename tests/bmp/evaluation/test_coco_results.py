"""People of the loop written as COCO results."""

import torch
from pycocotools import mask as coco_mask

from bmp.evaluation.coco_results import people_to_results, select_results
from bmp.structures import make_people


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
