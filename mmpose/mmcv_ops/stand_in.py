"""Stand-in for ``mmcv._ext``: the few compiled ops that mmdet needs here, from torchvision.

mmcv-lite is pure Python, but ``mmcv.ops`` wants the compiled module ``mmcv._ext``, and mmdet
imports ``mmcv.ops`` everywhere. :mod:`mmpose.mmcv_ops.finder` makes Python load this file
under that name. The names and argument orders below are those by which mmcv 2.1 calls ``_ext``;
any other op is there as well, so that mmdet imports, and refuses to be called.
"""

from collections.abc import Callable
from typing import NoReturn

import torch
import torchvision
from torch import Tensor

_AVERAGE = 1  # mmcv's code of the pooling mode


def nms(bboxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy suppression; torchvision's own where ``offset`` is 0.

    Args:
        bboxes: (N, 4) xyxy.
        scores: (N,).
        iou_threshold: a box falls when its IoU with a kept one is above this.
        offset: 1 counts pixels inclusively (width x2 - x1 + 1), the old convention.

    Returns:
        (M,) int64, indices of the kept boxes, best first.
    """
    if offset:  # widths and intersections both grow by one when the far corner does
        bboxes = bboxes + bboxes.new_tensor([0.0, 0.0, offset, offset])
    return torchvision.ops.nms(bboxes, scores, iou_threshold)


def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Average-pooled regions, written into ``output``.

    Args:
        features: (B, C, H, W).
        rois: (N, 5) image index and xyxy.
        output: (N, C, aligned_height, aligned_width), filled in place.
        argmax_y: of the maximum pooling, which torchvision lacks; untouched.
        argmax_x: as ``argmax_y``.
        aligned_height: rows of a pooled region.
        aligned_width: columns of a pooled region.
        spatial_scale: from roi coordinates to features.
        sampling_ratio: samples a bin and axis; 0 takes as many as the bin has pixels.
        pool_mode: 1 average; 0 maximum is refused.
        aligned: shift by half a pixel (Detectron2's rule).

    Raises:
        NotImplementedError: maximum pooling.
    """
    _require_average(pool_mode)
    output.copy_(
        torchvision.ops.roi_align(
            features,
            rois,
            (aligned_height, aligned_width),
            spatial_scale,
            sampling_ratio,
            aligned,
        )
    )


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of :func:`roi_align_forward` for the features, written into ``grad_input``.

    The arguments are as there; ``grad_output`` is (N, C, h, w), ``grad_input`` (B, C, H, W).
    """
    _require_average(pool_mode)
    grad_input.copy_(
        torch.ops.torchvision._roi_align_backward(
            grad_output,
            rois,
            spatial_scale,
            aligned_height,
            aligned_width,
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )
    )


def get_compiler_version() -> str:
    """What mmcv reports as its compiler in an environment report."""
    return "none (mmcv-lite, ops from torchvision)"


def get_compiling_cuda_version() -> str:
    """What mmcv reports as its CUDA in an environment report."""
    return f"not compiled (torchvision {torchvision.__version__})"


def _require_average(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        _refuse("roi_align with pool_mode='max'")


def _refuse(op: str) -> NoReturn:
    raise NotImplementedError(
        f"mmcv's compiled op {op} has no stand-in: this project runs mmdet on mmcv-lite with nms "
        "and roi_align taken from torchvision. Choose a model (or, for softnms, nms=dict("
        "type='nms', ...) in its test_cfg) without that op, or install compiled mmcv (pip install "
        "'mmcv>=2.1,<2.2' built for your torch) in place of mmcv-lite"
    )


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Any other op, found when mmcv looks for it and refused when it is called."""
    if name.startswith("__"):  # mmengine and importlib probe for these
        raise AttributeError(name)

    def missing(*args, **kwargs) -> NoReturn:
        _refuse(name)

    missing.__name__ = name
    return missing
