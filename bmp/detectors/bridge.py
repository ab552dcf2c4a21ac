"""Lets mmdet run on mmcv-lite: the few compiled ops it needs, taken from torchvision.

mmcv-lite is pure Python, but ``mmcv.ops`` wants the compiled module ``mmcv._ext``, and mmdet
imports ``mmcv.ops`` everywhere. :func:`install_mmcv_ops` puts a small module in that place before
mmdet is imported. The names and argument orders below are those by which mmcv 2.1 calls ``_ext``.
"""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

import torch
import torchvision
from torch import Tensor

EXTENSION = "mmcv._ext"
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


_REPORTS = (get_compiler_version, get_compiling_cuda_version)
_OPS = (nms, roi_align_forward, roi_align_backward)


def _require_average(pool_mode: int) -> None:
    if pool_mode != _AVERAGE:
        _refuse("roi_align with pool_mode='max'")


def _refuse(op: str) -> NoReturn:
    raise NotImplementedError(
        f"mmcv's compiled op {op} has no stand-in: this project runs mmdet on mmcv-lite with "
        f"{', '.join(function.__name__ for function in _OPS)} taken from torchvision. "
        "Choose a model without that op, or install compiled mmcv (pip install 'mmcv>=2.1,<2.2' "
        "built for your torch) in place of mmcv-lite"
    )


class _Loader:
    """Makes the module look imported to those who probe its spec."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        return None


class _Extension(ModuleType):
    """The stand-in for ``mmcv._ext``: known ops are attributes, any other refuses to be called."""

    def __getattr__(self, name: str):
        if name.startswith("__"):  # mmengine and importlib probe for these
            raise AttributeError(name)

        def missing(*args, **kwargs) -> NoReturn:
            _refuse(name)

        missing.__name__ = name
        return missing


def install_mmcv_ops() -> bool:
    """Put the stand-in at ``mmcv._ext`` unless something is there already.

    Call it before mmdet or ``mmcv.ops`` is imported; calling it again does nothing.

    Returns:
        Whether the stand-in is in use (False: compiled mmcv is installed and stays).

    Raises:
        ModuleNotFoundError: no mmcv at all.
    """
    present = sys.modules.get(EXTENSION)
    if present is None:
        if _find_compiled() is not None:
            return False
        present = _make_extension()
        sys.modules[EXTENSION] = present
        sys.modules["mmcv"]._ext = present
    return isinstance(present, _Extension)


def _find_compiled() -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(EXTENSION)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "mmdet needs mmcv: pip install 'mmcv-lite>=2.1,<2.2' (pure Python, nothing to compile)"
        ) from error


def _make_extension() -> _Extension:
    extension = _Extension(EXTENSION, "Ops of mmcv by torchvision, see bmp.detectors.bridge.")
    extension.__spec__ = ModuleSpec(EXTENSION, _Loader(), origin=__file__)
    for function in (*_OPS, *_REPORTS):
        setattr(extension, function.__name__, function)
    return extension
