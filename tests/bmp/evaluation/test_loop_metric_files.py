"""What the annotation file of the loop's metric may say, and what is refused."""

import json

import pytest

from bmp.evaluation import LoopCocoMetric
from bmp.loop import run_loop
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from tests.bmp.evaluation.rectangles import dataset_of, rewrite, samples_of
from tests.bmp.loop_parts import NOBODY, RectangleDetector, RectanglePose, RectangleSegmenter


def test_missing_annotations_tell_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        dataset_of(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        LoopCocoMetric(str(tmp_path / "annotations.json"))
    with pytest.raises(ValueError, match="known: bbox, segm, keypoints"):
        LoopCocoMetric("x.json", iou_types=["mask"])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda a: a.update(id=a["id"] - 11), id="ids from 0"),
        pytest.param(lambda a: a.pop("id"), id="no ids"),
        pytest.param(lambda a: a.update(id=str(a["id"])), id="ids as text"),
        pytest.param(lambda a: (a.pop("area"), a.pop("iscrowd")), id="no area and iscrowd"),
        pytest.param(lambda a: a.update(num_keypoints=0), id="wrong number of joints"),
    ],
)
def test_files_that_say_the_same_in_another_way_give_the_same_numbers(folder, change):
    path = rewrite(folder, change)
    metric = LoopCocoMetric(path)
    metric.process(None, list(samples_of(dataset_of(folder, max_images=3))))
    numbers = metric.evaluate(size=3)
    for kind in ("bbox", "segm", "keypoints"):
        assert numbers[f"loop/turn2/{kind}_AP"] == pytest.approx(1)
        assert numbers[f"loop/{kind}_true"] == 4


def test_nothing_to_evaluate_is_an_error(folder, tmp_path):
    path = str(folder / "annotations.json")
    metric = LoopCocoMetric(path)
    metric.process(None, [{"img_id": 4, "turns": [], "error": "cut off"}])
    with pytest.raises(ValueError, match="none of 1 images could be read, such as: cut off"):
        metric.evaluate(size=1)
    for image in (folder / "images").iterdir():
        image.unlink()
    with pytest.raises(FileNotFoundError, match="none of the 4 images"):
        dataset_of(folder)
    with pytest.raises(ValueError, match="single person with a mask"):
        LoopCocoMetric(rewrite(folder, lambda a: a.update(segmentation=[])))
    assert LoopCocoMetric(path, iou_types=["bbox", "keypoints"]).iou_types == ("bbox", "keypoints")
    with pytest.raises(ValueError, match="nobody to evaluate by 'bbox'"):
        LoopCocoMetric(rewrite(folder, lambda a: a.update(iscrowd=1)))


def test_annotations_of_another_skeleton_are_refused_before_the_first_image(folder):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    content["categories"][0]["keypoints"] = [f"left_{n}" for n in ("hip", "knee", "ankle")]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"has 3 joints, .* it lacks"):
        LoopCocoMetric(str(path))
    assert LoopCocoMetric(str(path), iou_types=["bbox"]).iou_types == ("bbox",)


def test_images_with_numbers_and_names_as_ids_are_read(folder):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    first = content["images"][0]["id"]
    content["images"][0]["id"] = "first"
    for annotation in content["annotations"]:
        if annotation["image_id"] == first:
            annotation["image_id"] = "first"
    path.write_text(json.dumps(content))
    assert len(dataset_of(folder)) == len(content["images"])


def test_people_without_joints_stand_beside_people_with_them(folder):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["keypoints"] = []
    path.write_text(json.dumps(content))
    assert "keypoints" in LoopCocoMetric(str(path)).iou_types


@pytest.mark.parametrize("num_joints", [14, 16, 18])
def test_another_number_of_joints_is_refused_before_the_first_image(folder, num_joints):
    def change(annotation):
        annotation["keypoints"] = (annotation["keypoints"] + [0, 0, 0])[: 3 * num_joints]

    path = rewrite(folder, change)
    with pytest.raises(ValueError, match=f"{num_joints} keypoints, the metainfo 17"):
        LoopCocoMetric(path)
    content = json.loads((folder / "annotations.json").read_text())
    names = list(parse_pose_metainfo({"from_file": "coco.py"})["keypoint_name2id"])[:16]
    content["categories"][0]["keypoints"] = names
    if num_joints == 16:  # a skeleton that ends before COCO's
        (folder / "annotations.json").write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"have \[16\] keypoints, the loop's poses COCO's 17"):
            LoopCocoMetric(path)


