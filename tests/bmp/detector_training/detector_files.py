"""Small COCO files and images for the detector's data sets."""

import json

import cv2
import numpy as np
from mmengine.registry import DefaultScope
from pycocotools import mask as coco_mask

from bmp.detector_training import CocoHumanDataset

SQUARE = [10, 10, 40, 10, 40, 40, 10, 40]
LOAD = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True),
]
PACK = dict(
    type="PackDetInputs", meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")
)
RESIZE = dict(type="Resize", scale=(64, 64), keep_ratio=True)
TEST = [*LOAD, RESIZE, PACK]


def annotation(image_id, segmentation=(SQUARE,), bbox=(10, 10, 30, 30), **fields):
    return {
        "image_id": image_id,
        "category_id": 1,
        "bbox": list(bbox),
        "area": 900,
        "iscrowd": 0,
        "segmentation": [list(polygon) for polygon in segmentation],
        **fields,
    }


def write(folder, images, annotations):
    """A COCO file of images given as arrays, bytes, or None for a missing file."""
    (folder / "images").mkdir()
    entries = []
    for image_id, image in enumerate(images):
        path = folder / "images" / f"{image_id}.png"
        if isinstance(image, np.ndarray):
            cv2.imwrite(str(path), image)
        elif image is not None:
            path.write_bytes(image)
        height, width = image.shape[:2] if isinstance(image, np.ndarray) else (50, 60)
        entries.append({"id": image_id, "file_name": path.name, "height": height, "width": width})
    for identity, entry in enumerate(annotations, start=1):
        entry["id"] = identity
    content = {"images": entries, "annotations": annotations}
    content["categories"] = [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}]
    (folder / "annotations.json").write_text(json.dumps(content))


def open_dataset(folder, pipeline, kind=CocoHumanDataset, **arguments):
    with DefaultScope.overwrite_default_scope("mmdet"):
        return kind(
            data_root=str(folder),
            ann_file="annotations.json",
            data_prefix=dict(img="images/"),
            pipeline=pipeline,
            serialize_data=False,  # it collects garbage for a second
            **arguments,
        )


GOOD = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
PNG = cv2.imencode(".png", GOOD)[1].tobytes()
LEFT, RIGHT = (10, 10, 30, 30), (45, 5, 10, 40)
PEOPLE = [list(LEFT), list(RIGHT)]
"""Two people in ``GOOD``, boxes xywh; their masks fill them."""


def polygon_of(bbox):
    x, y, w, h = bbox
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def mask_of(bbox):
    mask = np.zeros(GOOD.shape[:2], np.uint8)
    x, y, w, h = bbox
    mask[y : y + h, x : x + w] = 1
    return mask


def two_people():
    """A well-formed file of two people in one image of 60 x 50 px."""
    people = [annotation(7, (polygon_of(bbox),), bbox, area=bbox[2] * bbox[3]) for bbox in PEOPLE]
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": 50, "width": 60}],
        "annotations": [{"id": n, **person} for n, person in enumerate(people, start=1)],
        "categories": [{"id": 1, "name": "person"}],
    }


def put(folder, content):
    """Write a file of ``a.png``."""
    (folder / "images").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "images/a.png"), GOOD)
    (folder / "annotations.json").write_text(json.dumps(content))


def rle_of(bbox, *, as_text):
    rle = coco_mask.encode(np.asfortranarray(mask_of(bbox)))
    if as_text:
        return {"size": [50, 60], "counts": rle["counts"].decode()}
    flat = mask_of(bbox).ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [1 - flat[-1]]])))
    return {"size": [50, 60], "counts": np.diff(np.concatenate([[0], edges])).tolist()}


def _each(field, *values):
    """Sets a field of both people, or takes it away."""

    def change(content, folder):
        for n, person in enumerate(content["annotations"]):
            person.pop(field, None)
            if values:
                value = values[n % len(values)]
                person[field] = value(person["bbox"]) if callable(value) else value

    return change


def _image(**fields):
    return lambda content, folder: content["images"][0].update(fields)


def _category(number, name="person", *, listed=True):
    def change(content, folder):
        _each("category_id", number)(content, folder)
        content["categories"] = [{"id": number, "name": name}]
        if not listed:
            del content["categories"]

    return change


def _beside_others(content, folder):
    """A bus stands before the people, in the list of categories and in the image."""
    content["categories"] = [{"id": 1, "name": "bus"}, {"id": 5, "name": "Person"}]
    _each("category_id", 5)(content, folder)
    content["annotations"].insert(0, annotation(7, bbox=(0, 0, 60, 50)) | {"id": 9})


def _absolute(content, folder):
    content["images"][0]["file_name"] = str(folder / "images/a.png")


ALIKE = {
    "as it is": lambda content, folder: None,
    "ids from 0": _each("id", 0, 1),
    "ids below 0": _each("id", -1, -2),
    "ids the same": _each("id", 1),
    "ids of text": _each("id", "a", "b"),
    "ids missing": _each("id"),
    "area missing": _each("area"),
    "area null": _each("area", None),
    "area 0": _each("area", 0),
    "area -1": _each("area", -1),
    "area as text": _each("area", lambda bbox: str(bbox[2] * bbox[3])),
    "iscrowd missing": _each("iscrowd"),
    "iscrowd null": _each("iscrowd", None),
    "iscrowd as text": _each("iscrowd", "0"),
    "category 0": _category(0),
    "category as text": _category("7"),
    "category in capitals": _category(3, "PERSON"),
    "category of another name": _category(3, "JOB_0/pedestrian"),
    "category not said": _each("category_id"),
    "categories not listed": _category(4, listed=False),
    "other categories before": _beside_others,
    "mask a flat list": _each("segmentation", polygon_of),
    "mask of points": _each("segmentation", lambda b: np.reshape(polygon_of(b), (-1, 2)).tolist()),
    "mask RLE of text": _each("segmentation", lambda bbox: rle_of(bbox, as_text=True)),
    "mask RLE of runs": _each("segmentation", lambda bbox: rle_of(bbox, as_text=False)),
    "box as text": _each("bbox", *([str(x) for x in bbox] for bbox in PEOPLE)),
    "box drawn to the left": _each("bbox", *([x + w, y, -w, h] for x, y, w, h in PEOPLE)),
    "box missing": _each("bbox"),
    "size exchanged": _image(height=60, width=50),
    "size halved": _image(height=25, width=30),
    "size null": _image(height=None, width=None),
    "size as text": _image(height="50", width="60.0"),
    "name absolute": _absolute,
    "name of another machine": _image(file_name="/data/of/somebody/a.png"),
    "name with a slash": _image(file_name="/a.png"),
    "name of Windows": _image(file_name=".\\a.png"),
}
"""Files that say the same as `two_people` in another way."""
