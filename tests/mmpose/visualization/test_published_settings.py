"""Each setting of MMPose's visualizer and what it changes in the image."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmpose.datasets import parse_pose_metainfo
from mmpose.datasets.pose_metainfo import read_metainfo_file
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

GREY = 90
LEFT_SHOULDER, LEFT_ELBOW = (20, 60), (140, 60)  # joints 5 and 7; a bone links them


def make_sample(scores=(1.0, 1.0), metainfo=None):
    sample = PoseDataSample(metainfo=metainfo or {})
    points, values = np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32)
    points[0, 5], points[0, 7] = LEFT_SHOULDER, LEFT_ELBOW
    values[0, 5], values[0, 7] = scores
    boxes = np.float32([[10, 30, 150, 90]])
    sample.pred_instances = InstanceData(keypoints=points, keypoint_scores=values, bboxes=boxes)
    return sample


def draw(settings=None, sample=None, **options):
    image = np.full((120, 160, 3), GREY, np.uint8)
    visualizer = PoseLocalVisualizer(name="settings", **settings or {})
    return visualizer.add_datasample("pose", image, sample or make_sample(), **options)


def color_at(drawn, x, y):
    return tuple(drawn[y, x].tolist())


@pytest.mark.parametrize("radius", [4, 9])
def test_a_radius_makes_discs_of_it(radius):
    drawn = draw({"radius": radius, "kpt_color": "red"})
    x, y = LEFT_SHOULDER
    assert color_at(drawn, x, y - radius + 1) == (255, 0, 0)
    assert color_at(drawn, x, y - radius - 2) == (GREY,) * 3


@pytest.mark.parametrize("width", [3, 9, 15])
def test_a_line_width_is_in_pixels(width):
    drawn = draw({"line_width": width, "link_color": (1, 2, 250)})
    covered = drawn[:, 80, 2] > (GREY + 250) / 2  # across the bone, whose borders are smooth
    assert abs(covered.sum() - width) <= 2
    assert color_at(drawn, 80, 60) == (1, 2, 250)


@pytest.mark.parametrize(
    "color", [pytest.param("#ff8000", id="name"), pytest.param([(255, 128, 0)] * 17, id="each")]
)
def test_joints_take_their_color(color):
    drawn = draw({"radius": 5, "kpt_color": color})
    assert color_at(drawn, *LEFT_SHOULDER) == color_at(drawn, *LEFT_ELBOW) == (255, 128, 0)


def test_alpha_blends_the_whole_drawing():
    drawn = draw({"radius": 5, "kpt_color": (200, 0, 0), "alpha": 0.25})
    assert color_at(drawn, *LEFT_SHOULDER) == (118, 68, 68)  # 0.25 of 200 or 0, 0.75 of 90


def test_links_take_the_place_of_the_skeleton():
    linked = draw({"skeleton": [[5, 7]], "link_color": "blue", "line_width": 3})
    other = draw({"skeleton": [[0, 1]], "line_width": 3})
    assert color_at(linked, 80, 60) == (0, 0, 255)
    assert color_at(other, 80, 60) == (GREY,) * 3


@pytest.mark.parametrize(("score", "opacity"), [(0.5, 0.5), (0.75, 0.8), (1.3, 1)])
def test_joints_as_opaque_as_their_scores(score, opacity):
    settings = {"show_keypoint_weight": True, "radius": 5, "kpt_color": (0, 0, 0)}
    drawn = draw(settings, make_sample((score, 1.0)))
    np.testing.assert_allclose(color_at(drawn, *LEFT_SHOULDER), GREY * (1 - opacity), atol=1)
    assert color_at(drawn, *LEFT_ELBOW) == (0, 0, 0)
    assert color_at(draw(settings | {"show_keypoint_weight": False}), *LEFT_SHOULDER) == (0, 0, 0)


@pytest.mark.parametrize(
    ("settings", "color"), [({}, (0, 255, 0)), ({"bbox_color": "b"}, (0, 0, 255))]
)
def test_boxes_are_drawn_when_asked_for(settings, color):
    assert color_at(draw(settings), 80, 30) == (GREY,) * 3
    drawn = draw(settings, draw_bbox=True)
    assert color_at(drawn, 80, 30) == color_at(drawn, 10, 50) == color
    sample = make_sample()
    del sample.pred_instances.bboxes
    with pytest.raises(ValueError, match="needs bboxes"):
        draw(settings, sample, draw_bbox=True)


def test_joints_are_numbered_in_the_color_of_text():
    plain = draw({"text_color": "magenta"})
    drawn = draw({"text_color": "magenta"}, show_kpt_idx=True)
    changed = np.argwhere((plain != drawn).any(-1))
    near = [np.abs(changed - np.array(p[::-1])).max(1) < 20 for p in (LEFT_SHOULDER, LEFT_ELBOW)]
    assert (near[0] | near[1]).all(), "other joints have no score"
    assert near[0].any()
    assert near[1].any()
    red, green, blue = np.moveaxis(drawn, -1, 0)
    assert ((red > 150) & (green < GREY) & (blue > 150)).any()  # thin digits have smooth borders


def test_heatmaps_stand_below_where_the_crop_lies():
    # a window of 80 x 60 from (40, 30): a cell of the 8 x 6 map is 10 px
    window = {"input_center": np.float32([80, 60]), "input_scale": np.float32([80, 60])}
    sample = make_sample(metainfo=window)
    maps = torch.zeros(17, 6, 8)
    maps[3, 2, 3] = 0.2  # at (70, 50), as keypoints are decoded
    sample.pred_fields = PixelData(heatmaps=maps)
    drawn = draw({}, sample, draw_heatmap=True)
    assert drawn.shape == (240, 160, 3)
    below = drawn[120:].astype(int)
    y, x = np.argwhere(below[..., 0] > below[..., 2]).mean(0)  # red where the map is high
    assert abs(x - 70) <= 1
    assert abs(y - 50) <= 1
    assert np.array_equal(drawn[:120], draw({}, sample))
    # the same maps in the frame of the image
    merged = make_sample()
    merged.pred_fields = PixelData(heatmaps=torch.zeros(17, 120, 160))
    merged.pred_fields.heatmaps[0, 35, 45] = 1
    assert draw({}, merged, draw_heatmap=True)[155, 45, 0] > 90
    with pytest.raises(ValueError, match="output_heatmaps"):
        draw({}, draw_heatmap=True)
    lost = make_sample()
    lost.pred_fields = PixelData(heatmaps=maps)
    with pytest.raises(ValueError, match="their place is unknown"):
        draw({}, lost, draw_heatmap=True)


def test_a_picture_goes_to_its_file(tmp_path):
    drawn = draw({"radius": 3}, out_file=tmp_path / "new" / "a.png")
    written = cv2.imread(str(tmp_path / "new" / "a.png"))
    assert np.array_equal(written[..., ::-1], drawn)


@pytest.mark.parametrize("parsed", [True, False])
def test_the_skeleton_of_a_data_set(parsed):
    raw = read_metainfo_file("mpii.py")
    visualizer = PoseLocalVisualizer(name="mpii", radius=4)
    visualizer.set_dataset_meta(parse_pose_metainfo(raw) if parsed else raw)
    sample = PoseDataSample()
    points = np.zeros((1, 16, 2), np.float32)
    points[0, 15] = (50, 40)  # the left wrist, in MPII's own colour
    sample.pred_instances = InstanceData(
        keypoints=points, keypoint_scores=np.ones((1, 16), np.float32)
    )
    image = np.full((120, 160, 3), GREY, np.uint8)
    drawn = visualizer.add_datasample("pose", image, sample)
    expected = parse_pose_metainfo(raw)["keypoint_colors"][15]
    assert color_at(drawn, 50, 40) == tuple(expected.tolist())


def test_the_second_image_is_drawn_like_the_first():
    visualizer = PoseLocalVisualizer(name="twice")
    image = np.full((120, 160, 3), GREY, np.uint8)
    first, second = (visualizer.add_datasample("pose", image, make_sample()) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"backend": "matplotlib"}, "'opencv', the only one", id="backend"),
        pytest.param({"radius": 0}, "above 0, got 0", id="radius"),
        pytest.param({"line_width": -1}, "above 0, got -1", id="line_width"),
        pytest.param({"alpha": 1.5}, "up to 1: 1.5", id="alpha"),
        pytest.param({"kpt_color": "reddish"}, "got 'reddish'", id="unknown color"),
        pytest.param({"bbox_color": (0, 0, 256)}, "0 to 255", id="bright color"),
        pytest.param({"link_color": [(0, 0, 1), "nocolor"]}, "nocolor", id="one of several"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        PoseLocalVisualizer(name="refused", **settings)


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        pytest.param({"kpt_color": ["red"] * 5}, {}, "one colour or 17, got 5", id="colors"),
        pytest.param({"skeleton": [[0, 17]]}, {}, "from 0 to 16", id="joints"),
        pytest.param({}, {"skeleton_style": "openpose"}, "OpenPose", id="style"),
    ],
)
def test_what_does_not_fit_the_sample_is_refused(settings, options, message):
    with pytest.raises(ValueError, match=message):
        draw(settings, **options)
    with pytest.raises(ValueError, match="OpenPose"):
        PoseLocalVisualizer(name="style").set_dataset_meta({}, skeleton_style="openpose")


@pytest.mark.parametrize("backend", ["agg", "Agg", "svg"])
def test_without_a_display_show_says_so(monkeypatch, backend, tmp_path):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: backend)
    with pytest.raises(RuntimeError, match=r"no display .*out_file"):
        draw({}, show=True, out_file=tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_with_a_display_the_drawing_is_shown(monkeypatch):
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr(plt, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    monkeypatch.setattr(
        PoseLocalVisualizer, "show", lambda self, image, **options: shown.append((image, options))
    )
    drawn = draw({}, show=True, wait_time=2)
    ((image, options),) = shown
    assert image is drawn
    assert options == {"win_name": "pose", "wait_time": 2}
