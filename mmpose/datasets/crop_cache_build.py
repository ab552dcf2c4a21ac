"""Making a crop cache: shard by shard, in several processes, going on where it stopped."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from mmengine.logging import print_log
from torch.utils.data import Dataset

from mmpose.files import PARTIAL, lock_folder, whole_file, write_json
from mmpose.inputs import UnreadableImageError

from .crop_cache import (
    COLUMNS,
    INDEX,
    MANIFEST,
    check_is_fresh,
    hash_of,
    people_of,
    person_key,
    read_manifest,
    shard_name,
    what_decides,
)
from .transforms import LoadImage, MaskBackground
from .transforms.window_reach import reach_of, window_steps

PEOPLE_PER_SHARD = 128
LOCK = "building.lock"


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        num_people: in the cache.
        num_shards: of all.
        num_kept: how many of them were whole before.
        num_unreadable: people whose images cannot be read.
        num_bytes: of all shards.
    """

    num_people: int
    num_shards: int
    num_kept: int
    num_unreadable: int
    num_bytes: int


class PersonCutter:
    """Cuts people out of their images.

    Args:
        steps: of the pipeline of training.
    """

    def __init__(self, steps: list[Any]) -> None:
        self.steps = window_steps(steps)
        self.load = next(step for step in steps if isinstance(step, LoadImage))
        self.masking = next((step for step in steps if isinstance(step, MaskBackground)), None)

    def __call__(self, sample: dict, image: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
        """Columns of a person's row from ``left`` on, and the bytes: pixels, then the mask."""
        loaded = self.load.transform({**sample, "img": image})  # the image rules over annotations
        left, top, right, bottom = reach_of(self.steps, loaded, image.shape[:2])
        row = [left, top, right - left, bottom - top, image.shape[1], image.shape[0]]
        parts = [np.ascontiguousarray(image[top:bottom, left:right])]
        mask = None if self.masking is None else self.masking.decode(loaded)[0]
        if mask is None:
            return [*row, 0, 0, 0, 0], parts
        parts.append(np.packbits(mask.pixels))
        return [*row, mask.left, mask.top, *mask.pixels.shape[::-1]], parts


def write_shard(number: int, people: list[dict], folder: Path, cutter: PersonCutter) -> None:
    """Write a shard and, after it, its list of people with its hash.

    Args:
        number: of the shard.
        people: samples, those of an image in succession.
        folder: of the cache.
        cutter: of the pipeline.
    """
    rows, offset, digest, path, image = [], 0, hashlib.sha256(), None, None
    images = _states(people)  # as they were before they were read
    with whole_file(folder / shard_name(number)) as partial_file, partial_file.open("wb") as file:
        for person in people:
            if person["img_path"] != path:
                path, image = person["img_path"], _read(cutter, person)
            places, parts = ([0] * 10, []) if image is None else cutter(person, image)
            rows.append([person_key(person), number, offset, *places])
            for part in parts:
                digest.update(part)
                file.write(part)
                offset += part.nbytes
    content = {"sha256": digest.hexdigest(), "bytes": offset, "images": images, "rows": rows}
    write_json(_list_path(folder, number), content)


def _read(cutter: PersonCutter, person: dict) -> np.ndarray | None:
    try:
        return cutter.load.transform({"img_path": person["img_path"]})["img"]
    except UnreadableImageError:
        return None  # training tells and leaves it out, as without a cache


def _list_path(folder: Path, number: int) -> Path:
    return folder / f"{shard_name(number)}.json"


def _states(people: list[dict]) -> list[list[int] | None]:
    """Size and time of change of each image of some people; None: there is no such file."""
    states: dict[str, list[int] | None] = {}
    for path in dict.fromkeys(person["img_path"] for person in people):
        try:
            state = Path(path).stat()
            states[path] = [state.st_size, state.st_mtime_ns]
        except OSError:
            states[path] = None
    return list(states.values())


def is_whole(number: int, people: list[dict], folder: Path) -> bool:
    """Whether a shard has its hash, and holds these people of these very images."""
    shard, listed = folder / shard_name(number), _list_path(folder, number)
    if not shard.is_file() or not listed.is_file():
        return False
    content = json.loads(listed.read_text(encoding="utf-8"))
    return (
        [row[0] for row in content["rows"]] == [person_key(person) for person in people]
        and content["images"] == _states(people)
        and content["sha256"] == hash_of(shard)
    )


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _write_numbered(job: tuple[int, list[dict]], folder: Path, cutter: PersonCutter) -> int:
    number, people = job
    write_shard(number, people, folder, cutter)
    return number


@contextmanager
def _mapped(num_workers: int) -> Iterator[Callable[..., Iterator]]:
    """``map`` in this process, or in so many others."""
    if num_workers <= 1:
        yield map
        return
    # not forked: a fork of a process whose OpenCV has threads waits for them for ever
    context = get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, initializer=_one_thread) as workers:
        yield workers.map


