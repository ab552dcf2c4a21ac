"""What a row reads, data and weights: whether it is here, and its hashes."""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mmengine.config import Config

from bmp.locations import locate_checkpoint, models_folder, published_address
from mmpose.datasets.annotation_files import data_path, how_to_get, read_json
from mmpose.datasets.image_files import find_image_files, image_path
from mmpose.engine.config import load_config
from mmpose.engine.tools import add_common_arguments
from mmpose.project import PROJECT_ROOT

from .rows import Row

PARTS = ("detector", "pose_model", "segmenter")
SIDE_FILES = ("bbox_file", "pose_file", "keypoints_file")  # that decide numbers too
BOX_FILES = ("box_file", "ids_file")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class DataSource:
    """Images with their annotations, paths relative to the project."""

    ann_file: str
    images: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """What a row reads."""

    data: tuple[DataSource, ...]
    weights: tuple[str, ...]


def config_of(row: Row) -> Config:
    """The row's config with its options, as ``tools/test.py`` reads it."""
    return _load(row.config, tuple(row.options))


@cache  # lists, checks and hashes of a row each ask for it, and nobody changes it
def _load(config: str, options: tuple[str, ...]) -> Config:
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    given = ["--cfg-options", *options] if options else []
    return load_config(PROJECT_ROOT / config, parser.parse_args([config, *given]).cfg_options)


def sources_of(row: Row) -> Sources:
    """Data and weights by the row's config, so that the ledger need not name them twice."""
    config = config_of(row)
    found = list(dict.fromkeys(_data_sources(config.test_dataloader.dataset)))
    parts = [config.model.get(part, {}) for part in PARTS]
    # boxes of a file take the detector's place; they are data, not weights
    files = [_shown(Path(name)) for key in BOX_FILES for name in _values(parts, key)]
    found[0] = replace(found[0], others=(*found[0].others, *files))
    names = [row.checkpoint or config.get("checkpoint"), *_values(parts, "checkpoint")]
    return Sources(tuple(found), tuple(dict.fromkeys(name for name in names if name)))


def _values(node: object, key: str) -> Iterator[str]:
    """All values of a key in nested dicts and lists."""
    is_dict = isinstance(node, dict)
    if is_dict and node.get(key):
        yield node[key]
    for value in node.values() if is_dict else node if isinstance(node, list) else ():
        yield from _values(value, key)


def _data_sources(node: object) -> Iterator[DataSource]:
    """Every data set in a config of data sets, in its order."""
    if isinstance(node, dict) and "ann_file" in node:
        root = node.get("data_root") or ""
        folder = (node.get("data_prefix") or {}).get("img", "")
        others = (data_path(root, node[key]) for key in SIDE_FILES if node.get(key))
        paths = [Path(root, node["ann_file"]), Path(root, folder), *map(Path, others)]
        ann_file, images, *rest = map(_shown, paths)
        yield DataSource(ann_file, images, tuple(rest))
        return
    inner = node.values() if isinstance(node, dict) else node
    for value in inner if isinstance(node, dict | list | tuple) else ():
        yield from _data_sources(value)


def _shown(path: Path) -> str:
    # as it is written in configs, also where the project lies elsewhere
    is_inside = path.is_relative_to(PROJECT_ROOT)
    return path.relative_to(PROJECT_ROOT).as_posix() if is_inside else str(path)


def missing(row: Row) -> list[str]:
    """What this machine lacks to run a row, one sentence with its fix each."""
    sources = sources_of(row)
    lacks = [reason for source in sources.data for reason in _missing_data(source)]
    for name in sources.weights:
        if locate_checkpoint(_in_project(name)) is None:
            lacks.append(f"there are no weights {name}; {how_to_get_weights(name, row.how_to_get)}")
    return lacks


def _missing_data(source: DataSource) -> list[str]:
    how = dict.fromkeys(source.others, "it holds what another model found, COCO's result format")
    how |= {source.ann_file: how_to_get(source.ann_file)}
    lacks = [f"there is no {file}; {how[file]}" for file in how if not _is_file(file)]
    if not lacks:
        check = find_image_files(image_paths(source), source.ann_file)
        if check.missing:
            lacks.append(
                f"{len(check.missing)} of {check.num_images} images of {source.ann_file} are "
                f"missing, such as {check.missing[0]}; {how_to_get(source.ann_file)}"
            )
    return lacks


def _is_file(path: str) -> bool:
    return (PROJECT_ROOT / path).is_file()


def _in_project(name: str) -> str:
    inside = PROJECT_ROOT / name
    return str(inside) if "://" not in name and inside.is_file() else name


def how_to_get_weights(name: str, how: str | None) -> str:
    """The sentence that tells how missing weights come into being."""
    if how is not None:
        return how
    url = published_address(name)
    if url is not None:
        return f"put {url} into {models_folder()}"
    return f"put the file into {models_folder()}, or set BMP_MODELS to its folder"


def image_paths(source: DataSource) -> list[str]:
    """Paths of the images that an annotation file lists, in its order."""
    records = read_json(PROJECT_ROOT / source.ann_file)
    images = records["images"] if isinstance(records, dict) else records
    folder = str(PROJECT_ROOT / source.images)
    key = "file_name" if isinstance(records, dict) else "image"  # MPII's files are lists
    return [image_path(folder, str(image[key])) for image in images]


@cache
def data_hash(source: DataSource) -> str:
    """sha256 of the annotation file, of the files beside it, and of its images' names and sizes.

    Reading the images themselves would take minutes; one that was replaced has another size.
    """
    digest = hashlib.sha256()
    for file in (source.ann_file, *source.others):
        digest.update(file_hash(PROJECT_ROOT / file).encode())
    for path in sorted(map(Path, image_paths(source))):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


@cache
def file_hash(path: Path) -> str:
    """sha256 of a file, as ``sha256sum`` prints it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hashes_of(row: Row) -> tuple[dict[str, str], dict[str, str]]:
    """Hashes of the row's data, by annotation file, and of its weights, by name.

    What is not here is left out.
    """
    sources = sources_of(row)
    data = {
        source.ann_file: data_hash(source) for source in sources.data if not _missing_data(source)
    }
    places = {name: locate_checkpoint(_in_project(name)) for name in sources.weights}
    weights = {name: file_hash(place) for name, place in places.items() if place is not None}
    return data, weights
