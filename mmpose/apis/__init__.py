"""The door: load a pose model and run it on images."""

from .inference import estimate, estimate_batch, extract_features, inference_topdown
from .inferencer import MMPoseInferencer
from .model import init_model

__all__ = [
    "MMPoseInferencer",
    "estimate",
    "estimate_batch",
    "extract_features",
    "inference_topdown",
    "init_model",
]
