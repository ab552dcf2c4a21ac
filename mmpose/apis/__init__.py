"""The door: load a pose model and run it on images."""

from .inference import estimate, estimate_batch, extract_features, inference_topdown
from .model import init_model

__all__ = ["estimate", "estimate_batch", "extract_features", "inference_topdown", "init_model"]
