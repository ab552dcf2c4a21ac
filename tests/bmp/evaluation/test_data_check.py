"""What the check of an evaluation's data says where something is missing or misplaced."""

import runpy
import shutil
import sys

import pytest

from bmp.evaluation.data_check import check_annotations, check_evaluation, format_facts
from bmp.evaluation.image_check import find_below
from mmpose.engine.config import load_config
from tests.bmp.evaluation.set_layouts import (
    BOX_FILES,
    LAYOUTS,
    OCHUMAN,
    SETS,
    lay_out,
    read,
    write_json,
)
from tests.config_parts import ROOT

TOOL = ROOT / "tools" / "datasets" / "check.py"


def config_of(name):
    return ROOT / "configs" / "bmp" / f"bmp_demo_{name}.py"


def missing_of(root, name="coco", **options):
    """The facts that are wrong, but for the counts of the released file."""
    config = load_config(config_of(name), {"data_root": str(root), **options})
    config.pop("expected", None)
    return [str(fact) for fact in check_evaluation(config) if fact.is_missing]


@pytest.fixture
def root(tmp_path):
    return lay_out(tmp_path / "coco", "coco")


@pytest.mark.parametrize("name", SETS)
def test_a_whole_set_has_nothing_missing(tmp_path, name):
    assert missing_of(lay_out(tmp_path / name, name), name) == []


def test_without_the_set_annotations_and_images_are_missing(tmp_path):
    facts = missing_of(tmp_path / "nowhere")
    assert len(facts) == 2
    assert "datasets/README.md" in facts[0]
    assert facts[1].startswith("MISSING  folder of images")


def test_a_misplaced_annotation_file_is_found(root):
    shutil.move(root / LAYOUTS["coco"][0], root / "person_keypoints_val2017.json")
    (fact,) = missing_of(root)
    assert "move it, or set ann_file=person_keypoints_val2017.json" in fact


def test_misplaced_images_are_found(root):
    shutil.move(root / "val2017", root / "images" / "val2017")
    (fact,) = missing_of(root)
    assert "0 of 2, without" in fact
    assert "data_prefix.img=images/val2017" in fact


def test_one_missing_image_is_named_with_the_fix(root):
    (root / "val2017" / "000002.jpg").unlink()
    (fact,) = missing_of(root)
    assert "1 of 2, without" in fact
    assert "000002.jpg -> datasets/README.md" in fact


def test_empty_and_broken_images_are_named(root):
    (root / "val2017" / "000001.jpg").write_bytes(b"")
    (root / "val2017" / "000002.jpg").write_text("no image")
    empty, broken = missing_of(root)
    assert "1 images are empty files, such as" in empty
    assert "1 of 1 images opened are none" in broken


def test_images_of_another_size_are_told(root):
    content = read(root / LAYOUTS["coco"][0])
    content["images"][0] |= {"height": 61, "width": 81}
    write_json(root / LAYOUTS["coco"][0], content)
    (fact,) = missing_of(root)
    assert "1 of 2 images opened have another size" in fact
    assert "(60, 80), listed (61, 81) (h, w)" in fact


def test_images_that_are_not_listed_are_a_note(root):
    shutil.copy(root / "val2017" / "000001.jpg", root / "val2017" / "other.jpg")
    facts = check_evaluation(load_config(config_of("coco"), {"data_root": str(root)}))
    notes = [str(fact) for fact in facts if fact.is_note]
    assert len(notes) == 1
    assert "1 images in" in notes[0]
    assert "not listed, such as other.jpg" in notes[0]


def test_fewer_images_than_released_are_missing_and_more_are_a_note(root):
    path = root / LAYOUTS["coco"][0]
    facts, content = check_annotations(path, str(root), {"num_images": 3, "num_people": 1})
    assert len(content["images"]) == 2
    assert [fact.is_missing for fact in facts] == [False, True, False]
    assert "images in the annotations: 2 of 3" in facts[1].what
    assert facts[2].is_note


def test_annotations_that_the_metric_refuses_are_told(tmp_path):
    root = lay_out(tmp_path / "crowdpose", "crowdpose")
    content = read(root / LAYOUTS["crowdpose"][0])
    del content["images"][0]["crowdIndex"]
    write_json(root / LAYOUTS["crowdpose"][0], content)
    (fact,) = missing_of(root, "crowdpose")
    assert "crowdIndex" in fact


