"""What published configs leave out has the value that it has there."""

import inspect

import pytest

import mmpose.codecs
import mmpose.datasets
import mmpose.evaluation  # noqa: F401 - all three register
from mmpose import registry

DEFAULTS = {
    "KEYPOINT_CODECS": {
        "UDPHeatmap": {
            **{"heatmap_type": "gaussian", "sigma": 2.0, "radius_factor": 0.0546875},
            **{"blur_kernel_size": 11, "increase_sigma_with_padding": False, "amap_scale": 1.0},
            "normalize": None,
        },
        "MSRAHeatmap": {"unbiased": False, "blur_kernel_size": 11},
    },
    "TRANSFORMS": {
        "MaskBackground": {
            **{"continue_on_failure": True, "prob": 1.0, "alpha": 1.0, "context_size": 1.25},
            **{"erode_prob": 0.0, "erode_amount": 0.5, "dilate_prob": 0.0, "dilate_amount": 0.5},
            "patches_computation_method": "voronoi",
        },
        "RandomBBoxTransform": {
            **{"shift_factor": 0.16, "shift_prob": 0.3, "scale_factor": (0.5, 1.5)},
            **{"scale_prob": 1.0, "rotate_factor": 80, "rotate_prob": 0.6},
        },
        "RandomEdgesBlackout": {
            **{"mask_ratio_range": (0.1, 0.3), "prob": 0.8, "texture_prob": 0.0},
            "context_size": 1.25,
        },
        "RandomPatchesBlackout": {"grid_size": (8, 6), "mask_ratio": 0.3, "prob": 0.8},
        "TopdownAffine": {"use_udp": False},  # its window: test_window_padding_and_moves
    },
    "DATA_SAMPLERS": {"MultiSourceSampler": {"shuffle": True, "round_up": True, "seed": None}},
    "METRICS": {
        "PCKAccuracy": {"thr": 0.05, "norm_item": "bbox"},
        "MpiiPCKAccuracy": {"thr": 0.5, "norm_item": "head"},
    },
}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in DEFAULTS.items() for name in names]
)
def test_defaults_are_the_published_ones(kind, name):
    arguments = inspect.signature(getattr(registry, kind).get(f"mmpose.{name}")).parameters
    expected = DEFAULTS[kind][name]
    assert {key: arguments[key].default for key in expected} == expected
