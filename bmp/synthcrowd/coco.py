"""Write scenes as a COCO data set, so that an interrupted run can go on.

While it grows, the set lives in `<out_dir>.partial` with one record a finished image; when all
are there, the records become `annotations.json` and the folder gets its name.
"""

import errno
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from bmp.synthcrowd.scene import annotation_max_iou, render_scene
from bmp.synthcrowd.settings import SceneSettings
from bmp.synthcrowd.skeleton import CATEGORY
from mmpose.errors import DISK_FULL
from mmpose.files import whole_file

GENERATOR_VERSION = 3  # raise it whenever the same seed gives other images


def write_dataset(
    out_dir: str | Path,
    num_images: int,
    seed: int,
    settings: SceneSettings | None = None,
    *,
    workers: int = 1,
) -> Path:
    """Render a data set; the same arguments give the same bytes, whatever the workers.

    Args:
        out_dir: becomes `<out_dir>/images/%06d.jpg`, `annotations.json` (COCO person keypoints,
            each image with its `max_iou`) and `manifest.json`.
        num_images: how many.
        seed: of the set; image i is scene (seed, i).
        settings: of the scenes.
        workers: processes.

    Returns:
        The path of annotations.json. A set that is complete is left as it is; one that was
        interrupted is continued.

    Raises:
        ValueError: num_images, seed or workers are wrong, or out_dir holds another set.
        PermissionError, OSError: the folder cannot be written or the disk is full; the message
            tells the fix.
    """
    if num_images < 1 or workers < 1 or seed < 0:
        raise ValueError(
            "num_images and workers must be at least 1 and seed at least 0, "
            f"got {num_images}, {workers}, {seed}"
        )
    out_dir, settings = Path(out_dir), settings or SceneSettings()
    manifest = {
        "generator": GENERATOR_VERSION,
        "num_images": num_images,
        "seed": seed,
        "settings": settings.to_dict(),
    }
    if _is_complete(out_dir, manifest):
        return out_dir / "annotations.json"
    growing = out_dir.with_name(out_dir.name + ".partial")
    try:
        _open_growing(growing, manifest)
        _render_missing(growing, num_images, seed, settings, workers)
        _finish(growing, out_dir, num_images, manifest)
    except OSError as error:
        raise _with_fix(error, out_dir) from error
    return out_dir / "annotations.json"


def _is_complete(out_dir: Path, manifest: dict) -> bool:
    """Whether out_dir holds exactly this set; another set there is an error."""
    if not out_dir.exists():
        return False
    path = out_dir / "manifest.json"
    if path.is_file() and json.loads(path.read_text()) == manifest:
        return True
    if out_dir.is_dir() and not any(out_dir.iterdir()):
        return False
    raise ValueError(
        f"{out_dir} holds something else than the set asked for (its manifest.json differs or is "
        "missing): delete the folder or choose another place"
    )


def _open_growing(growing: Path, manifest: dict) -> None:
    """Make the growing folder, or take up the one of an interrupted run."""
    path = growing / "manifest.json"
    if growing.exists() and not (path.is_file() and json.loads(path.read_text()) == manifest):
        shutil.rmtree(growing)  # of other settings: ours by its name
    (growing / "images").mkdir(parents=True, exist_ok=True)
    (growing / "records").mkdir(exist_ok=True)
    _write(path, _to_bytes(manifest))


def _render_missing(
    growing: Path, num_images: int, seed: int, settings: SceneSettings, workers: int
) -> None:
    """Render every image that has no record yet."""
    numbers = range(1, num_images + 1)
    missing = [n for n in numbers if not _record_path(growing, n).is_file()]
    task = partial(write_image, growing, seed=seed, settings=settings)
    progress = partial(
        tqdm, total=num_images, initial=num_images - len(missing), desc=growing.stem, unit="image"
    )
    if workers == 1:
        for number in progress(missing):
            task(number)
        return
    # a forked process would wait for ever for threads that OpenCV had before
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for _ in progress(pool.map(task, missing, chunksize=8)):
            pass


def write_image(folder: Path, number: int, *, seed: int, settings: SceneSettings) -> None:
    """Render image `number` (from 1) and write its file, then its record."""
    image, annotations = render_scene((seed, number), settings)
    low, high = settings.quality
    quality = int(np.random.default_rng((seed, number, 1)).integers(low, high + 1))
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    _write(folder / "images" / f"{number:06d}.jpg", encoded)
    record = {
        "image": {
            "id": number,
            "file_name": f"{number:06d}.jpg",
            "width": settings.width,
            "height": settings.height,
            "max_iou": round(annotation_max_iou(annotations), 4),
        },
        "annotations": annotations,
    }
    _write(_record_path(folder, number), _to_bytes(record))


def _finish(growing: Path, out_dir: Path, num_images: int, manifest: dict) -> None:
    """Merge the records into annotations.json and give the folder its name."""
    images, annotations = [], []
    for number in range(1, num_images + 1):
        record = json.loads(_record_path(growing, number).read_text())
        images.append(record["image"])
        for annotation in record["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    content = {
        "info": {"description": "SynthCrowd", **manifest},
        "licenses": [],
        "categories": [CATEGORY],
        "images": images,
        "annotations": annotations,
    }
    _write(growing / "annotations.json", _to_bytes(content))
    shutil.rmtree(growing / "records")
    if out_dir.exists():
        out_dir.rmdir()  # empty: checked before
    os.replace(growing, out_dir)


def _record_path(folder: Path, number: int) -> Path:
    return folder / "records" / f"{number:06d}.json"


def _to_bytes(content: dict) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _write(path: Path, content: bytes) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(content)


def _with_fix(error: OSError, out_dir: Path) -> OSError:
    """The same error with words that help."""
    if error.errno in DISK_FULL:
        fix = "the disk is full: free some space and run again, finished images are kept"
    elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
        fix = "no permission to write there: choose another --out or change the folder's owner"
    else:
        fix = f"could not write ({error.strerror}): check the path and run again"
    return type(error)(error.errno, fix, str(out_dir))
