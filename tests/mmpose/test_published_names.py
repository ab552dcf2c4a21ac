"""Names that scripts written for MMPose import, and what they answer there.

docs/mmpose_scripts.md is the list for readers.
"""

import ast
import importlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torchvision.ops import box_iou, generalized_box_iou

import mmpose
from mmpose.apis import init_model
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.datasets import build_dataset
from mmpose.evaluation.functional import keypoint_pck_accuracy
from mmpose.models import TopdownPoseEstimator, build_pose_estimator
from mmpose.registry import HOOKS, METRICS
from mmpose.structures import split_instances
from mmpose.structures.bbox import (
    bbox_cs2xywh,
    bbox_cs2xyxy,
    bbox_overlaps,
    bbox_xywh2cs,
    get_udp_warp_matrix,
    get_warp_matrix,
)
from mmpose.structures.keypoint import flip_keypoints, keypoint_clip_border
from mmpose.utils import register_all_modules

ROOT = Path(mmpose.__file__).parent
# published path -> names there, and where they really stand
PATHS = {
    "mmpose.apis.inference": ("mmpose.apis", ["init_model", "inference_topdown"]),
    "mmpose.apis.inferencer": ("mmpose.apis", ["MMPoseInferencer"]),
    "mmpose.datasets.builder": ("mmpose.datasets", ["build_dataset"]),
    "mmpose.datasets.datasets": (
        "mmpose.datasets",
        ["BaseCocoStyleDataset", "CocoDataset", "CrowdPoseDataset", "MpiiDataset", "AicDataset"],
    ),
    "mmpose.engine.hooks": (
        "mmpose.visualization",
        ["PoseVisualizationHook", "BadCaseAnalysisHook"],
    ),
    "mmpose.evaluation.metrics": (
        "mmpose.evaluation",
        ["CocoMetric", "PCKAccuracy", "MpiiPCKAccuracy"],
    ),
    "mmpose.models.builder": ("mmpose.models", ["build_pose_estimator"]),
    "mmpose.models.pose_estimators": ("mmpose.models", ["TopdownPoseEstimator"]),
    "mmpose.structures.bbox": (
        "mmpose.structures",
        [
            *("get_warp_matrix", "get_udp_warp_matrix", "bbox_xywh2cs", "bbox_cs2xywh"),
            *("bbox_cs2xyxy", "bbox_overlaps", "bbox_xyxy2cs", "bbox_xyxy2xywh"),
        ],
    ),
    "mmpose.structures.keypoint": (
        "mmpose.structures",
        ["flip_keypoints", "keypoint_clip_border"],
    ),
}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_published_path_gives_the_very_objects(path):
    place, names = PATHS[path]
    published, ours = importlib.import_module(path), importlib.import_module(place)
    for name in names:
        assert getattr(published, name) is getattr(ours, name)


def test_aliases_do_nothing_but_import():
    marked = [path for path in ROOT.rglob("*.py") if "An alias alone." in path.read_text("utf-8")]
    assert {path.relative_to(ROOT).as_posix() for path in marked} == {
        *("datasets/datasets.py", "engine/hooks.py", "evaluation/metrics.py"),
        "models/pose_estimators.py",
    }
    for path in marked:
        doc, *rest = ast.parse(path.read_text("utf-8")).body
        assert isinstance(doc, ast.Expr)
        assert all(
            isinstance(node, ast.ImportFrom)
            or (isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
            for node in rest
        )


def test_registering_sets_the_scope_unless_told_not_to():
    before = DefaultScope.get_current_instance()
    register_all_modules(init_default_scope=False)
    assert DefaultScope.get_current_instance() is before
    assert HOOKS.get("PoseVisualizationHook")
    assert METRICS.get("CocoMetric")


def test_registering_makes_ours_the_first_scope():
    instances = DefaultScope._instance_dict
    kept = instances.copy()
    try:
        instances.clear()
        register_all_modules()
        assert DefaultScope.get_current_instance().scope_name == "mmpose"
    finally:
        instances.clear()
        instances.update(kept)


def test_builders_build():
    model = build_pose_estimator(
        dict(
            type="TopdownPoseEstimator",
            backbone=dict(
                type="VisionTransformer",
                img_size=(64, 48),
                arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
            ),
            head=dict(
                type="HeatmapHead",
                in_channels=8,
                out_channels=17,
                deconv_out_channels=(8,),
                deconv_kernel_sizes=(4,),
                decoder=dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(6, 8)),
            ),
        )
    )
    assert isinstance(model, TopdownPoseEstimator)
    data = Path(__file__).parents[1] / "data" / "eval"
    ann = str(data / "example_coco_val.json")
    dataset = build_dataset(dict(type="CocoDataset", ann_file=ann), dict(lazy_init=True))
    assert type(dataset).__name__ == "CocoDataset"
    assert not dataset._fully_initialized
    assert init_model is importlib.import_module("mmpose.apis.model").init_model


