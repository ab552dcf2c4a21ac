"""Drawn predictions and bad cases of real runs on a few drawn people."""

import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.structures import InstanceData

from mmpose.engine.runner import StrictRunner
from mmpose.structures import PoseDataSample
from mmpose.visualization import BadCaseAnalysisHook, PoseStyle, PoseVisualizationHook
from mmpose.visualization.bad_case_hook import person_metric
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH, write_people
from tests.mmpose.tiny_parts import small_vitpose

PIPELINE = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=(48, 64), use_udp=True),
    dict(type="PackPoseInputs"),
]


def make_runner(folder, name, hooks, **dataset):
    people = dict(
        type="CocoDataset",
        data_root=str(folder / "people"),
        ann_file="annotations.json",
        data_prefix=dict(img="images"),
        test_mode=True,
        pipeline=PIPELINE,
    )
    loader = dict(
        batch_size=4,
        num_workers=0,
        sampler=dict(type="DefaultSampler", shuffle=False),
        dataset=people | dataset,
    )
    metric = dict(type="CocoMetric", ann_file=str(folder / "people" / "annotations.json"))
    runs = {}
    for phase in ("val", "test"):
        runs |= {f"{phase}_dataloader": loader, f"{phase}_evaluator": metric, f"{phase}_cfg": {}}
    backends = [dict(type="LocalVisBackend")]
    config = dict(
        model=small_vitpose(),
        default_scope="mmpose",
        default_hooks=hooks,
        visualizer=dict(type="Visualizer", name=name, vis_backends=backends),
        work_dir=str(folder / "work"),
        experiment_name=name,
        randomness=dict(seed=0),
        **runs,
    )
    return StrictRunner.from_config(Config(config))


@pytest.fixture
def annotations(tmp_path):
    return write_people(tmp_path / "people", num_images=3)["annotations"]


def pictures(folder):
    return {path.name: cv2.imread(str(path)) for path in folder.rglob("*.[pj][np]g")}


def test_every_second_image_is_drawn(annotations, tmp_path):
    hook = dict(type="PoseVisualizationHook", enable=True, interval=2, out_dir="images")
    runner = make_runner(tmp_path, "drawn", dict(visualization=hook))
    runner.val()
    # images 1 and 3 of three, named by their first person
    drawn = pictures(tmp_path / "work")
    assert set(drawn) == {"val_coco_1_2_0.png", "val_coco_3_6_0.png"}
    original = cv2.imread(str(tmp_path / "people" / "images" / "3.png"))
    left, right = np.split(drawn["val_coco_3_6_0.png"], 2, axis=1)
    assert left.shape == right.shape == (HEIGHT, WIDTH, 3)
    # the true joints lie in two boxes of 30 x 60; whatever is drawn stays near them
    changed = (left != original).any(-1)
    assert changed[15:80, 10:40].any()
    assert changed[15:80, 70:100].any()
    assert not changed[:, 48:62].any()
    runner.test()
    assert set(pictures(tmp_path / "work" / "images")) == {"coco_1_2.jpg", "coco_3_6.jpg"}


def test_bad_cases_are_listed_worst_first_and_the_worst_are_drawn(annotations, tmp_path):
    hook = dict(type="BadCaseAnalysisHook", enable=True, badcase_thr=0, max_pictures=2)
    runner = make_runner(tmp_path, "bad", dict(badcase=hook))
    runner.test()
    folder = tmp_path / "work" / "badcase"
    entries = json.loads((folder / "results.json").read_text())
    truth = {one["id"]: np.reshape(one["keypoints"], (17, 3))[:, :2] for one in annotations}
    assert {entry["id"] for entry in entries} == set(truth)
    for entry in entries:
        points = np.array(entry["keypoints"])
        assert points.shape == (17, 3)
        off = points[:, :2] - truth[entry["id"]]
        assert entry["metric"] == pytest.approx((off**2).mean(), rel=1e-4)
    values = [entry["metric"] for entry in entries]
    assert values == sorted(values, reverse=True)
    named = [entry["picture"] for entry in entries]
    assert named == [f"coco_{e['img_id']}_{e['id']}.jpg" for e in entries[:2]] + [None] * 4
    drawn = pictures(folder)
    assert set(drawn) == set(named[:2])
    assert {picture.shape for picture in drawn.values()} == {(HEIGHT, 2 * WIDTH, 3)}
    # a threshold between the second and the third
    (kept,) = (h for h in runner.hooks if isinstance(h, BadCaseAnalysisHook))
    kept.badcase_thr = (values[1] + values[2]) / 2
    runner.test()
    assert len(json.loads((folder / "results.json").read_text())) == 2


