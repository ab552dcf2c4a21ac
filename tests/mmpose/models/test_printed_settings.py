"""``print(model)`` shows the settings of every module of ours."""

import pytest
from torch import nn

from mmpose.codecs import ProbMap, UDPHeatmap
from mmpose.models import (
    BCELoss,
    CalibrationLoss,
    KeypointMSELoss,
    L1LogLoss,
    MSELoss,
    OKSHeatmapLoss,
)
from mmpose.models.backbones import VisionTransformer
from mmpose.models.data_preprocessor import PoseDataPreprocessor
from mmpose.models.estimators.topdown import TopdownPoseEstimator
from mmpose.models.heads import HeatmapHead, MultiHead, PerDatasetHead
from mmpose.models.losses import CombinedTargetMSELoss
from mmpose.models.necks import FeatureMapProcessor, FusionNeck

SIZES = {"input_size": (192, 256), "heatmap_size": (48, 64)}


@pytest.mark.parametrize(
    ("loss", "printed"),
    [
        (
            BCELoss(True, reduction="none"),
            "BCELoss(use_target_weight=True, loss_weight=1.0, reduction='none', use_sigmoid=False)",
        ),
        (MSELoss(loss_weight=2.0), "MSELoss(use_target_weight=False, loss_weight=2.0)"),
        (L1LogLoss(True, 0.5), "L1LogLoss(use_target_weight=True, loss_weight=0.5)"),
        (
            KeypointMSELoss(skip_empty_channel=True),
            "KeypointMSELoss(use_target_weight=True, skip_empty_channel=True, loss_weight=1.0)",
        ),
        (
            CombinedTargetMSELoss(),
            "CombinedTargetMSELoss(use_target_weight=False, loss_weight=1.0)",
        ),
        (
            CalibrationLoss(use_target_weight=False),
            "CalibrationLoss(use_target_weight=False, skip_empty_channel=False, loss_weight=1.0)",
        ),
        (
            OKSHeatmapLoss(smoothing_weight=0.05, oks_type="both"),
            "OKSHeatmapLoss(use_target_weight=True, skip_empty_channel=False, loss_weight=1.0, "
            "smoothing_weight=0.05, gaussian_weight=0.0, oks_type='both')",
        ),
    ],
)
def test_a_loss_prints_its_settings(loss, printed):
    assert repr(loss) == printed


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        pytest.param(
            PoseDataPreprocessor(pad_size_divisor=32),
            "mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], "
            "turns_channels=True, pad_size_divisor=32",
            id="preprocessor",
        ),
        pytest.param(
            FeatureMapProcessor(select_index=(0, 2), concat=True, scale_factor=4.0),
            "select_index=(0, 2), concat=True, scale_factor=4.0, apply_relu=False, "
            "align_corners=False",
            id="feature maps",
        ),
        pytest.param(FusionNeck((2, 4), 8, out_index=1), "out_index=1", id="fusion"),
        pytest.param(
            HeatmapHead(4, 51, None, decoder=UDPHeatmap(**SIZES, heatmap_type="combined")),
            "num_keypoints=17, maps_per_keypoint=3, "
            "decoder=UDPHeatmap(input_size=(192, 256), heatmap_size=(48, 64))",
            id="heatmap head",
        ),
        pytest.param(HeatmapHead(4, 17, None), "decoder=None", id="head without decoder"),
        pytest.param(
            MultiHead(4, 17, normalize=1.0, freeze_error=True, decoder=ProbMap(**SIZES)),
            "num_keypoints=17, normalize=1.0, detach_probability=True, detach_visibility=True, "
            "learn_heatmaps_from_zeros=False, frozen_branches=['error'], "
            "decoder=ProbMap(input_size=(192, 256), heatmap_size=(48, 64))",
            id="multi head",
        ),
        pytest.param(PerDatasetHead([HeatmapHead(4, 17, None)]), "default=0", id="several heads"),
        pytest.param(
            TopdownPoseEstimator(nn.Identity(), test_cfg={"flip_test": True}),
            "train_cfg={}, test_cfg={'flip_test': True}, freeze_backbone=False, "
            "inference_dtype=torch.float32",
            id="estimator",
        ),
    ],
)
def test_a_part_prints_its_settings_before_its_layers(module, shown):
    assert module.extra_repr().endswith(shown)
    assert shown in repr(module)


def test_a_transformer_prints_what_its_weights_do_not_tell():
    dims = {"embed_dims": 8, "num_layers": 2, "num_heads": 4, "feedforward_channels": 8}
    printed = repr(VisionTransformer(dims, img_size=(64, 32), drop_path_rate=0.5))
    for shown in ("grid=(4, 2)", "num_heads=4", "drop=0.5"):
        assert shown in printed
