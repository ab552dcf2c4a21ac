"""Images that are missing, named alike or of another size than the segmenter's files say."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image

from bmp.segmenter_training.embedding_cache import EmbeddingCache
from bmp.segmenter_training.metric import PromptedMaskMetric
from mmpose.structures.mask import mask_to_rle
from tests.bmp.segmenter_training.test_people_files import (
    as_rle,
    evaluated,
    image_fields,
    rewrite,
    take_mask,
)
from tests.bmp.segmenter_training.two_people import batch, dataset

POLYGON = [[4, 5, 24, 5, 24, 35, 4, 35]]  # of the first person


def add_image(folder, name, number=8):
    """A second image with one person, the first one in other colours."""
    path = folder / "images" / name
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), 255 - cv2.imread(str(folder / "images" / "a.png")))

    def change(content):
        content["images"].append({**content["images"][0], "id": number, "file_name": name})
        content["annotations"].append({**content["annotations"][0], "id": 3, "image_id": number})

    rewrite(folder, change)
    return path


def test_images_of_one_name_in_two_folders_are_two(folder):
    add_image(folder, "other/a.png")
    samples = dataset(folder)
    first, second = (samples[i] for i in range(2))
    assert first["data_samples"].img_path.endswith("images/a.png")
    assert second["data_samples"].img_path.endswith("images/other/a.png")
    assert not torch.equal(first["inputs"], second["inputs"])
    cache = EmbeddingCache(folder / "cache")
    keys = {cache.key(sample["inputs"], "weights") for sample in (first, second)}
    assert len(keys) == 2


def test_images_that_are_all_missing_are_one_error(folder):
    add_image(folder, "b.png").unlink()
    (folder / "images" / "a.png").unlink()
    for test_mode in (False, True):
        with pytest.raises(FileNotFoundError, match=r"none of the 2 images .*images/a.png"):
            dataset(folder, test_mode=test_mode)


def test_some_missing_images_are_told_once_and_missed_in_a_test(folder, told):
    add_image(folder, "b.png").unlink()
    assert len(dataset(folder)) == 1
    assert told.text.count("1 of 2 images are missing") == 1
    samples = dataset(folder, with_originals=True, test_mode=True)
    missed = pseudo_collate([samples[1]])["data_samples"][0]
    assert missed.unreadable
    assert len(missed.people) == 0
    assert [truth["ignore"] for truth in missed.truths] == [False]


def test_a_missing_image_of_unknown_size_is_missed_too(folder):
    add_image(folder, "b.png").unlink()
    rewrite(folder, lambda content: content["images"][1].update(width=None, height=None))
    samples = dataset(folder, with_originals=True, test_mode=True)
    missed = samples[1]["data_samples"]
    assert missed.unreadable
    assert missed.ori_shape == (36, 25)  # what the box 4, 5, 20, 30 needs
    assert missed.truths[0]["rle"]["size"] == [36, 25]


@pytest.mark.parametrize(
    ("stated", "form", "num_left"),
    [
        pytest.param((80, 100), "polygon", 2, id="larger, polygons"),
        pytest.param((41, 61), "polygon", 2, id="a pixel larger"),
        pytest.param((40, 60), "rle", 2, id="as stated, RLE"),
        pytest.param((80, 100), "rle", 1, id="larger, RLE of the image and of the stated size"),
    ],
)
def test_the_size_of_the_image_rules(folder, told, stated, form, num_left):
    """Nothing in the file contradicts the stated size, so it shows when the image is opened."""
    if form == "rle":
        rewrite(folder, as_rle("text"))
    if num_left == 1:
        wide = np.zeros(stated, bool)
        wide[10:34, 20:50] = True
        rewrite(folder, take_mask(mask_to_rle(wide)))
        rewrite(folder, lambda content: content["annotations"][0].update(segmentation=POLYGON))
    rewrite(folder, image_fields(height=stated[0], width=stated[1]))
    samples = dataset(folder, with_originals=True, test_mode=True)
    packed = [samples[0]["data_samples"] for _ in range(3)]
    is_other = stated != (40, 60)
    assert told.text.count("the image's is taken") == is_other  # once
    assert packed[0].ori_shape == (40, 60)
    assert packed[0].resized == is_other
    assert len(packed[0].people) == num_left
    assert sum(truth["rle"] is not None for truth in packed[0].truths) == num_left


@pytest.mark.parametrize(
    ("orientation", "quarters", "stored"),
    [
        pytest.param(6, 1, (60, 40), id="turned to the right"),
        pytest.param(8, -1, (60, 40), id="turned to the left"),
        pytest.param(3, 2, (40, 60), id="upside down"),
    ],
)
def test_photos_turned_by_exif_are_upright(folder, orientation, quarters, stored):
    expected = evaluated(folder)
    image = Image.open(folder / "images" / "a.png")
    turned = Image.fromarray(np.rot90(np.asarray(image), quarters))
    exif = Image.Exif()
    exif[274] = orientation
    turned.save(folder / "images" / "a.png", exif=exif)
    rewrite(folder, image_fields(height=stored[0], width=stored[1]))
    inputs, [found] = batch(folder, 1, with_originals=True, test_mode=True)
    assert found.ori_shape == (40, 60)
    assert found.truths == expected.truths
    x, y, w, h = 20, 10, 30, 24  # the second person, bright in blue (180 of 255)
    inside = inputs[0, 0, int((y + h / 2) * 64 / 40), int((x + w - 2) * 64 / 60)]
    assert inside * 255 == pytest.approx(180, abs=1)


def test_the_metric_tells_how_many_sizes_were_wrong(folder, told):
    rewrite(folder, image_fields(height=80, width=100))
    sample = evaluated(folder)
    answer = {"rles": [], "scores": [], "is_prompted": []}
    sample.set_field([], "truth_index")
    sample.set_field({1: answer}, "pred_masks")
    metric = PromptedMaskMetric()
    metric.process(None, [sample.to_dict()])
    assert metric.compute_metrics(metric.results)["IoU_1"] == 0
    assert "1 of 1 images have another size" in told.text


def test_training_draws_another_sample_in_place_of_nobody(folder):
    """The RLE of the first image is of its stated size, which is not the image's."""
    add_image(folder, "b.png")
    wide = mask_to_rle(np.ones((80, 100), bool))

    def change(content):
        content["images"][0].update(height=80, width=100)
        for annotation in content["annotations"][:2]:
            annotation["segmentation"] = wide

    rewrite(folder, change)
    samples = dataset(folder)
    assert len(samples) == 2
    assert samples[0]["data_samples"].img_id == 8
