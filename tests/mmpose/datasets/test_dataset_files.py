"""Where a data set looks for its files, and the hooks by which sub-classes read others."""

import numpy as np
import pytest

from mmpose.datasets import CocoDataset
from tests.mmpose.datasets.tiny_people import write_json, write_people


def test_a_list_of_images_alone_serves_where_nothing_is_annotated(tmp_path):
    content = write_people(tmp_path)
    del content["annotations"], content["categories"]
    write_json(tmp_path / "image_info.json", content)
    write_json(tmp_path / "boxes.json", [{"image_id": 2, "bbox": [1, 2, 30, 40], "score": 0.5}])
    settings = {"data_root": str(tmp_path), "ann_file": "image_info.json"}
    dataset = CocoDataset(**settings, bbox_file="boxes.json", test_mode=True)
    assert [sample["img_id"] for sample in dataset] == [2]
    with pytest.raises(ValueError, match=r"lacks \['annotations'\]"):
        CocoDataset(**settings)


def test_files_beside_the_annotations_are_found_as_published_configs_write_them(
    tmp_path, monkeypatch
):
    write_people(tmp_path / "data" / "coco")
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}]
    write_json(tmp_path / "data" / "coco" / "boxes.json", boxes)
    write_json(tmp_path / "data" / "other.json", boxes)
    monkeypatch.chdir(tmp_path)
    for bbox_file in (
        "boxes.json",
        "data/coco/boxes.json",
        "data/coco/../other.json",
        str(tmp_path / "data" / "other.json"),
    ):
        for root in ("data/coco", "data/coco/", str(tmp_path / "data" / "coco")):
            dataset = CocoDataset(
                data_root=root, ann_file="annotations.json", bbox_file=bbox_file, test_mode=True
            )
            assert len(dataset) == 1
    with pytest.raises(FileNotFoundError, match=r"annotation file data/coco/none\.json"):
        CocoDataset(
            data_root="data/coco/",
            ann_file="annotations.json",
            bbox_file="data/coco/none.json",
            test_mode=True,
        )


class Nobody(CocoDataset):
    def parse_data_info(self, raw_data_info):
        return None


class OfTheirOwn(CocoDataset):
    """Gives what MMPose's own hook gives."""

    def parse_data_info(self, raw_data_info):
        annotation, image = raw_data_info["raw_ann_info"], raw_data_info["raw_img_info"]
        joints = np.reshape(annotation["keypoints"], (1, -1, 3)).astype(np.float32)
        return {
            "img_id": image["id"],
            "img_path": image["file_name"],
            "bbox": np.array([[1, 2, 3, 4]], np.float32),
            "keypoints": joints[..., :2],
            "keypoints_visible": np.minimum(1, joints[..., 2]),
            "id": annotation["id"],
        }


class Loaded(CocoDataset):
    def _load_annotations(self):
        samples, images = super()._load_annotations()
        return samples[:3], images


def test_hooks_of_mmposes_data_sets_are_called(tmp_path):
    write_people(tmp_path)
    path = str(tmp_path / "annotations.json")
    with pytest.raises(ValueError, match="10 left out by parse_data_info"):
        Nobody(ann_file=path)
    sample = OfTheirOwn(ann_file=path)[0]
    assert sample["bbox"].tolist() == [[1, 2, 3, 4]]
    assert sample["bbox_score"].tolist() == [1]
    assert sample["keypoints_visibility"].tolist() == [[1] * 17]
    assert len(Loaded(ann_file=path)) == 3
