"""CIHP's maps of people as a COCO annotation file with masks, for `CIHPDataset`.

    python tools/datasets/cihp.py --split train --boxes datasets/cihp/cihp_train_boxes.json
    python tools/datasets/cihp.py --split train --keypoints poses.keypoints.json

The first makes the annotations and the boxes for a pose model to pose (datasets/README.md tells
how), the second merges its poses into the annotations.

Read are, below the root ``instance-level_human_parsing``, of ``Training`` or ``Validation``:
``Images/NAME.jpg`` (only their sizes), ``Human_ids/NAME.png`` (each pixel the number of its
person, 0 background) and the list of names, ``train_id.txt`` or ``val_id.txt``, there or in the
root; without a list all maps are taken. ``Instance_ids`` and ``Category_ids`` tell the clothes
and limbs of a person apart and are not needed.

Written from the published description, not tried on the real download: the place of the lists,
that names are numbers, that maps have one channel (plain or with a palette), and that images and
maps agree in size are as described; where something differs, an error or a report says so.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from tqdm import tqdm

from mmpose.datasets.annotation_files import read_json_list
from mmpose.datasets.cihp_dataset import attach_poses
from mmpose.datasets.coco_file import complete_annotations
from mmpose.datasets.result_records import complete_results
from mmpose.engine.tools import run_tool
from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT

ROOT = PROJECT_ROOT / "datasets" / "cihp" / "instance-level_human_parsing"
FOLDERS = {"train": "Training", "val": "Validation"}
EXIF_ORIENTATION = 0x0112


def find_names(folder: Path, split: str) -> list[str]:
    """Names of the images of a split, without endings, sorted.

    Raises:
        FileNotFoundError: there are no maps, or the list is empty.
        ValueError: a name is no number.
    """
    lists = [place / f"{split}_id.txt" for place in (folder, folder.parent)]
    found = next((path for path in lists if path.is_file()), None)
    if found is not None:
        names = sorted(found.read_text(encoding="utf-8").split())
    else:
        names = sorted(path.stem for path in (folder / "Human_ids").glob("*.png"))
    if not names:
        raise FileNotFoundError(
            f"there are no maps in {found or folder / 'Human_ids' / '*.png'}; give the folder "
            "instance-level_human_parsing of CIHP's download"
        )
    if others := [name for name in names if not name.isdecimal()]:
        raise ValueError(
            f"names of CIHP's images are numbers, got {others[0]!r} in {found or folder}; rename "
            "image and map, or leave them out of the list"
        )
    return names


def read_map(path: Path) -> np.ndarray:
    """A map of people, (H, W) integers; of an image with a palette the places in it.

    Raises:
        ValueError: it has several channels.
    """
    with Image.open(path) as image:
        ids = np.array(image)
    if ids.ndim != 2:
        raise ValueError(
            f"{path} has shape {ids.shape}, expected one number a pixel; the coloured images "
            "of CIHP are for looking at, take those of Human_ids"
        )
    return ids


def upright_size(path: Path) -> tuple[int, int]:
    """(w, h) of an image as it is read: turned by its EXIF entry."""
    with Image.open(path) as image:
        is_turned = image.getexif().get(EXIF_ORIENTATION, 1) >= 5
        return image.size[::-1] if is_turned else image.size


def people_of_map(ids: np.ndarray) -> list[dict]:
    """Mask, box and area of each person of a map.

    Args:
        ids: (H, W), number of the person of each pixel, 0 background.

    Returns:
        ``segmentation`` (compressed RLE), ``bbox`` (left, top, width, height) round the mask and
        ``area`` px², by increasing number.
    """
    numbers = np.unique(ids[ids > 0])
    rles = coco_mask.encode(np.asfortranarray(ids[..., None] == numbers, dtype=np.uint8))
    boxes = coco_mask.toBbox(rles).tolist() if rles else []
    return [
        {
            "segmentation": {"size": rle["size"], "counts": rle["counts"].decode("ascii")},
            "bbox": box,
            "area": int(area),
        }
        for rle, box, area in zip(rles, boxes, coco_mask.area(rles), strict=True)
    ]


def read_image_and_map(folder: Path, name: str) -> tuple[dict, list[dict]] | None:
    """Entry of ``images`` and people of one image; None where its map has another size.

    Raises:
        FileNotFoundError: the image or its map is not there.
        ValueError: one of them is damaged.
    """
    try:
        ids = read_map(folder / "Human_ids" / f"{name}.png")
        size = upright_size(folder / "Images" / f"{name}.jpg")
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError) as error:  # PIL's words for damaged files
        raise ValueError(f"image {name} of {folder} or its map is damaged: {error}") from error
    height, width = ids.shape
    if size != (width, height):
        return None
    image = {"id": int(name), "file_name": f"{name}.jpg", "width": width, "height": height}
    return image, people_of_map(ids)


def read_split(folder: Path, names: list[str], workers: int) -> tuple[dict, list[str]]:
    """All images in COCO's format, and the names of those left out for their size."""
    images, people, left_out = [], [], []
    with ExitStack() as stack:
        read = map
        if workers > 1:
            # a forked process would wait for ever for threads that OpenCV had before
            pool = ProcessPoolExecutor(workers, get_context("spawn"))
            read = partial(stack.enter_context(pool).map, chunksize=32)
        entries = read(partial(read_image_and_map, folder), names)
        for name, entry in zip(tqdm(names, unit="images"), entries, strict=True):
            if entry is None:
                left_out.append(name)
                continue
            image, found = entry
            images.append(image)
            first = len(people) + 1
            known = {"image_id": image["id"], "category_id": 1, "iscrowd": 0}
            people += [{"id": first + i, **known, **person} for i, person in enumerate(found)]
    categories = [{"id": 1, "name": "person"}]
    return {"images": images, "annotations": people, "categories": categories}, left_out


