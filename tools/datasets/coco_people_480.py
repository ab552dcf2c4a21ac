"""Join the two annotation files of datasets/coco_val2017_people_480 for pose training.

``people_poses.json`` has every person with keypoints but no masks, ``people_masks.json`` masks of
some of the same people under other annotation ids. The result, one file in COCO's format, has
each person with keypoints once, with the mask where there is one:

    python tools/datasets/coco_people_480.py
"""

import argparse
from collections import defaultdict
from pathlib import Path

from mmpose.datasets.annotation_files import read_coco_file
from mmpose.errors import run_command
from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT

SOURCE = PROJECT_ROOT / "datasets" / "coco_val2017_people_480"
TARGET = PROJECT_ROOT / "datasets" / "coco_people_480_train.json"


def bbox_iou(one: list[float], other: list[float]) -> float:
    """Intersection over union of two boxes xywh."""
    sides = [
        min(one[i] + one[i + 2], other[i] + other[i + 2]) - max(one[i], other[i]) for i in range(2)
    ]
    overlap = max(sides[0], 0) * max(sides[1], 0)
    return overlap / (one[2] * one[3] + other[2] * other[3] - overlap)


def find_twin(person: dict, candidates: list[dict]) -> dict | None:
    """The same person (keypoints equal, boxes overlapping) among people of the same image."""
    for candidate in candidates:
        is_same_pose = candidate.get("keypoints") == person["keypoints"]
        if is_same_pose and bbox_iou(candidate["bbox"], person["bbox"]) > 0.9:
            return candidate
    return None


def join_annotations(poses: dict, masks: dict) -> dict:
    """People of both files, each once.

    Args:
        poses: COCO content without masks.
        masks: COCO content with masks; its ids are kept, those of people that only ``poses``
            has are shifted beyond them.

    Returns:
        COCO content; ``segmentation`` only where known.
    """
    with_masks = defaultdict(list)
    for person in masks["annotations"]:
        with_masks[person["image_id"]].append(person)
    first_id = 1 + max(person["id"] for person in masks["annotations"])
    people, used = [], set()
    for person in poses["annotations"]:
        twin = find_twin(person, with_masks[person["image_id"]])
        if twin is None:
            people.append({**person, "id": first_id + person["id"]})
        elif twin["id"] not in used:
            used.add(twin["id"])
            people.append(twin)
    rest = [person for person in masks["annotations"] if person["id"] not in used]
    people += [person for person in rest if person.get("num_keypoints") and not person["iscrowd"]]
    images = {image["id"]: image for image in poses["images"] + masks["images"]}
    used_images = {person["image_id"] for person in people}
    return {
        "info": {"description": "people of coco_val2017_people_480 with keypoints, for training"},
        "images": [image for key, image in sorted(images.items()) if key in used_images],
        "annotations": people,
        "categories": poses["categories"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, default=SOURCE, help="folder of the two files")
    parser.add_argument("--out", type=Path, default=TARGET, help="file to write")
    args = parser.parse_args()
    poses = read_coco_file(args.source / "people_poses.json")
    masks = read_coco_file(args.source / "people_masks.json")
    joined = join_annotations(poses, masks)
    write_json(args.out, joined)
    num_masks = sum(1 for person in joined["annotations"] if person.get("segmentation"))
    print(
        f"{args.out}: {len(joined['annotations'])} people in {len(joined['images'])} images, "
        f"{num_masks} with a mask"
    )


if __name__ == "__main__":
    run_command(main)
