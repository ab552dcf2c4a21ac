"""The loop's data set and metric, on rectangles whose average precision is known."""

import json

import cv2
import pytest
import torch
from mmengine.logging import MMLogger

from bmp.evaluation import CocoImageDataset, LoopCocoMetric
from bmp.evaluation.loop_metric import format_table
from bmp.loop import run_loop
from bmp.structures import make_people, masks_to_bboxes
from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.structures.mask import mask_to_rle
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    RectangleDetector,
    RectanglePose,
    RectangleSegmenter,
)

IMAGES = [TWO_IN_ONE_PLACE, APART, NOBODY]


def annotations_of(image, img_id):
    levels = torch.from_numpy(image[..., 0])
    masks = torch.stack([levels == n for n in (10, 20)])
    masks = masks[masks.any(2).any(1)]
    people = make_people(masks_to_bboxes(masks, torch.zeros(len(masks), 4)), masks=masks)
    joints = RectanglePose().pose(people).keypoints
    for n, (x1, y1, x2, y2) in enumerate(people.bboxes.tolist()):
        keypoints = torch.cat([joints[n], torch.full((17, 1), 2.0)], 1)
        yield {
            "id": 10 * img_id + n + 1,
            "image_id": img_id,
            "category_id": 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": int(masks[n].sum()),
            "iscrowd": 0,
            "segmentation": mask_to_rle(masks[n].numpy()),
            "keypoints": keypoints.flatten().tolist(),
            "num_keypoints": 17,
        }


