"""What the machine offers, and what to do where something is missing.

Imports nothing heavy: the command line asks here before it loads OpenCV or torch.
"""

import errno
import importlib
import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bmp.locations import PROJECT_ROOT, WEIGHT_SUFFIXES, weights_folders

if TYPE_CHECKING:
    import torch

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python", "mmengine", "mmcv-lite", "mmcv")
PACKAGES += ("mmdet", "sam2", "timm", "safetensors", "pycocotools", "faster-coco-eval")
OPENCV_MEND = "apt-get install -y libgl1 libglib2.0-0"


class MissingLibraryError(ImportError):
    """A system library is missing; the message names the mend."""


def check_opencv() -> None:
    """Load OpenCV once, so that a missing system library is told with its mend.

    An OpenCV of another package that was laid over ours is told too.

    Raises:
        MissingLibraryError: libGL or libgthread is missing, or OpenCV is not installed.
    """
    try:
        importlib.import_module("cv2")
    except ImportError as error:
        raise MissingLibraryError(explain_import_error(error)) from error
    warning = importlib.import_module("mmpose.inputs").opencv_warning()
    if warning is not None:
        tell(warning)


def explain_import_error(error: ImportError) -> str:
    """One line with the mend of a failed import."""
    text = str(error)
    if ".so" in text and ("libGL" in text or "libgthread" in text or "libglib" in text):
        library = text.split(":")[0]
        return f"OpenCV needs the system library {library}; install it with: {OPENCV_MEND}"
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and missing:
        return f"the package {missing} is not installed; run `make install` in {PROJECT_ROOT}"
    return text


def explain(error: BaseException) -> str:
    """One line that tells what is wrong and what mends it.

    Args:
        error: an exception that a user can cause.
    """
    if isinstance(error, ImportError):
        return explain_import_error(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" at {error.filename}" if error.filename else ""
        return f"the disk is full{where}; free some space and run again, it continues"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"no permission to write {error.filename}; choose another folder with --out, "
            "or change the owner or mode of this one, and run again"
        )
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; run the same command again, it continues"
    first_line = str(error).strip().splitlines()[:1]
    return first_line[0] if first_line else type(error).__name__


def check_writable(folder: str | os.PathLike, *, free_mb: float = 50) -> Path:
    """Make the folder and prove that files can be written there, before any long work.

    Args:
        folder: it and its parents are made.
        free_mb: disk space needed, MB (10⁶ bytes).

    Raises:
        OSError: not writable (EACCES, EROFS, …) or too little space (ENOSPC).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe.{os.getpid()}"
    try:
        probe.write_bytes(b"")
    finally:
        probe.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free / 1e6
    if free < free_mb:
        text = f"{free:.0f} MB free, {free_mb:.0f} MB needed"
        raise OSError(errno.ENOSPC, text, str(folder))
    return folder


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
