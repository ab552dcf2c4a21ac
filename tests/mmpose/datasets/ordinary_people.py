"""An annotation file in which all is as COCO writes it, and ways to say things otherwise."""

import copy

from mmpose.datasets import parse_pose_metainfo
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH, person

NAMES = list(parse_pose_metainfo({"from_file": "coco.py"})["keypoint_name2id"])


def ordinary():
    """Two images, two people each, all fields as COCO writes them."""
    images = [{"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT} for i in (4, 9)]
    people = [
        person(n, i, x, 15) for n, (i, x) in enumerate([(4, 10), (4, 70), (9, 10), (9, 70)], 1)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": NAMES}]
    return {"images": images, "annotations": people, "categories": categories}


def said_otherwise(change):
    content = ordinary()
    for n, annotation in enumerate(content["annotations"]):
        change(content, annotation, n)
    return content


def update(**fields):
    return lambda content, annotation, n: annotation.update(copy.deepcopy(fields))


def without(*names):
    def change(content, annotation, n):
        for name in names:
            annotation.pop(name)

    return change


def convert(name, function):
    def change(content, annotation, n):
        annotation[name] = function(annotation[name])

    return change


def sizes(function):
    def change(content, annotation, n):
        if n == 0:
            for image in content["images"]:
                image["width"], image["height"] = function(image["width"], image["height"])

    return change
