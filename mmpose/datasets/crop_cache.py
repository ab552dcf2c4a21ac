"""People cut out of the training images once: a folder that `tools/datasets/crop_cache.py` makes.

Its shards are plain bytes, mapped into memory: a window of an image as it is decoded, for each
person, with all that the pipeline's augmentation may show, and the person's mask in bits. So a
sample costs neither decoding nor copying, and its crop has the pixels that it has without.
"""

import hashlib
import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from .image_views import ImageWindow
from .transforms import LoadImage, MaskBackground
from .transforms.region_mask import RegionMask
from .transforms.window_reach import check_views, window_steps

MANIFEST, INDEX = "cache.json", "index.npy"
HOW_TO_MAKE = "python tools/datasets/crop_cache.py CONFIG --out FOLDER"
# one row of the index; places and sizes in pixels, a mask of no width is none
COLUMNS = (
    *("key", "shard", "offset", "left", "top", "width", "height", "image_width", "image_height"),
    *("mask_left", "mask_top", "mask_width", "mask_height"),
)
# files whose text decides what is in a cache
_SOURCES = (
    *("crop_cache.py", "crop_cache_build.py", "transforms/window_reach.py"),
    *("transforms/region_mask.py", "transforms/topdown_affine.py", "../inputs.py"),
)


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"{number:05d}.pixels"


def person_key(sample: dict) -> int:
    """What a person is known by, 64 bits: image, number, box and joints as they are annotated."""
    words = (str(sample["img_id"]), str(sample["id"]), Path(sample["img_path"]).name)
    content = "\n".join(words).encode()
    for field in ("bbox", "keypoints", "keypoints_visible"):
        content += np.ascontiguousarray(sample[field], np.float32).tobytes()
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def annotated_parts(dataset: Dataset) -> list[Any]:
    """The data sets with annotation files that a data set is made of."""
    parts = getattr(dataset, "datasets", None)
    return [dataset] if parts is None else [x for part in parts for x in annotated_parts(part)]


def what_decides(dataset: Dataset) -> dict[str, Any]:
    """What the content of a cache depends on: annotations, window steps, source code.

    Args:
        dataset: with a pipeline of training.

    Raises:
        ValueError: no cache can hold what the pipeline needs, see `window_steps`.
    """
    steps = dataset.pipeline.transforms
    loads = [step for step in steps if isinstance(step, LoadImage)]
    if not loads:
        raise ValueError(
            "crop_cache belongs to the data set whose pipeline has LoadImage: with a "
            "CombinedDataset that is the whole, not a part"
        )
    folder = Path(__file__).parent
    return {
        "annotations": {
            f"{number} {Path(part.ann_file).name}": hash_of(Path(part.ann_file))
            for number, part in enumerate(annotated_parts(dataset))
        },
        "steps": _as_json({type(step).__name__: _window_of(step) for step in window_steps(steps)}),
        "color_type": loads[0].color_type,
        "masks": any(isinstance(step, MaskBackground) for step in steps),
        "source code": hash_of(*(folder / name for name in _SOURCES)),
    }


def _window_of(step: Any) -> dict[str, Any]:
    """The settings of a step that decide the window; not where the crop is cut out of it."""
    return {name: value for name, value in vars(step).items() if name != "on_device"}


