"""What the machine offers, and what to do where something is missing.

Imports nothing heavy: the command line asks here before it loads OpenCV or torch.
"""

import importlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bmp.locations import WEIGHT_SUFFIXES, weights_folders
from mmpose.errors import explain
from mmpose.errors import import_extra as import_extra

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python", "mmengine", "mmcv-lite", "mmcv")
PACKAGES += ("mmdet", "sam2", "timm", "safetensors", "pycocotools", "faster-coco-eval")


def import_transformers(part: str, folder: str | None, model: Any) -> ModuleType:
    """transformers, for a part of the loop that is a folder of weights or a ready model.

    Args:
        part: what it is for, such as "a detector of transformers".
        folder: what ``save_pretrained`` wrote.
        model: a ready model.

    Raises:
        ValueError: neither folder nor model is given.
        ImportError: transformers is not installed.
    """
    if folder is None and model is None:
        raise ValueError(f"{part} needs the folder that save_pretrained wrote, or model=")
    return import_extra("transformers", "interop", part)


class MissingLibraryError(ImportError):
    """A system library is missing; the message names the fix."""


def check_opencv() -> None:
    """Load OpenCV once, so that a missing system library is told with its fix.

    An OpenCV of another package that was laid over ours is told too.

    Raises:
        MissingLibraryError: libGL or libgthread is missing, or OpenCV is not installed.
    """
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        raise MissingLibraryError(explain(error)) from error
    warning = importlib.import_module("mmpose.inputs").opencv_warning()
    if warning is not None:
        tell(warning)


def package_versions() -> dict[str, str]:
    """Versions of the packages we stand on; an absent one says so.

    OpenCV's is the imported one: several packages own its folder.
    """
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    try:
        imported = importlib.import_module("cv2").__version__
    except ImportError:
        imported = "does not import"
    if not versions["opencv-python"].startswith(imported):
        versions["opencv-python"] += f", but {imported} is what is imported"
    return versions


def pick_device(device: "torch.device | str | None" = None) -> "torch.device":
    """The device asked for, if it is there.

    Args:
        device: a torch device; None or ``auto``: the GPU if there is one, else the CPU.

    Raises:
        ValueError: it is no device, or not on this machine.
    """
    torch = importlib.import_module("torch")
    if device is None or device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"unknown device {device!r}; use 'cpu', 'cuda' or 'cuda:1'") from error
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise ValueError(
                f"device {str(chosen)!r} was asked for, but torch {torch.__version__} sees "
                f"{count} GPUs; use device='cpu', or check the driver with nvidia-smi"
            )
    return chosen


def devices() -> list[str]:
    """What torch can compute on, in words."""
    torch = importlib.import_module("torch")
    found = [f"cpu: {os.cpu_count()} cores, torch uses {torch.get_num_threads()}"]
    for n in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(n)
        found.append(f"cuda:{n}: {properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    return found


def found_weights() -> list[tuple[Path, float]]:
    """Files of weights that are looked at first, with their sizes in MB (10⁶ bytes)."""
    files = [
        path
        for folder in weights_folders()
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix in WEIGHT_SUFFIXES
    ]
    return [(path, path.stat().st_size / 1e6) for path in files]


def tell(message: str) -> None:
    """One line to standard error, where progress and problems go."""
    print(message, file=sys.stderr, flush=True)
