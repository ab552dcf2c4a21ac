"""Detectors of people: adapters from models and known boxes to our record.

Names are looked up when they are used.
"""

from importlib import import_module

_WHERE = {
    "BoxFileDetector": "box_file",
    "GivenBoxes": "given_boxes",
    "RFDETRDetector": "rf_detr",
    "RTMDetDetector": "rtmdet",
    "TorchvisionDetector": "torchvision_rcnn",
    "TransformersDetector": "transformers_detr",
    "build_detector": "build",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