@pytest.fixture
def folder(tmp_path):
    """Three images, four people, and a fourth image that is no image but has a person."""
    names = [f"{n}.png" for n in range(1, 5)]
    (tmp_path / "images").mkdir()
    for name, image in zip(names, IMAGES, strict=False):
        cv2.imwrite(str(tmp_path / "images" / name), image)
    (tmp_path / "images" / "4.png").write_text("no image")
    everything = [*IMAGES, APART]
    coco = {
        "images": [
            {"id": n, "file_name": name, "height": 60, "width": 100}
            for n, name in enumerate(names, 1)
        ],
        "annotations": [
            a for n, image in enumerate(everything, 1) for a in annotations_of(image, n)
        ],
        "categories": [{"id": 1, "name": "person", "skeleton": []}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(coco))
    return tmp_path


def dataset_of(folder, **arguments):
    return CocoImageDataset(
        "annotations.json", str(folder), data_prefix={"img": "images"}, **arguments
    )


def samples_of(dataset, **settings):
    """What the loop's model hands to the metric."""
    samples = [dataset[n] for n in range(len(dataset))]
    readable = [s for s in samples if s["error"] is None]
    parts = RectangleDetector(), RectanglePose(), RectangleSegmenter()
    results = run_loop([s["image"] for s in readable], *parts)
    for sample, result in zip(readable, results, strict=True):
        yield {"img_id": sample["img_id"], "turns": result.turns, "error": None}
    for sample in samples:
        if sample["error"] is not None:
            yield {"img_id": sample["img_id"], "turns": [], "error": sample["error"]}


def test_each_turn_finds_what_it_should(folder):
    dataset = dataset_of(folder, max_images=3)
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    metric.process(None, list(samples_of(dataset)))
    numbers = metric.evaluate(size=3)
    assert [numbers[f"loop/turn{turn}/num_people"] for turn in (1, 2)] == [3, 4]
    for kind in ("bbox", "segm", "keypoints"):
        # three of four people, all right: recall 0.75, so 76 of COCO's 101 recalls have precision 1
        assert numbers[f"loop/turn1/{kind}_AP"] == pytest.approx(76 / 101)
        assert numbers[f"loop/turn2/{kind}_AP"] == pytest.approx(1)
        assert [numbers[f"loop/turn{turn}/{kind}_found"] for turn in (1, 2)] == [3, 4]
        assert numbers[f"loop/{kind}_true"] == 4
    assert numbers["loop/num_failed"] == 0


def test_people_of_an_unreadable_image_count_as_missed(folder):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    metric.process(None, list(samples_of(dataset_of(folder))))
    numbers = metric.evaluate(size=4)
    assert numbers["loop/bbox_true"] == 6
    assert numbers["loop/turn2/bbox_found"] == 4
    assert numbers["loop/num_failed"] == 1
    assert numbers["loop/turn2/bbox_AP"] == pytest.approx(67 / 101)  # recalls up to 4 / 6


def test_images_repeated_by_the_sampler_count_once(folder):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    metric.process(None, [*samples, samples[0]])
    numbers = metric.evaluate(size=4)
    assert numbers["loop/num_images"] == 3
    assert numbers["loop/turn2/bbox_AP"] == pytest.approx(1)


def test_nobody_found_is_zero_and_said(folder, caplog):
    metric = LoopCocoMetric(str(folder / "annotations.json"))
    empty = run_loop([NOBODY], RectangleDetector(), RectanglePose(), RectangleSegmenter())
    metric.process(None, [{"img_id": 2, "turns": empty[0].turns, "error": None}])
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    numbers = metric.evaluate(size=1)
    logger.removeHandler(caplog.handler)
    assert "nobody was found in any of 1 images" in caplog.text
    assert numbers["loop/turn2/bbox_AP"] == 0
    assert numbers["loop/turn2/num_people"] == 0


def test_result_files_are_cocos(folder, tmp_path):
    from pycocotools.coco import COCO

    metric = LoopCocoMetric(
        str(folder / "annotations.json"), outfile_prefix=str(tmp_path / "out" / "loop")
    )
    metric.process(None, list(samples_of(dataset_of(folder))))
    metric.evaluate(size=4)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [
        f"loop.turn{t}.{k}.json" for t in (1, 2) for k in ("bbox", "keypoints", "segm")
    ]
    annotations = COCO(str(folder / "annotations.json"))
    for name in files:
        assert len(annotations.loadRes(str(tmp_path / "out" / name)).anns) in (3, 4)


def test_missing_annotations_tell_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        dataset_of(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        LoopCocoMetric(str(tmp_path / "annotations.json"))
    with pytest.raises(ValueError, match="known: bbox, segm, keypoints"):
        LoopCocoMetric("x.json", iou_types=["mask"])


def rewrite(folder, change):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        change(annotation)
    path.write_text(json.dumps(content))
    return str(path)


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


def test_a_pose_that_is_no_number_is_refused_after_the_results_are_written(folder, tmp_path):
    metric = LoopCocoMetric(str(folder / "annotations.json"), outfile_prefix=str(tmp_path / "run"))
    samples = list(samples_of(dataset_of(folder, max_images=3)))
    samples[1]["turns"][0].keypoints[0, 3] = float("nan")
    metric.process(None, samples)
    with pytest.raises(ValueError, match=r"of image 2: keypoints must be finite.*got nan"):
        metric.evaluate(size=3)
    assert len(json.loads((tmp_path / "run.turn1.keypoints.json").read_text())) == 3


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


def test_found_people_are_counted_by_the_first_kind_alone(folder):
    """One person's mask is wrong: three of four are found by masks, four by boxes."""
    for kinds, found in ((("keypoints",), 4), (("segm", "bbox"), 3), (("bbox", "segm"), 4)):
        metric = LoopCocoMetric(str(folder / "annotations.json"), iou_types=kinds)
        samples = list(samples_of(dataset_of(folder, max_images=3)))
        for sample in samples:
            for turn in sample["turns"]:
                if sample["img_id"] == 2:
                    turn.masks[0] = False
        metric.process(None, samples)
        numbers = metric.evaluate(size=3)
        assert numbers[f"loop/turn2/{kinds[0]}_found"] == found
        table = format_table({k.removeprefix("loop/"): v for k, v in numbers.items()}, kinds)
        *lines, _ = table.splitlines()
        assert lines[2].split()[-2:] == [str(found), "4"]
        assert len({len(line) for line in lines}) == 1


def test_who_is_ranked_first_is_a_setting(folder):
    """A stranger before or behind the right people, by one score or the other."""
    aps = []
    for ranked_by in ({}, {"bbox": "scores"}):
        metric = LoopCocoMetric(
            str(folder / "annotations.json"), iou_types=["bbox"], ranked_by=ranked_by
        )
        samples = list(samples_of(dataset_of(folder, max_images=3)))
        people = samples[1]["turns"][0]
        people.bboxes[0] = torch.tensor([0.0, 0.0, 3.0, 3.0])
        people.bbox_scores[0], people.scores[0] = 0.99, 0.01
        people.bbox_scores[1], people.scores[1] = 0.5, 0.9
        metric.process(None, samples[1:2])
        aps.append(metric.evaluate(size=1)["loop/turn1/bbox_AP"])
    # recall 1 of 2, precision 1/2 behind the stranger and 1 before
    assert aps == pytest.approx([51 / 101 / 2, 51 / 101])