def hash_of(*paths: Path) -> str:
    """SHA-256 of the content of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _as_json(settings: dict) -> dict:
    return json.loads(json.dumps(settings, default=lambda value: np.asarray(value).tolist()))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a cache.

    Raises:
        FileNotFoundError: there is none.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no crop cache, {MANIFEST} is missing: {HOW_TO_MAKE}")
    return json.loads(path.read_text(encoding="utf-8"))


def check_is_fresh(manifest: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    """Refuse a cache that was made of something else.

    Raises:
        ValueError: naming what differs.
    """
    changed = [name for name, value in wanted.items() if manifest["made_of"].get(name) != value]
    if changed:
        raise ValueError(
            f"the crop cache {folder} was made of other {' and '.join(changed)} than this config "
            f"has; remove it, or take another folder, and make it anew: {HOW_TO_MAKE}"
        )


class CropCache:
    """The people of a crop cache.

    Args:
        folder: that the tool made.
        dataset: whose people are looked up.

    Raises:
        FileNotFoundError: it is no crop cache.
        ValueError: it is unfinished, damaged, or made of other annotations, steps or code.
    """

    def __init__(self, folder: str, dataset: Dataset) -> None:
        self.folder = Path(folder)
        manifest = read_manifest(self.folder)
        check_is_fresh(manifest, what_decides(dataset), self.folder)
        self._check_files(manifest)
        index = np.load(self.folder / INDEX)
        self.index = index[np.argsort(index[:, 0], kind="stable")]
        self._maps: dict[int, mmap.mmap] = {}

    def _check_files(self, manifest: dict[str, Any]) -> None:
        index = self.folder / INDEX
        if not index.is_file() or hash_of(index) != manifest.get("index"):
            raise ValueError(
                f"the crop cache {self.folder} is unfinished or its index damaged; the same "
                f"command goes on where it stopped: {HOW_TO_MAKE}"
            )
        for number, size in enumerate(manifest["shard_sizes"]):
            path = self.folder / shard_name(number)
            if not path.is_file() or path.stat().st_size != size:
                raise ValueError(
                    f"{path} of the crop cache is missing or cut off; the same command makes it "
                    f"anew: {HOW_TO_MAKE}"
                )

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_maps": {}}  # each process maps the files itself

    def fields(self, sample: dict) -> dict[str, Any]:
        """``img`` and, where the mask is known, ``cached_mask`` of a person.

        Args:
            sample: a parsed annotation. Images that could not be read have no fields.

        Raises:
            ValueError: the cache has no such person.
        """
        key = person_key(sample)
        row = int(np.searchsorted(self.index[:, 0], key))
        if row == len(self.index) or self.index[row, 0] != key:
            raise ValueError(
                f"the crop cache {self.folder} has no person {sample['id']!r} of "
                f"{sample['img_path']}; make it anew for this config: {HOW_TO_MAKE}"
            )
        return self._fields(*self.index[row, 1:].tolist())

    def _fields(
        self, shard: int, offset: int, left: int, top: int, width: int, height: int, *rest: int
    ) -> dict[str, Any]:
        image_width, image_height, mask_left, mask_top, mask_width, mask_height = rest
        if not width:  # the image could not be read: LoadImage tells of it, as without a cache
            return {}
        file = self._map(shard)
        count = 3 * width * height
        pixels = np.frombuffer(file, np.uint8, count, offset).reshape(height, width, 3)
        view = ImageWindow(shape=(image_height, image_width, 3), pixels=pixels, left=left, top=top)
        if not mask_width:
            return {"img": view}
        size = mask_width * mask_height
        bits = np.frombuffer(file, np.uint8, -(-size // 8), offset + count)
        mask = np.unpackbits(bits, count=size).reshape(mask_height, mask_width)
        return {"img": view, "cached_mask": RegionMask(mask, mask_left, mask_top)}

    def _map(self, shard: int) -> mmap.mmap:
        if shard not in self._maps:
            with (self.folder / shard_name(shard)).open("rb") as file:
                self._maps[shard] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[shard]


def open_cache(folder: str | None, dataset: Dataset) -> CropCache | None:
    """The cache of a data set's ``crop_cache``, None where it names none.

    Raises:
        ValueError: it is a test set, or a step needs more than the views that `LoadImage` gives;
            else as `CropCache` does.
    """
    check_views(dataset.pipeline.transforms)
    if folder is None:
        return None
    if dataset.test_mode:
        raise ValueError("crop_cache is for training: leave it out of data sets with test_mode")
    return CropCache(folder, dataset)


def people_of(dataset: Dataset) -> Iterator[dict]:
    """Every person that a data set may show, as they come to its pipeline."""
    if hasattr(dataset, "every_person"):
        yield from dataset.every_person()
    else:
        yield from (dataset.get_data_info(index) for index in range(len(dataset)))
