"""Hashes of the parts of the loop: equal keys promise equal answers."""

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from bmp.disk_cache import digest, file_digest
from bmp.locations import find_checkpoint, find_config
from mmpose.engine.config import load_config
from mmpose.project import PROJECT_ROOT

PACKAGES = ("mmpose", "bmp")
LIBRARIES = ("mmcv", "mmcv-lite", "mmdet", "mmengine", "mmpretrain", "numpy", "opencv-python")
LIBRARIES += ("opencv-python-headless", "openvino", "rfdetr", "sam2", "timm", "torchvision")
LIBRARIES += ("transformers",)
CONFIG_FOLDERS = ("rtmdet", "PMPose", "MaskPose", "sam_pose2seg", "demo")
LOADERS = ("test_dataloader", "val_dataloader")
FOLDERS = ("data_root", "data_prefix", "ann_file", "bbox_file")
FILES = ("box_file", "ids_file", "ann_file")


def part_key(cfg: Mapping[str, Any], device: torch.device | str) -> str:
    """The hash of a detector, pose model or segmenter as a loop config describes it.

    Configs and weights count by content, not by name. The source code of this project counts, so
    that a changed line is never judged by what the old one answered. So do the modules of
    ``custom_imports`` in a part's own config, though not what they import in turn, the kind of
    device, and the versions of the libraries that compute, which change the last bits.

    Args:
        cfg: ``config``, ``checkpoint`` and settings; a part with random weights gets another key
            each time.
        device: where it works.
    """
    place = f"{source_digest()} {torch.device(device).type}"
    return digest(
        place, library_versions(), json.dumps(part_content(cfg), sort_keys=True, default=repr)
    )


@cache
def source_digest(root: Path = PROJECT_ROOT) -> str:
    """The hash of the source code of both packages, configs aside; 20 ms, once a process.

    Args:
        root: where the packages lie.
    """
    files = [
        path
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        if "configs" not in path.relative_to(root).parts
    ]
    return digest(
        *(part for path in files for part in (str(path.relative_to(root)), path.read_bytes()))
    )


@cache
def library_versions() -> str:
    """Names and versions of the libraries that decide answers, as they are installed."""
    told = [f"torch {torch.__version__}"]
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):  # OpenCV and MMCV come under several names
            told.append(f"{name} {version(name)}")
    return " ".join(told)


def part_content(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """A part's config with the hashes of its weights, and its own config as inference reads it."""
    content = {}
    for key, value in cfg.items():
        if key == "config" and isinstance(value, str | Path):
            content[key] = _read_by_inference(load_config(find_config(value, CONFIG_FOLDERS)))
        elif key == "checkpoint" and value is not None:
            content[key] = file_digest(find_checkpoint(value))
        elif key == "folder" and value is not None and Path(value).is_dir():
            content[key] = _folder_digest(value)  # else the name of a model on the hub
        elif key in FILES and value is not None:
            content[key] = _folder_digest(value) if Path(value).is_dir() else file_digest(value)
        else:
            content[key] = part_content(value) if isinstance(value, Mapping) else value
    if "config" in cfg and cfg.get("checkpoint") is None:
        content["random_weights"] = secrets.token_hex(8)
    return content


def _folder_digest(folder: str | Path) -> str:
    """Of the files in it, ultralytics' one an image or a saved model, by name and content."""
    files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    return digest(*(part for path in files for part in (path.name, file_digest(path))))


def _read_by_inference(config: Mapping[str, Any]) -> dict[str, Any]:
    """The model of a part's config and how its test data are prepared, without folders."""
    datasets = [dict(config.get(loader) or {}).get("dataset") or {} for loader in LOADERS]
    prepared = [{k: v for k, v in dataset.items() if k not in FOLDERS} for dataset in datasets]
    return {"model": config.get("model"), "prepared": prepared, "own_code": _own_code(config)}


def _own_code(config: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the modules that a config imports; those of both packages count already."""
    names = dict(config.get("custom_imports") or {}).get("imports") or ()
    hashes = {}
    for name in [names] if isinstance(names, str) else names:
        spec = None
        with suppress(ModuleNotFoundError):  # of its package; a config may allow that
            spec = None if name.split(".")[0] in PACKAGES else find_spec(name)
        if spec is not None and spec.has_location:
            place = Path(spec.origin)
            files = sorted(place.parent.rglob("*.py")) if place.stem == "__init__" else [place]
            hashes[name] = digest(*(file.read_bytes() for file in files))
    return hashes
