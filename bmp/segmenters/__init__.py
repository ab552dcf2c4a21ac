"""Segmenters of the loop: SAM 2.1 and SAM-pose2seg, prompted with joints.

Names are looked up when they are used: prompts are data that the loop handles without SAM 2.
"""

from importlib import import_module

_WHERE = {
    "PromptSettings": "prompting",
    "Prompts": "prompts",
    "SAM2Segmenter": "sam2_segmenter",
    "TransformersSegmenter": "transformers_sam",
    "build_segmenter": "sam2_segmenter",
    "make_prompts": "prompting",
    "masks_as_logits": "prompts",
    "points_as_prompts": "prompts",
    "select_keypoints": "keypoint_selection",
}
__all__ = list(_WHERE)


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
