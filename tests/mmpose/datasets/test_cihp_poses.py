"""Poses that stand in for the joints of CIHP's people are read as results are."""

import pytest

from mmpose.datasets import CIHPDataset
from tests.mmpose.datasets.tiny_people import write_json, write_people


@pytest.mark.parametrize(
    ("said", "message"),
    [
        pytest.param({"image_id": "1"}, None, id="image id as text"),
        pytest.param({"keypoints": [[20, 30, 0.9]] * 17}, None, id="joints in triples"),
        pytest.param({"category_id": 0}, None, id="people are 0"),
        pytest.param({"keypoints": [20, 30, 0.9] * 14}, "poses of 14 joints", id="14 joints"),
        pytest.param({"visibility": [0.9] * 3}, "visibility of 3 joints and 17", id="visibility"),
        pytest.param({"image_id": 5}, "not among the 2 of the annotations", id="another image"),
        pytest.param({"bbox": [10, 15, 30, float("nan")]}, "result 0.*finite", id="nan"),
    ],
)
def test_poses_of_cihp_are_read_as_results_are(tmp_path, said, message):
    content = write_people(tmp_path, num_images=2)
    for one in content["annotations"]:
        del one["keypoints"], one["num_keypoints"]
    write_json(tmp_path / "cihp.json", content)
    pose = {"image_id": 1, "bbox": [10, 15, 30, 60], "keypoints": [20, 30, 0.9] * 17, "score": 1}
    write_json(tmp_path / "poses.json", [pose | said])
    settings = {"data_root": str(tmp_path), "ann_file": "cihp.json", "keypoints_file": "poses.json"}
    if message is None:
        [sample] = CIHPDataset(**settings)
        assert sample["id"] == 2
        assert sample["keypoints"].tolist() == [[[20, 30]] * 17]
        assert sample["keypoints_visibility"].all()
    else:
        with pytest.raises(ValueError, match=message):
            CIHPDataset(**settings)