def merge_poses(content: dict, path: Path, threshold: float) -> dict:
    """The annotations with the joints of a result file, see `attach_poses`."""
    known = complete_annotations(content)
    poses = complete_results(read_json_list(path), known, str(path), needs=("bbox", "keypoints"))
    people = attach_poses(content["annotations"], poses, threshold)
    for person in people:
        if "keypoints" in person:
            person["keypoints"] = np.round(person["keypoints"], 2).tolist()
    return content | {"annotations": people}


def to_boxes(content: dict) -> list[dict]:
    """The people as detections with masks, for ``bbox_file``."""
    fields = ("image_id", "category_id", "bbox", "segmentation")
    return [{**{key: p[key] for key in fields}, "score": 1.0} for p in content["annotations"]]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="instance-level_human_parsing")
    parser.add_argument("--split", choices=tuple(FOLDERS), default="train")
    parser.add_argument("--out", type=Path, help="by default cihp_SPLIT.json beside the root")
    parser.add_argument("--boxes", type=Path, help="file for the people as detections, to pose")
    parser.add_argument("--keypoints", type=Path, help="COCO result file of these people's poses")
    parser.add_argument(
        "--presence-thr", type=float, default=0.5, help="joints below are unlabelled (0.5)"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    folder = args.root / FOLDERS[args.split]
    out = args.out or args.root.parent / f"cihp_{args.split}.json"
    content, left_out = read_split(folder, find_names(folder, args.split), args.workers)
    if left_out:
        print(f"{len(left_out)} images left out, their maps have another size: {left_out[:5]}")
    if args.boxes is not None:
        write_json(args.boxes, to_boxes(content))
    if args.keypoints is not None:
        content = merge_poses(content, args.keypoints, args.presence_thr)
    write_json(out, content)
    people = content["annotations"]
    num_posed = sum("keypoints" in person for person in people)
    print(f"{out}: {len(people)} people in {len(content['images'])} images, {num_posed} posed")


if __name__ == "__main__":
    run_tool(main)