def test_detections_have_no_bad_cases_and_nothing_is_written_unasked(annotations, tmp_path):
    boxes = [
        {"image_id": one["image_id"], "category_id": 1, "score": 0.9, "bbox": one["bbox"]}
        for one in annotations
    ]
    (tmp_path / "people" / "boxes.json").write_text(json.dumps(boxes))
    hooks = dict(
        badcase=dict(type="BadCaseAnalysisHook", enable=True),
        visualization=dict(type="PoseVisualizationHook", interval=1),
    )
    make_runner(tmp_path, "detections", hooks, bbox_file="boxes.json").test()
    folder = tmp_path / "work" / "badcase"
    assert json.loads((folder / "results.json").read_text()) == []
    assert pictures(tmp_path / "work") == {}


def make_person(offsets, visible, size=100.0):
    gt = np.array([[[10.0, 10.0]] * len(offsets)])
    sample = PoseDataSample()
    sample.gt_instances = InstanceData(
        keypoints=gt,
        keypoints_visible=np.array([visible], np.float32),
        bboxes=np.array([[0, 0, size / 2, size]]),
    )
    sample.pred_instances = InstanceData(keypoints=gt + np.array(offsets))
    return sample


def test_a_person_is_measured_over_labelled_joints():
    sample = make_person([[3, 0], [0, 4.9], [5.1, 0], [90, 90]], [1, 1, 1, 0])
    expected = (3**2 + 4.9**2 + 5.1**2) / 6
    assert person_metric(sample, "loss") == pytest.approx(expected)
    assert person_metric(sample, "accuracy") == pytest.approx(2 / 3)  # nearer than 5 px
    assert person_metric(make_person([[1, 1]], [0]), "loss") is None


def test_other_losses_and_metrics_measure_a_person():
    sample = make_person([[3, 0], [0, 4.9], [5.1, 0], [90, 90]], [1, 1, 1, 0])
    loss = dict(type="KeypointMSELoss", loss_weight=2.0)
    hook = BadCaseAnalysisHook(metric=loss)
    expected = 2 * (3**2 + 4.9**2 + 5.1**2) / 6
    assert person_metric(sample, "loss", hook.metric) == pytest.approx(expected)
    hook = BadCaseAnalysisHook(metric_type="accuracy", metric=dict(type="PCKAccuracy", thr=0.04))
    sample.set_metainfo({"id": 1, "img_id": 1})
    for _ in range(2):  # nothing is left over from the last person
        assert person_metric(sample, "accuracy", hook.metric) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("interval", "drawn"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4]), (4, [0, 4])]
)
def test_of_the_bad_cases_one_in_so_many_is_drawn(annotations, tmp_path, interval, drawn):
    hook = dict(type="BadCaseAnalysisHook", enable=True, badcase_thr=0, interval=interval)
    make_runner(tmp_path, f"every_{interval}", dict(badcase=hook)).test()
    entries = json.loads((tmp_path / "work" / "badcase" / "results.json").read_text())
    assert [i for i, entry in enumerate(entries) if entry["picture"]] == drawn


@pytest.mark.parametrize("hook", [PoseVisualizationHook, BadCaseAnalysisHook])
def test_windows_without_a_display_are_refused_before_the_run(hook, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: "agg")
    with pytest.raises(RuntimeError, match="no display"):
        hook(enable=True, show=True)
    hook(enable=False, show=True)


def test_pictures_are_shown_and_take_the_style_of_the_visualizer(
    annotations, tmp_path, monkeypatch
):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: "qtagg")
    hooks = dict(
        visualization=dict(
            type="PoseVisualizationHook", enable=True, interval=3, show=True, wait_time=1.5
        ),
        badcase=dict(type="BadCaseAnalysisHook", enable=True, badcase_thr=0, interval=6, show=True),
    )
    runner = make_runner(tmp_path, "shown", hooks)
    runner.visualizer.style = PoseStyle(radius=6, kpt_color="red")
    shown = []
    monkeypatch.setattr(
        type(runner.visualizer),
        "show",
        lambda self, image, win_name, wait_time: shown.append((image, win_name, wait_time)),
    )
    runner.test()
    assert [wait for _, _, wait in shown] == [1.5, 0]
    assert shown[0][1] == "coco_1_2"
    for image, *_ in shown:
        assert (image[:, :WIDTH] == (255, 0, 0)).all(-1).any()


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="metric_type must be one of"):
        BadCaseAnalysisHook(metric_type="iou")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        PoseVisualizationHook(interval=0)
    with pytest.raises(ValueError, match="at least 1, got -1"):
        BadCaseAnalysisHook(interval=-1)
