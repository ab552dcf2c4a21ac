"""People as rectangles: a data set of theirs, and what the loop makes of it."""

import json

import cv2
import torch

from bmp.evaluation import CocoImageDataset
from bmp.loop import run_loop
from bmp.structures import make_people, masks_to_bboxes
from mmpose.structures.mask import mask_to_rle
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    RectanglePose,
    paint,
    rectangle_parts,
)

PERSON = {"id": 1, "name": "person", "skeleton": []}
IMAGES = [TWO_IN_ONE_PLACE, APART, NOBODY]


def annotations_of(image, img_id):
    levels = torch.from_numpy(image[..., 0])
    masks = torch.stack([levels == n for n in (10, 20)])
    masks = masks[masks.any(2).any(1)]
    people = make_people(masks_to_bboxes(masks, torch.zeros(len(masks), 4)), masks=masks)
    joints = RectanglePose().pose(people).keypoints
    for n, (x1, y1, x2, y2) in enumerate(people.bboxes.tolist()):
        keypoints = torch.cat([joints[n], torch.full((17, 1), 2.0)], 1)
        yield {
            "id": 10 * img_id + n + 1,
            "image_id": img_id,
            "category_id": 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": int(masks[n].sum()),
            "iscrowd": 0,
            "segmentation": mask_to_rle(masks[n].numpy()),
            "keypoints": keypoints.flatten().tolist(),
            "num_keypoints": 17,
        }


def write_rectangles(folder):
    """Three images, four people, and a fourth image that is no image but has a person."""
    names = [f"{n}.png" for n in range(1, 5)]
    (folder / "images").mkdir()
    for name, image in zip(names, IMAGES, strict=False):
        cv2.imwrite(str(folder / "images" / name), image)
    (folder / "images" / "4.png").write_text("no image")
    everything = [*IMAGES, APART]
    coco = {
        "images": [
            {"id": n, "file_name": name, "height": 60, "width": 100}
            for n, name in enumerate(names, 1)
        ],
        "annotations": [
            a for n, image in enumerate(everything, 1) for a in annotations_of(image, n)
        ],
        "categories": [PERSON],
    }
    (folder / "annotations.json").write_text(json.dumps(coco))
    return folder


def dataset_of(folder, **arguments):
    return CocoImageDataset(
        "annotations.json", str(folder), data_prefix={"img": "images"}, **arguments
    )


def samples_of(dataset, **settings):
    """What the loop's model hands to the metric."""
    samples = [dataset[n] for n in range(len(dataset))]
    readable = [s for s in samples if s["error"] is None]
    results = run_loop([s["image"] for s in readable], **rectangle_parts())
    for sample, result in zip(readable, results, strict=True):
        yield {"img_id": sample["img_id"], "turns": result.turns, "error": None}
    for sample in samples:
        if sample["error"] is not None:
            yield {"img_id": sample["img_id"], "turns": [], "error": sample["error"]}


def rewrite(folder, change):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        change(annotation)
    path.write_text(json.dumps(content))
    return str(path)


def write_many(folder, count):
    """So many images of one or two rectangles, each at another place."""
    (folder / "images").mkdir()
    images, annotations = [], []
    for n in range(1, count + 1):
        image = paint((5 + n, 5, 30 + n, 50), (62, 8 + n, 92, 40 + n)) if n % 3 else NOBODY
        cv2.imwrite(str(folder / "images" / f"{n}.png"), image)
        images.append({"id": n, "file_name": f"{n}.png", "height": 60, "width": 100})
        annotations += annotations_of(image, n)
    coco = {"images": images, "annotations": annotations, "categories": [PERSON]}
    (folder / "annotations.json").write_text(json.dumps(coco))
    return folder
