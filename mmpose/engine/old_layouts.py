"""Weights of the official ViTPose and ViTPose+ files under the names of today.

ViTPose+ (Y. Xu et al., arXiv:2212.04246) holds one expert and one head per data set in one file; of
these a model takes the pair that fits its joints.
"""

import logging
import re
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from torch import Tensor

# data sets of ViTPose+ in the order of their experts -> number of joints
TASKS = {"coco": 17, "aic": 14, "mpii": 16, "ap10k": 17, "apt36k": 17, "wholebody": 133}

# in this order: what follows the first expects its new name
_RENAMES = tuple(
    (re.compile(old), new)
    for old, new in (
        (r"^backbone\.blocks\.", "backbone.layers."),
        (r"^(backbone\.layers\.\d+)\.norm([12])\.", r"\1.ln\2."),
        (r"^(backbone\.layers\.\d+)\.mlp\.fc1\.", r"\1.ffn.layers.0.0."),
        (r"^(backbone\.layers\.\d+)\.mlp\.fc2\.", r"\1.ffn.layers.1."),
        (r"^backbone\.patch_embed\.proj\.", "backbone.patch_embed.projection."),
        (r"^backbone\.last_norm\.", "backbone.ln1."),
        (r"^keypoint_head\.", "head."),
    )
)
_EXPERT = re.compile(r"^(backbone\.blocks\.\d+\.mlp)\.experts\.(\d+)\.(weight|bias)$")
_OTHER_HEAD = re.compile(r"^associate_keypoint_heads\.(\d+)\.")
_POSITIONS = "backbone.pos_embed"


def is_official_vitpose(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether weights carry the names of the official ViTPose files."""
    return any(name.startswith("backbone.blocks.") for name in state_dict)


def convert_vitpose(state_dict: Mapping[str, Tensor], task: str = "coco") -> dict[str, Tensor]:
    """Rename the weights of an official ViTPose or ViTPose+ file.

    Args:
        state_dict: as in the file; left as it is.
        task: which expert and head of ViTPose+ to take, a key of :data:`TASKS`.

    Returns:
        Weights of a ``TopdownPoseEstimator``. The position of the class token, which official
        models add to every other, is added.

    Raises:
        ValueError: the file has not that task.
    """
    if task not in TASKS:
        raise ValueError(f"task must be one of {list(TASKS)}, got {task!r}")
    weights = dict(state_dict)
    if any(_EXPERT.match(name) for name in weights):
        weights = _take_task(weights, list(TASKS).index(task))
    elif task != "coco":
        raise ValueError(f"the file is of one task alone, it has no expert of {task!r}")
    positions = weights.get(_POSITIONS)
    if positions is not None:
        weights[_POSITIONS] = positions[:, 1:] + positions[:, :1]
    return {_renamed(name): value for name, value in weights.items()}


def fit_old_layout(
    state_dict: dict[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights with today's names where they come with official ViTPose's, else as they are.

    Args:
        state_dict: as in the file.
        expected: weights of the model; the number of its joints chooses the task of ViTPose+,
            the first that has as many, else ``coco``.
    """
    if not is_official_vitpose(state_dict):
        return state_dict
    last_layer = expected.get("head.final_layer.weight")
    num_keypoints = TASKS["coco"] if last_layer is None else len(last_layer)
    has_experts = any(_EXPERT.match(name) for name in state_dict)
    fitting = [task for task, joints in TASKS.items() if joints == num_keypoints and has_experts]
    task = (fitting or ["coco"])[0]
    which = f"ViTPose+ file, expert and head of {task!r}" if has_experts else "ViTPose file"
    print_log(f"renamed the weights of an official {which}", logger="current", level=logging.INFO)
    return convert_vitpose(state_dict, task)


def _renamed(name: str) -> str:
    for old, new in _RENAMES:
        name = old.sub(new, name)
    return name


def _take_task(weights: dict[str, Tensor], number: int) -> dict[str, Tensor]:
    """One expert joined to the layers that all share, and its head as the only one."""
    chosen: dict[str, Tensor] = {}
    for name, value in weights.items():
        if _EXPERT.match(name):
            continue
        other = _OTHER_HEAD.match(name)
        # the head of the first task stands apart, so those of the others count from 0
        if other and int(other[1]) == number - 1:
            name = _OTHER_HEAD.sub("keypoint_head.", name)
        elif other or (number > 0 and name.startswith("keypoint_head.")):
            continue
        chosen[name] = value
    for name, value in weights.items():
        expert = _EXPERT.match(name)
        if expert and int(expert[2]) == number:
            # an expert is the last channels of the layer that otherwise all tasks share
            shared = f"{expert[1]}.fc2.{expert[3]}"
            chosen[shared] = torch.cat([weights[shared], value])
    return chosen
