"""Where things lie: the project, its configs, and weights.

Weights are shipped, in a models folder, in torch's cache, or on the web. Nothing is downloaded when
it is found on this machine.
"""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path

from bmp.downloads import download
from mmpose.project import PROJECT_ROOT

_HUB = "https://huggingface.co/vrg-prague/BBoxMaskPose/resolve/main"
_SAM2 = "https://dl.fbaipublicfiles.com/segment_anything_2/092824"
PUBLISHED = {
    **{f"MaskPose-{s}-1.1.0.pth": f"{_HUB}/MaskPose/MaskPose-{s}-1.1.0.pth" for s in "sblh"},
    "MaskPose-b-1.0.0.pth": f"{_HUB}/MaskPose/MaskPose-b-1.0.0.pth",
    **{f"PMPose-{s}-1.0.0.pth": f"{_HUB}/PMPose/PMPose-{s}-1.0.0.pth" for s in "sblh"},
    "ProbPose-s.pth": "https://huggingface.co/vrg-prague/ProbPose-s/resolve/main/ProbPose-s.pth",
    "ViTPose-b-multi_mmpose20.pth": f"{_HUB}/ViTPose-b-multi_mmpose20.pth",
    "rtmdet-ins-l-mask.pth": f"{_HUB}/rtmdet-ins-l-mask.pth",
    "SAM-pose2seg_hiera_b+.pt": f"{_HUB}/SAM-pose2seg_hiera_b%2B.pt",
    **{
        f"sam2.1_hiera_{size}.pt": f"{_SAM2}/sam2.1_hiera_{size}.pt"
        for size in ("tiny", "small", "base_plus", "large")
    },
}
"""File name and address of every published checkpoint."""

SHA256: dict[str, str] = {}
"""Hashes of published files, by name, as far as they are known; others are checked by size."""

CONFIG_FOLDER = Path(__file__).resolve().parent / "configs"
SHIPPED_FOLDER = Path(__file__).parent / "weights"
WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt")
YAML = (".yaml", ".yml")


def models_folder() -> Path:
    """The folder for weights obtained by hand: ``$BMP_MODELS``, or ``models/`` of the project."""
    return Path(os.environ.get("BMP_MODELS") or PROJECT_ROOT / "models")


def weights_folders() -> list[Path]:
    """Where weights are looked for first: in the package, then in the models folder.

    ``models/SAM`` is where published scripts put segmenters.
    """
    return [SHIPPED_FOLDER, models_folder(), models_folder() / "SAM"]


def find_checkpoint(name: str | os.PathLike) -> Path:
    """The file of a checkpoint, downloaded if it is a published one that is not here yet.

    Looked for in this order: the path itself, also relative to the project; the weights shipped
    in ``bmp/weights``; the models folder; torch's cache of downloads; the web.

    Args:
        name: a path, a file name, or an address (http, https or file).

    Raises:
        FileNotFoundError: it is nowhere, or cannot be downloaded; the message names the address,
            the file and the folder to put it in.
    """
    found = locate_checkpoint(name)
    if found is not None:
        return found
    text = os.fspath(name)
    url = published_address(name)
    if url is None:
        raise FileNotFoundError(
            f"no checkpoint {text!r}: not a file, not shipped in {SHIPPED_FOLDER}, not in "
            f"{models_folder()} (set BMP_MODELS to look elsewhere) and not a published one "
            f"({', '.join(sorted(PUBLISHED))})"
        )
    return _download(url, _cache() / url.rsplit("/", 1)[-1])


def locate_checkpoint(name: str | os.PathLike) -> Path | None:
    """Where a checkpoint is on this machine, see :func:`find_checkpoint`; None: nowhere."""
    text = os.fspath(name)
    url = published_address(name)
    file_names = [Path(text).name]
    if url is not None:  # the published loop caches under the last, still quoted, path component
        file_names = [*_names_of(url), *file_names]
    places = [] if "://" in text else [Path(text), PROJECT_ROOT / text, models_folder() / text]
    places += [
        folder / file_name
        for folder in (*weights_folders(), _cache())
        for file_name in dict.fromkeys(file_names)
    ]
    return next((place for place in places if place.is_file()), None)


def published_address(name: str | os.PathLike) -> str | None:
    """Where a checkpoint is downloaded from; None: it is no published one."""
    text = os.fspath(name)
    return text if "://" in text else PUBLISHED.get(Path(text).name)


def _cache() -> Path:
    import torch  # takes a second that names and folders alone do not need

    return Path(torch.hub.get_dir()) / "checkpoints"


def _names_of(url: str) -> list[str]:
    quoted = url.rsplit("/", 1)[-1]
    return [name for name, known in PUBLISHED.items() if known == url] + [quoted]


def fetch_into(folder: Path, name: str) -> Path:
    """A published checkpoint in a folder, downloaded unless it is there.

    Raises:
        FileNotFoundError: it cannot be downloaded.
    """
    target = folder / name
    return target if target.is_file() else _download(PUBLISHED[name], target)


def _download(url: str, target: Path) -> Path:
    """Fetch a checkpoint; see :func:`bmp.downloads.download`.

    Raises:
        FileNotFoundError: no network, no such file, or cut off.
    """
    name = _names_of(url)[0]
    try:
        return download(url, target, SHA256.get(name))
    except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
        raise FileNotFoundError(
            f"could not download {url} ({error}). What came is kept: run again to go on. Or get it "
            f"on a machine with network and put the file {name!r} into {models_folder()} (or set "
            "BMP_MODELS to its folder)"
        ) from error


def find_config(name: str | os.PathLike, folders: tuple[str, ...] = ("bmp", "demo")) -> Path:
    """The file of a config.

    Args:
        name: a path, or the stem of a file in one of the folders, in any case.
        folders: of ``configs/``, searched in this order.

    Raises:
        FileNotFoundError: there is none; the message lists the names there are.
        ValueError: it is YAML, as the published presets were; with what to take instead.
    """
    text = os.fspath(name)
    if text.endswith(".py"):
        for path in (Path(text), CONFIG_FOLDER.resolve().parent / text):
            if path.is_file():
                return path
        raise FileNotFoundError(f"no config file {text!r}")
    by_stem = {
        path.stem.lower(): path
        for folder in reversed(folders)
        for path in (CONFIG_FOLDER / folder).glob("*.py")
    }
    if text.lower().endswith(YAML):
        raise ValueError(_instead_of_yaml(text, by_stem))
    if text.lower() in by_stem:
        return by_stem[text.lower()].resolve()
    near = get_close_matches(text.lower(), by_stem, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_shortest(by_stem))}"
    places = " and ".join(f"configs/{folder}" for folder in folders)
    raise FileNotFoundError(f"no config {text!r} in {places}; {hint}")


def _shortest(stems: Iterable[str]) -> list[str]:
    """Names without those that say more after one of them: ``bmp_v2_crowdpose``."""
    stems = sorted(stems)
    return [stem for stem in stems if not any(stem.startswith(f"{other}_") for other in stems)]


def _instead_of_yaml(text: str, by_stem: dict[str, Path]) -> str:
    near = get_close_matches(Path(text).stem.lower(), by_stem, n=1)
    names = [near[0]] if near else _shortest(by_stem)
    presets = ", ".join(f"{name!r} ({by_stem[name].resolve()})" for name in names)
    return (
        f"{text} is YAML, which is not read: settings are Python configs here. Take "
        f"{presets}, and give values of your own by cfg_options={{'key.below': value}} or in a "
        "config that inherits from it, _base_ = [...]"
    )
