"""The size of an image rules over the one that its file says."""

import json

import cv2
import numpy as np
import pytest

from mmpose.datasets import CocoDataset
from mmpose.datasets.coco_file import read_people
from mmpose.structures import mask_to_rle
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH, write_json, write_people


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda w, h: (h, w), id="exchanged"),
        pytest.param(lambda w, h: (w // 2, h // 2), id="halved"),
        pytest.param(lambda w, h: (None, None), id="null"),
        pytest.param(lambda w, h: (0, 0), id="zero"),
    ],
)
def test_the_size_of_the_image_rules(tmp_path, change):
    content = write_people(tmp_path)
    folder = str(tmp_path / "images")
    expected = read_people(tmp_path / "annotations.json", folder=folder)
    for image in content["images"]:
        image["width"], image["height"] = change(image["width"], image["height"])
    path = write_json(tmp_path / "odd.json", content)
    assert read_people(path, folder=folder)["images"] == expected["images"]
    kwargs = {"data_root": str(tmp_path), "data_prefix": {"img": "images"}}
    samples = [CocoDataset(ann_file=name, **kwargs) for name in ("odd.json", "annotations.json")]
    for theirs, ours in zip(*samples, strict=True):
        np.testing.assert_array_equal(theirs["bbox"], ours["bbox"])
        assert theirs["ori_shape"] == ours["ori_shape"] == (HEIGHT, WIDTH)


def test_images_turned_by_exif_are_measured_as_they_are_opened(tmp_path):
    from PIL import Image

    write_people(tmp_path, num_images=1)
    path = tmp_path / "images" / "1.jpg"
    image = Image.fromarray(np.zeros((WIDTH, HEIGHT, 3), np.uint8))  # lying
    exif = image.getexif()
    exif[274] = 6  # turned by a quarter
    image.save(path, exif=exif)
    assert cv2.imread(str(path)).shape[:2] == (HEIGHT, WIDTH)
    content = json.loads((tmp_path / "annotations.json").read_text())
    content["images"][0] |= {"file_name": "1.jpg", "width": HEIGHT, "height": WIDTH}
    found = read_people(
        write_json(tmp_path / "exif.json", content), folder=str(tmp_path / "images")
    )
    assert (found["images"][0]["height"], found["images"][0]["width"]) == (HEIGHT, WIDTH)


def test_a_mask_of_another_size_than_the_image_is_ignored(tmp_path):
    content = write_people(tmp_path, num_images=1)
    content["annotations"][0]["segmentation"] = mask_to_rle(np.ones((WIDTH, HEIGHT), bool))
    content["annotations"][1]["segmentation"] = mask_to_rle(np.ones((HEIGHT, WIDTH), bool))
    path = write_json(tmp_path / "masks.json", content)
    people = read_people(path, folder=str(tmp_path / "images"))["annotations"]
    assert people[0]["segmentation"] is None
    assert people[1]["segmentation"]["size"] == [HEIGHT, WIDTH]