def plan_shards(dataset: Dataset) -> list[list[dict]]:
    """All people of a data set, by image, in lists of a shard each."""
    people = sorted(people_of(dataset), key=lambda person: person["img_path"])
    step = PEOPLE_PER_SHARD
    return [people[start : start + step] for start in range(0, len(people), step)]


def build_cache(dataset: Dataset, folder: Path, num_workers: int) -> Iterator[int | BuildReport]:
    """Make a crop cache, or finish one; shards that are whole already are kept.

    Args:
        dataset: of a training, with its pipeline.
        folder: made if it is missing.
        num_workers: processes.

    Yields:
        How many shards are done, each time one is; at last a `BuildReport`.

    Raises:
        ValueError: the pipeline cannot have a cache, or the folder has one of something else.
    """
    made_of = what_decides(dataset)
    if (folder / MANIFEST).is_file():
        check_is_fresh(read_manifest(folder), made_of, folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = _clean(folder)
    write_json(folder / MANIFEST, {"made_of": made_of})
    shards = list(enumerate(plan_shards(dataset)))
    kept = {number for number, people in shards if is_whole(number, people, folder)}
    missing = [(number, people) for number, people in shards if number not in kept]
    write = partial(
        _write_numbered, folder=folder, cutter=PersonCutter(dataset.pipeline.transforms)
    )
    with _mapped(num_workers) as mapped:
        for done, _ in enumerate(mapped(write, missing), len(kept) + 1):
            yield done
    yield _finish(folder, made_of, len(shards), len(kept))
    if lock is not None:
        lock.close()


def _clean(folder: Path) -> IO | None:
    """Remove what a build that was killed left, and lock the folder; None: another one runs."""
    left = list(folder.glob(f".*{PARTIAL}"))
    lock = lock_folder(folder, LOCK)
    if lock is None:
        print_log(
            f"another process seems to make the crop cache {folder} too: both do all the work",
            logger="current",
            level=logging.WARNING,
        )
        return None
    for path in left:
        path.unlink(missing_ok=True)
    return lock


def _finish(folder: Path, made_of: dict, num_shards: int, num_kept: int) -> BuildReport:
    """Write the index and the manifest that says that all is there."""
    lists = [
        json.loads(_list_path(folder, n).read_text(encoding="utf-8")) for n in range(num_shards)
    ]
    rows = np.array([row for content in lists for row in content["rows"]], np.int64)
    rows = rows.reshape(-1, len(COLUMNS))
    with whole_file(folder / INDEX) as partial_file, partial_file.open("wb") as file:
        np.save(file, rows)
    sizes = [content["bytes"] for content in lists]
    content = {"made_of": made_of, "index": hash_of(folder / INDEX), "shard_sizes": sizes}
    write_json(folder / MANIFEST, content)
    num_unreadable = int((rows[:, COLUMNS.index("width")] == 0).sum())
    return BuildReport(len(rows), num_shards, num_kept, num_unreadable, sum(sizes))
