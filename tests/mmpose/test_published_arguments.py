"""Parts as published configs write them: every name with the arguments that it has there."""

from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

import mmpose.codecs
import mmpose.datasets
import mmpose.engine
import mmpose.evaluation
import mmpose.models
import mmpose.visualization  # noqa: F401 - all six register
from mmpose import registry

GT = str(Path(__file__).parents[1] / "data" / "eval" / "example_coco_val.json")
CODEC = {"input_size": (192, 256), "heatmap_size": (48, 64)}
BCE = {"type": "BCELoss", "use_target_weight": True, "use_sigmoid": True}
DECONV = {"deconv_out_channels": (32, 32), "deconv_kernel_sizes": (4, 4)}
SWITCHES = ("heatmaps", "probability", "visibility", "oks", "error")
HEAD = {
    **{"in_channels": 48, "out_channels": 23, **DECONV, "final_layer_dict": {"kernel_size": 1}},
    "keypoint_loss": {
        **{"type": "OKSHeatmapLoss", "use_target_weight": True, "skip_empty_channel": False},
        **{"smoothing_weight": 0.05, "gaussian_weight": 0.0, "oks_type": "minus"},
    },
    **{"probability_loss": BCE, "visibility_loss": BCE},
    "oks_loss": {"type": "MSELoss", "use_target_weight": True},
    "error_loss": {"type": "L1LogLoss", "use_target_weight": True, "loss_weight": 1.0},
    **{"normalize": 1.0, "detach_probability": True, "detach_visibility": True},
    **{"learn_heatmaps_from_zeros": False, **{f"freeze_{name}": False for name in SWITCHES}},
    "decoder": {"type": "OKSArgMaxHeatmap", **CODEC, "sigma": -1},
}
VIT = {
    "type": "mmpretrain.VisionTransformer",
    "arch": {
        **{"embed_dims": 48, "num_layers": 1, "num_heads": 4, "feedforward_channels": 48},
    },
    **{"img_size": (256, 192), "patch_size": 16, "qkv_bias": True, "drop_path_rate": 0.1},
    **{"with_cls_token": False, "out_type": "featmap", "patch_cfg": {"padding": 2}},
}
PREPROCESSOR = {
    **{"type": "PoseDataPreprocessor", "mean": [123.675, 116.28, 103.53]},
    **{"std": [58.395, 57.12, 57.375], "bgr_to_rgb": True},
}
TEST_CFG = {"flip_test": True, "flip_mode": "heatmap", "shift_heatmap": False}
SIMPLE_HEAD = {
    **{"type": "HeatmapHead", "in_channels": 48, "out_channels": 17, "deconv_out_channels": []},
    **{"deconv_kernel_sizes": [], "final_layer": {"kernel_size": 3, "padding": 1}},
    "loss": {"type": "KeypointMSELoss", "use_target_weight": True, "loss_weight": 1.0},
    "decoder": {"type": "UDPHeatmap", **CODEC, "sigma": 2},
}
NECK = {"type": "FeatureMapProcessor", "scale_factor": 4.0, "apply_relu": True}
ESTIMATOR = {"type": "TopdownPoseEstimator", "data_preprocessor": PREPROCESSOR, "backbone": VIT}
MASK_NOISE = {
    **{"continue_on_failure": False, "prob": 1.0, "alpha": 0.25, "erode_prob": 0.5},
    **{"erode_amount": 0.5, "dilate_prob": 0.5, "dilate_amount": 0.1},
    "patches_computation_method": "blob",
}
COCO_METRIC = {
    **{"ann_file": GT, "score_mode": "bbox_keypoint", "keypoint_score_thr": 0.45},
    **{"score_thresh_type": "prob", "nms_mode": "none", "nms_thr": 0.9, "use_area": True},
    **{"extended": [False, True], "match_by_bbox": [False, False], "padding": 1.25},
    **{"ignore_border_points": [False, False], "ignore_stats": ["AP .5", "AR (M)"]},
    **{"prefix": "COCO", "outfile_prefix": "COCO_MaskPose", "iou_type": "keypoints"},
}
PUBLISHED = {
    "MODELS": [
        {
            **{**ESTIMATOR, "head": {"type": "MultiHead", **HEAD}, "freeze_backbone": True},
            "test_cfg": {**TEST_CFG, "output_heatmaps": False},
        },
        {**ESTIMATOR, "head": {"type": "ProbMapHead", **HEAD}, "test_cfg": TEST_CFG},
        {**ESTIMATOR, "neck": NECK, "head": SIMPLE_HEAD, "test_cfg": TEST_CFG},
        {
            **{**ESTIMATOR, "head": SIMPLE_HEAD | {"deconv_out_channels": None}},
            **{"train_cfg": {"compute_acc": False}, "metainfo": None},
        },
        {**PREPROCESSOR, "pad_size_divisor": 32, "rgb_to_bgr": False},
        {"type": "FeatureMapProcessor", "select_index": (0, 1), "concat": True},
        {"type": "CombinedTargetMSELoss", "use_target_weight": True},
        {"type": "CalibrationLoss", "use_target_weight": True, "loss_weight": 1.0},
        {**BCE, "loss_weight": 1.0, "reduction": "mean"},
    ],
    "KEYPOINT_CODECS": [
        {
            **{"type": "UDPHeatmap", **CODEC, "heatmap_type": "gaussian", "sigma": 2.0},
            **{"radius_factor": 0.0546875, "blur_kernel_size": 11, "amap_scale": 1.0},
            **{"increase_sigma_with_padding": False, "normalize": None},
        },
        {"type": "MSRAHeatmap", **CODEC, "sigma": 2, "unbiased": True, "blur_kernel_size": 11},
        *({"type": f"{name}ProbMap", **CODEC, "sigma": -1} for name in ("", "ArgMax")),
    ],
    "TRANSFORMS": [
        {"type": "LoadImage", "pad_to_aspect_ratio": False},
        {
            **{"type": "LoadImage", "to_float32": False, "color_type": "color"},
            "backend_args": {"backend": "local"},
        },
        {"type": "GetBBoxCenterScale", "padding": 1.25},
        {"type": "RandomFlip", "prob": 0.5, "direction": ["horizontal"]},
        {"type": "MaskBackground", **MASK_NOISE, "context_size": 1.25},
        {"type": "RandomFlip", "prob": 0.5, "direction": "horizontal"},
        {
            **{"type": "RandomHalfBody", "min_total_keypoints": 9, "min_upper_keypoints": 2},
            **{"min_lower_keypoints": 3, "padding": 1.5, "prob": 0.3},
            "upper_prioritized_prob": 0.7,
        },
        {
            **{"type": "RandomBBoxTransform", "shift_factor": 0.16, "shift_prob": 0.3},
            **{"scale_factor": (0.5, 1.5), "scale_prob": 1.0, "rotate_factor": 80.0},
            "rotate_prob": 0.6,
        },
        {
            **{"type": "RandomEdgesBlackout", "mask_ratio_range": (0.1, 0.3), "prob": 0.2},
            **{"texture_prob": 0.0, "context_size": 1.5},
        },
        {"type": "RandomPatchesBlackout", "grid_size": (8, 6), "mask_ratio": 0.2, "prob": 0.1},
        {"type": "TopdownAffine", "input_size": (192, 256), "input_padding": 1.25, "use_udp": True},
        {
            **{"type": "GenerateTarget", "encoder": SIMPLE_HEAD["decoder"]},
            "use_dataset_keypoint_weights": True,
        },
        {"type": "PackPoseInputs", "meta_keys": ("id", "img_id"), "pack_transformed": True},
        {"type": "KeypointConverter", "num_keypoints": 19, "mapping": [(0, 0), ((1, 2), 18)]},
        {
            **{"type": "PhotometricDistortion", "brightness_delta": 32, "hue_delta": 18},
            **{"contrast_range": (0.5, 1.5), "saturation_range": (0.5, 1.5)},
        },
    ],
    "METRICS": [
        {"type": "CocoMetric", **COCO_METRIC},
        {"type": "PCKAccuracy", "thr": 0.05, "norm_item": "bbox", "prefix": "AIC"},
        {"type": "PCKAccuracy", "thr": 0.2, "norm_item": ["bbox", "torso"]},
        {"type": "MpiiPCKAccuracy", "thr": 0.5, "norm_item": "head", "prefix": "MPII"},
    ],
    "HOOKS": [
        {"type": "SyncBuffersHook"},
        {"type": "PoseVisualizationHook", "enable": False},
        {
            **{"type": "BadCaseAnalysisHook", "enable": False, "out_dir": "badcase"},
            **{"metric_type": "loss", "badcase_thr": 5},
        },
        {
            **{"type": "PoseVisualizationHook", "enable": False, "interval": 50, "kpt_thr": 0.3},
            **{"show": False, "wait_time": 0.0, "out_dir": None},
        },
        {
            **{"type": "BadCaseAnalysisHook", "enable": False, "show": False, "wait_time": 0.0},
            **{"interval": 50, "kpt_thr": 0.3, "out_dir": "badcase", "metric_type": "loss"},
            **{"metric": {"type": "KeypointMSELoss"}, "badcase_thr": 5},
        },
    ],
    "VISUALIZERS": [
        {
            **{"type": "PoseLocalVisualizer", "name": "published", "radius": 3, "line_width": 1},
            **{"alpha": 0.8, "kpt_color": "red", "link_color": None, "bbox_color": "green"},
            **{"text_color": (255, 255, 255), "skeleton": None, "show_keypoint_weight": False},
            **{"backend": "opencv", "vis_backends": [{"type": "LocalVisBackend"}]},
            "save_dir": "unused",
        },
    ],
}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        pytest.param(name, config, id=config["type"])
        for name, configs in PUBLISHED.items()
        for config in configs
    ],
)
def test_published_arguments_are_taken(name, config):
    with DefaultScope.overwrite_default_scope("mmpose"):
        built = getattr(registry, name).build(config)
    assert type(built).__module__.startswith(("mmpose.", "mmengine."))