@pytest.mark.parametrize("size", [(60, 100), (100, 60), (2, 2), (None, None)])
def test_the_images_size_rules_where_nobody_is_found(folder, size):
    """Four people as polygons, those of the first image all missed."""

    def outline(annotation):
        x, y, w, h = annotation["bbox"]
        annotation["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]

    path = rewrite(folder, outline)
    content = json.loads((folder / "annotations.json").read_text())
    for image in content["images"]:
        image["height"], image["width"] = size
    (folder / "annotations.json").write_text(json.dumps(content))
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    empty = run_loop([NOBODY], RectangleDetector(), RectanglePose(), RectangleSegmenter())
    samples[0]["turns"] = empty[0].turns
    metric = LoopCocoMetric(path)
    metric.process(None, samples)
    assert metric.evaluate(size=3)["loop/segm_true"] == 4


def test_the_category_of_people_is_found_by_name(folder):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    content["categories"] = [{"id": 0, "name": "People"}, {"id": 1, "name": "dog"}]
    for annotation in content["annotations"]:
        annotation["category_id"] = 0
    dog = {**content["annotations"][0], "id": 99, "category_id": 1}
    content["annotations"].append(dog)
    path.write_text(json.dumps(content))
    metric = LoopCocoMetric(str(path))
    metric.process(None, list(samples_of(dataset_of(folder, max_images=3))))
    numbers = metric.evaluate(size=3)
    assert numbers["loop/turn2/bbox_AP"] == pytest.approx(1)
    assert numbers["loop/bbox_true"] == 4


@pytest.mark.parametrize(("presence", "expected"), [(0.9, 0.9), (0.0, 1.0)])
def test_joints_outside_the_image_must_be_said_to_be_absent(folder, presence, expected):
    """One of 17 joints is outside: said to be there it is wrong, 16/17 = 0.94 passes 9 of 10."""

    def put_outside(annotation):
        annotation["keypoints"][:3] = [-500, -500, 3]

    metric = LoopCocoMetric(rewrite(folder, put_outside), iou_types=["keypoints"])
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    for sample in samples:
        for turn in {id(turn): turn for turn in sample["turns"]}.values():
            turn.presence = turn.presence.clone()
            turn.presence[:, 0] = presence
    metric.process(None, samples)
    numbers = metric.evaluate(size=3)
    assert numbers["loop/turn2/keypoints_Ex-AP"] == pytest.approx(expected)
    # COCO's rules know no absent joints: it is far from its place whatever the presence
    assert numbers["loop/turn2/keypoints_AP"] == pytest.approx(0.9)


def test_without_joints_outside_there_is_no_extended_ap(folder):
    metric = LoopCocoMetric(str(folder / "annotations.json"), iou_types=["keypoints"])
    metric.process(None, list(samples_of(dataset_of(folder, max_images=3))))
    assert not any("Ex-AP" in name for name in metric.evaluate(size=3))


def test_the_score_that_ranks_is_checked_before_the_first_image(folder):
    path = str(folder / "annotations.json")
    with pytest.raises(
        ValueError, match=r"ranked_by\['bbox'\] must be one of \('scores', .* 'best'"
    ):
        LoopCocoMetric(path, ranked_by={"bbox": "best"})
    assert LoopCocoMetric(path, ranked_by={"bbox": "scores"}).ranked_by == {
        "bbox": "scores",
        "segm": "bbox_scores",
        "keypoints": "scores",
    }
    for kind in ("keypoints", "keypoints_crowd"):  # two names of one ranking
        metric = LoopCocoMetric(path, ranked_by={kind: "mask_scores"})
        assert metric.ranked_by["keypoints"] == "mask_scores"


@pytest.mark.parametrize("count", [0, -1])
def test_a_number_of_images_below_one_is_refused(folder, count):
    with pytest.raises(ValueError, match=f"max_images must be at least 1, got {count}"):
        dataset_of(folder, max_images=count)