# --- boxes


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_centres_and_sizes_of_xywh_boxes(kind):
    box = kind([[10.0, 20, 30, 60], [0, 0, 4, 2]])
    center, scale = bbox_xywh2cs(box, padding=1.5)
    assert center.tolist() == [[25, 50], [2, 1]]
    assert scale.tolist() == [[45, 90], [6, 3]]
    assert bbox_cs2xywh(center, scale, padding=1.5).tolist() == box.tolist()
    assert bbox_cs2xyxy(center[0], scale[0], 1.5).tolist() == [10, 20, 40, 80]


@pytest.mark.parametrize(
    ("mode", "aligned", "expected"),
    [
        # 10 x 10 at (0, 0); 10 x 10 at (5, 5), 20 x 10 at (0, 0), apart at (20, 0)
        pytest.param("iou", False, [[25 / 175, 100 / 200, 0]], id="iou"),
        pytest.param("iof", False, [[25 / 100, 1, 0]], id="iof"),
        # hulls: 15 x 15, 20 x 10, 30 x 10
        pytest.param("giou", False, [[25 / 175 - 50 / 225, 0.5, -100 / 300]], id="giou"),
        pytest.param("iof", True, [25 / 100], id="partners"),
    ],
)
@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_overlaps_by_hand(mode, aligned, expected, kind):
    one = kind([[0.0, 0, 10, 10]])
    others = kind([[5.0, 5, 15, 15], [0, 0, 20, 10], [20, 0, 30, 10]])
    got = bbox_overlaps(one, others[:1] if aligned else others, mode, aligned)
    np.testing.assert_allclose(np.asarray(got), expected, atol=1e-6)


def test_overlaps_equal_torchvision():
    torch.manual_seed(0)
    first, second = (torch.rand(n, 2).repeat(1, 2) * 50 for n in (7, 5))
    first[:, 2:] += torch.rand(7, 2) * 40
    second[:, 2:] += torch.rand(5, 2) * 40
    torch.testing.assert_close(bbox_overlaps(first, second), box_iou(first, second))
    expected = generalized_box_iou(first, second)
    torch.testing.assert_close(bbox_overlaps(first, second, mode="giou"), expected)
    pairs = bbox_overlaps(first[:5], second, is_aligned=True)
    torch.testing.assert_close(pairs, box_iou(first[:5], second).diagonal())
    assert bbox_overlaps(first[:0], second).shape == (0, 5)
    batched = bbox_overlaps(first[None].repeat(2, 1, 1), second[None].repeat(2, 1, 1))
    torch.testing.assert_close(batched[1], box_iou(first, second))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"mode": "dice"}, "'giou', got 'dice'", id="mode"),
        pytest.param({"is_aligned": True}, "equal number", id="partners"),
    ],
)
def test_overlaps_refuse(arguments, message):
    with pytest.raises(ValueError, match=message):
        bbox_overlaps(torch.zeros(2, 4), torch.zeros(3, 4), **arguments)
    with pytest.raises(ValueError, match=r"must be \(\.\.\., M, 4\)"):
        bbox_overlaps(torch.zeros(2, 5), torch.zeros(3, 4))


def turned(vector, degrees):
    angle = np.deg2rad(degrees)
    (x, y), cos, sin = vector, np.cos(angle), np.sin(angle)
    return np.array([x * cos - y * sin, x * sin + y * cos])


@pytest.mark.parametrize("inv", [False, True])
@pytest.mark.parametrize("rot", [0, 30, -90])
@pytest.mark.parametrize("shift", [(0, 0), (0.1, -0.2)])
def test_the_warp_equals_opencvs_of_three_points(rot, shift, inv):
    center, scale, size = np.array([50.0, 70]), np.array([60.0, 80]), (192, 256)
    middle = center + scale * shift
    half = turned([-30, 0], rot)  # to the left edge of the turned window
    source = np.float32([middle, middle + half, middle + np.array([-half[1], half[0]])])
    # the third point is a quarter turn further, as far away
    target = np.float32([[96, 128], [0, 128], [96, 128 - 96]])
    order = (target, source) if inv else (source, target)
    expected = cv2.getAffineTransform(*order)
    got = get_warp_matrix(center, scale, rot, size, shift=shift, inv=inv)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_a_free_aspect_ratio_fills_the_crop():
    matrix = get_warp_matrix([50, 70], [60, 40], 0, (192, 256), fix_aspect_ratio=False)
    # window x 20 to 80, y 50 to 90
    np.testing.assert_allclose(matrix @ [20, 50, 1], [0, 0], atol=1e-9)
    np.testing.assert_allclose(matrix @ [80, 90, 1], [192, 256], atol=1e-9)
    with pytest.raises(ValueError, match=r"must be \(2,\)"):
        get_warp_matrix([[50, 70]], [60, 40], 0, (192, 256))


def test_the_udp_warp_maps_borders_on_borders():
    matrix = get_udp_warp_matrix(np.array([50.0, 70]), np.array([60.0, 80]), 0.0, (192, 256))
    np.testing.assert_allclose(matrix @ [20, 30, 1], [0, 0], atol=1e-9)
    np.testing.assert_allclose(matrix @ [80, 110, 1], [191, 255], atol=1e-9)


