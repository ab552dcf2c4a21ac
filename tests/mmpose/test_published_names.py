"""Names that scripts written for MMPose import, and what they answer there.

docs/mmpose_scripts.md is the list for readers.
"""

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

import mmpose
from mmpose.apis import init_model
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.datasets import build_dataset
from mmpose.evaluation.functional import keypoint_pck_accuracy
from mmpose.models import TopdownPoseEstimator, build_pose_estimator
from mmpose.registry import HOOKS, METRICS
from mmpose.structures import split_instances
from mmpose.utils import register_all_modules
from tests.mmpose.tiny_parts import small_vitpose

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
    model = build_pose_estimator(small_vitpose())
    assert isinstance(model, TopdownPoseEstimator)
    data = Path(__file__).parents[1] / "data" / "eval"
    ann = str(data / "example_coco_val.json")
    dataset = build_dataset(dict(type="CocoDataset", ann_file=ann), dict(lazy_init=True))
    assert type(dataset).__name__ == "CocoDataset"
    assert not dataset._fully_initialized
    assert init_model is importlib.import_module("mmpose.apis.model").init_model


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