def test_an_evaluator_of_other_images_is_told(root):
    path = root / LAYOUTS["coco"][0]
    content = read(path)
    content["images"][0]["file_name"] = "another.jpg"
    other = path.with_name("other.json")
    write_json(other, content)
    (fact,) = missing_of(root, **{"test_evaluator.ann_file": str(other)})
    assert f", and another.jpg in {other}: test_dataloader.dataset and test_evaluator" in fact


def test_a_cut_annotation_file_is_told(root):
    path = root / LAYOUTS["coco"][0]
    path.write_text(path.read_text()[:-20])
    (fact,) = missing_of(root)
    assert "may be cut short" in fact


def test_boxes_by_other_ids_are_told_with_the_fix(tmp_path):
    name = "coco_filed_boxes"
    root = lay_out(tmp_path / name, name)
    boxes = [box | {"image_id": box["image_id"] + 50} for box in read(root / BOX_FILES[name])]
    write_json(root / BOX_FILES[name], boxes)
    (fact,) = missing_of(root, name)
    assert "0 of 2 images have boxes" in fact
    assert "such as 51, are not those of" in fact
    assert "give detector.ids_file" in fact


def test_a_missing_file_of_boxes_or_of_their_ids_is_told(tmp_path):
    name = "ochuman_pose_val_filed_boxes"
    root = lay_out(tmp_path / name, name)
    (root / OCHUMAN.format("val")).unlink()
    assert OCHUMAN.format("val") in missing_of(root, name)[0]
    (root / BOX_FILES[name]).unlink()
    assert "rtmdet-l-ins_val.json" in missing_of(root, name)[0]


def test_a_misplaced_file_of_boxes_is_found(tmp_path):
    name = "coco_filed_boxes"
    root = lay_out(tmp_path / name, name)
    place = root / "boxes" / BOX_FILES[name].split("/")[-1]
    place.parent.mkdir()
    shutil.move(root / BOX_FILES[name], place)
    (fact,) = missing_of(root, name)
    assert f"it is {place}: move it, or set model.detector.box_file={place}" in fact
    assert missing_of(root, name, **{"model.detector.box_file": str(place)}) == []


def test_files_of_boxes_are_told_where_annotations_are_missing_too(tmp_path):
    facts = missing_of(tmp_path / "nowhere", "ochuman_pose_val_filed_boxes")
    assert [fact.split()[1] for fact in facts] == ["annotations", "folder", "box_file", "ids_file"]


def test_missing_weights_are_told_without_a_download(root, tmp_path, monkeypatch):
    monkeypatch.setenv("BMP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("bmp.downloads.urlopen", lambda *_, **__: pytest.fail("downloads"))
    config = load_config(ROOT / "configs/bmp/bmp_v2.py", {"data_root": str(root)})
    config.pop("expected")
    facts = [str(fact) for fact in check_evaluation(config) if fact.is_missing]
    assert len(facts) == 3
    assert "rtmdet-ins-l-mask.pth -> get it from https://" in facts[0]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "rtmdet-ins-l-mask.pth").write_text("version https://git-lfs")
    facts = [str(fact) for fact in check_evaluation(config) if fact.is_missing]
    assert "is no whole file" in facts[0]


def test_other_configs_are_refused(root):
    config = load_config(ROOT / "configs/demo/vitpose_lite0_synthcrowd-128x96.py")
    with pytest.raises(ValueError, match="no config of the loop"):
        check_evaluation(config)


def test_files_are_looked_for_a_few_folders_deep(tmp_path):
    for folder in ("a/b/c/d", "a/b/c/d/e"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / folder[-1]).write_text("")
    assert find_below(tmp_path, "d") == tmp_path / "a/b/c/d/d"
    assert find_below(tmp_path, "e") is None


def test_the_tool_prints_a_line_each_and_fails_where_something_is_missing(
    root, monkeypatch, capsys
):
    arguments = [str(config_of("coco")), "--cfg-options", f"data_root={root}"]
    monkeypatch.setattr(sys, "argv", [str(TOOL), *arguments])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert exit_.value.code == 1
    lines = capsys.readouterr().out.splitlines()
    # COCO's 5,000 images and 11,004 people are two; the rest is there
    assert "images in the annotations: 2 of 5000" in lines[2]
    assert "people in the annotations: 2 of 11004" in lines[3]
    assert lines[-1] == "  2 to be fixed"
    assert sum(line.startswith("  ok") for line in lines) == 6


def test_a_config_without_fault_says_so(root):
    config = load_config(config_of("coco"), {"data_root": str(root)})
    config.pop("expected")
    assert format_facts("name", check_evaluation(config)).endswith("all is there")