# --- joints


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
@pytest.mark.parametrize("deep", [False, True])
def test_flipped_joints_swap_sides_and_flags(kind, deep):
    keypoints = kind([[[1.0, 2], [3, 4], [9, 5]]])
    visible = kind([[1, 0, 2]])
    visible = visible[..., None] if deep else visible
    got, flags = flip_keypoints(keypoints, visible, (10, 20), [1, 0, 2])
    assert got.tolist() == [[[6, 4], [8, 2], [0, 5]]]  # x to 9 - x
    assert flags.reshape(-1).tolist() == [0, 1, 2]
    assert flags.shape == visible.shape
    assert flip_keypoints(keypoints, None, (10, 20), [0, 1, 2])[1] is None
    assert flip_keypoints(keypoints, [1, 0, 2], 10).tolist() == got.tolist()


@pytest.mark.parametrize("direction", ["vertical", "diagonal"])
def test_other_flips_are_out_of_scope(direction):
    with pytest.raises(ValueError, match="left to right only"):
        flip_keypoints(np.zeros((1, 1, 2)), np.zeros((1, 1)), (4, 4), [0], direction=direction)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_joints_outside_the_picture_lose_their_flag(kind):
    keypoints = kind([[[0.0, 0], [29, 19], [31, 5], [5, 21], [-1, 5], [5, -0.5]]])
    visible = kind([[1.0, 2, 1, 1, 1, 1]])
    same, flags = keypoint_clip_border(keypoints, visible, (30, 20))
    assert same is keypoints
    assert flags.tolist() == [[1, 2, 0, 0, 0, 0]]
    assert visible.tolist() == [[1, 2, 1, 1, 1, 1]]
    weighted = kind(np.stack([np.asarray(visible), np.full((1, 6), 0.5)], -1))
    _, flags = keypoint_clip_border(keypoints, weighted, (30, 20))
    assert flags[0, :, 0].tolist() == [1, 2, 0, 0, 0, 0]
    assert flags[0, :, 1].tolist() == [0.5] * 6


@pytest.mark.parametrize("kind", [np.float32, torch.tensor])
def test_people_become_plain_dicts(kind):
    people = InstanceData(
        keypoints=kind([[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]]),
        keypoint_scores=kind([[0.5, 0.25], [1, 0]]),
        bboxes=kind([[0.0, 0, 9, 9], [1, 1, 8, 8]]),
        bbox_scores=kind([0.75, 0.5]),
    )
    assert split_instances(people) == [
        {
            "keypoints": [[1, 2], [3, 4]],
            "keypoint_scores": [0.5, 0.25],
            "bbox": [0, 0, 9, 9],
            "bbox_score": 0.75,
        },
        {
            "keypoints": [[5, 6], [7, 8]],
            "keypoint_scores": [1, 0],
            "bbox": [1, 1, 8, 8],
            "bbox_score": 0.5,
        },
    ]
    assert split_instances(people[:0]) == []
    assert split_instances(None) == []


def test_pck_by_hand():
    gt = np.zeros((2, 3, 2))
    pred = np.array([[[5, 0], [0, 9], [0, 0]], [[11, 0], [0, 0], [0, 0.0]]])
    mask = np.array([[True, True, False], [True, False, False]])
    # distances in sizes of (100, 50): 0.05, 0.18; 0.11 of a person of (100, 100)
    sizes = np.array([[100, 50], [100, 100]])
    shares, mean, count = keypoint_pck_accuracy(pred, gt, mask, 0.1, sizes)
    assert shares.tolist() == [0.5, 0, -1]
    assert (mean, count) == (0.25, 2)
    # a person of size 0 does not count
    shares, mean, count = keypoint_pck_accuracy(pred, gt, mask, 0.1, sizes * [[1, 1], [0, 1]])
    assert shares.tolist() == [1, 0, -1]
    assert (mean, count) == (0.5, 2)
    assert keypoint_pck_accuracy(pred, gt, mask & False, 0.1, sizes)[1:] == (0, 0)
    # exactly as far as the threshold is too far
    shares, *_ = keypoint_pck_accuracy(pred[:1], gt[:1], mask[:1], 0.05, sizes[:1])
    assert shares[0] == 0
    with pytest.raises(ValueError, match="norm_factor"):
        keypoint_pck_accuracy(pred, gt, mask, 0.1, sizes[:1])


def test_a_codec_of_a_user():
    class Plain(BaseKeypointCodec):
        def encode(self, keypoints, keypoints_visible=None):
            return {"keypoint_labels": keypoints / 2}

        def decode(self, encoded):
            return encoded * 2, np.ones(encoded.shape[:2])

    codec, points = Plain(), np.ones((1, 3, 2))
    encoded = codec.encode(points)["keypoint_labels"]
    keypoints, scores = codec.batch_decode([encoded, encoded * 3])
    assert [k.tolist() for k in keypoints] == [points.tolist(), (3 * points).tolist()]
    assert len(scores) == 2
    assert not codec.support_batch_decoding
    with pytest.raises(TypeError, match="decode"):
        type("Half", (BaseKeypointCodec,), {"encode": Plain.encode})()
