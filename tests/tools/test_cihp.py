"""The converter on a small copy of CIHP's layout, from the maps to a data set of poses."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmpose.datasets import CIHPDataset, LoadImage, MaskBackground

TOOL = Path(__file__).parents[2] / "tools" / "datasets" / "cihp.py"
HEIGHT, WIDTH = 40, 60


def two_people():
    """Person 1: rows 5 to 24, columns 10 to 19; person 3 covers its lower right corner."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[5:25, 10:20] = 1
    ids[15:35, 15:40] = 3
    return ids


def write_map(folder, name, ids, *, size=None, palette=False):
    for kind in ("Images", "Human_ids"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    if palette:
        image = image.convert("P")
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 9, 9, 9])
    image.save(folder / "Human_ids" / f"{name}.png")
    Image.new("RGB", size or ids.shape[1::-1], "gray").save(folder / "Images" / f"{name}.jpg")


@pytest.fixture
def root(tmp_path):
    """Four images: two people, nobody, a map of another size, one that the list leaves out."""
    root = tmp_path / "cihp" / "instance-level_human_parsing"
    folder = root / "Training"
    write_map(folder, "0000006", two_people(), palette=True)
    write_map(folder, "0000010", np.zeros((HEIGHT, WIDTH), np.uint8))
    write_map(folder, "0000020", two_people(), size=(WIDTH, HEIGHT + 1))
    write_map(folder, "0000030", two_people())
    (folder / "train_id.txt").write_text("0000006\n0000010\n0000020\n")
    return root


def run(monkeypatch, root, *options):
    monkeypatch.setattr(sys, "argv", [str(TOOL), "--root", str(root), *map(str, options)])
    runpy.run_path(str(TOOL), run_name="__main__")
    return json.loads((root.parent / "cihp_train.json").read_text())


def test_people_become_masks_boxes_and_areas(root, monkeypatch, capsys):
    content = run(monkeypatch, root)
    assert [image["id"] for image in content["images"]] == [6, 10]
    assert content["images"][0] == {
        **{"id": 6, "file_name": "0000006.jpg"},
        **{"width": WIDTH, "height": HEIGHT},
    }
    first, second = content["annotations"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["bbox"] == [10, 5, 10, 20]
    assert second["bbox"] == [15, 15, 25, 20]
    assert first["area"] == 10 * 20 - 10 * 5  # rows 15 to 24 of columns 15 to 19 are hidden
    assert second["area"] == 25 * 20
    mask = coco_mask.decode(first["segmentation"])
    np.testing.assert_array_equal(mask, two_people() == 1)
    assert "1 images left out" in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_read_what_one_does(root, monkeypatch):
    assert run(monkeypatch, root, "--workers", 2) == run(monkeypatch, root)


def test_without_a_list_every_map_is_taken(root, monkeypatch):
    (root / "Training" / "train_id.txt").rename(root / "train_id.txt")  # the other known place
    assert len(run(monkeypatch, root)["images"]) == 2
    (root / "train_id.txt").unlink()
    assert [image["id"] for image in run(monkeypatch, root)["images"]] == [6, 10, 30]


def pose(image_id, bbox, presence):
    joints = np.column_stack([np.full(17, 12.345), np.full(17, 8.0), presence])
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": bbox,
        "score": 0.9,
        "keypoints": joints.ravel().tolist(),
        "visibility": [0.9] + [0.1] * 16,
    }


def test_boxes_are_posed_and_the_poses_merged(root, monkeypatch, tmp_path):
    boxes = tmp_path / "boxes.json"
    run(monkeypatch, root, "--boxes", boxes)
    folders = {"data_root": str(root.parent), "data_prefix": {"img": str(root / "Training/Images")}}
    to_pose = CIHPDataset(
        ann_file="cihp_train.json", bbox_file=str(boxes), test_mode=True, **folders
    )
    assert len(to_pose) == 2
    assert to_pose.get_data_info(1)["bbox"].tolist() == [[15, 15, 40, 35]]
    assert to_pose.get_data_info(0)["segmentation"] is not None
    poses = [pose(6, [10, 5, 10, 20], [0.8, 0.8] + [0.2] * 15)]
    (tmp_path / "poses.json").write_text(json.dumps(poses))
    people = run(monkeypatch, root, "--keypoints", tmp_path / "poses.json")["annotations"]
    assert people[0]["keypoints"][:6] == [12.35, 8, 2, 12.35, 8, 1]
    assert people[0]["num_keypoints"] == 2
    assert "keypoints" not in people[1]
    pipeline = [LoadImage(), MaskBackground()]
    (sample,) = CIHPDataset(ann_file="cihp_train.json", pipeline=pipeline, **folders)
    assert sample["dataset_name"] == "cihp"
    assert sample["keypoints_visible"].sum() == 2
    assert sample["mask_state"] == "used"
    np.testing.assert_array_equal(sample["mask"].cut(0, 0, WIDTH, HEIGHT), two_people() == 1)


def test_what_cannot_be_read_says_why(root, monkeypatch):
    with pytest.raises(SystemExit, match=r"no maps .*Validation"):
        run(monkeypatch, root, "--split", "val")
    names = root / "Training" / "train_id.txt"
    before = names.read_text() if names.exists() else None
    for text, message in (("", r"no maps .*train_id\.txt"), ("girl", r"are numbers, got 'girl'")):
        names.write_text(text)
        with pytest.raises(SystemExit, match=message):
            run(monkeypatch, root)
    names.unlink() if before is None else names.write_text(before)
    image = root / "Training" / "Images" / "0000010.jpg"
    image.write_bytes(b"cut")
    with pytest.raises(SystemExit, match=r"image 0000010 .* is damaged"):
        run(monkeypatch, root)
    image.unlink()
    with pytest.raises(SystemExit, match=r"No such file .*0000010\.jpg"):
        run(monkeypatch, root)
    Image.new("RGB", (WIDTH, HEIGHT)).save(root / "Training" / "Human_ids" / "0000006.png")
    with pytest.raises(SystemExit, match=r"0000006\.png has shape \(40, 60, 3\)"):
        run(monkeypatch, root)
